"""What is known and held back: a baseline file, fingerprints, paths; and their key.

A baseline has fingerprints, never what they are of.  They are made with a key that
stands elsewhere, or whoever has the file could try tokens and codes against it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path

import msgspec

from headway.errors import ConfigurationError
from headway.keys import new_sealing_key
from headway.scan.findings import Finding, Fingerprints
from headway.scan.report.escaping import as_json

__all__ = [
    "KEY_VARIABLE",
    "Baseline",
    "fingerprint_key",
    "known_in",
    "read_baseline",
    "write_baseline",
]

KEY_VARIABLE = "HEADWAY_SCAN_KEY"
"""64 hex digits: the same for all who share a baseline."""

_BYTES_MAX = 64 * 2**20
_KEY_BYTES = 32


class _Entry(msgspec.Struct, frozen=True):
    fingerprint: str
    rule: str
    path: str
    reason: str = ""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    key_id: str
    findings: tuple[_Entry, ...]
    version: int = 1


class Baseline:
    """Which findings are held back; they are counted all the same.

    >>> Baseline(paths=["vendor/*"]).holds_back_path("vendor/a.js")
    True
    """

    def __init__(self, fingerprints: Iterable[str] = (), paths: Iterable[str] = ()) -> None:
        self._fingerprints = frozenset(fingerprints)
        self._paths = tuple(paths)

    @property
    def fingerprints(self) -> frozenset[str]:
        """Those that are held back wherever they are."""
        return self._fingerprints

    @property
    def is_empty(self) -> bool:
        """Whether nothing is held back."""
        return not (self._fingerprints or self._paths)

    def holds_back(self, finding: Finding) -> bool:
        """Whether *finding* is known."""
        return finding.fingerprint in self._fingerprints or self.holds_back_path(finding.place.path)

    def holds_back_path(self, path: str) -> bool:
        """Whether nothing in *path* is told."""
        return any(fnmatch(path, pattern) for pattern in self._paths)


def read_baseline(path: Path, prints: Fingerprints) -> tuple[str, ...]:
    """The fingerprints of the baseline at *path*.

    Raises ConfigurationError where it is none, or was made with another key.
    """
    try:
        if path.stat().st_size > _BYTES_MAX:
            raise ConfigurationError(f"{path}: has more than {_BYTES_MAX} bytes")
        data = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"{path}: {(error.strerror or 'can not be read').lower()}"
        ) from None
    return known_in(data, path, prints)


def known_in(data: bytes, path: Path, prints: Fingerprints) -> tuple[str, ...]:
    """The fingerprints of a baseline: *data*, from *path*.

    Raises ConfigurationError where it is none, or was made with another key.
    """
    try:
        found = msgspec.json.decode(data, type=_File)
    except msgspec.DecodeError as error:
        raise ConfigurationError(f"{path}: is no baseline of the scan: {error}") from None
    if found.findings and found.key_id != prints.key_id:
        raise ConfigurationError(
            f"{path}: was made with another key; set {KEY_VARIABLE} to the same as then"
        )
    return tuple(each.fingerprint for each in found.findings)


def write_baseline(path: Path, findings: Iterable[Finding], prints: Fingerprints) -> int:
    """Write all of *findings* as known, and say how many there are.

    Raises ConfigurationError where *path* can not be written.
    """
    entries = {
        each.fingerprint: _Entry(each.fingerprint, each.rule, each.place.path) for each in findings
    }
    ordered = sorted(entries.values(), key=lambda e: (e.path, e.rule, e.fingerprint))
    content = _File(key_id=prints.key_id, findings=tuple(ordered))
    text = msgspec.json.format(as_json(content), indent=1).encode()
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        number = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
        try:
            with open(number, "wb") as out:  # noqa: PTH123 - a descriptor
                out.write(text + b"\n")
            temporary.replace(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        why = (error.strerror or "can not be written").lower()
        raise ConfigurationError(f"{path}: not written: {why}") from None
    return len(ordered)


def fingerprint_key(environment: dict[str, str], home: Path, *, make: bool = True) -> bytes:
    """The key of fingerprints: from the environment, else of this user, made when it is first used.

    Raises ConfigurationError for one that is no key, a file that others can read, and, without
    *make*, where there is none.
    """
    given = environment.get(KEY_VARIABLE)
    if given is not None:
        try:
            key = bytes.fromhex(given)
        except ValueError:
            key = b""
        if len(key) != _KEY_BYTES:
            raise ConfigurationError(f"{KEY_VARIABLE}: is {2 * _KEY_BYTES} hex digits")
        return key
    folder = Path(environment.get("XDG_STATE_HOME") or home / ".local/state") / "headway"
    path = folder / "scan.key"
    try:
        return _kept_key(path)
    except (FileNotFoundError, NotADirectoryError):
        if not make:
            raise ConfigurationError(f"no key of fingerprints: set {KEY_VARIABLE}") from None
        return _new_key(folder, path)
    except OSError as error:
        why = (error.strerror or "can not be read").lower()
        raise ConfigurationError(f"{path}: {why}; or set {KEY_VARIABLE}") from None


def _kept_key(path: Path) -> bytes:
    number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with open(number, "rb") as file:  # noqa: PTH123 - a descriptor
        if stat.S_IMODE(os.fstat(number).st_mode) & 0o077:
            raise ConfigurationError(f"{path}: others can read it; chmod 600")
        key = file.read(_KEY_BYTES + 1)
    if len(key) != _KEY_BYTES:
        raise ConfigurationError(f"{path}: is no key; delete it to have a new one")
    return key


def _new_key(folder: Path, path: Path) -> bytes:
    """A new key; where its folder can not be written, one for this run alone."""
    key = new_sealing_key()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return key
    try:
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        return _kept_key(path)
    except OSError:
        return key
    with open(number, "wb") as file:  # noqa: PTH123 - a descriptor
        file.write(key)
    return key
