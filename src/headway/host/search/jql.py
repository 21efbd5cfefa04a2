"""JQL: a query's text -> what it asks for, before anything is looked up.

A stated subset of the language: comparisons joined by AND, OR and NOT, functions
as values, ORDER BY.  Searches of the history (WAS, CHANGED) are not part of it;
what is not understood is an error that names the place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Any, TypeAlias

import lark
import msgspec

__all__ = [
    "Clause",
    "Junction",
    "Negation",
    "Node",
    "Operand",
    "Order",
    "Query",
    "QueryError",
    "parse",
]

TEXT_MAX = 10_000  # characters of a query
DEPTH_MAX = 40  # parentheses within each other
CLAUSES_MAX = 300
OPERANDS_MAX = 1000  # of one IN

HISTORY = frozenset({"was", "changed"})

GRAMMAR = r"""
start: [_condition] [_order]

_condition: disjunction
disjunction: conjunction (_OR conjunction)*
conjunction: _term (_AND _term)*
_term: negation | "(" disjunction ")" | clause
negation: _NOT _term

clause: field _operation
_operation: COMPARISON operand
    | (IN | NOT_IN) (_list | call)
    | IS empty
    | IS_NOT empty
_list: "(" operand ("," operand)* ")"
field: WORD | STRING | INDEXED
operand: WORD -> value
    | STRING -> value
    | EMPTY -> nothing
    | call
call: WORD "(" [argument ("," argument)*] ")"
empty: EMPTY -> nothing
argument: WORD | STRING

_order: _ORDER_BY ordering ("," ordering)*
ordering: field [DIRECTION]

_AND.3: /and(?![\w.-])|&&?/i
_OR.3: /or(?![\w.-])|\|\|?/i
_ORDER_BY.4: /order\s+by(?![\w.-])/i
NOT_IN.4: /not\s+in(?![\w.-])/i
IS_NOT.4: /is\s+not(?![\w.-])/i
_NOT.3: /not(?![\w.-])|!(?![=~])/i
IN.3: /in(?![\w.-])/i
IS.3: /is(?![\w.-])/i
EMPTY.3: /(empty|null)(?![\w.-])/i
DIRECTION.3: /(asc|desc)(?![\w.-])/i
COMPARISON: "!=" | "<=" | ">=" | "!~" | "=" | "<" | ">" | "~"
INDEXED.2: /cf\[\d{1,9}\]|[A-Za-z]+\.property\[[^\]\x00-\x1f]{1,255}\](\.[\w-]+)*/i
STRING: /"(\\.|[^"\\])*"|'(\\.|[^'\\])*'/s
WORD: /[^\s"'()=!<>~,&|\[\]{}*\/%^$#@?;+\\`\x00-\x1f]+/

%import common.WS
%ignore WS
"""


class QueryError(ValueError):
    """The query can not be answered; the text is for people and repeats what was wrong in it."""


class Operand(msgspec.Struct, frozen=True):
    """What a field is compared with: a text, a function of texts, or nothing (``EMPTY``)."""

    text: str = ""
    arguments: tuple[str, ...] | None = None
    empty: bool = False

    @property
    def is_function(self) -> bool:
        """Whether ``text`` is the name of a function."""
        return self.arguments is not None


class Clause(msgspec.Struct, frozen=True):
    """One comparison; *operator* is one of ``= != < <= > >= ~ !~ in``, or with ``not`` before.

    ``is`` and ``is not`` are written as ``=`` and ``!=`` with nothing.
    """

    field: str
    operator: str
    operands: tuple[Operand, ...]


class Negation(msgspec.Struct, frozen=True):
    """NOT."""

    of: Node


class Junction(msgspec.Struct, frozen=True):
    """AND (``every``) or OR of several."""

    every: bool
    of: tuple[Node, ...]


Node: TypeAlias = Clause | Negation | Junction


class Order(msgspec.Struct, frozen=True):
    """One field of ORDER BY; *descending* is None where the query does not say."""

    field: str
    descending: bool | None = None


class Query(msgspec.Struct, frozen=True):
    """A whole query; ``where`` is None where it restricts nothing."""

    where: Node | None = None
    order: tuple[Order, ...] = ()


def parse(text: str) -> Query:
    """Read a query; raises QueryError.

    >>> query = parse("project = DEMO AND assignee in (currentUser(), EMPTY) ORDER BY created")
    >>> query.where.of[1].operands[0].is_function, query.order[0].field
    (True, 'created')
    """
    if len(text) > TEXT_MAX:
        raise QueryError(f"Error in the JQL Query: it has more than {TEXT_MAX} characters.")
    parser = _parser()
    try:
        tokens = parser.parse_interactive(text)
        depth = 0
        for token in tokens.iter_parse():
            depth += {"LPAR": 1, "RPAR": -1}.get(token.type, 0)
            if depth > DEPTH_MAX:
                raise QueryError(
                    f"Error in the JQL Query: more than {DEPTH_MAX} parentheses within each other."
                )
        parsed: Query = tokens.feed_eof()  # type: ignore[no-untyped-call]
    except lark.UnexpectedInput as error:
        raise QueryError(_complaint(error, text)) from None
    return parsed


class _Reader(lark.Transformer[Any, Query]):
    """Builds the query while the text is read, so that no depth of it is ever climbed again."""

    def start(self, found: list[Any]) -> Query:
        nodes = [part for part in found if isinstance(part, Clause | Negation | Junction)]
        order = tuple(part for part in found if isinstance(part, Order))
        where = nodes[0] if nodes else None
        if where is not None and _count(where) > CLAUSES_MAX:
            raise QueryError(f"Error in the JQL Query: more than {CLAUSES_MAX} clauses.")
        return Query(where, order)

    def disjunction(self, found: list[Any]) -> Node:
        return _joined(found, every=False)

    def conjunction(self, found: list[Any]) -> Node:
        return _joined(found, every=True)

    def negation(self, found: list[Any]) -> Node:
        within = found[0]
        return within.of if isinstance(within, Negation) else Negation(within)

    def clause(self, found: list[Any]) -> Clause:
        field, operator, *operands = found
        if len(operands) > OPERANDS_MAX:
            raise QueryError(f"Error in the JQL Query: more than {OPERANDS_MAX} values in a list.")
        written = " ".join(str(operator).lower().split())
        operator = {"is": "=", "is not": "!="}.get(written, written)
        return Clause(field, operator, tuple(operands))

    def field(self, found: list[Any]) -> str:
        return _unquoted(found[0])

    argument = field

    def value(self, found: list[Any]) -> Operand:
        return Operand(_unquoted(found[0]))

    def nothing(self, _: list[Any]) -> Operand:
        return Operand(empty=True)

    def operand(self, found: list[Any]) -> Operand:
        call: Operand = found[0]
        return call

    def call(self, found: list[Any]) -> Operand:
        name, *arguments = found
        given = tuple(str(argument) for argument in arguments if argument is not None)
        return Operand(str(name), given)

    def ordering(self, found: list[Any]) -> Order:
        name, direction = found
        return Order(name, None if direction is None else str(direction).lower() == "desc")


@cache
def _parser() -> lark.Lark:
    return lark.Lark(GRAMMAR, parser="lalr", transformer=_Reader(), maybe_placeholders=True)


def _joined(found: Iterable[Any], *, every: bool) -> Node:
    nodes = tuple(found)
    return nodes[0] if len(nodes) == 1 else Junction(every, nodes)


def _count(node: Node) -> int:
    if isinstance(node, Clause):
        return 1
    return _count(node.of) if isinstance(node, Negation) else sum(map(_count, node.of))


_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_SURROGATE = re.compile(r"[\ud800-\udfff]")  # which no database keeps
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r"}


def _unquoted(token: lark.Token) -> str:
    text = str(token)
    if text[0] not in "\"'":
        return text

    def replaced(match: re.Match[str]) -> str:
        code = match[1]
        return chr(int(code[1:], 16)) if len(code) == 5 else _ESCAPED.get(code, code)

    plain = _ESCAPE.sub(replaced, text[1:-1])
    if _SURROGATE.search(plain):
        raise QueryError("Error in the JQL Query: an escape is half a character.")
    return plain


def _complaint(error: lark.UnexpectedInput, text: str) -> str:
    """What is wrong, and where, in one line."""
    prefix = "Error in the JQL Query: "
    token = getattr(error, "token", None)
    if isinstance(error, lark.UnexpectedEOF) or (token is not None and token.type == "$END"):
        return f"{prefix}the query ends too early (line {_line(text)})."
    place = f"(line {error.line}, character {error.column})"
    if token is not None and str(token).lower() in HISTORY:
        return f"{prefix}this site does not search the history: {str(token).upper()} {place}."
    found = error.char if isinstance(error, lark.UnexpectedCharacters) else str(token)
    return f"{prefix}'{found[:40]}' is not expected here {place}."


def _line(text: str) -> int:
    return text.count("\n") + 1
