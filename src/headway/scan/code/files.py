"""Which files are looked at, and what is asked of them: a folder's, or those that changed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, Protocol

import msgspec

from headway.scan.code.languages import Language, language_of
from headway.scan.code.sources import code_in, plain, read_source, shown
from headway.scan.findings import Unread

__all__ = ["PROJECT", "File", "Files", "Folder", "as_text", "read_plain", "root_of"]

PROJECT = frozenset({"python", "javascript", "typescript", "tsx"})
"""Languages whose modules import constants from each other."""


class File(NamedTuple):
    """One file of code."""

    path: str  # as it is told
    key: str  # its place in the project, with slashes
    language: Language
    at: str  # where it is read from


class Files(Protocol):
    """Files, and what they contain."""

    def wanted(self, unread: Callable[[Unread], None]) -> Iterator[File]:
        """The files whose findings are asked for, in order."""

    def others(self) -> Iterator[File]:
        """Other files of the project: the wanted ones may import constants from them."""

    def read(self, file: File, unread: Callable[[Unread], None]) -> bytes | None:
        """What *file* contains, as UTF-8; None, and told of, where that can not be read."""

    def new_lines(self, file: File, source: bytes) -> frozenset[int] | None:
        """The lines of *file* whose findings are asked for; None: all."""


class Folder:
    """All that *named* means, as it stands in the working tree."""

    def __init__(self, named: Iterable[str]) -> None:
        self._named = list(named)
        self._root = root_of(self._named)
        self._keys: dict[str, str] = {}

    def wanted(self, unread: Callable[[Unread], None]) -> Iterator[File]:
        """The files of code that are named, and those in folders that are."""
        for path in code_in(self._named, unread):
            language = language_of(path)
            if language is not None:
                yield File(shown(path), self._key(path), language, path)

    def _key(self, path: str) -> str:
        folder, _, name = path.rpartition(os.sep)
        key = self._keys.get(folder)
        if key is None:
            key = os.path.relpath(folder or ".", self._root).replace(os.sep, "/")
            key = self._keys[folder] = "" if key == "." else f"{key}/"
        return key + name

    def others(self) -> Iterator[File]:
        """None: whoever wants them names their folder."""
        return iter(())

    def read(self, file: File, unread: Callable[[Unread], None]) -> bytes | None:
        """What the file contains now."""
        return read_plain(file, unread)

    def new_lines(self, file: File, source: bytes) -> frozenset[int] | None:
        """All of them."""
        return None


def read_plain(file: File, unread: Callable[[Unread], None]) -> bytes | None:
    """What *file* of the working tree contains, as UTF-8."""
    data = read_source(file.at, lambda what: unread(msgspec.structs.replace(what, path=file.path)))
    return as_text(file, data, unread)


def as_text(file: File, data: bytes | None, unread: Callable[[Unread], None]) -> bytes | None:
    """*data* of *file* as UTF-8; None, and told of, where it is no text."""
    source = None if data is None else plain(data)
    if data is not None and source is None:
        unread(Unread(file.path, "is no text"))
    return source


def root_of(named: list[str]) -> str:
    """The folder that all of *named* is in, or is."""
    folders = [each if os.path.isdir(each) else os.path.dirname(each) for each in named]  # noqa: PTH112, PTH120
    return os.path.commonpath([os.path.abspath(each) for each in folders])  # noqa: PTH100
