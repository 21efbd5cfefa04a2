"""The fields that a query may name, and the SQL that a comparison with one becomes.

A row of the table says what a field is; each kind of field knows its operators.
Every value of a query is a bound parameter, every column comes from the table.
As in the host, ``!=``, ``not in`` and ``!~`` leave out what is empty.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from headway.host.database import Database
from headway.host.search.dates import FUNCTIONS, moment, seconds
from headway.host.search.jql import Clause, Operand, QueryError
from headway.host.search.words import FUNCTION
from headway.host.world import CustomField, IssueLink, Project, User, World
from headway.host.world.catalog import (
    CATEGORIES,
    ISSUE_TYPES,
    LINK_TYPES,
    PRIORITIES,
    RESOLUTIONS,
    STATUSES,
)
from headway.host.world.components import components, versions
from headway.host.world.links import votes, watchers
from headway.host.world.properties import properties
from headway.host.world.tracker import comments, issues

__all__ = ["FIELDS", "Condition", "Context", "Field", "field_named"]

Condition = sa.ColumnElement[bool]

EQUALITY = frozenset({"=", "!=", "in", "not in"})
COMPARING = EQUALITY | {"<", "<=", ">", ">="}
MATCHING = frozenset({"~", "!~"})
EMPTINESS = frozenset({"=", "!="})
_NEGATIVE = frozenset({"!=", "not in", "!~"})


class Context(NamedTuple):
    """Who asks, when (seconds since 1970), and what they may see.

    *asker* is an account id, or None for nobody.
    """

    world: World
    database: Database
    now: float
    asker: str | None
    projects: Sequence[Project]
    hidden: Callable[[], Collection[int]] = tuple
    """The comments that they may not see, by their ids."""


class Field(NamedTuple):
    """A field: its name in messages, its operators, its SQL, and what orders by it."""

    name: str
    operators: frozenset[str]
    compare: Callable[[Field, Clause, Context], Condition]
    order: tuple[sa.ColumnElement[Any], ...] = ()

    def condition(self, clause: Clause, context: Context) -> Condition:
        """What *clause* asks of an issue; raises QueryError."""
        only_empty = all(operand.empty for operand in clause.operands)
        if only_empty:
            operator = {"in": "=", "not in": "!="}.get(clause.operator, clause.operator)
            clause = Clause(clause.field, operator, clause.operands)
        if clause.operator not in (EMPTINESS if only_empty else self.operators):
            raise QueryError(
                f"The operator '{clause.operator}' is not supported by the '{self.name}' field."
            )
        return self.compare(self, clause, context)


# ---- what several kinds share ---------------------------------------------------------------


def _no_value(field: Field, operand: Operand) -> QueryError:
    if operand.is_function:
        return QueryError(f"Unable to find JQL function '{operand.text[:40]}()'.")
    return QueryError(
        f"The value '{operand.text[:80]}' does not exist for the field '{field.name}'."
    )


def _among(
    clause: Clause, values: Collection[Any], filled: Condition, has: Callable[[Any], Condition]
) -> Condition:
    """``=``, ``!=``, ``in``, ``not in``: *filled* says that there is a value, *has* which."""
    empty = any(operand.empty for operand in clause.operands)
    found = has(list(values)) if values else sa.false()
    if clause.operator in _NEGATIVE:
        return sa.and_(filled, sa.not_(found))
    return sa.or_(found, sa.not_(filled)) if empty else found


def _column(clause: Clause, values: Collection[Any], column: sa.ColumnElement[Any]) -> Condition:
    return _among(clause, values, column.is_not(None), column.in_)


def _values(clause: Clause) -> list[Operand]:
    return [operand for operand in clause.operands if not operand.empty]


# ---- names of a catalog ---------------------------------------------------------------------


def _named(
    rows: Sequence[Any], column: sa.ColumnElement[Any], nothing: str = ""
) -> Callable[[Field, Clause, Context], Condition]:
    """A column that holds the name of a row; a query may say its id too, or *nothing*."""
    names = {row.name.lower(): row.name for row in rows} | {str(row.id): row.name for row in rows}

    def compare(field: Field, clause: Clause, context: Context) -> Condition:
        operands = tuple(
            Operand(empty=True) if nothing and operand.text.lower() == nothing else operand
            for operand in clause.operands
        )
        clause = Clause(clause.field, clause.operator, operands)
        values = []
        for operand in _values(clause):
            if operand.is_function or operand.text.lower() not in names:
                raise _no_value(field, operand)
            values.append(names[operand.text.lower()])
        return _column(clause, values, column)

    return compare


def _category(field: Field, clause: Clause, context: Context) -> Condition:
    keys = {str(c.id): c.key for c in CATEGORIES} | {c.key: c.key for c in CATEGORIES}
    keys |= {c.name.lower(): c.key for c in CATEGORIES}
    wanted = set()
    for operand in _values(clause):
        if operand.is_function or operand.text.lower() not in keys:
            raise _no_value(field, operand)
        wanted.add(keys[operand.text.lower()])
    names = [status.name for status in STATUSES if status.category in wanted]
    return _column(clause, names, issues.c.status)


def _project(field: Field, clause: Clause, context: Context) -> Condition:
    keys: dict[str, str] = {}
    for project in context.projects:
        keys |= dict.fromkeys((project.name.lower(), str(project.id)), project.key)
    keys |= {project.key.lower(): project.key for project in context.projects}
    values = []
    for operand in _values(clause):
        if operand.is_function or operand.text.lower() not in keys:
            raise _no_value(field, operand)
        values.append(keys[operand.text.lower()])
    return _column(clause, values, issues.c.project_key)


# ---- people ---------------------------------------------------------------------------------


def _people(field: Field, clause: Clause, context: Context) -> list[str]:
    """The account ids that a clause names."""
    found: list[str] = []
    for operand in _values(clause):
        if operand.is_function:
            found += _people_of_function(field, operand, context)
        else:
            found += _people_named(field, operand, context)
    return found


def _people_of_function(field: Field, operand: Operand, context: Context) -> list[str]:
    name, arguments = operand.text.lower(), operand.arguments or ()
    if name == "currentuser" and not arguments:
        return [context.asker] if context.asker else []
    if name == "membersof" and len(arguments) == 1:
        group = context.world.people.group(arguments[0])
        if group is None:
            raise QueryError(f"Function 'membersOf' can not find the group '{arguments[0][:80]}'.")
        return [user.account_id for user in context.world.people.members(group.name)]
    raise _no_value(field, operand)


def _people_named(field: Field, operand: Operand, context: Context) -> list[str]:
    text = operand.text
    user = context.world.people.user(text)
    if user is not None:
        return [user.account_id]
    matching = [u.account_id for u in context.world.people.users() if _is_called(u, text.lower())]
    if not matching:
        raise _no_value(field, operand)
    return matching


def _is_called(user: User, text: str) -> bool:
    return text in (user.display_name.lower(), user.email.lower())


def _person(column: sa.ColumnElement[Any]) -> Callable[[Field, Clause, Context], Condition]:
    def compare(field: Field, clause: Clause, context: Context) -> Condition:
        return _column(clause, _people(field, clause, context), column)

    return compare


def _followers(table: sa.Table) -> Callable[[Field, Clause, Context], Condition]:
    of_issue = sa.select(sa.literal(1)).where(table.c.issue_id == issues.c.id)

    def compare(field: Field, clause: Clause, context: Context) -> Condition:
        accounts = _people(field, clause, context)

        def has(values: list[str]) -> Condition:
            return of_issue.where(table.c.account_id.in_(values)).exists()

        return _among(clause, accounts, of_issue.exists(), has)

    return compare


# ---- texts ----------------------------------------------------------------------------------


def _has_words(column: sa.ColumnElement[Any], wanted: str) -> Condition:
    return sa.func.__getattr__(FUNCTION)(column, wanted) == 1


def _texts(*columns: sa.Column[Any], spoken: bool = False) -> Callable[..., Condition]:
    """Columns of the issue, and what was said about it where *spoken*."""

    def compare(field: Field, clause: Clause, context: Context) -> Condition:
        said = sa.select(sa.literal(1)).where(comments.c.issue_id == issues.c.id)
        if spoken and (hidden := context.hidden()):
            said = said.where(comments.c.id.not_in(list(hidden)))
        filled = [column != "" for column in columns] + ([said.exists()] if spoken else [])
        if clause.operator in EMPTINESS:
            return sa.or_(*filled) if clause.operator == "!=" else sa.not_(sa.or_(*filled))
        operand = clause.operands[0]
        if operand.is_function:
            raise _no_value(field, operand)
        found = [_has_words(column, operand.text) for column in columns]
        if spoken:
            found.append(said.where(_has_words(comments.c.body, operand.text)).exists())
        if clause.operator == "!~":
            return sa.and_(sa.or_(*filled), sa.not_(sa.or_(*found)))
        return sa.or_(*found)

    return compare


# ---- moments, days, numbers -----------------------------------------------------------------


def _compared(clause: Clause, column: sa.ColumnElement[Any], values: list[Any]) -> Condition:
    if clause.operator in EQUALITY:
        return _column(clause, values, column)
    operation = {
        "<": column.__lt__,
        "<=": column.__le__,
        ">": column.__gt__,
        ">=": column.__ge__,
    }[clause.operator]
    found: Condition = operation(values[0])
    return found


def _moments(column: sa.ColumnElement[Any]) -> Callable[[Field, Clause, Context], Condition]:
    def compare(field: Field, clause: Clause, context: Context) -> Condition:
        return _compared(clause, column, [_moment(field, o, context) for o in _values(clause)])

    return compare


def _moment(field: Field, operand: Operand, context: Context) -> int:
    if operand.is_function and operand.text.lower() not in FUNCTIONS:
        raise _no_value(field, operand)
    return moment(operand, field.name, context.now)


def _days(column: sa.ColumnElement[Any]) -> Callable[[Field, Clause, Context], Condition]:
    """A column of days as text, which order as their dates do."""

    def compare(field: Field, clause: Clause, context: Context) -> Condition:
        moments = [_moment(field, operand, context) for operand in _values(clause)]
        days = [datetime.fromtimestamp(at, UTC).date().isoformat() for at in moments]
        return _compared(clause, column, days)

    return compare


def _number(field: Field, operand: Operand) -> float:
    try:
        return float(operand.text) if not operand.is_function else 0 / 0
    except (ValueError, ZeroDivisionError):
        raise QueryError(
            f"The value '{operand.text[:80]}' for the field '{field.name}' is not a number."
        ) from None


def _durations(column: sa.ColumnElement[Any]) -> Callable[[Field, Clause, Context], Condition]:
    def compare(field: Field, clause: Clause, context: Context) -> Condition:
        values = []
        for operand in _values(clause):
            period = None if operand.is_function else seconds(operand.text)
            values.append(_number(field, operand) * 60 if period is None else period)
        return _compared(clause, column, values)

    return compare


def _count(table: sa.Table) -> sa.ColumnElement[Any]:
    counted = sa.select(sa.func.count()).where(table.c.issue_id == issues.c.id)
    return counted.scalar_subquery()


def _numbers(column: sa.ColumnElement[Any]) -> Callable[[Field, Clause, Context], Condition]:
    def compare(field: Field, clause: Clause, context: Context) -> Condition:
        return _compared(clause, column, [_number(field, operand) for operand in _values(clause)])

    return compare


# ---- lists ----------------------------------------------------------------------------------


def _members(column: sa.Column[Any]) -> Any:
    return sa.func.json_each(sa.func.coalesce(column, "[]")).table_valued("value")


def _listed(column: sa.Column[Any], values: Collection[Any], clause: Clause) -> Condition:
    member = _members(column)
    any_of = sa.select(sa.literal(1)).select_from(member)

    def has(wanted: list[Any]) -> Condition:
        return any_of.where(member.c.value.in_(wanted)).exists()

    return _among(clause, values, any_of.exists(), has)


def _labels(field: Field, clause: Clause, context: Context) -> Condition:
    for operand in _values(clause):
        if operand.is_function:
            raise _no_value(field, operand)
    return _listed(issues.c.labels, [operand.text for operand in _values(clause)], clause)


def _parts(column: sa.Column[Any], table: sa.Table) -> Callable[..., Condition]:
    """A column with a list of ids of components or versions, which a query names."""

    def compare(field: Field, clause: Clause, context: Context) -> Condition:
        keys = [project.id for project in context.projects]
        query = sa.select(table.c.id, table.c.name).where(table.c.project_id.in_(keys))
        with context.database.reading() as connection:
            rows = connection.execute(query).all()
        ids: list[int] = []
        for operand in _values(clause):
            text = operand.text.lower()
            found = [id_ for id_, name in rows if text in (name.lower(), str(id_))]
            if operand.is_function or not found:
                raise _no_value(field, operand)
            ids += found
        return _listed(column, ids, clause)

    return compare


# ---- issues themselves ----------------------------------------------------------------------


def _issue_ids(field: Field, clause: Clause, context: Context) -> list[int]:
    ids: list[int] = []
    for operand in _values(clause):
        if operand.is_function:
            ids += _linked(field, operand, context)
            continue
        issue = context.world.tracker.issue(operand.text.upper())
        if issue is None or issue.project_key not in {p.key for p in context.projects}:
            raise QueryError(
                f"An issue with key '{operand.text[:80]}' does not exist for field '{field.name}'."
            )
        ids.append(issue.id)
    return ids


def _linked(field: Field, operand: Operand, context: Context) -> list[int]:
    arguments = operand.arguments or ()
    if operand.text.lower() != "linkedissues" or not 1 <= len(arguments) <= 2:
        raise _no_value(field, operand)
    (start,) = _issue_ids(field, Clause("", "=", (Operand(arguments[0]),)), context)
    found = context.world.links.of(start)
    if len(arguments) == 2:
        found = [link for link in found if _says(link, start) == arguments[1].lower()]
    return [link.target if link.source == start else link.source for link in found]


def _says(link: IssueLink, start: int) -> str:
    """What a link says, read from *start*: "blocks", or from the other end "is blocked by"."""
    kind = next(kind for kind in LINK_TYPES if kind.name == link.type)
    return kind.outward if link.source == start else kind.inward


def _keys(field: Field, clause: Clause, context: Context) -> Condition:
    ids = _issue_ids(field, clause, context)
    if clause.operator in EQUALITY:
        return _column(clause, ids, issues.c.id)
    issue = context.world.tracker.issue(ids[0])
    project = issue.project_key if issue else ""
    return sa.and_(issues.c.project_key == project, _compared(clause, issues.c.id, ids))


def _parent(field: Field, clause: Clause, context: Context) -> Condition:
    return _column(clause, _issue_ids(field, clause, context), issues.c.parent_id)


# ---- properties and custom fields -----------------------------------------------------------

_PROPERTY = re.compile(r"issue\.property\[([^\]]+)\]((?:\.[\w-]+)*)", re.IGNORECASE)
_CUSTOM = re.compile(r"cf\[(\d+)\]|customfield_(\d+)", re.IGNORECASE)


def _plain(value: sa.ColumnElement[Any], field: Field, clause: Clause) -> Condition:
    """A value out of JSON against what the query says: as a number where both are numbers."""
    if clause.operator in MATCHING:
        found = _has_words(value, clause.operands[0].text)
        return sa.and_(value.is_not(None), sa.not_(found)) if clause.operator == "!~" else found
    if clause.operator not in EQUALITY:
        number = _number(field, clause.operands[0])
        is_number = sa.func.typeof(value).in_(("integer", "real"))
        return sa.and_(is_number, _compared(clause, value, [number]))
    values: list[Any] = []
    for operand in _values(clause):
        if operand.is_function:
            raise _no_value(field, operand)
        values.append(operand.text)
        if re.fullmatch(r"-?\d{1,15}(\.\d{1,9})?", operand.text, re.ASCII):
            values.append(float(operand.text))
        if operand.text.lower() in ("true", "false"):
            values.append(int(operand.text.lower() == "true"))
    return _column(clause, values, value)


def _property(match: re.Match[str]) -> Field:
    """``issue.property[key].path``: what apps keep with an issue (Connect: "Entity properties")."""
    key = match[1].strip("'\"")
    path = "$" + "".join(f".{json.dumps(part)}" for part in match[2].split(".")[1:])
    value = (
        sa.select(sa.func.json_extract(properties.c.value, path))
        .where(
            properties.c.holder == "issue",
            properties.c.holder_id == sa.cast(issues.c.id, sa.Text),
            properties.c.key == key,
        )
        .scalar_subquery()
    )

    def compare(field: Field, clause: Clause, context: Context) -> Condition:
        return _plain(value, field, clause)

    return Field(match[0], COMPARING | MATCHING, compare)


def _custom(custom: CustomField) -> Field:
    """A custom field: a text, a number, a day or a moment as it was written."""
    column = sa.func.json_extract(issues.c.custom, f"$.{custom.key}")

    def compare(field: Field, clause: Clause, context: Context) -> Condition:
        return _plain(column, field, clause)

    return Field(custom.name, COMPARING | MATCHING, compare, (column,))


# ---- the table ------------------------------------------------------------------------------


def _ranked(rows: Sequence[Any], column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """A column's order by the place of its row in the catalog, not by its name."""
    return sa.case({row.name: place for place, row in enumerate(rows)}, value=column)


_I = issues.c
_TABLE: Mapping[str, Field] = {
    "project": Field("project", EQUALITY, _project, (_I.project_key,)),
    "issuetype type": Field(
        "issuetype", EQUALITY, _named(ISSUE_TYPES, _I.issue_type), (_I.issue_type,)
    ),
    "status": Field(
        "status", EQUALITY, _named(STATUSES, _I.status), (_ranked(STATUSES, _I.status),)
    ),
    "statuscategory": Field("statusCategory", EQUALITY, _category),
    "priority": Field(
        "priority",
        EQUALITY,
        _named(PRIORITIES, _I.priority),
        (_ranked(PRIORITIES[::-1], _I.priority),),
    ),
    "resolution": Field(
        "resolution",
        EQUALITY,
        _named(RESOLUTIONS, _I.resolution, "unresolved"),
        (_I.resolution,),
    ),
    "assignee": Field("assignee", EQUALITY, _person(_I.assignee), (_I.assignee,)),
    "reporter": Field("reporter", EQUALITY, _person(_I.reporter), (_I.reporter,)),
    "creator": Field("creator", EQUALITY, _person(_I.creator), (_I.creator,)),
    "watcher": Field("watcher", EQUALITY, _followers(watchers)),
    "voter": Field("voter", EQUALITY, _followers(votes)),
    "watchers": Field("watchers", COMPARING, _numbers(_count(watchers)), (_count(watchers),)),
    "votes": Field("votes", COMPARING, _numbers(_count(votes)), (_count(votes),)),
    "summary": Field("summary", MATCHING, _texts(_I.summary), (_I.summary,)),
    "description": Field("description", MATCHING, _texts(_I.description), (_I.description,)),
    "environment": Field("environment", MATCHING, _texts(_I.environment), (_I.environment,)),
    "comment": Field("comment", MATCHING, _texts(spoken=True)),
    "text textfields": Field(
        "text", MATCHING, _texts(_I.summary, _I.description, _I.environment, spoken=True)
    ),
    "created createddate": Field("created", COMPARING, _moments(_I.created), (_I.created,)),
    "updated updateddate": Field("updated", COMPARING, _moments(_I.updated), (_I.updated,)),
    "resolved resolutiondate": Field("resolved", COMPARING, _moments(_I.resolved), (_I.resolved,)),
    "due duedate": Field("due", COMPARING, _days(_I.due_date), (_I.due_date,)),
    "labels": Field("labels", EQUALITY, _labels),
    "component": Field("component", EQUALITY, _parts(_I.components, components)),
    "fixversion": Field("fixVersion", EQUALITY, _parts(_I.fix_versions, versions)),
    "affectedversion": Field("affectedVersion", EQUALITY, _parts(_I.versions, versions)),
    "originalestimate timeoriginalestimate": Field(
        "originalEstimate", COMPARING, _durations(_I.original_estimate), (_I.original_estimate,)
    ),
    "remainingestimate timeestimate": Field(
        "remainingEstimate", COMPARING, _durations(_I.remaining_estimate), (_I.remaining_estimate,)
    ),
    "timespent": Field("timeSpent", COMPARING, _durations(_I.time_spent), (_I.time_spent,)),
    "key issuekey issue id": Field("issuekey", COMPARING, _keys, (_I.project_key, _I.id)),
    "parent": Field("parent", EQUALITY, _parent, (_I.parent_id,)),
}

FIELDS: Mapping[str, Field] = {
    name: field for names, field in _TABLE.items() for name in names.split()
}
"""Every field by each of its names, in lower case."""


def field_named(name: str, world: World) -> Field:
    """The field that a query names; raises QueryError where there is none.

    >>> FIELDS["issuekey"] is FIELDS["key"]
    True
    """
    known = FIELDS.get(name.lower())
    if known is not None:
        return known
    if match := _PROPERTY.fullmatch(name):
        return _property(match)
    custom = _CUSTOM.fullmatch(name)
    key = f"customfield_{custom[1] or custom[2]}" if custom else ""
    for field in world.fields.all():
        if field.key == key or field.name.lower() == name.lower():
            return _custom(field)
    raise QueryError(
        f"Field '{name[:80]}' does not exist or you do not have permission to view it."
    )
