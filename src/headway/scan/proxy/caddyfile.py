"""Caddyfiles as segments with their places; snippets and imports are resolved by the judge.

Source: Caddy, "Caddyfile Concepts" (structure, tokens and quotes, blocks, snippets).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from headway.scan.proxy.edits import Source
from headway.scan.proxy.files import Unclear

__all__ = ["Segment", "read_caddyfile"]

_NESTED_MAX = 100


class Segment(msgspec.Struct):
    """A line: its *words*; *start* to *end* without the ``{`` of its *block*.

    *opened* is behind that brace, *closed* at the one that ends the block.
    """

    words: list[str]
    source: Source
    line: int
    start: int
    end: int
    block: list[Segment] | None = None
    opened: int = 0
    closed: int = 0

    @property
    def name(self) -> str:
        """The first word."""
        return self.words[0] if self.words else ""


class _Token(NamedTuple):
    text: str
    line: int  # on which it starts
    last: int  # on which it ends
    quoted: bool
    start: int
    end: int


def read_caddyfile(source: Source) -> list[Segment]:
    """The segments of *source*.  Raises Unclear where braces or quotes do not end."""
    top: list[Segment] = []
    blocks: list[list[Segment]] = [top]
    owners: list[Segment] = []
    for tokens in _lines(source):
        if len(tokens) == 1 and tokens[0].text == "}" and not tokens[0].quoted:
            if not owners:
                raise Unclear("unexpected '}'", tokens[0].line)
            owners.pop().closed = tokens[0].start
            blocks.pop()
            continue
        opens = tokens[-1].text == "{" and not tokens[-1].quoted
        words = tokens[:-1] if opens else tokens
        first = words[0] if words else tokens[0]
        end = words[-1].end if words else first.start
        segment = Segment([w.text for w in words], source, first.line, first.start, end)
        blocks[-1].append(segment)
        if opens:
            segment.block, segment.opened = [], tokens[-1].end
            blocks.append(segment.block)
            owners.append(segment)
            if len(blocks) > _NESTED_MAX:
                raise Unclear("is nested too deeply", first.line)
    if owners:
        raise Unclear("a block has no end", owners[-1].line)
    return top


def _lines(source: Source) -> Iterator[list[_Token]]:
    """Tokens, line by line; a comma at the end of a line of addresses goes on in the next."""
    line: list[_Token] = []
    for token in _tokens(source):
        goes_on = line and line[-1].text.endswith(",") and not line[-1].quoted
        if line and token.line > line[-1].last and not goes_on:
            yield line
            line = []
        line.append(token)
    if line:
        yield line


def _tokens(source: Source) -> Iterator[_Token]:
    text, at, line = source.text, 0, 1
    glued = 0  # line ends that a backslash took away
    while at < len(text):
        char = text[at]
        if char == "\n":
            line += 1
            at += 1
        elif char.isspace():
            at += 1
        elif char == "\\" and text[at + 1 : at + 2] == "\n":
            at += 2
            line, glued = line + 1, glued + 1
        elif char == "#":
            end = text.find("\n", at)
            at = len(text) if end < 0 else end
        else:
            value, end, quoted = _word(source, at, line)
            inside = text.count("\n", at, end)
            yield _Token(value, line - glued, line - glued + inside, quoted, at, end)
            line += inside
            at = end


def _word(source: Source, at: int, line: int) -> tuple[str, int, bool]:
    text = source.text
    quote = text[at]
    if quote in '"`':
        end = at + 1
        while end < len(text) and text[end] != quote:
            end += 2 if quote == '"' and text[end] == "\\" else 1
        if end >= len(text):
            raise Unclear("a quote is not closed", line)
        inside = text[at + 1 : end]
        return (inside.replace('\\"', '"') if quote == '"' else inside), end + 1, True
    if text.startswith("<<", at):
        mark_end = text.find("\n", at)
        mark = text[at + 2 : mark_end].strip()
        if mark_end > 0 and mark.isidentifier():
            end = text.find(mark, mark_end)
            if end < 0:
                raise Unclear("a heredoc has no end", line)
            return text[mark_end + 1 : end], end + len(mark), True
    end = at
    while end < len(text) and not text[end].isspace():
        end += 1
    return text[at:end], end, False
