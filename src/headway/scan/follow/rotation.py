"""Where the rest of a file is once another one has its name: renamed, copied, compressed."""

from __future__ import annotations

import os
import re
from collections.abc import Container, Iterator, Sequence
from functools import lru_cache

from headway.scan.findings import Fingerprints
from headway.scan.follow.state import Known
from headway.scan.follow.tails import Same, goes_on
from headway.scan.readers import opened

__all__ = ["continuation", "rotated_since", "series_of"]

_COMPRESSED = re.compile(r"\.(?:gz|zst|bz2|xz)\Z")
_AFTER = re.compile(r"(?:[.-][0-9][0-9T_-]{0,24}|\.old|\.bak)\Z")
_BEFORE = re.compile(r"[.-][0-9]{4}[0-9T_-]{2,20}(?=\.[A-Za-z]{1,8}\Z)")


@lru_cache(maxsize=4096)
def series_of(path: str) -> str:
    """What a path was before rotations renamed it.

    >>> [series_of(name) for name in ("/a.log.1", "/a.log-20260101.gz", "/a-20260101.log")]
    ['/a.log', '/a.log', '/a.log']
    >>> series_of("/app.2.log")
    '/app.2.log'
    """
    name = _COMPRESSED.sub("", path)
    return _BEFORE.sub("", _AFTER.sub("", name, count=1), count=1)


def continuation(known: Known, path: str, prints: Fingerprints) -> str | None:
    """The file beside *path* in which *known* goes on: itself, or a copy of it; None for none."""
    entries = [(entry, found) for entry, found in _beside(path) if entry.path != path]
    for entry, found in entries:  # (1) itself, whatever it is called now
        if _key(found) == known.key and _holds(entry.path, known, prints):
            return entry.path
    for entry, _ in entries:  # (2) what a rotation copied, or compressed
        related = series_of(entry.path) == series_of(path) and known.offset
        if related and _holds(entry.path, known, prints):
            return entry.path
    return None


def rotated_since(
    path: str,
    since: float,
    prints: Fingerprints,
    *,
    known: Sequence[Known],
    but: Container[tuple[int, int]],
) -> list[str]:
    """What was rotated away from *path* and written to *since*: the oldest first.

    Not what is one of *but*, nor what some of *known* was read of.
    """
    found = [
        (what.st_mtime_ns, entry.path)
        for entry, what in _beside(path)
        if entry.path != path
        and series_of(entry.path) == series_of(path)
        and what.st_mtime >= since
        and _key(what) not in but
        and not any(each.offset and _holds(entry.path, each, prints) for each in known)
    ]
    return [each for _, each in sorted(found)]


def _beside(path: str) -> Iterator[tuple[os.DirEntry[str], os.stat_result]]:
    """The regular files in the folder of *path*, and no links."""
    folder = os.path.dirname(path)  # noqa: PTH120 - a name need not be text
    try:
        with os.scandir(folder or ".") as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return
    for entry in found:
        try:
            if entry.is_file(follow_symlinks=False):
                yield entry, entry.stat(follow_symlinks=False)
        except OSError:  # it has gone already
            continue


def _holds(path: str, known: Known, prints: Fingerprints) -> bool:
    """Whether the file at *path* is what *known* was read of, and perhaps more."""
    try:
        with opened(path) as (raw, _):
            return goes_on(known, raw, prints) is Same.YES
    except OSError:
        return False


def _key(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino
