"""Pages: what their attributes send, and the scripts in them.

A page is cut, not parsed: templates make no tree of it.  Comments and prose are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from headway.scan.code.names import HOLE, IN_TEXT, is_host_target, is_name

__all__ = ["Cut", "attributes_that_send", "bound_expressions", "php_and_page", "scripts"]

_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)|\{#.*?#\}|<%#.*?%>", re.DOTALL)
_SCRIPT = re.compile(r"(?is)<script\b(?P<head>[^>]*)>(?P<body>.*?)</script\s*>")
_TYPE = re.compile(r"(?i)\btype\s*=\s*[\"']?([\w/+-]+)")
_ATTRIBUTE = re.compile(
    r"(?s)(?P<name>[:@\w][\w:.@-]*)\s*=\s*(?P<quote>[\"'])(?P<value>(?:<[%?].*?[%?]>|\{\{.*?\}\}|(?!(?P=quote)).)*)(?P=quote)"
)
_PUT_IN = re.compile(
    r"\{\{\{?.*?\}?\}\}|<%=?.*?%>|<\?(?:=|php echo).*?\?>|\$\{[^}]*\}|\{%.*?%\}|#\{[^}]*\}",
    re.DOTALL,
)
_FORM = re.compile(
    r"(?is)<form\b(?P<head>(?:[^>\"']|\"[^\"]*\"|'[^']*')*)>(?P<body>.*?)(?:</form|\Z)"
)
_INPUT = re.compile(r"(?is)<input\b(?:[^>\"']|\"[^\"]*\"|'[^']*')*>")
_LINKS = frozenset(
    [
        "href",
        "src",
        "action",
        "formaction",
        "data",
        "poster",
        "srcset",
        "cite",
        "background",
        "th:href",
        "th:src",
        "content",
        "data-src",
        "data-url",
        "data-href",
        "hx-get",
        "hx-post",
        "ng-src",
        "ng-href",
        "xlink:href",
        "sse-connect",
        "ws-connect",
        "ping",
    ]
)


class Cut(NamedTuple):
    """A part of a page, and where it starts in it."""

    text: str
    start: int
    typescript: bool = False


def _without_comments(page: str) -> str:
    """*page* with blanks for its comments, so that places stay."""
    return _COMMENT.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), page)


def scripts(page: str) -> Iterator[Cut]:
    """The scripts in *page*."""
    for found in _SCRIPT.finditer(_without_comments(page)):
        kind = _TYPE.search(found["head"])
        if kind is None or re.search(r"(?i)javascript|module|babel|ecmascript", kind[1]):
            typed = re.search(r"lang\s*=\s*[\"']?ts", found["head"]) is not None
            yield Cut(found["body"], found.start("body"), typed)


_PHP_OPENS = re.compile(r"<\?(?:php\b|=)?")
_PHP_INSIDE = re.compile(
    r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"|/\*.*?\*/|(?://|#)[^\n]*?(?=\?>|\n|\Z)|\?>", re.DOTALL
)


def php_and_page(source: str) -> tuple[str, str]:
    """The code and the page that a PHP file is made of, each with blanks for the other.

    What a page is given (``<?= $x ?>``) stays in the page, too.
    """
    code: list[str] = []
    page: list[str] = []
    at = 0
    while opened := _PHP_OPENS.search(source, at):
        page.append(source[at : opened.start()])
        end = next((m for m in _PHP_INSIDE.finditer(source, opened.end()) if m[0] == "?>"), None)
        inside = source[opened.end() : end.start() if end else len(source)]
        code.append(_blanked(source[at : opened.end()]) + inside + (";;" if end else ""))
        whole = opened[0] + inside + ("?>" if end else "")
        page.append(whole if re.match(r"<\?(?:=|php\s+echo)", whole) else _blanked(whole))
        at = end.end() if end else len(source)
    page.append(source[at:])
    code.append(_blanked(source[at:]))
    return "".join(code), "".join(page)


def _blanked(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


def bound_expressions(page: str) -> Iterator[Cut]:
    """Expressions in attributes of a Vue or Svelte component: ``:src="..."``, ``@click="..."``."""
    for found in _ATTRIBUTE.finditer(_SCRIPT.sub(_blank, _without_comments(page))):
        if found["name"].startswith((":", "@", "v-")):
            yield Cut(found["value"], found.start("value"), typescript=True)


def _blank(found: re.Match[str]) -> str:
    return _blanked(found[0])


def attributes_that_send(page: str) -> Iterator[tuple[int, str, bool]]:
    """Where an attribute of *page* sends a token, the parameter, and whether a host gets it."""
    bare = _SCRIPT.sub(_blank, _without_comments(page))
    for found in _ATTRIBUTE.finditer(bare):
        if found["name"].lower() not in _LINKS:
            continue
        value = found["value"]
        text = _PUT_IN.sub(lambda put: HOLE, value)
        for sent in IN_TEXT.finditer(text):
            url = text[: sent.start()].lstrip("@{")
            own = (
                url.startswith("/")
                and not url.startswith("//")
                and sent["name"].lower() in ("jwt", "acpt")
            )
            if HOLE not in sent["value"] or own:
                continue
            at = found.start("value") + max(value.find(sent["name"] + "="), 0)
            yield at, sent["name"], is_host_target(value)
    yield from _hidden_fields(bare)


def _hidden_fields(page: str) -> Iterator[tuple[int, str, bool]]:
    """Fields of a form that is sent as a query."""
    for form in _FORM.finditer(page):
        head = {m["name"].lower(): m["value"] for m in _ATTRIBUTE.finditer(form["head"])}
        if head.get("method", "get").lower() != "get" or head.get("action", "/").startswith("/"):
            continue
        for field in _INPUT.finditer(form["body"]):
            values = {m["name"].lower(): m["value"] for m in _ATTRIBUTE.finditer(field[0])}
            if is_name(values.get("name", "")) and _PUT_IN.search(values.get("value", "")):
                at = form.start("body") + field.start()
                yield at, values["name"], is_host_target(head.get("action", ""))
