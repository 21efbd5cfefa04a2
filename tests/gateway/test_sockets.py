from __future__ import annotations

import asyncio
import socket

import anyio
import pytest
from anyio.abc import ByteStream, SocketAttribute

from headway.gateway.sockets import SocketBytes, connected, has_left, has_spoken
from headway.http.server import listen


def pair() -> tuple[SocketBytes, socket.socket]:
    ours, theirs = socket.socketpair()
    return SocketBytes(ours), theirs


def test_bytes_and_their_end() -> None:
    async def said() -> None:
        stream, other = pair()
        with other:
            other.sendall(b"hello")
            assert await stream.receive(2) == b"he"
            assert await stream.receive() == b"llo"
            await stream.send(b"x" * 10)
            await stream.send_eof()
            assert other.recv(100) + other.recv(100) == b"x" * 10
        with pytest.raises(anyio.EndOfStream):
            await stream.receive()
        with pytest.raises(anyio.BrokenResourceError):
            await stream.send(b"x" * 10)
        await stream.aclose()
        for ask in (stream.receive, lambda: stream.send(b"x")):
            with pytest.raises(anyio.ClosedResourceError):
                await ask()
        with pytest.raises(anyio.BrokenResourceError):
            await stream.send_eof()

    asyncio.run(said())


def test_nothing_is_read_while_nobody_asks() -> None:
    """What anyio 4.16 does not hold to, for a socket that was accepted: that is why this exists."""

    async def said() -> int:
        stream, other = pair()
        other.settimeout(0)
        sent = 0
        async with stream:
            assert other.send(b"x" * 65_536)
            for _ in range(1_000):
                await stream.receive(1)
                await asyncio.sleep(0)
                try:
                    sent += other.send(b"x" * 65_536)
                except BlockingIOError:
                    other.close()
                    return sent
        return sent

    assert asyncio.run(said()) < 2_000_000  # what the system keeps


def test_a_connection_that_was_made() -> None:
    [opened] = listen(0, ["127.0.0.1"])

    async def asked() -> str:
        stream = await connected("127.0.0.1", opened.getsockname()[1])
        async with stream:
            told = stream.extra_attributes
            assert told[SocketAttribute.raw_socket]().fileno() > 0
            return str(told[SocketAttribute.remote_address]()[0])

    with opened:
        assert asyncio.run(asked()) == "127.0.0.1"
    for address in ("127.0.0.1", "::1"):
        with pytest.raises(OSError, match=r"\w"):
            asyncio.run(connected(address, 1))


def test_a_side_that_resets() -> None:
    [opened] = listen(0, ["127.0.0.1"])

    async def asked() -> None:
        async with await connected("127.0.0.1", opened.getsockname()[1]) as stream:
            accepted, _ = opened.accept()
            accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            accepted.close()
            with pytest.raises(anyio.BrokenResourceError):
                await stream.receive()

    with opened:
        asyncio.run(asked())


class Nowhere(ByteStream):
    """A stream with no socket below."""

    async def receive(self, max_bytes: int = 65_536) -> bytes:
        raise anyio.EndOfStream

    async def send(self, item: bytes) -> None:
        """To nobody."""

    async def send_eof(self) -> None:
        """To nobody."""

    async def aclose(self) -> None:
        """Nothing to close."""


def test_who_has_spoken() -> None:
    async def asked() -> None:
        stream, other = pair()
        assert not has_spoken(stream)
        other.sendall(b"x")
        assert has_spoken(stream)
        assert not has_left(stream)
        assert await stream.receive() == b"x"
        assert not has_spoken(stream)
        other.shutdown(socket.SHUT_WR)
        assert has_left(stream)
        other.close()
        assert has_spoken(stream)
        await stream.aclose()
        assert has_spoken(stream)
        assert not has_left(Nowhere())

    asyncio.run(asked())
