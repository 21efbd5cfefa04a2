"""``headway gateway convert``: a file of usage records, made from old access logs."""

from __future__ import annotations

import asyncio
import gzip
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer

from headway.cli.gateway.evidence import naming_key, usage_of
from headway.cli.gateway.policy import DEFAULT, Policy, named
from headway.cli.gateway.words import counted
from headway.errors import ConfigurationError
from headway.keys import new_sealing_key

if TYPE_CHECKING:
    from headway.gateway.decision import Use
    from headway.gateway.rules import GatewayPolicy
    from headway.gateway.usage.access_logs import Conversion, Line
    from headway.gateway.usage.store import UsageStore
    from headway.gateway.verifiers.jwks import IssuerKey
    from headway.gateway.verifiers.settings import TrustedIssuer
    from headway.gateway.verifying import Verifier

__all__ = ["convert", "lines_of"]

WRITE_EVERY = 100_000  # lines
LINE_MAX = 131_072


class Form(StrEnum):
    """How a log is written."""

    COMBINED = "combined"
    JSON = "json"


def convert(
    logs: Annotated[
        list[Path], typer.Argument(help="Access logs, the oldest first; .gz too, - for the input.")
    ],
    output: Annotated[Path, typer.Option("--output", help="A new file of records.")],
    policy: Policy = DEFAULT,
    form: Annotated[
        Form, typer.Option("--format", help="Apache's and nginx's common or combined; or JSON.")
    ] = Form.COMBINED,
    fields: Annotated[
        str, typer.Option(help="For JSON: time=ts,target=request.uri,...; Caddy's without it.")
    ] = "",
    verify: Annotated[
        bool,
        typer.Option(
            "--verify", help="Prove by the policy's installations and key sets who was who, then."
        ),
    ] = False,
    keys: Annotated[
        list[str] | None,
        typer.Option(
            help="ISSUER=FILE: a key set that was saved then, in place of the issuer's of today; "
            "of several all keys count."
        ),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(
            "--store",
            help="Name clients as in this store; else as in the one that the policy file names.",
        ),
    ] = None,
) -> int:
    """Make usage records of old access logs, for plan, usage, gate and import."""
    from headway.gateway.policy_file import load_policy
    from headway.gateway.usage import access_logs
    from headway.gateway.usage.store import open_usage

    # (1) what is asked for, before anything is read
    read = load_policy(named(policy))
    parse: Callable[[str], Line | None] = access_logs.combined
    if form is Form.JSON:
        parse = partial(access_logs.from_json, fields=access_logs.fields_of(fields))
    elif fields:
        raise ConfigurationError("--fields: goes with --format json")
    if keys and not verify:
        raise ConfigurationError("--keys: goes with --verify")
    if output.exists():
        raise ConfigurationError(f"{output}: is there already")
    key = naming_key(store or usage_of(read)) or new_sealing_key()
    with ExitStack() as opened:
        verifiers = _verifiers(read, keys or (), opened) if verify else None
        kept = open_usage(":memory:")
        opened.callback(kept.close)
        # (2) count by the clock of the lines, in memory
        told = _count(lines_of(logs), parse, read, kept, key, verifiers)
        if told.unread == told.lines:
            raise ConfigurationError(f"no line of {counted(told.lines, 'line')} could be read")
        # (3) write what it came to
        _write(output, kept)
    _say(told)
    return 0


def _count(
    lines: Iterator[str],
    parse: Callable[[str], Line | None],
    policy: GatewayPolicy,
    kept: UsageStore,
    key: bytes,
    verifiers: Mapping[str, Verifier] | None,
) -> Conversion:
    from headway.gateway.usage import access_logs
    from headway.gateway.usage.counting import UsageCounter

    moment = [0.0]
    counter = UsageCounter(kept, clock=lambda: moment[0], bounds=policy.usage.bounds)

    def count(use: Use, at: float) -> None:
        moment[0] = at
        counter(use)

    told = access_logs.Conversion()
    for told in access_logs.convert(lines, parse, policy, count, hash_key=key, verifiers=verifiers):
        if told.uses and told.lines % WRITE_EVERY == 0:
            counter.flush()
    if told.uses:
        counter.flush()
    if told.days:  # somebody looked on these, whether or not there was anything
        kept.add([], batch="days", days=sorted(told.days))
    return told


def _verifiers(
    policy: GatewayPolicy, saved: Sequence[str], opened: ExitStack
) -> Mapping[str, Verifier]:
    """Who proves whose a token was, with keys that come at once."""
    from headway.gateway.verifiers.opening import open_verifier

    if not policy.verifies or any("://" in each.store for each in policy.verifications):
        raise ConfigurationError(
            "--verify: takes key sets, and the installations of a file or of SQLite"
        )
    found = open_verifier(policy, environ=os.environ)
    for verifier in found.values():
        opened.callback(verifier.close)
    issuers = {each.issuer: each for told in policy.verifications for each in told.issuers}
    if issuers or saved:
        from headway.gateway.verifiers.jwks import JwksVerifier, KeptKeys

        kept = KeptKeys(_sets(issuers, saved))
        for verifier in found.values():
            if isinstance(verifier, JwksVerifier):
                verifier.keys = kept
    return found


def _sets(
    issuers: Mapping[str, TrustedIssuer], saved: Sequence[str]
) -> Mapping[str, Mapping[str, IssuerKey]]:
    """The keys of each issuer: those that were *saved*, and for the others those of today."""
    from headway.errors import KeyRefused
    from headway.gateway.verifiers.jwks import parse_keys, read_sets

    sets: dict[str, dict[str, IssuerKey]] = {}
    for each in saved:
        issuer, _, file = each.rpartition("=")
        if issuer not in issuers:
            raise ConfigurationError(f"--keys {each}: is no ISSUER=FILE of an issuer of the policy")
        try:
            sets.setdefault(issuer, {}).update(parse_keys(Path(file).read_bytes()))
        except OSError as error:
            raise ConfigurationError(f"{file}: {error.strerror}") from None
        except KeyRefused as refusal:
            raise ConfigurationError(f"{file}: {refusal}") from None
    try:
        left = [each for name, each in issuers.items() if name not in sets]
        return {**asyncio.run(read_sets(left)), **sets}
    except KeyRefused as refusal:
        raise ConfigurationError(f"--verify: {refusal}; save a set and name it by --keys") from None


def lines_of(logs: Sequence[Path]) -> Iterator[str]:
    """The lines of all *logs*; one that is too long comes cut, and is none."""
    for path in logs:
        try:
            with ExitStack() as opened:
                if str(path) == "-":
                    raw: IO[bytes] | gzip.GzipFile = sys.stdin.buffer
                elif path.suffix == ".gz":
                    raw = opened.enter_context(gzip.open(path, "rb"))
                else:
                    raw = opened.enter_context(path.open("rb"))
                while data := raw.readline(LINE_MAX):
                    whole = data.endswith(b"\n") or len(data) < LINE_MAX
                    yield data.decode("latin-1").rstrip("\r\n") if whole else ""
                    while not whole and data and not data.endswith(b"\n"):
                        data = raw.readline(LINE_MAX)
        except (OSError, EOFError) as error:
            why = getattr(error, "strerror", None) or "is no whole file of gzip"
            raise ConfigurationError(f"{path}: {why}") from None


def _write(output: Path, kept: UsageStore) -> None:
    from headway.gateway.usage.record import write_lines

    try:
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            out.writelines(write_lines(kept.records(), kept.days()))
    except OSError as error:
        raise ConfigurationError(f"{output}: {error.strerror}") from None


def _say(told: Conversion) -> None:
    days = sorted(told.days)
    print(f"{counted(told.lines, 'line')}, {days[0]} to {days[-1]}: {counted(told.uses, 'use')}")
    if told.refused:
        print(f"not counted, because they had been refused: {counted(told.refused, 'request')}")
    if told.unread:
        print(f"not read: {counted(told.unread, 'line')}, the first is line {told.first_unread}")
