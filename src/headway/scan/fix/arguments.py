"""Arguments and elements put in and taken out, in the form that their neighbours have."""

from __future__ import annotations

import re
from collections.abc import Sequence

import libcst as cst

from headway.scan.fix.edits import Edit
from headway.scan.fix.syntax import Source, Unfixable

__all__ = ["Item", "added_argument", "added_element", "taken_out", "taken_statement"]

Item = cst.Arg | cst.BaseDictElement | cst.BaseElement


def added_argument(source: Source, call: cst.Call, text: str, near: cst.Arg | None) -> Edit:
    """*text*, an argument by its name, after *near* or what has to stand before it."""
    positional = [each for each in call.args if each.keyword is None]
    after = near if near is not None and near.keyword is not None else None
    return _after(source, after or (positional or call.args)[-1], text)


def added_element(source: Source, items: cst.Dict, text: str) -> Edit:
    """*text*, an element, at the end of a map."""
    if not items.elements:
        at = source.span(items)[0] + 1
        return Edit(at, at, text)
    return _after(source, items.elements[-1], text)


def _after(source: Source, item: Item, text: str) -> Edit:
    """*text* after *item*: on a line of its own where *item* has one."""
    start, end = source.span(item)
    if not _starts_line(source, start):
        return Edit(end, end, f", {text}")
    indent = source.indent_at(start)
    rest = re.compile(r",[ \t]*#[^\r\n]*").match(source.text, end)
    if rest is not None:  # a comment stays with what it is about
        return Edit(rest.end(), rest.end(), f"{source.newline}{indent}{text},")
    return Edit(end, end, f",{source.newline}{indent}{text}")


def _starts_line(source: Source, start: int) -> bool:
    return not source.text[source.line_start(start) : start].strip()


def taken_out(source: Source, items: Sequence[Item], item: Item) -> Edit:
    """*item* out of *items*, with its comma, and with its lines where it has them for itself."""
    start, end = source.span(item)
    number = next(at for at, each in enumerate(items) if each is item)
    # (1) whole lines
    comma = re.compile(r"[ \t]*,?[ \t]*(?:#[^\r\n]*)?(?:\r\n?|\n)").match(source.text, end)
    if _starts_line(source, start) and comma is not None:  # a comment there is about the item
        return Edit(source.line_start(start), comma.end(), "")
    # (2) among others on a line
    if number + 1 < len(items):
        until = source.span(items[number + 1])[0]
        edit = Edit(start, until, "")
    elif number:
        edit = Edit(source.span(items[number - 1])[1], end, "")
    else:
        rest = re.compile(r"[ \t]*,[ \t]*").match(source.text, end)
        edit = Edit(start, rest.end() if rest is not None else end, "")
    if "#" in source.text[edit.start : start] + source.text[end : edit.end]:
        raise Unfixable("a comment stands where the parameter would be taken out")
    return edit


def taken_statement(source: Source, line: cst.SimpleStatementLine) -> Edit:
    """A statement that has its line for itself, out; ``pass`` where a suite would be empty."""
    start, end = source.span(line)
    if len(line.body) != 1:
        raise Unfixable("several statements stand on one line")
    if line.trailing_whitespace.comment is not None:
        raise Unfixable("a comment stands behind the statement that would be taken out")
    block = source.parent(line)
    if isinstance(block, cst.IndentedBlock) and len(block.body) == 1:
        return Edit(start, end, "pass")
    newline = re.compile(r"[ \t]*(?:\r\n?|\n|\Z)").match(source.text, end)
    return Edit(source.line_start(start), newline.end() if newline is not None else end, "")
