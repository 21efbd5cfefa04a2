"""``headway gateway dashboard``: phases, requests, clients, refusals, what comes next, and a pause.

On loopback whoever sits at the machine may look; a change needs the password,
and so does everything for anybody else.  The password comes from
``HEADWAY_DASHBOARD_PASSWORD`` or a file, or is made and printed once.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import ssl
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple
from urllib.parse import urlsplit

import typer

from headway.cli.gateway.evidence import STORE, At, Records, evidence, store_address
from headway.cli.gateway.opened import usage_address
from headway.cli.gateway.policy import DEFAULT, Policy, named
from headway.cli.gateway.words import moment_of
from headway.errors import ConfigurationError

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from headway.gateway.dashboard.state import Evidence
    from headway.gateway.usage.record import Record

__all__ = ["LOOPBACK", "PASSWORD", "dashboard"]

PASSWORD = "HEADWAY_DASHBOARD_PASSWORD"  # noqa: S105 - where it is, and not what
PASSWORD_FILE_MAX = 1_000  # bytes
LOOPBACK = ("127.0.0.1", "::1")


def dashboard(
    policy: Policy = DEFAULT,
    usage: Annotated[
        str,
        typer.Option(
            help=f"A SQLite file or postgresql://...; else ${STORE}, else what the policy says."
        ),
    ] = "",
    records: Records = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for a free one.")] = 8501,
    bind: Annotated[str, typer.Option(help="The address to listen on.")] = LOOPBACK[0],
    origin: Annotated[
        str, typer.Option(help="Its address in the browser; else http://localhost:PORT.")
    ] = "",
    certificate: Annotated[
        Path | None, typer.Option(help="Speak https, with this certificate and its chain (PEM).")
    ] = None,
    key: Annotated[Path | None, typer.Option(help="The certificate's private key (PEM).")] = None,
    without_tls: Annotated[
        bool,
        typer.Option("--without-tls", help="Others reach it, and something before it speaks TLS."),
    ] = False,
    login: Annotated[
        bool, typer.Option("--login", help="Ask for the password before anything is shown.")
    ] = False,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Nobody can pause or resume here.")
    ] = False,
    password_file: Annotated[
        Path | None,
        typer.Option(help=f"The file whose first line is the password; else ${PASSWORD}."),
    ] = None,
    at: At = None,
) -> None:
    """Show how far the retirement is, who is left, and what comes next; pause it."""
    from headway.gateway.dashboard.access import Access, new_password
    from headway.gateway.dashboard.pages import dashboard as pages
    from headway.gateway.dashboard.state import State
    from headway.http.server import listen

    # (1) who reaches it, and by which address?
    reach = _reach(bind, origin, certificate, key, without_tls=without_tls)
    # (2) the password: everybody else's address needs it for everything
    word, made = _password(password_file, os.environ.get(PASSWORD)), new_password()
    access = Access(word or made, everybody_logs_in=login or not reach.local)
    # (3) what there is to show
    moment = None if at is None else moment_of(at)
    file = named(policy)
    with _opened(file, usage, records) as found:
        state = State(file, found, clock=time.time if moment is None else lambda: moment)
        sockets = listen(port, LOOPBACK if bind in LOOPBACK else [bind])
        host, listens = sockets[0].getsockname()[:2]
        address = reach.origin or f"http://localhost:{listens}"
        app = pages(state, access, origin=lambda: address, changes=not read_only)
        print(f"dashboard on {address}", flush=True)
        if reach.origin:
            print(f"listening on {host} port {listens}", flush=True)
        if not word:
            print(f"password, told only now: {made}", flush=True)
        asyncio.run(_serve(app, sockets, reach.tls))


class _Reach(NamedTuple):
    """Whether only this machine reaches it, its address where that is given, and how it speaks."""

    local: bool
    origin: str
    tls: ssl.SSLContext | None


def _reach(
    bind: str, origin: str, certificate: Path | None, key: Path | None, *, without_tls: bool
) -> _Reach:
    # Whoever gives it another name than localhost has something before it that is asked by it.
    local = bind in LOOPBACK and (not origin or urlsplit(origin).hostname == "localhost")
    if origin:
        origin = _origin(origin)
    elif bind not in LOOPBACK or certificate:
        raise ConfigurationError("--origin: say by which address browsers reach it")
    if certificate is None and key is not None:
        raise ConfigurationError("--key: belongs to a --certificate")
    if certificate is None:
        if bind not in LOOPBACK and not without_tls:
            raise ConfigurationError(
                f"--bind {bind}: others reach it; give --certificate and --key, or say "
                "--without-tls where something before it speaks TLS"
            )
        return _Reach(local, origin, None)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key, password=lambda: "")  # never ask for one
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"--certificate: can not be used ({error})") from None
    return _Reach(local, origin, context)


def _origin(text: str) -> str:
    """An address with which a cookie is safe; raises ConfigurationError."""
    from headway.http.answers import origin_of

    try:
        origin = origin_of(text)
        name = urlsplit(origin).hostname
    except ValueError:
        origin, name = "", None
    plain = origin.startswith("http://") and name != "localhost"
    if not origin or plain or origin != text.rstrip("/"):
        raise ConfigurationError(
            "--origin: is like https://dashboard.example:8501, without a path; http is for "
            "localhost alone"
        )
    return origin


def _password(file: Path | None, variable: str | None) -> str:
    """The password that somebody chose, or "" where nobody did."""
    if file is None:
        return variable or ""
    try:
        with file.open("rb") as lines:
            word = lines.read(PASSWORD_FILE_MAX).decode().partition("\n")[0].strip()
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{file}: the password is not UTF-8") from None
    if not word:
        raise ConfigurationError(f"{file}: its first line is empty; the password stands there")
    return word


class _File:
    """Records of a file, read once."""

    def __init__(self, records: Iterable[Record], days: Collection[str]) -> None:
        self._records, self._days = list(records), days

    def records(self, *, since: str | None = None) -> Iterable[Record]:
        return (each for each in self._records if since is None or each.day >= since)

    def sizes(self, *, since: str | None = None) -> Mapping[str, int]:
        return Counter(each.day for each in self.records(since=since))

    def days(self) -> Collection[str]:
        return self._days


@contextmanager
def _opened(policy: Path, usage: str, file: Path | None) -> Iterator[Evidence]:
    from headway.gateway.policy_file import load_policy
    from headway.gateway.usage.store import open_usage

    if file is not None:
        yield _File(*evidence(None, file))
        return
    opened = open_usage(store_address(usage_address(usage, load_policy(policy))))
    try:
        yield opened
    finally:
        opened.close()


async def _serve(app: ASGIApp, sockets: list[socket.socket], tls: ssl.SSLContext | None) -> None:
    from headway.http.server import serving

    loop, end = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end.set)
    try:
        async with serving(app, sockets, tls):
            await end.wait()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
