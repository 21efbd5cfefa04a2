"""``headway gateway explain METHOD URL``: what would happen, and by which line of the file."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from headway.cli.gateway.policy import DEFAULT, Policy, named
from headway.cli.gateway.words import line, moment_of, target_of
from headway.errors import ConfigurationError

if TYPE_CHECKING:
    from headway.gateway.explain import Explanation

__all__ = ["explain"]

URL_MAX = 65_536


def explain(
    method: Annotated[str, typer.Argument(help="Such as GET.")],
    url: Annotated[str, typer.Argument(help="An address or a path; - reads it from the input.")],
    policy: Policy = DEFAULT,
    client: Annotated[
        str | None, typer.Option(help="As usage names it; without it: somebody unknown.")
    ] = None,
    at: Annotated[str, typer.Option(help="A day, or 2022-02-01T12:00:00Z; else now.")] = "",
    header: Annotated[
        list[str] | None, typer.Option("--header", "-H", help="'Name: value', repeatable.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Answer as JSON.")] = False,
) -> int:
    """Say what would happen to a request.  Tokens in it are not printed."""
    from headway.gateway.decision import Ask
    from headway.gateway.explain import explain as explained
    from headway.gateway.metadata import own_paths
    from headway.gateway.policy_file import load_policy

    read = load_policy(named(policy))
    url = sys.stdin.readline(URL_MAX).strip() if url == "-" else url
    ask = Ask(
        method=method,
        target=target_of(method, url),
        headers=tuple(_header(text) for text in header or ()),
    )
    told = explained(read, ask, moment_of(at) if at else time.time(), client=client)
    if as_json:
        print(msgspec.json.encode(told).decode())
    else:
        for each in _lines(told):
            print(line(each))
        if ask.raw_path in own_paths(read):
            print("but the gateway answers this path itself: nothing of it goes upstream")
    return 0


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise ConfigurationError("--header: is written 'Name: value'")
    return name.strip().lower(), value.strip()


def _lines(found: Explanation) -> list[str]:
    told = [f"at {found.at}"]
    told += [f"    by {found.source}:{rule.line}: {rule.text}" for rule in found.settings]
    for reason in found.reasons:
        told.append(f"location {reason.location} is {reason.phase}: {reason.outcome}")
        told.append(f"    by {found.source}:{reason.line}: {reason.rule}")
        told += [f"    by {found.source}:{rule.line}: {rule.text}" for rule in reason.also]
    if not found.reasons:
        told.append("no location of the policy is in this URL")
    what = f"{found.outcome}" + (f", {found.id}" if found.id else "")
    told.append(f"outcome: {what}" + (f", status {found.status}" if found.status != 200 else ""))
    if found.unproved is not None:
        told.append(f"    {found.unproved} where the client can not prove who it is")
    if found.status == 200:
        told.append(f"upstream gets: {found.target}")
        told += [f"    with {header}" for header in found.headers]
    told += [f"the answer says: {name}: {value}" for name, value in found.answer]
    return told
