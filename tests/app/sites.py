"""A site to call without a network, and a server on loopback that streams, breaks and resumes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import httpx

from headway import jwt
from headway.app.calls import Timing
from headway.model import Installation, Product, Secret

NOW = 1_700_000_000
BEARER_LIKE = "X-Signature=opens-the-file-for-anyone"
SITE = "https://x.atlassian.net"
WIKI = "https://x.atlassian.net/wiki"
MEDIA = "https://api.media.atlassian.com"


def installation(
    base_url: str = SITE, product: Product = Product.JIRA, **more: Any
) -> Installation:
    given = {
        "app_key": "my-app",
        "client_key": "site-1",
        "base_url": base_url,
        "product": product,
        "shared_secret": Secret("a shared secret of 32 bytes......"),
        "oauth_client_id": "client-1",
        **more,
    }
    return Installation(**given)


def wiki(**more: Any) -> Installation:
    return installation(WIKI, Product.CONFLUENCE, **more)


def run(coroutine: Any) -> Any:
    return asyncio.run(coroutine)


async def until(it_is_so: Callable[[], Any], seconds: float = 10.0) -> None:
    """Let others run until *it_is_so*."""
    async with asyncio.timeout(seconds):
        while not it_is_so():  # noqa: ASYNC110 - what is waited for is not ours to tell of itself
            await asyncio.sleep(0.001)


def claims(request: httpx.Request) -> Any:
    scheme, _, token = request.headers["authorization"].partition(" ")
    assert scheme == "JWT"
    return jwt.decode(token).unverified_claims


class Hours:
    """A clock that goes on only when somebody waits; *dice* always shows its highest."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.waited: list[float] = []
        self.timing = Timing(ticks=lambda: self.now, clock=lambda: NOW + self.now, dice=lambda: 1.0)

    def wait(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.now += seconds


@dataclass
class Server:
    """What a server on loopback got; ``pages`` maps paths to what answers there."""

    address: str = ""
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    pages: dict[str, Callable[[Handler], None]] = field(default_factory=dict)
    take: Callable[[Handler], None] | None = None

    def page(self, path: str, status: int, body: bytes = b"", **headers: str) -> None:
        self.pages[path] = lambda handler: handler.reply(status, body, **headers)


class Handler(BaseHTTPRequestHandler):
    """Writes no log; HTTP/1.1, so that connections are kept."""

    protocol_version = "HTTP/1.1"
    told: ClassVar[Server]

    def log_message(self, *_: Any) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.told.asked.append((self.path, headers))
        page = self.told.pages.get(self.path)
        if page is None:
            self.reply(404, b"no")
        else:
            page(self)

    def do_POST(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.told.asked.append((self.path, headers))
        if self.told.take is not None:
            self.told.take(self)
            return
        self.told.bodies.append(b"".join(self.body()))
        self.reply(200, b"[]")

    def do_PUT(self) -> None:
        self.do_POST()

    def body(self) -> Iterator[bytes]:
        """The request's body, in blocks."""
        if self.headers.get("transfer-encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return
        left = int(self.headers["content-length"])
        while left:
            block = self.rfile.read(min(left, 1 << 20))
            left -= len(block)
            yield block

    def reply(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def server() -> Iterator[Server]:
    """A server, for the block."""
    told = Server()
    handler = type("TheHandler", (Handler,), {"told": told})
    listening = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    listening.daemon_threads = True
    thread = threading.Thread(target=listening.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    told.address = f"http://127.0.0.1:{listening.server_port}"
    try:
        yield told
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()
