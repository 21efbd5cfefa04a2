"""``headway gateway check [FILE]``: whether a policy file can be used, and what it says."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headway.cli.gateway.policy import DEFAULT, VARIABLE, named
from headway.cli.gateway.words import line, moment

if TYPE_CHECKING:
    from headway.gateway.rules import GatewayPolicy, RetiredLocation

__all__ = ["check"]


def check(
    file: Annotated[
        Path, typer.Argument(envvar=VARIABLE, help="The policy file (TOML).")
    ] = DEFAULT,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say only what is wrong.")] = False,
) -> int:
    """Read a policy file; say what is wrong with it, or what it says today."""
    from headway.gateway.policy_file import load_policy

    policy = load_policy(named(file))
    if not quiet:
        for told in _lines(policy, time.time()):
            print(line(told))
    return 0


def _lines(policy: GatewayPolicy, now: float) -> list[str]:
    proved = " and ".join(dict.fromkeys(each.by.value for each in policy.verifications))
    told = [f"policy {policy.name}: mode {policy.mode}, clients proved by {proved}"]
    if policy.rehearsal:
        early = str(policy.rehearsal).removesuffix(", 0:00:00")
        where = f"line {policy.lines['rehearsal']}"
        told.append(f"{where}: rehearsal: all happens {early} before the dates say")
    told += _itself(policy)
    for each in policy.locations:
        told.append(f"line {each.line}: location {each.name}: {_today(policy, each, now)}")
        told += [f"    line {number}: {text}" for number, text in _dates(each)]
        if each.verify is not None:
            told.append(f"    line {each.verify.line}: clients proved by {each.verify.by}")
    told += [f"line {r.line}: route {r.path}: {r.phase}, because {r.reason}" for r in policy.routes]
    told += [f"line {c.line}: client {c.client}: {c.phase}, {c.reason}" for c in policy.clients]
    return told


def _itself(policy: GatewayPolicy) -> Iterator[str]:
    """Where it counts, and what it answers itself."""
    from headway.gateway.rules import Mode

    usage = policy.usage
    if usage.store:
        yield f"uses are counted in {usage.store}, and kept for {usage.keep_days} days"
    if usage.own_path:
        yield f"a client reads its own record at {usage.own_path}"
    if (tickets := policy.tickets) is not None:
        yield f"tickets at {tickets.path}, for {tickets.seconds} s, kept in {tickets.store}"
    silent = ", but not while it observes" if policy.mode is Mode.OBSERVE else ""
    for each in policy.resources:
        yield f"metadata of {each.address} at {each.metadata_path}{silent}"


def _dates(location: RetiredLocation) -> Iterator[tuple[int, str]]:
    """The schedule as it counts: a rule of brownouts as the windows that come of it."""
    schedule, lines = location.schedule, location.lines
    for field in ("announced", "warned", "off"):
        when = getattr(schedule, field)
        if when is not None:
            yield lines[field], f"{field} {moment(when.timestamp())}"
    for window in schedule.brownouts:
        span = f"{moment(window.start.timestamp())} to {moment(window.end.timestamp())}"
        share = f", {window.share * 100:g}% of the clients" if window.share < 1 else ""
        yield lines[f"brownout {window.start.isoformat()}"], f"brownout {span}{share}"
    for more in schedule.extensions:
        until = moment(more.until.timestamp())
        who = f"extension of {more.client} until {until}: {more.phase}, {more.owner}, {more.reason}"
        yield lines[f"extension {more.client}"], who
    if schedule.paused is not None:
        paused = schedule.paused
        since = moment(paused.since.timestamp())
        yield lines["paused"], f"paused since {since} by {paused.who}: {paused.why}"


def _today(policy: GatewayPolicy, location: RetiredLocation, now: float) -> str:
    at = policy.at(now)
    coming = location.schedule.next_change(at)
    then = "nothing is to come" if coming is None else f"next change at {moment(coming)}"
    return f"{', '.join(location.parameters)} is {location.schedule.phase(at)}; {then}"
