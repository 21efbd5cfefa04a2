"""Files that come from a host, on this machine's disk: names are data, never paths.

A file is written under a name of our own beside its place and gets its name
when it is whole.  Everything happens relative to the opened directory, without
following links, so that nobody who can write beside it leads it elsewhere.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
import threading
import unicodedata
from hashlib import sha256
from pathlib import Path

__all__ = ["NewFile", "safe_name"]

PARTS_MAX = 64  # of one write; systems take 1024
NAME_MAX = 255  # bytes, of which every file system takes as many
_UNSAFE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff<>:\"|?*]"
)
_DEVICES = frozenset(
    {"con", "prn", "aux", "nul", *(f"{name}{n}" for name in ("com", "lpt") for n in range(10))}
)
_OPEN = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


def safe_name(text: str) -> str:
    r"""*text* as the name of one file: no folder, not hidden, nothing that can not be seen.

    What steers a shell's eye (bidirectional marks), what other systems read as
    a device or a stream, and dots and spaces at the ends are gone.

    >>> safe_name("../../etc/passwd"), safe_name("C:\\temp\\a.txt"), safe_name(".bashrc")
    ('passwd', 'a.txt', 'bashrc')
    >>> safe_name(".."), safe_name("nul.txt")
    ('unnamed', '_nul.txt')
    """
    last = unicodedata.normalize("NFC", text).replace("\\", "/").rpartition("/")[2]
    name = _UNSAFE.sub("_", last).strip(". ")
    if name.partition(".")[0].strip().lower() in _DEVICES:
        name = f"_{name}"
    while len(name.encode()) > NAME_MAX:
        stem, dot, ending = name.rpartition(".")
        keep = dot and len(ending) < 20 and stem
        name = f"{stem[:-1]}.{ending}" if keep else name[:-1]
    return name.strip(". ") or "unnamed"


class NewFile:
    """A file that is being written into *directory* and will be called *name*.

    With a *mark* it goes on where an earlier one with the same mark broke off;
    ``size`` are the bytes that are there already.  Raises FileExistsError where
    the name is taken, unless it may *overwrite*; OSError where the directory is
    none or a link lies in the way.  Call :meth:`finish` or :meth:`discard`.
    """

    def __init__(
        self, directory: Path, name: str, *, overwrite: bool = False, mark: str | None = None
    ) -> None:
        self.path = directory / name
        self._name = name
        self._overwrite = overwrite
        self._keep = mark is not None
        label = secrets.token_hex(12) if mark is None else _label(name, mark)
        self._part = f".headway-{label}.part"
        self._folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._file = -1
        self._lock = threading.Lock()  # a thread may still write when its task is cancelled
        try:
            if not overwrite and _is_there(name, self._folder):
                raise FileExistsError(f"there is a file {name!r} already")
            flags = _OPEN | (0 if self._keep else os.O_EXCL)
            self._file = os.open(self._part, flags, 0o600, dir_fd=self._folder)
            self.size = self._kept_bytes()
        except BaseException:
            self._close()
            raise

    def _kept_bytes(self) -> int:
        found = os.fstat(self._file)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1 or found.st_uid != os.geteuid():
            raise FileExistsError("what was kept of this file is not ours")
        return os.lseek(self._file, 0, os.SEEK_END)

    def restart(self) -> None:
        """Forget the bytes that are there."""
        os.ftruncate(self._file, 0)
        os.lseek(self._file, 0, os.SEEK_SET)
        self.size = 0

    def digest(self) -> sha256:  # type: ignore[valid-type]
        """A SHA-256 that has read what is there."""
        found = sha256()
        reader = os.open(self._part, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=self._folder)
        with os.fdopen(reader, "rb") as file:
            while block := file.read(1 << 20):
                found.update(block)
        return found

    def write(self, *parts: bytes) -> None:
        """Append *parts*; after the end that does nothing."""
        with self._lock:
            left = [memoryview(part) for part in parts if part] if self._file >= 0 else []
            while left:
                written = os.writev(self._file, left[:PARTS_MAX])
                while left and written >= len(left[0]):
                    written -= len(left.pop(0))
                if written:
                    left[0] = left[0][written:]

    def finish(self) -> Path:
        """Give it its name.  Raises FileExistsError where somebody else took it meanwhile."""
        with self._lock:
            folder = {"src_dir_fd": self._folder, "dst_dir_fd": self._folder}
            try:
                if self._overwrite:
                    os.rename(self._part, self._name, **folder)  # noqa: PTH104 - in an opened folder
                else:
                    self._take_name(folder)
            finally:
                self._close()
        return self.path

    def _take_name(self, folder: dict[str, int]) -> None:
        try:
            os.link(self._part, self._name, follow_symlinks=False, **folder)
        except FileExistsError:
            os.unlink(self._part, dir_fd=self._folder)
            raise
        except OSError:
            # A file system without links: the name is taken first, and then replaced.
            taken = os.open(self._name, _OPEN | os.O_EXCL, 0o600, dir_fd=self._folder)
            os.close(taken)
            os.rename(self._part, self._name, **folder)  # noqa: PTH104 - in an opened folder
        else:
            os.unlink(self._part, dir_fd=self._folder)

    def discard(self) -> None:
        """Leave nothing behind, but what a later one may go on with; nothing after the end."""
        with self._lock:
            if self._file < 0:
                return
            if not self._keep:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self._part, dir_fd=self._folder)
            self._close()

    def _close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
        if self._folder >= 0:
            os.close(self._folder)
        self._file = self._folder = -1


def _is_there(name: str, folder: int) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _label(name: str, mark: str) -> str:
    return sha256(f"{name}\n{mark}".encode()).hexdigest()[:24]
