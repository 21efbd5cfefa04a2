"""Listening: sockets that are bound before anything is said about them, and servers on them."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import uvicorn

from headway.errors import ConfigurationError

__all__ = ["HangUp", "listen", "server_tls", "serving"]

LOOPBACK = ("127.0.0.1", "::1")
GRACE_SECONDS = 1  # for open streams, when the server stops
POLL_SECONDS = 0.005  # while a server starts
TRIES = 20  # for a free port that is free in both families


class HangUp(Exception):
    """An application raises it in the middle of an answer: the connection ends there, unlogged."""


def _is_failure(record: logging.LogRecord) -> bool:
    """Whether the server tells of anything else than an answer that was cut on purpose."""
    return not (record.exc_info and isinstance(record.exc_info[1], HangUp))


class _Server(uvicorn.Server):
    """A server that leaves signals to whoever runs several of them."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(port: int, addresses: Sequence[str] = LOOPBACK) -> list[socket.socket]:
    """Bind *port* (0 for a free one) on each of *addresses*, the same everywhere.

    The first address is required; further ones only where the machine has
    them.  Raises ConfigurationError where the port is taken.

    >>> sockets = listen(0)
    >>> sockets[0].getsockname()[0]
    '127.0.0.1'
    >>> for opened in sockets: opened.close()
    """
    for _ in range(TRIES):
        first = _bind(addresses[0], port)
        sockets = [first]
        try:
            for address in addresses[1:]:
                with contextlib.suppress(_NoSuchAddress):
                    sockets.append(_bind(address, first.getsockname()[1]))
        except ConfigurationError:
            for opened in sockets:
                opened.close()
            if port:
                raise
            continue
        return sockets
    raise ConfigurationError("no port is free in all address families")


class _NoSuchAddress(ConfigurationError):
    """The machine does not have the address."""

    def __init__(self, address: str) -> None:
        super().__init__(f"this machine has no address {address}")


def _bind(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        # With the protocol named asyncio switches Nagle's algorithm off for what is accepted here;
        # else the body of an answer waits, up to 40 ms, until its head is acknowledged.
        opened = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    except OSError:
        raise _NoSuchAddress(address) from None
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    try:
        opened.bind((address, port))
        opened.listen(128)
    except OSError as error:
        opened.close()
        if error.errno == errno.EADDRNOTAVAIL:
            raise _NoSuchAddress(address) from None
        raise ConfigurationError(
            f"port {port} on {address} can not be had ({error.strerror}); "
            "choose another one, or 0 for a free one"
        ) from None
    return opened


def server_tls(identity: Path) -> ssl.SSLContext:
    """How a server speaks TLS by the key and chain in the file *identity* (PEM).

    Raises ConfigurationError where they can not be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(identity)
    except (OSError, ssl.SSLError):
        raise ConfigurationError(f"{identity}: can not be used; remove it") from None
    return context


@contextlib.asynccontextmanager
async def serving(
    app: Any, sockets: Sequence[socket.socket], tls: ssl.SSLContext | None = None
) -> AsyncIterator[None]:
    """Serve the ASGI *app* on *sockets* while the block runs; with *tls* it speaks https.

    No access log (it would hold URLs), no trust in forwarding headers.
    """
    config = uvicorn.Config(
        app,
        access_log=False,
        date_header=True,
        lifespan="off",
        log_config=None,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        ssl_context_factory=(lambda *_: tls) if tls is not None else None,
    )
    logging.getLogger("uvicorn.error").addFilter(_is_failure)
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=list(sockets)))
    try:
        while not (server.started or task.done()):
            await asyncio.wait({task}, timeout=POLL_SECONDS)
        if task.done():
            task.result()
        yield
    finally:
        server.should_exit = True
        await task
