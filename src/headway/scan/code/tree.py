"""What the rules ask of a syntax tree, in one language for all: texts, calls, pairs, owners."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ast_grep_py import SgNode

from headway.scan.code.languages import (
    ARGUMENTS,
    CONCATENATIONS,
    FUNCTIONS,
    HOLES,
    LITERALS,
    STRINGS,
)
from headway.scan.code.names import HOLE

__all__ = [
    "ancestors", "callee", "covers", "function_around", "is_dynamic", "literal", "named_children",
    "near_text", "positional", "scope_text", "statement_of", "text_of",
]  # fmt: skip

_OPERATORS = frozenset({"+", ".", "<<", "..", "++"})
_QUOTES = re.compile(r"\A(?:[A-Za-z$@]{0,3})(\"\"\"|'''|\"|'|`)(.*?)(?:\1)?\Z", re.DOTALL)


_SCOPE_MAX, _NEAR_MAX = 20_000, 1_500  # characters
_FENCES = re.compile(rf"[$#]?\{{?{HOLE}\}}?")  # what stands around a hole in some grammars


def named_children(node: SgNode) -> list[SgNode]:
    """The children of *node* that are no punctuation."""
    return [child for child in node.children() if child.is_named()]


def ancestors(node: SgNode) -> Iterator[SgNode]:
    """Its parent, that one's parent, and so on."""
    at = node.parent()
    while at is not None:
        yield at
        at = at.parent()


def literal(node: SgNode) -> str | None:
    """The value of a string in which nothing is put in; None for anything else."""
    kind = node.kind()
    if kind in ("hash_key_symbol", "property_identifier", "string_content", "string_fragment"):
        return node.text()
    if kind in ("simple_symbol", "symbol"):
        return node.text().lstrip(":")
    if kind not in STRINGS:
        return None
    text = text_of(node, {})
    return None if HOLE in text else text


def text_of(node: SgNode, constants: Mapping[str, str]) -> str:
    """What *node* is as a text, with a hole where something is put in.

    Strings, interpolated ones, and what is joined by an operator; a name in *constants* is
    its value.
    """
    kind = node.kind()
    if kind in STRINGS:
        return _string(node, constants)
    if kind == "parenthesized_expression":
        inner = named_children(node)
        return text_of(inner[0], constants) if len(inner) == 1 else HOLE
    if kind in CONCATENATIONS:
        children = node.children()
        if len(children) == 3 and children[1].text() in _OPERATORS:
            return text_of(children[0], constants) + text_of(children[2], constants)
        return HOLE
    return constants.get(_last_name(node.text()), HOLE)


def _string(node: SgNode, constants: Mapping[str, str]) -> str:
    if node.kind() == "concatenated_string":
        return "".join(text_of(each, constants) for each in named_children(node))
    whole, at = node.text(), node.range().start.index
    parts: list[str] = []
    last = at
    for child in _inside(node):
        span = child.range()
        parts.append(whole[last - at : span.start.index - at])
        parts.append(_put_in(child, constants))
        last = span.end.index
    parts.append(whole[last - at :])
    text = _FENCES.sub(HOLE, "".join(parts))
    found = _QUOTES.match(text)
    return found[2] if found else text


def _inside(node: SgNode) -> Iterator[SgNode]:
    """What is put into a string: the outermost nodes of that sort."""
    for child in node.children():
        if child.kind() in HOLES:
            yield child
        elif child.kind() in ("interpolated_string", "string_content", "heredoc_body"):
            yield from _inside(child)


def _put_in(node: SgNode, constants: Mapping[str, str]) -> str:
    text = node.text().strip("${}#@ \t\n")
    return constants.get(_last_name(text), HOLE)


def _last_name(text: str) -> str:
    """The last part of ``Api::NAME``, ``this.NAME``, ``names.NAME``."""
    return re.split(r"::|\.|->", text)[-1].strip("$ ") if len(text) < 120 else ""


def is_dynamic(node: SgNode) -> bool:
    """Whether *node* is anything but a constant that stands there."""
    if node.kind() in LITERALS or node.text() in (
        "True",
        "False",
        "None",
        "null",
        "nil",
        "undefined",
    ):
        return False
    text = literal(node)
    return text is None or "#{" in text or "${" in text  # of a language inside of the language


def positional(call: SgNode) -> list[SgNode]:
    """The arguments of a call, without their wrappers."""
    for child in call.children():
        if child.kind() in ARGUMENTS:
            if child.kind() == "call_suffix":
                return [each for inner in named_children(child) for each in _values(inner)]
            return _values(child)
    return []


def _values(arguments: SgNode) -> list[SgNode]:
    values = []
    for each in named_children(arguments):
        wrapped = each.kind() in (
            "argument",
            "value_argument",
            "literal_element",
            "attribute_argument",
        )
        inner = named_children(each)
        values.append(inner[-1] if wrapped and inner else each)
    return [each for each in values if each.kind() != "comment"]


_AFTER_A_NAME = frozenset({*ARGUMENTS, "literal_value", "declaration_list", "block", "do_block"})


def callee(call: SgNode) -> str:
    """What is called, as it is written: ``requests.get``, ``new URL``, ``url.Values``."""
    for child in call.children():
        if child.kind() in _AFTER_A_NAME:
            end = child.range().start.index - call.range().start.index
            return re.sub(r"\s+", " ", call.text()[:end]).strip()[-400:]
    return re.sub(r"\s+", " ", call.text()[:200])


def covers(outer: SgNode, inner: SgNode) -> bool:
    """Whether *inner* stands in *outer*, or is it."""
    a, b = outer.range(), inner.range()
    return a.start.index <= b.start.index and b.end.index <= a.end.index


def function_around(node: SgNode) -> SgNode | None:
    """The innermost function in which *node* stands."""
    return next((each for each in ancestors(node) if each.kind() in FUNCTIONS), None)


def statement_of(node: SgNode) -> SgNode:
    """The statement that *node* is in: the outermost node below a block."""
    at = node
    for each in ancestors(node):
        kind = each.kind()
        if kind in FUNCTIONS or re.search(
            r"block|body|program|module|source_file|statements|"
            r"compilation_unit|compound_statement|statement_list|declaration_list",
            kind,
        ):
            return at
        at = each
    return at


def scope_text(node: SgNode) -> str:
    """The code around *node* that may say what a variable is: its function, else its file."""
    around = function_around(node)
    if around is None:
        around = next((each for each in reversed([*ancestors(node)])), node)
    return around.text()[:_SCOPE_MAX]


def near_text(node: SgNode) -> str:
    """The code around *node* that may say where a request goes: its function, or its statement."""
    around = function_around(node)
    return (
        around.text()[:_NEAR_MAX] if around is not None else statement_of(node).text()[:_NEAR_MAX]
    )
