"""Texts and dates in the JSON of Jira's REST API.

Version 2 has texts as strings, version 3 as documents of the Atlassian Document
Format.  A document that came in is kept as it is; of any other text one is made,
a paragraph a line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from html import escape
from typing import Any, TypeAlias

from headway.host.documents.html import html_of

__all__ = ["Json", "document", "kept_document", "moment", "plain_text", "rendered", "seconds"]

Json: TypeAlias = dict[str, Any]

DEPTH_MAX = 20
"""Levels of a document that are read: far more than an editor makes."""

_BLOCKS = frozenset({"paragraph", "heading", "codeBlock", "listItem", "blockquote"})


def document(text: str) -> Json:
    r"""*text* as a document, one paragraph a line.

    >>> plain_text(document("two\nlines"))
    'two\nlines'
    """
    lines = [[{"type": "text", "text": line}] if line else [] for line in text.split("\n")]
    content = [{"type": "paragraph", "content": line} for line in lines]
    return {"version": 1, "type": "doc", "content": content}


def plain_text(value: object) -> str:
    """The text of a string or of a document; raises ValueError for anything else."""
    if isinstance(value, str):
        return value
    if not isinstance(value, Mapping) or value.get("type") != "doc":
        raise ValueError("a text is a string or a document")
    return "".join(_texts(value, 0)).removesuffix("\n")


def _texts(node: Mapping[str, Any], depth: int) -> Iterable[str]:
    if depth > DEPTH_MAX:
        raise ValueError(f"a document has at most {DEPTH_MAX} levels")
    kind, content = node.get("type"), node.get("content", [])
    yield from _said(node)
    if not isinstance(content, list) or not all(isinstance(inner, Mapping) for inner in content):
        raise ValueError("a document's content is a list of nodes")
    for inner in content:
        yield from _texts(inner, depth + 1)
    if kind in _BLOCKS:
        yield "\n"


def _said(node: Mapping[str, Any]) -> Iterable[str]:
    """What a node says by itself: a mention its name, a card its address."""
    given = node.get("attrs")
    attributes = given if isinstance(given, Mapping) else {}
    match node.get("type"):
        case "text":
            yield str(node.get("text", ""))
        case "hardBreak":
            yield "\n"
        case "mention" | "emoji":
            yield str(attributes.get("text", ""))
        case "inlineCard" | "blockCard":
            yield str(attributes.get("url", ""))


def moment(seconds: float) -> str:
    """Seconds since 1970 as Jira writes a date: with milliseconds and an offset without colon.

    >>> moment(0)
    '1970-01-01T00:00:00.000+0000'
    """
    date = datetime.fromtimestamp(seconds, UTC)
    return f"{date:%Y-%m-%dT%H:%M:%S}.{date.microsecond // 1000:03d}+0000"


def seconds(text: object) -> float:
    """What :func:`moment` wrote, or another date of ISO 8601 with an offset; raises ValueError.

    >>> seconds("2022-02-01T00:00:00.250+0000")
    1643673600.25
    """
    if not isinstance(text, str) or not text.isascii() or len(text) > 40:
        raise ValueError("a date is written like 2022-02-01T00:00:00.000+0000")
    date = datetime.fromisoformat(text)
    if date.tzinfo is None:
        raise ValueError("a date has an offset, as in 2022-02-01T00:00:00.000+0000")
    return date.timestamp()


def kept_document(value: object) -> Json | None:
    """The document that a text came as, to be kept beside it; None for a string."""
    return dict(value) if isinstance(value, Mapping) else None


def rendered(text: str, document: Json | None = None) -> str:
    r"""A text as HTML: that of the document that it came as, else each line a paragraph.

    >>> rendered("a < b\nc")
    '<p>a &lt; b</p><p>c</p>'
    """
    if document is not None:
        return html_of(document)
    return "".join(f"<p>{escape(line)}</p>" for line in text.split("\n"))
