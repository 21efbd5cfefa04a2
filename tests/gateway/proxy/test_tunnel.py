from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from headway.gateway.proxy.settings import ProxySettings, Timeouts
from headway.gateway.proxy.tunnel import agrees
from headway.http.server import listen
from proxy_run import Running, running, until

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJhIn0.c2lnbmF0dXJlLXRoYXQtaXMtbm9uZQ"
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
GOOD = (
    ("upgrade", "websocket"),
    ("connection", "Upgrade"),
    ("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
)
ASKS = (
    "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    f"Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


@contextmanager
def chatting(settings: ProxySettings | None = None) -> Iterator[tuple[Running, list[str]]]:
    """A proxy before a real WebSocket server that sends back what it gets, and asks for tokens."""
    seen: list[str] = []

    async def echo(connection: ServerConnection) -> None:
        assert connection.request is not None
        seen.append(connection.request.path)
        seen.append(connection.request.headers.get("Authorization", ""))
        with contextlib.suppress(ConnectionClosed):
            async for message in connection:
                await connection.send(message)

    [opened] = listen(0, ["127.0.0.1"])
    port = opened.getsockname()[1]
    with running(
        instead=[f"http://127.0.0.1:{port}"], settings=settings or ProxySettings()
    ) as proxy:

        async def start() -> Server:
            return await serve(echo, sock=opened, compression=None)

        server = proxy.on.run(start())
        try:
            yield proxy, seen
        finally:
            proxy.on.loop.call_soon_threadsafe(server.close)
            proxy.on.run(server.wait_closed())


def test_a_websocket_passes_and_its_token_moves() -> None:
    with chatting() as (proxy, seen):
        with connect(f"ws://{proxy.address}/chat?a=1&jwt={TOKEN}", compression=None) as socket:
            for message in ("hello", "x" * 300_000, b"\x00\xff"):
                socket.send(message)
                assert socket.recv(30) == message
        assert seen == ["/chat?a=1", f"JWT {TOKEN}"]
        until(lambda: proxy.upstreams.all[0].active == 0)


def test_a_websocket_that_upstream_refuses_is_an_answer() -> None:
    with running() as proxy:
        with pytest.raises(InvalidStatus) as refused:
            connect(f"ws://{proxy.address}/", compression=None)
        assert refused.value.response.status_code == 200
        [got] = proxy.upstream.heard
        assert (got.all("connection"), got.all("upgrade")) == (["upgrade"], ["websocket"])


@pytest.mark.parametrize(
    "answer",
    [
        "Upgrade: h2c\r\nConnection: upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
        "Upgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
        "Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: AAAA",
        "Upgrade: websocket\r\nConnection: upgrade",
    ],
    ids=["another protocol", "no connection", "another key", "no key"],
)
def test_t24_only_a_valid_101_opens_a_tunnel(answer: str) -> None:
    with running() as proxy, proxy.wire() as wire:
        proxy.upstream.answer = f"HTTP/1.1 101 Switching\r\n{answer}\r\n\r\n".encode()
        told = wire.send(ASKS).told()
        assert (told.status, told.all("connection")) == (502, ["close"])
        assert wire.rest() == b""


def test_t24_h2c_is_no_upgrade() -> None:
    with running() as proxy, proxy.wire() as wire:
        wire.send(
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\n"
            "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n"
        )
        assert wire.told().status == 200
        [got] = proxy.upstream.heard
        assert got.all("upgrade") == got.all("http2-settings") == got.all("connection") == []


def test_what_is_said_early_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    async def speaks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        lines = "\r\n".join(f"{name}: {value}" for name, value in GOOD)
        writer.write(f"HTTP/1.1 101 Switching\r\n{lines}\r\n\r\nfirst".encode())
        assert await reader.readexactly(5) == b"early"
        writer.write(b"second")
        await writer.drain()

    with running() as proxy, proxy.wire() as wire:
        proxy.upstream.speaks = speaks
        wire.send(ASKS + "early")
        told = wire.rest()
        assert told.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
        assert told.endswith(b"\r\n\r\nfirstsecond")


def test_a_client_that_leaves_ends_the_tunnel() -> None:
    left: list[bytes] = []

    async def speaks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        lines = "\r\n".join(f"{name}: {value}" for name, value in GOOD)
        writer.write(f"HTTP/1.1 101 Switching\r\n{lines}\r\n\r\n".encode())
        left.append(await reader.read())

    with running() as proxy:
        proxy.upstream.speaks = speaks
        with proxy.wire() as wire:
            wire.send(ASKS)
            until(lambda: wire.socket.recv(1000) != b"")
        until(lambda: left == [b""])
        until(lambda: proxy.upstreams.all[0].active == 0)


def test_a_tunnel_without_a_byte_ends() -> None:
    with (
        chatting(ProxySettings(timeouts=Timeouts(tunnel=0.6))) as (proxy, _),
        connect(f"ws://{proxy.address}/", compression=None, ping_interval=None) as socket,
    ):
        for _ in range(8):  # whatever moves keeps it open
            socket.send("x")
            assert socket.recv(30) == "x"
            with contextlib.suppress(TimeoutError):
                socket.recv(0.1)
        with pytest.raises(ConnectionClosed):
            socket.recv(30)


def test_agreeing() -> None:
    assert agrees(KEY, GOOD)
    assert not agrees(KEY, (*GOOD, GOOD[2]))
    assert not agrees("AAAAAAAAAAAAAAAAAAAAAA==", GOOD)
