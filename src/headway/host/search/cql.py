"""CQL: a query's text -> a condition on the wiki's content, with bound parameters alone.

A stated subset.  The syntax is JQL's, and read by the same parser; the fields,
what each can be compared with, and the functions are the tables here.  What is
not in them is an error that names it ("Advanced searching using CQL").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa

from headway.host.search.jql import Clause, Junction, Negation, Node, Operand, QueryError, parse
from headway.host.world.marks import labels
from headway.host.world.rows import Order, Where
from headway.host.world.spaces import spaces
from headway.host.world.wiki import ContentKind, Status, contents, revisions

__all__ = ["FIELDS", "Asker", "Found", "QueryError", "compile_query"]

VALUES_MAX = 400
"""Values in a query: what becomes of them stays below the depth that SQLite allows."""

WORDS_MAX = 30  # of one text
EQUALITY = frozenset({"=", "!=", "in", "not in"})
ORDERED = EQUALITY | {"<", "<=", ">", ">="}
LIKE = frozenset({"~", "!~"})
_DATE = re.compile(r"(\d{4})[-/](\d{2})[-/](\d{2})(?: (\d{2}):(\d{2}))?")
_SHIFT = re.compile(r"([+-]?)(\d{1,4})(y|M|w|d|h|m)?")
_UNITS = {"y": 365 * 86_400, "M": 30 * 86_400, "w": 604_800, "d": 86_400, "h": 3_600, "m": 60}


class Found(NamedTuple):
    """What a query asks for: a condition on ``contents``, and an order."""

    where: Where
    order: Sequence[Order]


class Asker(NamedTuple):
    """Who asks, and when; *now* is in real seconds since 1970."""

    account_id: str | None
    now: float


class Field(NamedTuple):
    """One field: its *operators*, and the condition that one value of it makes."""

    operators: frozenset[str]
    condition: Callable[[str, str], Where]
    """Of an operator (``=``, ``<``, ``~``, ...) and a value."""

    order: Order | None = None
    is_date: bool = False


def compile_query(text: str, asker: Asker) -> Found:
    """Read a query; raises QueryError.

    >>> found = compile_query('space = DEMO and title ~ "way*"', Asker(None, 0.0))
    >>> "DEMO" in str(found.where)
    False
    """
    try:
        query = parse(text)
    except QueryError as error:
        reason = str(error).removeprefix("Error in the JQL Query: ")
        raise QueryError(f"Could not parse cql : {reason}") from None
    where = contents.c.status == Status.CURRENT
    if query.where is not None:
        if _count(query.where) > VALUES_MAX:
            raise QueryError(f"Could not parse cql : there are more than {VALUES_MAX} values")
        where = sa.and_(where, _condition(query.where, asker))
    order: list[Order] = []
    for part in query.order:
        field = _field(part.field)
        if field.order is None:
            raise QueryError(f"Could not parse cql : there is no order by {part.field}")
        order.append(field.order.desc() if part.descending else field.order)
    return Found(where, [*order, contents.c.id])


def _count(node: Node) -> int:
    if isinstance(node, Clause):
        return len(node.operands)
    return _count(node.of) if isinstance(node, Negation) else sum(map(_count, node.of))


def _condition(node: Node, asker: Asker) -> Where:
    if isinstance(node, Negation):
        return sa.not_(_condition(node.of, asker))
    if isinstance(node, Junction):
        parts = [_condition(part, asker) for part in node.of]
        return sa.and_(*parts) if node.every else sa.or_(*parts)
    return _clause(node, asker)


def _clause(clause: Clause, asker: Asker) -> Where:
    field, operator = _field(clause.field), clause.operator
    if operator not in field.operators:
        allowed = ", ".join(sorted(field.operators))
        raise QueryError(
            f"Could not parse cql : {clause.field} takes {allowed}, and not {operator}"
        )
    values = [value for operand in clause.operands for value in _values(operand, field, asker)]
    plain = {"in": "=", "not in": "=", "!=": "=", "!~": "~"}.get(operator, operator)
    found = sa.or_(sa.false(), *(field.condition(plain, value) for value in values))
    return sa.not_(found) if operator in ("!=", "not in", "!~") else found


def _field(name: str) -> Field:
    field = FIELDS.get(name.lower())
    if field is None:
        raise QueryError(f"Could not parse cql : there is no field {name[:50]} on this site")
    return field


# ---- values ---------------------------------------------------------------------------------


def _values(operand: Operand, field: Field, asker: Asker) -> list[str]:
    if operand.empty:
        raise QueryError("Could not parse cql : there is no empty value in CQL")
    if operand.arguments is None:
        return [str(_seconds(operand.text)) if field.is_date else operand.text]
    name = operand.text.lower()
    if name == "currentuser" and not operand.arguments and not field.is_date:
        return [asker.account_id or ""]
    if name in _PERIODS and field.is_date and len(operand.arguments) <= 1:
        begin = _PERIODS[name](datetime.fromtimestamp(asker.now, UTC))
        return [str(int(begin.timestamp()) + _shift("".join(operand.arguments), _UNIT[name]))]
    raise QueryError(f"Could not parse cql : {operand.text[:50]}() can not stand here")


def _midnight(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


_PERIODS: Mapping[str, Callable[[datetime], datetime]] = {
    "now": lambda now: now,
    "startofday": _midnight,
    "startofweek": lambda now: _midnight(now) - timedelta(days=(now.weekday() + 1) % 7),
    "startofmonth": lambda now: _midnight(now).replace(day=1),
    "startofyear": lambda now: _midnight(now).replace(month=1, day=1),
    "endofday": lambda now: _midnight(now) + timedelta(days=1, seconds=-1),
}
_UNIT = {
    "now": "d",
    "startofday": "d",
    "endofday": "d",
    "startofweek": "w",
    "startofmonth": "M",
    "startofyear": "y",
}


def _shift(text: str, usual: str) -> int:
    """``-4w`` in seconds; a number alone counts in the function's own unit."""
    if not text:
        return 0
    found = _SHIFT.fullmatch(text.strip("\"'"))
    if found is None:
        raise QueryError(f"Could not parse cql : {text[:20]} is no span of time, such as -4w")
    span = int(found[2]) * _UNITS[found[3] or usual]
    return -span if found[1] == "-" else span


def _seconds(text: str) -> int:
    found = _DATE.fullmatch(text)
    try:
        numbers = [int(part or 0) for part in found.groups()] if found else []
        year, month, day, hour, minute = numbers
        return int(datetime(year, month, day, hour, minute, tzinfo=UTC).timestamp())
    except ValueError:
        raise QueryError(
            f"Could not parse cql : {text[:20]!r} is no date, such as 2022-02-01"
        ) from None


# ---- fields ---------------------------------------------------------------------------------


def _is(column: sa.ColumnElement[str]) -> Callable[[str, str], Where]:
    return lambda _, value: column == value


def _compared(column: sa.ColumnElement[int]) -> Callable[[str, str], Where]:
    """A date: an equal one is of the same day."""

    def condition(operator: str, value: str) -> Where:
        begin = int(value)
        if operator == "=":
            return sa.and_(column >= begin, column < begin + 86_400)
        return column.op(operator)(begin) if operator != ">" else column > begin

    return condition


def _contains(column: sa.ColumnElement[str]) -> Callable[[str, str], Where]:
    """Every word of the value is in the text; one in quotes within it as a whole."""

    def condition(_: str, value: str) -> Where:
        words = re.findall(r'"[^"]*"|[^\s"]+', value.casefold())
        if len(words) > WORDS_MAX:
            raise QueryError(f"Could not parse cql : there are more than {WORDS_MAX} words")
        wanted = [word.strip('"').rstrip("*") for word in words]
        return sa.and_(sa.true(), *(column.contains(word, autoescape=True) for word in wanted))

    return condition


def _titled(operator: str, value: str) -> Where:
    if operator == "=":
        return contents.c.title == value
    ends = sa.func.instr(contents.c.words + "\n", "\n")  # the title is the first line
    return _contains(sa.func.substr(contents.c.words, 1, ends - 1))(operator, value)


def _content_is(column: sa.ColumnElement[int | None]) -> Callable[[str, str], Where]:
    def condition(_: str, value: str) -> Where:
        digits = value.removeprefix("att")
        return column == (int(digits) if digits.isascii() and digits.isdigit() else -1)

    return condition


def _in_space(column: sa.Column[str]) -> Callable[[str, str], Where]:
    def condition(operator: str, value: str) -> Where:
        is_it = column == value
        if operator == "~":
            is_it = _contains(sa.func.lower(column))(operator, value)
        return contents.c.space_id.in_(sa.select(spaces.c.id).where(is_it))

    return condition


def _labelled(_: str, value: str) -> Where:
    named = labels.c.name == value.lower()
    return contents.c.id.in_(sa.select(labels.c.content_id).where(named))


def _below(_: str, value: str) -> Where:
    above = int(value) if value.isascii() and value.isdigit() and len(value) < 19 else -1
    tree = sa.select(contents.c.id).where(contents.c.parent_id == above)
    found = tree.cte("below", recursive=True)
    child = contents.alias()
    found = found.union(sa.select(child.c.id).where(child.c.parent_id == found.c.id))
    return contents.c.id.in_(sa.select(found.c.id))


def _by_contributor(_: str, value: str) -> Where:
    edited = sa.select(revisions.c.content_id).where(revisions.c.editor == value)
    return contents.c.id.in_(edited)


def _of_kind(_: str, value: str) -> Where:
    if value not in set(ContentKind):
        kinds = ", ".join(ContentKind)
        raise QueryError(f"Could not parse cql : type is one of {kinds}, not {value[:20]}")
    return contents.c.kind == value


_WORDS = Field(LIKE, _contains(contents.c.words))
_SPACE = Field(EQUALITY, _in_space(spaces.c.key))
_CREATED = Field(ORDERED, _compared(contents.c.created), contents.c.created, is_date=True)
_CHANGED = Field(ORDERED, _compared(contents.c.updated), contents.c.updated, is_date=True)

FIELDS: Mapping[str, Field] = {
    "id": Field(EQUALITY, _content_is(contents.c.id), contents.c.id),
    "content": Field(EQUALITY, _content_is(contents.c.id)),
    "type": Field(EQUALITY, _of_kind, contents.c.kind),
    "title": Field(EQUALITY | LIKE, _titled, contents.c.title),
    "text": _WORDS,
    "sitesearch": _WORDS,
    "space": _SPACE,
    "space.key": _SPACE,
    "space.title": Field(EQUALITY | LIKE, _in_space(spaces.c.name)),
    "label": Field(EQUALITY, _labelled),
    "parent": Field(EQUALITY, _content_is(contents.c.parent_id)),
    "ancestor": Field(EQUALITY, _below),
    "container": Field(EQUALITY, _content_is(contents.c.container_id)),
    "creator": Field(EQUALITY, _is(contents.c.author)),
    "contributor": Field(EQUALITY, _by_contributor),
    "created": _CREATED,
    "lastmodified": _CHANGED,
}
"""What a query may name; what is in the bin is not searched."""
