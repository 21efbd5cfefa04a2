"""One scan: from what was named on the command line to a report and an exit code."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from functools import partial
from itertools import chain, groupby
from typing import cast

from msgspec.structs import replace

from headway.scan.baseline import Baseline
from headway.scan.findings import Finding, Fingerprints, Unread
from headway.scan.logs import Reading
from headway.scan.processes import Ended, in_order, processors
from headway.scan.progress import Progress
from headway.scan.ranges import Lines, Seeks
from headway.scan.readers import (
    BREAKS,
    STANDARD_INPUT,
    Reads,
    broken_off,
    files_in,
    opened,
    standard_input,
)
from headway.scan.report.machine import Report
from headway.scan.since import ALWAYS, Times
from headway.scan.stores.address import is_address, parse_address
from headway.scan.stores.objects import objects_in, store_of
from headway.scan.stores.reading import opened_object, source_of_object
from headway.scan.summary import Summary
from headway.scan.tasks import End, Message, Task, look_at, look_through, tasks_of

__all__ = ["Joining", "Telling", "scan_logs"]

_PACKED = 8  # bytes of logs in one byte of a compressed file, about: for progress alone
_WORTH = 64 << 20  # bytes: below, a process costs more than it saves


class Telling:
    """Where findings go: to the report and into the figures, or held back."""

    def __init__(
        self,
        report: Report,
        prints: Fingerprints,
        baseline: Baseline | None = None,
        *,
        times: Times = ALWAYS,
        progress: Progress | None = None,
    ) -> None:
        self.report = report
        self.prints = prints
        self.baseline = baseline or Baseline()
        self.times = times  # of requests in logs
        self.progress = progress or Progress()
        self.summary = Summary()

    @property
    def most(self) -> int | None:
        """How many findings more are made in full; None for each that there is."""
        return self.report.most if self.baseline.is_empty else None

    @property
    def wants_findings(self) -> bool:
        """Whether a finding has to be made; figures need none."""
        return self.report.wants_more or not self.baseline.is_empty

    def tell(self, finding: Finding) -> None:
        """Count and report *finding*, unless it is known."""
        if self.baseline.holds_back(finding):
            self.summary.suppressed += 1
            return
        self.summary.add(finding)
        if self.report.wants_more:
            self.progress.clear()
        self.report.add(finding)

    def end(self) -> None:
        """Tell the figures: nothing follows."""
        self.progress.close()
        self.report.end(self.summary)


class Joining:
    """What processes found in files and their ranges, told as if one had looked at all."""

    def __init__(self, telling: Telling, progress: Callable[[int], None]) -> None:
        self._telling, self._progress = telling, progress
        self._fields = b""
        self._open = ExitStack()
        self._lines: Lines | None = None
        self._done = 0  # of a compressed file, for progress

    def hear(self, task: Task, message: Message | Ended) -> None:
        """One message; those of a file come one after the other, as its ranges stand."""
        # (1) the columns are others than was guessed: look again, here
        if task.fields != self._fields and not isinstance(message, Ended):
            if isinstance(message, End):
                again = task._replace(fields=self._fields)
                look_at(again, partial(self.hear, again), prints=self._telling.prints)
            return
        # (2) what was found
        summary = self._telling.summary
        if isinstance(message, int):
            summary.bytes += message
            self._progress(self._part(task, message))
        elif isinstance(message, list):
            for finding in message:
                self._telling.tell(self._numbered(finding, task))
        # (3) the end of a range, or of a file
        elif isinstance(message, End):
            summary.merge(message.summary)
            self._fields = message.fields
            if task.span is None and task.size:
                self._progress(task.size - self._done)
                self._done = 0
        else:
            why = "the process that looked at it was ended from outside"
            summary.could_not_read(Unread(task.path, why, partly=True))
        if task.is_last and isinstance(message, End | Ended):
            summary.files += 1
            self.close()

    def _part(self, task: Task, read: int) -> int:
        """How much of a file *read* bytes are: of a compressed one they are guessed."""
        if task.span is not None or not task.size:
            return read
        part = min(read // _PACKED, task.size - self._done)
        self._done += part
        return part

    def close(self) -> None:
        """Nothing of this file follows."""
        self._fields, self._lines = b"", None
        self._open.close()

    def _numbered(self, finding: Finding, task: Task) -> Finding:
        """*finding* with the number of its line, where it has none and somebody wants it."""
        place = finding.place
        if task.span is None or place.offset is None or not self._telling.wants_findings:
            return finding
        try:
            if self._lines is None:
                raw, found = self._open.enter_context(opened(task.path))
                if (found.st_dev, found.st_ino) != task.file:
                    return replace(finding, place=replace(place, line=None, column=None))
                self._lines = Lines(cast("Seeks", raw))
            return replace(finding, place=replace(place, line=self._lines.number(place.offset)))
        except OSError:  # it is gone: its findings are told all the same
            return replace(finding, place=replace(place, line=None, column=None))


def scan_logs(
    named: Iterable[str],
    telling: Telling,
    *,
    progress: Callable[[int], None] = lambda size: None,
    jobs: int | None = None,
) -> Summary:
    """Look through what *named* means; *progress* is told of bytes, as they are read.

    Files, and objects of stores.  *jobs* processes look through files, by default
    as many as there are processors: what is told is the same.  Raises nothing for what
    can not be read: the summary names it; ConfigurationError for an address that is none, or
    whose store is not set up.
    """
    summary, names = telling.summary, list(named)
    addresses = [parse_address(name) for name in names if is_address(name)]
    for address in addresses:
        store_of(address.scheme)
    joining = Joining(telling, progress)
    work = partial(look_at, prints=telling.prints)
    telling.report.begin()
    files = files_in((name for name in names if not is_address(name)), summary.could_not_read)
    for is_input, paths in groupby(files, STANDARD_INPUT.__eq__):
        if is_input:
            try:
                _through(standard_input()[0], STANDARD_INPUT, telling, joining)
            except BREAKS as error:
                _broken(STANDARD_INPUT, error, summary)
            continue
        tasks, worth = _worth(_tasks(paths, telling))
        in_order(work, tasks, (jobs or processors()) if worth else 1, joining.hear)
    for store, stored in objects_in(addresses, summary.could_not_read):
        if telling.baseline.holds_back_path(stored.address):
            continue
        try:
            with opened_object(store, stored) as whole:
                _through(source_of_object(whole)[0], stored.address, telling, joining)
        except BREAKS as error:
            _broken(stored.address, error, summary)
    summary.unread.sort(key=lambda each: each.path)  # who came first depends on processes
    telling.end()
    return summary


def _tasks(paths: Iterable[str], telling: Telling) -> Iterator[Task]:
    for path in paths:
        if telling.baseline.holds_back_path(path):
            continue
        try:
            with opened(path) as (raw, found):
                for task in tasks_of(path, raw, found):
                    yield task._replace(most=telling.most, times=telling.times)
        except BREAKS as error:
            _broken(path, error, telling.summary)


def _broken(path: str, error: BaseException, summary: Summary) -> None:
    summary.could_not_read(Unread(path, broken_off(error), partly=True))
    summary.files += 1


def _worth(tasks: Iterator[Task]) -> tuple[Iterable[Task], bool]:
    """*tasks*, and whether they are worth several processes."""
    first: list[Task] = []
    size = 0
    for task in tasks:
        first.append(task)
        size += task.size
        if size > _WORTH and len(first) > 1:
            return chain(first, tasks), True
    return first, False


def _through(source: Reads, path: str, telling: Telling, joining: Joining) -> None:
    """Look here at what only this process has open."""
    task, summary, reading = (
        Task(path, most=telling.most, times=telling.times),
        Summary(),
        Reading(),
    )
    tell = partial(joining.hear, task)
    try:
        look_through(source, task, tell, prints=telling.prints, summary=summary, reading=reading)
    except BREAKS as error:
        summary.could_not_read(Unread(path, broken_off(error), partly=True))
    tell(End(summary, reading.fields))
