"""A connection as a stream of bytes that is read when somebody asks, and not before.

anyio's own stream of an accepted socket goes on reading while nobody asks, and
keeps what came (4.16, shown by ``tests/gateway/test_sockets.py``): whoever sends
faster than the other side reads would fill the memory.
"""

from __future__ import annotations

import asyncio
import select
import socket
from collections.abc import Callable, Mapping
from typing import Any

import anyio
from anyio.abc import ByteStream, SocketAttribute

__all__ = ["SocketBytes", "connected", "has_left", "has_spoken"]


class SocketBytes(ByteStream):
    """The bytes of *opened*, a connected socket; asyncio waits for it.

    >>> async def said():
    ...     one, other = (SocketBytes(each) for each in socket.socketpair())
    ...     async with one, other:
    ...         await one.send(b"hello")
    ...         return await other.receive()
    >>> asyncio.run(said())
    b'hello'
    """

    def __init__(self, opened: socket.socket) -> None:
        opened.settimeout(0)
        if opened.family != socket.AF_UNIX:
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = opened

    @property
    def extra_attributes(self) -> Mapping[Any, Callable[[], Any]]:
        """The socket, and the address of the other side."""
        return {
            SocketAttribute.raw_socket: lambda: self._socket,
            SocketAttribute.remote_address: self._socket.getpeername,
        }

    async def receive(self, max_bytes: int = 65_536) -> bytes:
        """What has arrived, or arrives first; raises anyio.EndOfStream at the end."""
        try:
            data = await self._loop().sock_recv(self._socket, max_bytes)
        except OSError:
            raise anyio.BrokenResourceError from None
        if not data:
            raise anyio.EndOfStream
        return data

    async def send(self, item: bytes) -> None:
        """Hand on all of *item*; raises anyio.BrokenResourceError where nobody takes it."""
        try:
            await self._loop().sock_sendall(self._socket, item)
        except OSError:
            raise anyio.BrokenResourceError from None

    async def send_eof(self) -> None:
        """Say that no more comes."""
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            raise anyio.BrokenResourceError from None

    async def aclose(self) -> None:
        """Close; what was sent still leaves."""
        self._socket.close()

    def _loop(self) -> asyncio.AbstractEventLoop:
        if self._socket.fileno() < 0:
            raise anyio.ClosedResourceError
        return asyncio.get_running_loop()


async def connected(address: str, port: int) -> SocketBytes:
    """A connection to *address*, an IP address; raises OSError."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    opened.settimeout(0)
    try:
        await asyncio.get_running_loop().sock_connect(opened, (address, port))
    except BaseException:
        opened.close()
        raise
    return SocketBytes(opened)


def has_spoken(stream: ByteStream) -> bool:
    """Whether the other side of *stream*, or of what is below it, has said something, or ended.

    Nothing is read; in TLS it may be a word of its own.
    """
    return _polled(stream, select.POLLIN | select.POLLRDHUP)


def has_left(stream: ByteStream) -> bool:
    """Whether the other side of *stream* says no more: it closed, or ended its half."""
    return _polled(stream, select.POLLRDHUP)


def _polled(stream: ByteStream, events: int) -> bool:
    opened = stream.extra(SocketAttribute.raw_socket, None)  # noqa: S610 - no query set
    if opened is None:
        return False
    if opened.fileno() < 0:
        return True
    waiting = select.poll()
    waiting.register(opened, events)
    return bool(waiting.poll(0))
