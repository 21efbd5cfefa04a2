"""Where bytes come from: files, folders, standard input; plain or compressed.

What a file is, its first bytes say, not its name.  Only regular files are
opened: a pipe never ends, a device may do anything.  Whatever can not be read is told of.
"""

from __future__ import annotations

import bz2
import glob
import lzma
import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, Literal, Protocol, cast

import msgspec
from isal import igzip
from isal.igzip_lib import IsalError

from headway.scan.findings import Unread

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = [
    "COMPRESSIONS",
    "STANDARD_INPUT",
    "Compression",
    "Reads",
    "broken_off",
    "compression_of",
    "files_in",
    "opened",
    "source_of",
    "zstd",
]

STANDARD_INPUT = "-"

_WINDOW_LOG = 27  # 128 MiB: a frame that wants more is refused


class Reads(Protocol):
    """What the scan asks of a source."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Fill *buffer* as far as there is something; 0 at the end."""


class Compression(msgspec.Struct, frozen=True):
    """How a file is compressed: its first bytes, what reads it and what writes it."""

    name: str
    magic: bytes
    reader: Callable[[BinaryIO], Reads]
    writer: Callable[[BinaryIO], BinaryIO]


def _gzip(raw: BinaryIO, mode: str) -> Any:
    if mode == "rb":
        return igzip.IGzipFile(fileobj=raw, mode=mode)  # type: ignore[no-untyped-call]
    return igzip.IGzipFile(fileobj=raw, mode=mode, mtime=0)  # type: ignore[no-untyped-call]


def _xz(raw: BinaryIO, mode: Literal["rb", "wb"]) -> lzma.LZMAFile:
    return lzma.LZMAFile(raw, mode)


def _zstd(raw: BinaryIO, mode: Literal["rb", "wb"]) -> zstd.ZstdFile:
    if mode == "wb":
        return zstd.ZstdFile(raw, mode)
    return zstd.ZstdFile(raw, options={zstd.DecompressionParameter.window_log_max: _WINDOW_LOG})


COMPRESSIONS = (
    Compression(
        "gzip",
        b"\x1f\x8b",
        lambda raw: _gzip(raw, "rb"),
        lambda raw: _gzip(raw, "wb"),
    ),
    Compression(
        "zstd",
        b"\x28\xb5\x2f\xfd",
        lambda raw: cast("Reads", _zstd(raw, "rb")),
        lambda raw: cast("BinaryIO", _zstd(raw, "wb")),
    ),
    Compression(
        "bzip2",
        b"BZh",
        lambda raw: cast("Reads", bz2.BZ2File(raw)),
        lambda raw: cast("BinaryIO", bz2.BZ2File(raw, "wb")),
    ),
    Compression(
        "xz",
        b"\xfd7zXZ\x00",
        lambda raw: cast("Reads", _xz(raw, "rb")),
        lambda raw: cast("BinaryIO", _xz(raw, "wb")),
    ),
)


def compression_of(start: bytes) -> Compression | None:
    """What a file that starts so is compressed with; None: it is not.

    >>> compression_of(b"BZh91AY")
    Compression(name='bzip2', ...)
    """
    return next((each for each in COMPRESSIONS if start.startswith(each.magic)), None)


def broken_off(error: BaseException) -> str:
    """Why reading stopped, as a reason to be told: never what stood in the file."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    if isinstance(error, EOFError):
        return "ends before its end: it is cut, or somebody still writes it"
    return "is damaged: it can not be decompressed"


BREAKS = (
    OSError,
    EOFError,
    ValueError,
    lzma.LZMAError,
    zstd.ZstdError,
    igzip.BadGzipFile,
    cast("type[Exception]", IsalError),  # its types call it an exception, not a class of them
)
"""What reading may raise."""


@contextmanager
def opened(path: str) -> Iterator[tuple[BinaryIO, os.stat_result]]:
    """The regular file at *path*, raw; a link is followed, and nothing but a file is opened.

    Raises OSError, also for what is no file.
    """
    number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(number, "rb", buffering=0) as raw:  # noqa: PTH123 - a descriptor, no path
        found = os.fstat(number)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(0, _sort(found.st_mode))
        yield cast("BinaryIO", raw), found


def source_of(raw: BinaryIO) -> tuple[Reads, Compression | None]:
    """What *raw* (which can seek) gives, decompressed."""
    start = raw.read(6)
    raw.seek(0)
    compression = compression_of(start)
    if compression is None:
        return cast("Reads", raw), None
    buffered = open(raw.fileno(), "rb", buffering=1 << 17, closefd=False)  # noqa: SIM115
    return compression.reader(buffered), compression


def _sort(mode: int) -> str:
    sorts = (
        (stat.S_ISFIFO, "is a pipe"),
        (stat.S_ISSOCK, "is a socket"),
        (stat.S_ISDIR, "is a folder"),
        (stat.S_ISLNK, "is a link"),
    )
    return next((name for test, name in sorts if test(mode)), "is a device")


def files_in(
    named: Iterable[str], unread: Callable[[Unread], None], *, follow: bool = False
) -> Iterator[str]:
    """The files that *named* means: files, folders, patterns with ``*``, ``-``; each one once.

    Links inside of folders are followed only where *follow* says so, and never in a circle.
    """
    seen: set[tuple[int, int]] = set()
    for name in named:
        if name == STANDARD_INPUT:
            yield name
            continue
        found = [name]
        if not os.path.lexists(name) and glob.has_magic(name):
            found = sorted(glob.glob(name, recursive=True, include_hidden=True))  # noqa: PTH207 - any name
            if not found:
                unread(Unread(name, "fits no file"))
        for path in found:
            yield from _below(path, unread, seen, follow)


def _below(
    path: str, unread: Callable[[Unread], None], seen: set[tuple[int, int]], follow: bool
) -> Iterator[str]:
    waiting = [path]
    while waiting:
        at = waiting.pop()
        try:
            found = os.stat(at)  # noqa: PTH116 - a name need not be text
            if (found.st_dev, found.st_ino) in seen:
                continue
            seen.add((found.st_dev, found.st_ino))
            if not stat.S_ISDIR(found.st_mode):
                if stat.S_ISREG(found.st_mode):
                    yield at
                else:
                    unread(Unread(at, _sort(found.st_mode)))
                continue
            with os.scandir(at) as entries:
                inside = sorted(entries, key=lambda entry: entry.name, reverse=True)
        except OSError as error:
            unread(Unread(at, broken_off(error)))
            continue
        for entry in inside:
            if entry.is_symlink() and not follow:
                unread(Unread(entry.path, "is a link"))
            else:
                waiting.append(entry.path)


def standard_input() -> Reads:
    """Standard input, as bytes, and as they come: a full buffer is not waited for."""
    return cast("Reads", getattr(sys.stdin.buffer, "raw", sys.stdin.buffer))
