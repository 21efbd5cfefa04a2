"""What the dashboard shows: a function of policy, records, and a moment.

Moments are those of the clock on the wall: where a policy is rehearsed, all of
it comes so much earlier.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, timedelta

import msgspec

from headway.errors import registry
from headway.gateway.decision import EXCEPTED, FAILED_OPEN, Outcome
from headway.gateway.plan import Earliest, Window, earliest, plan
from headway.gateway.rules import GatewayPolicy, RetiredLocation
from headway.gateway.usage.record import DAY, Record, day_of
from headway.gateway.usage.report import ClientUse, Week, clients_of, trend
from headway.gateway.verifiers.settings import Verification
from headway.model import Phase
from headway.policy import Extension, Pause, Schedule

__all__ = ["READ_DAYS", "Day", "Figures", "Result", "Retirement", "Span", "figures", "since"]

READ_DAYS = 120
"""How far back records are looked at; who came back after a longer silence is new."""

SHOWN_DAYS = 90
BEFORE_DAYS = 30
RECENT_DAYS = 30
CLIENTS_MAX = 100
WINDOWS_MAX = 12
WEEKS = 16

_FINE = frozenset({Outcome.PASS.value, EXCEPTED})
_OTHER_WORDS = {
    Outcome.ANONYMOUS.value: (
        "went on without credentials",
        "The location was off, or in a brownout: its token was taken away.",
    ),
    FAILED_OPEN: (
        "went on unproved",
        "Whatever proves a token did not answer, and the policy lets it go on then.",
    ),
    Outcome.REFUSE.value: (
        "refused for another location's token",
        "Two locations of the policy were in one request; the other one's id says why.",
    ),
}


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A phase of a location from *start* to *end*; None is for ever.

    *share* is the part of the clients that a brownout is for.
    """

    phase: Phase
    start: datetime
    end: datetime | None
    share: float = 1.0
    now: bool = False


class Retirement(msgspec.Struct, frozen=True, kw_only=True):
    """One location: where it stands, and its *spans*, the first one the past before all dates.

    *next* is when somebody's phase may change; *safe* says when the last
    client is expected to have left.
    """

    name: str
    parameters: tuple[str, ...]
    instead: str
    phase: Phase
    next: datetime | None
    paused: Pause | None
    spans: tuple[Span, ...]
    extensions: tuple[Extension, ...]
    safe: Earliest


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """Requests on one day, by location in the policy's order; *watched*: somebody counted."""

    day: str
    requests: tuple[int, ...]
    watched: bool


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What became of requests, but for those that went on as they were; *id* as in usage."""

    id: str
    title: str
    hint: str
    requests: int
    clients: int
    verified: int


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """All of it, at *at* (seconds since 1970)."""

    policy: GatewayPolicy
    at: float
    retirements: tuple[Retirement, ...]
    days: tuple[Day, ...]
    weeks: tuple[Week, ...]
    clients: tuple[ClientUse, ...]
    more_clients: int
    results: tuple[Result, ...]
    windows: tuple[Window, ...]
    more_windows: int

    @property
    def next_brownout(self) -> Window | None:
        """The window that runs or is the next to come."""
        return next((each for each in self.windows if each.kind == "brownout"), None)

    @property
    def left(self) -> tuple[ClientUse, ...]:
        """The clients that sent something in the recent days."""
        return tuple(client for client in self.clients if client.recent)

    @property
    def silent(self) -> tuple[ClientUse, ...]:
        """The clients that did not."""
        return tuple(client for client in self.clients if not client.recent)


def since(now: float) -> str:
    """The first day whose records :func:`figures` looks at."""
    return day_of(max(0.0, now - READ_DAYS * DAY))


def figures(
    policy: GatewayPolicy, records: Sequence[Record], *, watched: Collection[str], now: float
) -> Figures:
    """What there is to show at *now*; *watched* are the days on which somebody counted.

    >>> policy = GatewayPolicy(
    ...     name="api", locations=(RetiredLocation(name="jwt", parameters=("jwt",)),))
    >>> figures(policy, [], watched=[], now=1_643_673_600).retirements[0].phase
    <Phase.OPEN: 'open'>
    """
    clients = clients_of(records, now=now, days=RECENT_DAYS)
    windows = plan(policy, records, now=now)
    begin = _begin(policy, now)
    return Figures(
        policy=policy,
        at=now,
        retirements=tuple(
            _retirement(policy, each, records, now, begin) for each in policy.locations
        ),
        days=_days(policy, records, watched, now),
        weeks=_weeks(records, now),
        clients=clients[:CLIENTS_MAX],
        more_clients=max(0, len(clients) - CLIENTS_MAX),
        results=_results(records, now),
        windows=windows[:WINDOWS_MAX],
        more_windows=max(0, len(windows) - WINDOWS_MAX),
    )


# ---- where a location stands ----------------------------------------------------------------


def _retirement(
    policy: GatewayPolicy,
    location: RetiredLocation,
    records: Sequence[Record],
    now: float,
    begin: float,
) -> Retirement:
    schedule, at = location.schedule, policy.at(now)
    coming = schedule.next_change(at)
    header = "-".join(word.capitalize() for word in location.header.split("-"))
    return Retirement(
        name=location.name,
        parameters=location.parameters,
        instead=f"{header}: {location.scheme} ..." if location.scheme else f"{header}: ...",
        phase=schedule.phase(at),
        next=None if coming is None else _moment(coming) - policy.rehearsal,
        paused=schedule.paused,
        spans=_spans(policy, schedule, now, begin),
        extensions=schedule.extensions,
        safe=earliest(
            records,
            location=location.name,
            fewer=1,
            now=now,
            claimed_too=policy.verification(location).by is Verification.NONE,
            policy=policy,
        ),
    )


def _begin(policy: GatewayPolicy, now: float) -> float:
    """Where the time line begins, by the schedule's clock: before all dates, and before today."""
    moments = [at for each in policy.locations for at in _changes(each.schedule)]
    return min([*(at - BEFORE_DAYS * DAY for at in moments), policy.at(now - SHOWN_DAYS * DAY)])


def _spans(policy: GatewayPolicy, schedule: Schedule, now: float, begin: float) -> tuple[Span, ...]:
    """The phases of somebody who is not known, one after the other."""
    edges = [begin, *_changes(schedule)]
    told: list[tuple[float, Phase, float]] = []
    for at in edges:
        phase, share = schedule.phase(at), _share(schedule, at)
        if not told or (phase, share) != told[-1][1:]:
            told.append((at, phase, share))
    ends = [start for start, _, _ in told[1:]]
    today = policy.at(now)
    return tuple(
        Span(
            phase=phase,
            start=_moment(start) - policy.rehearsal,
            end=None if end is None else _moment(end) - policy.rehearsal,
            share=share,
            now=start <= today and (end is None or today < end),
        )
        for (start, phase, share), end in zip(told, [*ends, None], strict=True)
    )


def _changes(schedule: Schedule) -> list[float]:
    """Every moment at which the schedule goes on, from the first one."""
    found: list[float] = []
    at: float | None = schedule.next_change(float("-inf"))
    while at is not None:
        found.append(at)
        at = schedule.next_change(at)
    return found


def _share(schedule: Schedule, at: float) -> float:
    if schedule.phase(at) is not Phase.BROWNOUT:
        return 1.0
    return max((window.share for window in schedule.brownouts if window.runs(at)), default=1.0)


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


# ---- what was counted -----------------------------------------------------------------------


def _days(
    policy: GatewayPolicy, records: Sequence[Record], watched: Collection[str], now: float
) -> tuple[Day, ...]:
    """One for each day, the oldest first; a location that the policy no longer has is left out."""
    counted: Counter[tuple[str, str]] = Counter()
    for record in records:
        if record.used:
            counted[record.day, record.location] += record.count
    known = {*watched, *(day for day, _ in counted)}
    days = [day_of(max(0.0, now - number * DAY)) for number in reversed(range(SHOWN_DAYS))]
    names = [location.name for location in policy.locations]
    return tuple(
        Day(
            day=day,
            requests=tuple(counted[day, name] for name in names),
            watched=day in known,
        )
        for day in days
    )


def _weeks(records: Sequence[Record], now: float) -> tuple[Week, ...]:
    """The last weeks, the one that runs among them."""
    today = date.fromisoformat(day_of(now))
    first = today - timedelta(days=today.weekday(), weeks=WEEKS - 1)
    return trend([record for record in records if record.day >= first.isoformat()])


def _results(records: Sequence[Record], now: float) -> tuple[Result, ...]:
    first = day_of(max(0.0, now - (RECENT_DAYS - 1) * DAY))
    requests: Counter[str] = Counter()
    clients: dict[str, set[tuple[str, bool]]] = defaultdict(set)
    for record in records:
        if record.day >= first and record.outcome not in _FINE:
            requests[record.outcome] += record.count
            clients[record.outcome].add((record.client, record.verified))
    known = registry()
    told = []
    for outcome, count in requests.most_common():
        leaf = known.get(outcome)
        title, hint = _OTHER_WORDS.get(outcome, ("", ""))
        told.append(
            Result(
                id=outcome,
                title=leaf.title if leaf else title,
                hint=leaf.hint if leaf else hint,
                requests=count,
                clients=len(clients[outcome]),
                verified=sum(verified for _, verified in clients[outcome]),
            )
        )
    return tuple(told)
