"""Listening for programs on this machine, and for nobody else."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Mapping

import anyio

from headway.gateway.relay.doors import BaseUrl
from headway.gateway.relay.relay import Relay
from headway.gateway.sockets import SocketBytes

__all__ = ["CONNECTIONS_MAX", "serve_relay"]

CONNECTIONS_MAX = 256
GRACE_SECONDS = 5.0  # for requests that have begun, once the relay is told to stop

_log = logging.getLogger("headway.gateway.relay")


async def serve_relay(
    relay: Relay, sockets: Mapping[socket.socket, BaseUrl | None], end: anyio.Event
) -> None:
    """Serve each of *sockets*, as a proxy or as a base URL, until *end*.

    What has begun then has some seconds.  The sockets are closed.
    """
    places, accepts = anyio.Semaphore(CONNECTIONS_MAX), list[anyio.CancelScope]()

    async def served(stream: SocketBytes, peer: str, door: BaseUrl | None) -> None:
        try:
            await relay.serve(stream, peer, door)
        finally:
            places.release()

    async def accepting(opened: socket.socket, door: BaseUrl | None) -> None:
        with opened, anyio.CancelScope() as listening:
            accepts.append(listening)
            opened.settimeout(0)
            while True:
                await places.acquire()  # more wait in the queue of the system
                accepted, address = await _accepted(opened)
                if ipaddress.ip_address(address[0]).is_loopback:
                    connections.start_soon(served, SocketBytes(accepted), address[0], door)
                else:
                    _log.warning("a connection of %s is not taken", address[0])
                    accepted.close()
                    places.release()

    async with anyio.create_task_group() as connections:
        for opened, door in sockets.items():
            connections.start_soon(accepting, opened, door)
        await end.wait()
        for listening in accepts:
            listening.cancel()
        relay.stop()
        connections.cancel_scope.deadline = anyio.current_time() + GRACE_SECONDS


async def _accepted(opened: socket.socket) -> tuple[socket.socket, tuple[str, int]]:
    while True:
        try:
            return await asyncio.get_running_loop().sock_accept(opened)
        except OSError as error:  # it left again, or there are too many open files
            _log.warning("no connection is taken: %s", error.strerror)
            await anyio.sleep(0.1)
