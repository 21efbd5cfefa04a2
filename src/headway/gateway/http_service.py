"""The authorization service on sockets: as little between a proxy's bytes and the answer as can be.

The parser is httptools (llhttp, Node's own); one connection is one protocol of
asyncio's, and a question that needs no key from elsewhere is answered before the
next bytes are read.  What can not be a proxy's question ends the connection: a
head that is too long, a body of any size to speak of, questions in a row that
nobody waited for, one that does not get to its end.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from typing import Any, NamedTuple, Protocol, cast

import httptools

from headway.gateway.service import RawHeaders, Reply, closed

__all__ = ["HEAD_MAX", "Answers", "serving_http"]

HEAD_MAX = 1_310_720
"""How long a question may be, in bytes: Caddy lets headers of one megabyte through."""

IDLE_SECONDS = 90.0
"""So long is a connection kept that asks nothing: proxies close theirs before."""

ASKING_SECONDS = 10.0
"""So long may a question take to arrive, and its answer to be made."""

_AHEAD_MAX = 8  # questions on one connection that came before an answer
_GRACE_SECONDS = 1.0
_SWEEP_SECONDS = 1.0
_STATUS = {each.value: f"HTTP/1.1 {each.value} {each.phrase}\r\n".encode() for each in HTTPStatus}


class Answers(Protocol):
    """Who answers: :class:`~headway.gateway.service.AuthorizationService`."""

    def ask(
        self, peer: str, method: str, target: str, headers: RawHeaders
    ) -> Reply | Coroutine[Any, Any, Reply]:
        """What *peer* is answered, who asked for *target* (path and query)."""


class _Question(NamedTuple):
    """One that is whole; *keep*: the connection goes on after the answer."""

    method: str
    target: str
    headers: RawHeaders
    keep: bool


_LAST = _Question("GET", "", (), keep=False)


class _Asked(asyncio.Protocol):
    """One connection: questions in, answers out, in their order."""

    _transport: asyncio.Transport

    def __init__(self, service: Answers, connections: set[_Asked]) -> None:
        self._service, self._connections = service, connections
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._headers: list[tuple[bytes, bytes]] = []
        self._url = b""
        self._size = 0  # of what was read of a question that is not over
        self._since = self._loop.time()
        self._peer = ""
        self._ahead: deque[_Question] = deque()
        self.task: asyncio.Task[None] | None = None

    # ---- asyncio ----------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._peer = str((transport.get_extra_info("peername") or ("",))[0])
        self._connections.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._connections.discard(self)
        if self.task is not None:
            self.task.cancel()

    def pause_writing(self) -> None:
        """Nobody takes the answers: nothing more is read."""
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        with suppress(RuntimeError):  # it is closing
            self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        self._since = self._loop.time()
        self._size += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._transport.close()  # it was answered; there is nothing to change over to
        except httptools.HttpParserError:
            self._end(400, "question-malformed")
        if self._size > HEAD_MAX:
            self._end(403, "question-too-long")

    # ---- the parser -------------------------------------------------------------------------

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def on_message_complete(self) -> None:
        question = _Question(
            self._parser.get_method().decode("latin-1"),
            self._url.decode("latin-1"),
            self._headers,
            bool(self._parser.should_keep_alive()),
        )
        self._url, self._headers, self._size = b"", [], 0
        if self.task is None:
            reply = self._service.ask(self._peer, *question[:3])
            if isinstance(reply, Reply):
                self._send(reply, question)
            else:
                self.task = self._loop.create_task(self._later(reply, question))
            return
        self._ahead.append(question)
        if len(self._ahead) > _AHEAD_MAX:
            self._transport.abort()

    # ---- answers ----------------------------------------------------------------------------

    async def _later(self, going: Coroutine[Any, Any, Reply], question: _Question) -> None:
        self._send(await going, question)
        while self._ahead:
            question = self._ahead.popleft()
            reply = self._service.ask(self._peer, *question[:3])
            self._send(reply if isinstance(reply, Reply) else await reply, question)
        self.task = None

    def _send(self, reply: Reply, question: _Question) -> None:
        status, head, body = reply
        if self._transport.is_closing():
            return
        length = b"" if status == 204 else b"Content-Length: %d\r\n" % len(body)
        ends = b"\r\n" if question.keep else b"Connection: close\r\n\r\n"
        if question.method == "HEAD":
            body = b""
        self._transport.write(b"".join((_STATUS[status], head, length, ends, body)))
        if not question.keep:
            self._transport.close()

    def _end(self, status: int, why: str) -> None:
        """Answer what is no question, and hear no more."""
        head = b"Content-Type: application/problem+json\r\n"
        self._send(Reply(status, head, closed(why)[2]), _LAST)

    # ---- time -------------------------------------------------------------------------------

    def sweep(self, now: float) -> None:
        """End the connection where it has waited for too long."""
        asking = self._size > 0 or self.task is not None
        if now - self._since > (ASKING_SECONDS if asking else IDLE_SECONDS):
            self._transport.abort()

    def leave(self) -> None:
        """End the connection, once the answer that is being made is out."""
        if self.task is None:
            self._transport.close()
        else:
            self.task.add_done_callback(lambda task: self._transport.close())


@asynccontextmanager
async def serving_http(service: Answers, sockets: Sequence[socket.socket]) -> AsyncIterator[None]:
    """Answer on *sockets* by *service* while the block runs; they are closed behind it."""
    loop = asyncio.get_running_loop()
    connections: set[_Asked] = set()
    servers = [
        await loop.create_server(lambda: _Asked(service, connections), sock=each)
        for each in sockets
    ]
    sweeping = loop.create_task(_sweep(connections))
    try:
        yield
    finally:
        sweeping.cancel()
        for server in servers:
            server.close()
        tasks = [each.task for each in connections if each.task is not None]
        for each in list(connections):
            each.leave()
        if tasks:
            await asyncio.wait(tasks, timeout=_GRACE_SECONDS)
        for each in list(connections):
            each._transport.abort()


async def _sweep(connections: set[_Asked]) -> None:
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(_SWEEP_SECONDS)
        for each in list(connections):
            each.sweep(loop.time())
