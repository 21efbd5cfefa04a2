"""``headway gateway notice``: changelog, warning, OpenAPI document, e-mail; nothing is sent."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headway.cli.gateway.evidence import At, Location, Records, Store, evidence
from headway.cli.gateway.policy import DEFAULT, Policy, named
from headway.cli.gateway.words import line, moment_of
from headway.errors import ConfigurationError

if TYPE_CHECKING:
    from headway.gateway.notice.retirement import Retirement
    from headway.gateway.rules import GatewayPolicy, RetiredLocation
    from headway.gateway.usage.report import ClientUse

__all__ = ["app"]

app = typer.Typer(help="Tell people that a location goes.", no_args_is_help=True)

Address = Annotated[
    str | None,
    typer.Option("--address", help="What the examples call; else the resource of the policy."),
]
Days = Annotated[int, typer.Option("--days", min=1, max=3_660, help="Whose requests are told.")]


class Shape(StrEnum):
    """How a page is written."""

    MARKDOWN = "markdown"
    HTML = "html"


AsShape = Annotated[Shape, typer.Option("--format", help="How it is written.")]


# ---- pages ----------------------------------------------------------------------------------


@app.command()
def changelog(
    policy: Policy = DEFAULT,
    location: Location = None,
    at: At = None,
    shape: AsShape = Shape.MARKDOWN,
    address: Address = None,
    store: Store = None,
    records: Records = None,
    days: Days = 30,
) -> None:
    """Print an entry for the changelog; with usage it says how many clients it is about."""
    from headway.gateway.notice.blocks import html, markdown
    from headway.gateway.notice.page import changelog as entry
    from headway.gateway.usage.report import clients_of

    told = _told(policy, location, at)
    used: Sequence[ClientUse] = ()
    if store is not None or records is not None:
        used = clients_of(evidence(store, records).records, now=told.now, days=days)
    blocks = entry(told, address=_address(told.policy, address), used=used, days=days)
    print((html if shape is Shape.HTML else markdown)(blocks), end="")


@app.command()
def warning(
    policy: Policy = DEFAULT,
    location: Location = None,
    at: At = None,
    shape: AsShape = Shape.MARKDOWN,
    address: Address = None,
) -> None:
    """Print a warning for the documentation."""
    from headway.gateway.notice.page import warning_html, warning_markdown

    told = _told(policy, location, at)
    write = warning_html if shape is Shape.HTML else warning_markdown
    print(write(told, address=_address(told.policy, address)), end="")


# ---- OpenAPI --------------------------------------------------------------------------------


@app.command()
def openapi(
    document: Annotated[Path, typer.Argument(help="An OpenAPI document (JSON or YAML).")],
    policy: Policy = DEFAULT,
    output: Annotated[
        Path | None, typer.Option("--output", help="A new file for the changed copy.")
    ] = None,
    overlay: Annotated[
        Path | None,
        typer.Option("--overlay", help="A new file for the changes alone (.json or YAML)."),
    ] = None,
    location: Location = None,
    at: At = None,
) -> None:
    """Mark what speaks of the location as deprecated, and offer the header beside it."""
    from headway.gateway.notice.document import read_document, written
    from headway.gateway.notice.openapi import patch

    if output is None and overlay is None:
        raise ConfigurationError("where to? give --output, --overlay, or both")
    told = _told(policy, location, at)
    try:
        data = document.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{document}: {error.strerror}") from None
    read = read_document(data, source=str(document))
    try:
        found = patch(read.root, told)
    except ConfigurationError as error:
        raise ConfigurationError(f"{document}: {error}") from None
    files: dict[Path, str] = {}
    if output is not None:
        files[output] = read.written()
    if overlay is not None:
        files[overlay] = written(found.overlay, is_json=overlay.suffix == ".json")
    _write_new(files)
    for place in found.places:
        print(line(f"deprecated: {place}"))
    for reference in found.elsewhere:
        print(line(f"not looked at: {reference}"))


def _write_new(files: Mapping[Path, str]) -> None:
    """Each text into its new file; all of them or none."""
    for path in files:
        if path.exists():
            raise ConfigurationError(f"{path}: is there already")
    made: list[Path] = []
    try:
        for path, text in files.items():
            with path.open("x", encoding="utf-8", newline="\n") as file:
                made.append(path)
                file.write(text)
    except OSError as error:
        for done in made:
            done.unlink()
        raise ConfigurationError(f"{path}: {error.strerror}") from None


# ---- e-mail ---------------------------------------------------------------------------------


@app.command()
def mail(
    contacts: Annotated[
        Path, typer.Option("--contacts", help="Who is reached where: CSV client,email or TOML.")
    ],
    sender: Annotated[str, typer.Option("--from", help="As 'API team <api@api.example>'.")],
    folder: Annotated[Path, typer.Option("--folder", help="A new folder for the .eml files.")],
    policy: Policy = DEFAULT,
    reply_to: Annotated[str | None, typer.Option("--reply-to", help="Who reads answers.")] = None,
    store: Store = None,
    records: Records = None,
    location: Location = None,
    days: Days = 30,
    at: At = None,
    address: Address = None,
    claimed: Annotated[
        bool, typer.Option("--claimed", help="Write to clients that proved nothing, too.")
    ] = False,
) -> int:
    """Write an e-mail for each client that still uses a location; nothing is sent.

    It exits with 1 where a client has no address.
    """
    from headway.gateway.notice.contacts import address_of, read_contacts
    from headway.gateway.notice.mail import Sender, letters
    from headway.gateway.policy_file import load_policy

    read = load_policy(named(policy))
    if location is not None:
        _location(read, location)
    _say_observes(read)
    found = letters(
        read,
        evidence(store, records).records,
        read_contacts(contacts),
        Sender(
            sender=address_of(sender),
            reply_to=None if reply_to is None else address_of(reply_to),
            address=_address(read, address),
            days=days,
            claimed=claimed,
        ),
        now=_now(at),
        location=location,
    )
    if found.messages:
        _write_folder(folder, {name: bytes(each) for name, each in found.messages.items()})
    for name, message in found.messages.items():
        print(line(f"{folder / name}: to {message['To']}"))
    for client in found.unreached:
        print(line(f"no address: {client}"))
    if not found.messages and not found.unreached:
        print("no client of the last days is to be told")
    return 1 if found.unreached else 0


def _write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """*files* into the new *folder*, for its owner alone; all of them or nothing."""
    if folder.exists():
        raise ConfigurationError(f"{folder}: is there already")
    try:
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as made:
            inside = Path(made) / "letters"
            inside.mkdir(mode=0o700)
            for name, data in files.items():
                descriptor = os.open(inside / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(descriptor, "wb") as file:
                    file.write(data)
            inside.rename(folder)
    except OSError as error:
        raise ConfigurationError(f"{folder}: {error.strerror}") from None


# ---- what all have --------------------------------------------------------------------------


def _told(policy: Path, location: str | None, at: str | None) -> Retirement:
    from headway.gateway.notice.retirement import Retirement
    from headway.gateway.policy_file import load_policy

    read = load_policy(named(policy))
    _say_observes(read)
    return Retirement(policy=read, location=_location(read, location), now=_now(at))


def _location(policy: GatewayPolicy, name: str | None) -> RetiredLocation:
    """The location of that *name*, or the only one there is."""
    if name is None and len(policy.locations) == 1:
        return policy.locations[0]
    names = ", ".join(each.name for each in policy.locations)
    if name is None:
        raise ConfigurationError(
            f"{policy.source}: which location? give --location, one of {names}"
        )
    found = policy.location(name)
    if found is None:
        raise ConfigurationError(
            f"{policy.source}: there is no location {name!r}; there are {names}"
        )
    return found


def _say_observes(policy: GatewayPolicy) -> None:
    from headway.gateway.rules import Mode

    if policy.mode is Mode.OBSERVE:
        told = 'mode = "observe": no date counts until the policy says enforce'
        print(line(f"{policy.source}: {told}"), file=sys.stderr)


def _address(policy: GatewayPolicy, address: str | None) -> str:
    if address is not None:
        return address
    return policy.resources[0].address if policy.resources else "https://api.example/"


def _now(at: str | None) -> float:
    return time.time() if at is None else moment_of(at)
