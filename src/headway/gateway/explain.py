"""What would happen to a request, and by which line of the policy file.

The decision is made by the same :class:`~headway.gateway.decide.Gateway` that
decides requests, with a client that is only supposed: once as if it proved who
it is, and once as if it could not.  No value of a token's parameter is in what
comes out of here.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from headway.errors import SignatureInvalid, TokenInQuery, shown
from headway.gateway.decide import Gateway
from headway.gateway.decision import EXCEPTED, Ask, Decision, Headers, Outcome, Use
from headway.gateway.parameters import find, look_alikes
from headway.gateway.rules import (
    Failing,
    GatewayPolicy,
    Identity,
    Mode,
    OffMeans,
    RetiredLocation,
)
from headway.gateway.verifiers.settings import Verification
from headway.gateway.verifying import Verifier
from headway.keys import new_sealing_key
from headway.model import Phase, RequestFacts, TokenText
from headway.policy import CONFLICTS, NOT_INSPECTED
from headway.ports import Credentials, KeySource, NeedKey, ReplayCache, Steps
from headway.redact import MARKER, redact_url
from headway.refusals import TokenLookalike

__all__ = ["Explanation", "Reason", "Rule", "explain", "hidden"]

_PREFIXES = {Identity.PEER: "peer:", Identity.SUBJECT: "subject:"}


class Rule(msgspec.Struct, frozen=True):
    """What the policy says, and in which line (0: in none)."""

    text: str
    line: int


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """Why a location is in its *phase* for this request: the *rule*, and its line (0: none).

    *also* are further rules that had a part in the outcome: of conflicts, of
    what ``off`` means, and shared brownouts that leave the client alone.
    """

    location: str
    phase: Phase
    rule: str
    line: int
    outcome: str
    also: tuple[Rule, ...] = ()


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """What would happen.

    ``target`` is what goes upstream, without values of tokens; ``headers`` are
    the names that are set on it, each with its scheme; ``answer`` is added to
    the answer.  ``unproved`` is the outcome where the client can not prove who
    it is; None where that makes no difference.  ``enforced`` is False where the
    policy only observes: then nothing of this is carried out.  ``settings`` are
    rules that hold for every request: observing, a rehearsal, and failing open.
    """

    at: str
    outcome: Outcome
    id: str
    status: int
    target: str
    headers: tuple[str, ...]
    answer: Headers
    reasons: tuple[Reason, ...]
    unproved: Outcome | None
    enforced: bool
    settings: tuple[Rule, ...]
    source: str


def explain(policy: GatewayPolicy, ask: Ask, at: float, *, client: str | None) -> Explanation:
    """What *policy* makes of *ask* at *at* (seconds since 1970), were it from *client*.

    *client* is a name as usage records have it, or None for somebody unknown.

    >>> from headway.policy import Schedule
    >>> location = RetiredLocation(name="jwt", parameters=("jwt",), line=3,
    ...     schedule=Schedule(off=datetime(2022, 2, 1, tzinfo=UTC)), lines={"off": 6})
    >>> found = explain(GatewayPolicy(name="api", locations=(location,)),
    ...     Ask(method="GET", target="/rest?jwt=eyJ&a=1"), 1643673600, client=None)
    >>> found.outcome.value, found.target, found.reasons[0].rule, found.reasons[0].line
    ('anonymous', '/rest?a=1', 'off = 2022-02-01T00:00:00+00:00', 6)
    """
    enforcing = msgspec.structs.replace(policy, mode=Mode.ENFORCE)
    ask = _as(ask, policy, client)
    proved = _decided(enforcing, ask, at, client, proved=True)
    unproved = _decided(enforcing, ask, at, client, proved=False)
    return Explanation(
        at=_written(at),
        outcome=proved.outcome,
        id=proved.id,
        status=proved.status,
        target=hidden(policy, proved.target),
        headers=tuple(f"{name}: {_scheme(value)}" for name, value in proved.set_headers),
        answer=proved.answer_headers,
        reasons=tuple(_reason(policy, ask, use, policy.at(at), client) for use in proved.uses),
        unproved=None if unproved.outcome is proved.outcome else unproved.outcome,
        enforced=policy.mode is Mode.ENFORCE,
        settings=tuple(_settings(policy, at)),
        source=policy.source,
    )


def hidden(policy: GatewayPolicy, target: str) -> str:
    """*target* without the value of any parameter that may be a token's.

    >>> location = RetiredLocation(name="key", parameters=("k",))
    >>> hidden(GatewayPolicy(name="api", locations=(location,)), "/a?k=1&b=2&K=3")
    '/a?k=REDACTED&b=2&K=REDACTED'
    """
    path, mark, query = target.partition("?")
    places: set[int] = set()
    for location in policy.locations:
        places |= {hit.place for hit in find(query, location.names)}
        places |= set(look_alikes(query, location.names, location.reads))
    parts = [
        f"{part.partition('=')[0]}={MARKER}" if place in places else part
        for place, part in enumerate(query.split("&"))
    ]
    return shown(redact_url(path + mark + "&".join(parts)))


# ---- deciding for a client that is supposed -------------------------------------------------


class _Supposed:
    """A verifier for whom every token is from one client."""

    def __init__(self, client: str | None, *, proves: bool) -> None:
        self.keys: KeySource = self
        self.replay: ReplayCache | None = None
        self._client, self._proves = client, proves

    def find(self, need: NeedKey) -> Credentials | None:
        return None

    def claimed(self, token: str) -> str | None:
        return self._client

    def proving(self, token: TokenText, request: RequestFacts, now: float) -> Steps[str]:
        yield from ()  # it asks nobody
        if not self._proves:
            raise SignatureInvalid()
        return self._client or "somebody"

    def close(self) -> None:
        pass  # nothing was opened


def _as(ask: Ask, policy: GatewayPolicy, client: str | None) -> Ask:
    """*ask* as *client* would send it, where the policy tells clients by what they send."""
    if client is None:
        return ask
    bare = client.removeprefix(_PREFIXES.get(policy.identity, ""))
    match policy.identity:
        case Identity.HEADER:
            named = (policy.identity_header, bare)
            return msgspec.structs.replace(ask, headers=(*ask.headers, named))
        case Identity.PEER:
            return msgspec.structs.replace(ask, peer=bare)
        case Identity.SUBJECT:
            return msgspec.structs.replace(ask, subject=bare)
    return ask


def _decided(
    policy: GatewayPolicy, ask: Ask, at: float, client: str | None, *, proved: bool
) -> Decision:
    """The decision; nobody who is told by what anybody can send is proved by anything."""
    verifiers: dict[str, Verifier] = {}
    for location in policy.locations:
        verifies = policy.verification(location).by is not Verification.NONE
        if verifies or policy.earns_leniency(location):
            verifiers[location.name] = _Supposed(client, proves=proved or not verifies)
    key = new_sealing_key()
    return Gateway(policy, verifier=verifiers, clock=lambda: at, hash_key=key).decide(ask)


# ---- reasons --------------------------------------------------------------------------------


def _reason(policy: GatewayPolicy, ask: Ask, use: Use, at: float, client: str | None) -> Reason:
    location = policy.location(use.location)
    if location is None:  # a use is of a location of the policy that decided
        raise LookupError(use.location)
    rule, line = _rule(policy, location, ask, use, at, client)
    return Reason(
        location=location.name,
        phase=use.phase,
        rule=rule,
        line=line,
        outcome=use.outcome,
        also=(*_spared(location, use.phase, at, client), *_settled(location, use)),
    )


def _settings(policy: GatewayPolicy, at: float) -> Iterator[Rule]:
    if policy.mode is Mode.OBSERVE:
        text = 'mode = "observe": it is decided and counted, and nothing is changed'
        yield Rule(text, policy.lines.get("mode", 0))
    if policy.rehearsal:
        text = f"rehearsal: the dates count as if it were {_written(policy.at(at))}"
        yield Rule(text, policy.lines.get("rehearsal", 0))
    if policy.failing is Failing.OPEN:
        text = 'failing = "open": where nothing can be decided, it goes on without its token'
        yield Rule(text, policy.lines.get("failing", 0))


def _spared(
    location: RetiredLocation, phase: Phase, at: float, client: str | None
) -> Iterator[Rule]:
    """Shared brownouts that are on, and are not for this client."""
    if phase in NOT_INSPECTED or client is None:
        return
    for window in location.schedule.brownouts:
        if window.runs(at) and location.schedule.cohort(client) >= window.share:
            start = window.start.isoformat()
            text = f"brownout {start}: {window.share * 100:g}% of the clients, and not this one"
            yield Rule(text, location.lines.get(f"brownout {start}", location.line))


def _settled(location: RetiredLocation, use: Use) -> Iterator[Rule]:
    """What a conflict led to, and what it means that the location is off."""
    for refusal, choices in CONFLICTS.items():
        if refusal.id in (*use.notes, use.outcome):
            told = location.conflicts.get(refusal)
            text = f'conflicts: {refusal.id} = "{told or choices[0]}"'
            yield _said(location, text, f"conflict {refusal.id}", told is None)
    if TokenInQuery.id in (*use.notes, use.outcome):
        text = f'off_means = "{location.off_means}"'
        yield _said(location, text, "off_means", location.off_means is OffMeans.NOT_INSPECTED)


def _said(location: RetiredLocation, text: str, field: str, default: bool) -> Rule:
    words = f"{text}, the default" if default else text
    return Rule(words, location.lines.get(field, location.line))


def _rule(
    policy: GatewayPolicy,
    location: RetiredLocation,
    ask: Ask,
    use: Use,
    at: float,
    client: str | None,
) -> tuple[str, int]:
    """What decided the phase: the first of route, client, pause, extension, window and date."""
    if use.outcome == TokenLookalike.id:
        line = location.lines.get("look_alikes", location.line)
        return f'look_alikes = "{location.look_alikes}", dialect = "{location.dialect}"', line
    overridden = ask.overrides_method
    route = policy.rule(ask.method, ask.raw_path, location.name, overridden=overridden)
    if route is not None:
        what = "stays" if use.outcome == EXCEPTED else f"is {route.phase}"
        return f"route {route.path}: {what}, because {shown(route.reason)}", route.line
    further = policy.client_rule(client or "", location.name)
    if further is not None and further.is_further(location.schedule.phase(at)):
        named = shown(further.client)
        return f"client {named} is further: {shown(further.reason)}", further.line
    return _dated(location, use.phase, at, client)


def _dated(
    location: RetiredLocation, phase: Phase, at: float, client: str | None
) -> tuple[str, int]:
    schedule, lines = location.schedule, location.lines
    if schedule.paused is not None and phase is Phase.PAUSED:
        by = f"paused by {shown(schedule.paused.who)}: {shown(schedule.paused.why)}"
        return by, lines.get("paused", location.line)
    dated = msgspec.structs.replace(schedule, extensions=()).phase(at, client)
    for more in schedule.extensions if phase is not dated else ():
        if more.client == client and at < more.until.timestamp() and phase is more.phase:
            until = f"until {more.until.isoformat()}"
            line = lines.get(f"extension {client}", location.line)
            return f"extension of {shown(more.client)} {until}, {shown(more.owner)}", line
    if phase is Phase.BROWNOUT:
        window = next(each for each in schedule.brownouts if each.runs(at))
        start = window.start.isoformat()
        share = f", {window.share * 100:g}% of the clients" if window.share < 1 else ""
        line = lines.get(f"brownout {start}", location.line)
        return f"brownout {start} to {window.end.isoformat()}{share}", line
    moment = None if phase is Phase.PAUSED else getattr(schedule, phase.value, None)
    if moment is None:
        return "no date has come", location.line
    return f"{phase} = {moment.isoformat()}", lines.get(phase.value, location.line)


def _scheme(value: str) -> str:
    scheme, space, _ = value.partition(" ")
    return f"{scheme} <token>" if space else "<token>"


def _written(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
