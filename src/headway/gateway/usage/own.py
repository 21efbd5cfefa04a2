"""A client reads its own record, authenticated by its own token.

Whoever has a route for it hands the request to :class:`OwnUsage`.  The token
comes in the header, as it should; what is told is the verified client's and
nobody else's, and nothing that somebody only claimed.
"""

from __future__ import annotations

import json
import time

import msgspec

from headway.errors import Refusal, TokenMissing
from headway.gateway.decide import Verifier
from headway.gateway.decision import Ask, Decision, Outcome
from headway.gateway.rules import DIRECTION, GatewayPolicy, RetiredLocation, facts
from headway.gateway.usage.record import DAY, day_of
from headway.gateway.usage.report import clients_of
from headway.gateway.usage.store import UsageStore
from headway.http.answers import problem, refusal_headers
from headway.model import Location
from headway.ports import Clock, Steps, adrive, drive

__all__ = ["OwnUsage"]

READ_DAYS = 400


class OwnUsage:
    """Answers ``GET`` for a client's own record: 200 with JSON, or 401.

    *verifier* is the gateway's.  Where nothing is verified there is no such
    record: then there is no client to tell apart.
    """

    def __init__(
        self,
        store: UsageStore,
        policy: GatewayPolicy,
        verifier: Verifier,
        *,
        days: int = 30,
        clock: Clock = time.time,
    ) -> None:
        self._store, self._policy, self._verifier = store, policy, verifier
        self._days, self._clock = days, clock

    def answer(self, ask: Ask) -> Decision:
        """Answer, with keys that come at once."""
        return drive(self.answering(ask), self._verifier.keys, self._verifier.replay)

    async def aanswer(self, ask: Ask) -> Decision:
        """Answer, awaiting keys that have to be awaited."""
        return await adrive(self.answering(ask), self._verifier.keys, self._verifier.replay)

    def answering(self, ask: Ask) -> Steps[Decision]:
        """The steps of one answer."""
        now = self._clock()
        refused: Refusal = TokenMissing()
        # (1) whose token is it?  of two locations with one header, the first that takes it
        for location in self._policy.locations:
            try:
                name = yield from self._proved(ask, location, now)
            except TokenMissing:
                continue
            except Refusal as refusal:
                refused = refusal
            else:
                return self._told(ask, name, now)
        return self._refused(ask, refused)

    def _proved(self, ask: Ask, location: RetiredLocation, now: float) -> Steps[str]:
        values = location.header_values(ask.all(location.header))
        request = facts(ask.method, ask.raw_path, ask.raw_query, values)
        admission = location.policy(location.parameters[0]).admit(request, DIRECTION, now)
        if admission.token is None or admission.location is not Location.HEADER:
            raise TokenMissing()
        return (yield from self._verifier.proving(admission.token, request, now))

    def _told(self, ask: Ask, name: str, now: float) -> Decision:
        # (2) its verified records, and no others
        since = day_of(max(0.0, now - READ_DAYS * DAY))
        records = self._store.records(client=name, verified=True, since=since)
        used = clients_of(records, now=now, days=self._days)
        body = {"client": name, "days": self._days, "locations": msgspec.to_builtins(used)}
        return Decision(
            outcome=Outcome.PASS,
            target=ask.target,
            answer_headers=(
                ("Content-Type", "application/json"),
                ("Cache-Control", "no-store"),
                ("Vary", self._policy.locations[0].header.title()),
            ),
            status=200,
            body=json.dumps(body).encode(),
        )

    def _refused(self, ask: Ask, refusal: Refusal) -> Decision:
        first = self._policy.locations[0]
        headers = refusal_headers(refusal, self._policy.name, first.scheme or "Key")
        return Decision(
            outcome=Outcome.REFUSE,
            target=ask.target,
            answer_headers=(("Content-Type", "application/problem+json"), *headers.items()),
            status=refusal.public.status,
            body=problem(refusal),
            id=refusal.public.id,
        )
