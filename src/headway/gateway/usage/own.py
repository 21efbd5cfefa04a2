"""A client reads its own record, authenticated by its own token.

:class:`~headway.gateway.own_paths.OwnPaths` has the route for it.  The token
comes in the header, as it should; what is told is the verified client's and
nobody else's, and nothing that somebody only claimed.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from headway.errors import Refusal, TokenMissing, shown
from headway.gateway.decision import Ask, Decision, Headers, Outcome
from headway.gateway.rules import DIRECTION, GatewayPolicy, RetiredLocation, facts
from headway.gateway.usage.record import DAY, Record, day_of
from headway.gateway.usage.report import clients_of
from headway.gateway.verifying import Verifier, Verifying
from headway.http.answers import problem, refusal_headers
from headway.model import Location
from headway.ports import Clock, Steps, adrive, drive
from headway.refusals import AskedTooOften

if TYPE_CHECKING:
    from headway.gateway.usage.store import UsageStore

__all__ = ["OwnUsage", "PerMinute"]

READ_DAYS = 400
DAYS = 30
NAMES_MAX = 10_000


class PerMinute:
    """Counts by name, of this minute; past *names_max* of them, further names share one count.

    *ticks* is a clock that never goes back, in seconds.

    >>> count = PerMinute(ticks=lambda: 59.0)
    >>> [count.over("acme", 1), count.add("acme"), count.over("acme", 1), count.left()]
    [False, None, True, 1]
    """

    def __init__(self, *, ticks: Clock = time.monotonic, names_max: int = NAMES_MAX) -> None:
        self._ticks, self._names_max = ticks, names_max
        self._minute = 0
        self._counts: Counter[str] = Counter()

    def over(self, name: str, most: int) -> bool:
        """Whether *name* was counted *most* times in this minute."""
        return self._now()[self._name(name)] >= most

    def add(self, name: str) -> None:
        """Count *name* once."""
        self._now()[self._name(name)] += 1

    def left(self) -> int:
        """Seconds until the next minute, at least one."""
        return max(1, 60 - int(self._ticks() % 60))

    def _now(self) -> Counter[str]:
        minute = int(self._ticks() // 60)
        if minute != self._minute:
            self._minute, self._counts = minute, Counter()
        return self._counts

    def _name(self, name: str) -> str:
        return name if name in self._counts or len(self._counts) < self._names_max else ""


class OwnUsage:
    """Answers ``GET`` for a client's own record: 200 with JSON, or 401, 429 and 503.

    *verifiers* are the gateway's, by the names of locations.  A client is
    answered so often a minute as the policy says; an address from which that
    many tokens proved nothing is not listened to until the next.

    >>> from headway.gateway.usage.store import open_usage
    >>> store = open_usage(":memory:")
    >>> jwt = RetiredLocation(name="jwt", parameters=("jwt",))
    >>> policy = GatewayPolicy(name="api", locations=(jwt,))
    >>> OwnUsage(store, policy, {}).answer(Ask(method="GET", target="/usage")).status
    401
    >>> store.close()
    """

    def __init__(
        self,
        store: UsageStore,
        policy: GatewayPolicy,
        verifiers: Mapping[str, Verifier],
        *,
        counts: PerMinute | None = None,
        clock: Clock = time.time,
    ) -> None:
        self._store, self._policy, self._verifiers = store, policy, verifiers
        self._counts, self._clock = counts or PerMinute(), clock

    def answer(self, ask: Ask) -> Decision:
        """Answer, with keys that come at once."""
        keys = Verifying()
        try:
            client = drive(self.proving(ask, keys), keys, keys)
            return self._told(ask, client)
        except Refusal as refusal:
            return self._refused(ask, refusal)

    async def aanswer(self, ask: Ask) -> Decision:
        """Answer, awaiting keys; the store is read in a thread."""
        keys = Verifying()
        try:
            client = await adrive(self.proving(ask, keys), keys, keys)
            return await asyncio.to_thread(self._told, ask, client)
        except Refusal as refusal:
            return self._refused(ask, refusal)

    def proving(self, ask: Ask, keys: Verifying) -> Steps[str]:
        """The steps that prove who asks; raise a :class:`~headway.errors.Refusal`."""
        now, most = self._clock(), self._policy.usage.own_per_minute
        peer = f"peer {ask.peer}"
        if self._counts.over(peer, most):
            raise AskedTooOften()
        refused: Refusal = TokenMissing()
        # (1) whose token is it?  of two locations with one header, the first that takes it
        for location in self._policy.locations:
            try:
                name = yield from self._proved(ask, location, keys, now)
            except TokenMissing:
                continue
            except Refusal as refusal:
                if refusal.public.status >= 500:  # nobody could be asked: it is not the token's
                    raise
                refused = refusal
                continue
            # (2) how often did it ask?
            if self._counts.over(f"client {name}", most):
                raise AskedTooOften()
            self._counts.add(f"client {name}")
            return name
        self._counts.add(peer)
        raise refused

    def _proved(
        self, ask: Ask, location: RetiredLocation, keys: Verifying, now: float
    ) -> Steps[str]:
        verifier = self._verifiers.get(location.name)
        values = location.header_values(ask.all(location.header))
        request = facts(ask.method, ask.raw_path, ask.raw_query, values)
        admission = location.policy(location.parameters[0]).admit(request, DIRECTION, now)
        if verifier is None or admission.token is None or admission.location is not Location.HEADER:
            raise TokenMissing()
        keys.verifier = verifier
        return (yield from verifier.proving(admission.token, request, now))

    def _told(self, ask: Ask, name: str) -> Decision:
        # (3) its verified records, and no others
        now = self._clock()
        since = day_of(max(0.0, now - READ_DAYS * DAY))
        records = list(self._store.records(client=name, verified=True, since=since))
        used = {each.location: each for each in clients_of(records, now=now, days=DAYS)}
        body = {
            "client": name,
            "days": DAYS,
            "locations": [
                {
                    **msgspec.to_builtins(used[each.name]),
                    "by_day": _by_day(records, each.name, now),
                    **self._coming(each, name, now),
                }
                for each in self._policy.locations
                if each.name in used
            ],
        }
        told = (("Content-Type", "application/json"), *self._private())
        return _answer(ask, 200, told, msgspec.json.encode(body))

    def _coming(self, location: RetiredLocation, name: str, now: float) -> Mapping[str, object]:
        """What the policy says of *location* to this client."""
        schedule = location.schedule
        phase = self._policy.phase(location, now, name)
        more = next((each.until for each in schedule.extensions if each.client == name), None)
        early = self._policy.rehearsal
        dates = {
            "off_at": schedule.off and schedule.off - early,
            "extended_until": more and more - early,
        }
        shown_dates = {key: _written(date) for key, date in dates.items() if date is not None}
        told = {"phase": phase.value, "send": location.instead, **shown_dates}
        return told if location.link is None else {**told, "link": location.link}

    def _refused(self, ask: Ask, refusal: Refusal) -> Decision:
        first = self._policy.locations[0]
        headers = refusal_headers(refusal, self._policy.name, first.scheme or "Key")
        told = [("Content-Type", "application/problem+json"), *headers.items()]
        if isinstance(refusal, AskedTooOften):
            told.append(("Retry-After", str(self._counts.left())))
        public = refusal.public
        answer = _answer(ask, public.status, tuple(told), problem(refusal))
        return msgspec.structs.replace(answer, id=public.id)

    def _private(self) -> Headers:
        named = dict.fromkeys(shown(each.header.title()) for each in self._policy.locations)
        return (("Cache-Control", "no-store"), ("Vary", ", ".join(named)))


def _answer(ask: Ask, status: int, headers: Headers, body: bytes) -> Decision:
    return Decision(
        outcome=Outcome.ANSWER,
        target=ask.target,
        answer_headers=headers,
        status=status,
        body=body,
    )


def _by_day(records: Iterable[Record], location: str, now: float) -> Mapping[str, int]:
    """How many requests there were on each of the last days that had any."""
    first, found = day_of(max(0.0, now - (DAYS - 1) * DAY)), Counter[str]()
    for record in records:
        if record.location == location and record.used and record.day >= first:
            found[record.day] += record.count
    return dict(sorted(found.items()))


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
