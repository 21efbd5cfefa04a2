"""The policy and the usage as they are now: read again when it is time, and kept where that fails.

What can not be read leaves what was there, with a line that says so: a
database that is down is no reason why nobody can pause.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from headway.errors import ConfigurationError, HeadwayError
from headway.gateway.dashboard.figures import Figures, figures, since
from headway.gateway.policy_file import FILE_BYTES_MAX, read_policy
from headway.gateway.usage.record import Record
from headway.ports import Clock

__all__ = ["Evidence", "Seen", "State"]

FRESH_SECONDS = 15.0
"""For so long nothing is read again; longer where reading takes long."""

BUSY_SHARE = 10  # reading takes at most one part in so many of the time


FIRST_SECONDS = 10.0
"""For so long whoever comes while usage is read for the first time waits for it."""

RECORDS_MAX = 200_000
"""So many records are looked at, the newest: whoever invents clients fills no memory here."""


class Evidence(Protocol):
    """Where usage is read: :class:`~headway.gateway.usage.store.UsageStore`, or a file of it."""

    def records(self, *, since: str | None = None) -> Iterable[Record]:
        """The records from the day *since* on."""

    def sizes(self, *, since: str | None = None) -> Mapping[str, int]:
        """How many records there are of each day, from the day *since* on."""

    def days(self) -> Collection[str]:
        """The days on which somebody counted."""


class Seen(NamedTuple):
    """What there is to show, and what could not be read."""

    figures: Figures
    complaints: tuple[str, ...]


class State:
    r"""What the dashboard shows of the file at *path* and of *evidence*.

    *clock* gives the moment to look from, in seconds since 1970, *ticks* is a
    clock that never goes back.  Raises ConfigurationError where the file can
    not be used at the start.

    >>> import tempfile
    >>> from headway.gateway.usage.store import open_usage
    >>> store = open_usage(":memory:")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "gateway.toml"
    ...     text = 'name = "a"\n[[location]]\nname = "jwt"\nparameters = ["jwt"]\n'
    ...     _ = file.write_text(text)
    ...     State(file, store).look().figures.policy.name
    'a'
    >>> store.close()
    """

    def __init__(
        self,
        path: Path,
        evidence: Evidence,
        *,
        clock: Clock = time.time,
        ticks: Clock = time.monotonic,
    ) -> None:
        self.path = path
        self._evidence, self._clock, self._ticks = evidence, clock, ticks
        self._drawing = threading.Lock()
        self._reading = threading.Lock()  # usage: by one; the others show what was read before
        self._data = self._read()
        self._policy = read_policy(self._data, source=str(path))
        self._usage: tuple[list[Record], Collection[str]] = ([], ())
        self._usage_at = float("-inf")  # when it is to be read again, in ticks
        self._usage_complaint = "usage is still being read"
        self._figures: Figures | None = None
        self._drawn: tuple[object, object] = (None, None)  # what these figures are of

    def look(self) -> Seen:
        """What there is to show now; slow where it is time to read: call it in a thread."""
        # (1) usage, where that is due: a database that hangs holds up one, and not all
        if self._ticks() >= self._usage_at:
            first = self._usage_at == float("-inf")
            if self._reading.acquire(timeout=FIRST_SECONDS if first else 0):
                try:
                    self._look_at_usage()
                finally:
                    self._reading.release()
        # (2) the policy, and what both come to
        with self._drawing:
            complaints = [self._look_at_policy(), self._usage_complaint]
            usage = self._usage
            drawn = self._drawn
            if self._figures is None or drawn[0] is not self._policy or drawn[1] is not usage:
                records, days = usage
                self._figures = figures(self._policy, records, watched=days, now=self._clock())
                self._drawn = self._policy, usage
            return Seen(self._figures, tuple(filter(None, complaints)))

    def _look_at_policy(self) -> str:
        """Take up a changed file, or say why not."""
        try:
            data = self._read()
            if data != self._data:
                self._policy = read_policy(data, source=str(self.path))
                self._data = data
        except ConfigurationError as error:
            return f"{error}; shown is the policy as it was"
        return ""

    def _look_at_usage(self) -> None:
        """Read the records, unless somebody else just did."""
        began = self._ticks()
        if began < self._usage_at:
            return
        try:
            first = since(self._clock())
            from_ = _beginning(self._evidence.sizes(since=first), first)
            self._usage = list(self._evidence.records(since=from_)), self._evidence.days()
            self._usage_complaint = (
                "" if from_ == first else f"there is much usage: it is looked at from {from_} on"
            )
        except HeadwayError as error:
            self._usage_complaint = f"usage can not be read: {error}"
        ended = self._ticks()
        self._usage_at = ended + max(FRESH_SECONDS, BUSY_SHARE * (ended - began))

    def _read(self) -> bytes:
        try:
            with self.path.open("rb") as file:
                return file.read(FILE_BYTES_MAX + 1)
        except OSError as error:
            raise ConfigurationError(f"{self.path}: {error.strerror}") from None


def _beginning(sizes: Mapping[str, int], first: str) -> str:
    """The day from which on there are few enough records: *first*, or a later one.

    >>> _beginning({"2022-01-01": RECORDS_MAX, "2022-01-02": 1, "2022-01-03": 1}, "2021-12-01")
    '2022-01-02'
    """
    left, last = RECORDS_MAX, ""
    for day in sorted(sizes, reverse=True):
        left -= sizes[day]
        if left < 0 and last:
            return last
        last = day
    return first
