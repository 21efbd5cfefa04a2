"""What one location made of a request: what is said of it in the answer, and what is counted."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

import msgspec

from headway.errors import Refusal, TokenInQuery, shown
from headway.gateway.decision import EXCEPTED, FAILED_OPEN, Ask, Decision, Headers, Outcome, Use
from headway.gateway.parameters import without
from headway.gateway.rules import RetiredLocation
from headway.http.answers import retirement_headers
from headway.model import Phase, TokenText
from headway.refusals import TokenLookalike

__all__ = [
    "Part",
    "agent_of",
    "answer_of",
    "end_of",
    "header_of",
    "refused",
    "route_of",
    "shown_target",
    "target_of",
    "use_of",
]

_AGENT_MAX = 40
_OF_NOTES = (TokenLookalike.id, EXCEPTED, FAILED_OPEN)  # outcomes that a part's first note says
_ITSELF = re.compile(r"(?:/[!-.:-~]{0,32}){1,5}")  # a path without an id, not too long: its class


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """What one location makes of a request.

    *places* are the parts of the query that go away.

    >>> jwt = RetiredLocation(name="jwt", parameters=("jwt",), scheme="JWT")
    >>> Part(location=jwt, phase=Phase.OFF, places=(0,), client="peer:192.0.2.7").counts
    True
    """

    location: RetiredLocation
    phase: Phase
    places: tuple[int, ...]
    seen: tuple[int, ...] = ()  # those that stay, and are in no record for that
    client: str
    verified: bool = False
    moved: TokenText | None = None
    in_header: bool = False  # a token of this location stood in the header too
    counts: bool = True  # the query's token, or the header's, still speaks for the client
    refusal: Refusal | None = None
    notes: tuple[str, ...] = ()
    until: datetime | None = None  # when the brownout ends that is on


# ---- what goes on, and what is said --------------------------------------------------------------


def target_of(ask: Ask, places: Sequence[int]) -> str:
    """The target without the parts of its query at *places*; no ``?`` where nothing is left."""
    if not places:
        return ask.target
    query = without(ask.raw_query, places)
    return f"{ask.raw_path}?{query}" if query else ask.raw_path


def answer_of(part: Part) -> Headers:
    """Headers about the location, for the answer to a request that used it."""
    location, schedule = part.location, part.location.schedule
    told = retirement_headers(
        part.phase,
        announced=_seconds(schedule.announced),
        off=_seconds(schedule.off),
        link=location.link,
    )
    if not told:
        return ()
    lines = [*told.items(), ("Headway-Hint", location.instead)]
    if not part.counts:
        lines.append(("Headway-Refusal", TokenInQuery.id))
    if location.warning:
        lines.append(("Warning", f'299 - "{location.instead}"'))
    return tuple(lines)


def end_of(location: RetiredLocation, phase: Phase, at: float) -> datetime | None:
    """When the brownout that is on ends."""
    if phase is not Phase.BROWNOUT:
        return None
    return max(
        (window.end for window in location.schedule.brownouts if window.runs(at)), default=None
    )


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


@lru_cache(maxsize=64)
def header_of(header: str) -> str:
    """A header's name as people write it."""
    return "-".join(word.capitalize() for word in header.split("-"))


def refused(ask: Ask, part: Part, told: Headers, uses: tuple[Use, ...], pointed: str) -> Decision:
    """The answer to a request that stops at *part*; *pointed* is a parameter of the challenge."""
    refusal = part.refusal or TokenInQuery()
    public, location = refusal.public, part.location
    status = 401 if public.status < 500 else public.status
    body = {
        "type": "about:blank",
        "title": public.title,
        "status": status,
        "id": public.id,
        "phase": part.phase,
        "send": location.instead,
    }
    if location.schedule.off is not None:
        body["off_at"] = location.schedule.off.isoformat()
    if part.until is not None:
        body["until"] = part.until.isoformat()
    if location.link:
        body["link"] = location.link
    scheme = location.scheme or "Key"
    headers = [
        ("Content-Type", "application/problem+json"),
        ("Cache-Control", "no-store"),
        ("Headway-Refusal", public.id),
        *(line for line in told if line[0] != "Headway-Refusal"),
    ]
    if status == 401:
        headers.insert(0, ("WWW-Authenticate", f'{scheme} realm="{location.name}"{pointed}'))
    return Decision(
        outcome=Outcome.REFUSE,
        target=target_of(ask, part.places),
        answer_headers=tuple(headers),
        status=status,
        body=json.dumps(body).encode(),
        uses=uses,
        id=public.id,
    )


# ---- what is counted ----------------------------------------------------------------------------


def use_of(ask: Ask, part: Part, target: str, *, stopped: Part | None) -> Use:
    """*part* as it is counted, of a request that went on, or *stopped* at a part.

    *target* is the request's without any token.
    """
    outcome = Outcome.PASS.value if part.counts else Outcome.ANONYMOUS.value
    if part.refusal is not None:
        outcome = part.refusal.public.id
    elif stopped is not None:
        outcome = Outcome.REFUSE.value
    elif part.notes and part.notes[0] in _OF_NOTES:
        outcome = part.notes[0]
    return Use(
        location=part.location.name,
        phase=part.phase,
        client=part.client,
        verified=part.verified,
        outcome=outcome,
        method=ask.method,
        route=route_of(ask.raw_path),
        agent=agent_of(ask),
        also_header=part.in_header,
        from_browser=bool(ask.all("origin")),
        target=target,
        notes=part.notes,
    )


def shown_target(ask: Ask, parts: list[Part], target: str) -> str:
    """The target for a record: without any token, also where that stays in the URL."""
    if any(part.seen for part in parts):
        return target_of(ask, [place for part in parts for place in part.places or part.seen])
    return target


def route_of(raw_path: str) -> str:
    """The class of a path: what looks like an id is one star, so that routes stay few."""
    if _ITSELF.fullmatch(raw_path):
        return raw_path
    parts = raw_path.split("/")[:6]
    return "/".join("*" if _is_id(part) else shown(part)[:40] for part in parts)


def _is_id(part: str) -> bool:
    return any(c.isdigit() for c in part) or len(part) > 32


def agent_of(ask: Ask) -> str:
    """The product of its User-Agent, without its version: few, and nobody's name."""
    text = next((value for name, value in ask.headers if name == "user-agent"), "")
    product = text.partition("/")[0].partition(" ")[0]
    if product.isprintable():
        return product[:_AGENT_MAX]
    return shown(product)[:_AGENT_MAX]
