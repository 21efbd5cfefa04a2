"""One long file as several, that other processes or machines can look through.

A range starts where a line starts and ends where one ends, so that what is found in all of them,
one after the other, is what is found in the whole.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from typing import NamedTuple, Protocol

__all__ = ["RANGE", "Lines", "Part", "Range", "Seeks", "data_of", "ranges_of"]

RANGE = 64 << 20
"""Bytes of a range, about: long enough that its start costs nothing beside it."""

_STEP = 64 << 10
_HOLE = 1 << 20
_TRIES = 64  # a line of over 4 MiB is not looked through for its end


class Seeks(Protocol):
    """What can be read from anywhere: a file, an object of a store."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to *offset*."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Fill *buffer* as far as there is something; 0 at the end."""


class Range(NamedTuple):
    """Bytes *start* to *end* of a file: whole lines."""

    start: int
    end: int


def ranges_of(source: Seeks, size: int, length: int = RANGE, *, start: int = 0) -> Iterator[Range]:
    r"""The ranges of the *size* first bytes of *source* from *start* on, of about *length* bytes.

    Where no line ends near a border, there is none: a range may be as long as all.

    >>> import io
    >>> [*ranges_of(io.BytesIO(b"one\ntwo\nthree\n"), 14, length=5)]
    [Range(start=0, end=8), Range(start=8, end=14)]
    """
    for border in range(start + length, size, length):
        if border <= start:
            continue
        end = _line_from(source, border - 1, size)
        if end is not None and end < size:
            yield Range(start, end)
            start = end
    yield Range(start, size)


def _line_from(source: Seeks, at: int, size: int) -> int | None:
    """Where the next line starts, behind the first line's end from *at* on."""
    step = bytearray(_STEP)
    view = memoryview(step)
    source.seek(at)
    for _ in range(_TRIES):
        got = source.readinto(view[: max(0, size - at)]) or 0
        found = step.find(b"\n", 0, got)
        if found >= 0:
            return at + found + 1
        if not got:
            return None
        at += got
    return None


def data_of(number: int, size: int) -> Iterator[Range]:
    """Where the *size* first bytes of the file at descriptor *number* are more than a long hole.

    A hole reads as zeros, and takes no room on disk: there may be a terabyte of them.  Nothing
    that the scan looks for goes on behind one, so a line may end at it.
    """
    start = at = 0
    while at < size:
        hole, data = _hole_from(number, at, size)
        if data - hole >= _HOLE:
            if hole > start:
                yield Range(start, hole)
            start = data
        at = data
    if start < size:
        yield Range(start, size)


def _hole_from(number: int, at: int, size: int) -> tuple[int, int]:
    """The next hole from *at* on, and where there are data again; *size* for none."""
    try:
        hole = min(os.lseek(number, at, os.SEEK_HOLE), size)
    except OSError:  # this file system knows of none
        return size, size
    try:
        return hole, min(os.lseek(number, hole, os.SEEK_DATA), size)
    except OSError:  # up to the end
        return hole, size


class Part:
    """The bytes of a range, and no more: what is added to a file meanwhile is not read.

    Reading raises EOFError where the file ends before the range does.
    """

    def __init__(self, source: Seeks, span: Range) -> None:
        source.seek(span.start)
        self._source, self._left = source, span.end - span.start

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill *buffer* as far as there is something; 0 at the end."""
        wanted = buffer[: self._left]
        got = self._source.readinto(wanted) or 0
        if not got and len(wanted):
            raise EOFError
        self._left -= got
        return got


class Lines:
    """Numbers lines of a file where somebody asks: counting them costs more than finding tokens.

    It reads on from where it was asked last, so ask in order.
    """

    def __init__(self, source: Seeks) -> None:
        self._source = source
        self._at, self._count = 0, 0
        self._step = bytearray(4 * _STEP)

    def number(self, offset: int) -> int:
        r"""The number of the line that *offset* is in, from 1.

        >>> import io
        >>> Lines(io.BytesIO(b"one\ntwo\n")).number(5)
        2
        """
        view = memoryview(self._step)
        self._source.seek(self._at)
        while self._at < offset:
            self._pass_holes(offset)
            got = self._source.readinto(view[: offset - self._at]) or 0
            if not got:  # it is shorter than it was
                break
            self._count += self._step.count(b"\n", 0, got)
            self._at += got
        return self._count + 1

    def _pass_holes(self, offset: int) -> None:
        """Go on where there are data again, but not beyond *offset*."""
        try:
            number = self._source.fileno()  # type: ignore[attr-defined]
            data = os.lseek(number, self._at, os.SEEK_DATA)
        except (AttributeError, OSError) as error:
            if getattr(error, "errno", None) != errno.ENXIO:  # no file, or one without holes
                return
            data = offset  # nothing but a hole follows
        self._at = min(data, offset)
        self._source.seek(self._at)
