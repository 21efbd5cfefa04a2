r"""Words, and three ways to write them down: Markdown, HTML and plain text.

What stands in a notice may come from a policy file, a User-Agent or a token.
So a notice is made of values, and only here do they get their marks: in a
:class:`Code` nothing is markup, in text every mark is escaped, and a
:class:`Link` leads to http and https alone.

>>> words = [Paragraph(("Sent by ", Code("](javascript:`x`)"), "."))]
>>> markdown(words)
'Sent by ``](javascript:`x`)``.\n'
>>> html(words)
'<p>Sent by <code>](javascript:`x`)</code>.</p>\n'
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence
from html import escape
from typing import TypeAlias

import msgspec

from headway.errors import ConfigurationError
from headway.redact import redact

__all__ = [
    "Block",
    "Code",
    "Example",
    "Heading",
    "Items",
    "Link",
    "Paragraph",
    "Span",
    "Strong",
    "html",
    "markdown",
    "plain",
    "text",
]

TEXT_MAX = 400
"""How much of a value is shown, in characters."""

WIDTH = 76
_LINK = re.compile(r"https?://[!#-;=?-\[\]_a-z~]+")
_ALWAYS = re.compile(r"([\\`*_\[\]<>|~&$^])")
_AT_START = re.compile(r"([#+\-=:>]|\d+[.)])")


# ---- values ---------------------------------------------------------------------------------


class Code(msgspec.Struct, frozen=True):
    """A value that is shown as it is: a header, a path, what somebody else wrote."""

    text: str


class Strong(msgspec.Struct, frozen=True):
    """Words that a reader must not miss."""

    text: str


class Link(msgspec.Struct, frozen=True):
    """*text* that leads to *address*; raises ConfigurationError for anything but http and https.

    >>> Link("here", "javascript:1")
    Traceback (most recent call last):
    headway.errors.ConfigurationError: a link leads to http or https
    """

    text: str
    address: str

    def __post_init__(self) -> None:
        if not _LINK.fullmatch(self.address):
            raise ConfigurationError("a link leads to http or https")


Span: TypeAlias = str | Code | Strong | Link


class Heading(msgspec.Struct, frozen=True):
    """A title; *level* 2 is a section's."""

    spans: tuple[Span, ...]
    level: int = 2


class Paragraph(msgspec.Struct, frozen=True):
    """Sentences."""

    spans: tuple[Span, ...]


class Items(msgspec.Struct, frozen=True):
    """A list; each item is a line of words."""

    items: tuple[tuple[Span, ...], ...]


class Example(msgspec.Struct, frozen=True):
    """Code to copy; *language* is as in a Markdown fence, *title* its name for people."""

    language: str
    title: str
    text: str


Block: TypeAlias = Heading | Paragraph | Items | Example


def plain(value: str) -> str:
    r"""*value* of somebody else as one bounded line without a token.

    What does not print is marked.  No line of a pipeline's log becomes a
    command by it: ``##[`` is taken apart, and no block begins with a value.

    >>> plain("a\r\nBcc: x") == "a\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}Bcc: x"
    True
    """
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in redact(value))
    shown = shown.replace("##[", "## [")
    return shown if len(shown) <= TEXT_MAX else shown[: TEXT_MAX - 1] + "…"


# ---- Markdown -------------------------------------------------------------------------------


def markdown(blocks: Iterable[Block]) -> str:
    r"""*blocks* as CommonMark.

    >>> markdown([Items((("a*b", Strong("c")),))])
    '- a\\*b**c**\n'
    """
    return "\n".join(_markdown(block) for block in blocks)


def _markdown(block: Block) -> str:
    match block:
        case Heading():
            return f"{'#' * block.level} {_spans_markdown(block.spans)}\n"
        case Paragraph():
            return f"{_begun(_spans_markdown(block.spans))}\n"
        case Items():
            return "".join(f"- {_begun(_spans_markdown(item))}\n" for item in block.items)
        case Example():
            fence = _run_of("`", block.text, 3)
            return f"{block.title}:\n\n{fence}{block.language}\n{block.text}\n{fence}\n"


def _spans_markdown(spans: Sequence[Span]) -> str:
    return "".join(_span_markdown(span) for span in spans)


def _span_markdown(span: Span) -> str:
    match span:
        case Code():
            return _code_markdown(span.text)
        case Strong():
            return f"**{_escaped(span.text)}**"
        case Link():
            return f"[{_escaped(span.text)}](<{span.address}>)"
    return _escaped(span)


def _escaped(words: str) -> str:
    return _ALWAYS.sub(r"\\\1", " ".join(words.split(" ")))


def _begun(line: str) -> str:
    """*line* so that its first characters open no list, heading or fence."""
    match = _AT_START.match(line)
    if match is None:
        return line
    first = match[1]
    return f"{first[:-1]}\\{first[-1]}{line[len(first) :]}"


def _code_markdown(value: str) -> str:
    """A code span: its fence is longer than any run of backquotes within (CommonMark 6.1)."""
    fence = _run_of("`", value, 1)
    if not value.strip():
        return "`(empty)`"
    room = " " if value[0] in "` " or value[-1] in "` " else ""
    return f"{fence}{room}{value}{room}{fence}"


def _run_of(mark: str, value: str, least: int) -> str:
    longest = max((len(run) for run in re.findall(f"{mark}+", value)), default=0)
    return mark * max(least, longest + 1)


# ---- HTML -----------------------------------------------------------------------------------


def html(blocks: Iterable[Block]) -> str:
    r"""*blocks* as a fragment of HTML.

    >>> html([Paragraph(("<b>", Link("here", "https://docs.example/?a&b")))])
    '<p>&lt;b&gt;<a href="https://docs.example/?a&amp;b">here</a></p>\n'
    """
    return "".join(f"{_html(block)}\n" for block in blocks)


def _html(block: Block) -> str:
    match block:
        case Heading():
            return f"<h{block.level}>{_spans_html(block.spans)}</h{block.level}>"
        case Paragraph():
            return f"<p>{_spans_html(block.spans)}</p>"
        case Items():
            items = "".join(f"<li>{_spans_html(item)}</li>\n" for item in block.items)
            return f"<ul>\n{items}</ul>"
        case Example():
            return f"<p>{escape(block.title)}:</p>\n<pre><code>{escape(block.text)}</code></pre>"


def _spans_html(spans: Sequence[Span]) -> str:
    return "".join(_span_html(span) for span in spans)


def _span_html(span: Span) -> str:
    match span:
        case Code():
            return f"<code>{escape(span.text)}</code>"
        case Strong():
            return f"<strong>{escape(span.text)}</strong>"
        case Link():
            return f'<a href="{escape(span.address)}">{escape(span.text)}</a>'
    return escape(span)


# ---- text -----------------------------------------------------------------------------------

_JOINED = "\N{NO-BREAK SPACE}"


def text(blocks: Iterable[Block]) -> str:
    r"""*blocks* as plain text of at most 76 columns, but for code, which is never broken.

    >>> text([Heading(("What comes",)), Items((("first", ), ("second",)))])
    'What comes\n==========\n\n- first\n- second\n'
    """
    return "\n".join(_text(block) for block in blocks)


def _text(block: Block) -> str:
    match block:
        case Heading():
            title = _spans_text(block.spans).replace(_JOINED, " ")
            return f"{title}\n{('=' if block.level <= 2 else '-') * min(len(title), WIDTH)}\n"
        case Paragraph():
            return _wrapped(_spans_text(block.spans), "")
        case Items():
            return "".join(_wrapped(_spans_text(item), "- ") for item in block.items)
        case Example():
            return f"{block.title}:\n\n{textwrap.indent(block.text, '    ')}\n"


def _wrapped(words: str, mark: str) -> str:
    lines = textwrap.wrap(
        words,
        WIDTH,
        initial_indent=mark,
        subsequent_indent=" " * len(mark),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "".join(f"{line.replace(_JOINED, ' ')}\n" for line in lines)


def _spans_text(spans: Sequence[Span]) -> str:
    return "".join(_span_text(span) for span in spans)


def _span_text(span: Span) -> str:
    match span:
        case Code():
            return f"`{span.text.replace(' ', _JOINED)}`"
        case Strong():
            return span.text
        case Link():
            return span.address if span.text == span.address else f"{span.text}: {span.address}"
    return span
