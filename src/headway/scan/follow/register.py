"""Which files are followed, and which were: found by what names a file, and by its series."""

from __future__ import annotations

from collections.abc import Iterator

from headway.redact import redact
from headway.scan.follow.rotation import series_of
from headway.scan.follow.state import KNOWN_MAX, Known
from headway.scan.follow.tails import Tail

__all__ = ["FILES_MAX", "Register"]

FILES_MAX = 10_000
"""Files that are followed."""

_Key = tuple[int, int]
_Mark = tuple[int, int, str]


class Register:
    """The files that are read (``tails``), and those that were (``left``): copies may turn up.

    Of those that were, so many are kept at most.  A number of a file comes again, so that
    they are told apart by how they begin as well.
    """

    def __init__(self, known: tuple[Known, ...] = ()) -> None:
        self.tails: dict[_Key, Tail] = {}
        self.left: dict[_Mark, Known] = {}
        self._series: dict[str, dict[_Key | _Mark, None]] = {}
        self._before: dict[str, list[Known]] = {}
        for each in sorted(known, key=lambda known: known.at):
            self._keep(each)
            self._before.setdefault(each.path, []).append(each)

    def add(self, tail: Tail, known: Known | None = None) -> None:
        """*tail* is read from now on, from where *known* was."""
        if known is not None:
            self._forget(known)
        self.tails[tail.key] = tail
        self._of(tail.path)[tail.key] = None

    def leave(self, tail: Tail, known: Known) -> None:
        """*tail* is read no more."""
        del self.tails[tail.key]
        self._of(tail.path).pop(tail.key, None)
        self._keep(known)

    def related(self, path: str) -> Iterator[Known | Tail]:
        """What is or was read of the series that *path* belongs to."""
        for key in list(self._of(path)):
            yield self.tails[key] if len(key) == 2 else self.left[key]

    def itself(self, key: _Key) -> list[Known]:
        """What was known of the file that *key* names, whatever it is called."""
        return [known for known in self.left.values() if known.key == key]

    def before(self, path: str) -> tuple[list[Known], bool]:
        """What another run read as *path* and is there no more, the last first; told once.

        With it, whether that run's last file is gone from there, too.
        """
        found = self._before.pop(redact(path), [])
        gone = [known for known in reversed(found) if _mark(known) in self.left]
        return gone, bool(gone) and gone[0] is found[-1]

    def _of(self, path: str) -> dict[_Key | _Mark, None]:
        return self._series.setdefault(series_of(redact(path)), {})

    def _keep(self, known: Known) -> None:
        self.left[_mark(known)] = known
        self._of(known.path)[_mark(known)] = None
        if len(self.left) > KNOWN_MAX - FILES_MAX:
            self._forget(next(iter(self.left.values())))

    def _forget(self, known: Known) -> None:
        if self.left.pop(_mark(known), None) is None:
            return
        series = series_of(redact(known.path))
        self._series[series].pop(_mark(known), None)
        if not self._series[series]:
            del self._series[series]


def _mark(known: Known) -> _Mark:
    return known.device, known.inode, known.head
