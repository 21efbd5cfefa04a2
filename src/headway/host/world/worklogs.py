"""Work that was done on issues, and durations as people write them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec
import sqlalchemy as sa

from headway.host.database import Database, metadata, references
from headway.host.world.changes import Change
from headway.host.world.rows import Lookup, Rows, bounded, number, read
from headway.host.world.tracker import TEXT_MAX, Tracker
from headway.ports import Clock

__all__ = ["Worklog", "Worklogs", "duration", "seconds_of", "worklogs"]

HOURS_A_DAY, DAYS_A_WEEK = 8, 5
_MINUTE, _HOUR = 60, 3600
_DAY = HOURS_A_DAY * _HOUR
UNITS = {"w": DAYS_A_WEEK * _DAY, "d": _DAY, "h": _HOUR, "m": _MINUTE}
"""Seconds of each unit, with working days and weeks of the usual length."""

_PART = re.compile(r"(\d{1,6}(?:\.\d{1,4})?)([wdhm])", re.ASCII)

worklogs = sa.Table(
    "worklogs",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("issue_id", sa.Integer, references("issues.id"), nullable=False, index=True),
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("update_author", sa.Text, nullable=False),
    sa.Column("comment", sa.Text, nullable=False),
    sa.Column("document", sa.JSON(none_as_null=True)),
    sa.Column("started", sa.Float, nullable=False),  # seconds since 1970, to the millisecond
    sa.Column("seconds", sa.Integer, nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("updated", sa.BigInteger, nullable=False),
    sqlite_autoincrement=True,
)


class Worklog(msgspec.Struct, frozen=True, kw_only=True):
    """Some work on an issue: *seconds* of it, from *started* (seconds since 1970) on."""

    id: int
    issue_id: int
    author: str
    update_author: str
    comment: str
    document: dict[str, Any] | None
    started: float
    seconds: int
    created: int
    updated: int


_OF = Lookup(Worklog, worklogs, worklogs.c.issue_id == sa.bindparam("issue_id"), worklogs.c.id)


class Worklogs:
    """The work on issues.  Each change also changes the issue's time spent and left."""

    def __init__(
        self,
        database: Database,
        tracker: Tracker,
        now: Clock,
        tell: Callable[[Change], None],
    ) -> None:
        self._database = database
        self._rows = Rows(database)
        self._tracker = tracker
        self._now = now
        self._tell = tell

    def of(self, issue_id: int) -> list[Worklog]:
        """The work on an issue, the oldest first."""
        return _OF.all(self._database, issue_id=issue_id)

    def worklog(self, worklog_id: int | str) -> Worklog | None:
        """The worklog with this id."""
        return self._rows.one(Worklog, worklogs, worklogs.c.id == number(worklog_id))

    def add(
        self,
        issue_id: int,
        author: str,
        seconds: int,
        *,
        comment: str = "",
        document: dict[str, Any] | None = None,
        started: float | None = None,
        left: int | None = None,
    ) -> Worklog:
        """New work; *left* is the remaining estimate from now on, else the time is taken off it.

        Raises ValueError for no time or a comment that is too long.
        """
        now = int(self._now())
        made = self._rows.add(
            Worklog,
            worklogs,
            issue_id=issue_id,
            author=author,
            update_author=author,
            comment=bounded("comment", comment, TEXT_MAX),
            document=document,
            started=now if started is None else started,
            seconds=_some(seconds),
            created=now,
            updated=now,
        )
        self._tell(Change(event="worklog_created", author=author, after=made))
        self._account(issue_id, author, seconds, left)
        return made

    def edit(
        self, worklog_id: int, author: str, *, left: int | None = None, **changes: Any
    ) -> Worklog:
        """Change ``seconds``, ``started``, ``comment`` and ``document``; raises as :meth:`add`."""
        before = self.worklog(worklog_id)
        if before is None:
            raise LookupError(f"there is no worklog {worklog_id}")
        _some(changes.get("seconds", before.seconds))
        bounded("comment", changes.get("comment", ""), TEXT_MAX)
        is_it = worklogs.c.id == worklog_id
        values = {**changes, "update_author": author, "updated": int(self._now())}
        with self._database.writing() as connection:
            connection.execute(worklogs.update().where(is_it).values(values))
            after = read(connection, Worklog, worklogs, is_it)[0]
        self._tell(Change(event="worklog_updated", author=author, before=before, after=after))
        self._account(before.issue_id, author, after.seconds - before.seconds, left)
        return after

    def delete(self, worklog_id: int, author: str, *, left: int | None = None) -> None:
        """Forget some work; raises LookupError where there is none."""
        before = self.worklog(worklog_id)
        if before is None:
            raise LookupError(f"there is no worklog {worklog_id}")
        with self._database.writing() as connection:
            connection.execute(worklogs.delete().where(worklogs.c.id == worklog_id))
        self._tell(Change(event="worklog_deleted", author=author, before=before))
        self._account(before.issue_id, author, -before.seconds, left)

    def _account(self, issue_id: int, author: str, seconds: int, left: int | None) -> None:
        """Count *seconds* as spent on an issue."""
        issue = self._tracker.issue(issue_id)
        if issue is None or (not seconds and left is None):
            return
        spent = (issue.time_spent or 0) + seconds
        if left is None and issue.remaining_estimate is not None:
            left = max(0, issue.remaining_estimate - seconds)
        self._tracker.edit_issue(
            issue_id, author=author, time_spent=spent or None, remaining_estimate=left
        )


def _some(seconds: int) -> int:
    if seconds < _MINUTE:
        raise ValueError("Worklog must not be null.")
    return seconds


def seconds_of(text: object) -> int:
    """A duration as people write it: weeks, days, hours, minutes; a bare number is minutes.

    Raises ValueError for anything else.

    >>> seconds_of("3h 30m"), seconds_of("1w 2d"), seconds_of("45")
    (12600, 201600, 2700)
    """
    words = str(text).lower().split()
    if len(words) == 1 and re.fullmatch(r"\d{1,6}", words[0], re.ASCII):
        return int(words[0]) * _MINUTE
    parts = [_PART.fullmatch(word) for word in words]
    if not parts or not all(parts):
        raise ValueError(f"{str(text)[:50]!r} is no duration like 3w 4d 12h")
    return int(sum(float(part[1]) * UNITS[part[2]] for part in parts if part))


def duration(seconds: int) -> str:
    """Seconds as people write them.

    >>> duration(12_600), duration(201_600), duration(0)
    ('3h 30m', '1w 2d', '0m')
    """
    words = []
    for unit, size in UNITS.items():
        count, seconds = divmod(seconds, size)
        words += [f"{count}{unit}"] if count else []
    return " ".join(words) or "0m"
