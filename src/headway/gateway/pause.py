"""Stop a retirement, and let it go on: one entry of the policy file, written atomically.

The file is somebody's text: a TOML serialiser changes the one entry and leaves
comments and order as they are.  What was written is read again before it takes
the file's place: were anything else different, nothing happens.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from headway.errors import ConfigurationError, HeadwayError
from headway.gateway.policy_file import FILE_BYTES_MAX, read_policy

__all__ = ["PolicyReadOnly", "PolicyUnchanged", "pause", "resume"]

TEXT_MAX = 500  # characters of who and why


class PolicyUnchanged(HeadwayError):
    """There is nothing to do: the location is paused already, or is not."""


class PolicyReadOnly(HeadwayError):
    """The file can not be written; ``lines`` say what somebody has to change in it."""

    def __init__(self, path: Path, lines: tuple[str, ...]) -> None:
        super().__init__(f"{path}: can not be written here; change it where it comes from")
        self.lines = lines


def pause(path: Path, location: str, *, who: str, why: str, now: float) -> None:
    r"""Stop the retirement of *location* from *now* (seconds since 1970) on.

    Raises PolicyUnchanged where it is paused, PolicyReadOnly with the lines to
    add where the file can not be written, and ConfigurationError where there is
    no such location, nobody is named, or the file is not in order.

    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "gateway.toml"
    ...     text = 'name = "a"\n[[location]]\nname = "jwt"\nparameters = ["jwt"]\n'
    ...     _ = file.write_text(text)
    ...     pause(file, "jwt", who="ann", why="a client needs a week", now=0)
    ...     file.read_text().splitlines()[-1]
    'why = "a client needs a week"'
    """
    told = {"since": datetime.fromtimestamp(int(now), UTC), "who": who, "why": why}
    for field in ("who", "why"):
        _check_words(field, str(told[field]))
    entry = tomlkit.table()
    entry.update(told)
    with _editing(path) as edit:
        table = edit.table(location)
        if "paused" in table:
            raise PolicyUnchanged(f"{location} is paused already, by {table['paused'].get('who')}")
        table["paused"] = entry
        snippet = tomlkit.dumps({"location": {"paused": entry}}).strip().splitlines()
        snippet = [line for line in snippet if line != "[location]"]
        edit.write(location, (f"under the [[location]] with name = {location!r}, add:", *snippet))


def resume(path: Path, location: str) -> None:
    """Let the retirement of *location* go on by its dates; raises as :func:`pause` does."""
    with _editing(path) as edit:
        table = edit.table(location)
        if "paused" not in table:
            raise PolicyUnchanged(f"{location} is not paused")
        del table["paused"]
        where = f"under the [[location]] with name = {location!r}"
        edit.write(location, (f"{where}, remove [location.paused] with its lines",))


def _check_words(field: str, text: str) -> None:
    if not text.strip():
        raise ConfigurationError(f"{field}: is missing; whoever reads the file will ask")
    if not text.isprintable() or len(text) > TEXT_MAX:
        raise ConfigurationError(f"{field}: is one line of at most {TEXT_MAX} characters")


class _Edit:
    """One change of the file at *path*, of which *before* is all that stands in it."""

    def __init__(self, path: Path, before: bytes) -> None:
        self._path, self._before = path, before
        read_policy(before, source=str(path))  # what is not in order is not touched
        try:
            self._document = tomlkit.parse(before.decode())
        except TOMLKitError as error:
            raise ConfigurationError(f"{path}: {type(error).__name__}") from None

    def table(self, location: str) -> Any:
        """The table of *location*, to be changed."""
        tables: list[Any] = list(self._document["location"])
        for table in tables:
            if table["name"] == location:
                return table
        names = ", ".join(str(table["name"]) for table in tables)
        raise ConfigurationError(f"{self._path}: there is no location {location!r}; it has {names}")

    def write(self, location: str, lines: tuple[str, ...]) -> None:
        """Put what was changed in the file's place; *lines* say it to whoever has to do it."""
        after = tomlkit.dumps(self._document).encode()
        # (1) only that entry is another, and the whole can be used
        if _but_for_pause(self._before, location) != _but_for_pause(after, location):
            raise ConfigurationError(
                f"{self._path}: more than the pause would change; edit it by hand"
            )
        read_policy(after, source=str(self._path))
        # (2) a file that nobody may write stays as it is, also where we could
        if not self._path.stat().st_mode & 0o222:
            raise PolicyReadOnly(self._path, lines)
        try:
            _replace(self._path, self._before, after)
        except OSError:
            raise PolicyReadOnly(self._path, lines) from None


@contextmanager
def _editing(path: Path) -> Iterator[_Edit]:
    """The file, held against other edits of this kind until this one is done."""
    path = path.resolve()  # a link stays one
    try:
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise ConfigurationError(f"{path.parent}: {error.strerror}") from None
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield _Edit(path, _read(path))
    finally:
        os.close(folder)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from None


def _but_for_pause(data: bytes, location: str) -> dict[str, Any]:
    told = tomllib.loads(data.decode())
    for table in told["location"]:
        if table["name"] == location:
            table.pop("paused", None)
    return told


def _replace(path: Path, before: bytes, after: bytes) -> None:
    """The new file whole or the old one whole; with the old one's mode and owner."""
    status = path.stat()
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(handle, "wb") as file:  # noqa: PTH123 - it is a descriptor
            file.write(after)
            os.fchmod(file.fileno(), status.st_mode & 0o7777)
            if (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(file.fileno(), status.st_uid, status.st_gid)
            file.flush()
            os.fsync(file.fileno())
        if _read(path) != before:
            raise ConfigurationError(f"{path}: somebody else changed it just now; try again")
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
