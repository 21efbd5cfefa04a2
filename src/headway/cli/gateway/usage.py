"""``headway gateway usage``, ``gate``, ``export`` and ``import``: who still uses a location."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import time
from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from headway.cli.gateway.evidence import (
    At,
    Location,
    Records,
    Store,
    evidence,
    known_location,
    store_address,
    verifies_nobody,
)
from headway.cli.gateway.words import counted, line, moment, moment_of
from headway.errors import ConfigurationError

if TYPE_CHECKING:
    from headway.gateway.usage.report import ClientUse, Gate, Week

__all__ = ["cell", "export", "gate", "import_", "table", "usage"]

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_WIDEST = 60


class Shape(StrEnum):
    """How a report is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


AsShape = Annotated[Shape, typer.Option("--format", help="How it is written.")]
Days = Annotated[int, typer.Option("--days", min=1, max=3_660, help="How many days count.")]


# ---- commands -------------------------------------------------------------------------------


def usage(
    store: Store = None,
    records: Records = None,
    location: Location = None,
    days: Days = 30,
    at: At = None,
    shape: AsShape = Shape.TABLE,
) -> int:
    """Say who still uses a location, how it goes, and who came back."""
    from headway.gateway.usage.report import clients_of, trend

    now = time.time() if at is None else moment_of(at)
    known_location(location)
    known = evidence(store, records)
    clients = clients_of(known.records, now=now, days=days, location=location)
    weeks = trend(known.records, location=location)
    if shape is Shape.JSON:
        print(json.dumps(msgspec.to_builtins({"clients": clients, "weeks": weeks}), indent=2))
    elif shape is Shape.CSV:
        print(_csv(clients), end="")
    else:
        print(_report(clients, weeks, days))
    return 0


def gate(
    location: Annotated[str, typer.Option("--location", help="The location that is to go.")],
    store: Store = None,
    records: Records = None,
    days: Days = 30,
    at: At = None,
    claimed: Annotated[
        bool, typer.Option("--claimed", help="Count clients that proved nothing, too.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The answer as JSON.")] = False,
) -> int:
    """Exit with 1 while verified clients used the location within so many days.

    It exits with 1 too where nobody counted on one of the days: that a client
    was not seen is evidence only if somebody looked.  Where the policy verifies
    nobody at the location, all clients count.
    """
    from headway.gateway.usage.record import DAY, day_of
    from headway.gateway.usage.report import gate as judge

    now = time.time() if at is None else moment_of(at)
    policy = known_location(location)
    claimed = claimed or (policy is not None and verifies_nobody(policy, location))
    known = evidence(store, records, since=day_of(max(0.0, now - days * DAY)))
    result = judge(
        known.records,
        location=location,
        now=now,
        days=days,
        watched=known.days,
        claimed_too=claimed,
    )
    if as_json:
        print(json.dumps({"open": result.open, **msgspec.to_builtins(result)}, indent=2))
    else:
        for told in _judged(result):
            print(line(told))
    return 0 if result.open else 1


def export(
    file: Annotated[Path, typer.Argument(help="A new file; it is readable by you alone.")],
    store: Store = None,
) -> int:
    """Write all records of usage to a new file, as lines of JSON."""
    from headway.gateway.usage.record import write_lines
    from headway.gateway.usage.store import open_usage

    opened, count = open_usage(store_address(store)), -1
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            for told in write_lines(opened.records(), opened.days()):
                out.write(told)
                count += 1
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror}") from None
    finally:
        opened.close()
    print(f"{count} records")
    return 0


def import_(
    file: Annotated[Path, typer.Argument(help="A file of records (JSON lines).")],
    store: Store = None,
) -> int:
    """Add a file's records to a store: all of them or none; the same file again adds nothing."""
    from headway.gateway.usage.store import open_usage

    known = evidence(None, file)
    days = sorted(known.days | {record.day for record in known.records})
    if not days:
        print("there is nothing in it")
        return 0
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    opened = open_usage(store_address(store, new=True))
    try:
        new = opened.add(known.records, batch=f"file-{digest}", days=days)
    finally:
        opened.close()
    print(f"{len(known.records)} records" if new else "the store has this file already")
    return 0


# ---- what is told ---------------------------------------------------------------------------


def _report(clients: Sequence[ClientUse], weeks: Sequence[Week], days: int) -> str:
    if not clients:
        return "nobody used a location"
    rows = [
        [
            client.location,
            client.client,
            "verified" if client.verified else "claimed",
            str(client.recent),
            str(client.before),
            moment(client.last),
            _state(client),
            ", ".join(client.agents),
        ]
        for client in clients
    ]
    head = ["location", "client", "proof", f"{days} days", "before", "last", "state", "agents"]
    told = [
        [w.location, w.start, str(w.verified_clients), str(w.claimed_clients), str(w.requests)]
        for w in weeks
    ]
    return "\n".join(
        [
            table(head, rows),
            "",
            table(["location", "week", "verified clients", "claimed clients", "requests"], told),
        ]
    )


def _state(client: ClientUse) -> str:
    """Whether it is left, has gone, or came back, in the days that are looked at."""
    if not client.recent:
        return "gone"
    return f"came back {client.came_back}" if client.came_back else "left"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns for a terminal; what is too long ends in an ellipsis, what does not print is marked.

    >>> print(table(["client", "n"], [["acme", "1"]]))
    client  n
    acme    1
    """
    cut = [[_cut(line(each)) for each in row] for row in [head, *rows]]
    widths = [max(len(row[column]) for row in cut) for column in range(len(head))]
    return "\n".join(
        "  ".join(each.ljust(width) for each, width in zip(row, widths, strict=True)).rstrip()
        for row in cut
    )


def _cut(text: str) -> str:
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"


def cell(text: str) -> str:
    r"""*text* as one cell of CSV that no spreadsheet takes for a formula.

    >>> cell("=cmd|' /C calc'!A0")
    "'=cmd|' /C calc'!A0"
    """
    # the mark of what does not print stands in place of line ends and tabs, too
    return f"'{line(text)}" if text.lstrip(" ").startswith(_FORMULA) else line(text)


def _csv(clients: Iterable[ClientUse]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerow(_FIELDS)
    for client in clients:
        writer.writerow([_value(name, getattr(client, name)) for name in _FIELDS])
    return out.getvalue()


_FIELDS = (
    *("location", "client", "verified", "recent", "before", "count", "first", "last"),
    *("also_header", "from_browser", "active_days", "came_back", "methods", "routes", "agents"),
    "sample",
)


def _value(name: str, value: object) -> str:
    if isinstance(value, tuple):
        return cell(" ".join(value))
    if name in ("first", "last") and isinstance(value, int):
        return moment(value)
    return "" if value is None else cell(str(value))


def _judged(result: Gate) -> list[str]:
    told = [
        f"left: {client.client}, {counted(client.recent, 'request')}, last at {moment(client.last)}"
        for client in result.left
    ]
    if result.unwatched:
        told.append(
            f"nobody counted on {counted(len(result.unwatched), 'day')}, the first of them "
            f"{result.unwatched[0]}: that is no evidence"
        )
    if result.claimed:
        told.append(f"not proved who they are: {counted(result.claimed, 'client')}")
    verdict = "can go" if result.open else "is in use, or nobody knows"
    return [*told, f"{result.location} {verdict}: {result.since} to {result.until}"]
