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
from functools import cached_property
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

import msgspec

from headway.app import connect as core
from headway.app.context import Context, SyncContext
from headway.app.exchange import (
    CREDENTIALS,
    NO_TARGET,
    QUIET,
    USUAL,
    Admitted,
    Answer,
    Asked,
    Streamed,
    Waiting,
    answer_of,
    at_once,
    clean_query,
    exchange,
    finished,
    lacking,
    not_served,
    whole,
)
from headway.app.routes import Route, Serves, with_head
from headway.errors import ConfigurationError, Refusal
from headway.http.asgi import facts_from_scope, read_bounded

__all__ = [
    "Answer",
    "AskedByScope",
    "Connect",
    "Context",
    "Endpoint",
    "Finishing",
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
Inner: TypeAlias = Callable[[Scope, Receive, "Finishing", Admitted], Awaitable[None]]
Pair: TypeAlias = tuple[bytes, bytes]

OUTAGE = 503
_JUDGED = frozenset({b"set-cookie", *(name.lower().encode() for name, _ in QUIET)})
"""What of a handler's headers decides on further ones."""


class Endpoint:
    """One route as an ASGI app: it converts, and :mod:`headway.app.exchange` decides.

    *inner* answers a request that was admitted, on a scope without its token.
    """

    def __init__(self, connect: core.Connect, route: Route, inner: Inner) -> None:
        self._connect = connect
        self._route = route
        self._inner = inner
        self._quiet = tuple(_encoded((*QUIET, *connect.always)))
        self._warns = route.serves is Serves.WEBHOOK

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        connect = self._connect
        if self._warns:
            warn_of_the_end(connect)
        try:
            asked = AskedByScope(connect, scope, receive)
        except ConfigurationError as error:
            log.critical("%s", error)
            await send_answer(send, whole(self._connect, NO_TARGET), scope["method"])
            return
        steps = exchange(connect, self._route, asked)
        found = at_once(steps, connect)
        if isinstance(found, Waiting):
            found = await finished(steps, found, connect, asked.read)
        if isinstance(found, Answer):
            strip(scope, clean_query(asked.facts.raw_query))
            await send_answer(send, found, scope["method"])
            return
        if found.query != asked.facts.raw_query:
            strip(scope, found.query)
        kept = asked.kept
        if found.form is not None:
            receive, kept = _once(found.form), _with_length(kept, found.form)
        # without the tokens, and without ways around ``send``
        clean = {**scope, "headers": kept, "extensions": {}, "headway.admitted": found}
        finishing = Finishing(send, found, self._quiet)
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


class AskedByScope(Asked):
    """The request of an ASGI *scope* as the steps see it.

    ``read`` gives its body; ``kept`` are the headers without credentials.
    """

    __slots__ = ("_receive", "_scope", "kept")

    def __init__(self, connect: core.Connect, scope: Scope, receive: Receive) -> None:
        self._scope = scope
        self._receive = receive
        self.kept: list[Pair] = []
        given = []
        for pair in scope["headers"]:  # names in lower case (ASGI: "HTTP Connection Scope")
            if pair[0] not in _CREDENTIALS:
                self.kept.append(pair)
            elif pair[0] == b"authorization":
                given.append(pair[1].decode("latin-1"))
        self.facts = facts_from_scope(
            scope, base_path=connect.base_path, authorization=tuple(given)
        )

    def header(self, name: str) -> str:
        """The header *name*."""
        wanted = name.encode()
        found = [value for key, value in self._scope["headers"] if key == wanted]
        return b",".join(found).decode("latin-1")

    async def read(self, limit: int) -> bytes:
        """The body, at most *limit* bytes."""
        return await read_bounded(self._receive, limit)

    @property
    def near(self) -> str:
        """The server's own address."""
        server = self._scope.get("server")
        return server[0] if server else ""

    @property
    def peer(self) -> str:
        """Who sent the request."""
        client = self._scope.get("client")
        return client[0] if client else ""


def strip(scope: Scope, query: str) -> None:
    """Leave *query* of the request's query, in place: a server's access log reads it there."""
    scope["query_string"] = query.encode("latin-1")


def _with_length(headers: list[Pair], form: bytes) -> list[Pair]:
    kept = [pair for pair in headers if pair[0] not in _LENGTHS]
    return [*kept, (b"content-length", str(len(form)).encode())]


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
    headers = _headers_of(answer)
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else answer.body})


def at_a_route(connect: core.Connect, send: Send) -> Send:
    """*send* for who answers at the path of a route in its place: a framework's own 405."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            lacks = lacking(connect, (name.decode("latin-1") for name, _ in message["headers"]))
            message = {**message, "headers": [*message["headers"], *_encoded(lacks)]}
        await send(message)

    return sending


def _headers_of(answer: Answer) -> list[Pair]:
    headers = _USUAL[answer.headers][:] if answer.headers in _USUAL else _encoded(answer.headers)
    if answer.status != 204:
        headers.append((b"content-length", b"%d" % len(answer.body)))
    return headers


def _encoded(headers: Iterable[tuple[str, str]]) -> list[Pair]:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]


_USUAL = {headers: _encoded(headers) for headers in USUAL}


def _finished(headers: Iterable[Pair], admitted: Admitted) -> list[Pair]:
    texts = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
    return _encoded(admitted.finished(texts))


class Finishing:
    """Sends a handler's answer on with the headers of its route, and as a page where it is one.

    *quiet* are the headers that are added in the usual case, encoded.
    """

    __slots__ = ("_admitted", "_quiet", "_send", "begun")

    def __init__(self, send: Send, admitted: Admitted, quiet: tuple[Pair, ...]) -> None:
        self._send = send
        self._admitted = admitted
        self._quiet = quiet
        self.begun = False

    async def __call__(self, message: Message) -> None:
        """Send one message of the handler's on."""
        page, kind = self._admitted.page, message["type"]
        if kind == "http.response.start":
            self.begun = True
            headers = self._headers(message.get("headers", ()))
            await self._send({**message, "headers": headers})
        elif page is not None and kind == "http.response.body":
            more = message.get("more_body", False)
            body = page.body(message.get("body", b""), more=more)
            if body or not more:
                await self._send({**message, "body": body})
        else:
            await self._send(message)

    async def send_all(self, status: int, headers: list[Pair], body: bytes, method: str) -> None:
        """Send an answer that is there as a whole; a HEAD gets its headers alone."""
        self.begun = True
        page, send = self._admitted.page, self._send
        headers = self._headers(headers)
        if page is not None:
            body = page.body(body, more=False)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if method == "HEAD" else body})

    def _headers(self, headers: Iterable[Pair]) -> list[Pair]:
        admitted = self._admitted
        if admitted.page is None and not admitted.connect.acpt:
            for name, _ in headers:  # in lower case (ASGI: "Response Start")
                if name in _JUDGED:
                    break
            else:
                return [*headers, *self._quiet]  # the usual case, without a detour by text
        return _finished(headers, admitted)


# ---- an app without a framework -------------------------------------------------------------


class Request:
    """A request as its handler sees it: no token in it.

    ``query`` has the pairs that were hashed, in the order of the address;
    ``headers`` have lower-case names.
    """

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.scope = scope
        self._receive = receive

    @property
    def method(self) -> str:
        """The method, in capitals."""
        return self.scope["method"]  # type: ignore[no-any-return]

    @property
    def path(self) -> str:
        """The path, decoded."""
        return self.scope["path"]  # type: ignore[no-any-return]

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

    async def inner(scope: Scope, receive: Receive, send: Finishing, admitted: Admitted) -> None:
        request = Request(scope, receive)
        if not waits:
            with admitted.sync_context() as plain:
                result = await asyncio.to_thread(handler, request, plain)
                await _sent(send, result, scope["method"])
            return
        context = admitted.context()
        try:
            await _sent(send, await handler(request, context), scope["method"])
        finally:  # not before the answer is out
            context.close()

    return inner


def _sent(send: Finishing, result: Any, method: str) -> Awaitable[None]:
    if isinstance(result, Streamed):
        return _stream(send, result)
    answer = answer_of(result)
    return send.send_all(answer.status, _headers_of(answer), answer.body, method)


async def _stream(send: Finishing, result: Streamed) -> None:
    headers = _encoded(result.headers)
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
