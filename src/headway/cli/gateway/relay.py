"""``headway gateway relay``: an outgoing proxy on this machine, for programs as they are."""

from __future__ import annotations

import logging
import os
import shlex
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, ExitStack, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from headway.cli.gateway.evidence import STORE, counting, naming_key, settle
from headway.cli.gateway.showing import MetricsPort, metrics_page
from headway.cli.gateway.words import moment
from headway.errors import ConfigurationError
from headway.keys import new_sealing_key
from headway.store.files import no_core_dumps, read_private

if TYPE_CHECKING:
    from headway.gateway.decide import Gateway
    from headway.gateway.relay.authority import LocalAuthority
    from headway.gateway.relay.dialing import Via
    from headway.gateway.relay.doors import BaseUrl
    from headway.gateway.relay.relay import Relay
    from headway.gateway.relay.sites import Site
    from headway.gateway.reloading import ReloadingGateway
    from headway.gateway.rules import GatewayPolicy
    from headway.gateway.tally import Tally
    from headway.gateway.usage.counting import UsageCounter

__all__ = ["relay"]

PASSWORD = "HEADWAY_RELAY_PASSWORD"  # noqa: S105 - the name of a variable
VIA = "HEADWAY_RELAY_VIA"
PASSWORD_MIN = 16
LOOPBACK = ("127.0.0.1", "::1")

_ByProxy = Annotated[
    str,
    typer.Option(
        metavar="URL",
        help=f"Reach sites by this proxy, http://name:port; or ${VIA}, which hides a password.",
    ),
]


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
    via: _ByProxy = "",
    metrics_port: MetricsPort = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No line for each request.")] = False,
) -> None:
    """Move tokens out of addresses, on the way from programs of this machine to named sites.

    A program needs the proxy's address, or another base URL. For https by the
    proxy it has to trust the file that is told; nothing is installed anywhere.
    """
    if bind not in LOOPBACK:
        raise ConfigurationError(f"--bind {bind}: the relay is for programs of this machine alone")
    moved = _moved(policy, location or (), parameter or (), header, scheme, observe=observe)
    by = _via(via, tunnel or ())
    password = _password(password_file)
    sites, bases = _sites(site or (), base_url_for or (), password)
    no_core_dumps()
    with ExitStack() as stack:
        stack.enter_context(_logging(quiet=quiet))
        proxy = _Proxy(sites, password, tunnel or (), upstream_ca, by, folder, usage)
        running = _relay(stack, policy, moved, proxy)
        shown = [] if metrics_port is None else [_metrics(running, metrics_port)]
        _run(running, _listening(stack, bind, port, bases), shown, password=bool(password))


# ---- what was asked for ---------------------------------------------------------------------


class _Moved(NamedTuple):
    """What is moved at *first*; *by* makes the same of a policy file that changed."""

    first: GatewayPolicy
    by: Callable[[GatewayPolicy], GatewayPolicy]


class _Proxy(NamedTuple):
    """Where requests may go, and how."""

    sites: Sequence[Site]
    password: str
    tunnels: Sequence[str]
    upstream_ca: Path | None
    via: Via | None
    folder: Path | None
    usage: str


class _Running(NamedTuple):
    """The *relay*; its *authority* where there are names that it has to prove.

    *policy* is read again when its file changes; None where there is none.
    """

    relay: Relay
    authority: LocalAuthority | None
    policy: ReloadingGateway | None
    tally: Tally
    counter: UsageCounter | None


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
) -> _Moved:
    """What is moved, now and whenever the policy file says something else."""
    import msgspec

    from headway.gateway.policy_file import load_policy
    from headway.gateway.relay.policy import moving, moving_by
    from headway.gateway.rules import Mode

    if policy is None and locations:
        raise ConfigurationError("--location: is one of a policy file; name that by --policy")
    if policy is not None and parameters:
        raise ConfigurationError("--parameter: the policy file names them; use one of the two")
    mode = {"mode": Mode.OBSERVE} if observe else {}

    def by(found: GatewayPolicy) -> GatewayPolicy:
        return msgspec.structs.replace(moving_by(found, locations), **mode)

    if policy is not None:
        return _Moved(by(load_policy(policy)), by)
    found = moving(parameters or ["jwt"], header=header, scheme=scheme)
    return _Moved(msgspec.structs.replace(found, **mode), by)


def _via(told: str, tunnels: Sequence[str]) -> Via | None:
    """The proxy by which sites are reached, where there is one."""
    from headway.gateway.relay.dialing import read_via

    if "@" in told:
        raise ConfigurationError(f"--via: a password stands in ${VIA}, not where others see it")
    where = told or os.environ.get(VIA, "")
    if where and tunnels:
        raise ConfigurationError(
            "--tunnel: leads to public addresses alone, which nobody here can see beyond a proxy"
        )
    return read_via(where) if where else None


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


def _relay(stack: ExitStack, file: Path | None, moved: _Moved, asked: _Proxy) -> _Running:
    """The relay, by the policy *file* as it is from time to time, or by what was typed."""
    from headway.gateway.decide import Gateway
    from headway.gateway.relay.authority import LocalAuthority, alone_in
    from headway.gateway.relay.dialing import dial, upstream_tls
    from headway.gateway.relay.doors import Proxy
    from headway.gateway.relay.relay import Relay
    from headway.gateway.reloading import ReloadingGateway
    from headway.gateway.tally import Tally

    authority = None
    if names := [each.host for each in asked.sites if each.scheme == "https"]:
        folder = asked.folder or Path(stack.enter_context(TemporaryDirectory(prefix="headway-")))
        stack.enter_context(alone_in(folder))
        authority = LocalAuthority(names, folder, public=bool(asked.tunnels))
    where = asked.usage or os.environ.get(STORE, "")
    counted = stack.enter_context(counting(where, moved.first.usage))
    tally, key = Tally(), naming_key(where) or new_sealing_key()
    usage_ = tally.using(counted.use)

    def make(policy: GatewayPolicy) -> Gateway:
        return Gateway(policy, usage=usage_, hash_key=key)

    def again(read: GatewayPolicy) -> Gateway:
        gateway = make(moved.by(read))
        if counted.counter is not None:
            settle(counted.counter, read.usage)
        return gateway

    kept = None if file is None else ReloadingGateway(file, again)
    made = Relay(
        Proxy(asked.sites, asked.password),
        make(moved.first) if kept is None else kept,
        partial(dial, tls=upstream_tls(asked.upstream_ca), via=asked.via),
        authority=authority,
        tunnels=[each.lower() for each in asked.tunnels],
        tally=tally,
    )
    return _Running(made, authority, kept, tally, counted.counter)


def _metrics(running: _Running, port: int) -> AbstractAsyncContextManager[None]:
    return metrics_page(
        running.tally, running.policy, running.counter, port, LOOPBACK[0], before="# "
    )


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
    """Each request, and what is wrong with the policy's file or with counting."""
    log, handler = logging.getLogger("headway.gateway"), logging.StreamHandler(sys.stderr)
    requests = logging.getLogger("headway.gateway.relay")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log.addHandler(handler)
    requests.setLevel(logging.WARNING if quiet else logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)
        requests.setLevel(logging.NOTSET)


def _run(
    running: _Running,
    sockets: dict[socket.socket, BaseUrl | None],
    shown: Sequence[AbstractAsyncContextManager[None]],
    *,
    password: bool,
) -> None:
    import anyio

    from headway.gateway.relay.serving import serve_relay

    numbers = [signal.SIGINT, signal.SIGTERM]
    if running.policy is not None:  # else it ends the relay, as it ends what runs in a terminal
        numbers.append(signal.SIGHUP)

    async def served() -> None:
        end = anyio.Event()
        async with AsyncExitStack() as stack:
            for each in shown:
                await stack.enter_async_context(each)
            tasks = await stack.enter_async_context(anyio.create_task_group())
            with anyio.open_signal_receiver(*numbers) as signals:
                tasks.start_soon(serve_relay, running.relay, sockets, end)
                _tell(sockets, running.authority, password=password)
                async for number in signals:
                    if number != signal.SIGHUP:
                        break
                    _again(running.policy)
            end.set()

    anyio.run(served)


def _again(policy: ReloadingGateway | None) -> None:
    if policy is not None:
        policy.reload()
        policy.look()


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
