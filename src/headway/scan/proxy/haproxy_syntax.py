"""HAProxy's configuration as sections of lines, each split into words with their places.

Source: HAProxy configuration manual, sections 2.1 (format), 2.2 (quoting and escaping).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from headway.scan.proxy.edits import Source
from headway.scan.proxy.files import Unclear

__all__ = ["SECTIONS", "Directive", "Section", "Word", "quoted", "read_haproxy"]

SECTIONS = frozenset({
    "global", "defaults", "frontend", "backend", "listen", "peers", "resolvers", "mailers",
    "userlist", "cache", "program", "http-errors", "ring", "fcgi-app", "crt-list", "log-forward",
    "crt-store", "traces", "log-profile", "acme",
})  # fmt: skip
_LINES_MAX = 100_000
_SHORT = {"n": "\n", "r": "\r", "t": "\t"}


class Word(NamedTuple):
    """A word without its quotes, and where it stands with them."""

    text: str
    start: int
    end: int


class Directive(NamedTuple):
    """One line."""

    words: list[Word]
    line: int

    @property
    def texts(self) -> list[str]:
        """The words alone."""
        return [each.text for each in self.words]


class Section(msgspec.Struct):
    """A section: *kind* and *name* of its first line; *bases* is what it says after ``from``."""

    kind: str
    name: str
    base: str | None
    source: Source
    head: Directive
    lines: list[Directive] = []


def read_haproxy(source: Source) -> list[Section]:
    """The sections of *source*.  Raises Unclear for what stands in none, and for open quotes."""
    sections: list[Section] = []
    for directive in _directives(source):
        words = directive.texts
        if words[0] in SECTIONS:
            base = words[words.index("from") + 1] if "from" in words[1:-1] else None
            name = words[1] if len(words) > 1 and words[1] != "from" else ""
            sections.append(Section(words[0], name, base, source, directive))
        elif words[0].startswith("."):
            continue  # .if and the like: what stands inside may be in force
        elif not sections:
            raise Unclear(f"{words[0][:40]!r} stands in no section", directive.line)
        else:
            sections[-1].lines.append(directive)
    return sections


def _directives(source: Source) -> Iterator[Directive]:
    at = 0
    for number, line in enumerate(source.text.split("\n"), 1):
        if number > _LINES_MAX:
            raise Unclear(f"has more than {_LINES_MAX} lines", number)
        words = list(_words(line, at, number))
        if words:
            yield Directive(words, number)
        at += len(line) + 1


def _words(line: str, offset: int, number: int) -> Iterator[Word]:
    at = 0
    while at < len(line):
        if line[at].isspace():
            at += 1
            continue
        if line[at] == "#":
            return
        start, (text, at) = at, _word(line, at, number)
        yield Word(text, offset + start, offset + at)


def _word(line: str, at: int, number: int) -> tuple[str, int]:
    """The word that starts *at*: weak quotes let escapes be, strong ones let nothing be."""
    out: list[str] = []
    quote = ""
    while at < len(line):
        char = line[at]
        if char == quote:
            quote = ""
        elif not quote and char in "\"'":
            quote = char
        elif char == "\\" and quote != "'" and at + 1 < len(line):
            at += 1
            out.append(_escaped(line[at]))
        elif not quote and (char.isspace() or char == "#"):
            break
        else:
            out.append(char)
        at += 1
    if quote:
        raise Unclear("a quote is not closed", number)
    return "".join(out), at


def _escaped(char: str) -> str:
    return _SHORT.get(char, char)


def quoted(text: str) -> str:
    r"""*text* as one word.

    >>> print(quoted('a "b" $c'))
    "a \"b\" \$c"
    """
    for char in ("\\", '"', "$"):
        text = text.replace(char, f"\\{char}")
    return f'"{text}"'
