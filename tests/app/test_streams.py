from __future__ import annotations

import asyncio
import contextlib
import gc
import hashlib
import os
import socket
import ssl
import threading
import time

import httpcore
import pytest

from app.sites import until
from headway.app.redirects import GuardedBackend, SyncGuardedBackend
from headway.app.streams import WIDE, LoopStream, ThreadStream, connect, connect_sync
from headway.keys import new_server_identity

DATA = os.urandom(1 << 20) * 3
HOST = "media.example"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """(context of the server, context of the client): an authority for one name."""
    made = new_server_identity(HOST, time.time())
    folder = tmp_path_factory.mktemp("tls")
    (folder / "chain.pem").write_bytes(made.chain)
    (folder / "key.pem").write_bytes(made.key)
    serves = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serves.load_cert_chain(folder / "chain.pem", folder / "key.pem")
    asks = ssl.create_default_context(cadata=made.authority.decode())
    return serves, asks


class Peer:
    """Does *answer* with each connection that comes; over TLS where there is a context."""

    def __init__(self, answer, tls=None):
        self._answer, self._tls = answer, tls
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.failures = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                opened, _ = self._listening.accept()
                try:
                    with (
                        opened
                        if self._tls is None
                        else self._tls.wrap_socket(opened, server_side=True) as connection
                    ):
                        self._answer(connection)
                except OSError as error:
                    self.failures.append(type(error).__name__)
                finally:
                    opened.close()

    def close(self):
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()


@pytest.fixture
def peer():
    peers = []

    def start(answer, tls=None):
        peers.append(Peer(answer, tls))
        return peers[-1]

    yield start
    for each in peers:
        each.close()
    gc.collect()


def file(connection):
    """A file over HTTP, whatever was asked for."""
    connection.recv(65_536)
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(DATA)}\r\nConnection: close\r\n\r\n"
    connection.sendall(head.encode() + DATA)


def fetched(sync, port, tls=None, host=HOST, scheme=None):
    """The file, by httpcore on our streams; the name resolves to this machine."""
    resolve = lambda *_: ["127.0.0.1"]  # noqa: E731
    url = f"{scheme or ('https' if tls else 'http')}://{host}:{port}/file"
    if sync:
        backend = SyncGuardedBackend(development=True, resolve=resolve)
        with httpcore.ConnectionPool(ssl_context=tls, network_backend=backend) as pool:
            return pool.request("GET", url).content

    async def ask():
        backend = GuardedBackend(development=True, resolve=resolve)
        async with httpcore.AsyncConnectionPool(ssl_context=tls, network_backend=backend) as pool:
            return (await pool.request("GET", url)).content

    return asyncio.run(ask())


BOTH = pytest.mark.parametrize("sync", [True, False], ids=["threads", "loop"])


@BOTH
@pytest.mark.parametrize("over_tls", [False, True], ids=["plain", "tls"])
def test_a_file_comes_whole(sync, over_tls, peer, certificate):
    serves, asks = certificate if over_tls else (None, None)
    data = fetched(sync, peer(file, serves).port, asks)
    assert hashlib.sha256(data).digest() == hashlib.sha256(DATA).digest()


@BOTH
def test_a_certificate_of_another_name_is_refused_t14(sync, peer, certificate):
    serves, asks = certificate
    with pytest.raises(httpcore.ConnectError):
        fetched(sync, peer(file, serves).port, asks, host="other.example")


@BOTH
def test_a_peer_that_speaks_no_tls(sync, peer, certificate):
    with pytest.raises(httpcore.ConnectError):
        fetched(sync, peer(lambda c: c.sendall(b"HTTP/1.1 200 OK\r\n\r\n")).port, certificate[1])


@BOTH
def test_nobody_is_there(sync):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(httpcore.ConnectError):
        fetched(sync, port)


# ---- the stream of a loop -------------------------------------------------------------------


def with_stream(port, use, **more):
    async def go():
        stream = await connect("127.0.0.1", port, 5, **more)
        assert isinstance(stream, LoopStream)
        try:
            return await use(stream)
        finally:
            await stream.aclose()

    return asyncio.run(go())


def test_what_is_not_read_stays_with_the_peer(peer):
    """The buffer is full once, and the peer waits; nothing is lost when reading goes on."""

    async def use(stream):
        await until(lambda: stream._receiver.filled == WIDE)
        assert stream.get_extra_info("is_readable")
        parts = []
        while part := await stream.read(10, 5):
            assert len(part) <= WIDE
            parts.append(part)
        assert stream.get_extra_info("is_readable")
        assert await stream.read(10, 5) == b""
        return b"".join(parts)

    assert with_stream(peer(lambda c: c.sendall(DATA)).port, use) == DATA


def test_silence_is_given_up(peer):
    async def use(stream):
        assert not stream.get_extra_info("is_readable")
        with pytest.raises(httpcore.ReadTimeout):
            await stream.read(10, 0.05)

    with_stream(peer(lambda c: c.recv(1)).port, use)


def test_a_connection_that_breaks(peer):
    def reset(connection):
        connection.recv(1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    async def use(stream):
        await stream.write(b"x", 5)
        with pytest.raises(httpcore.ReadError, match="Connection"):
            await stream.read(10, 5)
        with pytest.raises(httpcore.WriteError):
            await stream.write(b"x", 5)

    with_stream(peer(reset).port, use)


def test_a_peer_that_does_not_take_what_is_written(peer):
    done = threading.Event()

    async def use(stream):
        with pytest.raises(httpcore.WriteTimeout):
            await stream.write(bytes(32 << 20), 0.1)

    with_stream(peer(lambda c: done.wait(5)).port, use)
    done.set()


def test_a_peer_that_takes_it_slowly(peer):
    got = []

    def take(connection):
        time.sleep(0.05)
        while block := connection.recv(1 << 20):
            got.append(len(block))
            if sum(got) == 16 << 20:
                return

    async def use(stream):
        await stream.write(bytes(16 << 20), 5)
        await stream.read(1, 5)

    with_stream(peer(take).port, use)
    assert sum(got) == 16 << 20


def test_a_handshake_that_takes_too_long(peer, certificate):
    done = threading.Event()

    async def use(stream):
        with pytest.raises(httpcore.ConnectTimeout):
            await stream.start_tls(certificate[1], HOST, 0.05)

    with_stream(peer(lambda c: done.wait(5)).port, use)
    done.set()


def test_where_it_comes_from_and_how(peer):
    async def use(stream):
        opened = stream.get_extra_info("socket")
        assert opened.getsockname()[0] == "127.0.0.3"
        assert opened.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert stream.get_extra_info("ssl_object") is None

    option = (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    port = peer(lambda c: c.recv(1)).port
    with_stream(port, use, local_address="127.0.0.3", socket_options=[option])


def test_a_connection_that_is_not_answered(monkeypatch):
    async def silent(*_, **__):
        await asyncio.sleep(5)

    async def go():
        monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", silent)
        await connect("127.0.0.1", 9, 0.05)

    with pytest.raises(httpcore.ConnectTimeout):
        asyncio.run(go())


# ---- the stream of a thread -----------------------------------------------------------------


def test_records_of_tls_come_together(peer, certificate):
    serves, asks = certificate
    sent = threading.Event()

    def send(connection):
        connection.sendall(DATA[: 8 * 16_384])
        sent.set()
        connection.recv(1)

    stream = connect_sync("127.0.0.1", peer(send, serves).port, 5).start_tls(asks, HOST, 5)
    assert isinstance(stream, ThreadStream)
    assert sent.wait(5)
    time.sleep(0.05)
    assert len(stream.read(65_536, 5)) > 16_384
    stream.write(b"x", 5)
    assert stream.get_extra_info("ssl_object") is not None
    while stream.read(65_536, 5):
        pass
    stream.close()
