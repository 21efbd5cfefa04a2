"""Where a token may travel: one table, dated schedules, and what happens where two meet.

A :class:`Policy` is data: for each direction and location a schedule, ``ALWAYS``
or ``NEVER``.  A :class:`Schedule` retires a location by dates::

    phase       until        a token there
    open        announced    counts
    announced   warned       counts
    warned      off          counts, and the answer says that it will not
    brownout    its end      is not inspected, as if the location were off
    off         for ever     is not inspected
    paused      resumed      counts, and the answer warns: somebody stopped the retirement

*Not inspected* means what it says: the token is not read, not compared and not
refused; the request goes on with what the header holds, or as anonymous.

The phase is a function of schedule, moment and client, and of nothing else: so
every node decides alike, and every date can be tried out beforehand.

>>> from headway.model import Direction, RequestFacts
>>> old = RequestFacts(method="GET", raw_path="/rest", raw_query="jwt=eyJ.eyJ.sig")
>>> day = datetime(2022, 1, 31, tzinfo=UTC).timestamp()
>>> ATLASSIAN_2022.admit(old, Direction.APP_TO_HOST, day).token
<token>
>>> ATLASSIAN_2022.admit(old, Direction.APP_TO_HOST, day + 86400).notes
('token-in-query',)
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, time
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise
from types import MappingProxyType
from typing import NamedTuple, TypeAlias
from urllib.parse import unquote_plus

import msgspec

from headway import errors
from headway.errors import ConfigurationError, LocationRefused
from headway.model import Direction, Location, Phase, RequestFacts, TokenText

__all__ = [
    "ALWAYS",
    "ATLASSIAN_2022",
    "CONFLICTS",
    "NEVER",
    "NOT_INSPECTED",
    "REHEARSAL",
    "Admission",
    "Brownout",
    "Extension",
    "Outcome",
    "Pause",
    "Policy",
    "Row",
    "Schedule",
    "atlassian_2022",
]

NOT_INSPECTED = frozenset({Phase.BROWNOUT, Phase.OFF})
"""The phases in which a token counts for nothing."""

_LATEST_FIRST = (Phase.OFF, Phase.WARNED, Phase.ANNOUNCED)
_STRICTER = (Phase.OPEN, Phase.ANNOUNCED, Phase.WARNED, Phase.BROWNOUT, Phase.OFF)


# ---- a dated schedule -----------------------------------------------------------------------


class Brownout(msgspec.Struct, frozen=True):
    """A window in which the location is off for a *share* (0 to 1) of the clients.

    It runs from *start* up to, not including, *end*.
    """

    start: datetime
    end: datetime
    share: float = 1.0

    def __post_init__(self) -> None:
        _check_zone("brownout.start", self.start)
        _check_zone("brownout.end", self.end)
        if self.end <= self.start:
            raise ConfigurationError("brownout.end: is not after brownout.start")
        if not 0 <= self.share <= 1:
            raise ConfigurationError(f"brownout.share: {self.share} is not between 0 and 1")

    def runs(self, at: float) -> bool:
        """Whether the window is open at *at* (seconds since 1970)."""
        return self.start.timestamp() <= at < self.end.timestamp()


class Extension(msgspec.Struct, frozen=True, kw_only=True):
    """More time for one client: *phase*, where that is milder, until *until*."""

    client: str
    until: datetime
    owner: str
    reason: str
    phase: Phase = Phase.WARNED

    def __post_init__(self) -> None:
        _check_zone("extension.until", self.until)
        if self.phase not in (Phase.OPEN, Phase.ANNOUNCED, Phase.WARNED):
            raise ConfigurationError(f"extension.phase: {self.phase} gives nobody more time")


class Pause(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody stopped the retirement, until the schedule is written without it."""

    since: datetime
    who: str
    why: str

    def __post_init__(self) -> None:
        _check_zone("paused.since", self.since)


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """How one location is retired; without dates it stays open.

    Dates are aware datetimes and are the first moment of their phase.  ``salt``
    draws the cohorts of shared brownouts: the same salt, the same cohorts.
    Raises :class:`~headway.errors.ConfigurationError`, which names the field.

    >>> schedule = Schedule(off=datetime(2022, 2, 1, tzinfo=UTC))
    >>> schedule.phase(datetime(2022, 2, 1, tzinfo=UTC).timestamp())
    <Phase.OFF: 'off'>
    """

    announced: datetime | None = None
    warned: datetime | None = None
    off: datetime | None = None
    brownouts: tuple[Brownout, ...] = ()
    extensions: tuple[Extension, ...] = ()
    paused: Pause | None = None
    salt: str = ""

    def __post_init__(self) -> None:
        dates = self._dates()
        for field, moment in dates:
            _check_zone(field, moment)
        for (after, later), (before, earlier) in pairwise(dates):
            if later < earlier:
                raise ConfigurationError(f"{after}: is before {before}")
        if len({extension.client for extension in self.extensions}) < len(self.extensions):
            raise ConfigurationError("extensions: a client has two")
        self._check_brownouts()

    def _check_brownouts(self) -> None:
        for window in self.brownouts:
            first, last = self.announced or window.start, self.off or window.end
            if window.start < first or window.end > last:
                raise ConfigurationError("brownouts: a window lies outside announced to off")
            if window.share < 1 and not self.salt:
                raise ConfigurationError("salt: a shared brownout needs one")

    def _dates(self) -> list[tuple[Phase, datetime]]:
        dates = zip(_LATEST_FIRST, (self.off, self.warned, self.announced), strict=True)
        return [(phase, moment) for phase, moment in dates if moment is not None]

    def phase(self, at: float, client: str | None = None) -> Phase:
        """The phase at *at* (seconds since 1970) for *client*.

        A client that is not known gets the strictest phase that anybody has.
        """
        if self.paused is not None and at >= self.paused.since.timestamp():
            return Phase.PAUSED
        phase = self._dated(at, client)
        for extension in self.extensions:
            if extension.client == client and at < extension.until.timestamp():
                return min(phase, extension.phase, key=_STRICTER.index)
        return phase

    def _dated(self, at: float, client: str | None) -> Phase:
        if any(self._hits(window, at, client) for window in self.brownouts):
            return Phase.BROWNOUT
        for phase, moment in self._dates():
            if at >= moment.timestamp():
                return phase
        return Phase.OPEN

    def _hits(self, window: Brownout, at: float, client: str | None) -> bool:
        return window.runs(at) and (client is None or self.cohort(client) < window.share)

    def cohort(self, client: str) -> float:
        """The client's place between 0 and 1: drawn by hash, so it stays and all nodes agree."""
        name = client.encode("utf-8", "surrogatepass")  # JSON can spell half a character
        return int.from_bytes(hmac.digest(self.salt.encode(), name, "sha256")[:6]) / 2**48

    def personal(self, at: float) -> bool:
        """Whether some client's phase at *at* is milder than that of an unknown one."""
        if not self.brownouts and not self.extensions:
            return False
        strict = self.phase(at)
        if strict is Phase.BROWNOUT and all(w.share < 1 for w in self.brownouts if w.runs(at)):
            return True
        return strict is not Phase.PAUSED and any(
            at < extension.until.timestamp()
            and _STRICTER.index(extension.phase) < _STRICTER.index(strict)
            for extension in self.extensions
        )

    def next_change(self, at: float) -> float | None:
        """The next moment after *at* at which somebody's phase may change; None for never."""
        if self.phase(at) is Phase.PAUSED:
            return None
        return min((time for time in self._moments() if time > at), default=None)

    def _moments(self) -> Iterator[float]:
        moments = [moment for _, moment in self._dates()]
        moments += [moment for window in self.brownouts for moment in (window.start, window.end)]
        moments += [extension.until for extension in self.extensions]
        moments += [self.paused.since] if self.paused else []
        return map(datetime.timestamp, moments)


def _check_zone(field: str, moment: datetime) -> None:
    if moment.utcoffset() is None:
        raise ConfigurationError(f"{field}: {moment.isoformat()} has no time zone")


ALWAYS = Schedule()
"""The location is open and stays so."""

NEVER = None
"""The direction does not use the location: a token there is refused."""


# ---- the table ------------------------------------------------------------------------------


class Row(msgspec.Struct, frozen=True):
    """What holds for one location in one direction; *name* is the parameter's or field's."""

    schedule: Schedule | None
    name: str = "jwt"

    @property
    def id(self) -> str:
        """The id given where a token there does not count; empty where it always does."""
        if self.schedule is NEVER:
            return errors.LocationNotAllowed.id
        return "" if self.schedule == ALWAYS else errors.TokenInQuery.id


_NAMES = {Direction.AUTHORIZATION: "assertion"}


def _table(api_query: Schedule) -> Mapping[tuple[Direction, Location], Row]:
    """Connect's table; only the query of calls to the host's API was ever retired."""
    # fmt: off
    grid: dict[Direction, tuple[Schedule | None, Schedule | None, Schedule | None]] = {
        #                         header  query      form
        Direction.APP_TO_HOST:    (ALWAYS, api_query, NEVER),
        Direction.MODULE:         (ALWAYS, ALWAYS,    NEVER),  # a frame's address is all it has
        Direction.EVENT:          (ALWAYS, NEVER,     NEVER),
        Direction.LIFECYCLE:      (ALWAYS, NEVER,     NEVER),
        Direction.REMOTE:         (ALWAYS, NEVER,     NEVER),
        Direction.BROWSER_TO_APP: (ALWAYS, ALWAYS,    ALWAYS),  # the app's own choice
        Direction.AUTHORIZATION:  (NEVER,  NEVER,     ALWAYS),  # RFC 7523 section 2.1
    }
    # fmt: on
    return {
        (direction, location): Row(schedule, _NAMES.get(direction, "jwt"))
        for direction, line in grid.items()
        for location, schedule in zip(Location, line, strict=True)
    }


# ---- the conflicts --------------------------------------------------------------------------


class Outcome(StrEnum):
    """What a conflict leads to; whatever is not refused is noted."""

    REFUSE = "refuse"
    HEADER = "header"  # the header's token counts, the other is dropped; refused without one
    ACCEPT = "accept"  # the token counts all the same


CONFLICTS: Mapping[type[LocationRefused], tuple[Outcome, ...]] = MappingProxyType(
    {  # what a policy may choose; the first is the default
        errors.TokenInBoth: (Outcome.HEADER, Outcome.REFUSE),
        errors.TokensDiffer: (Outcome.REFUSE, Outcome.HEADER),
        errors.TokenRepeated: (Outcome.REFUSE, Outcome.HEADER),
        errors.TokenNameEncoded: (Outcome.REFUSE, Outcome.HEADER, Outcome.ACCEPT),
        errors.TokenBesideAuthorization: (Outcome.REFUSE, Outcome.ACCEPT),
        errors.TokenEmpty: (Outcome.HEADER, Outcome.REFUSE),
        errors.AuthorizationRepeated: (Outcome.REFUSE,),
        errors.AuthorizationMalformed: (Outcome.REFUSE,),
    }
)


# ---- the engine -----------------------------------------------------------------------------

_ClientOf: TypeAlias = Callable[[str], str | None]
_Token: TypeAlias = TokenText | None


class Admission(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Which token of a request counts, if any; nothing about it is proved.

    ``phase`` is the query's where a token was seen there, else that of the
    location that counts.  ``notes`` are ids of what was passed over.
    ``provisional``: the token counts only if it proves to be from the client
    that it claims; failing that, the query was not inspected.  ``ignored``: a
    token was seen in the query and not inspected.
    """

    token: TokenText | None = None
    location: Location | None = None
    phase: Phase = Phase.OPEN
    notes: tuple[str, ...] = ()
    provisional: bool = False
    ignored: bool = False


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """The table and the rules for conflicts.

    A location that ``rows`` does not name is ``NEVER``; only a query may have
    dates.  ``scheme`` is the word before the token in the Authorization header.
    ``conflicts`` holds what differs from the defaults in ``CONFLICTS``.
    ``disclaimer`` is shown with every page and answer; it is empty where all
    dates are the vendor's.  Raises ConfigurationError, which names the field.

    >>> Policy(name="none", rows={}).row(Direction.MODULE, Location.QUERY).id
    'location-not-allowed'
    """

    name: str
    rows: Mapping[tuple[Direction, Location], Row]
    conflicts: Mapping[type[LocationRefused], Outcome] = {}
    scheme: str = "JWT"
    disclaimer: str = ""

    def __post_init__(self) -> None:
        for (direction, location), row in self.rows.items():
            if location is not Location.QUERY and row.schedule not in (ALWAYS, NEVER):
                raise ConfigurationError(f"rows: {direction}, {location} can not have dates")
            if not _WORD.fullmatch(row.name):
                raise ConfigurationError(f"rows: {direction}, {location} has an unusable name")
        for refusal, outcome in self.conflicts.items():
            if outcome not in CONFLICTS.get(refusal, ()):
                raise ConfigurationError(f"conflicts: {refusal.id} can not be {outcome}")
        if not _WORD.fullmatch(self.scheme):
            raise ConfigurationError("scheme: is not one word")
        for field in ("rows", "conflicts"):  # a copy that nobody changes later
            msgspec.structs.force_setattr(self, field, MappingProxyType({**getattr(self, field)}))

    def row(self, direction: Direction, location: Location) -> Row:
        """What holds for *location* in *direction*.

        >>> ATLASSIAN_2022.row(Direction.EVENT, Location.QUERY).id
        'location-not-allowed'
        """
        return self.rows.get((direction, location), _NEVER_ROW)

    def with_schedule(
        self, direction: Direction, location: Location, schedule: Schedule | None
    ) -> Policy:
        """The same policy with another schedule in one row.

        >>> mine = ATLASSIAN_2022.with_schedule(Direction.MODULE, Location.FORM, ALWAYS)
        >>> mine.row(Direction.MODULE, Location.FORM).id
        ''
        """
        row = Row(schedule, self.row(direction, location).name)
        return msgspec.structs.replace(self, rows={**self.rows, (direction, location): row})

    def table(self, at: float) -> Iterator[tuple[Direction, Location, Phase | None]]:
        """Each row's phase at *at* for an unknown client, for pages and documents; None: never."""
        for (direction, location), row in self.rows.items():
            yield direction, location, None if row.schedule is None else row.schedule.phase(at)

    @errors.frameless
    def admit(
        self,
        request: RequestFacts,
        direction: Direction,
        at: float,
        client_of: _ClientOf | None = None,
    ) -> Admission:
        """Decide which token of *request* counts at *at* (seconds since 1970).

        *client_of* reads the issuer that a token claims; it is called only
        while the schedule has phases of its own for some clients.  Raises
        :class:`~headway.errors.LocationRefused`.
        """
        # (1) the header: one, of our scheme; credentials of another are not ours to judge
        header, foreign = self._in_header(request.authorization, direction)
        # (2) a parameter of the token's name, however that is spelled: nearly always there is none
        row = self.rows.get((direction, _QUERY), _NEVER_ROW)
        seen = _find(request.raw_query, row.name)
        if seen is None and not request.form:
            return Admission(token=header, location=None if header is None else _HEADER)
        # (3) the form
        notes: list[str] = []
        form_row = self.row(direction, _FORM)
        form = self._in_parameter(_find(request.form, form_row.name), form_row, header, notes)
        # (4) the query, where its phase lets us look; beside a header nobody is asked who it is,
        #     because the query's token can not be the one that counts
        phase, provisional = _phase(row.schedule, seen, at, None if header else client_of)
        ignored = phase in NOT_INSPECTED
        if ignored:
            notes.append(errors.TokenInQuery.id)
            seen = None
        query = self._in_parameter(seen, row, header, notes)
        if query is not None and foreign:
            self._settle(errors.TokenBesideAuthorization, header, notes)
        # (5) one token counts: of two, the header's or none
        location, token = self._one(header, form, query, notes)
        return Admission(
            token=token,
            location=location,
            phase=phase,
            notes=tuple(notes),
            provisional=provisional,
            ignored=ignored,
        )

    def _one(
        self, header: _Token, form: _Token, query: _Token, notes: list[str]
    ) -> tuple[Location | None, _Token]:
        """The safest location with a token in it, once a conflict between two is settled."""
        safest_first = ((_HEADER, header), (_FORM, form), (_QUERY, query))
        found = [(place, token) for place, token in safest_first if token is not None]
        if len(found) > 1:
            same = len({token for _, token in found}) == 1
            self._settle(errors.TokenInBoth if same else errors.TokensDiffer, header, notes)
        return found[0] if found else (None, None)

    def _in_header(self, values: tuple[str, ...], direction: Direction) -> tuple[_Token, bool]:
        """The header's token, and whether there are credentials of another scheme instead."""
        if not values:
            return None, False
        if len(values) > 1:
            raise errors.AuthorizationRepeated(found=f"{len(values)} headers")
        match = _as_usual(self.scheme)(values[0]) or _credentials(self.scheme).match(values[0])
        if match is None:
            return None, True
        if self.rows.get((direction, _HEADER), _NEVER_ROW).schedule is NEVER:
            raise errors.LocationNotAllowed(found=f"{self.scheme} in the Authorization header")
        if not match["token"]:
            raise errors.AuthorizationMalformed(expected=f"{self.scheme}, one space, the token")
        return TokenText(match["token"]), False

    def _in_parameter(
        self, seen: _Seen | None, row: Row, header: _Token, notes: list[str]
    ) -> _Token:
        """The token in a parameter or field, once its conflicts are settled."""
        if seen is None:
            return None
        if row.schedule is NEVER:
            raise errors.LocationNotAllowed(found=f"the parameter or field {row.name}")
        outcomes = {self._settle(refusal, header, notes) for refusal in seen.conflicts}
        return None if Outcome.HEADER in outcomes else seen.text

    def _settle(self, refusal: type[LocationRefused], header: _Token, notes: list[str]) -> Outcome:
        """Raise the conflict or note it, as its rule says."""
        outcome = self.conflicts.get(refusal, CONFLICTS[refusal][0])
        if outcome is Outcome.REFUSE or (outcome is Outcome.HEADER and header is None):
            raise refusal()
        notes.append(refusal.id)
        return outcome


# Members on every request's path: looking one up costs as much as a call.
_HEADER, _FORM, _QUERY = Location.HEADER, Location.FORM, Location.QUERY
_NEVER_ROW = Row(NEVER)
_WORD = re.compile(r"[A-Za-z0-9_.~-]+")


class _Seen(NamedTuple):
    """A token's parameter as it stands in a query or form."""

    text: TokenText
    conflicts: tuple[type[LocationRefused], ...]


def _find(raw: str | None, name: str) -> _Seen | None:
    """Find the parameter *name*, however its name is spelled; split at '&' only."""
    pattern = _spellings(name)
    match = pattern.search("&" + raw) if raw else None
    if match is None:
        return None
    value, _, rest = match.string[match.end() :].partition("&")
    token = TokenText(unquote_plus(value.removeprefix("=")))
    conflicts = (
        (errors.TokenNameEncoded, "%" in match[0]),
        (errors.TokenRepeated, pattern.search("&" + rest)),
        (errors.TokenEmpty, not token),
    )
    return _Seen(token, tuple([refusal for refusal, there in conflicts if there]))


@lru_cache(maxsize=64)
def _spellings(name: str) -> re.Pattern[str]:
    """Every spelling of a parameter's name: each character plain or percent-encoded."""
    spelled = "".join(rf"(?:{re.escape(char)}|(?i:%{ord(char):02X}))" for char in name)
    return re.compile(rf"&{spelled}(?=[=&]|\Z)")


@lru_cache(maxsize=64)
def _as_usual(scheme: str) -> Callable[[str], re.Match[str] | None]:
    """What :func:`_credentials` finds where the header is as nearly everybody writes it."""
    return re.compile(rf"{re.escape(scheme)} (?P<token>[!-~]++)").fullmatch


@lru_cache(maxsize=64)
def _credentials(scheme: str) -> re.Pattern[str]:
    """*scheme* at the start of an Authorization header (RFC 9110 section 11.4), and its token.

    The scheme is a whole word, so that another one is never taken for ours.
    """
    word_goes_on = r"[!#$%&'*+.^_`|~0-9A-Za-z-]"
    return re.compile(rf"(?i:{re.escape(scheme)})(?!{word_goes_on})(?: (?P<token>[!-~]+)\Z)?")


def _phase(
    schedule: Schedule | None, seen: _Seen | None, at: float, client_of: _ClientOf | None
) -> tuple[Phase, bool]:
    """The phase for whoever the token claims to be from, and whether that must be proved first."""
    if schedule is NEVER or seen is None or schedule == ALWAYS:
        return Phase.OPEN, False
    strict = schedule.phase(at)
    unread = not seen.text or errors.TokenRepeated in seen.conflicts
    if client_of is None or unread or not schedule.personal(at):
        return strict, False
    phase = schedule.phase(at, client_of(seen.text))
    return phase, strict in NOT_INSPECTED and phase not in NOT_INSPECTED


# ---- the two that are built in --------------------------------------------------------------

_OFF = datetime(2022, 2, 1, tzinfo=UTC)


def atlassian_2022(announced: date | None = None) -> Policy:
    """The retirement that Jira and Confluence carried out: the sourced dates and no others.

    From 1 February 2022 they "no longer inspect" ``?jwt=`` on calls to their
    APIs (Atlassian developer community, thread 50540).  It was announced in
    2021; the day is not known to us and therefore a setting.

    >>> policy = atlassian_2022(announced=date(2021, 9, 1))
    >>> policy.row(Direction.APP_TO_HOST, Location.QUERY).schedule.announced.year
    2021
    """
    since = None if announced is None else datetime.combine(announced, time(), UTC)
    return Policy(name="atlassian-2022", rows=_table(Schedule(announced=since, off=_OFF)))


ATLASSIAN_2022 = atlassian_2022()

REHEARSAL = Policy(
    name="rehearsal",
    disclaimer="Rehearsal: only 1 February 2022 is the vendor's date, the others are invented.",
    rows=_table(
        Schedule(
            announced=datetime(2021, 10, 1, tzinfo=UTC),
            warned=datetime(2021, 11, 1, tzinfo=UTC),
            brownouts=(
                Brownout(datetime(2022, 1, 11, 12, tzinfo=UTC), datetime(2022, 1, 12, tzinfo=UTC)),
                Brownout(datetime(2022, 1, 18, tzinfo=UTC), datetime(2022, 1, 19, tzinfo=UTC)),
            ),
            off=_OFF,
        )
    ),
)
