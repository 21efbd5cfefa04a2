"""httpd's configuration as directives in sections, with their places, and includes in theirs.

Source: Apache HTTP Server, "Configuration Files"; core's ``Include``, ``Define``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from headway.scan.proxy.edits import Source
from headway.scan.proxy.files import DEPTH_MAX, FILES_MAX, Files, Unclear

__all__ = ["Directive", "quoted", "read_apache"]

_NESTED_MAX = 100
_SECTION = re.compile(r"<(/?)([A-Za-z]+)\s*([^>]*)>?\s*\Z")
_WORD = re.compile(r"\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)'|(\S+)", re.DOTALL)
_NAME = re.compile(r"[$@%{}()-]*+\w[\w$@%{}()-]*+")  # a macro's arguments begin with a sign
_DEFINED = re.compile(r"\$\{([\w.:-]+)\}")


class Directive(msgspec.Struct):
    """One directive; *words* of its arguments have places that count from its *start*."""

    name: str
    args: list[str]
    spans: list[tuple[int, int]]
    source: Source
    line: int
    start: int
    end: int
    inside: tuple[str, ...] = ()  # sections with their number: ``virtualhost:3:*:80``


def quoted(text: str) -> str:
    r"""*text* as one argument.

    >>> print(quoted('%h "%m"'))
    "%h \"%m\""
    """
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _unquoted(text: str) -> str:
    return re.sub(r"\\([\\\"'])", r"\1", text)


def read_apache(source: Source, files: Files) -> list[Directive]:
    """The directives of *source* and of what it includes.  Raises Unclear."""
    reading = _Reading(files, source)
    return list(reading.through(source, (), (source,)))


class _Reading:
    def __init__(self, files: Files, source: Source) -> None:
        self._files = files
        self._base = Path(source.path).parent
        self._defined: dict[str, str] = {}
        self._sections = 0
        self._left = FILES_MAX

    def through(
        self, source: Source, inside: tuple[str, ...], by: tuple[Source, ...]
    ) -> Iterator[Directive]:
        stack = list(inside)
        for directive in _directives(source):
            section = _SECTION.match(directive.name) if directive.name[:1] == "<" else None
            if section is not None:
                self._section(section, stack, len(inside), directive)
                continue
            directive.inside = tuple(stack)
            directive.args = [self._filled(each) for each in directive.args]
            name = directive.name.lower()
            if name == "define" and len(directive.args) > 1:
                self._defined[directive.args[0]] = directive.args[1]
            elif name in ("include", "includeoptional") and directive.args:
                yield from self._included(directive, by, must=name == "include")
                continue
            elif name == "serverroot" and directive.args:
                root = Path(directive.args[0])
                self._base = root if root.is_dir() else self._base
            yield directive
        if len(stack) > len(inside):
            raise Unclear(f"<{stack[-1].partition(':')[0]}> has no end")

    def _section(
        self, section: re.Match[str], stack: list[str], least: int, directive: Directive
    ) -> None:
        name = section[2].lower()
        if section[1]:
            if len(stack) <= least or stack[-1].partition(":")[0] != name:
                raise Unclear(f"</{name[:40]}> ends nothing", directive.line)
            stack.pop()
            return
        self._sections += 1
        stack.append(f"{name}:{self._sections}:{section[3].strip()}")
        if len(stack) > _NESTED_MAX:
            raise Unclear("is nested too deeply", directive.line)

    def _included(
        self, directive: Directive, by: tuple[Source, ...], *, must: bool
    ) -> Iterator[Directive]:
        found = self._files.included(
            directive.args[0], self._base, directive.source, directive.line, must=must
        )
        for source in found:
            self._left -= 1
            if source in by or len(by) > DEPTH_MAX or self._left < 0:
                told = "includes itself, or too much"
                self._files.told(directive.source.path, told, directive.line)
                continue
            try:
                yield from self.through(source, directive.inside, (*by, source))
            except Unclear as error:
                self._files.told(source.path, error.why, error.line)

    def _filled(self, text: str) -> str:
        return _DEFINED.sub(lambda found: self._defined.get(found[1], found[0]), text)[:10_000]


def _directives(source: Source) -> Iterator[Directive]:
    """Lines, put together where a backslash ends one; comments are lines of their own."""
    at, number = 0, 0
    lines = source.text.split("\n")
    while number < len(lines):
        first, start = number, at
        text = lines[number]
        at += len(text) + 1
        number += 1
        while text.endswith(("\\", "\\\r")) and number < len(lines):
            text += "\n" + lines[number]
            at += len(lines[number]) + 1
            number += 1
        stripped = text.strip()
        if not stripped or stripped.startswith("#"):
            continue
        begin = start + text.index(stripped[0])
        if stripped.startswith("<"):
            yield Directive(stripped, [], [], source, first + 1, begin, begin + len(stripped))
            continue
        joined = stripped.replace("\\\r\n", "   ").replace("\\\n", "  ")  # as long as it was
        words = list(_WORD.finditer(joined))
        if not _NAME.fullmatch(words[0][0]):
            raise Unclear(f"{words[0][0][:40]!r} is no directive", first + 1)
        args = [
            _unquoted(each[1]) if each[1] is not None else each[2] or each[3] or ""
            for each in words[1:]
        ]  # fmt: skip
        spans = [each.span() for each in words[1:]]
        yield Directive(words[0][0], args, spans, source, first + 1, begin, begin + len(stripped))
