"""Bytes to and from one peer: with time-outs, and no faster than the other side takes them."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

__all__ = ["PIECE", "Stream", "accepting", "connect"]

PIECE = 65_536
"""How much is read at once; a buffer holds twice that, and then the sender waits."""

_RESET = struct.pack("ii", 1, 0)
LINGER_BYTES, LINGER_SECONDS = 1 << 20, 2.0


class _Protocol(asyncio.StreamReaderProtocol):
    """Streams that tell when the peer is gone, and when it speaks while nobody reads."""

    on_end: Callable[[], None] | None = None
    spoke = False

    def data_received(self, data: bytes) -> None:
        self.spoke = True
        super().data_received(data)

    def eof_received(self) -> bool | None:
        kept = super().eof_received()
        self._ended()
        return kept

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._ended()

    def _ended(self) -> None:
        if self.on_end is not None:
            self.on_end()


class Stream:
    """One connection.  Reading and writing raise OSError, of which TimeoutError is one."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, protocol: _Protocol
    ) -> None:
        self._reader, self._writer, self._protocol = reader, writer, protocol

    def info(self, name: str) -> Any:
        """Of the transport: ``peername``, ``ssl_object``."""
        return self._writer.get_extra_info(name)

    async def read(self, seconds: float) -> bytes:
        """What has arrived, or arrives first; nothing at the end."""
        async with asyncio.timeout(seconds):
            return await self._reader.read(PIECE)

    async def write(self, pieces: Sequence[bytes | bytearray | memoryview], seconds: float) -> None:
        """Hand on *pieces*; waits while the peer takes them more slowly than they come."""
        if self._writer.is_closing():
            raise ConnectionResetError("the connection is closed")
        self._writer.writelines(pieces)
        if self._writer.transport.get_write_buffer_size():
            async with asyncio.timeout(seconds):
                await self._writer.drain()

    def when_ended(self, tell: Callable[[], None] | None) -> None:
        """Let *tell* know that the peer has gone, at once where it has; None ends that."""
        self._protocol.on_end = tell
        if tell is not None and self.has_ended:
            tell()

    @property
    def has_ended(self) -> bool:
        """Whether the peer sends no more."""
        return self._reader.at_eof() or self._writer.is_closing()

    def rest(self) -> None:
        """From now on the peer has nothing to say."""
        self._protocol.spoke = False

    @property
    def has_spoken(self) -> bool:
        """Whether the peer said anything since :meth:`rest`, or left."""
        return self._protocol.spoke or self.has_ended

    def end(self) -> None:
        """Say that no more comes, where that can be said (not in TLS)."""
        if self._writer.can_write_eof() and not self._writer.is_closing():
            self._writer.write_eof()

    async def linger(self) -> None:
        """Close, and let the peer read what was written: a reset would throw it away."""
        self.end()
        try:
            async with asyncio.timeout(LINGER_SECONDS):
                left = LINGER_BYTES
                while left > 0 and (data := await self._reader.read(PIECE)):
                    left -= len(data)
        except OSError:
            pass
        self.close()

    def close(self) -> None:
        """Close once what was written has left."""
        self._protocol.on_end = None
        self._writer.close()

    def abort(self) -> None:
        """End the connection here and now: what is half said can not be taken for the whole."""
        self._protocol.on_end = None
        if not self._writer.is_closing():
            # A reset, where a plain end would make half an answer look whole.
            opened = self._writer.get_extra_info("socket")
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._writer.transport.abort()


def accepting(serve: Callable[[Stream], Awaitable[None]]) -> Callable[[], asyncio.Protocol]:
    """What makes a protocol for each connection that is accepted, and serves it by *serve*."""

    def make() -> asyncio.Protocol:
        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await serve(Stream(reader, writer, protocol))

        protocol = _Protocol(asyncio.StreamReader(limit=PIECE), connected)
        return protocol

    return make


async def connect(
    host: str, port: int, seconds: float, tls: ssl.SSLContext | None = None
) -> Stream:
    """A connection to *host*; raises OSError, or TimeoutError after *seconds*."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=PIECE)
    protocol = _Protocol(reader)
    async with asyncio.timeout(seconds):
        transport, _ = await loop.create_connection(lambda: protocol, host, port, ssl=tls)
    return Stream(reader, asyncio.StreamWriter(transport, protocol, reader, loop), protocol)
