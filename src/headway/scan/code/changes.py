"""``--staged`` and ``--diff``: the files that changed, their new lines, and what was before.

What lets findings pass comes from before the change (threat: a change that disarms its own
scan): a baseline inside the repository is read from the base, and a comment on a new line
does not count unless that is asked for.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from headway.scan.code.files import File, as_text, read_plain
from headway.scan.code.git import Objects, Repository
from headway.scan.code.languages import language_of
from headway.scan.code.lines import new_lines
from headway.scan.code.sources import (
    NEVER,
    SOURCE_MAX,
    TOO_LONG,
    code_in,
    plain,
    read_source,
    shown,
)
from headway.scan.findings import Unread

__all__ = ["Changes", "Range", "range_of"]

BASELINE_MAX = 64 * 2**20


class Range:
    """From which commit (None: from nothing) to what: a commit, the index or the working tree."""

    def __init__(self, base: str | None, to: str | None = None, *, staged: bool = False) -> None:
        self.base, self.to, self.staged = base, to, staged


def range_of(repository: Repository, words: str) -> Range:
    """What *words* mean: ``REV`` (to the working tree), ``A..B``, ``A...B``.

    Three dots: from where the two went apart, to B.

    Raises ConfigurationError for what is no revision.
    """
    if "..." in words:
        one, _, other = words.partition("...")
        to = repository.commit(other or "HEAD")
        return Range(repository.merge_base(repository.commit(one or "HEAD"), to), to)
    if ".." in words:
        one, _, other = words.partition("..")
        return Range(repository.commit(one or "HEAD"), repository.commit(other or "HEAD"))
    return Range(repository.commit(words))


class Changes:
    """What changed below *named*; a :class:`~headway.scan.code.files.Files`."""

    def __init__(
        self, repository: Repository, objects: Objects, change: Range, named: list[str]
    ) -> None:
        self._repository, self._objects, self._change = repository, objects, change
        self._named = [(each, os.path.realpath(each)) for each in named]
        self._base = repository.tree(change.base) if change.base is not None else {}
        self._new = repository.tree(change.to) if change.to is not None else repository.index()
        self._in_tree = change.to is None and not change.staged
        self._names = set(self._new)
        moved = {blob.oid: path for path, blob in self._base.items() if path not in self._new}
        self._from = {
            path: path if path in self._base else moved.get(blob.oid, path)
            for path, blob in self._new.items()
        }

    # ---- which files ------------------------------------------------------------------------

    def wanted(self, unread: Callable[[Unread], None]) -> Iterator[File]:
        """The files that are not as they were, in order."""
        in_tree = self._in_tree
        for name, at in self._named:
            if not os.path.lexists(at):
                unread(Unread(name, "no such file or directory"))
        if in_tree:
            self._names.update(self._untracked(unread))
        for key in sorted(self._names):
            file = self._file(key)
            if file is None or self._path(key) is None:
                continue
            blob = self._new.get(key)
            if blob is not None and not blob.merged:
                unread(Unread(file.path, "is not merged"))
            elif in_tree:
                if self._differs(file):
                    yield file
            elif blob is not None and blob.oid != self._oid(key):
                yield file

    def others(self) -> Iterator[File]:
        """All files of the same state of the project."""
        return (file for key in self._names if (file := self._file(key)) is not None)

    def _untracked(self, unread: Callable[[Unread], None]) -> Iterator[str]:
        """Files of the working tree that the index has not."""
        there = [name for name, at in self._named if os.path.lexists(at)]
        submodules = self._repository.submodules()
        for path in code_in(there, unread):
            key = os.path.relpath(os.path.realpath(path), self._repository.top)
            if key not in self._new and not key.startswith((os.pardir, *submodules)):
                yield key

    def _file(self, key: str) -> File | None:
        language = language_of(key)
        if language is None or not NEVER.isdisjoint(key.split("/")):
            return None
        path = self._path(key)
        at = os.path.join(self._repository.top, key)  # noqa: PTH118 - need not be text
        return File(path if path is not None else key, key, language, at)

    def _path(self, key: str) -> str | None:
        """How *key* is told: below what was named; None where it is not."""
        real = os.path.join(self._repository.top, key)  # noqa: PTH118
        for name, at in self._named:
            if real == at:
                return shown(name)
            if real.startswith(at.rstrip(os.sep) + os.sep):
                below = real[len(at.rstrip(os.sep)) + 1 :]
                return os.path.normpath(os.path.join(name, below))  # noqa: PTH118
        return None

    def _oid(self, key: str) -> str:
        """The name of what *key* contained before; "" for a file that was not there."""
        blob = self._base.get(self._from.get(key, key))
        return blob.oid if blob is not None else ""

    def _differs(self, file: File) -> bool:
        """Whether the working tree has *file*, with other contents than before."""
        try:
            found = os.lstat(file.at)
        except OSError:
            return False  # it is gone
        if not stat.S_ISREG(found.st_mode) or os.path.realpath(file.at) != file.at:
            return False  # a link, or below one
        oid = self._oid(file.key)
        data = read_source(file.at, lambda what: None) if oid else None
        return data is None or oid not in (_named(data, oid), _named(plain(data) or b"", oid))

    # ---- what is in them --------------------------------------------------------------------

    def read(self, file: File, unread: Callable[[Unread], None]) -> bytes | None:
        """What *file* contains after the change."""
        if self._in_tree:
            return read_plain(file, unread)
        data = self._objects.read(self._new[file.key].oid, SOURCE_MAX)
        if data is None:
            unread(Unread(file.path, f"{TOO_LONG}, or is not in this clone"))
        return as_text(file, data, unread)

    def new_lines(self, file: File, source: bytes) -> frozenset[int] | None:
        """The lines of *source* that are new; all where what was before can not be read."""
        oid = self._oid(file.key)
        before = self._objects.read(oid, SOURCE_MAX) if oid else None
        return new_lines(plain(before or b"") or b"", source)

    def file_before(self, path: Path) -> bytes | None:
        """What the file *path* contained before the change; b"" where it was not there.

        None: it is none of the repository's.
        """
        key = self._key_of(path)
        if key is None:
            return None
        blob = self._base.get(key)
        data = self._objects.read(blob.oid, BASELINE_MAX) if blob is not None else None
        return data or b""

    def _key_of(self, path: Path) -> str | None:
        """*path* from the top, where it, or what it links to, is in the repository."""
        for way in (os.path.abspath(path), os.path.realpath(path)):  # noqa: PTH100
            key = os.path.relpath(way, self._repository.top)
            if not key.startswith(os.pardir):
                return key
        return None


def _named(data: bytes, like: str) -> str:
    """How git names *data*, by the hash that *like* was made with."""
    whole = b"blob %d\0%b" % (len(data), data)
    if len(like) == 64:
        return hashlib.sha256(whole).hexdigest()
    return hashlib.sha1(whole, usedforsecurity=False).hexdigest()
