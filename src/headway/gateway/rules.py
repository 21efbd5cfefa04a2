"""The policy of a gateway as values: locations with their schedules, routes, clients.

A *location* is a place in a URL that holds a token and is on its way out: one
or more parameters, what replaces them, and the root's dated schedule.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property

import msgspec

from headway.errors import ConfigurationError, LocationRefused, Refusal
from headway.gateway.parameters import DIALECTS, Dialect
from headway.gateway.resource import ProtectedResource
from headway.gateway.tickets.settings import TicketSettings
from headway.gateway.usage.settings import UsageSettings
from headway.gateway.verifiers.settings import Verification, Verify
from headway.model import Direction, Location, Phase, RequestFacts
from headway.policy import ALWAYS, Outcome, Policy, Row, Schedule
from headway.qsh import canonical_request

__all__ = [
    "DIRECTION",
    "WORD",
    "ClientRule",
    "Failing",
    "GatewayPolicy",
    "Identity",
    "LookAlikes",
    "Mode",
    "OffMeans",
    "RetiredLocation",
    "RouteRule",
    "is_normal",
]

DIRECTION = Direction.APP_TO_HOST
"""What a gateway looks at: calls of clients to the API behind it."""

WORD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A name of a header, or a scheme (RFC 9110 section 5.6.2: token)."""

_PARAMETER = re.compile(r"[A-Za-z0-9_.~-]+")

BARE_SCHEME = "Key"
"""What stands for no scheme where a header holds the bare value (``X-Api-Key``)."""


class Mode(StrEnum):
    """Whether decisions are carried out."""

    OBSERVE = "observe"  # decide and count, change nothing
    ENFORCE = "enforce"


class OffMeans(StrEnum):
    """What an off location means for a token in it."""

    NOT_INSPECTED = "not-inspected"  # it goes away, and the request goes on without credentials
    REFUSE = "refuse"  # the gateway answers 401 itself


class Failing(StrEnum):
    """What becomes of a request whose URL may hold a token, and of which nothing can be decided."""

    CLOSED = "closed"  # it is refused
    OPEN = "open"  # it goes on, and what it had in the URL counts for nothing


class LookAlikes(StrEnum):
    """What becomes of parameters that somebody may take for the token's."""

    COUNT = "count"
    STRIP = "strip"
    REFUSE = "refuse"


class Identity(StrEnum):
    """By what a client is told from others, where nothing is verified."""

    TOKEN = "token"  # noqa: S105 - a keyed hash of it
    HEADER = "header"
    SUBJECT = "subject"  # of a verified client certificate
    PEER = "peer"

    @property
    def earns_leniency(self) -> bool:
        """Whether it is more than what anybody can write into a request."""
        return self in (Identity.TOKEN, Identity.SUBJECT)


class RetiredLocation(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """One location: *parameters* of the query, and the *header* with *scheme* in their place.

    An empty *scheme* means the bare value.  *line* is where the policy file
    declares it, *lines* where it says more: ``off``, ``paused``, ``off_means``,
    ``look_alikes``, the client of an extension after ``extension``, the start
    of a window after ``brownout``, the id after ``conflict``.

    >>> RetiredLocation(name="jwt", parameters=("jwt",), scheme="JWT").in_header("T")
    ('authorization', 'JWT T')
    """

    name: str
    parameters: tuple[str, ...]
    header: str = "authorization"
    scheme: str = "Bearer"
    schedule: Schedule = ALWAYS
    off_means: OffMeans = OffMeans.NOT_INSPECTED
    look_alikes: LookAlikes = LookAlikes.STRIP
    dialect: str = "any"
    link: str | None = None
    warning: bool = False  # also send Warning: 299
    conflicts: Mapping[type[LocationRefused], Outcome] = {}
    line: int = 0
    lines: Mapping[str, int] = {}
    verify: Verify | None = None  # who proves whose its tokens are; None for the policy's own

    def __post_init__(self) -> None:
        if not self.parameters:
            raise ConfigurationError("parameters: there is none")
        for name in self.parameters:
            if not _PARAMETER.fullmatch(name):
                raise ConfigurationError(f"parameters: {name!r} is no word of A-Z a-z 0-9 _ . ~ -")
        if self.dialect not in DIALECTS:
            raise ConfigurationError(f"dialect: is one of {', '.join(DIALECTS)}")
        if not WORD.fullmatch(self.header):
            raise ConfigurationError("header: is no name of a header")
        if self.scheme and not WORD.fullmatch(self.scheme):
            raise ConfigurationError("scheme: is one word, or empty")
        _ = self.policies  # raises where the root does not take it

    @property
    def shown_header(self) -> str:
        """The header's name as people write it."""
        return "-".join(word.capitalize() for word in self.header.split("-"))

    @property
    def instead(self) -> str:
        """What to send instead, in a sentence.

        >>> RetiredLocation(name="jwt", parameters=("jwt",), scheme="JWT").instead
        "Send 'Authorization: JWT <token>'."
        """
        return f"Send '{self.shown_header}: {self.in_header('<token>')[1]}'."

    @cached_property
    def names(self) -> frozenset[str]:
        """The parameters, to look them up."""
        return frozenset(self.parameters)

    @cached_property
    def reads(self) -> Dialect:
        """How the software behind the gateway reads names."""
        return DIALECTS[self.dialect]

    @cached_property
    def policies(self) -> Mapping[str, Policy]:
        """The root's policy for each parameter."""
        return {name: self._policy(name, self.schedule) for name in self.parameters}

    def _policy(self, parameter: str, schedule: Schedule) -> Policy:
        return Policy(
            name=self.name,
            rows={
                (DIRECTION, Location.HEADER): Row(ALWAYS),
                (DIRECTION, Location.QUERY): Row(schedule, parameter),
            },
            conflicts=self.conflicts,
            scheme=self.scheme or BARE_SCHEME,
        )

    @cached_property
    def _fixed(self) -> dict[tuple[str, Phase], Policy]:
        return {
            (name, phase): self._policy(name, _fixed_schedule(phase))
            for name in self.parameters
            for phase in _FIXED
        }

    def policy(self, parameter: str, phase: Phase | None = None) -> Policy:
        """The policy of *parameter*: by its dates, or where *phase* is given, always in that."""
        return self.policies[parameter] if phase is None else self._fixed[parameter, phase]

    def header_values(self, values: tuple[str, ...]) -> tuple[str, ...]:
        """The values of its header as the root reads them: a scheme, a space, the token."""
        return values if self.scheme else tuple(f"{BARE_SCHEME} {value}" for value in values)

    def in_header(self, token: str) -> tuple[str, str]:
        """The header that replaces the parameter: name (lower case) and value."""
        return self.header, f"{self.scheme} {token}" if self.scheme else token


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIXED = (Phase.OPEN, Phase.ANNOUNCED, Phase.WARNED, Phase.OFF)


def _fixed_schedule(phase: Phase) -> Schedule:
    return {
        Phase.OPEN: ALWAYS,
        Phase.ANNOUNCED: Schedule(announced=_EPOCH),
        Phase.WARNED: Schedule(warned=_EPOCH),
    }.get(phase, Schedule(off=_EPOCH))


class RouteRule(msgspec.Struct, frozen=True, kw_only=True):
    """A named exception: on these paths a location stays open, or has its own *phase*.

    *path* is a literal path, or a beginning that ends in ``*``.  *location* is
    the location's name, or None for all.
    """

    path: str
    reason: str
    methods: frozenset[str] = frozenset()
    location: str | None = None
    phase: Phase = Phase.OPEN
    line: int = 0

    def __post_init__(self) -> None:
        if self.phase not in _FIXED:
            raise ConfigurationError(f"phase: is one of {', '.join(_FIXED)}")
        if not is_normal(self.path.removesuffix("*") or "/"):
            raise ConfigurationError(f"path: {self.path} is read in more than one way")

    def matches(self, method: str, raw_path: str, location: str) -> bool:
        """Whether the rule speaks of this request; *raw_path* is in its normal form."""
        if self.location not in (None, location) or (self.methods and method not in self.methods):
            return False
        if self.path.endswith("*"):
            return raw_path.startswith(self.path[:-1])
        return raw_path == self.path


class ClientRule(msgspec.Struct, frozen=True, kw_only=True):
    """A client that is further than the others: for it the location is in *phase* already.

    More time for one client is an extension, which ends by itself.
    """

    client: str
    phase: Phase
    reason: str
    location: str | None = None
    line: int = 0

    def __post_init__(self) -> None:
        if self.phase not in (Phase.WARNED, Phase.OFF):
            raise ConfigurationError("phase: is warned or off; more time is an extension")

    def is_further(self, phase: Phase) -> bool:
        """Whether the client's own phase is later than *phase*: a rule gives nobody time back.

        A pause stops what goes by dates; a client that asked to be off stays off.

        >>> rule = ClientRule(client="a", phase=Phase.WARNED, reason="asked for it")
        >>> rule.is_further(Phase.ANNOUNCED), rule.is_further(Phase.OFF)
        (True, False)
        """
        return self.phase is Phase.OFF or phase in (Phase.OPEN, Phase.ANNOUNCED)


class GatewayPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """All of a policy file.

    *rehearsal* is how much earlier everything happens in a sandbox.  *source*
    is the file's path, for messages; *lines* where it says ``mode`` and
    ``rehearsal``.
    """

    name: str
    locations: tuple[RetiredLocation, ...]
    routes: tuple[RouteRule, ...] = ()
    clients: tuple[ClientRule, ...] = ()
    mode: Mode = Mode.ENFORCE
    failing: Failing = Failing.CLOSED
    identity: Identity = Identity.TOKEN
    identity_header: str = ""
    rehearsal: timedelta = timedelta(0)
    documentation: str | None = None
    verify: Verify = Verify()
    usage: UsageSettings = UsageSettings()
    tickets: TicketSettings | None = None
    resources: tuple[ProtectedResource, ...] = ()
    source: str = ""
    lines: Mapping[str, int] = {}

    @property
    def verifies(self) -> bool:
        """Whether clients prove who they are, at any location."""
        return any(each.by is not Verification.NONE for each in self.verifications)

    @property
    def verifications(self) -> tuple[Verify, ...]:
        """Who proves whose a token is, at each of the locations."""
        return tuple(self.verification(each) for each in self.locations)

    def verification(self, location: RetiredLocation) -> Verify:
        """Who proves whose a token at *location* is."""
        return self.verify if location.verify is None else location.verify

    def earns_leniency(self, location: RetiredLocation) -> bool:
        """Whether a client that proves nothing is somebody to the schedule of *location*."""
        unproved = self.verification(location).by is Verification.NONE
        return unproved and self.identity.earns_leniency

    def location(self, name: str) -> RetiredLocation | None:
        """The location of that *name*, or None."""
        return next((each for each in self.locations if each.name == name), None)

    def rule(
        self, ask_method: str, raw_path: str, location: str, *, overridden: bool = False
    ) -> RouteRule | None:
        """The first rule for a request; none for a path that is not its own normal form.

        Software differs in what ``/pub/%2e%2e/api`` is: nobody gets an
        exception by another spelling.  Where a header has *overridden* the
        method, rules for a method do not speak of the request.
        """
        if not self.routes or not is_normal(raw_path):
            return None
        for rule in self.routes:
            if rule.matches(ask_method, raw_path, location):
                return None if overridden and rule.methods else rule
        return None

    def client_rule(self, client: str, location: str) -> ClientRule | None:
        """The rule for a client, or None."""
        for rule in self.clients:
            if rule.client == client and rule.location in (None, location):
                return rule
        return None

    def phase(self, location: RetiredLocation, now: float, client: str | None) -> Phase:
        """The phase of *location* at *now* (seconds since 1970) for a *client* that proved itself.

        Nobody's phase, the strictest, is that of None.
        """
        at = self.at(now)
        further = None if client is None else self.client_rule(client, location.name)
        if further is not None and further.is_further(location.schedule.phase(at)):
            return further.phase
        return location.schedule.phase(at, client)

    def at(self, now: float) -> float:
        """The moment by which the schedule goes at *now* (seconds since 1970)."""
        return now + self.rehearsal.total_seconds()


_STRANGE = re.compile(r"%(2e|2f|3b|5c|00|25)|[\\;]|//|/\.\.?(/|\Z)", re.IGNORECASE)


def is_normal(raw_path: str) -> bool:
    """Whether everybody reads *raw_path* alike.

    >>> is_normal("/rest/api"), is_normal("/pub/%2e%2e/api"), is_normal("/a;b")
    (True, False, False)
    """
    if _STRANGE.search(raw_path) or not raw_path.startswith("/"):
        return False
    try:
        canonical_request("GET", raw_path)
    except Refusal:
        return False
    return True


def facts(ask_method: str, raw_path: str, raw_query: str, values: tuple[str, ...]) -> RequestFacts:
    """A request as the root's policy looks at it."""
    return RequestFacts(
        method=ask_method, raw_path=raw_path, raw_query=raw_query, authorization=values
    )
