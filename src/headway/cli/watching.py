"""Progress on a terminal: a line of standard error, which goes away at the end.

Never where standard error is a pipe or a file, and never before a scan has taken a second.
"""

from __future__ import annotations

import atexit
import os
import sys
import time
from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from headway.scan.progress import Progress

if TYPE_CHECKING:
    import rich.progress

    from headway.ports import Clock

__all__ = ["Bar", "Quiet", "Unit", "progress_of"]

FIRST = 1.0
"""Seconds before anything is shown."""

EVERY = 0.2
"""Seconds between two times that it is drawn."""

Quiet = Annotated[
    bool,
    typer.Option("--no-progress", "--quiet", "-q", help="Show no progress on a terminal."),
]


class Unit(Enum):
    """What is counted."""

    BYTES = "bytes"
    FILES = "files"


def progress_of(named: Sequence[str], unit: Unit, *, quiet: bool) -> Progress:
    """What shows progress through what *named* means, if somebody watches and wants it."""
    if quiet or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        return Progress()
    bar = Bar(sys.stderr, unit)
    total = _total(named, unit) if named else None
    if total is not None:
        bar.expect(total)
    return bar


def _total(named: Sequence[str], unit: Unit) -> int | None:
    """How many files *named* means, or bytes of them as they are; None where nobody knows."""
    from headway.scan.readers import STANDARD_INPUT, files_in
    from headway.scan.stores.address import is_address

    if any(name == STANDARD_INPUT or is_address(name) for name in named):
        return None
    total = 0
    for path in files_in(named, lambda unread: None):
        try:
            size = os.stat(path).st_size  # noqa: PTH116 - a name need not be text
            total += size if unit is Unit.BYTES else 1
        except OSError:  # it has gone: the scan says so
            continue
    return total


class Bar(Progress):
    """Shows it on *err*, a terminal."""

    def __init__(self, err: TextIO, unit: Unit, *, clock: Clock = time.monotonic) -> None:
        super().__init__()
        self._err, self._unit, self._clock = err, unit, clock
        self._next = clock() + FIRST
        self._drawn: rich.progress.Progress | None = None
        self._shown = False

    def advance(self, count: int) -> None:
        """*count* more are done; a comparison, nearly always."""
        self.done += count
        if self._clock() >= self._next:
            self._show()

    def clear(self) -> None:
        """Take it away, until it is drawn again."""
        if self._shown and self._drawn is not None:
            self._drawn.stop()
            self._shown = False

    def close(self) -> None:
        """Take it away."""
        self.clear()
        self._next = float("inf")

    def _show(self) -> None:
        if self._drawn is None:
            self._drawn = self._made()
            atexit.register(self.close)  # the terminal's cursor is back, whatever happens
        drawn = self._drawn
        total = None if self.total is None else max(self.total, self.done)
        drawn.update(drawn.task_ids[0], completed=self.done, total=total)
        if not self._shown:
            drawn.start()
            self._shown = True
        drawn.refresh()
        self._next = self._clock() + EVERY

    def _made(self) -> rich.progress.Progress:
        from rich import progress
        from rich.console import Console

        counts: tuple[progress.ProgressColumn, ...] = (progress.MofNCompleteColumn(),)
        if self._unit is Unit.BYTES:
            counts = (progress.DownloadColumn(), progress.TransferSpeedColumn())
        drawn = progress.Progress(
            progress.BarColumn(bar_width=24),
            progress.TaskProgressColumn(),
            *counts,
            progress.TimeRemainingColumn(),
            console=Console(file=self._err),
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        drawn.add_task("", total=None)
        return drawn
