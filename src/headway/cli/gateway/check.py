"""``headway gateway check [FILE]``: whether a policy file can be used, and what it says."""

from __future__ import annotations

import time
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
    told = [f"policy {policy.name}: mode {policy.mode}, clients proved by {policy.verify.by}"]
    told += [
        f"line {each.line}: location {each.name}: {_today(policy, each, now)}"
        for each in policy.locations
    ]
    told += [f"line {r.line}: route {r.path}: {r.phase}, because {r.reason}" for r in policy.routes]
    told += [f"line {c.line}: client {c.client}: {c.phase}, {c.reason}" for c in policy.clients]
    return told


def _today(policy: GatewayPolicy, location: RetiredLocation, now: float) -> str:
    at = policy.at(now)
    coming = location.schedule.next_change(at)
    then = "nothing is to come" if coming is None else f"next change at {moment(coming)}"
    return f"{', '.join(location.parameters)} is {location.schedule.phase(at)}; {then}"
