"""``headway gateway serve``: the authorization service that proxies ask."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headway.errors import ConfigurationError

if TYPE_CHECKING:
    from headway.gateway.service import AuthorizationService

__all__ = ["serve"]


def serve(
    policy: Annotated[Path, typer.Option(help="The policy file.")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for a free one.")] = 8500,
    bind: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    peer: Annotated[
        list[str] | None,
        typer.Option(help="An address or network of a proxy that may ask; loopback where none is."),
    ] = None,
    access_log: Annotated[
        bool, typer.Option("--access-log", help="One line for each decision; no URL in it.")
    ] = False,
) -> None:
    """Answer nginx, HAProxy, Caddy and Traefik, each at the path of its name.

    The policy is read again on SIGHUP; a file that is wrong keeps the old one.
    """
    from headway.gateway.decide import Gateway
    from headway.gateway.policy_file import load_policy
    from headway.gateway.service import AuthorizationService

    if bind not in ("127.0.0.1", "::1") and not peer:
        raise ConfigurationError(f"--bind {bind}: others reach it; say --peer, who may ask")
    service = AuthorizationService(Gateway(load_policy(policy)), peers=peer or ["127.0.0.1", "::1"])
    log, handler = logging.getLogger("headway.gateway.service"), logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO if access_log else logging.WARNING)
    try:
        asyncio.run(_serve(service, policy, bind, port))
    finally:
        log.removeHandler(handler)
        log.setLevel(logging.NOTSET)


async def _serve(service: AuthorizationService, policy: Path, bind: str, port: int) -> None:
    from headway.http.server import listen, serving

    loop, end = asyncio.get_running_loop(), asyncio.Event()
    sockets = listen(port, [bind])
    loop.add_signal_handler(signal.SIGHUP, _reload, service, policy)
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end.set)
    try:
        async with serving(service, sockets):
            print(f"asked on {bind}:{sockets[0].getsockname()[1]}", flush=True)
            await end.wait()
    finally:
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def _reload(service: AuthorizationService, path: Path) -> None:
    """Go on by the file as it is now, or by the old one where it is wrong."""
    from headway.gateway.policy_file import load_policy

    try:
        service.gateway = service.gateway.with_policy(load_policy(path))
    except ConfigurationError as error:
        print(f"headway: {error}; the old policy stays", file=sys.stderr, flush=True)
    else:
        print(f"headway: {path} is read again", file=sys.stderr, flush=True)
