"""What an observer is told: one observation for each token and each refusal, without the token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from headway import jwt
from headway.app import pages
from headway.app.tickets import TICKET
from headway.errors import QshMismatch, Refusal, TokenInQuery, TokenMissing
from headway.explain import explain
from headway.model import Claims, Direction, Location, RequestFacts, Verified
from headway.policy import Policy
from headway.qsh import without_token
from headway.redact import redact_url, redact_values
from headway.refusals import TicketRefused

__all__ = ["Observation", "of_refusal", "of_token"]


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided about one request: no token, no signature, no secret in it.

    ``time`` is in seconds since 1970.  ``claims`` are what the token says;
    they are proved only where ``verified`` is true.  Where there is a
    ``refusal`` too, the token was good and what came with it was not.
    ``policy`` names the policy that decided, ``disclaimer`` is that policy's.
    ``explain`` says what was hashed on both sides, where the hash was wrong.
    ``route`` is the path that the app declared, ``client`` the address that
    asked; both are "" where they are not known.
    """

    time: float
    direction: Direction
    method: str
    path: str
    verified: bool
    policy: str
    disclaimer: str = ""
    location: str | None = None
    kind: str | None = None
    phase: str | None = None
    claims: Mapping[str, Any] = {}
    refusal: str | None = None
    hint: str | None = None
    notes: tuple[str, ...] = ()
    explain: Mapping[str, Any] | None = None
    route: str = ""
    client: str = ""


def of_token(
    facts: RequestFacts,
    direction: Direction,
    policy: Policy,
    verified: Verified | None,
    *,
    now: float,
    route: str = "",
    client: str = "",
) -> Observation:
    """What is told of a request whose token proved *verified*, or nothing."""
    return Observation(
        time=now,
        direction=direction,
        method=facts.method,
        path=_shown_path(facts),
        verified=verified is not None,
        policy=policy.name,
        disclaimer=policy.disclaimer,
        location=verified.location if verified else None,
        kind=_shown_kind(verified) if verified else None,
        phase=verified.phase if verified else None,
        claims=_shown_claims(verified.claims) if verified else {},
        notes=verified.notes if verified else (),
        route=route,
        client=client,
    )


def of_refusal(
    facts: RequestFacts,
    direction: Direction,
    policy: Policy,
    refusal: Refusal,
    verified: Verified | None = None,
    *,
    now: float,
    route: str = "",
    client: str = "",
) -> Observation:
    """What is told of a request that was refused; *verified* where its token was good."""
    seen = of_token(facts, direction, policy, verified, now=now, route=route, client=client)
    if isinstance(refusal, TicketRefused):
        seen = msgspec.structs.replace(seen, location=Location.QUERY, kind=TICKET)
    elif verified is None and not isinstance(refusal, TokenMissing):
        seen = _with_what_it_claims(seen, facts, policy, refusal)
    return msgspec.structs.replace(seen, refusal=refusal.id, hint=refusal.hint)


def _shown_kind(verified: Verified) -> str:
    return TICKET if TICKET in verified.notes else verified.kind


def _shown_path(facts: RequestFacts) -> str:
    query = pages.without_seal(without_token(facts.raw_query))
    return redact_url(f"{facts.raw_path}?{query}" if query else facts.raw_path)


def _shown_claims(claims: Claims) -> dict[str, Any]:
    shown: dict[str, Any] = redact_values(msgspec.to_builtins(claims))
    return shown


def _with_what_it_claims(
    seen: Observation, facts: RequestFacts, policy: Policy, refusal: Refusal
) -> Observation:
    """*seen* with what an unproved token says; where it can not be read, with less."""
    if isinstance(refusal, TokenInQuery):
        return msgspec.structs.replace(seen, location=Location.QUERY)
    try:
        admission = policy.admit(facts, seen.direction, seen.time)
        seen = msgspec.structs.replace(seen, location=admission.location, phase=admission.phase)
        token = admission.token or ""
        claims = _shown_claims(jwt.decode(token).unverified_claims)
    except Refusal:
        return seen  # refused for where it stands, or for what it is
    wrong = isinstance(refusal, QshMismatch)
    explained = msgspec.to_builtins(explain(facts, token)) if wrong else None
    return msgspec.structs.replace(seen, claims=claims, explain=explained)
