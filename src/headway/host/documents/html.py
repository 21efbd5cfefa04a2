"""A document as HTML that may be shown.

What a document holds and this does not know is shown by the words in it.  All
goes through the sanitiser, whatever somebody has put into the document.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from html import escape
from typing import Any

from headway.host.body_view import sanitised
from headway.host.documents.nodes import Node, content_of

__all__ = ["html_of"]

DEPTH_MAX = 50
"""Levels of nodes that are shown."""

_TAGS = {"paragraph": "p", "bulletList": "ul", "listItem": "li", "blockquote": "blockquote"}
_TAGS |= {"tableRow": "tr", "taskList": "ul", "decisionList": "ul", "codeBlock": "pre"}
_TAGS |= {"taskItem": "li", "decisionItem": "li", "caption": "p"}
_MARKS = {"strong": "strong", "em": "em", "code": "code", "strike": "s", "underline": "u"}


def html_of(document: Node) -> str:
    """*document* as HTML without anything that runs, loads, or looks like the site's own.

    >>> html_of({"content": [{"type": "paragraph", "content": [
    ...     {"type": "text", "text": "a < b", "marks": [{"type": "strong"}]}]}]})
    '<p><strong>a &lt; b</strong></p>'
    """
    return sanitised(_inner(document, 0))


def _inner(node: Node, depth: int) -> str:
    if depth > DEPTH_MAX:
        return ""
    return "".join(_html(inner, depth + 1) for inner in content_of(node))


def _html(node: Node, depth: int) -> str:
    kind: Any = node.get("type")
    attrs: Any = node.get("attrs")
    attrs = attrs if isinstance(attrs, dict) else {}
    if kind == "text":
        return _marked(escape(str(node.get("text", ""))), node.get("marks", ()))
    if kind in _ATOMS:
        return _ATOMS[kind](attrs)
    inner = _inner(node, depth)
    if kind in _TAGS:
        return f"<{_TAGS[kind]}>{inner}</{_TAGS[kind]}>"
    return _BLOCKS[kind](attrs, inner) if kind in _BLOCKS else f"<div>{inner}</div>"


def _marked(html: str, marks: Any) -> str:
    written: list[Any] = marks if isinstance(marks, list) else []
    for mark in reversed(written):
        kind = mark.get("type") if isinstance(mark, dict) else None
        if kind in _MARKS:
            html = f"<{_MARKS[kind]}>{html}</{_MARKS[kind]}>"
        elif kind == "link":
            html = f'<a href="{_said(mark.get("attrs", {}), "href")}">{html}</a>'
        elif kind == "subsup":
            tag = "sup" if mark.get("attrs", {}).get("type") == "sup" else "sub"
            html = f"<{tag}>{html}</{tag}>"
    return html


def _said(attrs: Mapping[str, Any], *names: str) -> str:
    """The first of these attributes that is a text, escaped."""
    found = (attrs.get(name) for name in names)
    return escape(next((value for value in found if isinstance(value, str) and value), ""))


def _heading(attrs: Mapping[str, Any], inner: str) -> str:
    level = attrs.get("level")
    tag = f"h{level}" if level in range(1, 7) else "h1"
    return f"<{tag}>{inner}</{tag}>"


def _ordered(attrs: Mapping[str, Any], inner: str) -> str:
    start = attrs.get("order")
    return f'<ol start="{start}">{inner}</ol>' if type(start) is int else f"<ol>{inner}</ol>"


def _cell(tag: str) -> Callable[[Mapping[str, Any], str], str]:
    def write(attrs: Mapping[str, Any], inner: str) -> str:
        spans = "".join(
            f' {name}="{attrs[name]}"'
            for name in ("colspan", "rowspan")
            if type(attrs.get(name)) is int
        )
        return f"<{tag}{spans}>{inner}</{tag}>"

    return write


def _date(attrs: Mapping[str, Any]) -> str:
    """A day, which a document has as milliseconds since 1970, in a text."""
    text = str(attrs.get("timestamp", ""))
    if not (text.isascii() and text.isdigit() and len(text) < 15):
        return ""
    return f"<time>{datetime.fromtimestamp(int(text) / 1000, UTC):%Y-%m-%d}</time>"


def _expand(attrs: Mapping[str, Any], inner: str) -> str:
    return f"<details><summary>{_said(attrs, 'title') or 'More'}</summary>{inner}</details>"


def _card(attrs: Mapping[str, Any]) -> str:
    url = _said(attrs, "url")
    return f'<a href="{url}">{url}</a>'


def _file(attrs: Mapping[str, Any]) -> str:
    return f"<p>[{_said(attrs, 'alt', 'title', 'type') or 'file'}]</p>"


_ATOMS: Mapping[Any, Callable[[Mapping[str, Any]], str]] = {
    "hardBreak": lambda attrs: "<br>",
    "rule": lambda attrs: "<hr>",
    "mention": lambda attrs: f'<span class="confluence-userlink">{_said(attrs, "text")}</span>',
    "emoji": lambda attrs: _said(attrs, "text", "shortName"),
    "status": lambda attrs: f'<span class="status-macro">{_said(attrs, "text")}</span>',
    "inlineCard": _card,
    "blockCard": _card,
    "date": _date,
    "media": _file,
    "mediaInline": lambda attrs: f"[{_said(attrs, 'alt', 'type') or 'file'}]",
}
"""The nodes that have no others inside."""

_BLOCKS: Mapping[Any, Callable[[Mapping[str, Any], str], str]] = {
    "heading": _heading,
    "orderedList": _ordered,
    "table": lambda attrs, inner: f"<table><tbody>{inner}</tbody></table>",
    "tableCell": _cell("td"),
    "tableHeader": _cell("th"),
    "panel": lambda attrs, inner: f'<div class="panel">{inner}</div>',
    "expand": _expand,
    "nestedExpand": _expand,
}
"""The nodes that are written by what they say of themselves."""
