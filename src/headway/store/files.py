"""Private files: 0600 in a directory of 0700, whatever the umask; wider ones are refused.

Nothing is narrowed silently: whoever widened a mode meant something by it, or
has already let others read, and should hear of it.
"""

from __future__ import annotations

import base64
import binascii
import os
import shlex
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from headway.errors import ConfigurationError
from headway.keys import SEALING_KEY_BYTES, new_sealing_key

__all__ = [
    "KEY_FILE",
    "KEY_FILE_VARIABLE",
    "KEY_VARIABLE",
    "new_private_file",
    "no_core_dumps",
    "private_directory",
    "private_file",
    "put_sealing_key",
    "read_private",
    "replace_private_file",
    "sealing_key",
    "sealing_keys",
]

KEY_VARIABLE = "HEADWAY_STORE_KEY"
KEY_FILE_VARIABLE = "HEADWAY_STORE_KEY_FILE"
KEY_FILE = "store.key"

_DIRECTORY_MODE = 0o700
_FILE_MODE = 0o600


def private_directory(path: Path) -> Path:
    """Make *path* a directory that its owner alone can enter; return its absolute path.

    Raises:
        ConfigurationError: it can not be made or written, or others may enter it.
    """
    try:
        path.mkdir(mode=_DIRECTORY_MODE, parents=True)
        path.chmod(_DIRECTORY_MODE)  # a strict umask may have taken the owner's bits too
    except FileExistsError:
        pass
    except OSError as error:
        raise ConfigurationError(f"{path}: no directory can be made: {error.strerror}") from None
    mode = path.stat().st_mode
    if not stat.S_ISDIR(mode):
        raise ConfigurationError(f"{path}: is not a directory")
    _refuse_wider(path, mode, _DIRECTORY_MODE)
    if not os.access(path, os.W_OK | os.X_OK, effective_ids=True):
        raise ConfigurationError(f"{path}: the directory is not writable")
    return path.resolve()


def private_file(path: Path, *, create: bool = True) -> None:
    """Hold *path* to a regular file of mode 0600, made empty where there is none.

    Raises:
        ConfigurationError: it can not be made or written, or others may read it.
    """
    try:
        if create:
            _write_new(path, b"")
        status = path.lstat()
    except FileNotFoundError:
        return  # not asked to be made: then there is nothing to hold
    if not stat.S_ISREG(status.st_mode):
        raise ConfigurationError(f"{path}: is not a regular file")
    _refuse_wider(path, status.st_mode, _FILE_MODE)
    if not os.access(path, os.R_OK | os.W_OK, effective_ids=True):
        raise ConfigurationError(f"{path}: the file is not writable")


def sealing_keys(environ: Mapping[str, str], directory: Path | None = None) -> tuple[bytes, ...]:
    """The 32-byte keys for secrets at rest: the first seals, all of them open.

    They come from ``HEADWAY_STORE_KEY``, or from the private file that
    ``HEADWAY_STORE_KEY_FILE`` names: each is base64 of 32 bytes, with white
    space or commas between them.  Where neither is set and a *directory* is
    given, as in development, one comes from the file ``store.key`` there, made
    on first use.  A key beside its data protects only a copy of the database
    alone.

    Raises:
        ConfigurationError: there is no key, one is not 32 bytes in base64, or
            others may read the file.

    >>> one = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    >>> len(sealing_keys({"HEADWAY_STORE_KEY": f"{one} {one}"}))
    2
    """
    named = environ.get(KEY_FILE_VARIABLE)
    if KEY_VARIABLE in environ:
        if named:
            raise ConfigurationError(f"set {KEY_VARIABLE} or {KEY_FILE_VARIABLE}, not both")
        return _keys(environ[KEY_VARIABLE], KEY_VARIABLE)
    if named:
        path = Path(named)
        if not path.exists():
            raise ConfigurationError(f"{path}: {KEY_FILE_VARIABLE} names a file that is not there")
    elif directory is None:
        raise ConfigurationError(
            "there is no key to seal the secrets of installations with, and production makes up "
            f"none: set {KEY_VARIABLE} (or {KEY_FILE_VARIABLE}, a file) to 32 random bytes in "
            "base64, as 'head -c 32 /dev/urandom | base64' prints them, and keep a copy elsewhere"
        )
    else:
        path = private_directory(directory) / KEY_FILE
        if not path.exists():
            _make_key(path, new_sealing_key())
    return _keys(read_private(path), str(path))


def sealing_key(environ: Mapping[str, str], directory: Path | None = None) -> bytes:
    """The key that seals: the first of :func:`sealing_keys`, which raises as that does."""
    return sealing_keys(environ, directory)[0]


def read_private(path: Path) -> str:
    """The text of a file that its owner alone may read; it may be a link, and need not be writable.

    That is how containers are given secrets.  Raises ConfigurationError.
    """
    real = path.resolve()
    mode = real.stat().st_mode
    if not stat.S_ISREG(mode):
        raise ConfigurationError(f"{path}: is not a regular file")
    _refuse_wider(real, mode, _FILE_MODE)
    try:
        return real.read_text("ascii", "replace")
    except OSError as error:
        raise ConfigurationError(f"{path}: can not be read: {error.strerror}") from None


def _keys(text: str, origin: str) -> tuple[bytes, ...]:
    found = []
    for number, written in enumerate(text.replace(",", " ").split() or [""], 1):
        try:
            key = base64.b64decode(written, validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if len(key) != SEALING_KEY_BYTES:
            raise ConfigurationError(
                f"{origin}: key {number} is not base64 of {SEALING_KEY_BYTES} bytes"
            )
        found.append(key)
    return tuple(found)


def put_sealing_key(directory: Path, key: bytes) -> None:
    """Make *key* the one of a directory that has none yet.

    Raises ConfigurationError where it has one, or can not be used.
    """
    path = private_directory(directory) / KEY_FILE
    if path.exists():
        raise ConfigurationError(f"{path}: there is a key already")
    _make_key(path, key)


def no_core_dumps() -> None:
    """Let no crash write this process's memory, secrets in it, to a file; where the system has it.

    >>> no_core_dumps()
    """
    try:
        import resource
    except ModuleNotFoundError:  # not a Unix
        return
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))


def new_private_file(path: Path) -> BinaryIO:
    """Open a new file of mode 0600 for writing; raises ConfigurationError where there is one."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        handle = os.open(path, flags, _FILE_MODE)
    except OSError as error:
        raise ConfigurationError(f"{path}: can not be made: {error.strerror}") from None
    os.fchmod(handle, _FILE_MODE)
    return os.fdopen(handle, "wb")


def replace_private_file(path: Path, data: bytes) -> None:
    """Put a file of mode 0600 in the place of *path*; a reader sees the old one or the new one."""
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(handle)
    Path(draft).replace(path)


def _make_key(path: Path, key: bytes) -> None:
    """Write a key under another name and link it: a second process never reads half of it."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    _write_new(draft, base64.b64encode(key) + b"\n")
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was first: its key counts
    finally:
        draft.unlink()


def _write_new(path: Path, data: bytes) -> None:
    """Create *path* with *data*; leave it alone where it exists."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        handle = os.open(path, flags, _FILE_MODE)
    except FileExistsError:
        return
    except OSError as error:
        raise ConfigurationError(f"{path}: can not be made: {error.strerror}") from None
    with os.fdopen(handle, "wb") as file:
        os.fchmod(handle, _FILE_MODE)
        file.write(data)
        file.flush()
        os.fsync(handle)


def _refuse_wider(path: Path, mode: int, allowed: int) -> None:
    if stat.S_IMODE(mode) & ~allowed & 0o777:
        other = "take a directory of its own, or, " if stat.S_ISDIR(mode) else ""
        raise ConfigurationError(
            f"{path}: others may use it (mode {stat.S_IMODE(mode):04o}); "
            f"{other}if it is for Headway alone: chmod {allowed:o} {shlex.quote(str(path))}"
        )
