"""One file as a multipart body that is streamed: RFC 7578, constant memory.

A body is made of a head, the file as it is read, and a tail.  Where the file's
size is known the request says its length, else it is sent in chunks.
"""

from __future__ import annotations

import asyncio
import mimetypes
import os
import re
import secrets
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, cast

import msgspec

__all__ = ["File", "Multipart", "Source", "file_of"]

BLOCK = 1 << 18  # bytes that are read at once
UNKNOWN_TYPE = "application/octet-stream"
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127}")

Source: TypeAlias = (
    str | os.PathLike[str] | bytes | BinaryIO | Iterable[bytes] | AsyncIterable[bytes]
)
"""A path, bytes, an open file, or an iterator of bytes; an async one for the async client."""

Progress: TypeAlias = Callable[[int, int | None], None]


class File(msgspec.Struct, frozen=True):
    """What is uploaded: its *name* and *media_type* as the host will see them; *size* if known."""

    source: Any
    name: str
    media_type: str
    size: int | None


def file_of(
    source: Source,
    name: str | None = None,
    media_type: str | None = None,
    size: int | None = None,
) -> File:
    """The file that *source* is.

    Raises ValueError where it has no name, or a name or media type that can
    not stand in a header; OSError for a path that is no file.

    >>> file_of(b"hello", "a.txt")
    File(source=b'hello', name='a.txt', media_type='text/plain', size=5)
    """
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        size, name = path.stat().st_size, name or path.name
        source = path
    elif isinstance(source, bytes):
        size = len(source)
    elif hasattr(source, "read"):
        size = _left(source) if size is None else size
        label = getattr(source, "name", None)
        name = name or (Path(label).name if isinstance(label, str) else None)
    if not name:
        raise ValueError("a file needs a name: say name=")
    if not name.isprintable():
        raise ValueError("a file's name has no control characters")
    kind = media_type or mimetypes.guess_type(name)[0] or UNKNOWN_TYPE
    if not _MEDIA_TYPE.fullmatch(kind):
        raise ValueError("a media type looks like text/plain")
    return File(source, name, kind, size)


def _left(file: Any) -> int | None:
    """Bytes from where *file* stands to its end, where it can tell."""
    try:
        here = file.tell()
        end = file.seek(0, os.SEEK_END)
        file.seek(here)
    except (OSError, ValueError, AttributeError):
        return None
    return int(end - here)


class Multipart:
    """The body: *fields* are texts before the file, which is the field ``file``.

    It is an iterator for both clients; ``headers`` belong to the request.
    """

    def __init__(
        self,
        file: File,
        fields: Mapping[str, str] | None = None,
        progress: Progress | None = None,
    ) -> None:
        boundary = f"headway-{secrets.token_hex(16)}"
        texts = "".join(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(name)}"\r\n\r\n'
            f"{text}\r\n"
            for name, text in (fields or {}).items()
        )
        self._head = (
            f'{texts}--{boundary}\r\nContent-Disposition: form-data; name="file"; '
            f'filename="{_quoted(file.name)}"\r\nContent-Type: {file.media_type}\r\n\r\n'
        ).encode()
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self._file = file
        self._progress = progress
        self.headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        if file.size is not None:
            length = len(self._head) + file.size + len(self._tail)
            self.headers["Content-Length"] = str(length)

    def blocks(self) -> Iterator[bytes]:
        """The body for the sync client.  Raises TypeError for an async source."""
        source = self._file.source
        if hasattr(source, "__aiter__"):
            raise TypeError("an async source needs the async client")
        sent = 0
        yield self._head
        with ExitStack() as stack:
            for block in _blocks(source, stack):
                yield block
                sent = self._told(sent + len(block))
        yield self._tail

    async def ablocks(self) -> AsyncIterator[bytes]:
        """The body for the async client; what waits for the disk does so in a thread."""
        source = self._file.source
        sent = 0
        yield self._head
        if hasattr(source, "__aiter__"):
            async for block in cast("AsyncIterable[bytes]", source):
                yield block
                sent = self._told(sent + len(block))
        else:
            with ExitStack() as stack:
                blocks = _blocks(source, stack)
                while (found := await asyncio.to_thread(next, blocks, None)) is not None:
                    yield found
                    sent = self._told(sent + len(found))
        yield self._tail

    def _told(self, sent: int) -> int:
        if self._progress is not None:
            self._progress(sent, self._file.size)
        return sent

    def __repr__(self) -> str:
        return "<a multipart body>"


def _blocks(source: Any, stack: ExitStack) -> Iterator[bytes]:
    if isinstance(source, bytes):
        return iter([source])
    if isinstance(source, Path):
        source = stack.enter_context(source.open("rb"))
    if hasattr(source, "read"):
        return iter(lambda: source.read(BLOCK), b"")
    return iter(source)


def _quoted(text: str) -> str:
    """*text* inside quotes, as browsers write it (HTML: "multipart form data")."""
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
