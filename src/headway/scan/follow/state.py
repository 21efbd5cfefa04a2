"""Where a scan got to in files that grow, so that the next one goes on there.

A file is known again by its device and inode, and by keyed hashes of how it begins and of what
stands right before the offset: a name says nothing, a rotation changes it.  Nothing of what
stood in the files is kept.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

import msgspec

from headway.errors import ConfigurationError
from headway.scan.writing import NotWritten, replacing

__all__ = ["FOOT", "HEAD", "KNOWN_MAX", "Known", "StateFile"]

HEAD = 4_096
"""Bytes at the start of a file that tell it from others."""

FOOT = 256
"""Bytes before an offset that tell whether it is still the same file."""

KNOWN_MAX = 20_000
"""Files that are remembered; the ones that were written to last."""

_BYTES_MAX = 64 * 2**20


class Known(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far a file was read: *offset* bytes and *lines* lines of what it is decompressed.

    *path* is what its findings name, redacted.  *fields_at* is the offset of the last line that
    names columns, or -1.  *at* is when the file was last written to, in seconds since 1970.
    """

    path: str
    device: int
    inode: int
    offset: int
    lines: int
    head: str
    foot: str
    fields_at: int = -1
    at: float = 0.0

    @property
    def key(self) -> tuple[int, int]:
        """What names a file on this machine, as long as it is there."""
        return self.device, self.inode


class _Content(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    key_id: str
    files: tuple[Known, ...]
    format: str = "headway-follow"
    version: int = 1


class StateFile:
    """The file at *path*; *key_id* names the key of the hashes in it.

    Raises ConfigurationError where something else stands there, others can read it, or another
    key made it.
    """

    def __init__(self, path: Path, key_id: str) -> None:
        self._path, self._key_id = path, key_id
        self._over: os.stat_result | None = None
        self.files = self._read()
        """What was known at the start."""

    def _read(self) -> tuple[Known, ...]:
        try:
            number = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return ()
        except OSError as error:
            why = (error.strerror or "can not be read").lower()
            raise ConfigurationError(f"{self._path}: {why}") from None
        with open(number, "rb") as file:  # noqa: PTH123 - a descriptor
            found = os.fstat(number)
            if not stat.S_ISREG(found.st_mode) or found.st_size > _BYTES_MAX:
                raise ConfigurationError(f"{self._path}: is no file that --follow wrote")
            if stat.S_IMODE(found.st_mode) & 0o077:
                raise ConfigurationError(f"{self._path}: others can read it; chmod 600")
            text = file.read()
        self._over = found
        return self._decoded(text)

    def _decoded(self, text: bytes) -> tuple[Known, ...]:
        try:
            content = msgspec.json.decode(text, type=_Content)
        except msgspec.DecodeError:
            content = _Content("", (), format="")
        if (content.format, content.version) != ("headway-follow", 1):
            raise ConfigurationError(
                f"{self._path}: is no file that --follow wrote; delete it to begin anew"
            )
        if content.key_id != self._key_id:
            raise ConfigurationError(
                f"{self._path}: was made with another key; set HEADWAY_SCAN_KEY to the same as "
                "then, or delete it to begin anew"
            )
        return content.files

    def save(self, files: Sequence[Known]) -> None:
        """Write *files*, all or nothing, readable by this user alone.

        Raises ConfigurationError where that can not be done, or where somebody else wrote it
        meanwhile.
        """
        newest = sorted(files, key=lambda known: known.at, reverse=True)[:KNOWN_MAX]
        text = msgspec.json.encode(_Content(self._key_id, tuple(newest)))
        try:
            with replacing(self._path) as new:
                new.raw.write(msgspec.json.format(text, indent=1))
                new.commit(self._over)
                self._over = os.fstat(new.raw.fileno())
        except NotWritten as error:
            raise ConfigurationError(
                f"{error}; what was found is told, and may be told again"
            ) from None
        except OSError as error:
            why = (error.strerror or "not written").lower()
            raise ConfigurationError(f"{self._path}: {why}") from None
