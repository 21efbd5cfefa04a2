"""What usage says: who is left, how it goes, who came back, and whether it is safe.

Everything is a function of records and a moment, so that a report can be made
again, and made of a file.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from itertools import pairwise

import msgspec

from headway.gateway.usage.record import DAY, OTHER, Record, day_of

__all__ = ["ClientUse", "Gate", "Week", "clients_of", "gate", "trend"]

QUIET_DAYS = 14
"""A client that was not seen for so long had left; seen again, it came back."""

_LISTED = 5


class ClientUse(msgspec.Struct, frozen=True, kw_only=True):
    """One client at one location, whatever of it was counted.

    *recent* counts the requests of the last days that were asked for, *before*
    those of as many days before them.  *came_back* is the day on which it was
    seen again after two weeks without a request, or None.
    """

    client: str
    verified: bool
    location: str
    first: int
    last: int
    count: int
    recent: int
    before: int
    also_header: int
    from_browser: int
    active_days: int
    came_back: str | None
    methods: tuple[str, ...]
    routes: tuple[str, ...]
    agents: tuple[str, ...]
    outcomes: dict[str, int]
    sample: str = ""


class Week(msgspec.Struct, frozen=True, kw_only=True):
    """Seven days that begin on a Monday: clients that used the location, and requests."""

    start: str
    location: str
    verified_clients: int
    claimed_clients: int
    requests: int


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a location can go: *open* where evidence says that nobody verified uses it.

    *unwatched* are days of the window on which nobody counted.  *claimed* is how
    many clients there were that proved nothing.
    """

    location: str
    since: str
    until: str
    left: tuple[ClientUse, ...]
    claimed: int
    unwatched: tuple[str, ...]

    @property
    def open(self) -> bool:
        """No verified client is left, and somebody looked on each day."""
        return not self.left and not self.unwatched


def clients_of(
    records: Iterable[Record], *, now: float, days: int = 30, location: str | None = None
) -> tuple[ClientUse, ...]:
    """Every client that used a location, whoever was busiest in the last *days* first.

    >>> clients_of([], now=0)
    ()
    """
    found: dict[tuple[str, bool, str], list[Record]] = defaultdict(list)
    for record in records:
        if record.used and location in (None, record.location) and record.first <= now:
            found[record.client, record.verified, record.location].append(record)
    recent, before = day_of(now - (days - 1) * DAY), day_of(now - (2 * days - 1) * DAY)
    told = [_client(group, recent, before) for group in found.values()]
    return tuple(sorted(told, key=lambda c: (-c.recent, -c.last, c.client, not c.verified)))


def _client(records: list[Record], recent: str, before: str) -> ClientUse:
    methods, routes, agents, outcomes = (Counter[str]() for _ in range(4))
    for record in records:
        methods[record.method] += record.count
        routes[record.route] += record.count
        agents[record.agent] += record.count
        outcomes[record.outcome] += record.count
    of_day = Counter[str]()
    for record in records:
        of_day[record.day] += record.count
    newest = max(records, key=lambda record: (bool(record.sample), record.last))
    return ClientUse(
        client=records[0].client,
        verified=records[0].verified,
        location=records[0].location,
        first=min(record.first for record in records),
        last=max(record.last for record in records),
        count=of_day.total(),
        recent=sum(count for day, count in of_day.items() if day >= recent),
        before=sum(count for day, count in of_day.items() if before <= day < recent),
        also_header=sum(record.also_header for record in records),
        from_browser=sum(record.from_browser for record in records),
        active_days=len(of_day),
        came_back=_came_back(sorted(of_day)),
        methods=_most(methods),
        routes=_most(routes),
        agents=_most(agents),
        outcomes=dict(sorted(outcomes.items())),
        sample=newest.sample,
    )


def _came_back(days: list[str]) -> str | None:
    """The last day that follows on a gap."""
    dates = [date.fromisoformat(day) for day in days]
    gaps = [
        later for earlier, later in pairwise(dates) if later - earlier > timedelta(days=QUIET_DAYS)
    ]
    return gaps[-1].isoformat() if gaps else None


def _most(counted: Counter[str]) -> tuple[str, ...]:
    return tuple(name for name, _ in counted.most_common(_LISTED) if name)


def trend(records: Iterable[Record], *, location: str | None = None) -> tuple[Week, ...]:
    """Week by week, oldest first; weeks without a request in between count none.

    >>> trend([])
    ()
    """
    requests = Counter[tuple[date, str]]()
    clients: dict[tuple[date, str, bool], set[str]] = defaultdict(set)
    for record in records:
        if not record.used or location not in (None, record.location):
            continue
        day = date.fromisoformat(record.day)
        monday = day - timedelta(days=day.weekday())
        requests[monday, record.location] += record.count
        clients[monday, record.location, record.verified].add(record.client)
    if not requests:
        return ()
    first, last = min(week for week, _ in requests), max(week for week, _ in requests)
    weeks = [first + timedelta(weeks=n) for n in range((last - first).days // 7 + 1)]
    return tuple(
        Week(
            start=week.isoformat(),
            location=name,
            verified_clients=len(clients.get((week, name, True), ())),
            claimed_clients=len(clients.get((week, name, False), ())),
            requests=requests[week, name],
        )
        for name in sorted({name for _, name in requests})
        for week in weeks
    )


def gate(
    records: Iterable[Record],
    *,
    location: str,
    now: float,
    days: int,
    watched: Iterable[str],
    claimed_too: bool = False,
) -> Gate:
    """Whether verified clients used *location* on the last *days* days, today among them.

    *watched* are the days on which somebody counted.  *claimed_too* counts
    clients that proved nothing, for a policy that verifies nobody: then anybody
    can keep the gate shut.

    >>> gate([], location="jwt", now=1_643_673_600, days=2, watched=["2022-02-01"]).unwatched
    ('2022-01-31',)
    """
    window = [day_of(now - n * DAY) for n in range(days)][::-1]
    inside = [record for record in records if window[0] <= record.day <= window[-1]]
    found = clients_of(inside, now=now, days=days, location=location)
    left = tuple(client for client in found if client.verified or claimed_too)
    known = set(watched) | {record.day for record in inside}
    return Gate(
        location=location,
        since=window[0],
        until=window[-1],
        left=left,
        claimed=sum(not client.verified for client in found if client.client != OTHER),
        unwatched=tuple(day for day in window if day not in known),
    )
