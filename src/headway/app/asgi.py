"""Connect apps on plain ASGI; Starlette and FastAPI stand on it too.

    connect = Connect(key="hello", name="Hello", base_url=..., store="data/hello.db")

    @connect.panel("Hello", location="atl.jira.view.issue.right.context")
    async def hello(request, context): ...

    app = connect.asgi()

A handler is called with a :class:`Request` from which the token has been taken,
and with the context that the token proved.  It returns text (a page), other
data (JSON), nothing (204) or an :class:`Answer`.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, MutableMapping
from contextlib import AsyncExitStack
from functools import cached_property, lru_cache
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

import msgspec

from headway.app import connect as core
from headway.app.context import Context, SyncContext
from headway.app.exchange import (
    ALWAYS,
    CREDENTIALS,
    NO_TARGET,
    QUIET,
    Admitted,
    Answer,
    Asked,
    Streamed,
    answer_of,
    arun,
    clean_query,
    exchange,
    lacking,
    not_served,
    whole,
)
from headway.app.routes import Route, Serves, with_head
from headway.errors import ConfigurationError, Refusal
from headway.http.asgi import facts_from_scope, read_bounded

__all__ = [
    "Answer",
    "Connect",
    "Context",
    "Endpoint",
    "Request",
    "Streamed",
    "SyncContext",
    "warn_of_the_end",
    "with_lifespan",
]

log = logging.getLogger(__name__)

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
Inner: TypeAlias = Callable[[Scope, Receive, Send, Admitted], Awaitable[None]]

OUTAGE = 503
_ALWAYS = frozenset(name.encode() for name in ALWAYS)


class Endpoint:
    """One route as an ASGI app: it converts, and :mod:`headway.app.exchange` decides.

    *inner* answers a request that was admitted, on a scope without its token.
    """

    def __init__(self, connect: core.Connect, route: Route, inner: Inner) -> None:
        self._connect = connect
        self._route = route
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if self._route.serves is Serves.WEBHOOK:
            warn_of_the_end(self._connect)
        try:
            asked, read = asked_of(self._connect, scope, receive)
        except ConfigurationError as error:
            log.critical("%s", error)
            await send_answer(send, whole(self._connect, NO_TARGET), scope["method"])
            return
        found = await arun(exchange(self._connect, self._route, asked), self._connect, read)
        if isinstance(found, Answer):
            strip(scope, clean_query(scope["query_string"].decode("latin-1")))
            await send_answer(send, found, scope["method"])
            return
        strip(scope, found.query)
        clean = _clean(scope, found)
        if found.form is not None:
            receive = _once(found.form)
        finishing = _Finishing(send, found)
        try:
            await self._inner(clean, receive, finishing, found)
        except Exception as error:
            if finishing.begun or _answers_failures(scope):
                raise
            if isinstance(error, Refusal) and error.status == OUTAGE:
                await send_answer(send, found.outage(error), scope["method"])
                return
            await send_answer(finishing, found.failed, scope["method"])
            raise  # whoever is around logs it


def _answers_failures(scope: Scope) -> bool:
    """Whether the app around has an answer of its own for what failed."""
    app = scope.get("app")
    own = getattr(app, "exception_handlers", None) or {}
    return bool(getattr(app, "debug", False) or 500 in own or Exception in own)


def warn_of_the_end(connect: core.Connect) -> None:
    """Say once what is lost when a server ends that leaves no moment but a lifespan's end."""
    if not connect.has_lifespan and "uvicorn" in sys.modules:
        connect.has_lifespan = True
        log.warning(
            "events that wait are lost when uvicorn stops: give the app lifespan=connect.lifespan"
        )


def asked_of(
    connect: core.Connect, scope: Scope, receive: Receive
) -> tuple[Asked, Callable[[int], Awaitable[bytes]]]:
    """The request of *scope* as the steps see it, and what reads its body."""
    headers, server, peer = scope["headers"], scope.get("server"), scope.get("client")

    def header(name: str) -> str:
        wanted = name.encode()
        return b",".join([value for key, value in headers if key == wanted]).decode("latin-1")

    async def read(limit: int) -> bytes:
        return await read_bounded(receive, limit)

    facts = facts_from_scope(scope, base_path=connect.base_path)
    near, client = server[0] if server else "", peer[0] if peer else ""
    return Asked(facts, header, near, client), read


def strip(scope: Scope, query: str) -> None:
    """Leave *query* of the request's query, in place: a server's access log reads it there."""
    scope["query_string"] = query.encode("latin-1")


def _clean(scope: Scope, admitted: Admitted) -> Scope:
    """*scope* without its tokens; and without ways around ``send``."""
    headers = [(name, value) for name, value in scope["headers"] if name not in _CREDENTIALS]
    if admitted.form is not None:
        length = (b"content-length", str(len(admitted.form)).encode())
        headers = [pair for pair in headers if pair[0] not in _LENGTHS] + [length]
    return {**scope, "headers": headers, "extensions": {}, "headway.admitted": admitted}


_CREDENTIALS = frozenset(name.encode() for name in CREDENTIALS)
_LENGTHS = (b"content-length", b"transfer-encoding")


def _once(body: bytes) -> Receive:
    """The body that was read, for whoever reads it next; then the client stays silent."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return waiting.pop() if waiting else {"type": "http.disconnect"}

    return receive


async def send_answer(send: Send, answer: Answer, method: str) -> None:
    """Send a whole answer; a HEAD gets its headers alone."""
    headers = [
        (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers
    ]
    if answer.status != 204:
        headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else answer.body})


def at_a_route(connect: core.Connect, send: Send) -> Send:
    """*send* for who answers at the path of a route in its place: a framework's own 405."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            lacks = lacking(connect, (name.decode("latin-1") for name, _ in message["headers"]))
            message = {**message, "headers": [*message["headers"], *_encoded(tuple(lacks))]}
        await send(message)

    return sending


def _quieted(
    headers: Iterable[tuple[bytes, bytes]], admitted: Admitted
) -> list[tuple[bytes, bytes]]:
    named = {name for name, _ in headers}  # in lower case (ASGI: "Response Start")
    if b"set-cookie" in named or not _ALWAYS.isdisjoint(named) or admitted.connect.acpt:
        return _finished(headers, admitted)
    # the usual case, without a detour by text
    quiet = _encoded(QUIET)[1:] if b"cache-control" in named else _encoded(QUIET)
    return [*headers, *quiet, *_encoded(admitted.connect.always)]


@lru_cache(maxsize=8)
def _encoded(headers: tuple[tuple[str, str], ...]) -> tuple[tuple[bytes, bytes], ...]:
    return tuple((name.lower().encode(), value.encode()) for name, value in headers)


def _finished(
    headers: Iterable[tuple[bytes, bytes]], admitted: Admitted
) -> list[tuple[bytes, bytes]]:
    texts = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
    return [
        (name.lower().encode("latin-1"), value.encode("latin-1"))
        for name, value in admitted.finished(texts)
    ]


class _Finishing:
    """Sends a handler's answer on with the headers of its route, and as a page where it is one."""

    __slots__ = ("_admitted", "_send", "begun")

    def __init__(self, send: Send, admitted: Admitted) -> None:
        self._send = send
        self._admitted = admitted
        self.begun = False

    async def __call__(self, message: Message) -> None:
        page, kind = self._admitted.page, message["type"]
        if kind == "http.response.start":
            headers = message.get("headers", ())
            finish = _quieted if page is None else _finished
            self.begun = True
            await self._send({**message, "headers": finish(headers, self._admitted)})
        elif page is not None and kind == "http.response.body":
            more = message.get("more_body", False)
            body = page.body(message.get("body", b""), more=more)
            if body or not more:
                await self._send({**message, "body": body})
        else:
            await self._send(message)


# ---- an app without a framework -------------------------------------------------------------


class Request:
    """A request as its handler sees it: no token in it.

    ``query`` has the pairs that were hashed, in the order of the address;
    ``headers`` have lower-case names.
    """

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.scope = scope
        self._receive = receive
        self.method: str = scope["method"]
        self.path: str = scope["path"]

    @cached_property
    def query(self) -> list[tuple[str, str]]:
        """Every parameter of the address; a name may stand there twice."""
        raw: bytes = self.scope["query_string"]
        return parse_qsl(raw.decode("latin-1"), keep_blank_values=True)

    @cached_property
    def headers(self) -> dict[str, str]:
        """The headers; of one that is repeated, the last."""
        return {n.decode("latin-1"): v.decode("latin-1") for n, v in self.scope["headers"]}

    async def body(self, limit: int = 1_048_576) -> bytes:
        """The body, once; raises :class:`~headway.errors.BodyTooLarge` beyond *limit* bytes."""
        return await read_bounded(self._receive, limit)

    async def json(self, limit: int = 1_048_576) -> Any:
        """The body as JSON; raises ``msgspec.DecodeError`` where it is none."""
        return msgspec.json.decode(await self.body(limit))

    def __repr__(self) -> str:
        return f"<{self.method} {self.path}>"


class Connect(core.Connect):
    """An app on plain ASGI.

    >>> app = Connect(key="hello", name="Hello", base_url="https://app.example", store=":memory:")
    >>> asgi = app.asgi()
    """

    def asgi(self, rest: App | None = None) -> App:
        """Every route declared so far as one ASGI app; *rest* gets the other paths, else 404."""
        return _Routed(self, rest)


class _Routed:
    """Routes by their exact path; the rest of an app behind them."""

    def __init__(self, connect: Connect, rest: App | None) -> None:
        self._connect = connect
        self._rest = rest
        self._paths: dict[str, dict[str, Endpoint]] = {}
        for route in connect.all_routes():
            endpoint = Endpoint(connect, route, _inner(route))
            methods = self._paths.setdefault(connect.base_path + route.path, {})
            methods.update(dict.fromkeys(with_head(route.methods), endpoint))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        methods = self._paths.get(scope["path"], {}) if scope["type"] == "http" else {}
        endpoint = methods.get(scope["method"]) if methods else None
        if endpoint is not None:
            await endpoint(scope, receive, send)
        elif self._rest is not None:
            if methods:
                send = at_a_route(self._connect, send)
            await with_lifespan(self._connect, self._rest)(scope, receive, send)
        elif scope["type"] == "lifespan":
            await _lifespan(self._connect, receive, send)
        elif scope["type"] == "http":
            await send_answer(send, not_served(self._connect, methods), scope["method"])
        else:
            await send({"type": "websocket.close", "code": 1000})


def with_lifespan(connect: core.Connect, app: App) -> App:
    """*app* with the life of *connect* in its own; also for one that knows no life, as Django's.

    ``application = with_lifespan(connect, get_asgi_application())``
    """

    async def living(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _both_lives(connect, app, scope, receive, send)
        else:
            await app(scope, receive, send)

    return living


async def _both_lives(
    connect: core.Connect, app: App, scope: Scope, receive: Receive, send: Send
) -> None:
    asked = False

    async def received() -> Message:
        nonlocal asked
        asked = True
        return await receive()

    async with AsyncExitStack() as life:

        async def sent(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete":
                await life.enter_async_context(connect.lifespan())
            elif message["type"].startswith("lifespan.shutdown"):
                await life.aclose()  # before the server hears of it, and ends
            await send(message)

        try:
            await app(scope, received, sent)
            return
        except Exception:
            if asked:
                raise
    await _lifespan(connect, receive, send)


async def _lifespan(connect: core.Connect, receive: Receive, send: Send) -> None:
    await receive()
    async with connect.lifespan():
        await send({"type": "lifespan.startup.complete"})
        await receive()
    await send({"type": "lifespan.shutdown.complete"})


def _inner(route: Route) -> Inner:
    handler: Any = route.handler
    waits = inspect.iscoroutinefunction(handler)

    async def inner(scope: Scope, receive: Receive, send: Send, admitted: Admitted) -> None:
        request = Request(scope, receive)
        if not waits:
            with admitted.sync_context() as plain:
                result = await asyncio.to_thread(handler, request, plain)
                await _send(send, result, scope["method"])
            return
        async with admitted.context() as context:  # open until the answer is out
            await _send(send, await handler(request, context), scope["method"])

    return inner


async def _send(send: Send, result: Any, method: str) -> None:
    if not isinstance(result, Streamed):
        await send_answer(send, answer_of(result), method)
        return
    headers = [(n.lower().encode("latin-1"), v.encode("latin-1")) for n, v in result.headers]
    await send({"type": "http.response.start", "status": result.status, "headers": headers})
    async for chunk in _each(result.chunks):
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _each(chunks: Any) -> AsyncIterator[bytes]:
    """The pieces of a stream; a plain one waits in a thread."""
    if hasattr(chunks, "__aiter__"):
        async for chunk in chunks:
            yield chunk
        return
    pieces, end = iter(chunks), object()
    while (chunk := await asyncio.to_thread(next, pieces, end)) is not end:
        yield chunk
