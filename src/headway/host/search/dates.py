"""Moments in a query: dates, periods before or after now, and the functions that name one.

All of it is in UTC; a week begins on Sunday.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from headway.host.search.jql import Operand, QueryError

__all__ = ["FUNCTIONS", "moment", "seconds"]

FORMATS = ("%Y-%m-%d %H:%M", "%Y-%m-%d", "%Y/%m/%d %H:%M", "%Y/%m/%d")
UNITS: Mapping[str, int] = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60}  # seconds
_PERIOD = re.compile(r"([+-]?)((?:\d{1,6}[wdhm]\s*)+)", re.ASCII)
_PART = re.compile(r"(\d+)([wdhm])", re.ASCII)
_STEP = re.compile(r"([+-]?\d{1,4})([yMwdhm]?)", re.ASCII)
_MILLIS = re.compile(r"\d{10,14}", re.ASCII)
MONTHS_A_YEAR = 12


class _Span(NamedTuple):
    """A span of the calendar: the unit of its steps, and where it starts."""

    unit: str
    start: Callable[[datetime], datetime]


def _midnight(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


_SPANS: Mapping[str, _Span] = {
    "day": _Span("d", _midnight),
    "week": _Span("w", lambda at: _midnight(at) - timedelta(days=(at.weekday() + 1) % 7)),
    "month": _Span("M", lambda at: _midnight(at).replace(day=1)),
    "year": _Span("y", lambda at: _midnight(at).replace(month=1, day=1)),
}

FUNCTIONS = frozenset({"now", *(f"{end}of{span}" for end in ("start", "end") for span in _SPANS)})
"""The functions of moments, in lower case."""


def moment(operand: Operand, field: str, now: float) -> int:
    """The moment that *operand* names, in seconds since 1970; raises QueryError.

    >>> moment(Operand("2022-02-01"), "created", 0), moment(Operand("-1d"), "created", 86_400)
    (1643673600, 0)
    >>> moment(Operand("startOfMonth", ("-1",)), "created", 1_643_673_600) == 1_640_995_200
    True
    """
    try:
        found = _called(operand, now) if operand.is_function else _written(operand.text, now)
    except (OverflowError, ValueError):
        found = None
    if found is None:
        raise QueryError(
            f"Date value '{operand.text[:40]}' for field '{field}' is invalid. Valid formats "
            "include: 'yyyy/MM/dd HH:mm', 'yyyy-MM-dd HH:mm', 'yyyy/MM/dd', 'yyyy-MM-dd', or a "
            "period format e.g. '-5d', '4w 2d'."
        )
    return found


def seconds(text: str) -> int | None:
    """A duration such as ``1h 30m`` in seconds, or None for another text.

    >>> seconds("1h 30m"), seconds("-2d"), seconds("soon")
    (5400, -172800, None)
    """
    found = _PERIOD.fullmatch(text.strip())
    if found is None:
        return None
    total = sum(int(count) * UNITS[unit] for count, unit in _PART.findall(found[2]))
    return -total if found[1] == "-" else total


def _written(text: str, now: float) -> int | None:
    period = seconds(text)
    if period is not None:
        return int(now) + period
    if _MILLIS.fullmatch(text):
        return int(text) // 1000
    for form in FORMATS:
        try:
            return int(datetime.strptime(text, form).replace(tzinfo=UTC).timestamp())
        except ValueError:
            continue
    return None


def _called(operand: Operand, now: float) -> int | None:
    name, arguments = operand.text.lower(), operand.arguments or ()
    at = datetime.fromtimestamp(now, UTC)
    if name == "now":
        return None if arguments else int(now)
    end, _, span_name = name.partition("of")
    span = _SPANS[span_name]
    if len(arguments) > 1:
        return None
    step = _STEP.fullmatch(arguments[0]) if arguments else None
    if arguments and step is None:
        return None
    start = span.start(at)
    if end == "end":
        start = _moved(start, 1, span.unit)
    if step is not None:
        start = _moved(start, int(step[1]), step[2] or span.unit)
    return int(start.timestamp()) - (1 if end == "end" else 0)


def _moved(at: datetime, count: int, unit: str) -> datetime:
    """*at* and *count* units more; a day that the month has not becomes its last."""
    if unit in UNITS:
        return at + timedelta(seconds=count * UNITS[unit])
    months = at.year * MONTHS_A_YEAR + at.month - 1
    months += count * (MONTHS_A_YEAR if unit == "y" else 1)
    year, month = divmod(months, MONTHS_A_YEAR)
    day = min(at.day, monthrange(year, month + 1)[1])
    return at.replace(year=year, month=month + 1, day=day)
