"""What a proxy let on while nobody could be asked, counted from its own log.

A service that is down counts nothing, so where a policy fails open the logs of
the printed configurations are the record: each such line has ``failed-open-unasked`` in
its own field, and no token can stand in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from headway.gateway.decision import FAILED_OPEN, UNASKED
from headway.gateway.usage.record import day_of

__all__ = ["LetOn", "OpenDay", "let_on", "open_days"]

_MOMENT = r"\[([0-9A-Za-z:./+-]+(?: [+-]\d{4})?)\]"
_LINE = re.compile(  # no field before the quoted request can have a space in it
    rf'(?:^| )\S+ {_MOMENT} "([A-Z]{{1,20}}) [^ ]*" (\d{{3}}) '
    r"(?:"
    rf'\d+ "pass" "{UNASKED}"'  # nginx
    rf"|\d+ {UNASKED}"  # HAProxy
    rf"|[^ ]* {FAILED_OPEN}=true"  # Envoy
    r")$"
)


class LetOn(NamedTuple):
    """A request that a proxy let on undecided; *at* is in seconds since 1970."""

    at: float
    method: str
    status: int


class OpenDay(msgspec.Struct, frozen=True):
    """How many requests were let on undecided on a *day*, and within what time (since 1970)."""

    day: str
    requests: int
    first: float
    last: float


def let_on(text: str) -> LetOn | None:
    """What a line of nginx's, HAProxy's, Caddy's or Envoy's log says; None for all other lines.

    >>> let_on('192.0.2.1 [2022-02-01T00:00:00+00:00] "GET /a" 200 5 "pass" "failed-open-unasked"')
    LetOn(at=1643673600.0, method='GET', status=200)
    >>> let_on('192.0.2.1 [2022-02-01T00:00:00+00:00] "GET /a" 200 5 "pass" "-"')
    """
    if FAILED_OPEN not in text:
        return None
    if text.startswith("{"):
        return _of_caddy(text)
    match = _LINE.search(text)
    if match is None:
        return None
    at = _moment(match[1])
    return None if at is None else LetOn(at, match[2], int(match[3]))


def _of_caddy(text: str) -> LetOn | None:
    try:
        told: Any = json.loads(text)
        if told["user_id"] != UNASKED:
            return None
        at, method, status = told["ts"], told["request"]["method"], told["status"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    sane = isinstance(at, int | float) and 0 <= at < 2**33 and isinstance(status, int)
    return LetOn(float(at), str(method), status) if sane else None


def _moment(text: str) -> float | None:
    """Of ISO 8601, or as HAProxy writes it; None where it has no offset."""
    for read in (datetime.fromisoformat, _as_haproxy):
        try:
            at = read(text)
        except ValueError:
            continue
        return at.timestamp() if at.tzinfo is not None else None
    return None


def _as_haproxy(text: str) -> datetime:
    return datetime.strptime(text, "%d/%b/%Y:%H:%M:%S %z")


def open_days(found: Iterable[LetOn]) -> Iterator[OpenDay]:
    """*found* by days (UTC), the earliest first.

    >>> [each.requests for each in open_days([LetOn(5.0, "GET", 200), LetOn(9.0, "GET", 200)])]
    [2]
    """
    days: dict[str, OpenDay] = {}
    for each in found:
        day, at = day_of(each.at), each.at
        before = days.get(day) or OpenDay(day, 0, at, at)
        first, last = min(before.first, at), max(before.last, at)
        days[day] = OpenDay(day, before.requests + 1, first, last)
    yield from (days[day] for day in sorted(days))
