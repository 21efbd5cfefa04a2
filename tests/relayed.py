"""A relay that runs in this process, and the sites that it goes to."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import anyio

from headway.gateway.decide import Gateway
from headway.gateway.decision import Use
from headway.gateway.relay.authority import LocalAuthority
from headway.gateway.relay.dialing import dial, upstream_tls
from headway.gateway.relay.doors import BaseUrl, Proxy
from headway.gateway.relay.policy import moving
from headway.gateway.relay.relay import Relay
from headway.gateway.relay.serving import serve_relay
from headway.gateway.relay.sites import Site as Named
from headway.gateway.relay.sites import read_site
from headway.gateway.rules import GatewayPolicy
from headway.http.server import listen, server_tls
from headway.keys import new_server_identity

SECONDS = 30
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJhcHAifQ.c2lnbmF0dXJl"
MOVED = f"JWT {TOKEN}"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
JWT = moving(["jwt"], header="Authorization", scheme="JWT")


def head(connection: socket.socket) -> bytes:
    """The next head that *connection* says; nothing at its end."""
    read = b""
    while not read.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        if not byte:
            return b""
        read += byte
    return read


def body(connection: socket.socket, size: int) -> bytes:
    """The next *size* bytes."""
    read = b""
    while len(read) < size:
        data = connection.recv(size - len(read))
        assert data
        read += data
    return read


def answers(*said: bytes) -> Callable[[socket.socket, list[bytes]], None]:
    """What a site does that answers each head with the next of *said*, and then ends."""

    def serve(connection: socket.socket, heard: list[bytes]) -> None:
        for answer in said:
            asked = head(connection)
            if not asked:
                return
            heard.append(asked)
            connection.sendall(answer)

    return serve


class Upstream:
    """A site: *serve* has each connection; *heard* is what it wrote down."""

    def __init__(
        self,
        serve: Callable[[socket.socket, list[bytes]], None],
        folder: Path | None = None,
        name: str = "localhost",
    ) -> None:
        self.heard: list[bytes] = []
        self.connections = 0
        self._serve = serve
        [self._listening] = listen(0, ["127.0.0.1"])
        self.port = self._listening.getsockname()[1]
        self.tls: ssl.SSLContext | None = None
        self.authority: Path | None = None
        if folder is not None:
            identity = new_server_identity(name, time.time())
            file, self.authority = folder / "site.pem", folder / "site-authority.pem"
            file.write_bytes(identity.key + identity.chain)
            self.authority.write_bytes(identity.authority)
            self.tls = server_tls(file)
        self.url = f"http{'' if self.tls is None else 's'}://localhost:{self.port}"
        self._threads = [threading.Thread(target=self._run, daemon=True)]
        self._threads[0].start()

    @property
    def site(self) -> Named:
        return read_site(self.url)

    @property
    def host(self) -> bytes:
        return f"localhost:{self.port}".encode()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._one, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _one(self, connection: socket.socket) -> None:
        connection.settimeout(SECONDS)
        with connection, contextlib.suppress(OSError):
            if self.tls is None:
                self._serve(connection, self.heard)
                return
            with self.tls.wrap_socket(connection, server_side=True) as secure:
                self._serve(secure, self.heard)

    def close(self) -> None:
        """Take no more, and wait for what runs."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for thread in self._threads:
            thread.join(SECONDS)


@contextmanager
def upstream(
    serve: Callable[[socket.socket, list[bytes]], None], folder: Path | None = None
) -> Iterator[Upstream]:
    """A site on a free port; with *folder* in TLS."""
    running = Upstream(serve, folder)
    try:
        yield running
    finally:
        running.close()


def passing(port: int) -> Callable[[socket.socket, list[bytes]], None]:
    """What a proxy does that answers a CONNECT to *port* here, and passes everything on."""

    def one_way(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def serve(connection: socket.socket, heard: list[bytes]) -> None:
        heard.append(head(connection))
        with socket.create_connection(("127.0.0.1", port), SECONDS) as there:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=one_way, args=(there, connection))
            back.start()
            one_way(connection, there)
            back.join(SECONDS)

    return serve


class Relayed:
    """A relay on free ports, on a loop of its own."""

    def __init__(
        self,
        sites: Sequence[Named],
        *,
        bases: Sequence[Named] = (),
        policy: GatewayPolicy = JWT,
        password: str = "",
        tunnels: Sequence[str] = (),
        extra: Path | None = None,
        folder: Path | None = None,
    ) -> None:
        self.uses: list[Use] = []
        names = [site.host for site in sites if site.scheme == "https"]
        self.authority = LocalAuthority(names, folder / "relay") if folder and names else None
        self.relay = Relay(
            Proxy(sites, password),
            Gateway(policy, usage=self.uses.append),
            partial(dial, tls=upstream_tls(extra)),
            authority=self.authority,
            tunnels=tunnels,
        )
        opened = [listen(0, ["127.0.0.1"])[0] for _ in range(1 + len(bases))]
        self.port, *self.bases = (each.getsockname()[1] for each in opened)
        doors = [None, *(BaseUrl(s, p) for s, p in zip(bases, self.bases, strict=True))]
        self._sockets = dict(zip(opened, doors, strict=True))
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._thread.start()
        assert self._started.wait(SECONDS)

    async def _run(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), anyio.Event()
        self._started.set()
        await serve_relay(self.relay, self._sockets, self._end)

    def connect(self, port: int | None = None) -> socket.socket:
        """A program's connection to the relay."""
        return socket.create_connection(("127.0.0.1", port or self.port), SECONDS)

    def say(self, raw: bytes, port: int | None = None) -> bytes:
        """Everything that is answered to *raw*, until the connection ends."""
        with self.connect(port) as connection:
            connection.sendall(raw)
            return everything(connection)

    def close(self) -> None:
        """Stop; what runs has its time."""
        with contextlib.suppress(RuntimeError):  # it has ended already
            self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(SECONDS)
        assert not self._thread.is_alive()


def everything(connection: socket.socket) -> bytes:
    """All that *connection* still says."""
    read = b""
    with contextlib.suppress(ConnectionResetError):
        while data := connection.recv(65536):
            read += data
    return read


@contextmanager
def relayed(*sites: Named | Upstream, **options: object) -> Iterator[Relayed]:
    """A relay to *sites*."""
    named = [each.site if isinstance(each, Upstream) else each for each in sites]
    running = Relayed(named, **options)  # type: ignore[arg-type]
    try:
        yield running
    finally:
        running.close()


def tunnel(running: Relayed, site: Upstream, asked: str = "localhost") -> ssl.SSLSocket:
    """A program's connection to *site* through the relay, in TLS that it checks."""
    assert running.authority is not None
    connection = running.connect()
    connection.sendall(b"CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (site.host, site.host))
    assert head(connection).startswith(b"HTTP/1.1 200 ")
    context = ssl.create_default_context(cafile=running.authority.file)
    if asked != "localhost":
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(connection, server_hostname=asked)
