"""Several files as one zip, written while it is sent: no more than a part is in memory."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from typing import IO, cast

from headway.host.world.files import Attachment, Files

__all__ = ["zipped"]


def zipped(files: Files, attachments: Iterable[Attachment]) -> Iterator[bytes]:
    r"""The bytes of a zip archive of *attachments*; a name that comes again gets a number.

    >>> from headway.host.database import open_database
    >>> with open_database(None) as database:
    ...     b"".join(zipped(Files(database, lambda: 0.0, print), []))[:4]
    b'PK\x05\x06'
    """
    sink = _Sink()
    taken: set[str] = set()
    with zipfile.ZipFile(cast(IO[bytes], sink), "w", zipfile.ZIP_DEFLATED) as archive:
        for attachment in attachments:
            name = _unused(attachment.filename, taken)
            with archive.open(zipfile.ZipInfo(name), "w") as entry:
                for part in files.bytes_of(attachment.id):
                    entry.write(part)
                    yield sink.taken()
        yield sink.taken()
    yield sink.taken()


class _Sink:
    """A file that can only be written, and forgets what was taken from it."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._position = 0

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        self._position += len(data)
        return len(data)

    def flush(self) -> None:
        """Nothing waits."""

    def taken(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


def _unused(name: str, taken: set[str]) -> str:
    stem, dot, ending = name.rpartition(".")
    number, tried = 1, name
    while tried in taken:
        number += 1
        tried = f"{stem} ({number}).{ending}" if dot and stem else f"{name} ({number})"
    taken.add(tried)
    return tried
