"""``headway gateway plan``: who would break, and when it would be safe."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from headway.cli.gateway.evidence import (
    At,
    Evidence,
    Location,
    Records,
    Store,
    evidence,
    verifies_nobody,
)
from headway.cli.gateway.policy import DEFAULT, Policy, named
from headway.cli.gateway.usage import table
from headway.cli.gateway.words import counted, line, moment, moment_of
from headway.errors import ConfigurationError

if TYPE_CHECKING:
    from headway.gateway.plan import Earliest, Window
    from headway.gateway.rules import GatewayPolicy, RetiredLocation
    from headway.gateway.usage.record import Record

__all__ = ["plan"]

_NAMED = 3


def plan(
    policy: Policy = DEFAULT,
    store: Store = None,
    records: Records = None,
    against: Annotated[
        Path | None, typer.Option("--against", help="Another policy file, to compare.")
    ] = None,
    fewer: Annotated[
        int | None,
        typer.Option("--fewer", min=1, help="Find the day with fewer clients than this."),
    ] = None,
    location: Location = None,
    at: At = None,
    claimed: Annotated[
        bool,
        typer.Option(
            "--claimed",
            help="With --fewer: count clients that proved nothing, too; so it is where the policy "
            "verifies nobody.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The answer as JSON.")] = False,
) -> int:
    """Say for each coming window who would be refused, how many requests, and what share."""
    from headway.gateway.plan import compare
    from headway.gateway.plan import plan as planned
    from headway.gateway.policy_file import load_policy

    # (1) what is known
    now = time.time() if at is None else moment_of(at)
    one = load_policy(named(policy))
    other = None if against is None else load_policy(against)
    if location is not None and one.location(location) is None:
        raise ConfigurationError(f"{policy}: there is no location {location!r}")
    looked = evidence(store, records)
    known: list[Record] = looked.records
    # (2) the windows, of one policy or of two
    plans = {str(policy): _of(planned(one, known, now=now), location)}
    alone: dict[str, tuple[str, ...]] = {}
    if other is not None:
        both = compare(one, other, known, now=now)
        plans[str(against)] = _of(both.other, location)
        alone = {str(policy): both.only_one, str(against): both.only_other}
    # (3) when it would be safe
    meant = [each for each in one.locations if location in (None, each.name)]
    safe = [] if fewer is None else _earliest(one, meant, known, fewer, now, claimed=claimed)
    # (4) how much is known at all
    doubts = [doubt for each in meant for doubt in _doubts(each.name, looked, now)]
    if as_json:
        told = {"plans": plans, "alone": alone, "safe": safe, "doubts": doubts}
        print(json.dumps(msgspec.to_builtins(told)))
        return 0
    for source, windows in plans.items():
        print(f"{line(source)}\n{_told(windows)}")
    for source, names in alone.items():
        print(f"only {line(source)} breaks: {line(', '.join(names)) or 'nobody'}")
    for each in safe:
        print(_safe(each))
    for doubt in doubts:
        print(line(doubt))
    return 0


def _earliest(
    policy: GatewayPolicy,
    locations: Sequence[RetiredLocation],
    known: Sequence[Record],
    fewer: int,
    now: float,
    *,
    claimed: bool,
) -> list[Earliest]:
    from headway.gateway.plan import earliest

    return [
        earliest(
            known,
            location=each.name,
            fewer=fewer,
            now=now,
            claimed_too=claimed or verifies_nobody(policy, each.name),
            policy=policy,
        )
        for each in locations
    ]


def _doubts(location: str, looked: Evidence, now: float) -> list[str]:
    """Why the figures of *location* may say little: nobody counted, or nothing was there."""
    from headway.gateway.plan import BASE_DAYS
    from headway.gateway.usage.record import DAY, day_of

    days = {day_of(max(0.0, now - n * DAY)) for n in range(1, BASE_DAYS + 1)}
    seen = {each.day for each in looked.records if each.location == location}
    watched = len(days & (looked.days | seen))
    told = []
    if not days & seen:
        told.append(
            f"{location}: no request was counted on the {BASE_DAYS} days before; the figures say "
            "something only if somebody looked, and under this name"
        )
    if watched < BASE_DAYS:
        told.append(f"{location}: somebody counted on {watched} of the {BASE_DAYS} days before")
    return told


def _of(windows: Sequence[Window], location: str | None) -> tuple[Window, ...]:
    return tuple(each for each in windows if location in (None, each.location))


def _told(windows: Sequence[Window]) -> str:
    if not windows:
        return "no window is to come"
    rows = [
        [
            each.location,
            each.kind,
            moment(each.start.timestamp()),
            moment(each.end.timestamp()) if each.end else "for ever (first week)",
            str(each.verified),
            str(len(each.clients) - each.verified),
            str(each.requests),
            f"{each.share:.1%}",
            str(each.browsers),
            _first(each),
        ]
        for each in windows
    ]
    head = ["location", "window", "from", "to", "verified", "claimed", "requests", "share"]
    return table([*head, "browsers", "who"], rows)


def _first(window: Window) -> str:
    names = ", ".join(client.client for client in window.clients[:_NAMED])
    more = len(window.clients) - _NAMED
    return f"{names} and {more} more" if more > 0 else names


def _safe(each: Earliest) -> str:
    told = f"{each.location}: {counted(each.left, 'client')} in the last week"
    if each.basis == "counted":
        return f"{told}, fewer than {each.fewer} already"
    if each.day is None:
        return f"{told}; nothing shows when there will be fewer than {each.fewer}"
    return f"{told}; at this rate fewer than {each.fewer} from {each.day}"
