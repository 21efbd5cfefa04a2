"""Two clocks: the real one for tokens and sessions, a movable date for the policy."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

from headway.ports import Clock

__all__ = ["EARLIEST", "LATEST", "SiteClock", "parse_date", "site_date"]

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
DATE_MAX = 40  # characters


def parse_date(text: str) -> float:
    """``2022-02-01`` or ``2022-02-01T12:00`` (UTC) as seconds since 1970; raises ValueError.

    >>> parse_date("2022-02-01")
    1643673600.0
    """
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def site_date(text: str) -> float:
    """A date that the site may live on; raises ValueError with a text for people.

    >>> site_date("2222-02-01")
    Traceback (most recent call last):
    ValueError: The site's date is from 2000 on and before 2100.
    """
    try:
        at = parse_date(text[:DATE_MAX])
    except ValueError:
        raise ValueError("A date is written as 2022-02-01 or 2022-02-01T12:00 (UTC).") from None
    if not EARLIEST.timestamp() <= at < LATEST.timestamp():
        raise ValueError(f"The site's date is from {EARLIEST.year} on and before {LATEST.year}.")
    return at


class SiteClock:
    """The site's date moves; the time in tokens, sessions and tickets never does.

    >>> clock = SiteClock(real=lambda: 1000.0)
    >>> clock.set(parse_date("2022-02-01"))
    >>> clock.now(), clock.at()
    (1000.0, 1643673600.0)
    """

    def __init__(self, at: float | None = None, real: Clock = time.time) -> None:
        self._real = real
        self._offset = 0.0
        self.listeners: list[Callable[[], None]] = []
        """Called after each move of the site's date, in the thread that moved it."""
        if at is not None:
            self.set(at)

    def now(self) -> float:
        """The real time, in seconds since 1970."""
        return self._real()

    def at(self) -> float:
        """The site's date, which drives the policy alone."""
        return self._real() + self._offset

    def set(self, at: float) -> None:
        """Move the site's date to *at*; from there it goes on."""
        self._offset = at - self._real()
        self._tell()

    @property
    def moved(self) -> float:
        """By how many seconds the site's date is ahead of the real one."""
        return self._offset

    def move(self, seconds: float) -> None:
        """Set the site's date so many seconds ahead of the real one."""
        self._offset = seconds
        self._tell()

    def reset(self) -> None:
        """Go back to the real date."""
        self._offset = 0.0
        self._tell()

    def _tell(self) -> None:
        for listener in self.listeners:
            listener()
