"""``scan history``: tokens in the profiles of browsers, read without locking or changing them.

A profile is a folder of files of many sorts, so each is read by what it is.  As bytes: what is in
free pages, in journals and in caches is found where it lies.  As a database: what
SQLite keeps on several pages, which the bytes show in pieces.  As mozLz4: Firefox's
sessions.  Everything happens in memory; no copy of a profile is ever on disk.
"""

from __future__ import annotations

import re
import sqlite3
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

import lz4.block
import msgspec

from headway.scan.blocks import Needles
from headway.scan.cached import body_of
from headway.scan.documents import hits_of, leaves
from headway.scan.findings import Confidence, Finding, Place, Severity, Unread
from headway.scan.hits import NEEDLES, Hit, hits_in
from headway.scan.logs import sample_of
from headway.scan.readers import BREAKS, broken_off, files_in, opened
from headway.scan.rules import RULES
from headway.scan.scanning import Telling
from headway.scan.summary import Summary
from headway.scan.tokens import TokenKind

__all__ = ["PROFILES", "database_of", "profiles_of", "scan_history", "session_of"]

FILE_MAX = 2**30
"""The longest file of a profile that is read, in bytes: it is in memory as a whole."""

PROFILES: Mapping[str, tuple[str, ...]] = {
    "linux": (
        ".config/chromium/*", ".config/google-chrome/*", ".config/microsoft-edge/*",
        ".config/BraveSoftware/Brave-Browser/*", ".mozilla/firefox/*",
        "snap/chromium/common/chromium/*", "snap/firefox/common/.mozilla/firefox/*",
        ".var/app/org.mozilla.firefox/.mozilla/firefox/*",
    ),
    "darwin": (
        "Library/Application Support/Chromium/*", "Library/Application Support/Google/Chrome/*",
        "Library/Application Support/Microsoft Edge/*",
        "Library/Application Support/BraveSoftware/Brave-Browser/*",
        "Library/Application Support/Firefox/Profiles/*",
    ),
    "win32": (
        "AppData/Local/Chromium/User Data/*", "AppData/Local/Google/Chrome/User Data/*",
        "AppData/Local/Microsoft/Edge/User Data/*",
        "AppData/Local/BraveSoftware/Brave-Browser/User Data/*",
        "AppData/Roaming/Mozilla/Firefox/Profiles/*",
    ),
}  # fmt: skip
"""Where browsers keep their profiles, below a user's home."""

_MARKS = ("History", "Preferences", "places.sqlite", "prefs.js")  # one of them is in a profile
_SQLITE = b"SQLite format 3\0"
_MOZLZ4 = b"mozLz40\0"
_DATABASES = ("History", "places.sqlite", "Top Sites", "Cookies", "favicons.sqlite", "Favicons")
_LOCKS = frozenset({"SingletonLock", "SingletonCookie", "SingletonSocket", "lock"})
_PRINTABLE = re.compile(rb"[\x21-\x7e]{8}")  # the start of an opaque value
_STEPS_MAX = 20_000  # times a thousand instructions of SQLite's machine, for one file
_ROWS_MAX = 5_000_000


def profiles_of(home: Path, platform: str) -> list[Path]:
    """The profiles of the user whose home is *home*, on *platform* (``sys.platform``)."""
    patterns = PROFILES.get(platform, PROFILES["linux"])
    found = (path for pattern in patterns for path in home.glob(pattern) if path.is_dir())
    return sorted({path for path in found if any((path / mark).exists() for mark in _MARKS)})


def scan_history(named: Iterable[str], telling: Telling) -> Summary:
    """Look through the profiles (or files of one) that *named* means.

    Raises nothing for what can not be read: the summary names it.
    """
    summary = telling.summary
    telling.report.begin()
    for path in files_in(named, _but_locks(summary)):
        if telling.baseline.holds_back_path(path):
            continue
        try:
            data = _bytes_of(path)
            told: set[str] = set()
            for finding in _findings(path, data, telling):
                if finding.fingerprint not in told:
                    told.add(finding.fingerprint)
                    telling.tell(finding)
            summary.bytes += len(data)
        except _Unreadable as error:
            summary.could_not_read(Unread(path, str(error)))
        except BREAKS as error:
            summary.could_not_read(Unread(path, broken_off(error)))
        summary.files += 1
        telling.progress.advance(1)
    telling.end()
    return summary


class _Unreadable(Exception):
    """Why a file of a profile could not be read as what it is."""


def _but_locks(summary: Summary) -> Callable[[Unread], None]:
    """Browsers mark a profile as in use by links that lead nowhere, and speak over sockets."""

    def told(unread: Unread) -> None:
        if Path(unread.path).name not in _LOCKS:
            summary.could_not_read(unread)

    return told


def _bytes_of(path: str) -> bytes:
    with opened(path) as (raw, found):
        if found.st_size > FILE_MAX:
            raise _Unreadable(f"has more than {FILE_MAX} bytes")
        return raw.read(FILE_MAX + 1)


def _findings(path: str, data: bytes, telling: Telling) -> Iterator[Finding]:
    """By what the file is first, then byte by byte: what stands there twice is told once."""
    if data.startswith(_SQLITE):
        yield from _of_database(path, data, telling)
    elif data.startswith(_MOZLZ4):
        for leaf in leaves(session_of(data)):
            for hit, content in hits_of(leaf):
                yield _finding(path, hit, content, telling, leaf.pointer)
        return
    elif Path(path).name in _DATABASES and data:
        raise _Unreadable("is encrypted, or no database that SQLite reads")
    for text, what in (
        (data, "bytes"), (_narrow(data), "wide characters"), (body_of(data), "compressed body"),
    ):  # fmt: skip
        for hit, line in _hits(text):
            yield _finding(path, hit, line, telling, what)


def _narrow(data: bytes) -> bytes:
    """What is in UTF-16, as ASCII; empty where there is no token in it."""
    return data.replace(b"\0", b"") if b"e\0y\0J" in data or b"j\0w\0t\0" in data else b""


def _hits(data: bytes) -> Iterator[tuple[Hit, bytes]]:
    """What is in binary *data*: tokens wherever they are, named values where they are addresses."""
    if not any(needle in data for needle in NEEDLES):
        return
    last = 0
    for place in Needles(NEEDLES).places(memoryview(data)):
        if place < last:
            continue
        start = max(data.rfind(b"http", max(0, place - 4_000), place), place - 300, last, 0)
        end = min(len(data), place + 20_000)
        piece = data[start:end]
        for hit in hits_in(piece):
            opaque = hit.token.kind is TokenKind.OPAQUE
            if opaque and not _PRINTABLE.match(piece, hit.token.start):
                continue  # a name in a program, and what happens to stand behind it
            if hit.token.start >= place - start - 60:
                yield hit, piece
                last = start + hit.token.end
                break


def _finding(path: str, hit: Hit, content: bytes, telling: Telling, where: str) -> Finding:
    token = hit.token
    rule = RULES["token-in-history"]
    opaque = token.kind is TokenKind.OPAQUE
    secret = content[token.start : token.end]
    return Finding(
        rule=rule.id,
        severity=Severity.LOW if token.kind is TokenKind.CONNECT_CONTEXT else rule.severity,
        confidence=Confidence.MEDIUM if opaque or token.cut else Confidence.HIGH,
        place=Place(path=path, within=hit.within),
        message=rule.title + (f" ({hit.name})" if hit.name else ""),
        kind=token.kind,
        issuer=token.issuer,
        until=token.until,
        fingerprint=telling.prints.of(rule.id, path, secret),
        sample=sample_of(content, token.start, token.end),
        context={"member": where},
    )


# ---- SQLite ---------------------------------------------------------------------------------


def _of_database(path: str, data: bytes, telling: Telling) -> Iterator[Finding]:
    """What the tables say, with what stands in the log of writes beside them."""
    with closing(database_of(data, _wal_of(path))) as database:
        try:
            for table, column, value in _values(database):
                content = value if isinstance(value, bytes) else str(value).encode()
                for hit in hits_in(content):
                    yield _finding(path, hit, content, telling, f"{table}.{column}")
        except sqlite3.Error as error:
            telling.summary.could_not_read(Unread(path, f"as a database: {error}", partly=True))


def _wal_of(path: str) -> bytes:
    try:
        return _bytes_of(f"{path}-wal")
    except (OSError, _Unreadable):
        return b""


def database_of(data: bytes, wal: bytes = b"") -> sqlite3.Connection:
    """*data* as a database in memory, with the committed pages of *wal* (its write-ahead log).

    No view, trigger or function of a hostile one is run: its tables are read, in bounded steps.
    """
    pages = bytearray(data)
    for number, page in _committed(wal):
        start = (number - 1) * len(page)
        if start + len(page) > FILE_MAX:
            break
        if len(pages) < start + len(page):
            pages += bytes(start + len(page) - len(pages))
        pages[start : start + len(page)] = page
    if len(pages) > 19:
        pages[18:20] = b"\x01\x01"  # as without a log: there is no file that could hold one
    database = sqlite3.connect(":memory:")
    database.deserialize(bytes(pages))
    database.execute("PRAGMA trusted_schema=OFF")
    database.execute("PRAGMA query_only=ON")
    steps = iter(range(_STEPS_MAX))
    database.set_progress_handler(lambda: next(steps, None) is None, 1_000)
    database.text_factory = bytes
    return database


def _committed(wal: bytes) -> Iterator[tuple[int, bytes]]:
    """The pages of a write-ahead log up to its last commit (SQLite file format, section 4)."""
    if len(wal) < 32 or struct.unpack(">I", wal[:4])[0] not in (0x377F0682, 0x377F0683):
        return
    size, salts = struct.unpack(">I", wal[8:12])[0], wal[16:24]
    if size not in {2**n for n in range(9, 17)}:
        return
    waiting: list[tuple[int, bytes]] = []
    for at in range(32, len(wal) - 24 - size + 1, 24 + size):
        number, pages = struct.unpack(">II", wal[at : at + 8])
        if wal[at + 8 : at + 16] != salts or not number:
            return
        waiting.append((number, wal[at + 24 : at + 24 + size]))
        if pages:
            yield from waiting
            waiting = []


def _values(database: sqlite3.Connection) -> Iterator[tuple[str, str, object]]:
    """Every text and blob of every ordinary table that may hold something."""
    tables = database.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0"
    ).fetchall()
    for (name,) in tables:
        quoted = '"' + name.decode("utf-8", "replace").replace('"', '""') + '"'
        rows = database.execute(f"SELECT * FROM {quoted} LIMIT {_ROWS_MAX}")  # noqa: S608 - quoted
        columns = [each[0] for each in rows.description]
        for row in rows:
            for column, value in zip(columns, row, strict=True):
                if isinstance(value, bytes) and any(needle in value for needle in NEEDLES):
                    yield name.decode("utf-8", "replace"), str(column), value


# ---- Firefox's sessions ---------------------------------------------------------------------


def session_of(data: bytes) -> object:
    """The JSON in a file that Firefox compressed (``mozLz40``).

    Raises a reason to be told where it is damaged, or says that it is longer than is read.
    """
    size = int.from_bytes(data[8:12], "little")
    if size > FILE_MAX:
        raise _Unreadable(f"has more than {FILE_MAX} bytes")
    try:
        return msgspec.json.decode(lz4.block.decompress(data[8:]))
    except (lz4.block.LZ4BlockError, msgspec.DecodeError, ValueError, RecursionError):
        raise _Unreadable("is damaged: it is no session that Firefox wrote") from None
