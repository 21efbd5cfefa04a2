"""Where bytes come from: files, folders, standard input; plain or compressed.

What a file is, its first bytes say, not its name.  Only regular files are
opened: a pipe never ends, a device may do anything.  Whatever can not be read is told of.
"""

from __future__ import annotations

import bz2
import errno
import glob
import lzma
import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO, Literal, Protocol, cast

import msgspec
from isal import igzip, igzip_lib
from isal.igzip_lib import IsalError

from headway.scan.findings import Unread

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = [
    "COMPRESSIONS",
    "STANDARD_INPUT",
    "UNPACK_VARIABLE",
    "Compression",
    "Reads",
    "broken_off",
    "check_text",
    "compression_of",
    "files_in",
    "opened",
    "source_of",
    "streamed",
    "unpack_max",
    "unpacked",
    "zstd",
]

STANDARD_INPUT = "-"

_WINDOW_LOG = 27  # 128 MiB: a frame that wants more is refused
_MEMORY = 1 << 27  # the same for xz
_STEP = 1 << 17

UNPACK_VARIABLE = "HEADWAY_SCAN_UNPACK_MAX"
"""In the environment: how many bytes a compressed file may give, where somebody knows better."""

_UNPACKED = 1 << 30
_TIMES = 200  # logs of web servers are packed 10 to 50 times, a bomb 1,000 to 1,000,000 times


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


class _Decoder(Protocol):
    """What the decoders of all four have in common."""

    @property
    def eof(self) -> bool:
        """Whether its stream is at its end."""

    @property
    def needs_input(self) -> bool:
        """Whether it gives nothing more before it is fed."""

    @property
    def unused_data(self) -> bytes:
        """What was fed behind the end of the stream."""

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """What *data*, and what was fed before, give."""


class _Streams:
    """Reads compressed streams, one after the other, zeros between them or not.

    The modules' own files lose what they have where a file is cut, and xz has no
    bound on memory there.
    """

    def __init__(self, raw: BinaryIO, decoder: Callable[[], _Decoder]) -> None:
        self._raw, self._new = raw, decoder
        self._decoder = decoder()

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill *buffer* as far as there is something; 0 at the end."""
        data = b""
        while not data:
            fed = b""
            if self._decoder.eof:
                rest = self._decoder.unused_data or self._raw.read(_STEP)
                while rest and not (fed := rest.lstrip(b"\0")):
                    rest = self._raw.read(_STEP)
                if not rest:
                    return 0
                self._decoder = self._new()
            elif self._decoder.needs_input and not (fed := self._raw.read(_STEP)):
                raise EOFError
            data = self._decoder.decompress(fed, len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _reader(decoder: Callable[[], Any]) -> Callable[[BinaryIO], Reads]:
    return lambda raw: _Streams(raw, decoder)


def _gzip_writer(raw: BinaryIO) -> BinaryIO:
    return cast("BinaryIO", igzip.IGzipFile(fileobj=raw, mode="wb", mtime=0))  # type: ignore[no-untyped-call]


class _Unpacked:
    """What a compressed file gives, and no more of it than is allowed for its *size* so far."""

    def __init__(self, source: Reads, size: Callable[[], int]) -> None:
        self._source, self._size, self._given = source, size, 0

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill *buffer* as far as there is something; 0 at the end."""
        got = self._source.readinto(buffer) or 0
        self._given += got
        if self._given > (most := unpack_max(self._size())):
            why = f"gives more than {most} bytes when it is unpacked; --unpack-max allows more"
            raise OSError(errno.EFBIG, why)
        return got


class _Begun:
    """What *raw* gives, of which *start* was read already; ``size`` is how much it gave."""

    def __init__(self, raw: BinaryIO, start: bytes) -> None:
        self._raw, self._start, self.size = raw, start, len(start)

    def read(self, size: int) -> bytes:
        """Up to *size* bytes, as they come; none at the end."""
        if self._start:
            data, self._start = self._start[:size], self._start[size:]
            return data
        data = self._raw.read(size) or b""
        self.size += len(data)
        return data

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill *buffer* as far as there is something; 0 at the end."""
        if not self._start:
            return cast("Reads", self._raw).readinto(buffer) or 0
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def unpack_max(size: int, environment: Mapping[str, str] = os.environ) -> int:
    """How many bytes a compressed file of *size* bytes may give.

    >>> unpack_max(10**9, {})
    200000000000
    """
    given = environment.get(UNPACK_VARIABLE, "")
    return int(given) if given.isdecimal() else max(_UNPACKED, _TIMES * size)


def _zstd(raw: BinaryIO, mode: Literal["rb", "wb"]) -> zstd.ZstdFile:
    if mode == "wb":
        return zstd.ZstdFile(raw, mode)
    return zstd.ZstdFile(raw, options={zstd.DecompressionParameter.window_log_max: _WINDOW_LOG})


COMPRESSIONS = (
    Compression(
        "gzip",
        b"\x1f\x8b",
        _reader(lambda: igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)),
        _gzip_writer,
    ),
    Compression(
        "zstd",
        b"\x28\xb5\x2f\xfd",
        _reader(
            lambda: zstd.ZstdDecompressor(
                options={zstd.DecompressionParameter.window_log_max: _WINDOW_LOG}
            )
        ),
        lambda raw: cast("BinaryIO", zstd.ZstdFile(raw, "wb")),
    ),
    Compression(
        "bzip2",
        b"BZh",
        _reader(bz2.BZ2Decompressor),
        lambda raw: cast("BinaryIO", bz2.BZ2File(raw, "wb")),
    ),
    Compression(
        "xz",
        b"\xfd7zXZ\x00",
        _reader(lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MEMORY)),
        lambda raw: cast("BinaryIO", lzma.LZMAFile(raw, "wb")),  # noqa: SIM115
    ),
)


def compression_of(start: bytes) -> Compression | None:
    """What a file that starts so is compressed with; None: it is not.

    >>> compression_of(b"BZh91AY")
    Compression(name='bzip2', ...)
    """
    return next((each for each in COMPRESSIONS if start.startswith(each.magic)), None)


def check_text(start: bytes) -> None:
    """Raises OSError for text that is not read: the mark of UTF-16, and a plain character after it.

    Anything else that starts so is bytes like others, in which tokens are looked for.
    """
    low, high = start[2:3], start[3:4]
    marked = (start[:2], b"\0") in ((b"\xff\xfe", high), (b"\xfe\xff", low))
    if marked and low != high:
        raise OSError(0, "is UTF-16, which is not read; iconv -f UTF-16 -t UTF-8 makes it readable")


def broken_off(error: BaseException) -> str:
    """Why reading stopped, as a reason to be told: never what stood in the file."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    if isinstance(error, EOFError):
        return "ends before its end: it is cut, or somebody still writes it"
    if "memory" in str(error).lower():
        return f"wants more than {_MEMORY >> 20} MiB of memory to be unpacked"
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
    """What *raw* (which can seek) gives, decompressed; a bomb breaks off (:func:`unpack_max`)."""
    start = raw.read(6)
    raw.seek(0)
    compression = compression_of(start)
    if compression is None:
        check_text(start)
        return cast("Reads", raw), None
    buffered = open(raw.fileno(), "rb", buffering=1 << 17, closefd=False)  # noqa: SIM115
    size = os.fstat(raw.fileno()).st_size
    return unpacked(compression, buffered, size), compression


def unpacked(compression: Compression, packed: BinaryIO, size: int) -> Reads:
    """What *packed*, of *size* bytes, gives: as much as :func:`unpack_max` allows."""
    return _Unpacked(compression.reader(packed), lambda: size)


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


def standard_input() -> tuple[Reads, Compression | None]:
    """Standard input, decompressed, and as it comes: a full buffer is not waited for.

    Raises OSError for text that is not read.
    """
    return streamed(getattr(sys.stdin.buffer, "raw", sys.stdin.buffer))


def streamed(raw: BinaryIO) -> tuple[Reads, Compression | None]:
    """What *raw*, which can not seek, gives, decompressed.  Raises OSError as standard_input."""
    start = b""
    # (1) as much as says whether it is compressed: of a line that comes slowly, one byte does
    while any(each.magic.startswith(start[:6]) for each in COMPRESSIONS) and len(start) < 6:
        more = raw.read(_STEP)
        if not more:
            break
        start += more
    compression, begun = compression_of(start), _Begun(raw, start)
    if compression is None:
        check_text(start)
        return begun, None
    # (2) nobody knows how long it is: what it may give grows with what came
    source = compression.reader(cast("BinaryIO", begun))
    return _Unpacked(source, lambda: begun.size), compression
