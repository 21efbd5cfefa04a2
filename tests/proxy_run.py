"""The built-in proxy on a loop of its own thread, an upstream that writes down bytes, and a client
that sends them.  All of it on loopback and free ports.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

import h11

from headway.gateway.decide import Gateway
from headway.gateway.decision import Use
from headway.gateway.middleware import Decides
from headway.gateway.policy_file import read_policy
from headway.gateway.proxy.exchange import Endpoint, Proxy
from headway.gateway.proxy.server import serving_proxy
from headway.gateway.proxy.settings import ProxySettings
from headway.gateway.proxy.upstreams import Upstream, Upstreams
from headway.http.server import listen

T = TypeVar("T")
WAIT = 30.0
POLICY = b"""
name = "api"
[[location]]
name = "jwt"
parameters = ["jwt"]
scheme = "JWT"
announced = 2021-01-01
off = 2022-02-01
off_means = "refuse"
[[location]]
name = "key"
parameters = ["api_key"]
header = "X-Api-Key"
scheme = ""
"""
WARNED, OFF = 1_625_140_800.0, 1_654_041_600.0


class OnLoop:
    """A loop on a thread, for what a test drives from outside."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()

    def start(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.start(work).result(WAIT)

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


@dataclass
class Heard:
    """A request as a strict reader of the upstream's side got it."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes = b""

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]


Speaks = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Raw:
    """An upstream: answers each request by *answer* (bytes), or is spoken for by *speaks*."""

    on: OnLoop
    answer: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    speaks: Speaks | None = None
    heard: list[Heard] = field(default_factory=list)
    connections: int = 0
    address: str = ""

    def __post_init__(self) -> None:
        [opened] = listen(0, ["127.0.0.1"])
        self.address = f"127.0.0.1:{opened.getsockname()[1]}"
        self._tasks: set[asyncio.Task[None]] = set()
        self._server = self.on.run(self._start(opened))

    async def _start(self, opened: socket.socket) -> asyncio.Server:
        return await asyncio.start_server(self._connected, sock=opened)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            with contextlib.suppress(OSError, h11.RemoteProtocolError, asyncio.CancelledError):
                await (self.speaks or self._served)(reader, writer)
        finally:
            writer.close()
            self._tasks.discard(task)

    async def _served(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        left = b""
        while True:
            request, left = await heard(reader, left)
            if request is None:
                return
            self.heard.append(request)
            writer.write(self.answer)
            await writer.drain()
            if b"connection: close" in self.answer.lower():
                return

    async def _stop(self) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.sleep(0)

    def close(self) -> None:
        self.on.run(self._stop())


async def heard(reader: asyncio.StreamReader, left: bytes = b"") -> tuple[Heard | None, bytes]:
    """The next request on a connection, read by h11, and what came after it."""
    wire = h11.Connection(h11.SERVER)
    wire.receive_data(left or await reader.read(65536))
    request: Heard | None = None
    while True:
        event = wire.next_event()
        if event is h11.NEED_DATA:
            wire.receive_data(await reader.read(65536))
        elif isinstance(event, h11.Request):
            lines = [(n.decode(), v.decode("latin-1")) for n, v in event.headers]
            request = Heard(event.method.decode(), event.target.decode(), lines)
        elif isinstance(event, h11.Data):
            assert request is not None
            request.body += event.data
        else:
            return request, wire.trailing_data[0]


@dataclass
class Told:
    """An answer."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]


class Wire:
    """A client that sends bytes as they are, and reads answers one by one."""

    def __init__(self, address: str, tls: ssl.SSLContext | None = None) -> None:
        host, _, port = address.rpartition(":")
        opened = socket.create_connection((host, int(port)), WAIT)
        self.socket = (
            opened if tls is None else tls.wrap_socket(opened, server_hostname="localhost")
        )
        self._left = b""

    def send(self, data: bytes | str) -> Self:
        self.socket.sendall(data.encode("latin-1") if isinstance(data, str) else data)
        return self

    def told(self, method: str = "GET") -> Told:
        """The next answer; informational ones are passed over.  EOFError where there is none."""
        wire = h11.Connection(h11.CLIENT)
        wire.send(h11.Request(method=method, target="/", headers=[("Host", "a")]))
        wire.send(h11.EndOfMessage())
        if self._left:
            wire.receive_data(self._left)
        status, headers, body = 0, [], b""
        while True:
            event = wire.next_event()
            if event is h11.NEED_DATA:
                data = self.socket.recv(65536)
                if not data and not status:
                    raise EOFError
                wire.receive_data(data)
            elif isinstance(event, h11.Response):
                status = event.status_code
                headers = [(n.decode(), v.decode("latin-1")) for n, v in event.headers]
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                self._left = bytes(wire.trailing_data[0])
                return Told(status, headers, body)

    def rest(self) -> bytes:
        """Everything up to the end of the connection."""
        data, self._left = self._left, b""
        while piece := self.socket.recv(65536):
            data += piece
        return data

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass
class Running:
    """The proxy, in front of one upstream of ours and of whatever else is named."""

    settings: ProxySettings = field(default_factory=ProxySettings)
    policy: bytes = POLICY
    more: Sequence[str] = ()  # further upstreams, by their URLs
    instead: Sequence[str] = ()  # upstreams in place of ours
    tls: ssl.SSLContext | None = None
    upstream_tls: ssl.SSLContext | None = None
    endpoints: Sequence[Endpoint] = ()
    gateway: Decides | None = None
    now: float = WARNED
    uses: list[Use] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.on = OnLoop()
        self.upstream = Raw(self.on)
        urls = self.instead or [f"http://{self.upstream.address}", *self.more]
        self.upstreams = Upstreams(
            [Upstream(url, self.upstream_tls) for url in urls], self.settings
        )
        gateway = self.gateway or Gateway(
            read_policy(self.policy), clock=lambda: self.now, usage=self.uses.append
        )
        scheme = "http" if self.tls is None else "https"
        self.proxy = Proxy(
            gateway, self.upstreams, self.settings, scheme=scheme, endpoints=self.endpoints
        )
        [opened] = listen(0, ["127.0.0.1"])
        self.address = f"127.0.0.1:{opened.getsockname()[1]}"
        self._serving = serving_proxy(self.proxy, [opened], self.tls)
        self.on.run(self._serving.__aenter__())
        self._stopped = False

    def afresh(self) -> None:
        """As if nothing had been asked of upstream, so that its next connection is a new one."""

        async def close() -> None:
            self.upstreams.close()

        self.on.run(close())
        for each in self.upstreams.all:
            each.fails, each.out_until = 0, 0.0

    def stop(self) -> None:
        if not self._stopped:
            self._stopped = True
            self.on.run(self._serving.__aexit__(None, None, None))

    def close(self) -> None:
        self.stop()
        self.upstream.close()
        self.on.close()

    def wire(self, tls: ssl.SSLContext | None = None) -> Wire:
        return Wire(self.address, tls)

    def ask(self, target: str = "/", *lines: str, method: str = "GET", body: bytes = b"") -> Told:
        """One request, on a connection of its own."""
        head = "\r\n".join([f"{method} {target} HTTP/1.1", "Host: api.test", *lines])
        length = f"\r\nContent-Length: {len(body)}" if body else ""
        with self.wire() as wire:
            wire.send(f"{head}{length}\r\n\r\n").send(body)
            return wire.told(method)

    def got(self, target: str = "/", *lines: str, method: str = "GET", body: bytes = b"") -> Heard:
        """The same, and what upstream got of it."""
        del self.upstream.heard[:]
        told = self.ask(target, *lines, method=method, body=body)
        assert told.status == 200, told
        [got] = self.upstream.heard
        return got

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def until(true: Callable[[], bool]) -> None:
    """Wait until something is so."""
    end = time.monotonic() + WAIT
    while not true():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.01)


@contextlib.contextmanager
def running(**told: Any) -> Iterator[Running]:
    """A proxy with these settings, while the block runs."""
    with Running(**told) as proxy:
        yield proxy
