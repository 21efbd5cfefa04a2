"""A gateway that trades tokens for tickets, and tickets for tokens.

An ``<img>``, an event stream and a WebSocket are asked for by a URL alone, where
no token may stand any more.  So a page asks first, with its token in the header::

    POST /headway/ticket?for=%2Frest%2Ffile%3Fid%3D5
    Authorization: JWT eyJ...

and gets ``{"url": "/rest/file?id=5&headway-ticket=...", "seconds": 30}``.  Whoever
asks for that URL, once, has the token in the header again on the way upstream.
Where tokens are verified, the token is, for the request that the ticket is for.

| request with a ticket | outcome |
|---|---|
| the first ``GET``, also with ``Range``, also a WebSocket's handshake | goes on, with the token |
| a second one; an event stream that reconnects | 401 ``ticket-unknown``, unless ``uses`` is more |
| after its seconds | 401 ``ticket-expired`` or ``ticket-unknown`` |
| another path or query, in any byte | 401 ``ticket-mismatch``, and the ticket is used up |
| ``HEAD``, any other method | 401 ``ticket-mismatch``, and the ticket is kept |
| a token beside it | 401 ``tokens-differ``, and the ticket is kept |
| the store is full, or does not answer | 503 |
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import time
from collections.abc import Coroutine, Mapping
from typing import Any, Protocol
from urllib.parse import unquote

import msgspec

from headway.errors import Refusal, TokenMissing, TokensDiffer
from headway.gateway.decide import Gateway
from headway.gateway.decision import Ask, Decision, Headers, Outcome
from headway.gateway.middleware import Decides
from headway.gateway.parameters import find
from headway.gateway.rules import DIRECTION, GatewayPolicy, RetiredLocation, facts, is_normal
from headway.gateway.tickets.settings import TicketSettings
from headway.gateway.verifying import Verifier, Verifying
from headway.http.answers import problem, refusal_headers
from headway.model import Location
from headway.ports import Clock, Steps, adrive, drive
from headway.refusals import TicketExpired, TicketMismatch, TicketTargetRefused, TicketUnknown
from headway.store.tickets import (
    PARAMETER,
    OnceStore,
    TicketBox,
    carries_ticket,
    ticket_in,
    without_ticket,
)

__all__ = ["OwnAnswers", "TicketGateway"]

METHOD = "GET"
_TARGET_MAX = 8192
_TARGET = re.compile(r"/(?!/)[A-Za-z0-9._~:@!$&()*+,;=%/-]*(\?[A-Za-z0-9._~:@!$&()*+,;=%/?-]+)?")
"""What a browser asks for byte for byte as it stands: it escapes or drops all else (WHATWG URL)."""

_VALUE_MAX = 16_384


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    """What a ticket stands for."""

    header: str
    value: str
    request: bytes  # hash of method, path and query
    expires: int  # seconds since 1970


class Answers(Protocol):
    """Who answers what the gateway answers itself."""

    async def aanswer(self, ask: Ask) -> Decision | None:
        """The answer, or None where it is for somebody else."""


class OwnAnswers:
    """The first of *each* that has an answer."""

    def __init__(self, *each: Answers) -> None:
        self._each = each

    async def aanswer(self, ask: Ask) -> Decision | None:
        """The answer, or None where it is for somebody else."""
        for answers in self._each:
            if (told := await answers.aanswer(ask)) is not None:
                return told
        return None


class _Inner(Decides, Protocol):
    """A :class:`~headway.gateway.decide.Gateway`, or one that reloads."""

    def current(self) -> Gateway:
        """The gateway that counts at this moment."""


class TicketGateway:
    """*gateway*, with the tickets that its policy asks for, kept in *store*.

    The store is what all processes share; without one there are no tickets.

    >>> from headway.gateway.decide import Gateway
    >>> from headway.gateway.policy_file import read_policy
    >>> class Kept(dict):
    ...     def put(self, key, value, until): self[key] = value
    ...     def take(self, key): return self.pop(key, None)
    >>> policy = read_policy(b'''
    ... name = "api"
    ... [[location]]
    ... name = "jwt"
    ... parameters = ["jwt"]
    ... [tickets]
    ... store = "tickets.db"
    ... ''')
    >>> gateway = TicketGateway(Gateway(policy), Kept())
    >>> told = gateway.decide(Ask(method="POST", target="/headway/ticket?for=%2Ffile",
    ...     headers=(("authorization", "Bearer t"),)))
    >>> url = msgspec.json.decode(told.body)["url"]
    >>> gateway.decide(Ask(method="GET", target=url)).set_headers
    (('authorization', 'Bearer t'),)
    >>> gateway.decide(Ask(method="GET", target=url)).id
    'ticket-unknown'
    """

    def __init__(
        self, gateway: _Inner, store: OnceStore | None, *, clock: Clock = time.time
    ) -> None:
        self._gateway, self._store, self._clock = gateway, store, clock
        self._box = None if store is None else TicketBox(store, "headway gateway ticket")
        self._now: TicketGateway | None = None

    @property
    def policy(self) -> GatewayPolicy:
        """By what it decides."""
        return self._gateway.policy

    @property
    def verifiers(self) -> Mapping[str, Verifier]:
        """Who proves whose a token is, by the names of locations."""
        return self._gateway.verifiers

    def current(self) -> TicketGateway | Gateway:
        """The gateway that counts at this moment, with its tickets where there are any."""
        inner = self._gateway.current()
        if self._box is None and inner.policy.tickets is None:
            return inner
        if inner is self._gateway:
            return self
        if self._now is None or self._now._gateway is not inner:
            self._now = TicketGateway(inner, self._store, clock=self._clock)
        return self._now

    def may_hold(self, raw_query: str) -> bool:
        """As :meth:`headway.gateway.decide.Gateway.may_hold`; a ticket counts too."""
        return carries_ticket(raw_query) or self._gateway.current().may_hold(raw_query)

    def begin(self, ask: Ask) -> Decision | Coroutine[Any, Any, Decision]:
        """As :meth:`headway.gateway.decide.Gateway.begin`; a ticket is always awaited."""
        settings = self.policy.tickets
        if settings is None or self._box is None or not _concerns(ask, settings):
            return self._gateway.current().begin(ask)
        return self.adecide(ask)

    def failed(self, ask: Ask) -> Decision | None:
        """As :meth:`headway.gateway.decide.Gateway.failed`; a ticket goes no further."""
        return self._gateway.current().failed(_without(ask))

    async def aanswer(self, ask: Ask) -> Decision | None:
        """The answer to whoever asks for a ticket; None to everybody else."""
        settings = self.policy.tickets
        if settings is None or self._box is None or ask.raw_path != settings.path:
            return None
        return await self.adecide(ask)

    def decide(self, ask: Ask) -> Decision:
        """Decide at once."""
        settings, box = self.policy.tickets, self._box
        if settings is None or box is None or not _concerns(ask, settings):
            return self._gateway.decide(ask)
        try:
            if ask.raw_path == settings.path:
                keys = Verifying()
                if (told := self._preflight(ask, settings)) is not None:
                    return told
                traded = drive(self._traded(ask, keys), keys, keys)
                return self._issue(box, ask, settings, traded)
            kept = self._redeem(box, ask, settings)
        except Refusal as refusal:
            return self._refused(ask, settings, refusal)
        return _with(self._gateway.decide(_without(ask)), kept)

    async def adecide(self, ask: Ask) -> Decision:
        """Decide; keys are awaited, and the store is asked in a thread."""
        settings, box = self.policy.tickets, self._box
        if settings is None or box is None or not _concerns(ask, settings):
            return await self._gateway.adecide(ask)
        try:
            if ask.raw_path == settings.path:
                keys = Verifying()
                if (told := self._preflight(ask, settings)) is not None:
                    return told
                traded = await adrive(self._traded(ask, keys), keys, keys)
                return await asyncio.to_thread(self._issue, box, ask, settings, traded)
            kept = await asyncio.to_thread(self._redeem, box, ask, settings)
        except Refusal as refusal:
            return self._refused(ask, settings, refusal)
        return _with(await self._gateway.adecide(_without(ask)), kept)

    # ---- a token for a ticket ---------------------------------------------------------------

    def _preflight(self, ask: Ask, settings: TicketSettings) -> Decision | None:
        """The answer to whoever asks if it may ask, or does so in another way than POST."""
        if ask.method == "POST":
            return None
        told = [("Allow", "POST, OPTIONS"), *_shared(ask, settings)]
        if ask.method != "OPTIONS":
            return _answer(ask, 405, tuple(told), b"")
        headers = ", ".join(dict.fromkeys(each.header for each in self.policy.locations))
        told += [
            ("Access-Control-Allow-Methods", "POST"),
            ("Access-Control-Allow-Headers", headers),
        ]
        return _answer(ask, 204, tuple(told), b"")

    def _traded(self, ask: Ask, keys: Verifying) -> Steps[tuple[str, str, str]]:
        """For which target, in which header, which value: as proved as the policy asks."""
        target = self._target(ask)
        path, _, query = target.partition("?")
        for location in self.policy.locations:
            values = ask.all(location.header)
            if not values:
                continue
            if len(values) > 1 or len(values[0]) > _VALUE_MAX:
                raise TokensDiffer(found="two headers, or one that is too long")
            request = facts(METHOD, path, query, location.header_values(values))
            admission = location.policy(location.parameters[0]).admit(
                request, DIRECTION, self.policy.at(self._clock())
            )
            if admission.token is None or admission.location is not Location.HEADER:
                continue
            verifier = self.verifiers.get(location.name)
            if verifier is not None:
                keys.verifier = verifier
                yield from verifier.proving(admission.token, request, self._clock())
            return target, location.header, values[0]
        raise TokenMissing()

    def _target(self, ask: Ask) -> str:
        """The target that a ticket is asked for: one that every browser asks for as it stands."""
        name, _, value = ask.raw_query.partition("=")
        target = unquote(value, "latin-1")
        if name != "for" or not value or "&" in value or "+" in value:
            raise TicketTargetRefused(expected="one parameter, for=", found="something else")
        path, _, query = target.partition("?")
        if len(target) > _TARGET_MAX or not _TARGET.fullmatch(target) or not is_normal(path):
            raise TicketTargetRefused(
                expected="a path with or without a query, escaped as URLs are"
            )
        names = {name for each in self.policy.locations for name in each.names}
        if find(query, names) or carries_ticket(query):
            raise TokensDiffer(found="a token in the target")
        return target

    def _issue(
        self, box: TicketBox, ask: Ask, settings: TicketSettings, traded: tuple[str, str, str]
    ) -> Decision:
        target, header, value = traded
        expires = int(self._clock()) + settings.seconds
        path, _, query = target.partition("?")
        kept = _Kept(header, value, _hash(path, query), expires)
        ticket = box.put(msgspec.json.encode(kept), expires, settings.uses)
        url = f"{path}?{query}{'&' if query else ''}{PARAMETER}={ticket}"
        body = msgspec.json.encode({"url": url, "seconds": settings.seconds})
        told = (("Content-Type", "application/json"), *_shared(ask, settings))
        return _answer(ask, 201, told, body)

    # ---- a ticket for a token ---------------------------------------------------------------

    def _redeem(self, box: TicketBox, ask: Ask, settings: TicketSettings) -> _Kept:
        """What the ticket of *ask* stands for; it is used up by this, whatever it is."""
        ticket = ticket_in(ask.raw_query)
        # (1) what no ticket is for does not use it up
        if ask.method != METHOD:
            raise TicketMismatch(expected=METHOD, found=ask.method)
        query = without_ticket(ask.raw_query)
        if self._has_token(ask, query):
            raise TokensDiffer(found="a ticket and a token")
        # (2) of all who come with it, one has it
        told = box.take(ticket, settings.uses)
        if told is None:
            raise TicketUnknown()
        kept = msgspec.json.decode(told, type=_Kept)
        # (3) it is for this moment and this request
        now = self._clock()
        if now >= kept.expires:
            raise TicketExpired(found=f"expired {int(now - kept.expires)} s ago")
        if not hmac.compare_digest(kept.request, _hash(ask.raw_path, query)):
            raise TicketMismatch(expected="the address that it was made for", found="another")
        return kept

    def _has_token(self, ask: Ask, query: str) -> bool:
        locations = self.policy.locations
        names = {name for each in locations for name in each.names}
        return bool(find(query, names)) or any(_speaks(ask, each) for each in locations)

    def _refused(self, ask: Ask, settings: TicketSettings, refusal: Refusal) -> Decision:
        scheme = self.policy.locations[0].scheme or "Key"
        headers = refusal_headers(refusal, self.policy.name, scheme)
        shared = _shared(ask, settings) if ask.raw_path == settings.path else ()
        told = {"Content-Type": "application/problem+json", **headers}
        return Decision(
            outcome=Outcome.REFUSE,
            target=f"{ask.raw_path}",
            answer_headers=(*told.items(), *(line for line in shared if line[0] not in told)),
            status=refusal.public.status,
            body=problem(refusal),
            id=refusal.public.id,
        )


def _concerns(ask: Ask, settings: TicketSettings) -> bool:
    return ask.raw_path == settings.path or carries_ticket(ask.raw_query)


def _speaks(ask: Ask, location: RetiredLocation) -> bool:
    """Whether the header of *location* holds a token; credentials of another scheme may stay."""
    scheme = location.scheme.lower()
    values = ask.all(location.header)
    return any(not scheme or value.partition(" ")[0].lower() == scheme for value in values)


def _without(ask: Ask) -> Ask:
    query = without_ticket(ask.raw_query)
    target = f"{ask.raw_path}?{query}" if query else ask.raw_path
    return msgspec.structs.replace(ask, target=target)


def _with(decision: Decision, kept: _Kept) -> Decision:
    """*decision* with the token of a ticket; what it made private stays so, and is kept nowhere."""
    if decision.outcome in (Outcome.REFUSE, Outcome.ANSWER):
        return decision
    told: Headers = (("Vary", kept.header.title()), ("Cache-Control", "private"))
    return msgspec.structs.replace(
        decision,
        outcome=Outcome.PASS,
        set_headers=(*decision.set_headers, (kept.header, kept.value)),
        answer_headers=(*decision.answer_headers, *told, ("Referrer-Policy", "no-referrer")),
        id="ticket",
    )


def _hash(path: str, query: str) -> bytes:
    return hashlib.sha256(f"{METHOD}\0{path}\0{query}".encode("latin-1")).digest()


def _shared(ask: Ask, settings: TicketSettings) -> Headers:
    """Who may read the answer, and that nobody keeps it (WHATWG Fetch: CORS protocol)."""
    told: list[tuple[str, str]] = [("Cache-Control", "no-store"), ("Vary", "Origin")]
    origins = ask.all("origin")
    if len(origins) == 1 and origins[0] in settings.origins:
        told.append(("Access-Control-Allow-Origin", origins[0]))
    return tuple(told)


def _answer(ask: Ask, status: int, headers: Headers, body: bytes) -> Decision:
    return Decision(
        outcome=Outcome.ANSWER,
        target=ask.raw_path,
        answer_headers=headers,
        status=status,
        body=body,
        id="ticket",
    )
