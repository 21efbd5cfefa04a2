"""Connections for large files: read in large pieces, with and without an event loop.

What a file costs is counted in pieces: each goes through the parser of HTTP and
through Python.  The usual streams give 64 KiB of plain text, and 16 KiB (one
record) of TLS; these give what is there, up to ``WIDE``.
"""

from __future__ import annotations

import asyncio
import select
import ssl
from collections.abc import Iterable
from typing import Any

import httpcore

__all__ = ["WIDE", "LoopStream", "ThreadStream", "connect", "connect_sync"]

WIDE = 1 << 18  # bytes that are read at once


# ---- with an event loop ---------------------------------------------------------------------


class _Receiver(asyncio.BufferedProtocol):
    """Lets the loop, or TLS in it, write straight into one buffer; stops it when that is full."""

    def __init__(self) -> None:
        self.transport: Any = None
        self.ended = False
        self.failure: Exception | None = None
        self._buffer = bytearray(WIDE)
        self._view = memoryview(self._buffer)
        self.filled = 0
        self._full = False
        self._coming = asyncio.Event()
        self.may_write = asyncio.Event()
        self.may_write.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._view[self.filled :]

    def buffer_updated(self, nbytes: int) -> None:
        self.filled += nbytes
        if self.filled == WIDE:
            self._full = True
            self.transport.pause_reading()
        self._coming.set()

    def eof_received(self) -> None:
        self.ended = True
        self._coming.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = True
        self.failure = exc
        self._coming.set()
        self.may_write.set()

    def pause_writing(self) -> None:
        self.may_write.clear()

    def resume_writing(self) -> None:
        self.may_write.set()

    async def take(self) -> bytes:
        """What is there, once something is; b"" at the end.  Raises what broke the connection."""
        while not self.filled:
            if self.failure is not None:
                raise self.failure
            if self.ended:
                return b""
            self._coming.clear()
            await self._coming.wait()
        data = bytes(self._view[: self.filled])
        self.filled = 0
        if self._full:
            self._full = False
            self.transport.resume_reading()
        return data


class LoopStream(httpcore.AsyncNetworkStream):
    """A connection of the running loop; made by :func:`connect`."""

    def __init__(self, receiver: _Receiver) -> None:
        self._receiver = receiver

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        """What is there, at most :data:`WIDE` bytes, whatever less was asked for."""
        try:
            async with asyncio.timeout(timeout):
                return await self._receiver.take()
        except TimeoutError:
            raise httpcore.ReadTimeout("nothing came in time") from None
        except OSError as error:
            raise httpcore.ReadError(type(error).__name__) from None

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """Write all of *buffer*, or wait until there is room for more."""
        receiver = self._receiver
        receiver.transport.write(buffer)
        try:
            async with asyncio.timeout(timeout):
                await receiver.may_write.wait()
        except TimeoutError:
            raise httpcore.WriteTimeout("nothing was taken in time") from None
        if receiver.failure is not None:
            raise httpcore.WriteError(type(receiver.failure).__name__)

    async def aclose(self) -> None:
        """Close it at once: what is framed by HTTP needs no farewell of TLS."""
        self._receiver.transport.abort()
        await asyncio.sleep(0)

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore.AsyncNetworkStream:
        """The same with TLS on it; raises ConnectError where the certificate is not the host's."""
        receiver, loop = self._receiver, asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout):
                receiver.transport = await loop.start_tls(
                    receiver.transport, receiver, ssl_context, server_hostname=server_hostname
                )
        except TimeoutError:
            await self.aclose()
            raise httpcore.ConnectTimeout("TLS was not agreed on in time") from None
        except OSError as error:
            await self.aclose()
            raise httpcore.ConnectError(type(error).__name__) from None
        return self

    def get_extra_info(self, info: str) -> Any:
        """What httpcore asks: whether an idle connection is over, and the TLS object."""
        receiver = self._receiver
        if info == "is_readable":
            return receiver.ended or receiver.filled > 0
        return receiver.transport.get_extra_info(info)


async def connect(
    address: str,
    port: int,
    timeout: float | None = None,  # noqa: ASYNC109
    local_address: str | None = None,
    socket_options: Iterable[Any] | None = None,
) -> LoopStream:
    """Connect to an *address*, not to a name.  Raises httpcore's ConnectError, ConnectTimeout."""
    loop = asyncio.get_running_loop()
    local = None if local_address is None else (local_address, 0)
    try:
        async with asyncio.timeout(timeout):
            _, receiver = await loop.create_connection(_Receiver, address, port, local_addr=local)
    except TimeoutError:
        raise httpcore.ConnectTimeout("nobody answered in time") from None
    except OSError as error:
        raise httpcore.ConnectError(type(error).__name__) from None
    for option in socket_options or ():
        receiver.transport.get_extra_info("socket").setsockopt(*option)
    return LoopStream(receiver)


# ---- with threads ---------------------------------------------------------------------------


class ThreadStream(httpcore.NetworkStream):
    """*inner*, read in larger pieces: of TLS, all records that are there already."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """What is there, at most :data:`WIDE` bytes, whatever less was asked for."""
        first = self._inner.read(WIDE, timeout)
        over_tls = self._inner.get_extra_info("ssl_object")
        if over_tls is None or not first:
            return first
        parts, size = [first], len(first)
        waiting = select.poll()
        waiting.register(self._inner.get_extra_info("socket"), select.POLLIN)
        while size < WIDE and (over_tls.pending() or waiting.poll(0)):
            part = self._inner.read(WIDE - size, timeout)
            if not part:
                break  # the end: the next read says so again
            parts.append(part)
            size += len(part)
        return b"".join(parts)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all of *buffer*."""
        self._inner.write(buffer, timeout)

    def close(self) -> None:
        """Close it."""
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        """The same with TLS on it."""
        return ThreadStream(self._inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        """What *inner* knows of itself."""
        return self._inner.get_extra_info(info)


def connect_sync(
    address: str,
    port: int,
    timeout: float | None = None,
    local_address: str | None = None,
    socket_options: Iterable[Any] | None = None,
) -> ThreadStream:
    """Connect to an *address*, not to a name.  Raises httpcore's ConnectError, ConnectTimeout."""
    backend = httpcore.SyncBackend()
    return ThreadStream(backend.connect_tcp(address, port, timeout, local_address, socket_options))
