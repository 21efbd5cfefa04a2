"""Files of a configuration: bounded, regular, includes only inside of the folder that was named.

T39: a configuration may include ``/etc/shadow``, itself, or a pattern that fits ten thousand files.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from headway.scan.findings import Unread
from headway.scan.proxy.edits import Source
from headway.scan.readers import BREAKS, broken_off, opened

__all__ = ["DEPTH_MAX", "FILES_MAX", "FORMAT_MAX", "SIZE_MAX", "Files", "Unclear", "bounded"]

SIZE_MAX = 2_000_000
"""The longest file of a configuration that is read, in bytes."""

FILES_MAX = 1_000
DEPTH_MAX = 20  # of files that include each other


FORMAT_MAX = 20_000
"""The longest format of a log that is judged, in characters."""


class Unclear(Exception):
    """A configuration, or a part of it, could not be understood; *line* counts from 1."""

    def __init__(self, why: str, line: int | None = None) -> None:
        self.why, self.line = why, line
        super().__init__(why if line is None else f"{why}, in line {line}")


def bounded(template: str, line: int) -> str:
    """*template*, a format in *line*.  Raises Unclear where it is longer than those of people."""
    if len(template) > FORMAT_MAX:
        raise Unclear(f"a format has more than {FORMAT_MAX} characters", line)
    return template


class Files:
    """Reads what a configuration is made of, below the folder *root*; *unread* is told the rest."""

    def __init__(self, root: Path, unread: Callable[[Unread], None]) -> None:
        self.root = Path(os.path.realpath(root))
        self._unread = unread
        self._sources: dict[str, Source] = {}
        self._count = 0
        self.bytes = 0

    @property
    def count(self) -> int:
        """How many files were read."""
        return self._count

    def told(self, path: str, why: str, line: int | None = None) -> None:
        """Something in *path* could not be looked at, because *why*."""
        at = "" if line is None else f" (line {line})"
        self._unread(Unread(path, f"{why}{at}", partly=line is not None))

    def read(self, path: str) -> Source | None:
        """The file at *path*, once; None, and told of, where it can not be read as text."""
        real = os.path.realpath(path)
        if real in self._sources:
            return self._sources[real]
        if self._count >= FILES_MAX:
            self.told(path, f"is not read: {FILES_MAX} files were")
            return None
        try:
            with opened(real) as (raw, found):
                if found.st_size > SIZE_MAX:
                    self.told(path, f"has more than {SIZE_MAX} bytes")
                    return None
                data = raw.read(SIZE_MAX + 1)
        except BREAKS as error:
            self.told(path, broken_off(error))
            return None
        if b"\0" in data:
            self.told(path, "is no text")
            return None
        self._count += 1
        self.bytes += len(data)
        source = Source(str(Path(path)), data.decode("utf-8", "replace"))
        self._sources[real] = source
        return source

    def included(self, pattern: str, base: Path, by: Source, line: int, *, must: bool = True,
    ) -> Iterator[Source]:  # fmt: skip
        """The files that *pattern* (from the folder *base*) means, in the order of their names.

        What lies outside of the root is told of and not opened, also behind a link; so is a
        file that *must* be there and is not.
        """
        path = os.path.normpath(base / pattern)
        fixed = Path(path)
        while glob.has_magic(str(fixed)):
            fixed = fixed.parent
        if not self._inside(fixed):
            told = (
                f"includes {pattern[:200]}, which is outside of {self.root}: --root names another"
            )
            self.told(by.path, told, line)
            return
        found = [path]
        if glob.has_magic(path):
            found = sorted(islice(glob.iglob(path), FILES_MAX))  # noqa: PTH207 - any name
        elif not os.path.exists(path):  # noqa: PTH110
            if must:
                self.told(by.path, f"includes {pattern[:200]}, which is not there", line)
            return
        for each in found:
            if not self._inside(Path(each)):
                self.told(each, f"is not read: it leads out of {self.root}")
            elif Path(each).is_dir():
                continue
            elif (source := self.read(each)) is not None:
                yield source

    def _inside(self, path: Path) -> bool:
        return Path(os.path.realpath(path)).is_relative_to(self.root)
