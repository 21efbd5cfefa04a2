"""Where the commands of ``headway gateway`` find usage: a store, or a file of records."""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from headway.cli.gateway.policy import DEFAULT, VARIABLE
from headway.errors import ConfigurationError

if TYPE_CHECKING:
    from headway.gateway.decision import Use
    from headway.gateway.rules import GatewayPolicy
    from headway.gateway.usage.counting import UsageCounter
    from headway.gateway.usage.record import Record
    from headway.gateway.usage.settings import UsageSettings
    from headway.gateway.usage.store import UsageStore

__all__ = [
    "STORE",
    "At",
    "Counted",
    "Evidence",
    "Location",
    "Records",
    "Store",
    "counting",
    "evidence",
    "known_location",
    "naming_key",
    "settle",
    "store_address",
    "usage_of",
    "verifies_nobody",
]

STORE = "HEADWAY_USAGE"

Store = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="FILE|ADDRESS",
        help=f"A SQLite file or postgresql://...; else ${STORE} (which hides a password), else "
        "what the policy file says.",
    ),
]
Records = Annotated[
    Path | None,
    typer.Option("--records", help="A file of records (JSON lines) in place of a store."),
]
At = Annotated[
    str | None, typer.Option("--at", help="The moment to look from, such as 2022-02-01; else now.")
]
Location = Annotated[str | None, typer.Option("--location", help="Only this location.")]


class Evidence(NamedTuple):
    """Records, and the days on which somebody counted."""

    records: list[Record]
    days: frozenset[str]


def usage_of(policy: GatewayPolicy) -> str:
    """Where the *policy* file says that uses are counted: a file beside it, an address, or ""."""
    from headway.store.engine import is_address

    named = policy.usage.store
    return named if not named or is_address(named) else str(Path(policy.source).parent / named)


def known_location(location: str | None) -> GatewayPolicy | None:
    """The policy that is found here, if there is one.

    Raises ConfigurationError where it has no such *location*: of a name that is
    misspelled, nothing was counted, and that looks as if nobody were left.
    """
    from headway.gateway.policy_file import load_policy

    file = Path(os.environ.get(VARIABLE) or DEFAULT)
    if not file.exists():
        return None
    policy = load_policy(file)
    if location is not None and policy.location(location) is None:
        names = ", ".join(each.name for each in policy.locations)
        raise ConfigurationError(f"{file}: there is no location {location!r}; there are {names}")
    return policy


def verifies_nobody(policy: GatewayPolicy, location: str) -> bool:
    """Whether clients of *location* can not but claim who they are."""
    from headway.gateway.verifiers.settings import Verification

    found = policy.location(location)
    return found is not None and policy.verification(found).by is Verification.NONE


def store_address(store: str | None, *, new: bool = False) -> str:
    """The store that is meant: *store*, ``HEADWAY_USAGE``, or what the policy file says.

    Raises ConfigurationError where there is none.
    """
    from headway.store.engine import is_address

    where = store or os.environ.get(STORE, "")
    policy = None if where else known_location(None)
    if policy is not None:
        where = usage_of(policy)
    if not where:
        raise ConfigurationError(
            f"which usage? give --store or --records, set {STORE}, or say [usage] store in the "
            "policy file"
        )
    if not new and not is_address(where) and not Path(where).exists():
        raise ConfigurationError(f"{where}: there is no such store")
    return where


class Counted(NamedTuple):
    """*use* counts a use; *store* is where *counter* writes that, or both are None."""

    use: Callable[[Use], None]
    store: UsageStore | None
    counter: UsageCounter | None = None


@contextmanager
def counting(where: str | None, settings: UsageSettings) -> Iterator[Counted]:
    """What counts uses into the store *where*, written from a thread; without one, nothing does.

    At the end, what was counted is written.
    """
    if not where:
        yield Counted(lambda use: None, None)
        return
    from headway.gateway.usage.counting import UsageCounter
    from headway.gateway.usage.store import open_usage

    store = open_usage(where)
    counter = UsageCounter(
        store,
        every=settings.batch_seconds,
        bounds=settings.bounds,
        keep_days=settings.keep_days,
    )
    counter.start()
    try:
        yield Counted(counter, store, counter)
    finally:
        counter.close()
        store.close()


def settle(counter: UsageCounter, settings: UsageSettings) -> None:
    """Let *counter* go on by *settings*; where it writes stays as it was."""
    counter.settle(
        every=settings.batch_seconds, bounds=settings.bounds, keep_days=settings.keep_days
    )


def naming_key(where: str | None) -> bytes | None:
    """The key by which tokens stand for their clients in the store *where*; None without a store.

    It comes from ``HEADWAY_STORE_KEY``, alike on all nodes, or lies beside a
    SQLite file; it is none that opens anything.  Raises ConfigurationError
    where a server is named and no key is set.
    """
    if not where:
        return None
    from headway.store.engine import is_address
    from headway.store.files import KEY_FILE_VARIABLE, KEY_VARIABLE, sealing_key

    if not is_address(where):
        key = sealing_key(os.environ, Path(where).parent)
    elif KEY_VARIABLE in os.environ or KEY_FILE_VARIABLE in os.environ:
        key = sealing_key(os.environ)
    else:
        raise ConfigurationError(
            f"set {KEY_VARIABLE} (or {KEY_FILE_VARIABLE}), alike on all nodes: clients are named "
            "by a keyed hash of their tokens, and would have new names after each start"
        )
    return hmac.digest(key, b"headway gateway clients 1", "sha256")


def evidence(store: str | None, file: Path | None, *, since: str | None = None) -> Evidence:
    """What is known from the day *since*; raises ConfigurationError where nothing can be read."""
    from headway.gateway.usage.record import read_lines
    from headway.gateway.usage.store import open_usage

    if file is None:
        opened = open_usage(store_address(store))
        try:
            return Evidence(list(opened.records(since=since)), opened.days())
        finally:
            opened.close()
    try:
        with file.open("rb") as lines:
            header, read = read_lines(lines, source=str(file))
            records = [record for record in read if since is None or record.day >= since]
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror}") from None
    return Evidence(records, frozenset(header.days))
