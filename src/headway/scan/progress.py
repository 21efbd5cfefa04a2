"""How far a scan is, for whoever watches: numbers, and nothing of what is scanned."""

from __future__ import annotations

__all__ = ["Progress"]


class Progress:
    """Told how far a scan is, in bytes or in files; this one shows it to nobody.

    >>> progress = Progress()
    >>> progress.expect(10)
    >>> progress.advance(3)
    >>> progress.done, progress.total
    (3, 10)
    """

    def __init__(self) -> None:
        self.done = 0
        self.total: int | None = None

    def expect(self, total: int) -> None:
        """There are *total* to do."""
        self.total = total

    def advance(self, count: int) -> None:
        """*count* more are done."""
        self.done += count

    def reach(self, done: int) -> None:
        """*done* of them are done."""
        self.advance(done - self.done)

    def clear(self) -> None:
        """Something else is about to be shown."""

    def close(self) -> None:
        """Nothing more is told."""
