"""Who would break: coming windows of a policy, weighed with what clients did so far.

What a client will send is taken to be what it sent in the last weeks, by hour
of the week.  Who is refused follows from the schedule alone, as it does when
the gateway decides: clients that only claim who they are get no more time than
anybody.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

import msgspec

from headway.errors import TokenInQuery
from headway.gateway.decision import EXCEPTED, FAILED_OPEN, Outcome
from headway.gateway.rules import GatewayPolicy, RetiredLocation
from headway.gateway.usage.record import DAY, OTHER, Record, day_of
from headway.model import Phase

__all__ = ["Broken", "Comparison", "Earliest", "Window", "compare", "earliest", "plan"]

BASE_DAYS = 28
"""The weeks that stand for what clients will do."""

OFF_DAYS = 7
"""How much of the time after the end is weighed."""

HOUR = 3600
_WEEK = 7 * 24
_WOULD_PASS = frozenset({Outcome.PASS, Outcome.ANONYMOUS, TokenInQuery.id, EXCEPTED, FAILED_OPEN})
"""Outcomes of requests that a schedule decides about; others are refused for their token."""

_FIT_WEEKS, _FIT_NEEDS, _FIT_YEARS = 12, 4, 5


class Broken(msgspec.Struct, frozen=True, kw_only=True):
    """A client that would be refused, and how many *requests* of it that are.

    *from_browser* of them come from pages in browsers (they have an ``Origin``):
    with a header these need a preflight before each.
    """

    client: str
    verified: bool
    requests: int
    from_browser: int = 0


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """One window in which a location is off, and what it would break.

    *kind* is ``brownout``, ``off`` or ``extension`` (one client's more time
    ends); *end* is None for what does not end, where *requests* are those of
    the first week.  *share* is the part of all requests that use the location
    then.  Of a window that runs, what is left of it is weighed.  *clients* are
    those that break, the busiest first.
    """

    location: str
    kind: str
    start: datetime
    end: datetime | None
    requests: int
    share: float
    clients: tuple[Broken, ...]

    @property
    def verified(self) -> int:
        """How many of *clients* are verified."""
        return sum(client.verified for client in self.clients)

    @property
    def browsers(self) -> int:
        """How many of *clients* send some of their requests from browsers."""
        return sum(client.from_browser > 0 for client in self.clients)


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Two policies over the same usage: the windows of each, and clients that one alone breaks."""

    one: tuple[Window, ...]
    other: tuple[Window, ...]
    only_one: tuple[str, ...]
    only_other: tuple[str, ...]


class Earliest(msgspec.Struct, frozen=True, kw_only=True):
    """From when on fewer than *fewer* clients would break, if it goes on as it does.

    *left* would break now: they used the location in the last seven days, with
    requests that had no token in the header.  *basis* is ``counted``
    (there are so few already), ``trend`` (an exponential through the last weeks
    reaches it on *day*) or ``none`` (they do not get fewer, or too little is known).
    """

    location: str
    fewer: int
    left: int
    day: str | None
    basis: str


# ---- what clients do ------------------------------------------------------------------------


class _Habit:
    """One client's requests by hour of the week, and all of them with those in no danger."""

    def __init__(self) -> None:
        self.breaks = [0.0] * _WEEK
        self.all = [0.0] * _WEEK
        self.count = self.from_browser = 0

    def add(self, record: Record, day: date) -> None:
        hours = record.hours or (0,) * 24
        even = (record.count - sum(hours)) / 24
        danger = 1 - record.also_header / record.count
        for hour, count in enumerate(hours):
            at = day.weekday() * 24 + hour
            self.all[at] += count + even
            self.breaks[at] += (count + even) * danger
        self.count += record.count
        self.from_browser += record.from_browser


_Who = tuple[str, bool]


class _Traffic:
    """What clients did on whole days before *now*, as a mean by hour of the week."""

    def __init__(
        self, policy: GatewayPolicy, location: str, records: Iterable[Record], now: float
    ) -> None:
        today, first = day_of(now), day_of(max(0.0, now - BASE_DAYS * DAY))
        known = [
            record
            for record in records
            if record.location == location and first <= record.day < today
        ]
        self.habits: dict[_Who, _Habit] = defaultdict(_Habit)
        for record in known:
            if record.outcome in _WOULD_PASS and not _elsewhere(policy, record):
                habit = self.habits[record.client, record.verified]
                habit.add(record, date.fromisoformat(record.day))
        start = date.fromisoformat(min((record.day for record in known), default=first))
        span = (date.fromisoformat(today) - start).days
        dates = [start + timedelta(days=n) for n in range(span)]
        self._times = [sum(day.weekday() == weekday for day in dates) for weekday in range(7)]

    def expected(self, by_hour: Sequence[float], start: float, end: float) -> float:
        """How many requests from *start* to *end* (seconds since 1970)."""
        total, at = 0.0, start
        while at < end:
            until = min(end, (at // HOUR + 1) * HOUR)
            total += self._rate(by_hour, at) * (until - at) / HOUR
            at = until
        return total

    def _rate(self, by_hour: Sequence[float], at: float) -> float:
        """Requests in the hour of *at*; where that weekday was never seen, as on all days."""
        moment = datetime.fromtimestamp(at, UTC)
        weekday, hour = moment.weekday(), moment.hour
        if self._times[weekday]:
            return by_hour[weekday * 24 + hour] / self._times[weekday]
        return sum(by_hour[hour::24]) / max(1, sum(self._times))


def _elsewhere(policy: GatewayPolicy, record: Record) -> bool:
    """Whether dates do not decide: a route has its own phase, or the client is off already."""
    if policy.rule(record.method, record.route, record.location) is not None:
        return True
    rule = policy.client_rule(record.client, record.location)
    return rule is not None and rule.phase is Phase.OFF


# ---- the plan -------------------------------------------------------------------------------


def plan(policy: GatewayPolicy, records: Iterable[Record], *, now: float) -> tuple[Window, ...]:
    """What each window that ends after *now* (seconds since 1970) would break, in their order.

    A location that is paused has none.

    >>> from headway.policy import Schedule
    >>> off = Schedule(off=datetime(2022, 2, 1, tzinfo=UTC))
    >>> jwt = RetiredLocation(name="jwt", parameters=("jwt",), schedule=off)
    >>> policy = GatewayPolicy(name="api", locations=(jwt,))
    >>> [(window.kind, window.requests) for window in plan(policy, [], now=1_640_000_000)]
    [('off', 0)]
    """
    known, found = list(records), []
    for location in policy.locations:
        traffic = _Traffic(policy, location.name, known, now)
        for kind, start, end, only in _windows(location, policy.at(now)):
            found.append(_window(policy, location, traffic, (kind, start, end, only), now))
    return tuple(sorted(found, key=lambda window: (window.start, window.location)))


_Span = tuple[str, datetime, datetime | None, str | None]


def _windows(location: RetiredLocation, at: float) -> Iterator[_Span]:
    """Kind, start, end and, where it is for one client alone, that client."""
    schedule = location.schedule
    if schedule.phase(at) is Phase.PAUSED:
        return
    for window in schedule.brownouts:
        if window.end.timestamp() > at:
            yield "brownout", window.start, window.end, None
    if schedule.off is None:
        return
    if schedule.off.timestamp() > at:
        yield "off", schedule.off, None, None
    for extension in schedule.extensions:
        if extension.until > schedule.off and extension.until.timestamp() > at:
            yield "extension", extension.until, None, extension.client


def _window(
    policy: GatewayPolicy,
    location: RetiredLocation,
    traffic: _Traffic,
    span: _Span,
    now: float,
) -> Window:
    kind, start, end, only = span
    begin = max(start.timestamp(), policy.at(now))  # of one that runs, what is left of it
    stop = (end or start + timedelta(days=OFF_DAYS)).timestamp()
    early = policy.rehearsal.total_seconds()  # habits go by the clock on the wall
    broken, refused, total = [], 0.0, 0.0
    for (client, verified), habit in sorted(traffic.habits.items()):
        total += traffic.expected(habit.all, begin - early, stop - early)
        name = client if verified or policy.earns_leniency(location) else None
        if only is not None and name != only:
            continue
        since = _refused_since(location, name, start, kind)
        if since is None or since >= stop:
            continue
        requests = traffic.expected(habit.breaks, max(since, begin) - early, stop - early)
        if requests > 0:
            refused += requests
            told = Broken(
                client=client,
                verified=verified,
                requests=max(1, round(requests)),
                from_browser=math.ceil(requests * habit.from_browser / habit.count),
            )
            broken.append(told)
    return Window(
        location=location.name,
        kind=kind,
        start=start - policy.rehearsal,
        end=None if end is None else end - policy.rehearsal,
        requests=round(refused),
        share=refused / total if total else 0.0,
        clients=tuple(sorted(broken, key=lambda each: (-each.requests, each.client))),
    )


def _refused_since(
    location: RetiredLocation, name: str | None, start: datetime, kind: str
) -> float | None:
    """From when on in the window that begins at *start* the client is refused; None: not at all."""
    schedule, since = location.schedule, start.timestamp()
    if name is None:
        return since
    if kind == "brownout":
        share = max(window.share for window in schedule.brownouts if window.start == start)
        if schedule.cohort(name) >= share:
            return None
    for extension in schedule.extensions:
        if extension.client == name:
            since = max(since, extension.until.timestamp())
    return since


def compare(
    one: GatewayPolicy, other: GatewayPolicy, records: Iterable[Record], *, now: float
) -> Comparison:
    r"""Both plans, and the clients that only one of them would ever refuse.

    >>> from headway.gateway.policy_file import read_policy
    >>> open_ = b'name = "a"\n[[location]]\nname = "jwt"\nparameters = ["jwt"]\n'
    >>> policy = read_policy(open_)
    >>> compare(policy, policy, [], now=0).only_one
    ()
    """
    known = list(records)
    plans = plan(one, known, now=now), plan(other, known, now=now)
    first, second = ({c.client for w in windows for c in w.clients} for windows in plans)
    return Comparison(
        one=plans[0],
        other=plans[1],
        only_one=tuple(sorted(first - second)),
        only_other=tuple(sorted(second - first)),
    )


# ---- when it is safe ------------------------------------------------------------------------


def earliest(
    records: Iterable[Record],
    *,
    location: str,
    fewer: int,
    now: float,
    claimed_too: bool = False,
    policy: GatewayPolicy | None = None,
) -> Earliest:
    """From when on fewer than *fewer* clients would break, at the rate at which they leave.

    Clients that only claim who they are count with *claimed_too*.  With a
    *policy*, those that its dates do not decide about do not count: on routes
    that are excepted, further than the others, or with more time, which ends on
    a day of its own.  It is an estimate and no promise: a client that is not
    leaving does not, whatever the line through the others says.

    >>> earliest([], location="jwt", fewer=1, now=1_643_673_600).basis
    'counted'
    """
    spared = _spared(policy, location, now)
    seen: dict[str, set[str]] = defaultdict(set)
    for record in records:
        told = (record.verified or claimed_too) and record.client != OTHER
        counted = record.outcome in _WOULD_PASS and record.outcome != EXCEPTED
        breaks = record.location == location and record.also_header < record.count
        elsewhere = policy is not None and _elsewhere(policy, record)
        if told and counted and breaks and not elsewhere and record.client not in spared:
            seen[record.day].add(record.client)
    weeks = [_active(seen, now - n * 7 * DAY) for n in range(_FIT_WEEKS)]
    if weeks[0] < fewer:
        return Earliest(
            location=location, fewer=fewer, left=weeks[0], day=day_of(now), basis="counted"
        )
    days = _days_until(weeks, fewer)
    return Earliest(
        location=location,
        fewer=fewer,
        left=weeks[0],
        day=None if days is None else day_of(now + math.ceil(days) * DAY),
        basis="none" if days is None else "trend",
    )


def _spared(policy: GatewayPolicy | None, location: str, now: float) -> frozenset[str]:
    """The clients that have more time at *now*."""
    found = None if policy is None else policy.location(location)
    if policy is None or found is None:
        return frozenset()
    at = policy.at(now)
    return frozenset(
        each.client for each in found.schedule.extensions if each.until.timestamp() > at
    )


def _active(seen: dict[str, set[str]], until: float) -> int:
    """How many clients were there on the seven whole days before *until*."""
    days = (day_of(max(0.0, until - n * DAY)) for n in range(1, 8))
    return len(set().union(*(seen.get(day, set()) for day in days)))


def _days_until(weeks: Sequence[int], fewer: int) -> float | None:
    """When an exponential through *weeks* (the newest first) falls below *fewer*, in days."""
    points = [(-7.0 * n, math.log(count)) for n, count in enumerate(weeks) if count > 0]
    if len(points) < _FIT_NEEDS:
        return None
    x = sum(p[0] for p in points) / len(points)
    y = sum(p[1] for p in points) / len(points)
    slope = sum((a - x) * (b - y) for a, b in points) / sum((a - x) ** 2 for a, _ in points)
    if slope >= 0:
        return None
    # below, not at: half a client fewer
    days = (math.log(fewer - 0.5) - y) / slope + x
    return max(1.0, days) if days < _FIT_YEARS * 365 else None
