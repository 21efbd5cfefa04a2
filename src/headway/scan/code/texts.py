"""Texts that are an address with a token put in: joined, interpolated, formatted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ast_grep_py import SgNode

from headway.scan.code.languages import CALLS, CONCATENATIONS, STRINGS
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
    r"\braise\b|\bthrow\b|Error\(|Exception\(|errors\.New"
)
_TAG = re.compile(rf'\burl:"({NAMES})[",]')
_COOKIE_ATTRIBUTES = re.compile(r"(?i);\s*(?:secure|httponly|path=|samesite)")
_OWN = re.compile(r"(?:\A|=[\"']?)/(?!/)[\w/.-]*\??[^?]*\Z")
_HOST_PATH = re.compile(r"/(?:rest|wiki|secure|plugins|download)/")
_APPENDS = re.compile(r"\.\s*(?:append|Append|concat|WriteString)\s*\(|<<")


def sent_by_text(node: SgNode, constants: Mapping[str, str]) -> Iterator[Sent]:
    """The text that *node* (a string, or a name of one) is part of, where it sends a token."""
    tagged = _TAG.search(node.text()) if node.kind() == "raw_string_literal" else None
    if tagged:  # Go: a member of a struct that is encoded as a query
        yield Sent(node, tagged[1], to_host=False)
        return
    whole = _joined(node)
    parent = whole.parent()
    says = any(each.kind() == "string_start" for each in whole.children())
    if says and parent is not None and parent.kind() == "expression_statement":
        return  # a docstring says, and does nothing
    text = text_of(whole, constants)
    for found in IN_TEXT.finditer(text):
        name, value = found["name"], found["value"]
        if not value and not _value_follows(whole):
            continue
        if found["before"].strip() in ("", '"', "'", "(", HOLE) and not _is_query(
            text, found, whole
        ):
            continue
        around = statement_of(whole)
        if _is_no_url(text, found, whole, around):
            continue
        yield Sent(_part_with(whole, name, node), name, is_host_target(text + _near(whole)))


def _joined(node: SgNode) -> SgNode:
    """The whole of what *node* is joined with."""
    at = node
    for each in ancestors(node):
        kind = each.kind()
        if kind in CONCATENATIONS or kind in ("concatenated_string", "parenthesized_expression"):
            operands = each.children() if kind in CONCATENATIONS else []
            if len(operands) == 3 and operands[1].text() not in ("+", ".", "<<", "++"):
                break
            at = each
        elif kind in STRINGS:
            at = each
        else:
            break
    return at


def _value_follows(whole: SgNode) -> bool:
    """Whether the next thing that is appended to *whole* is a value: ``concat("?jwt=", t)``."""
    for each in ancestors(whole):
        kind = each.kind()
        if kind in ("argument", "value_argument", *_LISTS):
            continue
        if kind in CALLS:
            values = positional(each)
            at = next((n for n, v in enumerate(values) if covers(v, whole)), None)
            if at is None:
                return False
            if at + 1 < len(values):
                return is_dynamic(values[at + 1])
            parent = each.parent()
            return bool(
                _APPENDS.search(callee(each) + "(")
                and parent is not None
                and re.match(r"\s*(?:\.\s*(?:append|Append)\b|<<)",
                             parent.text()[len(each.text()):])
            )  # fmt: skip
        return False
    return False


_LISTS = frozenset(["argument_list", "arguments", "value_arguments"])


def _is_query(text: str, found: re.Match[str], whole: SgNode) -> bool:
    """Whether a text that starts with ``name=`` is a query, and no cookie or message."""
    around = statement_of(whole).text()[:600]
    if (
        found["before"].strip() == ""
        and found.start("name") > 0
        and "?" not in text[: found.start()]
    ):
        return False
    return not re.search(r"(?i)cookie|log|print|header\s*\(", around) or "?" in text


def _is_no_url(text: str, found: re.Match[str], whole: SgNode, around: SgNode) -> bool:
    if _COOKIE_ATTRIBUTES.search(text[found.end() :]):
        return True
    before = around.text()[:2_000]
    named = _holder(whole)
    if re.search(r"(?i)cookie", named):
        return True
    if "[^" in text or "\\s" in text:
        return True
    for call in ancestors(whole):
        if call.kind() in CALLS and _NO_URL.search(callee(call) + "("):
            return True
        if call.kind() in ("throw_statement", "raise_statement", "raise", "assert_statement"):
            return True
        if call.kind() in ("call", "argument_list") or call.kind() in CALLS:
            continue
    return _is_own_back_end(text, found, before, whole)


def _holder(whole: SgNode) -> str:
    """What a text is assigned to, or the member that it is the value of."""
    for each in ancestors(whole):
        kind = each.kind()
        if (
            kind == "pair"
            or "assignment" in kind
            or kind in ("keyed_element", "array_element_initializer")
        ):
            return each.text()[: max(0, whole.range().start.index - each.range().start.index)][-80:]
        if kind in CALLS:
            return each.text()[: max(0, whole.range().start.index - each.range().start.index)][-80:]
    return ""


def _is_own_back_end(text: str, found: re.Match[str], around: str, whole: SgNode) -> bool:
    """A context token on its way to the app's own pages: a path without a host."""
    start = text[: found.start()]
    url = re.split(r"[\"'\s]", start)[-1]
    if not url.startswith("/") or url.startswith("//") or _HOST_PATH.search(url):
        return False
    if found["name"].lower() not in ("jwt", "acpt"):
        return False
    return not re.match(r"(?:GET|POST|PUT|DELETE|PATCH) ", text)


def _part_with(whole: SgNode, name: str, node: SgNode) -> SgNode:
    """The node on whose line the finding stands."""
    return node


def _near(whole: SgNode) -> str:
    """What stands around a text and may say where it goes: its statement."""
    return statement_of(whole).text()[:400]
