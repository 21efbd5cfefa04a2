"""One file that grows: read as far as there are whole lines, and later on from there."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from enum import Enum
from typing import BinaryIO, cast

from headway.redact import redact
from headway.scan.blocks import FIELDS, Needles
from headway.scan.findings import Fingerprints
from headway.scan.follow.state import FOOT, HEAD, Known
from headway.scan.logs import Found, Reading, found_in
from headway.scan.readers import BREAKS, Compression, Reads, check_text, compression_of, opened

__all__ = ["LINE_WAITED_FOR", "ROUND", "Same", "Tail", "goes_on"]

ROUND = 8 * 2**20
"""Bytes of one file that are read before others have their turn."""

LINE_WAITED_FOR = 4 * 2**20
"""The longest unfinished line that is waited for; a longer one is read in pieces."""

_STEP = 65_536
_NO_TOKEN = b" \"'<>\t\r\x00"  # at one of these, a line can be parted: no token has it in it


class _Between(io.RawIOBase):
    """Bytes of a file from *start* to *stop*; its position is its own, whoever reads it too."""

    def __init__(self, raw: BinaryIO, start: int = 0, stop: int = sys.maxsize) -> None:
        self._number, self._at, self._stop = raw.fileno(), start, stop

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        size = min(len(buffer), self._stop - self._at)
        got = os.preadv(self._number, [buffer[:size]], self._at) if size > 0 else 0
        self._at += got
        return got


class _WholeLines:
    """What *source* gives, up to the last line end of each piece; the rest at its true end.

    So, where a compressed file breaks off, nothing was handed out of a line that is not whole.
    """

    def __init__(self, source: Reads) -> None:
        self._source = source
        self._held = b""
        self._out = memoryview(b"")

    def readinto(self, buffer: memoryview, /) -> int:
        while not self._out:
            step = bytearray(_STEP)
            got = self._source.readinto(memoryview(step)) or 0
            data = self._held + step[:got]
            if not data:
                return 0
            stop = data.rfind(b"\n") + 1 if got and len(data) < LINE_WAITED_FOR else len(data)
            self._out, self._held = memoryview(data[:stop]), data[stop:]
        size = min(len(buffer), len(self._out))
        buffer[:size] = self._out[:size]
        self._out = self._out[size:]
        return size


class _Counted:
    """Notes in *tail* how far it was read."""

    def __init__(self, source: Reads, tail: Tail) -> None:
        self._source, self._tail = source, tail

    def readinto(self, buffer: memoryview, /) -> int:
        got = self._source.readinto(buffer) or 0
        self._tail.offset += got
        self._tail.lines += bytes(buffer[:got]).count(b"\n")
        return got


class Tail:
    """The file at *file*, whose findings name *path*: what was read of it, and what is new.

    ``changed`` says that there may be something new; ``found`` is what the file is like.
    Making one raises OSError, where *file* can not be opened.
    """

    def __init__(self, path: str, file: str) -> None:
        self.path, self.file = path, file
        self.offset = self.lines = 0
        self.changed = True
        self.quiet_since = 0.0
        self._fields_at = -1
        self._known: Known | None = None
        self._reading: Reading | None = None
        self._looked = 0  # from the offset to here there is no line end
        self._open = ExitStack()
        self._compression: Compression | None = None
        self._raw: BinaryIO | None
        self._raw, self.found = self._opened()

    # ---- the file ---------------------------------------------------------------------------

    def raw(self) -> BinaryIO:
        """The file, open; raises OSError, also where it is not where it was."""
        if self._raw is not None:
            return self._raw
        raw, found = self._opened()
        if _key(found) != self.key:
            self.close()
            raise FileNotFoundError(2, "another file is there now")
        self._raw = raw
        return raw

    def _opened(self) -> tuple[BinaryIO, os.stat_result]:
        raw, found = self._open.enter_context(opened(self.file))
        self._compression = _compression(raw)
        return raw, found

    @property
    def is_open(self) -> bool:
        """Whether it takes one of the process's open files."""
        return self._raw is not None

    @property
    def is_compressed(self) -> bool:
        """Whether it is read whole, and not by its bytes."""
        return self._compression is not None

    @property
    def key(self) -> tuple[int, int]:
        """What names the file, whatever it is called."""
        return _key(self.found)

    def look(self, found: os.stat_result) -> bool:
        """Note *found*: what it is like now; whether it was written to since."""
        written = _written(found) != _written(self.found)
        self.changed, self.found = self.changed or written, found
        return written

    def close(self) -> None:
        """Close the file; it is opened again when it is read."""
        self._open.close()
        self._raw = None

    # ---- reading ----------------------------------------------------------------------------

    def begin_anew(self) -> None:
        """Read it from its start: it was cut, and others write to it again."""
        self.offset = self.lines = self._looked = 0
        self._fields_at, self._reading, self.changed = -1, None, True
        self._known = None

    def new(self, needles: Needles, *, finish: bool = False) -> Iterator[Found]:
        """What is found in what is new: one round of it.

        The last line is waited for, unless *finish* says that nothing will follow.  Raises
        what reading raises; what was handed out before counts as read.
        """
        raw, base, start = self.raw(), self.lines, self.offset
        if not start:  # it may have been empty when it was opened
            self._compression = _compression(raw)
            check_text(os.pread(raw.fileno(), 4, 0))
        if self._reading is None:
            self._reading = self._primed(raw)
        if self._compression is None:
            source: Reads = _Between(raw, start, self._stop(raw, finish))
        else:
            self.changed = False
            source = _WholeLines(_unpacked(raw, start))
        for found in found_in(
            _Counted(source, self), self.path, needles, offset=start, reading=self._reading
        ):
            yield found._replace(line=found.line._replace(number=found.line.number + base))
        self._fields_at = max(self._fields_at, self._reading.fields_at)

    def _stop(self, raw: BinaryIO, finish: bool) -> int:
        """Up to where there are whole lines, as far as one round goes."""
        size = os.fstat(raw.fileno()).st_size
        end = min(size, self.offset + ROUND)
        self.changed = end < size
        if finish and end == size:
            return end
        at, low = end, max(self.offset, self._looked)
        while at > low:
            step = max(low, at - _STEP)
            place = os.pread(raw.fileno(), at - step, step).rfind(b"\n")
            if place >= 0:
                return step + place + 1
            at = step
        self._looked = end
        return self.offset if end - self.offset < LINE_WAITED_FOR else _parted(raw, end)

    def _primed(self, raw: BinaryIO) -> Reading:
        """A reading that knows the columns, where a line before the offset names them."""
        if self.offset and self._compression is None and self._fields_at >= 0:
            start = os.pread(raw.fileno(), HEAD, self._fields_at).partition(b"\n")[0]
        else:
            start = _ends(raw, min(HEAD, self.offset))[0]
        named = [line for line in start.splitlines() if line.startswith(FIELDS)]
        return Reading(named[-1] if named else b"")

    # ---- what is kept -----------------------------------------------------------------------

    def known(self, prints: Fingerprints) -> Known:
        """How far it was read."""
        before = self._known
        if before is not None and (before.key, before.offset) == (self.key, self.offset):
            return before
        try:
            head, foot = _ends(self.raw(), self.offset)
        except BREAKS:
            head = foot = b""
        self._known = Known(
            path=redact(os.fsencode(self.path).decode("utf-8", "replace")),
            device=self.found.st_dev,
            inode=self.found.st_ino,
            offset=self.offset,
            lines=self.lines,
            head=prints.of("head", "", head),
            foot=prints.of("foot", "", foot),
            fields_at=self._fields_at,
            at=self.found.st_mtime,
        )
        return self._known

    def is_still(self, prints: Fingerprints) -> bool:
        """Whether what was read still stands there: nobody cut it, or wrote it anew."""
        if self.is_compressed or self._known is None:
            return True
        try:
            return goes_on(self._known, self.raw(), prints) is Same.YES
        except OSError:
            return True  # the next look says more

    def resume(self, known: Known) -> None:
        """Go on where *known* says that somebody was."""
        self.offset, self.lines, self._fields_at = known.offset, known.lines, known.fields_at

    def pass_over(self) -> None:
        """Go on after the last whole line that is there now."""
        for piece in _pieces(_source(self.raw()), sys.maxsize):
            self.lines += piece.count(b"\n")
            place = piece.rfind(b"\n")
            self.offset = self.offset if place < 0 else self._looked + place + 1
            self._looked += len(piece)
        self._looked = 0


class Same(Enum):
    """Whether a file is the one that was read."""

    YES = "yes"
    NO = "no"
    NOT_YET = "so far"  # it begins so, and ends before it could be said


def goes_on(known: Known, raw: BinaryIO, prints: Fingerprints) -> Same:
    """Whether *raw*, decompressed, holds what *known* says was read, and perhaps more."""
    try:
        head, _ = _ends(raw, min(HEAD, known.offset))
        if prints.of("head", "", head) != known.head:
            return Same.NOT_YET if len(head) < min(HEAD, known.offset) else Same.NO
        _, foot = _ends(raw, known.offset)
    except EOFError:
        return Same.NOT_YET
    except BREAKS:
        return Same.NO
    if prints.of("foot", "", foot) == known.foot:
        return Same.YES
    return Same.NOT_YET if len(foot) < min(FOOT, known.offset) else Same.NO


def _ends(raw: BinaryIO, offset: int) -> tuple[bytes, bytes]:
    """How *raw* begins, and what stands before *offset*, decompressed."""
    number = raw.fileno()
    if _compression(raw) is None:
        head = os.pread(number, min(HEAD, offset), 0)
        return head, os.pread(number, min(FOOT, offset), offset - min(FOOT, offset))
    head = foot = b""
    for piece in _pieces(_source(raw), offset):
        head = head if len(head) >= HEAD else (head + piece)[:HEAD]
        foot = (foot + piece)[-FOOT:]
        offset -= len(piece)
    return head, b"" if offset else foot


def _compression(raw: BinaryIO) -> Compression | None:
    return compression_of(os.pread(raw.fileno(), 6, 0))


def _source(raw: BinaryIO) -> Reads:
    """*raw* from its start, decompressed."""
    found = _compression(raw)
    if found is None:
        return _Between(raw)
    return found.reader(cast("BinaryIO", io.BufferedReader(_Between(raw), 1 << 17)))


def _unpacked(raw: BinaryIO, start: int) -> Reads:
    """*raw* decompressed, from *start* on."""
    source = _source(raw)
    for _ in _pieces(source, start):
        pass
    return source


def _pieces(source: Reads, size: int) -> Iterator[bytes]:
    """The first *size* bytes of *source*."""
    buffer = bytearray(_STEP)
    view = memoryview(buffer)
    while size > 0 and (got := source.readinto(view[: min(size, _STEP)]) or 0):
        yield bytes(view[:got])
        size -= got


def _parted(raw: BinaryIO, end: int) -> int:
    """Where a line that is too long can be parted, at *end* or shortly before it."""
    low = max(0, end - _STEP)
    data = os.pread(raw.fileno(), end - low, low)
    place = max(data.rfind(bytes([mark])) for mark in _NO_TOKEN)
    return low + place if place > 0 else end


def _key(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino


def _written(found: os.stat_result) -> tuple[int, int]:
    return found.st_size, found.st_mtime_ns
