"""Ways between a site and an app in one process: httpx's transports, without a socket.

The target of a request arrives as it was sent, byte for byte: a token's hash is
made of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

import httpx
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from headway.host.testing.loop import Loop
from headway.http.server import HangUp

__all__ = ["InProcess", "Inward", "Lifespan", "is_asgi"]

CUT = "peer closed connection without sending complete message body"
STARTUP_SECONDS = 10.0


def is_asgi(app: Any) -> bool:
    """Whether *app* is an ASGI application; else it is a WSGI one.

    >>> is_asgi(lambda environ, start_response: [])
    False
    """
    return any(map(inspect.iscoroutinefunction, (app, getattr(app, "__call__", None))))  # noqa: B004


class InProcess(httpx.AsyncBaseTransport):
    """Asks one application, ASGI or WSGI, in the loop in which it is called."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._asks = self._ask_asgi if is_asgi(app) else self._ask_wsgi

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer as a server would: an exception of the application is a 500."""
        target = request.extensions.get("target", request.url.raw_path)
        plain = httpx.Request(
            request.method, request.url, headers=request.headers.raw, content=await request.aread()
        )
        return await self._asks(plain, target)

    async def _ask_asgi(self, request: httpx.Request, target: bytes) -> httpx.Response:
        exact = _Exact(self._app, target)
        transport = httpx.ASGITransport(exact, raise_app_exceptions=False)
        answer = await transport.handle_async_request(request)
        body = b"".join([part async for part in answer.aiter_raw()])
        if exact.hung_up:
            raise httpx.RemoteProtocolError(CUT, request=request)
        return httpx.Response(answer.status_code, headers=answer.headers.raw, stream=_bytes(body))

    async def _ask_wsgi(self, request: httpx.Request, target: bytes) -> httpx.Response:
        def with_target(environ: MutableMapping[str, Any], start_response: Any) -> Any:
            environ["REQUEST_URI"] = environ["RAW_URI"] = target.decode("latin-1")
            try:
                return self._app(environ, start_response)
            except Exception:  # noqa: BLE001 - as every server does it
                start_response("500 Internal Server Error", [])
                return [b""]

        def ask() -> httpx.Response:
            transport = httpx.WSGITransport(with_target, raise_app_exceptions=False)
            answer = transport.handle_request(request)
            return httpx.Response(
                answer.status_code,
                headers=answer.headers.raw,
                stream=_bytes(b"".join(answer.iter_raw())),
            )

        return await asyncio.to_thread(ask)


def _bytes(body: bytes) -> httpx.ByteStream:
    """The body as it came: what is compressed stays so until the client looks at it."""
    return httpx.ByteStream(body)


class _Exact:
    """An ASGI application that is told the target as it was sent."""

    def __init__(self, app: ASGIApp, target: bytes) -> None:
        self._app = app
        self._target = target
        self.hung_up = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, _, query = self._target.partition(b"?")
        try:
            await self._app({**scope, "raw_path": path, "query_string": query}, receive, send)
        except HangUp:
            self.hung_up = True
            raise


class Inward(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """From anywhere into the site's loop, for ``httpx.Client`` and ``httpx.AsyncClient`` alike.

    *inside* gives the way to an origin; what is none of them can not be reached.
    """

    def __init__(
        self, loop: Loop, inside: Callable[[], Mapping[str, httpx.AsyncBaseTransport]]
    ) -> None:
        self._loop = loop
        self._inside = inside

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Ask, from code that waits."""
        request.read()
        return self._loop.run(self._asked(request))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Ask, from any loop."""
        await request.aread()
        return await self._loop.reach(self._asked(request))

    async def _asked(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        origin = f"{url.scheme}://{url.netloc.decode('ascii')}"
        way = self._inside().get(origin)
        if way is None:
            raise httpx.ConnectError(f"{origin} is not in this process", request=request)
        copy = httpx.Request(
            request.method,
            url,
            headers=request.headers.raw,
            content=request.content,
            extensions=request.extensions,
        )
        answer = await way.handle_async_request(copy)
        body = b"".join([part async for part in answer.aiter_raw()])
        return httpx.Response(answer.status_code, headers=answer.headers.raw, stream=_bytes(body))


class Lifespan:
    """Starts and stops an ASGI application (ASGI: "Lifespan Protocol"); many know of none."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._said: asyncio.Queue[Message] = asyncio.Queue()
        self._heard: asyncio.Queue[str] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Let it start; raises RuntimeError where it says that it can not."""
        self._task = asyncio.create_task(self._run())
        self._said.put_nowait({"type": "lifespan.startup"})
        if await self._answer() == "lifespan.startup.failed":
            raise RuntimeError("the app's start-up failed")

    async def stop(self) -> None:
        """Let it stop."""
        if self._task is None:
            return
        if not self._task.done():
            self._said.put_nowait({"type": "lifespan.shutdown"})
            await self._answer()
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        async def send(message: Message) -> None:
            self._heard.put_nowait(message["type"])

        try:
            await self._app({"type": "lifespan", "asgi": {"version": "3.0"}}, self._said.get, send)
        except Exception:  # noqa: BLE001 - then it has no lifespan, as the protocol says
            self._heard.put_nowait("none")

    async def _answer(self) -> str:
        async with asyncio.timeout(STARTUP_SECONDS):
            return await self._heard.get()
