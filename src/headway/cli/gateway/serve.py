"""``headway gateway serve``: the authorization service that proxies ask."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
)
from typing import TYPE_CHECKING, Annotated

import typer

from headway.cli.gateway.evidence import STORE
from headway.cli.gateway.opened import opened, trading
from headway.cli.gateway.policy import DEFAULT, Policy, named
from headway.cli.gateway.showing import DashboardPort, MetricsBind, MetricsPort, Traces, showing
from headway.errors import ConfigurationError

if TYPE_CHECKING:
    from headway.cli.gateway.opened import Opened
    from headway.gateway.reloading import ReloadingGateway
    from headway.gateway.service import AuthorizationService
    from headway.gateway.tickets.trading import TicketGateway

__all__ = ["logging_to_stderr", "serve"]


def serve(
    policy: Policy = DEFAULT,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for a free one.")] = 8500,
    grpc_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Answer Envoy's ext_authz here, too.")
    ] = None,
    bind: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    peer: Annotated[
        list[str] | None,
        typer.Option(help="An address or network of a proxy that may ask; loopback where none is."),
    ] = None,
    usage: Annotated[
        str,
        typer.Option(
            help="Where uses are counted: a file, or postgresql://...; "
            f"else ${STORE}, else what the policy file says."
        ),
    ] = "",
    access_log: Annotated[
        bool, typer.Option("--access-log", help="One line for each decision; no URL in it.")
    ] = False,
    metrics_port: MetricsPort = None,
    metrics_bind: MetricsBind = "127.0.0.1",
    dashboard: DashboardPort = None,
    traces: Traces = False,
) -> None:
    """Answer nginx, HAProxy, Caddy and Traefik, each at the path of its name; Envoy over gRPC.

    A policy that changed counts within seconds, or at once on SIGHUP; a file
    that is wrong keeps the old one.
    """
    from headway.gateway.service import AuthorizationService
    from headway.gateway.tickets.trading import OwnAnswers
    from headway.http.server import listen

    if bind not in ("127.0.0.1", "::1") and not peer:
        raise ConfigurationError(f"--bind {bind}: others reach it; say --peer, who may ask")
    peers = peer or ["127.0.0.1", "::1"]
    with (
        logging_to_stderr(access_log),
        opened(named(policy), usage, traces=traces) as found,
        trading(found.gateway) as trades,
    ):
        own = OwnAnswers(found.own, trades)
        service = AuthorizationService(trades, peers=peers, own=own, tally=found.tally)
        beside = [showing(found, metrics_port, metrics_bind, dashboard)]
        if grpc_port is not None:
            beside.append(_envoy(trades, found, peers, bind, grpc_port))
        asyncio.run(_serve(service, found.gateway, beside, listen(port, [bind])))


@contextmanager
def logging_to_stderr(each: bool) -> Iterator[None]:
    """The gateway's log while the block runs; *each* decision is in it, or only what is wrong."""
    log, handler = logging.getLogger("headway.gateway"), logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO if each else logging.WARNING)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(logging.NOTSET)


@asynccontextmanager
async def _envoy(
    trades: TicketGateway, found: Opened, peers: list[str], bind: str, port: int
) -> AsyncIterator[None]:
    from headway.gateway.grpc_service import EnvoyService, serving_grpc

    host = f"[{bind}]" if ":" in bind else bind
    service = EnvoyService(trades, peers=peers, tally=found.tally)
    async with serving_grpc(service, f"{host}:{port}") as got:
        print(f"Envoy asks on {host}:{got}", flush=True)
        yield


async def _serve(
    service: AuthorizationService,
    gateway: ReloadingGateway,
    beside: Sequence[AbstractAsyncContextManager[None]],
    sockets: list[socket.socket],
) -> None:
    from headway.gateway.http_service import serving_http

    loop, end = asyncio.get_running_loop(), asyncio.Event()

    def again() -> None:
        gateway.reload()
        gateway.look()

    loop.add_signal_handler(signal.SIGHUP, again)
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end.set)
    try:
        async with AsyncExitStack() as stack:
            for each in beside:
                await stack.enter_async_context(each)
            await stack.enter_async_context(serving_http(service, sockets))
            host, port = sockets[0].getsockname()[:2]
            print(f"asked on {host}:{port}", flush=True)
            await end.wait()
    finally:
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
