"""Texts that are an address with a token put in: joined, interpolated, formatted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ast_grep_py import SgNode

from headway.scan.code.languages import CALLS, CONCATENATIONS, FUNCTIONS, PAIRS, STRINGS
from headway.scan.code.names import (
    HOLE,
    IN_TEXT,
    MAILED,
    NAMES,
    ONCE,
    PLACEHOLDER,
    WORDS,
    is_host_target,
)
from headway.scan.code.tree import (
    ancestors,
    callee,
    covers,
    is_dynamic,
    named_children,
    near_text,
    positional,
    scope_text,
    statement_of,
    text_of,
)
from headway.scan.code.uses import Goes, uses_of

__all__ = ["Sent", "sent_by_format", "sent_by_text"]


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
                       "value_arguments", "call_suffix"})  # fmt: skip
_LISTS = frozenset({"array", "list", "tuple", "array_creation_expression",
                    "array_element_initializer", "literal_value", "literal_element",
                    "initializer_expression"})  # fmt: skip
_FORMATS = re.compile(r"(?i)(?:format(?:ted)?|s?printf|sprintf)\Z")
_NO_PARAMETER = ("", '"', "'", "(", HOLE)  # before a name: nothing says that it is in a query


_SAID = re.compile(
    r"(?i)cookie|log(?!in)|print|header\s*\(|\bputs\b|\becho\b|write_?line|console|\bdebug\b|\bwarn|"
    r"trace|timber|\bsay\b"
)
"""What is told to somebody, and sent nowhere."""

_WEB = re.compile(
    r"(?i)ur[li]|https?|query|params|href|link|src\b|path|search|fetch|request|[?&]|\bws|socket|\bq\b|qs\b"
)
_OPENS = re.compile(r"\b(?:EventSource|\w*WebSocket|SockJS|io)\b|\.\s*(?:append|Append)\Z")
"""Needs an address that says all, or adds to one."""


def sent_by_text(node: SgNode, constants: Mapping[str, str]) -> Iterator[Sent]:
    """The text that *node* (a string, or a name of one) is part of, where it sends a token."""
    tagged = _TAG.search(node.text()) if node.kind() == "raw_string_literal" else None
    if tagged and (tagged[1].lower() not in WORDS or "json:" not in node.text()):
        # Go: a member of a struct that is encoded as a query
        yield Sent(node, tagged[1], to_host=False)
        return
    whole = _joined(node)
    if _is_docstring(whole):
        return
    yield from _sent_in(text_of(whole, constants), node, whole)


def sent_by_format(node: SgNode, constants: Mapping[str, str]) -> Iterator[Sent]:
    """The text into which *node*, a token's name, is put by a format: ``"%s?%s=%s"``."""
    for each in [*ancestors(node)][:4]:
        text = _filled(each, node, constants)
        if text:
            yield from _sent_in(text, node, each)
            return


def _filled(call: SgNode, node: SgNode, constants: Mapping[str, str]) -> str:
    """The text of a call that formats, with the constants among its arguments put in."""
    values = [*positional(call)] if call.kind() in CALLS else []
    children = call.children()
    if call.kind() in CONCATENATIONS and len(children) == 3 and children[1].text() == "%":
        values = [children[0], *(named_children(children[2]) or [children[2]])]
    elif not values or not _FORMATS.search(callee(call)):
        return ""
    elif (receiver := _receiver(call)) is not None:
        values.insert(0, receiver)
    first = next((n for n, value in enumerate(values) if value.kind() in STRINGS), None)
    if first is None or covers(values[first], node):
        return ""
    given = [text_of(value, constants) for value in values[first + 1 :]]
    given = [each if HOLE not in each else HOLE for each in given]
    count = iter(range(len(given)))

    def put_in(found: re.Match[str]) -> str:
        numbered = re.match(r"\{(\d+)", found[0])
        at = int(numbered[1]) if numbered else next(count, len(given))
        return given[at] if at < len(given) else HOLE

    return PLACEHOLDER.sub(put_in, text_of(values[first], constants))


def _receiver(call: SgNode) -> SgNode | None:
    """The text whose ``format`` is called."""
    inner = named_children(call)
    while inner and inner[0].kind() not in STRINGS:
        inner = named_children(inner[0])
    return inner[0] if inner and inner[0].range().start.index == call.range().start.index else None


def _sent_in(text: str, node: SgNode, whole: SgNode) -> Iterator[Sent]:
    text = PLACEHOLDER.sub(HOLE, text)
    for found in IN_TEXT.finditer(text):
        if not found["value"] and not _value_follows(whole):
            continue
        if found["before"].strip() in _NO_PARAMETER and not _is_query(text, found, whole):
            continue
        if _is_no_url(text, found, whole) or _is_own_back_end(text, found, whole):
            continue
        if _is_for_once(text, found, whole) or _is_body(text, found, whole):
            continue
        if _is_added_data(text, found, whole):
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
    parent = whole.parent()
    if parent is not None and parent.kind() in _LISTS:
        return _is_joined(whole, parent)
    call = next((each for each in ancestors(whole) if each.kind() not in _WRAPPERS), None)
    if call is None or call.kind() not in CALLS:
        return "assignment" in call.kind() and _is_added_to(whole) if call is not None else False
    values = positional(call)
    at = next((n for n, value in enumerate(values) if covers(value, whole)), len(values))
    if at + 1 < len(values):
        return is_dynamic(values[at + 1])
    outer = call.parent()
    after = outer.text()[len(call.text()) :] if outer is not None else ""
    return re.match(
        r"\s*(?:\.\s*(?:append|Append|concat)\b|<<)", after
    ) is not None or _is_added_to(whole)


def _is_joined(whole: SgNode, parent: SgNode) -> bool:
    """Whether a value is the next element of a list that is joined."""
    at = parent if parent.kind() in ("literal_element", "array_element_initializer") else whole
    following = _next_of(at)
    joined = re.search(
        r"\b(?:join|Join|implode|mkString|concat|joinToString)\b", statement_of(whole).text()
    )
    return following is not None and is_dynamic(following) and joined is not None


def _next_of(node: SgNode) -> SgNode | None:
    """What comes after *node*, without punctuation and comments."""
    following = node.next()
    while following is not None and (not following.is_named() or "comment" in following.kind()):
        following = following.next()
    return following


_HOLDER = r"[$@]?[\w.$>-]*?"
_ADDS = r"(?:\.\s*(?:append|Append|write|push)\s*\(|\+=|\.=|<<)"


def _is_added_to(whole: SgNode) -> bool:
    """Whether the next statement adds something to what *whole* was added to."""
    statement = statement_of(whole)
    target = re.match(rf"{_HOLDER}(\w+)\s*{_ADDS[:-1]}|=)", statement.text())
    following = _next_of(statement)
    if target is None or following is None:
        return False
    adds = rf"{_HOLDER}\b{target[1]}\s*{_ADDS}\s*(?![\s\"'`])"
    return re.match(adds, following.text()) is not None


def _is_query(text: str, found: re.Match[str], whole: SgNode) -> bool:
    """Whether a text that has ``name=`` with nothing before it is a query, and no message."""
    if "?" in text[: found.start("name")]:
        return True
    in_prose = found.start("name") > 0 and not found["before"].strip()
    around = statement_of(whole).text()[:600]
    if in_prose or _SAID.search(around):
        return False
    return found["name"].lower() not in WORDS or _WEB.search(around) is not None


def _is_no_url(text: str, found: re.Match[str], whole: SgNode) -> bool:
    """Whether a text is a cookie, a pattern, or what an error or a test says."""
    if _COOKIE_ATTRIBUTES.search(text[found.end() :]) or "[^" in text or "\\s" in text:
        return True
    if re.search(r"(?i)cookie", _held_by(whole)):
        return True
    return any(
        each.kind() in _SAYS or (each.kind() in CALLS and _NO_URL.search(_bare(callee(each)) + "("))
        for each in _within(whole)
    )


def _within(node: SgNode) -> Iterator[SgNode]:
    """What *node* stands in, up to its function."""
    for each in ancestors(node):
        if each.kind() in FUNCTIONS and each.kind() not in ("do_block", "block_argument"):
            return
        yield each


def _bare(name: str) -> str:
    """What is called, without what its receivers were given."""
    for _ in range(3):
        name = re.sub(r"\([^()]*\)", "()", re.sub(r"\[[^\[\]]*\]", "[]", name))
    return name


def _held_by(whole: SgNode) -> str:
    """What stands before a text: the variable, the member or the call that has it."""
    for each in ancestors(whole):
        kind = each.kind()
        if "assignment" in kind or kind in CALLS or kind in PAIRS:
            before = whole.range().start.index - each.range().start.index
            return each.text()[: max(0, before)][-80:]
    return ""


def _is_own_back_end(text: str, found: re.Match[str], whole: SgNode) -> bool:
    """A context token on its way to the app's own pages: a path without a host."""
    url = re.split(r"[\"'\s]", text[: found.start()])[-1]
    if not url.startswith("/") or url.startswith("//") or _HOST_PATH.search(url):
        return False
    if any(
        each.kind() in CALLS and _OPENS.search(callee(each)) for each in [*ancestors(whole)][:4]
    ):
        return False
    return found["name"].lower() in ("jwt", "acpt") and not _METHOD.match(text)


_NO_ADDRESS = re.compile(r"[?/]")
_BODY_HELD = re.compile(
    r"(?i)(?:body|data|content|payload|postfields|form\w*|entity)[\"']?\s*(?:=>|[:=,])\s*\Z"
)
_BODY_CALL = re.compile(
    r"StringContent|NewReader|NewBufferString|(?:\.|->|::)\s*(?:send|write|post|put|body|setBody)\Z|"
    r"StringEntity|RequestBody|ofString|POSTFIELDS|\bPost(?:Async)?\Z|Environ|\bputenv|\bsetenv|"
    r"\.Setenv\Z|execute"
)
_ENVIRONMENT = re.compile(r"\A[A-Z][A-Z_]*\Z")
_SQL = re.compile(r"(?i)\A\s*(?:select|insert|update|delete|with)\b")


def _is_added_data(text: str, found: re.Match[str], whole: SgNode) -> bool:
    """``data + "&token=" + x``: nothing says that this is an address."""
    before = text[: found.start("name")]
    if found["name"].lower() not in WORDS or found["before"] not in ("&", "&amp;"):
        return False
    near = whole.text()[: whole.text().find(found["name"])] + _held_by(whole)
    return not _NO_ADDRESS.search(before) and not _WEB_NAMED.search(near)


_WEB_NAMED = re.compile(
    r"(?i)ur[li]|link|path|base|host|endpoint|href|address|target|query|src|root"
)


def _is_body(text: str, found: re.Match[str], whole: SgNode) -> bool:
    """Whether a text is a form's body, a setting of an environment or a question to a database."""
    before = text[: found.start("name")]
    if _SQL.match(text):
        return True
    if _NO_ADDRESS.search(before):
        return False
    if _ENVIRONMENT.match(found["name"]) and "&" not in before:
        return True
    if re.match(r"\s*(?:\n|\\n)", text[found.end() :]):
        return True  # a line of a file with settings
    if "grant_type=" in text or _BODY_HELD.search(_held_by(whole)):
        return True
    if any(each.kind() in CALLS and _BODY_CALL.search(callee(each)) for each in _within(whole)):
        return True
    held = re.search(r"(\w+)\s*(?::=|=)\s*\Z", _held_by(whole))
    return held is not None and uses_of(held[1], scope_text(whole)) is Goes.ELSEWHERE


def _is_for_once(text: str, found: re.Match[str], whole: SgNode) -> bool:
    """A token that is good for one visit, in the link of a mail."""
    if found["name"].lower() not in WORDS:
        return False
    around = near_text(whole)
    return bool(
        ONCE.search(text[: found.end()]) or ONCE.search(around[:160]) or MAILED.search(around)
    )
