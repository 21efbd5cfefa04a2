"""A clean copy of a file: every byte as it was, but for the tokens.

The copy is read again before it takes its place: where a second scan finds
anything, nothing is written.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

import msgspec

from headway.redact import MARKER
from headway.scan.blocks import Block, Needles, blocks_of, lines_in
from headway.scan.hits import found_in_line
from headway.scan.ranges import Part, Seeks, data_of
from headway.scan.readers import BREAKS, Compression, Reads, broken_off, opened, source_of
from headway.scan.tokens import rest_of_token
from headway.scan.writing import NotWritten, replacing

__all__ = ["Redacted", "check_clean", "copy_redacted", "redact_file", "redact_stream"]

_MARK = MARKER.encode()
_PARTS = 512  # of one call to the system: its limit is 1024


class Redacted(msgspec.Struct, frozen=True):
    """What was done: how many tokens went, of how many bytes."""

    tokens: int
    bytes: int


def redact_stream(source: Reads, out: BinaryIO, needles: Needles) -> Redacted:
    """Copy *source* to *out* without its tokens.

    >>> import io
    >>> out = io.BytesIO()
    >>> redact_stream(io.BytesIO(b"?jwt=eyJhbGciOiJub25lIn0.e30.&a=1"), out, Needles()).tokens
    1
    >>> out.getvalue()
    b'?jwt=REDACTED&a=1'
    """
    count = total = done = 0
    inside = False  # of a token that is longer than a piece shows
    for block in blocks_of(source):
        parts: list[memoryview | bytes] = []
        at = max(block.low, done - block.offset)
        if inside:
            at = rest_of_token(block.view, at, len(block.view))
        for start, end in _spans(block, needles):
            if start < at:
                continue
            parts += [block.view[at:start], _MARK]
            at = end
            count += 1
        if at < block.high:
            parts.append(block.view[at : block.high])
        done = block.offset + max(at, block.high)
        inside = block.is_piece and at == len(block.view)
        total = block.offset + block.high
        _write(out, parts)
    return Redacted(count, total)


def _spans(block: Block, needles: Needles) -> Iterator[tuple[int, int]]:
    """Where tokens stand in *block* that are its own, in order."""
    for line in lines_in(block, needles):
        start = line.offset - block.offset
        own = (
            (start + token.start, start + token.end)
            for token, _, _ in found_in_line(line.data)
            if line.low <= token.start < line.high
        )
        yield from sorted(own)


def _write(out: BinaryIO, parts: list[memoryview | bytes]) -> None:
    """All of *parts*, without copying them together where *out* is a file."""
    try:
        number = out.fileno() if getattr(out, "closefd", None) else -1
    except OSError:
        number = -1
    if number < 0:
        for part in parts:
            out.write(part)
        return
    for low in range(0, len(parts), _PARTS):
        some = parts[low : low + _PARTS]
        wanted = sum(map(len, some))
        got = os.writev(number, some)
        if got < wanted:  # a full disk says so at the next write
            rest = memoryview(b"".join(some))[got:]
            while rest:
                rest = rest[os.write(number, rest) :]


def redact_file(
    path: str, target: Path, needles: Needles, *, in_place: bool = False, backup: str | None = None
) -> Redacted:
    """Write *path* without its tokens to *target*: compressed, with mode and owner, as it is.

    Raises NotWritten, and leaves everything as it was, where *path* can not be
    read whole, is a link or has other names (*in_place*), changes meanwhile, or
    where the copy is not clean.
    """
    if in_place and os.path.islink(path):  # noqa: PTH114 - a name need not be text
        raise NotWritten(f"{path}: is a link; name the file that it leads to")
    try:
        with opened(path) as (raw, before), replacing(target) as new:
            if in_place and before.st_nlink > 1:
                raise NotWritten(f"{path}: has {before.st_nlink} names (hard links)")
            source, compression = source_of(raw)
            if compression is None and before.st_size:
                done = _copy_by_data(raw, before.st_size, new.raw, needles)
            else:
                done = copy_redacted(source, compression, new.raw, needles)
            check_clean(new.raw, path, needles)
            after = os.fstat(raw.fileno())
            if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
                raise NotWritten(f"{path}: was written to meanwhile; try again when it is not")
            new.like(before)
            new.commit(before if in_place else None, backup=backup)
            return done
    except BREAKS as error:
        raise NotWritten(f"{path}: {broken_off(error)}") from None


def _copy_by_data(raw: BinaryIO, size: int, out: BinaryIO, needles: Needles) -> Redacted:
    """Copy the *size* first bytes of *raw*; where it has a long hole, the copy has one too."""
    tokens = at = 0
    for data in data_of(raw.fileno(), size):
        out.seek(data.start - at, os.SEEK_CUR)
        tokens += redact_stream(Part(cast("Seeks", raw), data), out, needles).tokens
        at = data.end
    out.truncate(out.seek(size - at, os.SEEK_CUR))
    return Redacted(tokens, size)


def copy_redacted(
    source: Reads, compression: Compression | None, raw: BinaryIO, needles: Needles
) -> Redacted:
    """Write *source* without its tokens to the file *raw*, compressed as it was."""
    if compression is None:
        return redact_stream(source, raw, needles)
    with (
        open(raw.fileno(), "wb", buffering=1 << 20, closefd=False) as buffered,
        compression.writer(buffered) as out,
    ):
        return redact_stream(source, out, needles)


def check_clean(raw: BinaryIO, path: str, needles: Needles) -> None:
    """Read the copy *raw* of *path* as the scan would, to its end.  Raises NotWritten."""
    raw.seek(0)
    source, compression = source_of(raw)
    parts: Iterable[Reads] = (source,)
    if compression is None:
        spans = data_of(raw.fileno(), os.fstat(raw.fileno()).st_size)
        parts = (Part(cast("Seeks", raw), span) for span in spans)
    for part in parts:
        for block in blocks_of(part):
            if next(_spans(block, needles), None) is not None:
                raise NotWritten(
                    f"{path}: a second look at the copy found something; nothing written"
                )
