"""From bytes to the lines in which there may be something, as fast as memory can be read.

One buffer is filled again and again; whole lines of it are looked through for the needles at once.
Lines are cut out only where a needle is.  A line that is longer than the buffer is
looked at in pieces that overlap by more than a token, so that memory is bounded whatever comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import ahocorasick_rs

from headway.scan.hits import NEEDLES
from headway.scan.readers import BREAKS, Reads
from headway.scan.tokens import TOKEN_MAX

__all__ = ["BLOCK", "FIELDS", "Block", "Line", "Needles", "blocks_of", "lines_of"]

BLOCK = 262_144
"""Bytes of the buffer: it stays in the second cache of a core."""

FIELDS = b"#Fields:"
"""Names the columns of what follows (W3C extended logs), anywhere in a file."""

_CONTEXT = 256  # what a piece repeats of the one before, to see what stands before a token
_OVERLAP = TOKEN_MAX + _CONTEXT
_SHORT = 3


class Block(NamedTuple):
    """What is in the buffer: whole lines, or a piece of one that is longer than it.

    ``low`` to ``high`` is this block's own; before it stands what the block before had, after
    it what the next will have too.  It is good until the next one is asked for.
    """

    buffer: bytearray
    view: memoryview
    offset: int  # of its first byte
    low: int
    high: int

    @property
    def is_piece(self) -> bool:
        """Whether it ends inside a line."""
        return self.high != len(self.view)


class Line(NamedTuple):
    """A line, or a piece of one that is too long: what starts in *low* to *high* is its own."""

    data: bytes
    offset: int  # of its first byte
    number: int  # from 1; 0 where lines are not counted
    whole: bool
    low: int
    high: int


class Needles:
    """Finds the needles in a buffer; one for each process.

    The search looks at as many bytes at once as its shortest needle has: with three it is slow
    where there are many needles, with four and more it is not.  So there are two.
    """

    def __init__(self, needles: tuple[bytes, ...] = (*NEEDLES, FIELDS)) -> None:
        short = [each for each in needles if len(each) <= _SHORT]
        long = [each for each in needles if len(each) > _SHORT]
        # Without leftmost-first the search has no fast path for more than one needle.
        self._finders = [
            ahocorasick_rs.BytesAhoCorasick(some, matchkind=ahocorasick_rs.MatchKind.LeftmostFirst)
            for some in (short, long)
            if some
        ]

    def places(self, view: memoryview | bytes) -> list[int]:
        """Where they start in *view*, in order."""
        places: list[int] = []
        for finder in self._finders:
            found = finder.find_matches_as_indexes(view)
            if found:
                places += [start for _, start, _ in found]
        places.sort()
        return places


def blocks_of(source: Reads, *, offset: int = 0) -> Iterator[Block]:
    """All bytes of *source*, which starts at *offset*, in blocks.

    Where reading breaks off, what was read comes first, and then what the source raised.
    """
    buffer = bytearray(BLOCK + _OVERLAP)
    view = memoryview(buffer)
    filled = low = 0
    broken: BaseException | None = None
    while True:
        try:
            got = source.readinto(view[filled:]) or 0
        except BREAKS as error:
            got, broken = 0, error
        filled += got
        last = got == 0
        # (1) up to where there are whole lines, or as far as a piece goes
        stop = filled if last else buffer.rfind(b"\n", 0, filled) + 1
        high = stop
        if not stop and not last:
            if filled < len(buffer):
                continue
            stop, high = filled, filled - _OVERLAP
        block = Block(buffer, view[:stop], offset, low, high)
        yield block
        if broken is not None:
            raise broken
        if last:
            return
        # (2) what is left goes to the front
        keep, low = (high - _CONTEXT, _CONTEXT) if block.is_piece else (stop, 0)
        view[: filled - keep] = view[keep:filled]
        filled -= keep
        offset += keep


def lines_of(
    source: Reads,
    needles: Needles,
    *,
    numbered: Callable[[], bool] = lambda: True,
    offset: int = 0,
) -> Iterator[Line]:
    r"""The lines of *source* in which a needle is; *offset* is where it starts.

    Counting lines costs more than finding needles: once *numbered* says no, numbers are 0.

    >>> import io
    >>> [line.number for line in lines_of(io.BytesIO(b"a\n?jwt=b\nc"), Needles())]
    [2]
    """
    number = 1
    for block in blocks_of(source, offset=offset):
        yield from lines_in(block, needles, number)
        number = number if numbered() else 0
        if number:
            number += block.buffer.count(b"\n", block.low, block.high)


def lines_in(block: Block, needles: Needles, number: int = 0) -> Iterator[Line]:
    """The lines of *block* in which a needle is; *number* is that of its first, 0 for none."""
    buffer, view, offset, low, high = block
    end, counted, size = 0, low, len(view)
    for place in needles.places(view):
        if place < end:
            continue
        start = buffer.rfind(b"\n", 0, place) + 1
        end = buffer.find(b"\n", place, size)
        end = size if end < 0 else end
        if number and start > counted:
            number += buffer.count(b"\n", counted, start)
            counted = start
        yield Line(
            bytes(view[start:end]),
            offset + start,
            number,
            (start > 0 or low == 0) and (end < size or not block.is_piece),
            max(0, low - start),
            max(0, min(high, end) - start),
        )
