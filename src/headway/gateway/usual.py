"""The request that nearly everybody sends who still uses an old location, known at one look.

One token, plainly spelled, in one parameter; nothing in the header that it is
about to move to; no rule for the route or for a client, and no phase of one's
own; a phase in which it counts.  For such a request the rules of
:mod:`headway.gateway.decide` and :mod:`headway.policy` have one answer, and
:class:`Usual` gives it in a fraction of their time.  All others are theirs.
"""

from __future__ import annotations

import re
from itertools import permutations

import msgspec

from headway.gateway.decision import Ask
from headway.gateway.parameters import look_alikes, parts_of, sieve
from headway.gateway.rules import GatewayPolicy, RetiredLocation
from headway.model import Phase, TokenText
from headway.policy import NOT_INSPECTED, Schedule

__all__ = ["Usual", "UsualToken"]

_PLAIN = re.compile(r"[!-$&-*,-:<-~]+")
"""A value that means itself, and can stand in a header: with ``%``, ``+`` or ``;`` in it, it may be
read in more than one way."""


class UsualToken(msgspec.Struct, frozen=True, gc=False):
    """A token that moves: its location, its phase, and the raw query without it."""

    location: RetiredLocation
    token: TokenText
    phase: Phase
    rest: str


class _Phases:
    """The phase of a schedule, remembered until the next date; threads may share it."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._known: tuple[float, float, Phase | None] = (0.0, 0.0, None)  # written as one

    def at(self, at: float) -> Phase | None:
        """The phase at *at* where a token counts in it, whoever sends it; else None."""
        since, until, phase = self._known
        if since <= at < until:
            return phase
        dated = self._schedule.phase(at)
        counts = dated not in NOT_INSPECTED and not self._schedule.personal(at)
        change = self._schedule.next_change(at)
        phase = dated if counts else None
        self._known = (at, at + 3600 if change is None else change, phase)
        return phase


class Usual:
    """Finds the usual token of a request under *policy*.

    >>> from headway.gateway.rules import RetiredLocation
    >>> usual = Usual(GatewayPolicy(name="api", locations=(
    ...     RetiredLocation(name="jwt", parameters=("jwt",)),)))
    >>> usual.find(Ask(method="GET", target="/rest?a=1&jwt=eyJ"), "a=1&jwt=eyJ", 0.0).rest
    'a=1'
    >>> usual.find(Ask(method="GET", target="/rest?%6Awt=eyJ"), "%6Awt=eyJ", 0.0)
    """

    def __init__(self, policy: GatewayPolicy) -> None:
        self._policy = policy
        names = {name for each in policy.locations for name in each.names}
        self._holds, self._shortest = sieve(names), parts_of(names)
        self._phases = {each.name: _Phases(each.schedule) for each in policy.locations}
        self._by_name: dict[str, RetiredLocation] = {}
        if not policy.clients and not _resemble(policy):
            self._by_name = {name: each for each in policy.locations for name in each.names}

    def find(self, ask: Ask, raw_query: str, at: float) -> UsualToken | None:
        """The token of *ask*, which is to move; None where more has to be looked at.

        *at* is the moment by which the schedules go.
        """
        # (1) one part of the query, and only one, has something of a token's name
        if not raw_query.isascii() or ask.method == "OPTIONS":
            return None
        folded, found = raw_query.casefold(), -1  # as long as it was: it is ASCII
        for shortest in self._shortest:
            found = folded.find(shortest)
            if found >= 0:
                break
        else:
            return None
        begins, ends = raw_query.rfind("&", 0, found) + 1, raw_query.find("&", found)
        if ends < 0:
            part, rest = raw_query[begins:], raw_query[: max(begins - 1, 0)]
        elif begins:
            part, rest = raw_query[begins:ends], raw_query[: begins - 1] + raw_query[ends:]
        else:
            part, rest = raw_query[:ends], raw_query[ends + 1 :]
        if rest and self._holds(rest):
            return None
        # (2) the name is spelled plainly, and so is the value
        name, _, value = part.partition("=")
        location = self._by_name.get(name)
        if location is None or not _PLAIN.fullmatch(value):
            return None
        # (3) nothing else speaks for the client, and no rule for the route
        header = location.header
        for each, _ in ask.headers:
            if each == header:
                return None
        if self._policy.routes and self._policy.rule(ask.method, ask.raw_path, location.name):
            return None
        # (4) it counts now, for everybody
        phase = self._phases[location.name].at(at)
        return None if phase is None else UsualToken(location, TokenText(value), phase, rest)


def _resemble(policy: GatewayPolicy) -> bool:
    """Whether a parameter of one location looks like one of another."""
    return any(
        look_alikes(name, other.names, other.reads)
        for one, other in permutations(policy.locations, 2)
        for name in one.names
    )
