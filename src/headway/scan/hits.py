"""What is in a line of text: tokens, and values named like one, each with where it stands."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import msgspec

from headway.scan.names import NAME_NEEDLES, named_values
from headway.scan.tokens import STARTS, Token, TokenKind, read_token

__all__ = ["NEEDLES", "Hit", "Parts", "found_in_line", "hits_at", "hits_in"]

Parts = tuple[tuple[str, int, int], ...]
"""Spans of a line by their names: ``url``, ``referer``, ``redirect`` ..."""

NEEDLES = (*STARTS, *NAME_NEEDLES)
"""A text that has none of them has nothing that this module finds."""

# What is shorter is no header: {"alg":""} has 14 letters.
_START = re.compile(rb"(?:" + b"|".join(STARTS) + rb")[A-Za-z0-9_-]{11}")
_BEFORE = 120  # bytes before a token that say where it stands
_ENCODED = re.compile(rb"(?:%3[Dd]|%253[Dd])\Z")
_PARAMETER = re.compile(
    rb"(?:[?&;#\s\"'\t]|\A|%3[Ff]|%26|\\?u0026|&amp;)[\w.\[\]-]{1,60}(?:=|\\u003[Dd])\Z"
)
_REFERER = re.compile(rb"(?i)referr?er[\"'\\]{0,4}\s?(?::|=|=>|,)\s?[\[\"'\\\s]{0,6}[^\s\"']*\Z")
_REDIRECT = re.compile(rb"(?i)(?:location|redirect\w*)[\"'\\]{0,4}\s?(?::|=|=>)\s?[^\s\"']*\Z")
_IN_URL = re.compile(rb"(?:https?:)?(?:\\?/){1,2}[^\s\"'<>]*\Z|\A[^\s\"'<>]*/[^\s\"'<>]*\Z")
_HEADER = re.compile(rb"(?i)(?:authorization|cookie)[\"'\\]{0,4}\s?[:=]")


class Hit(msgspec.Struct, frozen=True, gc=False):
    """A token, or a value named like one, and the part of the line that it stands in."""

    token: Token
    within: str
    name: str = ""  # the parameter, for an opaque one


def hits_in(line: bytes, parts_of: Callable[[], Parts] = tuple) -> Iterator[Hit]:
    """What stands in *line*; *parts_of* is asked for its parts once there is something.

    >>> [hit.within for hit in hits_in(b"GET /x?jwt=eyJhbGciOiJub25lIn0.e30. HTTP/1.1")]
    ['url']
    """
    found = found_in_line(line)
    if found:
        yield from hits_at(line, found, parts_of())


def hits_at(line: bytes, found: list[tuple[Token, str, int]], parts: Parts) -> Iterator[Hit]:
    """What was *found* in *line* (:func:`found_in_line`), with the part that each stands in."""
    for token, name, level in found:
        within = _within(line, token.start, parts)
        yield Hit(token, "redirect" if level and within == "url" else within, name)


def found_in_line(line: bytes) -> list[tuple[Token, str, int]]:
    """What stands in *line*: token, name of its parameter (of an opaque one), depth of escapes."""
    found = [*_tokens(line)]
    found += _named(line, found)
    return found


def _tokens(line: bytes) -> Iterator[tuple[Token, str, int]]:
    """What is a token by what it is."""
    at, end = 0, len(line)
    while (found := _START.search(line, at)) is not None:
        token = read_token(line, found.start(), end)
        at = found.start() + 3 if token is None else token.end
        if token is not None:
            yield token, "", 0


def _named(line: bytes, tokens: list[tuple[Token, str, int]]) -> Iterator[tuple[Token, str, int]]:
    """What is one by the name of a parameter, and not by what it is."""
    for name, start, end, level in named_values(line):
        if not any(token.start < end and start < token.end for token, _, _ in tokens):
            yield Token(start, end, TokenKind.OPAQUE), name, level


def _within(line: bytes, at: int, parts: Parts) -> str:
    """The part of *line* that *at* stands in: by its format, else by what stands before."""
    before = line[max(0, at - _BEFORE) : at]
    named = next((name for name, start, end in parts if start <= at < end), "")
    if named in ("", "url"):
        if _ENCODED.search(before):
            return "redirect"
        if named:
            return named
    elif named:
        return named
    if _REFERER.search(before):
        return "referer"
    if _REDIRECT.search(before):
        return "redirect"
    if _HEADER.search(before):
        return "text"
    if _PARAMETER.search(before) or _IN_URL.search(before):
        return "url"
    return "text"
