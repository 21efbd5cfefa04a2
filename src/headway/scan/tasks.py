"""The work of a scan of logs in pieces: a file, or a range of a long one; here or in a process.

What is found in a range does not depend on the others, but for the names of columns that stand
before it.  They are guessed by the start of the file; whoever joins the answers sees whether the
guess was right (:class:`headway.scan.scanning.Joining`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple, cast

from headway.scan.blocks import FIELDS, Needles
from headway.scan.findings import Finding, Fingerprints, Unread
from headway.scan.logs import Found, Reading, context_of, finding_of, found_in, rule_of
from headway.scan.ranges import Part, Range, Seeks, data_of, ranges_of
from headway.scan.readers import (
    BREAKS,
    Reads,
    broken_off,
    check_text,
    compression_of,
    opened,
    source_of,
)
from headway.scan.since import ALWAYS, Times
from headway.scan.summary import Summary

__all__ = ["End", "Message", "Task", "count", "look_at", "look_through", "tasks_of"]

_HEAD = 65_536
_BATCH = 200  # findings of one message
_PROGRESS = 8 << 20  # bytes between two messages of how far it is


class Task(NamedTuple):
    """A file to look through, or the range *span* of a long one that is not compressed.

    ``file`` is its device and inode: another file that has its name is not read.  ``most``
    findings are told, of what is more there are figures.  ``fields`` names columns.  What is of
    no moment of ``times`` is counted, and not told.
    """

    path: str
    file: tuple[int, int] = (0, 0)
    size: int = 0
    span: Range | None = None
    is_last: bool = True
    most: int | None = None
    fields: bytes = b""
    times: Times = ALWAYS


class End(NamedTuple):
    """Of a task: the figures of what was not told, and the columns that are named now."""

    summary: Summary
    fields: bytes


Message = list[Finding] | int | End
"""Some findings; bytes that were read; the end."""


def tasks_of(path: str, raw: BinaryIO, found: os.stat_result) -> Iterator[Task]:
    """The tasks of the file *raw* at *path*, of which *found* is known; ``most`` is left open.

    Raises OSError where its start can not be read, or says that it is no text that can be.
    """
    file = (found.st_dev, found.st_ino)
    head = raw.read(_HEAD)
    if not found.st_size or compression_of(head) is not None:
        yield Task(path, file, found.st_size)
        return
    check_text(head)
    at = 0 if head.startswith(FIELDS) else head.find(b"\n" + FIELDS) + 1
    fields = head[at:].partition(b"\n")[0] if head.startswith(FIELDS, at) else b""
    span = None
    for data in data_of(raw.fileno(), found.st_size):
        for following in ranges_of(cast("Seeks", raw), data.end, start=data.start):
            if span is not None:
                yield _ranged(path, file, span, fields)._replace(is_last=False)
            span = following
    yield _ranged(path, file, span or Range(0, 0), fields)


def _ranged(path: str, file: tuple[int, int], span: Range, fields: bytes) -> Task:
    return Task(path, file, span.end - span.start, span, fields=fields if span.start else b"")


def look_at(task: Task, tell: Callable[[Message], None], *, prints: Fingerprints) -> None:
    """Do *task*.  Raises nothing for what can not be read: the figures name it."""
    summary, reading = Summary(), Reading(task.fields)
    try:
        with opened(task.path) as (raw, found):
            if (found.st_dev, found.st_ino) != task.file:
                raise OSError(0, "is another file than when the scan began")
            source = (
                Part(cast("Seeks", raw), task.span) if task.span is not None else source_of(raw)[0]
            )
            look_through(source, task, tell, prints=prints, summary=summary, reading=reading)
    except BREAKS as error:
        summary.could_not_read(Unread(task.path, broken_off(error), partly=True))
    tell(End(summary, reading.fields))


def look_through(
    source: Reads,
    task: Task,
    tell: Callable[[Message], None],
    *,
    prints: Fingerprints,
    summary: Summary,
    reading: Reading,
) -> None:
    """Tell what is in *source*; what is more than *task* asks for goes into *summary*.

    A range's lines are not numbered: that is done where the answers are joined.
    """
    some: list[Finding] = []
    made = 0
    counted = _Counted(source, tell)
    ranged = task.span is not None

    def in_full() -> bool:
        return task.most is None or made < task.most

    try:
        for each in found_in(
            counted,
            task.path,
            _needles(),
            numbered=(lambda: False) if ranged else in_full,
            offset=0 if task.span is None else task.span.start,
            reading=reading,
        ):
            if not task.times.has(each.record.at):
                summary.suppressed += 1
                continue
            if not in_full():
                count(each, summary)
                continue
            made += 1
            numbered = each._replace(line=each.line._replace(number=1)) if ranged else each
            some.append(finding_of(numbered, prints))
            if len(some) == _BATCH:
                tell(some)
                some = []
    finally:  # what was found before reading broke off
        if some:
            tell(some)
        counted.rest()


_NEEDLES: list[Needles] = []


def _needles() -> Needles:
    """Those of this process."""
    if not _NEEDLES:
        _NEEDLES.append(Needles())
    return _NEEDLES[0]


class _Counted:
    """A source that tells how much was read, now and then."""

    def __init__(self, source: Reads, tell: Callable[[Message], None]) -> None:
        self._source, self._tell = source, tell
        self._bytes = 0

    def readinto(self, buffer: memoryview, /) -> int | None:
        got = self._source.readinto(buffer)
        self._bytes += got or 0
        if self._bytes >= _PROGRESS:
            self.rest()
        return got

    def rest(self) -> None:
        """Tell what was not told."""
        if self._bytes:
            self._tell(self._bytes)
        self._bytes = 0


def count(found: Found, summary: Summary) -> None:
    """The figures of *found*, without making a finding of it."""
    context = {
        name: value for name, value in context_of(found.record).items() if name in summary.by
    }
    summary.count(
        rule_of(found.hit),
        issuer=found.hit.token.issuer or "",
        within=found.hit.within,
        path=found.path,
        **context,
    )
