"""What a policy does to a location and when, in words: the part that all notices share.

Dates are those at which this gateway acts, in UTC and to the minute.  A policy
with a rehearsal speaks of its sandbox, and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import msgspec

from headway.gateway.notice.blocks import Block, Code, Items, Link, Paragraph, Span, Strong
from headway.gateway.rules import GatewayPolicy, OffMeans, RetiredLocation
from headway.gateway.verifiers.settings import Verification
from headway.model import Phase
from headway.policy import Brownout

__all__ = ["Expected", "Retirement", "counted", "day", "length", "listed", "said", "span"]

Expected: TypeAlias = Callable[[str, datetime], tuple[Span, ...]]
"""Words for a window: its kind (``brownout``, ``off``), and a brownout's end or the last day."""

_FURTHER = "Tokens in the URL do not count any more"
_NOT_ANY_MORE = " does not count any more."

_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)


# ---- moments --------------------------------------------------------------------------------


def said(moment: datetime) -> str:
    """*moment* as people write it, in UTC.

    >>> said(datetime(2022, 2, 1, tzinfo=UTC))
    '1 February 2022, 00:00 UTC'
    """
    at = moment.astimezone(UTC)
    return f"{day(at)}, {_clock(at)} UTC"


def span(start: datetime, end: datetime) -> str:
    """From *start* to *end*, and how long that is.

    >>> span(datetime(2022, 1, 11, 12, tzinfo=UTC), datetime(2022, 1, 11, 18, tzinfo=UTC))
    '11 January 2022, 12:00 to 18:00 UTC (6 hours)'
    """
    first, last = start.astimezone(UTC), end.astimezone(UTC)
    same = first.date() == last.date()
    until = f"{_clock(last)} UTC" if same else said(last)
    since = f"{day(first)}, {_clock(first)}" if same else said(first)
    return f"{since} to {until} ({length(last - first)})"


def length(time: timedelta) -> str:
    """*time* in words.

    >>> length(timedelta(hours=48)), length(timedelta(hours=1, minutes=30))
    ('48 hours', '1 hour 30 minutes')
    """
    seconds = int(time.total_seconds())
    hours, minutes = seconds // 3600, seconds % 3600 // 60
    if hours >= 72 and not minutes and hours % 24 == 0:
        return f"{hours // 24} days"
    parts = [
        counted(count, word)
        for count, word in ((hours, "hour"), (minutes, "minute"), (seconds % 60, "second"))
        if count
    ]
    return " ".join(parts)


def counted(number: int, word: str) -> str:
    """*number* and *word*, in the plural but for one.

    >>> counted(1, "client"), counted(1200, "request")
    ('1 client', '1,200 requests')
    """
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def day(at: datetime) -> str:
    """The day of *at*, in UTC.

    >>> day(datetime(2022, 2, 1, tzinfo=UTC))
    '1 February 2022'
    """
    at = at.astimezone(UTC)
    return f"{at.day} {_MONTHS[at.month - 1]} {at.year}"


def _clock(at: datetime) -> str:
    return f"{at:%H:%M:%S}" if at.second else f"{at:%H:%M}"


def listed(spans: Sequence[Span], last: str = "and") -> tuple[Span, ...]:
    """*spans* with commas, and the word *last* before the last of them.

    >>> "".join(listed(["a", "b", "c"]))
    'a, b and c'
    """
    found: list[Span] = []
    for number, each in enumerate(spans):
        if number:
            found.append(f" {last} " if number == len(spans) - 1 else ", ")
        found.append(each)
    return tuple(found)


def _nothing(kind: str, at: datetime) -> tuple[Span, ...]:
    return ()


# ---- one location ---------------------------------------------------------------------------


class Retirement(msgspec.Struct, frozen=True, kw_only=True):
    """One *location* of *policy*, as it is told at *now* (seconds since 1970).

    *client* is whose share in brownouts and whose extension count; without one,
    what is told is for everybody.

    >>> from headway.policy import Schedule
    >>> off = Schedule(off=datetime(2022, 2, 1, tzinfo=UTC))
    >>> jwt = RetiredLocation(name="jwt", parameters=("jwt",), scheme="JWT", schedule=off)
    >>> policy = GatewayPolicy(name="api", locations=(jwt,))
    >>> Retirement(policy=policy, location=jwt, now=1_640_000_000).headline
    'Tokens in the URL end on 1 February 2022, 00:00 UTC'
    """

    policy: GatewayPolicy
    location: RetiredLocation
    now: float
    client: str | None = None

    @property
    def phase(self) -> Phase:
        """The phase now."""
        return self.policy.phase(self.location, self.now, self.client)

    @property
    def ended(self) -> bool:
        """Whether it is off for good."""
        return self.phase is Phase.OFF

    @property
    def paused(self) -> bool:
        """Whether somebody stopped the retirement."""
        return self.phase is Phase.PAUSED

    @property
    def extended(self) -> datetime | None:
        """Until when the client has more time; None where it has none beyond the others."""
        schedule = self.location.schedule
        for extension in schedule.extensions:
            if extension.client == self.client:
                return extension.until - self.policy.rehearsal
        return None

    @property
    def off(self) -> datetime | None:
        """When it ends for good, for the client where it has more time; None: no day is set."""
        off = self.location.schedule.off
        if off is None:
            return None
        dated = off - self.policy.rehearsal
        return dated if self.extended is None else max(dated, self.extended)

    @property
    def brownouts(self) -> tuple[Brownout, ...]:
        """The windows that hit the client, or anybody, in their order."""
        schedule, early, found = self.location.schedule, self.policy.rehearsal, []
        for window in sorted(schedule.brownouts, key=lambda each: each.start):
            spared = self.client is not None and schedule.cohort(self.client) >= window.share
            start, end = window.start - early, window.end - early
            if self.extended is not None:
                start = max(start, self.extended)
            if start < end and not spared:
                found.append(Brownout(start, end, window.share))
        return tuple(found)

    @property
    def link(self) -> str | None:
        """Where more is written."""
        return self.location.link or self.policy.documentation

    # ---- sentences --------------------------------------------------------------------------

    @property
    def headline(self) -> str:
        """What it is about, in one line without markup."""
        if self.paused:
            return "The end of tokens in the URL is put off"
        if self.off is None:
            return "Tokens in the URL are deprecated"
        if self.ended:
            return f"Tokens in the URL ended on {said(self.off)}" if self._past else _FURTHER
        return f"Tokens in the URL end on {said(self.off)}"

    @property
    def _past(self) -> bool:
        return self.off is not None and self.off.timestamp() <= self.now

    @property
    def parameters(self) -> tuple[Span, ...]:
        """The parameters that go, as a reader looks for them."""
        return listed([Code(f"?{name}=") for name in self.location.parameters])

    @property
    def instead(self) -> Code:
        """The header to send."""
        location = self.location
        return Code(f"{location.shown_header}: {location.in_header('<token>')[1]}")

    def summary(self) -> Paragraph:
        """What ends, when, and what to send instead."""
        return Paragraph((*self._end(), " Send it in a header: ", self.instead, "."))

    def _end(self) -> tuple[Span, ...]:
        where = ("A token in the URL (", *self.parameters, ")")
        if self.paused:
            return (*where, " still counts: its retirement is paused.")
        if self.ended:
            since: tuple[Span, ...] = ()
            if self.off is not None and self._past:
                since = (" since ", Strong(said(self.off)))
            return (*where, " has not counted", *since, ".") if since else (*where, _NOT_ANY_MORE)
        if self.off is None:
            return (*where, " is deprecated. From when on it does not count is not decided yet.")
        return (*where, " counts until ", Strong(said(self.off)), "; from then on it does not.")

    def reason(self) -> Paragraph:
        """Why tokens leave URLs."""
        return Paragraph(
            (
                "Addresses are kept where no secret belongs: in the logs of servers and proxies ",
                "on the way, in the history of browsers, and in the ",
                Code("Referer"),
                " that goes to other sites. A header is not.",
            )
        )

    def same_token(self) -> Paragraph:
        """What a client does not have to change."""
        told: tuple[Span, ...] = (
            "Only the place changes: the token itself, how it is made and how long it is valid ",
            "stay as they are.",
        )
        if self.policy.verification(self.location).by is Verification.CONNECT:
            told += (
                " The query string hash (",
                Code("qsh"),
                ") stays the same, too: it never covered the token's parameter.",
            )
        return Paragraph(told)

    def consequence(self) -> tuple[Span, ...]:
        """What becomes of a request with a token in the URL then."""
        if self.location.off_means is OffMeans.REFUSE:
            return (
                "a request with a token in the URL, and none in the header, is refused with ",
                Code("401"),
            )
        return (
            "a token in the URL is not looked at; the request is answered as one without ",
            "credentials, which for most addresses is a ",
            Code("401"),
        )

    # ---- dates ------------------------------------------------------------------------------

    def dates(self, expected: Expected = _nothing, *, coming: bool = False) -> tuple[Block, ...]:
        """All that happens, in its order, or with *coming* what has not begun or runs.

        *expected* adds words to a window.
        """
        blocks: list[Block] = []
        if self.paused:
            blocks.append(
                Paragraph(("While it is paused, nothing of this happens; new dates will be told:",))
            )
        if self.policy.rehearsal:
            early = length(self.policy.rehearsal)
            blocks.append(
                Paragraph((f"These dates are the sandbox's, {early} before all others:",))
            )
        moments = sorted(self._moments(expected), key=lambda each: each[0])
        items = tuple(
            told for at, until, told in moments if not coming or until.timestamp() > self.now
        )
        return (*blocks, Items(items)) if items else ()

    def _moments(self, expected: Expected) -> Iterator[tuple[datetime, datetime, tuple[Span, ...]]]:
        """Begin, end and words of each."""
        schedule, early = self.location.schedule, self.policy.rehearsal
        if schedule.announced is not None:
            at = schedule.announced - early
            yield at, at, (Strong(said(at)), ": announced.", *self._answers())
        if schedule.warned is not None:
            at = schedule.warned - early
            warned = Code("Headway-Phase: warned")
            told = (
                ": the last notice. Answers to requests with a token in the URL say ",
                warned,
                ".",
            )
            yield at, at, (Strong(said(at)), *told)
        for window in () if self.ended and not self._past else self.brownouts:
            words = self._brownout(window, expected("brownout", window.end))
            yield window.start, window.end, words
        if self.off is not None and (not self.ended or self._past):
            end = ": the end. From then on, ", *self.consequence(), "."
            words = (Strong(said(self.off)), *end, *expected("off", self.off))
            yield self.off, self.off, words

    def _answers(self) -> tuple[Span, ...]:
        """By which headers the gateway tells a client."""
        schedule = self.location.schedule
        names = [Code("Deprecation")] if schedule.announced is not None else []
        names += [Code("Sunset")] if schedule.off is not None else []
        names += [Code("Link")] if self.location.link is not None else []
        return (
            " From then on, answers to requests with a token in the URL say so in ",
            *listed(names),
            ".",
        )

    def _brownout(self, window: Brownout, expected: tuple[Span, ...]) -> tuple[Span, ...]:
        share = ""
        if window.share < 1:
            share = f" for {window.share:.0%} of the clients"
            if self.client is not None:
                share += ", you among them"
        return (
            Strong(span(window.start, window.end)),
            f": a brownout{share}. In it, a token in the URL counts as little as after the end.",
            *expected,
        )

    def exceptions(self) -> tuple[Block, ...]:
        """The addresses at which a token stays in the URL; nothing where there are none."""
        found: list[tuple[Span, ...]] = []
        for route in self.policy.routes:
            if route.location in (None, self.location.name) and route.phase is not Phase.OFF:
                methods = " ".join(sorted(route.methods))
                found.append((Code(f"{methods} {route.path}".strip()),))
        if not found:
            return ()
        told = "Excepted are these addresses; a token in the URL counts there further on:"
        return (Paragraph((told,)), Items(tuple(found)))

    def more(self) -> tuple[Block, ...]:
        """Where more is written; nothing where that is nowhere."""
        if self.link is None:
            return ()
        return (Paragraph(("More about it: ", Link(self.link, self.link))),)
