"""Writing beside what others may write to: by descriptors of folders, never through a link.

A file is written under a new name in the folder of its target, checked, and renamed over it.
Whoever exchanges a folder or a file for a link meanwhile is noticed, and nothing is written there.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast

from headway.errors import HeadwayError

__all__ = ["NotWritten", "Replacing", "folder_below", "replacing"]

_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class NotWritten(HeadwayError):
    """A file was left as it was; the text says which, and why."""


class Replacing:
    """A file on its way: written by :attr:`raw`, and put in its place by :meth:`commit`."""

    def __init__(self, raw: BinaryIO, folder: int, temporary: str, target: Path) -> None:
        self.raw = raw
        self._folder, self._temporary, self._target = folder, temporary, target

    def write(self, data: bytes) -> None:
        """Write all of *data*."""
        left = memoryview(data)
        while left:
            left = left[self.raw.write(left) :]

    def like(self, found: os.stat_result) -> None:
        """Mode and owner of *found*; an owner only where that is allowed."""
        number = self.raw.fileno()
        with suppress(PermissionError):
            os.fchown(number, found.st_uid, found.st_gid)
        os.fchmod(number, stat.S_IMODE(found.st_mode) & 0o777)

    def commit(self, over: os.stat_result | None, *, backup: str | None = None) -> None:
        """Put it in its place.

        *over* is what stood there when the work began, None for nothing; it is kept
        under its name with *backup* at the end.  Raises NotWritten where something
        else stands there now.
        """
        name = self._target.name
        os.fsync(self.raw.fileno())
        now = _entry(name, self._folder)
        if _identity(now) != _identity(over):
            why = "is there already" if over is None else "is another file than when the work began"
            raise NotWritten(f"{self._target}: {why}")
        if over is None:
            try:  # a link that somebody makes now fails it
                os.link(self._temporary, name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
            except FileExistsError:
                raise NotWritten(f"{self._target}: is there already") from None
        else:
            if backup is not None:
                self._keep(name, name + backup)
            os.replace(self._temporary, name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
            if backup is not None:
                self._lock_up(name + backup)
        os.fsync(self._folder)

    def _lock_up(self, kept: str) -> None:
        """What has the tokens still is for its owner alone; the file that has none is as it was."""
        number = os.open(kept, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self._folder)
        try:
            os.fchmod(number, 0o600)
        finally:
            os.close(number)

    def _keep(self, name: str, kept: str) -> None:
        try:
            os.link(name, kept, src_dir_fd=self._folder, dst_dir_fd=self._folder)
        except FileExistsError:
            raise NotWritten(f"{self._target.with_name(kept)}: is there already") from None


@contextmanager
def replacing(target: Path) -> Iterator[Replacing]:
    """A new file for *target*; without :meth:`Replacing.commit` nothing is left of it.

    Raises NotWritten for a folder that is none, is a link, or in which root would
    write beside others.
    """
    folder = _opened_folder(target.parent)
    temporary = f".{target.name[:200]}.{secrets.token_hex(8)}"
    try:
        try:
            number = os.open(temporary, _NEW, 0o600, dir_fd=folder)
        except OSError as error:
            raise NotWritten(f"{target}: {(error.strerror or 'not written').lower()}") from None
        try:
            with open(number, "r+b", buffering=0) as raw:  # noqa: PTH123 - a descriptor
                yield Replacing(cast("BinaryIO", raw), folder, temporary, target)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=folder)
    finally:
        os.close(folder)


def folder_below(top: Path, names: tuple[str, ...]) -> Path:
    """The folder *names* inside of *top*, each made where it is missing.

    Raises NotWritten where one of *names* is no folder, or a link to one.
    """
    folder = top
    try:
        top.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in names:
            folder = folder / name
            folder.mkdir(mode=0o700, exist_ok=True)
            if folder.is_symlink():
                raise NotWritten(f"{folder}: is a link; a folder is wanted")
    except OSError as error:
        raise NotWritten(f"{folder}: {(error.strerror or 'can not be made').lower()}") from None
    return folder


def _opened_folder(path: Path) -> int:
    try:
        folder = os.open(path, _FOLDER | os.O_NOFOLLOW)
    except OSError as error:
        why = (error.strerror or "can not be opened").lower()
        raise NotWritten(f"{path}: {why}; a folder is wanted, and no link to one") from None
    found = os.fstat(folder)
    shared = found.st_mode & 0o022 and not found.st_mode & stat.S_ISVTX
    if os.geteuid() == 0 and shared:
        os.close(folder)
        raise NotWritten(f"{path}: others can write there, and this is root")
    return folder


def _entry(name: str, folder: int) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _identity(found: os.stat_result | None) -> tuple[int, ...] | None:
    if found is None:
        return None
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
