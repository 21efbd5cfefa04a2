"""What was seen in files before, by what they contain: a second scan parses what changed.

It has no text and no path: a file stands there as a keyed hash of its contents, with places
and names of parameters.  Whoever has not the key can not make one that counts.  It is a
convenience: whatever is wrong with it, the scan goes on without.
"""

from __future__ import annotations

import hmac
import os
import stat
import sys
from collections.abc import Iterable
from contextlib import suppress
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path

import msgspec

from headway.errors import HeadwayError
from headway.scan.code.worker import Spot
from headway.scan.writing import replacing

__all__ = ["ENTRIES_MAX", "Cache", "Entry", "cache_path"]

ENTRIES_MAX = 100_000
"""Files that are kept; those that were not asked for longest go first."""

BYTES_MAX = 32 * 2**20
_MAC = 32
_RULES = ("ast-grep-py", "ruamel.yaml")
_LOOKS_MAX = 4


class Entry(msgspec.Struct, array_like=True, gc=False):
    """What is known of one text in one language.

    ``mentions``: whether a token's name is in it, None where nobody asked; ``constants``: whether
    it has some that other files may import; ``stems``: hashes of what it imports, None
    where nobody asked; ``looks``: what was seen, by the constants that were imported.
    """

    mentions: bool | None = None
    constants: bool = False
    stems: tuple[int, ...] | None = None
    looks: dict[bytes, tuple[Spot, ...]] = {}


class _File(msgspec.Struct, array_like=True):
    rules: bytes
    entries: dict[bytes, Entry]


class Cache:
    """Entries from *path*, made with *key*; without a path, of this run alone.

    >>> cache = Cache(None, bytes(32))
    >>> name = cache.name("python", b"x = 1")
    >>> cache.of(name) is cache.of(name), len(name)
    (True, 16)
    """

    def __init__(self, path: Path | None, key: bytes) -> None:
        self._path, self._key = path, key
        self._old: dict[bytes, Entry] = {}
        self._used: dict[bytes, Entry] = {}
        self._changed = False
        if path is not None:
            with suppress(OSError, ValueError, msgspec.MsgspecError):
                self._old = self._read(path)

    def name(self, language: str, source: bytes) -> bytes:
        """Under which *source* stands here."""
        return blake2b(
            source, digest_size=16, key=self._key, person=language.encode()[:16]
        ).digest()

    def stem(self, word: str) -> int:
        """A hash of a word of an import."""
        return int.from_bytes(
            blake2b(word.encode("utf-8", "replace"), digest_size=4, key=self._key).digest(),
            "big",
        )

    def of(self, name: bytes) -> Entry:
        """The entry *name*; a new one where there is none."""
        entry = self._used.get(name)
        if entry is None:
            entry = self._used[name] = self._old.pop(name) if name in self._old else Entry()
        return entry

    def learn(self, entry: Entry, constants: bool, stems: Iterable[str]) -> None:
        """Note what a text has and imports."""
        hashes = tuple(sorted({self.stem(each) for each in stems}))
        if (entry.constants, entry.stems) != (constants, hashes):
            entry.constants, entry.stems = constants, hashes
            self._changed = True

    def learn_look(self, entry: Entry, imported: bytes, spots: tuple[Spot, ...]) -> None:
        """Note what was seen in a text with what it *imported*."""
        if entry.looks.get(imported) == spots:
            return
        looks = {**entry.looks, imported: spots}
        entry.looks = dict(list(looks.items())[-_LOOKS_MAX:])
        self._changed = True

    def save(self) -> None:
        """Write it, where there is something new; what can not be written is left."""
        if self._path is None or not self._changed:
            return
        entries = self._used
        if len(entries) > ENTRIES_MAX:
            entries = dict(list(entries.items())[-ENTRIES_MAX:])
        for name, entry in self._old.items():
            if len(entries) >= ENTRIES_MAX:
                break
            entries[name] = entry
        data = msgspec.msgpack.encode(_File(_rules(), entries))
        if len(data) > BYTES_MAX:
            return
        with suppress(OSError, HeadwayError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with replacing(self._path) as new:
                new.raw.write(hmac.digest(self._key, data, "sha256") + data)
                new.commit(_there(self._path))

    def _read(self, path: Path) -> dict[bytes, Entry]:
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(number, "rb") as file:  # noqa: PTH123 - a descriptor
            found = os.fstat(number)
            ours = found.st_uid == os.geteuid() and not found.st_mode & 0o022
            if not (stat.S_ISREG(found.st_mode) and ours and found.st_size <= BYTES_MAX + _MAC):
                return {}
            data = file.read(BYTES_MAX + _MAC)
        if not hmac.compare_digest(data[:_MAC], hmac.digest(self._key, data[_MAC:], "sha256")):
            return {}
        content = msgspec.msgpack.decode(data[_MAC:], type=_File)
        return content.entries if content.rules == _rules() else {}


def _there(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except FileNotFoundError:
        return None


def _rules() -> bytes:
    """Stands for the rules: the code that looks, and the versions of what parses."""
    whole = blake2b(repr(sys.version_info[:2]).encode(), digest_size=16)
    for package in ("headway", *_RULES):
        whole.update(f"{package} {version(package)}\n".encode())
    for file in sorted(Path(__file__).parent.glob("*.py")):
        whole.update(blake2b(file.read_bytes()).digest())
    return whole.digest()


def cache_path(environment: dict[str, str], home: Path) -> Path:
    """Where this user's is: ``~/.cache/headway/scan-code``, or below ``XDG_CACHE_HOME``."""
    given = environment.get("XDG_CACHE_HOME", "")
    folder = Path(given) if given.startswith("/") else home / ".cache"
    return folder / "headway" / "scan-code"
