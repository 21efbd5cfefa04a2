"""nginx's configuration as statements with their places: read by NGINX's own ``crossplane``."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
from crossplane.errors import NgxParserBaseException
from crossplane.lexer import lex

from headway.scan.proxy.edits import Source
from headway.scan.proxy.files import DEPTH_MAX, FILES_MAX, Files, Unclear

__all__ = ["Statement", "read_nginx", "with_includes"]

_NESTED_MAX = 100


class Statement(msgspec.Struct):
    """A directive: *start* to *end* in its source, up to its ``;`` or the ``{`` of its *block*."""

    name: str
    args: list[str]
    source: Source
    line: int
    start: int
    end: int = 0
    block: list[Statement] | None = None

    @property
    def raw(self) -> str:
        """As it stands there."""
        return self.source.text[self.start : self.end]


class _Token(NamedTuple):
    text: str
    line: int
    quoted: bool
    start: int
    end: int


def read_nginx(source: Source) -> list[Statement]:
    """The statements of *source*; includes are statements like others.  Raises Unclear."""
    top: list[Statement] = []
    blocks = [top]
    current: Statement | None = None
    for token in _tokens(source):
        if token.quoted or token.text not in ("{", "}", ";"):
            if current is None:
                current = Statement(token.text, [], source, token.line, token.start)
            else:
                current.args.append(token.text)
            continue
        if token.text == "}":
            if current is not None:
                raise Unclear(f"{current.name[:40]!r} has no end", current.line)
            blocks.pop()
            continue
        if current is None:
            raise Unclear(f"a statement is missing before {token.text!r}", token.line)
        current.end = token.start
        blocks[-1].append(current)
        if token.text == "{":
            current.block = []
            blocks.append(current.block)
            if len(blocks) > _NESTED_MAX:
                raise Unclear("is nested too deeply", token.line)
        current = None
    if current is not None:
        raise Unclear(f"{current.name[:40]!r} has no end", current.line)
    return top


def _tokens(source: Source) -> Iterator[_Token]:
    """Crossplane's tokens with their places: it tells lines, the text has the rest."""
    at = 0
    try:
        for text, line, quoted in _lexed(source.text):
            if text.startswith("#") and not quoted:
                continue
            at = _start(source, at, text, line, quoted)
            end = _end(source.text, at, text, quoted)
            yield _Token(text, line, quoted, at, end)
            at = end
    except NgxParserBaseException as error:
        raise Unclear(str(error.strerror), error.lineno) from None


def _lexed(text: str) -> Iterator[tuple[str, int, bool]]:
    """Crossplane reads files: this one has no name, and is what was read already."""
    with tempfile.TemporaryFile() as file:
        file.write(f"{text}\n".encode("utf-8", "replace"))  # the last word ends, too
        file.seek(0)
        yield from lex(os.dup(file.fileno()))


def _start(source: Source, at: int, text: str, line: int, quoted: bool) -> int:
    """Where the token *text* starts, not before *at*; *line* helps where something was left out."""
    whole = source.text
    for begin in (at, max(at, source.offset(line))):
        place = _past_space(whole, begin)
        if (whole[place : place + 1] in ("'", '"')) if quoted else whole.startswith(text, place):
            return place
    return max(whole.find(text, at), at)


def _past_space(whole: str, at: int) -> int:
    """Behind white space and comments."""
    while at < len(whole):
        if whole[at] == "#":
            end = whole.find("\n", at)
            at = len(whole) if end < 0 else end
        elif not whole[at].isspace():
            break
        else:
            at += 1
    return at


def _end(whole: str, at: int, text: str, quoted: bool) -> int:
    quote = whole[at : at + 1]
    if not quoted or quote not in ('"', "'"):
        return at + len(text)
    end = at + 1
    while end < len(whole) and whole[end] != quote:
        end += 2 if whole[end] == "\\" else 1
    return min(end + 1, len(whole))


def with_includes(statements: list[Statement], files: Files, base: Path) -> list[Statement]:
    """*statements* with those of the files that they include; paths count from *base*.

    A file that includes itself, in however many steps, is told of, and not followed.
    """
    return _Including(files, base).through(statements, ())


class _Including:
    def __init__(self, files: Files, base: Path) -> None:
        self._files, self._base = files, base
        self._left = FILES_MAX

    def through(self, statements: list[Statement], inside: tuple[Source, ...]) -> list[Statement]:
        out: list[Statement] = []
        for each in statements:
            if each.name == "include" and each.args and each.block is None:
                out += self._file(each, inside)
                continue
            if each.block is not None:
                each.block = self.through(each.block, inside)
            out.append(each)
        return out

    def _file(self, include: Statement, inside: tuple[Source, ...]) -> Iterator[Statement]:
        by = include.source
        inside = inside if by in inside else (*inside, by)
        found = self._files.included(include.args[0], self._base, by, include.line)
        for source in found:
            self._left -= 1
            if source in inside or len(inside) > DEPTH_MAX or self._left < 0:
                self._files.told(by.path, "includes itself, or too much", include.line)
                continue
            try:
                yield from self.through(read_nginx(source), (*inside, source))
            except Unclear as error:
                self._files.told(source.path, error.why, error.line)
