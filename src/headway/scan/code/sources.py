"""Which files of a project are code, and what they contain: nothing of them is ever run.

``.gitignore`` files are respected; what is too long or no text is told of.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pathspec

from headway.scan.code.languages import language_of
from headway.scan.findings import Unread
from headway.scan.readers import BREAKS, broken_off, opened

__all__ = ["SOURCE_MAX", "Ignores", "code_in", "read_source"]

SOURCE_MAX = 2_000_000
"""The longest file that is read, in bytes: what is longer was made by a machine."""

_NEVER = frozenset({".git", ".hg", ".svn", "node_modules", "__pycache__", ".venv", "venv", ".tox"})


class Ignores:
    """The ``.gitignore`` files from a folder downwards; each counts below where it stands."""

    def __init__(self) -> None:
        self._specs: dict[str, pathspec.PathSpec[pathspec.Pattern] | None] = {}

    def hides(self, path: str, root: str) -> bool:
        """Whether one of them names *path* (a folder ends in a slash)."""
        folder = os.path.dirname(path.rstrip("/"))  # noqa: PTH120 - names need not be text
        while True:
            spec = self._spec(folder)
            inside = path[len(folder) :].lstrip("/")
            if spec is not None and spec.match_file(inside):
                return True
            if len(folder) <= len(root) or not folder:
                return False
            folder = os.path.dirname(folder)  # noqa: PTH120

    def _spec(self, folder: str) -> pathspec.PathSpec[pathspec.Pattern] | None:
        if folder not in self._specs:
            self._specs[folder] = None
            try:
                with opened(os.path.join(folder, ".gitignore")) as (raw, _):  # noqa: PTH118
                    lines = raw.read(200_000).decode("utf-8", "replace").splitlines()
                self._specs[folder] = pathspec.GitIgnoreSpec.from_lines(lines)
            except (OSError, ValueError):
                pass
        return self._specs[folder]


def code_in(named: Iterable[str], unread: Callable[[Unread], None]) -> Iterator[str]:
    """The files of code that *named* means; a file that is named itself is never left out."""
    for name in named:
        if not os.path.isdir(name):  # noqa: PTH112
            if os.path.exists(name):  # noqa: PTH110
                yield name
            else:
                unread(Unread(name, "no such file or directory"))
            continue
        ignores = Ignores()
        for folder, folders, files in os.walk(name, onerror=lambda error: _told(error, unread)):
            folders[:] = sorted(
                each for each in folders
                if each not in _NEVER and not ignores.hides(f"{folder}/{each}/", name)
            )  # fmt: skip
            for file in sorted(files):
                path = os.path.join(folder, file)  # noqa: PTH118
                is_code = language_of(path) is not None and not os.path.islink(path)  # noqa: PTH114
                if is_code and not ignores.hides(path, name):
                    yield path


def _told(error: OSError, unread: Callable[[Unread], None]) -> None:
    unread(Unread(str(error.filename), broken_off(error)))


def read_source(path: str, unread: Callable[[Unread], None]) -> str | None:
    """The text of the file *path*; None, and told of, where it can not be read as one."""
    try:
        with opened(path) as (raw, found):
            if found.st_size > SOURCE_MAX:
                unread(Unread(path, f"has more than {SOURCE_MAX} bytes"))
                return None
            data = raw.read(SOURCE_MAX + 1)
    except BREAKS as error:
        unread(Unread(path, broken_off(error)))
        return None
    if b"\0" in data[:8_000]:
        unread(Unread(path, "is no text"))
        return None
    return data.decode("utf-8", "replace").replace("\r\n", "\n")


def shown(path: str) -> str:
    """*path* as it is told: without ``./`` before it."""
    return str(Path(path)) if path else path
