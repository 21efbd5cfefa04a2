"""Brownouts by a rule: windows that grow, on days and at hours that somebody chose.

A policy file may list windows one by one, or say how they come about:
``first`` 12 hours, a week later 24, then 48, on working days of a zone.  A rule
is unfolded into plain windows when the file is read, so that what counts is
always a list of moments that can be printed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from headway.errors import ConfigurationError
from headway.policy import Brownout

__all__ = ["duration", "growing", "hours"]

WINDOWS_MAX = 366
_DURATION = re.compile(r"(\d{1,4})(m|h|d|w)")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_HOURS = re.compile(r"([01]?\d|2[0-3])-([01]?\d|2[0-4])")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def duration(text: str) -> timedelta:
    """``12h``, ``30m``, ``2d``, ``1w``; raises ConfigurationError for anything else.

    >>> duration("12h")
    datetime.timedelta(seconds=43200)
    """
    match = _DURATION.fullmatch(text)
    if match is None or match[1] == "0":
        raise ConfigurationError(f"{text!r} is no duration such as 30m, 12h, 2d or 1w")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def growing(
    first: datetime, every: timedelta, lasts: Sequence[timedelta], *, share: float = 1.0
) -> tuple[Brownout, ...]:
    """One window for each of *lasts*, the first at *first*, the next ones *every* later.

    Raises ConfigurationError where two overlap, and where there are too many.

    >>> [window.end.hour for window in growing(datetime(2022, 1, 1, tzinfo=UTC),
    ...     timedelta(days=7), [timedelta(hours=12), timedelta(hours=18)])]
    [12, 18]
    """
    windows = []
    if len(lasts) > WINDOWS_MAX:
        raise ConfigurationError(f"lasts: are more than {WINDOWS_MAX}")
    for number, last in enumerate(lasts):
        if last > every:
            raise ConfigurationError("lasts: a window is longer than the time to the next one")
        start = first + number * every
        windows.append(Brownout(start, start + last, share))
    return tuple(windows)


def hours(
    windows: Sequence[Brownout], *, days: Sequence[str], between: str, zone: str
) -> tuple[Brownout, ...]:
    """*windows*, cut down to the hours *between* (``9-17``) of *days* in a *zone*.

    Daylight saving is the zone's: nine o'clock is nine o'clock there.  Raises
    ConfigurationError for a day, an hour or a zone that there is not, and where
    nothing is left.

    >>> day = Brownout(datetime(2022, 1, 3, tzinfo=UTC), datetime(2022, 1, 5, tzinfo=UTC))
    >>> cut = hours([day], days=["mon"], between="9-17", zone="Europe/Berlin")
    >>> [window.start.isoformat() for window in cut]
    ['2022-01-03T08:00:00+00:00']
    """
    wanted = _days(days)
    begin, end = _hours(between)
    try:
        place = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise ConfigurationError(f"zone: there is no zone {zone!r}") from None
    pieces = (piece for window in windows for piece in _cut(window, wanted, begin, end, place))
    cut = list(islice(pieces, WINDOWS_MAX + 1))  # a window may last for years
    if not cut:
        raise ConfigurationError("brownout: no hour is left by days and hours")
    if len(cut) > WINDOWS_MAX:
        raise ConfigurationError(f"brownout: more than {WINDOWS_MAX} windows")
    return tuple(cut)


def _days(names: Sequence[str]) -> set[int]:
    unknown = [name for name in names if name not in DAYS]
    if unknown:
        raise ConfigurationError(f"days: {unknown[0]!r} is none of {', '.join(DAYS)}")
    return {DAYS.index(name) for name in names} or set(range(7))


def _hours(between: str) -> tuple[int, int]:
    match = _HOURS.fullmatch(between)
    begin, end = (int(match[1]), int(match[2])) if match else (0, 0)
    if begin >= end:
        raise ConfigurationError(f"hours: {between!r} is not like 9-17")
    return begin, end


def _cut(
    window: Brownout, days: set[int], begin: int, end: int, zone: ZoneInfo
) -> Iterator[Brownout]:
    day = window.start.astimezone(zone).date()
    while True:
        midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
        if midnight >= window.end:
            return
        opens = (midnight + timedelta(hours=begin)).astimezone(UTC)
        closes = (midnight + timedelta(hours=end)).astimezone(UTC)
        start, stop = max(opens, window.start), min(closes, window.end)
        if day.weekday() in days and start < stop:
            yield Brownout(start.astimezone(UTC), stop.astimezone(UTC), window.share)
        day += timedelta(days=1)
