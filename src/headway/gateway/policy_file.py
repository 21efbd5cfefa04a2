"""The policy file: TOML that an operator writes, read into :mod:`headway.gateway.rules`.

Every message names the line and the field.  A date is an offset date-time, or
a day, which begins at midnight UTC; a date-time without an offset is refused,
because it means another moment on every machine.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec

from headway.errors import ConfigurationError, registry
from headway.gateway.brownouts import duration, growing, hours
from headway.gateway.resource import ProtectedResource
from headway.gateway.rules import (
    WORD,
    ClientRule,
    Failing,
    GatewayPolicy,
    Identity,
    LookAlikes,
    Mode,
    OffMeans,
    RetiredLocation,
    RouteRule,
)
from headway.gateway.tickets.settings import TicketSettings
from headway.gateway.toml_reader import TomlReader
from headway.gateway.usage.settings import Bounds, UsageSettings
from headway.gateway.verifiers.settings import TrustedIssuer, Verification, Verify
from headway.model import Phase
from headway.policy import CONFLICTS, Brownout, Extension, Outcome, Pause, Schedule

__all__ = ["FILE_BYTES_MAX", "load_policy", "read_policy"]

T = TypeVar("T")
FILE_BYTES_MAX = 1_000_000
FIRST_YEAR, LAST_YEAR = 1970, 2999


# ---- what may stand in a file ---------------------------------------------------------------


class _Table(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One table; a name that it does not know is an error."""


class _BrownoutTable(_Table):
    start: Any = None
    end: Any = None
    first: Any = None
    every: str = ""
    lasts: list[str] = []
    days: list[str] = []
    hours: str = ""
    zone: str = ""
    share: float = 1.0


class _ExtensionTable(_Table):
    client: str
    until: Any
    owner: str
    reason: str
    phase: Phase = Phase.WARNED


class _PausedTable(_Table):
    since: Any
    who: str
    why: str


class _IssuerTable(_Table):
    issuer: str
    keys: str
    audience: list[str]


class _VerifyTable(_Table):
    by: Verification = Verification.NONE
    store: str = ""
    installations: str = ""
    client_key: str = ""
    base_path: str = ""
    issuer: list[_IssuerTable] = []


class _LocationTable(_Table):
    name: str
    parameters: list[str]
    header: str = "Authorization"
    scheme: str = "Bearer"
    announced: Any = None
    warned: Any = None
    off: Any = None
    off_means: OffMeans = OffMeans.NOT_INSPECTED
    look_alikes: LookAlikes = LookAlikes.STRIP
    dialect: str = "any"
    link: str | None = None
    warning: bool = False
    salt: str = ""
    conflicts: dict[str, Outcome] = {}
    brownout: list[_BrownoutTable] = []
    extension: list[_ExtensionTable] = []
    paused: _PausedTable | None = None
    verify: _VerifyTable | None = None


class _RouteTable(_Table):
    path: str
    reason: str
    methods: list[str] = []
    location: str | None = None
    phase: Phase = Phase.OPEN


class _ClientTable(_Table):
    client: str
    phase: Phase
    reason: str
    location: str | None = None


class _IdentityTable(_Table):
    by: Identity = Identity.TOKEN
    header: str = ""


_Records = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]


class _LimitsTable(_Table):
    verified: _Records = 20_000
    claimed: _Records = 5_000
    per_client: _Records = 100


class _UsageTable(_Table):
    store: str = ""
    keep_days: Annotated[int, msgspec.Meta(ge=1, le=36_500)] = 800
    batch_seconds: Annotated[float, msgspec.Meta(ge=0.1, le=3_600)] = 5.0
    limits: _LimitsTable = msgspec.field(default_factory=_LimitsTable)
    own_path: str = ""
    own_per_minute: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 30


class _MetadataTable(_Table):
    resource: str | list[str]


class _TicketsTable(_Table):
    store: str
    path: str = "/headway/ticket"
    seconds: int = 30
    uses: int = 1
    capacity: int = 100_000
    origins: list[str] = []


class _File(_Table):
    name: str
    location: list[_LocationTable]
    mode: Mode = Mode.ENFORCE
    failing: Failing = Failing.CLOSED
    documentation: str | None = None
    rehearsal: str = ""
    identity: _IdentityTable = msgspec.field(default_factory=_IdentityTable)
    route: list[_RouteTable] = []
    client: list[_ClientTable] = []
    verify: _VerifyTable = msgspec.field(default_factory=_VerifyTable)
    usage: _UsageTable = msgspec.field(default_factory=_UsageTable)
    metadata: _MetadataTable | None = None
    tickets: _TicketsTable | None = None


# ---- reading --------------------------------------------------------------------------------


def load_policy(path: Path) -> GatewayPolicy:
    """The policy in the file at *path*.

    Raises ConfigurationError, which names file, line and field.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from None
    return read_policy(data, source=str(path))


def read_policy(data: bytes, *, source: str = "policy") -> GatewayPolicy:
    """The policy in *data*; *source* is what messages call it.

    >>> policy = read_policy(b'''
    ... name = "api"
    ... [[location]]
    ... name = "jwt"
    ... parameters = ["jwt"]
    ... off = 2022-02-01
    ... ''')
    >>> policy.locations[0].schedule.off.isoformat()
    '2022-02-01T00:00:00+00:00'
    """
    if len(data) > FILE_BYTES_MAX:
        raise ConfigurationError(f"{source}: is larger than {FILE_BYTES_MAX} bytes")
    reader = TomlReader(data, source)
    return _policy(reader.typed(_File), reader)


# ---- tables into values ---------------------------------------------------------------------


def _policy(file: _File, reader: TomlReader) -> GatewayPolicy:
    locations = []
    for number, table in enumerate(file.location):
        with reader.at("location", number):
            locations.append(_location(table, number, reader))
    with reader.at():
        _checked(file, locations)
    with reader.at("rehearsal"):
        rehearsal = duration(file.rehearsal) if file.rehearsal else timedelta(0)
    with reader.at("identity", "header"):
        _check_identity(file.identity, {*_SECRET, *(each.header for each in locations)})
    with reader.at("documentation"):
        documentation = _link(file.documentation)
    names = {location.name for location in locations}
    policy = GatewayPolicy(
        name=file.name,
        locations=tuple(locations),
        routes=tuple(_each(reader, "route", file.route, lambda t, n: _route(t, n, names, reader))),
        clients=tuple(
            _each(reader, "client", file.client, lambda t, n: _client(t, n, names, reader))
        ),
        mode=file.mode,
        failing=file.failing,
        identity=file.identity.by,
        identity_header=file.identity.header.lower(),
        rehearsal=rehearsal,
        documentation=documentation,
        verify=_verify(file.verify, reader, "verify"),
        usage=_usage(file.usage, reader),
        resources=_resources(file.metadata, reader),
        tickets=_tickets(file.tickets, reader),
        source=reader.source,
        lines={field: reader.line((field,)) for field in ("mode", "failing", "rehearsal")},
    )
    if policy.usage.own_path and not policy.verifies:
        raise reader.error(("usage", "own_path"), "a client proves who it is by [verify] alone")
    for base in {each.base_path for each in policy.verifications}:
        if policy.usage.own_path and not policy.usage.own_path.startswith(f"{base.rstrip('/')}/"):
            raise reader.error(("usage", "own_path"), f"is not below {base}, which tokens are for")
    return policy


def _tickets(table: _TicketsTable | None, reader: TomlReader) -> TicketSettings | None:
    if table is None:
        return None
    told = msgspec.structs.asdict(table)
    with reader.at("tickets"):
        return TicketSettings(**{**told, "origins": tuple(table.origins)})


def _each(
    reader: TomlReader, name: str, tables: Sequence[Any], make: Callable[[Any, int], T]
) -> Iterator[T]:
    for number, table in enumerate(tables):
        with reader.at(name, number):
            yield make(table, number)


def _checked(file: _File, locations: Sequence[RetiredLocation]) -> None:
    if not locations:
        raise ConfigurationError("location: there is none")
    names = [location.name for location in locations]
    if len(set(names)) < len(names):
        raise ConfigurationError("location: two have the same name")
    parameters = [name for location in locations for name in location.parameters]
    if len(set(parameters)) < len(parameters):
        raise ConfigurationError("location: a parameter belongs to two of them")
    rules = [(rule.client, place) for rule in file.client for place in _places(rule, names)]
    if len(set(rules)) < len(rules):
        raise ConfigurationError("client: one has two rules for a location")


def _places(rule: _ClientTable, names: Sequence[str]) -> Sequence[str]:
    return names if rule.location is None else [rule.location]


def _location(table: _LocationTable, number: int, reader: TomlReader) -> RetiredLocation:
    place = ("location", number)
    dates, lines = {}, {}
    for field in ("announced", "warned", "off"):
        with reader.at(*place, field):
            dates[field] = _moment(getattr(table, field))
        lines[field] = reader.line((*place, field))
    brownouts: list[Brownout] = []
    for index, each in enumerate(table.brownout):
        with reader.at(*place, "brownout", index):
            windows = _brownouts(each)
        line = reader.line((*place, "brownout", index))
        lines.update({f"brownout {window.start.isoformat()}": line for window in windows})
        brownouts += windows
    extensions = []
    for index, more in enumerate(table.extension):
        with reader.at(*place, "extension", index):
            extensions.append(_extension(more))
        lines[f"extension {more.client}"] = reader.line((*place, "extension", index))
    with reader.at(*place, "paused"):
        paused = None if table.paused is None else _paused(table.paused)
    for field in ("paused", "off_means", "look_alikes"):
        lines[field] = reader.line((*place, field))
    for refusal in CONFLICTS:
        lines[f"conflict {refusal.id}"] = reader.line((*place, "conflicts", refusal.id))
    schedule = Schedule(
        **dates,
        brownouts=tuple(brownouts),
        extensions=tuple(extensions),
        paused=paused,
        salt=table.salt,
    )
    with reader.at(*place, "conflicts"):
        conflicts = _conflicts(table.conflicts)
    with reader.at(*place, "header"):
        _check_words(table)
    with reader.at(*place, "link"):
        link = _link(table.link)
    return RetiredLocation(
        name=table.name,
        parameters=tuple(table.parameters),
        header=table.header.lower(),
        scheme=table.scheme,
        schedule=schedule,
        off_means=table.off_means,
        look_alikes=table.look_alikes,
        dialect=table.dialect,
        link=link,
        warning=table.warning,
        conflicts=conflicts,
        line=reader.line(place),
        lines=lines,
        verify=None if table.verify is None else _verify(table.verify, reader, *place, "verify"),
    )


def _moment(value: Any) -> datetime | None:
    if value is None:
        return None
    if isinstance(value, date) and not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise ConfigurationError(f"is not between the years {FIRST_YEAR} and {LAST_YEAR}")
    if isinstance(value, datetime):
        if value.utcoffset() is None:
            raise ConfigurationError("has no offset: write 2022-02-01T00:00:00Z")
        return value
    if isinstance(value, date):
        return datetime.combine(value, time(), UTC)
    raise ConfigurationError("is no date: write 2022-02-01 or 2022-02-01T00:00:00Z, unquoted")


def _needed(value: Any, field: str) -> datetime:
    moment = _moment(value)
    if moment is None:
        raise ConfigurationError(f"{field}: is missing")
    return moment


def _brownouts(table: _BrownoutTable) -> Sequence[Brownout]:
    if table.first is not None:
        if table.start is not None or table.end is not None or not table.lasts:
            raise ConfigurationError("first: goes with lasts, and without start and end")
        lasts = [duration(text) for text in table.lasts]
        first = _needed(table.first, "first")
        windows: Sequence[Brownout] = growing(
            first, duration(table.every or "7d"), lasts, share=table.share
        )
    else:
        for field in ("every", "lasts"):
            if getattr(table, field):
                raise ConfigurationError(f"{field}: goes with first")
        start, end = _needed(table.start, "start"), _needed(table.end, "end")
        windows = [Brownout(start, end, table.share)]
    if table.days or table.hours:
        between, zone = table.hours or "0-24", table.zone or "UTC"
        return hours(windows, days=table.days, between=between, zone=zone)
    if table.zone:
        raise ConfigurationError("zone: goes with days or hours; moments have their own offset")
    return windows


def _extension(table: _ExtensionTable) -> Extension:
    _check_said(table, "client", "owner", "reason")
    return Extension(
        client=table.client,
        until=_needed(table.until, "until"),
        owner=table.owner,
        reason=table.reason,
        phase=table.phase,
    )


def _paused(table: _PausedTable) -> Pause:
    _check_said(table, "who", "why")
    return Pause(since=_needed(table.since, "since"), who=table.who, why=table.why)


def _conflicts(told: Mapping[str, Outcome]) -> Mapping[Any, Outcome]:
    known = {refusal.id: refusal for refusal in CONFLICTS}
    for name in told:
        if name not in known:
            listed = ", ".join(sorted(known))
            raise ConfigurationError(f"there is no conflict {name!r}; there are {listed}")
    return {known[name]: outcome for name, outcome in told.items() if name in registry()}


_SECRET = ("authorization", "proxy-authorization", "cookie")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def _check_said(table: _Table, *fields: str) -> None:
    """Whoever reads the file later will ask."""
    for field in fields:
        if not getattr(table, field).strip():
            raise ConfigurationError(f"{field}: is empty")


def _check_identity(table: _IdentityTable, secret: set[str]) -> None:
    if table.by is Identity.HEADER and not table.header:
        raise ConfigurationError("says which header names the client")
    if table.header and not WORD.fullmatch(table.header):
        raise ConfigurationError("is no name of a header")
    if table.header.lower() in secret:
        raise ConfigurationError("holds a secret; it names nobody in a record")


def _check_words(table: _LocationTable) -> None:
    """What reaches a header or a configuration is a plain word."""
    if not WORD.fullmatch(table.header):
        raise ConfigurationError("is no name of a header")
    if not _NAME.fullmatch(table.name):
        raise ConfigurationError("name: 1 to 64 of A-Z a-z 0-9 . _ -")


def _link(link: str | None) -> str | None:
    if link is None:
        return None
    if not re.fullmatch(r"https?://[!#-;=?-\[\]_a-z~]+", link):
        raise ConfigurationError("is no http or https address")
    return link


def _named(name: str | None, names: set[str]) -> str | None:
    if name is not None and name not in names:
        raise ConfigurationError(f"location: there is no location {name!r}")
    return name


def _route(table: _RouteTable, number: int, names: set[str], reader: TomlReader) -> RouteRule:
    _check_said(table, "reason")
    return RouteRule(
        path=table.path,
        reason=table.reason,
        methods=frozenset(table.methods),
        location=_named(table.location, names),
        phase=table.phase,
        line=reader.line(("route", number)),
    )


def _client(table: _ClientTable, number: int, names: set[str], reader: TomlReader) -> ClientRule:
    _check_said(table, "client", "reason")
    return ClientRule(
        client=table.client,
        phase=table.phase,
        reason=table.reason,
        location=_named(table.location, names),
        line=reader.line(("client", number)),
    )


def _verify(table: _VerifyTable, reader: TomlReader, *place: str | int) -> Verify:
    issuers = []
    for number, each in enumerate(table.issuer):
        with reader.at(*place, "issuer", number):
            issuer = TrustedIssuer(
                issuer=each.issuer, keys=each.keys, audience=tuple(each.audience)
            )
            issuers.append(issuer)
    with reader.at(*place):
        return Verify(
            by=table.by,
            store=table.store,
            installations=table.installations,
            client_key=table.client_key,
            base_path=table.base_path,
            issuers=tuple(issuers),
            line=reader.line(place),
        )


def _usage(table: _UsageTable, reader: TomlReader) -> UsageSettings:
    with reader.at("usage"):
        return UsageSettings(
            store=table.store,
            keep_days=table.keep_days,
            batch_seconds=table.batch_seconds,
            bounds=Bounds(**msgspec.structs.asdict(table.limits)),
            own_path=table.own_path,
            own_per_minute=table.own_per_minute,
        )


def _resources(table: _MetadataTable | None, reader: TomlReader) -> tuple[ProtectedResource, ...]:
    if table is None:
        return ()
    with reader.at("metadata", "resource"):
        named = [table.resource] if isinstance(table.resource, str) else table.resource
        found = tuple(ProtectedResource(each) for each in named)
        if not found or len({each.path for each in found}) < len(found):
            raise ConfigurationError("at least one, and none twice: they are told by their paths")
        return found
