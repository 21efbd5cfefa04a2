"""Texts that are an address with a token put in: joined, interpolated, formatted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ast_grep_py import SgNode

from headway.scan.code.languages import CALLS, CONCATENATIONS, PAIRS, STRINGS
from headway.scan.code.names import HOLE, IN_TEXT, NAMES, is_host_target
from headway.scan.code.tree import (
    ancestors,
    callee,
    covers,
    is_dynamic,
    positional,
    statement_of,
    text_of,
)

__all__ = ["Sent", "sent_by_text"]


class Sent(NamedTuple):
    """A place that sends a token: the node, the parameter, and whether the target is a host."""

    node: SgNode
    name: str
    to_host: bool


_NO_URL = re.compile(
    r"(?i)cookie|regex|regexp|pattern|(?<!_)replace|gsub|re\.(?:sub|compile|match|search)|"
    r"includes\(|contains\(|split\(|toContain|indexOf\(|StartsWith|startswith|assert|expect\(|"
    r"\braise\b|Error\(|Exception\(|errors\.New"
)
"""Calls whose texts look for such an address, or speak of one."""

_TAG = re.compile(rf'\burl:"({NAMES})[",]')
_COOKIE_ATTRIBUTES = re.compile(r"(?i);\s*(?:secure|httponly|path=|samesite)")
_HOST_PATH = re.compile(r"/(?:rest|wiki|secure|plugins|download)/")
_METHOD = re.compile(r"(?:GET|POST|PUT|DELETE|PATCH) ")
_SAYS = frozenset({"throw_statement", "raise_statement", "assert_statement"})
_WRAPPERS = frozenset({"argument", "value_argument", "argument_list", "arguments",
                       "value_arguments"})  # fmt: skip
_NO_PARAMETER = ("", '"', "'", "(", HOLE)  # before a name: nothing says that it is in a query


def sent_by_text(node: SgNode, constants: Mapping[str, str]) -> Iterator[Sent]:
    """The text that *node* (a string, or a name of one) is part of, where it sends a token."""
    tagged = _TAG.search(node.text()) if node.kind() == "raw_string_literal" else None
    if tagged:  # Go: a member of a struct that is encoded as a query
        yield Sent(node, tagged[1], to_host=False)
        return
    whole = _joined(node)
    if _is_docstring(whole):
        return
    text = text_of(whole, constants)
    for found in IN_TEXT.finditer(text):
        if not found["value"] and not _value_follows(whole):
            continue
        if found["before"].strip() in _NO_PARAMETER and not _is_query(text, found, whole):
            continue
        if _is_no_url(text, found, whole) or _is_own_back_end(text, found):
            continue
        near = statement_of(whole).text()[:400]
        yield Sent(node, found["name"], is_host_target(text + near))


def _is_docstring(whole: SgNode) -> bool:
    """Whether a string stands for itself: it says, and does nothing."""
    parent = whole.parent()
    in_python = any(each.kind() == "string_start" for each in whole.children())
    return in_python and parent is not None and parent.kind() == "expression_statement"


def _joined(node: SgNode) -> SgNode:
    """The whole of what *node* is joined with."""
    at = node
    for each in ancestors(node):
        kind = each.kind()
        operands = each.children() if kind in CONCATENATIONS else []
        if len(operands) == 3 and operands[1].text() not in ("+", ".", "<<", "++"):
            break
        if kind not in CONCATENATIONS and kind not in STRINGS and kind not in _AROUND:
            break
        at = each
    return at


_AROUND = frozenset({"concatenated_string", "parenthesized_expression"})


def _value_follows(whole: SgNode) -> bool:
    """Whether what is added next is a value: ``concat("?jwt=", t)``, ``append(..).append(t)``."""
    call = next((each for each in ancestors(whole) if each.kind() not in _WRAPPERS), None)
    if call is None or call.kind() not in CALLS:
        return False
    values = positional(call)
    at = next((n for n, value in enumerate(values) if covers(value, whole)), len(values))
    if at + 1 < len(values):
        return is_dynamic(values[at + 1])
    parent = call.parent()
    after = parent.text()[len(call.text()) :] if parent is not None else ""
    return re.match(r"\s*(?:\.\s*(?:append|Append)\b|<<)", after) is not None


def _is_query(text: str, found: re.Match[str], whole: SgNode) -> bool:
    """Whether a text that has ``name=`` with nothing before it is a query, and no message."""
    if "?" in text[: found.start("name")]:
        return True
    in_prose = found.start("name") > 0 and not found["before"].strip()
    around = statement_of(whole).text()[:600]
    return not in_prose and not re.search(r"(?i)cookie|log|print|header\s*\(", around)


def _is_no_url(text: str, found: re.Match[str], whole: SgNode) -> bool:
    """Whether a text is a cookie, a pattern, or what an error or a test says."""
    if _COOKIE_ATTRIBUTES.search(text[found.end() :]) or "[^" in text or "\\s" in text:
        return True
    if re.search(r"(?i)cookie", _held_by(whole)):
        return True
    return any(
        each.kind() in _SAYS or (each.kind() in CALLS and _NO_URL.search(callee(each) + "("))
        for each in ancestors(whole)
    )


def _held_by(whole: SgNode) -> str:
    """What stands before a text: the variable, the member or the call that has it."""
    for each in ancestors(whole):
        kind = each.kind()
        if "assignment" in kind or kind in CALLS or kind in PAIRS:
            before = whole.range().start.index - each.range().start.index
            return each.text()[: max(0, before)][-80:]
    return ""


def _is_own_back_end(text: str, found: re.Match[str]) -> bool:
    """A context token on its way to the app's own pages: a path without a host."""
    url = re.split(r"[\"'\s]", text[: found.start()])[-1]
    if not url.startswith("/") or url.startswith("//") or _HOST_PATH.search(url):
        return False
    return found["name"].lower() in ("jwt", "acpt") and not _METHOD.match(text)
