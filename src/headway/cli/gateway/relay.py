"""``headway gateway relay``: an outgoing proxy on this machine, for programs as they are."""

from __future__ import annotations

import logging
import os
import shlex
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from headway.cli.gateway.evidence import STORE, counting, naming_key
from headway.cli.gateway.words import moment
from headway.errors import ConfigurationError
from headway.store.files import no_core_dumps, read_private

if TYPE_CHECKING:
    from headway.gateway.relay.authority import LocalAuthority
    from headway.gateway.relay.doors import BaseUrl
    from headway.gateway.relay.relay import Relay
    from headway.gateway.relay.sites import Site
    from headway.gateway.rules import GatewayPolicy

__all__ = ["relay"]

PASSWORD = "HEADWAY_RELAY_PASSWORD"  # noqa: S105 - the name of a variable
PASSWORD_MIN = 16
LOOPBACK = ("127.0.0.1", "::1")


def relay(
    site: Annotated[
        list[str] | None,
        typer.Argument(help="A site such as https://site.example; nothing else is reached."),
    ] = None,
    base_url_for: Annotated[
        list[str] | None,
        typer.Option(metavar="SITE", help="A site as a base URL, on a port after the proxy's."),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for a free one.")] = 8508,
    bind: Annotated[str, typer.Option(help="127.0.0.1 or ::1.")] = "127.0.0.1",
    policy: Annotated[
        Path | None, typer.Option(help="A policy file: what is moved where; not its dates.")
    ] = None,
    location: Annotated[
        list[str] | None, typer.Option(help="Of the policy file only this location.")
    ] = None,
    parameter: Annotated[
        list[str] | None, typer.Option(help="A parameter that is moved; jwt where none is told.")
    ] = None,
    header: Annotated[str, typer.Option(help="Where it is moved to.")] = "Authorization",
    scheme: Annotated[str, typer.Option(help='Before the token; "" for the bare value.')] = "JWT",
    observe: Annotated[
        bool, typer.Option("--observe", help="Say and count what would be moved; move nothing.")
    ] = False,
    tunnel: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A host that is passed unread at port 443; * for any."),
    ] = None,
    upstream_ca: Annotated[
        Path | None, typer.Option(help="Authorities (PEM) by which sites are checked, besides.")
    ] = None,
    password_file: Annotated[
        Path | None, typer.Option(help=f"The proxy's password, in a private file; or ${PASSWORD}.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(help="Where the authority's file lies; else in a passing folder.")
    ] = None,
    usage: Annotated[
        str,
        typer.Option(help=f"Where uses are counted: a file, or postgresql://...; else ${STORE}."),
    ] = "",
    quiet: Annotated[bool, typer.Option("--quiet", help="No line for each request.")] = False,
) -> None:
    """Move tokens out of addresses, on the way from programs of this machine to named sites.

    A program needs the proxy's address, or another base URL. For https by the
    proxy it has to trust the file that is told; nothing is installed anywhere.
    """
    if bind not in LOOPBACK:
        raise ConfigurationError(f"--bind {bind}: the relay is for programs of this machine alone")
    moved = _moved(policy, location or (), parameter or (), header, scheme, observe=observe)
    password = _password(password_file)
    sites, bases = _sites(site or (), base_url_for or (), password)
    no_core_dumps()
    with ExitStack() as stack:
        stack.enter_context(_logging(quiet=quiet))
        proxy = _Proxy(sites, password, tunnel or (), upstream_ca, folder, usage)
        made, authority = _relay(stack, moved, proxy)
        _run(made, _listening(stack, bind, port, bases), authority, password=bool(password))


# ---- what was asked for ---------------------------------------------------------------------


class _Proxy(NamedTuple):
    """Where requests may go, and how."""

    sites: Sequence[Site]
    password: str
    tunnels: Sequence[str]
    upstream_ca: Path | None
    folder: Path | None
    usage: str


def _sites(
    named: Sequence[str], based: Sequence[str], password: str
) -> tuple[list[Site], list[Site]]:
    """All sites, and those of them that have a base URL."""
    from headway.gateway.relay.sites import read_site

    bases = [read_site(each) for each in based]
    sites = list(dict.fromkeys([*map(read_site, named), *bases]))
    if not sites:
        raise ConfigurationError("which site? name one, such as https://site.example")
    if password and bases:
        raise ConfigurationError(
            "--base-url-for: has no place for the proxy's password, so it would let in who has none"
        )
    return sites, bases


def _moved(
    policy: Path | None,
    locations: Sequence[str],
    parameters: Sequence[str],
    header: str,
    scheme: str,
    *,
    observe: bool,
) -> GatewayPolicy:
    import msgspec

    from headway.gateway.policy_file import load_policy
    from headway.gateway.relay.policy import moving, moving_by
    from headway.gateway.rules import Mode

    if policy is None and locations:
        raise ConfigurationError("--location: is one of a policy file; name that by --policy")
    if policy is not None and parameters:
        raise ConfigurationError("--parameter: the policy file names them; use one of the two")
    if policy is not None:
        found = moving_by(load_policy(policy), locations)
    else:
        found = moving(parameters or ["jwt"], header=header, scheme=scheme)
    return msgspec.structs.replace(found, mode=Mode.OBSERVE) if observe else found


def _password(file: Path | None) -> str:
    if file is None:
        found = os.environ.get(PASSWORD, "")
    elif not file.exists():
        raise ConfigurationError(f"{file}: there is no such file")
    else:
        found = read_private(file).strip()
    if (found or file is not None) and len(found) < PASSWORD_MIN:
        raise ConfigurationError(f"the proxy's password: has at least {PASSWORD_MIN} characters")
    return found


def _relay(
    stack: ExitStack, moved: GatewayPolicy, asked: _Proxy
) -> tuple[Relay, LocalAuthority | None]:
    """The relay, and its authority where there are names that it has to prove."""
    from headway.gateway.decide import Gateway
    from headway.gateway.relay.authority import LocalAuthority, alone_in
    from headway.gateway.relay.dialing import dial, upstream_tls
    from headway.gateway.relay.doors import Proxy
    from headway.gateway.relay.relay import Relay

    authority = None
    if names := [each.host for each in asked.sites if each.scheme == "https"]:
        folder = asked.folder or Path(stack.enter_context(TemporaryDirectory(prefix="headway-")))
        stack.enter_context(alone_in(folder))
        authority = LocalAuthority(names, folder, public=bool(asked.tunnels))
    where = asked.usage or os.environ.get(STORE, "")
    counted = stack.enter_context(counting(where, moved.usage))
    gateway = Gateway(moved, usage=counted.use, hash_key=naming_key(where))
    made = Relay(
        Proxy(asked.sites, asked.password),
        gateway,
        partial(dial, tls=upstream_tls(asked.upstream_ca)),
        authority=authority,
        tunnels=[each.lower() for each in asked.tunnels],
    )
    return made, authority


def _listening(
    stack: ExitStack, bind: str, port: int, bases: Sequence[Site]
) -> dict[socket.socket, BaseUrl | None]:
    from headway.gateway.relay.doors import BaseUrl
    from headway.http.server import listen

    found: dict[socket.socket, BaseUrl | None] = {}
    for number, each in enumerate([None, *bases]):
        opened = stack.enter_context(listen(port and port + number, [bind])[0])
        found[opened] = None if each is None else BaseUrl(each, *_address(opened))
    return found


def _address(opened: socket.socket) -> tuple[int, str]:
    host, port = opened.getsockname()[:2]
    return port, f"[{host}]" if ":" in host else host


# ---- while it runs --------------------------------------------------------------------------


@contextmanager
def _logging(*, quiet: bool) -> Iterator[None]:
    log, handler = logging.getLogger("headway.gateway.relay"), logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.WARNING if quiet else logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(logging.NOTSET)


def _run(
    made: Relay,
    sockets: dict[socket.socket, BaseUrl | None],
    authority: LocalAuthority | None,
    *,
    password: bool,
) -> None:
    import anyio

    from headway.gateway.relay.serving import serve_relay

    async def served() -> None:
        end = anyio.Event()
        async with anyio.create_task_group() as tasks:
            with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
                tasks.start_soon(serve_relay, made, sockets, end)
                _tell(sockets, authority, password=password)
                async for _ in signals:
                    end.set()
                    break

    anyio.run(served)


def _tell(
    sockets: dict[socket.socket, BaseUrl | None],
    authority: LocalAuthority | None,
    *,
    password: bool,
) -> None:
    """What a program has to be told, as lines for a shell."""
    user = f"relay:${PASSWORD}@" if password else ""
    for opened, base in sockets.items():
        port, host = _address(opened)
        if base is not None:
            print(f"# {base.site} is {base.url}")
            continue
        address = f"http://{user}{host}:{port}"
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
            print(f'export {name}="{address}"')
    if authority is not None:
        trusted, whole = (shlex.quote(str(p)) for p in (authority.file, authority.trusted))
        until = moment(int(authority.until))
        print(f"# for https by the proxy a program trusts this, and nobody else has to ({until}):")
        for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"):
            print(f"export {name}={whole}")
        print(f"export NODE_EXTRA_CA_CERTS={trusted}")
        print(f"# Java: keytool -importcert -noprompt -alias headway -file {trusted} \\")
        print("#   -keystore relay.p12 -storetype PKCS12 -storepass changeit")
        print(
            "#   -Djavax.net.ssl.trustStore=relay.p12 -Djavax.net.ssl.trustStorePassword=changeit"
        )
    print("# ready", flush=True)
