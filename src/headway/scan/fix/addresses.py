"""A parameter out of an address in any language: by the nodes that ast-grep sees.

As :mod:`headway.scan.fix.texts`, for joined and interpolated texts of the other languages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ast_grep_py import SgNode

from headway.scan.code.languages import CONCATENATIONS, HOLES, STRINGS
from headway.scan.code.tree import ancestors
from headway.scan.fix.edits import Edit

__all__ = ["Cut", "cut_out", "whole_text"]

_HOLE = "\x00"
_PLUS = frozenset({"+", "."})
_HEAD = re.compile(r"[A-Za-z$@]{0,4}(?P<quote>\"\"\"|'''|[\"'`])")
_FENCE_BEFORE = re.compile(r"[$#]?\{?\Z")


class Cut(NamedTuple):
    """A parameter out of a text: the code of its value, and the edits that are left to do."""

    value: str
    edits: list[Edit]


class _Hole(NamedTuple):
    start: int
    end: int
    code: str


def whole_text(node: SgNode) -> SgNode:
    """The whole of what the string *node* is joined with."""
    at = node
    for each in ancestors(node):
        is_sum = each.kind() in CONCATENATIONS and _operands(each) is not None
        if not is_sum and each.kind() not in STRINGS and each.kind() != "parenthesized_expression":
            break
        at = each
    return at


def _operands(node: SgNode) -> tuple[SgNode, SgNode] | None:
    children = node.children()
    if node.kind() in CONCATENATIONS and len(children) == 3 and children[1].text() in _PLUS:
        return children[0], children[2]
    return None


def cut_out(source: str, whole: SgNode, name: str, at: int) -> Cut | None:
    """Take the parameter *name*, which stands at the character *at*, out of *whole*.

    None where that is not a plain matter: something else follows, the token is there twice.
    """
    marks: list[int | _Hole] = []
    parts: list[str] = []
    for piece in _pieces(source, whole):
        if isinstance(piece, _Hole):
            marks.append(piece)
            parts.append(_HOLE)
        else:
            marks += range(*piece)
            parts.append(source[slice(*piece)])
    text = "".join(parts)
    for found in re.finditer(rf"[?&](?P<name>(?i:{re.escape(name)}))={_HOLE}(?=&|#|\Z)", text):
        if marks[found.start("name")] == at:
            return _cut(source, whole, text, marks, found)
    return None


def _cut(
    source: str, whole: SgNode, text: str, marks: list[int | _Hole], found: re.Match[str]
) -> Cut | None:
    hole = marks[found.end() - 1]
    if not isinstance(hole, _Hole):
        return None
    if sum(isinstance(each, _Hole) and each.code == hole.code for each in marks) != 1:
        return None
    gone = {mark for mark in marks[found.start() : found.end() - 1] if isinstance(mark, int)}
    edits: list[Edit] = []
    after = marks[found.end()] if text[found.end() : found.end() + 1] == "&" else None
    if isinstance(after, int) and text[found.start()] == "?":
        edits.append(Edit(after, after + 1, "?"))
    if _prune(source, whole, gone, hole, edits):
        return None
    return Cut(hole.code, edits)


def _pieces(source: str, node: SgNode) -> Iterator[tuple[int, int] | _Hole]:
    both = _operands(node)
    if both is not None:
        yield from _pieces(source, both[0])
        yield from _pieces(source, both[1])
    elif node.kind() in STRINGS:
        yield from _in_string(source, node)
    elif node.kind() == "parenthesized_expression":
        for child in node.children():
            if child.is_named():
                yield from _pieces(source, child)
    else:
        span = node.range()
        yield _Hole(span.start.index, span.end.index, node.text())


def _inside(source: str, node: SgNode) -> tuple[int, int]:
    """Where the text of a string starts and ends, without its quotes."""
    span = node.range()
    start, end = span.start.index, span.end.index
    head = _HEAD.match(source, start, end)
    if head is None:
        return start, end
    return start + len(head[0]), end - len(head["quote"])


def _in_string(source: str, node: SgNode) -> Iterator[tuple[int, int] | _Hole]:
    at, end = _inside(source, node)
    for hole in _holes(source, node):
        yield at, hole.start
        yield hole
        at = hole.end
    yield at, end


def _holes(source: str, node: SgNode) -> Iterator[_Hole]:
    """What is put into a string, with the marks around it."""
    for child in node.children():
        if child.kind() in HOLES:
            span = child.range()
            start, end = span.start.index, span.end.index
            code = child.text()
            fence = _FENCE_BEFORE.search(source, max(0, start - 2), start)
            if fence is not None and fence[0]:
                start -= len(fence[0])
                end += 1 if fence[0].endswith("{") and source[end : end + 1] == "}" else 0
            yield _Hole(start, end, _bare(code))
        elif child.kind() in STRINGS:
            yield from _holes(source, child)


def _bare(code: str) -> str:
    """``token`` for ``${token}``, ``#{token}`` and ``{token}``."""
    found = re.fullmatch(r"[$#]?\{(.*)\}", code, re.DOTALL)
    return found[1].strip() if found else code


def _prune(source: str, node: SgNode, gone: set[int], hole: _Hole, edits: list[Edit]) -> bool:
    """The edits in *node*; True, and none, where nothing of it is left."""
    span = node.range()
    both = _operands(node)
    if both is not None:
        left: list[Edit] = []
        right: list[Edit] = []
        no_left = _prune(source, both[0], gone, hole, left)
        no_right = _prune(source, both[1], gone, hole, right)
        if no_left and no_right:
            return True
        if no_right:
            edits += [*left, Edit(both[0].range().end.index, span.end.index, "")]
        elif no_left:
            edits += [Edit(span.start.index, both[1].range().start.index, ""), *right]
        else:
            edits += [*left, *right]
        return False
    if node.kind() in STRINGS:
        return _prune_string(source, node, gone, hole, edits)
    if node.kind() == "parenthesized_expression":
        inner = [child for child in node.children() if child.is_named()]
        return len(inner) == 1 and _prune(source, inner[0], gone, hole, edits)
    return span.start.index == hole.start and span.end.index == hole.end


def _prune_string(
    source: str, node: SgNode, gone: set[int], hole: _Hole, edits: list[Edit]
) -> bool:
    start, end = _inside(source, node)
    out = {at for at in gone if start <= at < end}
    if start <= hole.start < end:
        out |= {*range(hole.start, hole.end)}
    if out and len(out) == end - start:
        return True
    at = start
    while at < end:
        run = at
        while run in out:
            run += 1
        if run > at:
            edits.append(Edit(at, run, ""))
        at = run + 1
    return False
