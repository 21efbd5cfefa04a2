"""A proxy that somebody else wrote, between a client, the authorization service and an upstream.

The upstream writes down each request as it came; the service has a clock that
a test sets; the client sends bytes.  All of it on loopback and free ports.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import http.client
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import pytest

from headway.gateway.config.values import Values
from headway.gateway.decide import Gateway
from headway.gateway.decision import Ask, Use
from headway.gateway.http_service import serving_http
from headway.gateway.own_paths import OwnPaths
from headway.gateway.policy_file import read_policy
from headway.gateway.rules import GatewayPolicy
from headway.gateway.service import AuthorizationService, Decides
from headway.gateway.tickets.trading import OwnAnswers, TicketGateway
from headway.http.server import listen

PLAIN = b"""
name = "api"
[[location]]
name = "jwt"
parameters = ["jwt"]
scheme = "JWT"
announced = 2021-01-01
warned = 2021-06-01
off = 2022-02-01
off_means = "refuse"
link = "https://docs.example/jwt"
[[location.brownout]]
start = 2021-12-01
end = 2021-12-02
[[location]]
name = "key"
parameters = ["api_key"]
header = "X-Api-Key"
scheme = ""
off = 2022-02-01
[[route]]
path = "/pub/*"
reason = "pictures in mails"
[metadata]
resource = "https://api.test/v2"
"""
POLICY = PLAIN + b'[tickets]\nstore = "tickets.db"\n'
WARNED, BROWNOUT, OFF = 1_625_140_800.0, 1_638_360_000.0, 1_654_041_600.0
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJhIn0.c2lnbmF0dXJlLXRoYXQtaXMtbm9uZQ"

PATHS = (
    "/", "/a", "/a/", "/a//b", "//a", "/a/./b", "/a/../b", "/a/%2e%2e/b", "/a/%2E/b",
    "/pub/../a", "/pub/%2e%2e/a", "/pub/.%2e/a", "/pub/%2e./a", "/pub//a", "/pub%2fa",
    "/pub/..%2fa", "/pub/%2f../a", "/pub/%5c..%5ca", "/pub/..;/a", "/pub;x/../a", "/a;b=c",
    "/a%20b", "/a+b", "/a%2Bb", "/%7Ea", "/~a", "/a%25b", "/a%c3%a9", "/a*b(c)", "/A/B",
    "/a:b@c", "/a,b;c",
)  # fmt: skip
"""Forms of a path that software reads differently (T7)."""


@dataclass
class Got:
    """A request as upstream got it."""

    line: str
    headers: list[tuple[str, str]]
    body: bytes = b""

    @property
    def target(self) -> str:
        return self.line.split(" ")[1]

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]


def accepts(key: str) -> str:
    """The answer to a client's key (RFC 6455 section 4.2.2)."""
    said = f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()
    return base64.b64encode(hashlib.sha1(said, usedforsecurity=False).digest()).decode()


class Upstream:
    """Answers 200 with the credentials that it got, and writes down what it got."""

    def __init__(self) -> None:
        got: list[Got] = []
        extra: list[tuple[str, str]] = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                got.append(Got(self.requestline, self.headers.items(), sent))
                if self.headers.get("Upgrade"):
                    self._change_over()
                    return
                body = (self.headers.get("Authorization") or "anonymous").encode()
                self.send_response(200)
                for name, value in extra:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def _change_over(self) -> None:
                """To whatever is asked for: then one line comes back as it came."""
                self.send_response(101)
                self.send_header("Upgrade", self.headers["Upgrade"])
                self.send_header("Connection", "Upgrade")
                if key := self.headers.get("Sec-WebSocket-Key"):
                    self.send_header("Sec-WebSocket-Accept", accepts(key))
                self.end_headers()
                self.wfile.write(self.rfile.readline())
                self.close_connection = True

            do_GET = do_POST = do_OPTIONS = _answer  # noqa: N815

            def log_message(self, *_: Any) -> None:
                """It has nothing to say."""

        self.got, self.extra = got, extra

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_: Any) -> None:
                """A proxy resets connections that it has no more use for."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Served:
    """A service on a loop of its own thread, until it is closed: as ``serve`` does it.

    With *how* ``serving``, an ASGI app.
    """

    def __init__(self, app: Any, port: int = 0, how: Any = serving_http) -> None:
        [opened] = listen(port, ["127.0.0.1"])
        self.address = f"127.0.0.1:{opened.getsockname()[1]}"
        self._loop = asyncio.new_event_loop()
        self._end = asyncio.Event()
        ready = threading.Event()

        async def run() -> None:
            async with how(app, [opened]):
                ready.set()
                await self._end.wait()

        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(run(),))
        self._thread.start()
        assert ready.wait(10)

    def close(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._end.set)
            self._thread.join()
            self._loop.close()


class AskedOverGrpc:
    """The service for Envoy, on a loop of its own thread, until it is closed."""

    def __init__(self, gateway: Decides, port: int = 0) -> None:
        from headway.gateway.grpc_service import EnvoyService, serving_grpc

        self._loop = asyncio.new_event_loop()
        self._end = asyncio.Event()
        ready = threading.Event()

        async def run() -> None:
            service = EnvoyService(gateway, peers=["127.0.0.1"])
            async with serving_grpc(service, f"127.0.0.1:{port}") as found:
                self.address = f"127.0.0.1:{found}"
                ready.set()
                await self._end.wait()

        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(run(),))
        self._thread.start()
        assert ready.wait(10)

    def close(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._end.set)
            self._thread.join()
            self._loop.close()


@dataclass
class Answer:
    """What the client got."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]


def asked(address: str, target: str, *lines: str, method: str = "GET", body: bytes = b"") -> Answer:
    """Ask for exactly *target*; *lines* are further header lines."""
    host, _, port = address.rpartition(":")
    head = "\r\n".join(
        [f"{method} {target} HTTP/1.1", "Host: api.test", "Connection: close", *lines]
    )
    with socket.create_connection((host, int(port)), timeout=10) as opened:
        opened.sendall(head.encode("latin-1") + b"\r\n\r\n" + body)
        answer = http.client.HTTPResponse(opened, method=method)
        answer.begin()
        with answer:
            return Answer(answer.status, answer.getheaders(), answer.read())


class Kept(dict[bytes, bytes]):
    """What keeps tickets, without a database."""

    def put(self, key: bytes, value: bytes, until: int) -> None:
        self[key] = value

    def take(self, key: bytes) -> bytes | None:
        return self.pop(key, None)


class Noted:
    """Writes down whose request is asked about, and has no answer."""

    def __init__(self, peers: list[str]) -> None:
        self._peers = peers

    async def aanswer(self, ask: Ask) -> None:
        self._peers.append(ask.peer)


@dataclass
class Proxied:
    """Everything together."""

    folder: Path
    policy: GatewayPolicy = field(default_factory=lambda: read_policy(POLICY))
    now: float = WARNED
    uses: list[Use] = field(default_factory=list)
    address: str = ""
    log: str = "log"  # where the proxy's access log is
    verifier: Any = None
    answered: list[str] = field(default_factory=list)  # who asked for what is the gateway's own

    def __post_init__(self) -> None:
        self.upstream = Upstream()
        gateway = Gateway(
            self.policy,
            clock=lambda: self.now,
            usage=self.uses.append,
            verifier=self.verifier,
        )
        self.trades = TicketGateway(gateway, Kept(), clock=lambda: self.now)
        own = OwnAnswers(
            Noted(self.answered), OwnPaths(gateway, clock=lambda: self.now), self.trades
        )
        self.app = AuthorizationService(self.trades, peers=["127.0.0.1"], own=own)
        self.service: Served | AskedOverGrpc = Served(self.app)

    def afresh(self) -> Self:
        """As if it had just begun: at a time of warnings, with nothing seen."""
        self.now = WARNED
        del self.upstream.got[:], self.upstream.extra[:], self.uses[:], self.answered[:]
        return self

    def values(self) -> Values:
        """What a configuration of the proxy is made of; it gets a free port."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        return Values(
            policy=self.policy,
            listen=self.address,
            upstream=self.upstream.address,
            service=self.service.address,
        )

    def ask(self, target: str, *lines: str, method: str = "GET", body: bytes = b"") -> Answer:
        """Through the proxy."""
        return asked(self.address, target, *lines, method=method, body=body)

    def got(self, target: str, *lines: str, method: str = "GET", body: bytes = b"") -> Got:
        """Through the proxy, and what upstream got of it."""
        del self.upstream.got[:]
        answer = self.ask(target, *lines, method=method, body=body)
        assert answer.status == 200, answer
        [got] = self.upstream.got
        return got

    def written(self, name: str, last: str) -> str:
        """What stands in a file once *last* does: proxies log after they have answered."""
        until = time.monotonic() + 5
        while last not in (text := (self.folder / name).read_text("utf-8", "replace")):
            assert time.monotonic() < until, text
            time.sleep(0.02)
        return text

    def changed_over(self, target: str, protocol: str) -> bytes:
        """What comes back where the client asks to go on in another protocol, and says a line."""
        host, _, port = self.address.rpartition(":")
        head = (
            f"GET {target} HTTP/1.1\r\nHost: api.test\r\nConnection: Upgrade\r\n"
            f"Upgrade: {protocol}\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        with socket.create_connection((host, int(port)), timeout=10) as opened:
            opened.sendall(head.encode())
            stream = opened.makefile("rb")
            told = stream.readline()
            while (line := stream.readline()) not in (b"\r\n", b""):
                told += line
            if told.startswith(b"HTTP/1.1 101"):
                opened.sendall(b"a line\n")
                told += stream.readline()
            return told

    def close(self) -> None:
        self.service.close()
        self.upstream.close()


@contextmanager
def running(command: list[str], address: str, log: Path) -> Iterator[None]:
    """A proxy's process, once *address* answers; stopped by its pid."""
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT
        )
        try:
            _wait(address, process, log)
            yield
        finally:
            process.terminate()
            process.wait(10)


def _wait(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    host, _, port = address.rpartition(":")
    until = time.monotonic() + 20
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(log.read_text("utf-8", "replace"))


def needs(program: str) -> Callable[[Any], Any]:
    """Skip what needs *program* where it is not there."""
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is missing")
