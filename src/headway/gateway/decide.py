"""One request, one decision: the steps, once, for proxy, services and middleware.

A location that is off, where nobody has more time, is not looked into: its
parameter goes away and the request goes on with what its header holds, or with
nothing.  Everything else about a token is read only once it matters.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from typing import Any

import msgspec

from headway.errors import (
    LocationRefused,
    Refusal,
    TokenInQuery,
    TokenMalformed,
    TokenRepeated,
    shown,
)
from headway.gateway.decision import (
    EXCEPTED,
    FAILED_OPEN,
    OVERRIDES,
    Ask,
    Decision,
    Headers,
    Outcome,
    Use,
    joined,
)
from headway.gateway.metadata import pointer
from headway.gateway.parameters import Found, find, look_alikes, sieve, without
from headway.gateway.parts import (
    Part,
    agent_of,
    answer_of,
    end_of,
    header_of,
    refused,
    route_of,
    shown_target,
    target_of,
    use_of,
)
from headway.gateway.rules import (
    DIRECTION,
    Failing,
    GatewayPolicy,
    Identity,
    LookAlikes,
    Mode,
    OffMeans,
    RetiredLocation,
    RouteRule,
    facts,
)
from headway.gateway.usual import Usual, UsualToken
from headway.gateway.verifying import Verifier, Verifying
from headway.keys import new_sealing_key
from headway.model import Location, Phase, RequestFacts, Secret, TokenText
from headway.policy import NOT_INSPECTED, Admission, Policy
from headway.policy import Outcome as Settled
from headway.ports import Clock, Steps, adrive, begin, drive
from headway.refusals import DecisionFailed, TokenLookalike, TokensInManyPlaces

__all__ = ["OWN_HEADERS", "READ_HEADERS", "TRACE_HEADERS", "Gateway", "is_preflight"]

OWN_HEADERS = ("headway-phase", "headway-refusal", "headway-hint", "headway-outcome")
"""What the gateway alone says: taken out of requests and of upstream's answers."""

_CLIENT_MAX = 120
_PASSES = Outcome.PASS.value
_IN_A_HEADER = re.compile(r"[!-~]+")

TRACE_HEADERS = ("traceparent", "tracestate")
"""Which span a request belongs to (W3C Trace Context); where decisions are spans."""

READ_HEADERS = (
    "authorization",
    "user-agent",
    "origin",
    "access-control-request-method",
    *OVERRIDES,
    *TRACE_HEADERS,
)
"""What a decision reads of a request beside the headers that its policy names."""


class Gateway:
    """Decides by *policy*; *verifier* proves who a client is, *usage* is told of each use.

    A mapping has verifiers by the names of locations: each its own, or none.
    *hash_key* (32 bytes) is what tokens are hashed with where they stand for
    their client: keep it, or clients have new names after a restart.  *clock*
    gives seconds since 1970.

    >>> from datetime import UTC, datetime
    >>> from headway.policy import Schedule
    >>> off = Schedule(off=datetime(2022, 2, 1, tzinfo=UTC))
    >>> jwt_in_query = RetiredLocation(name="jwt", parameters=("jwt",), schedule=off)
    >>> gateway = Gateway(GatewayPolicy(name="api", locations=(jwt_in_query,)))
    >>> gateway.decide(Ask(method="GET", target="/rest?a=%2F&jwt=eyJ")).target
    '/rest?a=%2F'
    """

    def __init__(
        self,
        policy: GatewayPolicy,
        *,
        verifier: Verifier | Mapping[str, Verifier] | None = None,
        usage: Callable[[Use], None] = lambda use: None,
        clock: Clock = time.time,
        hash_key: bytes | None = None,
    ) -> None:
        self.policy = policy
        self.verifiers: Mapping[str, Verifier]
        if verifier is None:
            self.verifiers = {}
        elif isinstance(verifier, Mapping):
            self.verifiers = verifier
        else:
            self.verifiers = {each.name: verifier for each in policy.locations}
        self._usage = usage
        self._clock = clock
        self._hash_key = Secret(hash_key or new_sealing_key())
        self._usual = Usual(policy)
        self._holds = sieve({name for each in policy.locations for name in each.names})
        self._tellings: dict[tuple[str, Phase, bool], Headers] = {}
        self._usually: dict[tuple[str, Phase], Headers] = {}

    def may_hold(self, raw_query: str) -> bool:
        """Whether a token may stand in *raw_query*, or what somebody may take for one.

        Where none can, and the request is no preflight, it passes as it is.
        """
        return bool(raw_query) and self._holds(raw_query)

    def decide(self, ask: Ask) -> Decision:
        """Decide with answers that come at once; raises TypeError where one has to be awaited."""
        now = self._clock()
        looked = self._look(ask, now)
        if isinstance(looked, Decision):
            return looked
        keys = Verifying()
        return drive(self._deciding(ask, looked, now, keys), keys, keys)

    def current(self) -> Gateway:
        """Itself: the gateway that counts at this moment."""
        return self

    def begin(self, ask: Ask) -> Decision | Coroutine[Any, Any, Decision]:
        """Decide at once; where something has to be awaited, what gives the decision then."""
        now = self._clock()
        looked = self._look(ask, now)
        if isinstance(looked, Decision):
            return looked
        keys = Verifying()
        return begin(self._deciding(ask, looked, now, keys), keys, keys)

    async def adecide(self, ask: Ask) -> Decision:
        """Decide, awaiting what has to be awaited."""
        now = self._clock()
        looked = self._look(ask, now)
        if isinstance(looked, Decision):
            return looked
        keys = Verifying()
        return await adrive(self._deciding(ask, looked, now, keys), keys, keys)

    def failed(self, ask: Ask) -> Decision | None:
        """The decision where :meth:`decide` raised; None where the policy fails closed.

        What stands in the URL under a token's name, or under one that is like it,
        goes away in any phase: what nobody looked into is nobody's credentials.
        """
        if self.policy.failing is Failing.CLOSED:
            return None
        if self.policy.mode is Mode.OBSERVE or not self.may_hold(ask.raw_query):
            return msgspec.structs.replace(self._untouched(ask), id=FAILED_OPEN)
        parts = [
            Part(
                location=location,
                phase=Phase.OPEN,
                places=tuple(places),
                client=f"peer:{ask.peer}",
                counts=False,
                notes=(FAILED_OPEN, DecisionFailed.id),
            )
            for location in self.policy.locations
            if (places := _named(ask.raw_query, location))
        ]
        return self._told_of(ask, parts)

    def close(self) -> None:
        """Close what the verifiers opened; a decision that has begun still ends."""
        for verifier in {id(each): each for each in self.verifiers.values()}.values():
            verifier.close()

    def _look(self, ask: Ask, now: float) -> Decision | UsualToken | None:
        """The decision where one look tells it; else the one token that moves once it is proved."""
        query = ask.raw_query
        # (1) what stands in the URL?  nearly always nothing
        if not self.may_hold(query):
            return self._untouched(ask)
        usual = self._usual.find(ask, query, self.policy.at(now))
        if usual is None or self.verifiers:
            return usual
        return self._counted(ask, self._moves(ask, usual, "", verified=False))

    def _deciding(
        self, ask: Ask, usual: UsualToken | None, now: float, keys: Verifying
    ) -> Steps[Decision]:
        """The steps of one decision at *now* (seconds since 1970); *keys* answers for them."""
        if usual is not None:
            return (yield from self._proves(ask, usual, now, keys))
        query = ask.raw_query
        found = [(each, find(query, each.names)) for each in self.policy.locations]
        likes = [(each, _alike(query, each)) for each in self.policy.locations]
        if not any(hits for _, hits in found) and not any(hits for _, hits in likes):
            return self._untouched(ask)
        # (2) a preflight has no credentials: it passes, and its answer may allow the header
        if is_preflight(ask):
            likes = [(each, places) for each, places in likes if self._strips(each, now)]
            return self._preflight(ask, [(each, hits) for each, hits in found if hits], likes)
        # (3) each location by itself
        parts: list[Part] = []
        for location, hits in found:
            if hits:
                parts.append((yield from self._part(ask, location, hits, now, keys)))
        # (4) names that somebody may take for the token's
        parts += [self._like(ask, each, places, now) for each, places in likes if places]
        # (5) one decision of them all
        return self._told_of(ask, parts)

    def _told_of(self, ask: Ask, parts: list[Part]) -> Decision:
        """The decision of all *parts*."""
        return self._counted(ask, self._decision(ask, parts))

    def _counted(self, ask: Ask, decision: Decision) -> Decision:
        """*decision*, its uses counted; it changes nothing where nothing is to change."""
        for use in decision.uses:
            self._usage(use)
        if self.policy.mode is Mode.OBSERVE:
            return Decision(
                outcome=Outcome.PASS, target=ask.target, id="observe", uses=decision.uses
            )
        return decision

    # ---- requests without a token in the URL ------------------------------------------------

    def _untouched(self, ask: Ask) -> Decision:
        allow = self.policy.locations[0].header if is_preflight(ask) else ""
        return Decision(
            outcome=Outcome.PASS,
            target=ask.target,
            remove_headers=_own(ask) if self.policy.mode is Mode.ENFORCE else (),
            allow_header=allow if self.policy.mode is Mode.ENFORCE else "",
        )

    def _preflight(
        self,
        ask: Ask,
        found: list[tuple[RetiredLocation, list[Found]]],
        likes: list[tuple[RetiredLocation, list[int]]],
    ) -> Decision:
        if self.policy.mode is Mode.OBSERVE:
            return Decision(outcome=Outcome.PASS, target=ask.target, id="observe")
        places = [hit.place for _, hits in found for hit in hits]
        places += [place for _, alike in likes for place in alike]
        return Decision(
            outcome=Outcome.PASS,
            target=target_of(ask, places),
            remove_headers=_own(ask),
            allow_header=found[0][0].header if found else self.policy.locations[0].header,
            id="preflight",
        )

    # ---- one location -----------------------------------------------------------------------

    def _proves(self, ask: Ask, usual: UsualToken, now: float, keys: Verifying) -> Steps[Decision]:
        """The decision about a token for which all rules have one answer: it moves, once proved."""
        location, token = usual.location, usual.token
        keys.verifier = self.verifiers.get(location.name)
        if keys.verifier is None:
            return self._counted(ask, self._moves(ask, usual, "", verified=False))
        request = facts(ask.method, ask.raw_path, usual.rest, ())
        try:
            name = yield from keys.verifier.proving(token, request, now)
        except Refusal as refusal:
            part = Part(
                location=location,
                phase=usual.phase,
                places=(find(ask.raw_query, location.names)[0].place,),
                client=self._identity(ask, token),
            )
            admission = Admission(token=token, location=Location.QUERY, phase=usual.phase)
            return self._told_of(ask, [self._unproved(part, refusal, admission, now)])
        return self._counted(ask, self._moves(ask, usual, name, verified=True))

    def _moves(self, ask: Ask, usual: UsualToken, client: str, *, verified: bool) -> Decision:
        """What :meth:`_decision` says of one token that moves, in a fraction of the time."""
        location, phase, rest, path = usual.location, usual.phase, usual.rest, ask.raw_path
        target = f"{path}?{rest}" if rest else path
        headers = (location.in_header(usual.token),)
        key = (location.name, phase)
        if (told := self._usually.get(key)) is None:
            moves = Part(location=location, phase=phase, places=(0,), client="", moved=usual.token)
            told = self._usually[key] = (*answer_of(moves), *_private(headers))
        use = Use(
            location=location.name,
            phase=phase,
            client=client or self._identity(ask, usual.token),
            verified=verified,
            outcome=_PASSES,
            method=ask.method,
            route=route_of(path),
            agent=agent_of(ask) if ask.headers else "",
            from_browser=bool(ask.headers and ask.all("origin")),
            target=target,
        )
        return Decision(
            outcome=Outcome.PASS,
            target=target,
            set_headers=headers,
            remove_headers=(*_own(ask), *_twins(ask, headers)) if ask.headers else (),
            answer_headers=told,
            uses=(use,),
        )

    def _part(
        self,
        ask: Ask,
        location: RetiredLocation,
        hits: list[Found],
        now: float,
        keys: Verifying,
    ) -> Steps[Part]:
        rule = self.policy.rule(
            ask.method, ask.raw_path, location.name, overridden=ask.overrides_method
        )
        if rule is not None and rule.phase is Phase.OPEN:
            return self._excepted(ask, location, hits)
        at, token = self.policy.at(now), TokenText(hits[0].value)
        verifier = self.verifiers.get(location.name)
        name = self._name(ask, token, verifier) if self.policy.clients else ""
        policy = self._policy_for(location, hits[0].name, rule, name, at)
        request = _facts(ask, location)
        places, client = tuple(hit.place for hit in hits), self._identity(ask, token)
        try:
            admission = policy.admit(request, DIRECTION, at, self._client_of(ask, verifier))
            self._one_name(location, hits, admission)
        except LocationRefused as refusal:
            phase = _dated(policy, at)
            return Part(
                location=location,
                phase=phase,
                places=places,
                client=client,
                counts=False,
                refusal=refusal,
                until=end_of(location, phase, at),
            )
        part = Part(
            location=location,
            phase=admission.phase,
            places=places,
            client=client,
            in_header=bool(request.authorization) and admission.location is Location.HEADER,
            counts=admission.location is not None,
            until=end_of(location, admission.phase, at),
            notes=admission.notes,
        )
        if admission.location is not Location.QUERY or admission.token is None:
            return part
        if verifier is not None:  # the hash knows no token, under whatever name
            rest = without(request.raw_query, places)
            request = msgspec.structs.replace(request, raw_query=rest)
        keys.verifier = verifier
        return (yield from self._proved(part, verifier, request, admission, now))

    def _policy_for(
        self,
        location: RetiredLocation,
        parameter: str,
        rule: RouteRule | None,
        client: str,
        at: float,
    ) -> Policy:
        """By the dates, but for a route or a client that is elsewhere already."""
        if rule is not None:
            return location.policy(parameter, rule.phase)
        further = self.policy.client_rule(client, location.name)
        if further is None or not further.is_further(location.schedule.phase(at)):
            return location.policy(parameter)
        return location.policy(parameter, further.phase)

    def _excepted(self, ask: Ask, location: RetiredLocation, hits: list[Found]) -> Part:
        """A route where the token stays in the URL, by name and with a reason."""
        return Part(
            location=location,
            phase=Phase.OPEN,
            places=(),
            seen=tuple(hit.place for hit in hits),
            client=self._identity(ask, hits[0].value),
            notes=(EXCEPTED,),
        )

    def _one_name(self, location: RetiredLocation, hits: list[Found], admission: Admission) -> None:
        """Two parameters of one location: as if one of them stood there twice."""
        if len({hit.name for hit in hits}) == 1 or admission.ignored:
            return
        outcome = location.conflicts.get(TokenRepeated, Settled.REFUSE)
        if outcome is Settled.REFUSE or admission.location is not Location.HEADER:
            raise TokenRepeated(found="two parameters for one token")

    def _proved(
        self,
        part: Part,
        verifier: Verifier | None,
        request: RequestFacts,
        admission: Admission,
        now: float,
    ) -> Steps[Part]:
        """*part* with the token that is moved, once it has proved what it has to."""
        token = admission.token or TokenText("")
        if not _IN_A_HEADER.fullmatch(token):  # %0D%0A is a value in a URL, and a line in a header
            wrong = TokenMalformed(expected="visible ASCII", found="another character")
            return self._unproved(part, wrong, admission, now)
        if verifier is None:
            return msgspec.structs.replace(part, moved=token)
        try:
            name = yield from verifier.proving(token, request, now)
        except Refusal as refusal:
            return self._unproved(part, refusal, admission, now)
        return msgspec.structs.replace(part, client=name, verified=True, moved=token)

    def _unproved(self, part: Part, refusal: Refusal, admission: Admission, now: float) -> Part:
        """*part* with a token that proves nothing: refused, or where it is off for others, off.

        Where nobody could be asked it is not known what it proves: then it is never off.
        """
        if not admission.provisional or refusal.public.status >= 500:
            return msgspec.structs.replace(part, counts=False, refusal=refusal)
        at = self.policy.at(now)
        phase = part.location.schedule.phase(at)
        until = end_of(part.location, phase, at)
        return msgspec.structs.replace(part, counts=False, phase=phase, until=until)

    def _like(self, ask: Ask, location: RetiredLocation, places: list[int], now: float) -> Part:
        """A look-alike is no token: it goes away where the token's own parameter counts no more."""
        phase = location.schedule.phase(self.policy.at(now))
        refuse = phase in NOT_INSPECTED and location.look_alikes is LookAlikes.REFUSE
        return Part(
            location=location,
            phase=phase,
            places=tuple(places) if self._strips(location, now) else (),
            seen=tuple(places),
            client=self._identity(ask, ""),
            in_header=bool(ask.all(location.header)),
            counts=False,
            refusal=TokenLookalike() if refuse else None,
            notes=(TokenLookalike.id,),
        )

    def _strips(self, location: RetiredLocation, now: float) -> bool:
        """Whether its look-alikes go away: where its own parameter counts no more."""
        off = location.schedule.phase(self.policy.at(now)) in NOT_INSPECTED
        return off and location.look_alikes is not LookAlikes.COUNT

    # ---- clients ----------------------------------------------------------------------------

    def _client_of(self, ask: Ask, verifier: Verifier | None) -> Callable[[str], str | None] | None:
        """Whom the schedule asks for more time; nobody who could be anybody."""
        if verifier is not None:
            return verifier.claimed
        if self.policy.identity.earns_leniency:
            return lambda token: self._identity(ask, token)
        return None

    def _name(self, ask: Ask, token: str, verifier: Verifier | None) -> str:
        claimed = verifier.claimed(token) if verifier is not None else None
        return claimed or self._identity(ask, token)

    def _identity(self, ask: Ask, token: str) -> str:
        """By what the client is told from others; never the token itself."""
        match self.policy.identity:
            case Identity.HEADER:
                named = ask.all(self.policy.identity_header)
                return shown(named[0])[:_CLIENT_MAX] if named else f"peer:{ask.peer}"
            case Identity.SUBJECT if ask.subject:
                return f"subject:{shown(ask.subject)[:_CLIENT_MAX]}"
            case Identity.PEER:
                return f"peer:{ask.peer}"
        if not token:
            return f"peer:{ask.peer}"
        return f"token:{self._hash_key.mac(b'gateway client 1' + token.encode())[:12].hex()}"

    # ---- one decision -----------------------------------------------------------------------

    def _decision(self, ask: Ask, parts: list[Part]) -> Decision:
        # (1) the first reason to refuse, if there is one
        stopped, parts = _stopped(self._opened(parts))
        target = target_of(ask, [place for part in parts for place in part.places])
        shows = shown_target(ask, parts, target)
        uses = tuple([use_of(ask, part, shows, stopped=stopped) for part in parts])
        told = self._told(parts[0])
        if len(parts) > 1:
            told = joined(tuple([line for part in parts for line in self._told(part)]))
        if stopped is not None:
            return refused(ask, stopped, told, uses, pointer(self.policy, ask.raw_path))
        # (2) what goes upstream
        headers = tuple(
            [part.location.in_header(part.moved) for part in parts if part.moved is not None]
        )
        told += _private(headers)
        speaks = headers or all(part.counts or part.in_header for part in parts)
        return Decision(
            outcome=Outcome.PASS if speaks else Outcome.ANONYMOUS,
            target=target,
            set_headers=headers,
            remove_headers=(*_own(ask), *_twins(ask, headers)),
            answer_headers=told,
            uses=uses,
            id=_id(parts, speaks=bool(speaks)),
        )

    def _opened(self, parts: list[Part]) -> list[Part]:
        """*parts*; those whose token could not be looked into go on without it, if they may."""
        return list(map(_opened, parts)) if self.policy.failing is Failing.OPEN else parts

    def _told(self, part: Part) -> Headers:
        """As :func:`answer_of`; there are few different ones."""
        if FAILED_OPEN in part.notes:
            others = [line for line in answer_of(part) if line[0] != "Headway-Refusal"]
            return (*others, ("Headway-Refusal", part.notes[-1]))
        key = part.location.name, part.phase, part.counts
        if (kept := self._tellings.get(key)) is None:
            kept = self._tellings[key] = answer_of(part)
        return kept


# ---- answers --------------------------------------------------------------------------------


def is_preflight(ask: Ask) -> bool:
    """Whether a browser asks if it may ask (WHATWG Fetch: CORS preflight).

    >>> is_preflight(Ask(method="OPTIONS", target="/", headers=(("origin", "https://a.example"),
    ...     ("access-control-request-method", "GET"))))
    True
    """
    if ask.method != "OPTIONS" or ask.overrides_method:
        return False
    return bool(ask.all("origin") and ask.all("access-control-request-method"))


def _named(query: str, location: RetiredLocation) -> list[int]:
    """The places of a location's parameters, and of what somebody may take for one of them."""
    hits = [hit.place for hit in find(query, location.names)]
    return sorted({*hits, *_alike(query, location)})


def _id(parts: list[Part], *, speaks: bool) -> str:
    """What decided about a request that goes on."""
    if any(FAILED_OPEN in part.notes for part in parts):
        return FAILED_OPEN
    return "" if speaks else TokenInQuery.id


def _opened(part: Part) -> Part:
    """*part* where its token could not be looked into: it goes on, and the token does not."""
    if part.refusal is None or part.refusal.public.status < 500:
        return part
    notes = (FAILED_OPEN, part.refusal.public.id)
    return msgspec.structs.replace(part, refusal=None, counts=False, notes=notes)


def _stopped(parts: list[Part]) -> tuple[Part | None, list[Part]]:
    """The part that stops the request, or None; and the parts with it in its place."""
    if len(parts) == 1 and parts[0].moved is not None:
        return None, parts
    for part in parts:
        if part.refusal is not None:
            return part, parts
    moved = [part for part in parts if part.moved is not None]
    stops: tuple[Part, Refusal] | None = None
    if len({part.location.header for part in moved}) < len(moved):
        stops = moved[1], TokensInManyPlaces()
    else:
        off = next((part for part in parts if _refuses_off(part)), None)
        stops = None if off is None else (off, TokenInQuery(found=off.phase))
    if stops is None:
        return None, parts
    stopped = msgspec.structs.replace(stops[0], refusal=stops[1])
    return stopped, [stopped if part is stops[0] else part for part in parts]


def _facts(ask: Ask, location: RetiredLocation) -> RequestFacts:
    values = location.header_values(ask.all(location.header))
    return facts(ask.method, ask.raw_path, ask.raw_query, values)


def _dated(policy: Policy, at: float) -> Phase:
    schedule = policy.row(DIRECTION, Location.QUERY).schedule
    return Phase.OPEN if schedule is None else schedule.phase(at)


def _refuses_off(part: Part) -> bool:
    return (
        not part.counts
        and not part.in_header
        and part.phase in NOT_INSPECTED
        and part.location.off_means is OffMeans.REFUSE
        and TokenLookalike.id not in part.notes
    )


def _private(headers: Headers) -> Headers:
    """What the token made private by its place in the URL stays so in one of *headers*."""
    if not headers:
        return ()
    named = ", ".join(header_of(name) for name, _ in headers)
    return (("Vary", named), ("Cache-Control", "private"))


def _twins(ask: Ask, headers: Headers) -> Iterator[str]:
    """What CGI and WSGI read as one of *headers*, which the gateway sets: ``X_Api_Key``."""
    for name, _ in ask.headers:
        if "_" in name and any(name.replace("_", "-") == ours for ours, _ in headers):
            yield name


def _own(ask: Ask) -> tuple[str, ...]:
    """What the client may not say; CGI and WSGI read ``Headway_Phase`` as ``Headway-Phase``."""
    ours = [name for name, _ in ask.headers if name.startswith("headway")]
    return tuple(dict.fromkeys([each for each in ours if each.replace("_", "-") in OWN_HEADERS]))


def _alike(query: str, location: RetiredLocation) -> list[int]:
    return look_alikes(query, location.names, location.reads)
