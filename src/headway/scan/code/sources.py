"""Which files of a project are code, and what they contain: nothing of them is ever run.

``.gitignore`` files are respected; what is too long or no text is told of.
"""

from __future__ import annotations

import codecs
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pathspec

from headway.scan.code.languages import language_of
from headway.scan.findings import Unread
from headway.scan.readers import BREAKS, broken_off, opened

__all__ = ["NEVER", "SOURCE_MAX", "TOO_LONG", "Ignores", "code_in", "plain", "read_source", "shown"]

SOURCE_MAX = 2_000_000
"""The longest file that is read, in bytes: what is longer was made by a machine."""

TOO_LONG = f"has more than {SOURCE_MAX} bytes"

NEVER = frozenset({".git", ".hg", ".svn", "node_modules", "__pycache__", ".venv", "venv", ".tox"})


_Counts = tuple[int, pathspec.PathSpec[pathspec.Pattern]]


PATIENCE = 20.0
"""Seconds for all that ``.gitignore`` files have to say."""

_STARS_MAX = 3  # in one part of a path: each may end anywhere, and an expression tries it all


def _is_costly(pattern: str) -> bool:
    parts = pattern.split("/")
    return parts.count("**") > _STARS_MAX or any(
        len(re.findall(r"\*+", part)) > _STARS_MAX for part in parts
    )


class Ignores:
    """The ``.gitignore`` files from a folder downwards; each counts below where it stands."""

    def __init__(self, unread: Callable[[Unread], None] = lambda what: None) -> None:
        self._unread = unread
        self._chains: dict[str, list[_Counts]] = {}
        self._spent = 0.0

    def hides(self, path: str, root: str) -> bool:
        """Whether one of them names *path* (a folder ends in a slash), below *root*."""
        folder = path[: path.rfind("/", 0, -1)] if "/" in path[:-1] else ""
        above = self._above(folder, root)
        if not above or self._spent > PATIENCE:
            return False
        start = time.perf_counter()
        found = any(spec.match_file(path[at:]) for at, spec in above)
        self._spent += time.perf_counter() - start
        if self._spent > PATIENCE:
            self._unread(Unread(root, "its .gitignore files take too long, and hide nothing"))
        return found

    def _above(self, folder: str, root: str) -> list[_Counts]:
        """The files that count in *folder*, and where a path begins for each of them."""
        found = self._chains.get(folder)
        if found is None:
            spec = self._spec(folder)
            found = [] if spec is None else [(len(folder) + 1 if folder else 0, spec)]
            if len(folder) > len(root) and folder:
                found = found + self._above(os.path.dirname(folder), root)  # noqa: PTH120
            self._chains[folder] = found
        return found

    def _spec(self, folder: str) -> pathspec.PathSpec[pathspec.Pattern] | None:
        try:
            with opened(os.path.join(folder, ".gitignore")) as (raw, _):  # noqa: PTH118
                lines = raw.read(200_000).decode("utf-8", "replace").splitlines()
            return pathspec.GitIgnoreSpec.from_lines(self._simple(lines, folder))
        except (OSError, ValueError):
            return None

    def _simple(self, lines: list[str], folder: str) -> list[str]:
        """*lines* without patterns that an expression may try in too many ways."""
        kept = [line for line in lines if not _is_costly(line)]
        if len(kept) < len(lines):
            path = shown(f"{folder}/.gitignore")
            self._unread(Unread(path, "has patterns with too many stars, which hide nothing"))
        return kept


def code_in(named: Iterable[str], unread: Callable[[Unread], None]) -> Iterator[str]:
    """The files of code that *named* means; a file that is named itself is never left out."""
    for name in named:
        if not os.path.isdir(name):  # noqa: PTH112
            if os.path.exists(name):  # noqa: PTH110
                yield name
            else:
                unread(Unread(name, "no such file or directory"))
            continue
        yield from _below(name, unread)


def _below(root: str, unread: Callable[[Unread], None]) -> Iterator[str]:
    """The files of code in the folder *root*; links are not followed, nor told of."""
    ignores = Ignores(unread)
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(folder) as entries:
                inside = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            unread(Unread(folder, broken_off(error)))
            continue
        folders = []
        for entry in inside:
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in NEVER and not ignores.hides(entry.path + "/", root):
                    folders.append(entry.path)
            elif (
                language_of(entry.name) is not None
                and not entry.is_symlink()
                and not ignores.hides(entry.path, root)
            ):
                yield entry.path
        waiting += reversed(folders)


def read_source(path: str, unread: Callable[[Unread], None]) -> bytes | None:
    """What the file *path* contains; None, and told of, where it can not be read."""
    try:
        with opened(path) as (raw, found):
            data = raw.read(SOURCE_MAX + 1) if found.st_size <= SOURCE_MAX else None
    except BREAKS as error:
        unread(Unread(path, broken_off(error)))
        return None
    if data is None or len(data) > SOURCE_MAX:  # it may have grown
        unread(Unread(path, TOO_LONG))
        return None
    return data


def plain(data: bytes) -> bytes | None:
    r"""*data* as UTF-8 with line feeds; None where it is no text.

    UTF-8 is taken as it is, and UTF-16 where a byte order mark says so.

    >>> plain(b"a\r\nb"), plain(b"\0")
    (b'a\nb', None)
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        data = data.decode("utf-16", "replace").encode()
    elif b"\0" in data[:8_000]:
        return None
    data = data.removeprefix(codecs.BOM_UTF8)
    return data.replace(b"\r\n", b"\n") if b"\r" in data else data


def shown(path: str) -> str:
    """*path* as it is told: without ``./`` before it."""
    if path.startswith(".") or "//" in path or "/." in path:
        return str(Path(path))
    return path
