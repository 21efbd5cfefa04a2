"""Who drives the steps of calls: one with threads, one with an event loop.

``Connections`` keeps the pools of one app: connections to sites, and guarded
ones to wherever redirects lead.  Pools are opened when they are first needed,
one for each event loop and one for all threads.

httpx and httpcore log each address and, at DEBUG, each header of an answer.
With a redirect's ``Location`` that is the file itself for whoever reads the log,
so they log nothing that they do for a driver.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import threading
import time
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Self, TypeVar

import httpcore
import httpx

from headway.app.asks import Access, Give, Later, Next, Opened, Send, Steps, Work
from headway.app.failures import HostUnreachable
from headway.app.instruments import HostCall
from headway.app.redirects import GuardedBackend, SyncGuardedBackend
from headway.http.key_fetch import tls_settings

__all__ = ["AsyncDriver", "Connections", "SyncDriver", "quiet"]

T = TypeVar("T")

LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=15.0)


# ---- what must not be told ------------------------------------------------------------------

_calling: ContextVar[bool] = ContextVar("headway_calling", default=False)
_CALL_LOGGERS = (
    *("httpx", "httpcore.connection", "httpcore.http11", "httpcore.http2"),
    *("httpcore.proxy", "httpcore.socks"),
)
_BROKEN = (
    *(httpx.HTTPError, httpx.InvalidURL, httpx.StreamError),
    *(httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError),
    *(httpcore.UnsupportedProtocol, ssl.SSLError, ConnectionError, TimeoutError, socket.gaierror),
)


def _not_calling(_: logging.LogRecord) -> bool:
    return not _calling.get()


for _name in _CALL_LOGGERS:
    logging.getLogger(_name).addFilter(_not_calling)


@contextmanager
def quiet() -> Iterator[None]:
    """While it is entered, httpx and httpcore log nothing from this task."""
    mark = _calling.set(True)
    try:
        yield
    finally:
        _calling.reset(mark)


@contextmanager
def _nameless() -> Iterator[None]:
    """Quiet; and errors name no address: those of the transports hold the whole request."""
    with quiet():
        try:
            yield
        except _BROKEN as error:
            raise HostUnreachable(f"no whole answer came: {type(error).__name__}") from None


# ---- pools ----------------------------------------------------------------------------------


class _Pools:
    """Two ways of one loop or of all threads: *site* and, for redirects, *guarded*.

    *own* are those that are to be closed, ``ending`` what does it in a loop.
    """

    def __init__(self, site: Any, guarded: Any, own: tuple[Any, ...]) -> None:
        self.site = site
        self.guarded = guarded
        self.own = own
        self.ending: AsyncGenerator[None, None] | None = None


async def _until_the_end(pools: _Pools) -> AsyncGenerator[None, None]:
    """Close *pools* when it is closed itself."""
    try:
        yield
    finally:
        for way in pools.own:
            await way.aclose()


class Connections:
    """The connections of one app, shared by all its clients.

    Those of an event loop are closed by :meth:`aclose` in it, and at the latest
    when it ends (``asyncio.run``); those of threads by :meth:`close`.

    *development* lets redirects lead to this machine.  *proxy* is the address
    of a proxy for all calls: it then resolves the names, so that which address
    a redirect leads to is its affair.  *transport* is httpx's, for tests, and
    takes the place of every connection; it may be sync, async or both.  *told*
    hears of each request, but for what redirects lead to.
    """

    def __init__(
        self,
        *,
        development: bool = False,
        proxy: str | None = None,
        transport: Any = None,
        told: Callable[[HostCall], None] | None = None,
    ) -> None:
        self._told = told
        self._development = development
        self._proxy = proxy
        self._transport = transport
        self._lock = threading.Lock()
        self._loops: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Pools]
        self._loops = weakref.WeakKeyDictionary()
        self._threads: _Pools | None = None
        self.flights = _Flights()

    async def here(self) -> _Pools:
        """The pools of the running event loop, which end with it."""
        loop = asyncio.get_running_loop()
        pools = self._loops.get(loop)
        if pools is None:
            pools = self._opened(
                httpx.AsyncHTTPTransport, httpcore.AsyncConnectionPool, GuardedBackend
            )
            with self._lock:
                pools = self._loops.setdefault(loop, pools)
            if pools.ending is None:
                # A loop that is run to its end closes the generators that it knows of.
                pools.ending = _until_the_end(pools)
                await anext(pools.ending)
        return pools

    def threads(self) -> _Pools:
        """The pools for calls that wait in a thread."""
        with self._lock:
            if self._threads is None:
                self._threads = self._opened(
                    httpx.HTTPTransport, httpcore.ConnectionPool, SyncGuardedBackend
                )
            return self._threads

    def _opened(
        self, transport: Callable[..., Any], pool: Callable[..., Any], backend: Callable[..., Any]
    ) -> _Pools:
        if self._transport is not None:
            return _Pools(self._transport, None, ())
        # No proxy and no netrc of the environment gets to see a token.
        site = transport(verify=tls_settings(), trust_env=False, limits=LIMITS, proxy=self._proxy)
        if self._proxy is not None:
            return _Pools(site, None, (site,))
        guarded = pool(
            ssl_context=tls_settings(),
            max_connections=LIMITS.max_connections,
            max_keepalive_connections=LIMITS.max_keepalive_connections,
            keepalive_expiry=LIMITS.keepalive_expiry,
            network_backend=backend(development=self._development),
        )
        return _Pools(site, guarded, (site, guarded))

    def tell(self, ask: Send, opened: Opened | None, began: float) -> None:
        """Tell of one request, which *began* then (monotonic seconds), and of its answer."""
        if self._told is None or ask.guarded:
            return
        url, status = ask.request.url, None if opened is None else opened.status
        origin, path = f"{url.scheme}://{url.netloc.decode('ascii')}", url.path
        took = time.monotonic() - began
        self._told(HostCall(ask.request.method, origin, path, status, took))

    async def aclose(self) -> None:
        """Close what is open in the running loop, and what threads used."""
        with self._lock:
            pools = self._loops.pop(asyncio.get_running_loop(), None)
        if pools is not None and pools.ending is not None:
            await pools.ending.aclose()
        self.close()

    def close(self) -> None:
        """Close what threads used."""
        with self._lock:
            pools, self._threads = self._threads, None
        for way in pools.own if pools is not None else ():
            way.close()


class _Flights:
    """Fetches that run now, by key: whoever asks for the same meanwhile waits for the first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[Any, Any] = {}

    def join(self, key: Any, make: Callable[[], T]) -> tuple[T, bool]:
        """What stands for the fetch of *key*, and whether the caller is who has to make it."""
        with self._lock:
            found = self._running.get(key)
            if found is not None:
                return found, False
            made = self._running[key] = make()
            return made, True

    def done(self, key: Any) -> None:
        """Nobody fetches *key* any more."""
        with self._lock:
            self._running.pop(key, None)


class _Done:
    """The end of steps, and their result."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


def _on(steps: Steps[Any], answer: Any = None, error: HostUnreachable | None = None) -> Any:
    """The next question, or the end."""
    try:
        if error is None:
            return steps.send(answer)
        error.__context__ = None  # the transport's own error: it holds the request
        return steps.throw(error)
    except StopIteration as end:
        return _Done(end.value)


# ---- the driver with an event loop ----------------------------------------------------------


class AsyncDriver:
    """Answers the questions of steps in the running loop; closes what it opened, at its end."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._open: Opened | None = None
        self._under_way: asyncio.Future[Any] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the last answer."""
        opened, self._open = self._open, None
        if opened is not None:
            with _nameless():
                await opened.body.aclose()
        if self._under_way is not None:
            self._under_way.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._under_way = None

    async def run(self, steps: Steps[T]) -> T:
        """The result of *steps*, which give nothing on their way."""
        try:
            ask = _on(steps)
            while type(ask) is not _Done:
                ask = await self._step(steps, ask)
            result: T = ask.value
            return result
        finally:
            steps.close()

    async def stream(self, steps: Steps[Any]) -> AsyncIterator[Any]:
        """What *steps* give, one after the other."""
        try:
            ask = _on(steps)
            while type(ask) is not _Done:
                if type(ask) is Give:
                    yield ask.value
                    ask = _on(steps)
                else:
                    ask = await self._step(steps, ask)
        finally:
            steps.close()

    async def _step(self, steps: Steps[Any], ask: Any) -> Any:
        try:
            answer = await self._answer(ask)
        except HostUnreachable as error:
            return _on(steps, error=error)
        return _on(steps, answer)

    async def _answer(self, ask: Any) -> Any:
        if type(ask) is Next:
            with _nameless():
                return await anext(ask.opened.body.chunks, None)
        if type(ask) is Send:
            return await self._send(ask)
        if type(ask) is Access:
            return await self._fetched(ask)
        if type(ask) is Work or type(ask) is Later:
            return await self._worked(ask)
        return await asyncio.sleep(ask.seconds)

    async def _send(self, ask: Send) -> Opened:
        await self.close()
        if not isinstance(ask.request.stream, httpx.AsyncByteStream):
            raise TypeError("a body that is an iterator has to be an async one here")
        pools = await self._connections.here()
        began = time.monotonic()
        try:
            with _nameless():
                if ask.guarded and pools.guarded is not None:
                    answer = await _guarded_async(pools.guarded, ask.request)
                else:
                    answer = await pools.site.handle_async_request(ask.request)
            self._open = Opened(answer, _AsyncBody(answer.stream))
        finally:
            self._connections.tell(ask, self._open, began)
        return self._open

    async def _worked(self, ask: Work | Later) -> Any:
        under_way, self._under_way = self._under_way, None
        if under_way is not None:
            await under_way
        work = asyncio.get_running_loop().run_in_executor(None, ask.function)
        if type(ask) is Later:
            self._under_way = work
            return None
        return await work

    async def _fetched(self, ask: Access) -> Any:
        flights = self._connections.flights
        key = (asyncio.get_running_loop(), ask.key)

        def fly() -> asyncio.Task[Any]:
            task = asyncio.ensure_future(self._alone(ask.fetch()))
            task.add_done_callback(lambda done: _landed(flights, key, done))
            return task

        # It goes on when one of those who wait goes away.
        return await asyncio.shield(flights.join(key, fly)[0])

    async def _alone(self, steps: Steps[Any]) -> Any:
        async with AsyncDriver(self._connections) as driver:
            return await driver.run(steps)


def _landed(flights: _Flights, key: Any, task: asyncio.Task[Any]) -> None:
    flights.done(key)
    if not task.cancelled():
        task.exception()  # looked at, also where nobody waits any more


class _AsyncBody:
    """The bytes of an answer as they come, and the end of its connection."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.chunks = aiter(stream)

    async def aclose(self) -> None:
        await self._stream.aclose()


# ---- the driver with threads ----------------------------------------------------------------


class SyncDriver:
    """Answers the questions of steps in the calling thread; closes what it opened, at its end.

    Only what may be done :class:`Later` has a thread of its own.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._open: Opened | None = None
        self._worker: ThreadPoolExecutor | None = None
        self._under_way: Future[Any] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the last answer."""
        opened, self._open = self._open, None
        if opened is not None:
            with _nameless():
                opened.body.close()
        worker, self._worker, self._under_way = self._worker, None, None
        if worker is not None:
            worker.shutdown()

    def run(self, steps: Steps[T]) -> T:
        """The result of *steps*, which give nothing on their way."""
        try:
            ask = _on(steps)
            while type(ask) is not _Done:
                ask = self._step(steps, ask)
            result: T = ask.value
            return result
        finally:
            steps.close()

    def stream(self, steps: Steps[Any]) -> Iterator[Any]:
        """What *steps* give, one after the other."""
        try:
            ask = _on(steps)
            while type(ask) is not _Done:
                if type(ask) is Give:
                    yield ask.value
                    ask = _on(steps)
                else:
                    ask = self._step(steps, ask)
        finally:
            steps.close()

    def _step(self, steps: Steps[Any], ask: Any) -> Any:
        try:
            answer = self._answer(ask)
        except HostUnreachable as error:
            return _on(steps, error=error)
        return _on(steps, answer)

    def _answer(self, ask: Any) -> Any:
        if type(ask) is Next:
            with _nameless():
                return next(ask.opened.body.chunks, None)
        if type(ask) is Send:
            return self._send(ask)
        if type(ask) is Access:
            return self._fetched(ask)
        if type(ask) is Work or type(ask) is Later:
            return self._worked(ask)
        return time.sleep(ask.seconds)

    def _worked(self, ask: Work | Later) -> Any:
        under_way, self._under_way = self._under_way, None
        if under_way is not None:
            under_way.result()
        if type(ask) is Work:
            return ask.function()
        if self._worker is None:
            self._worker = ThreadPoolExecutor(1, "headway-later")
        self._under_way = self._worker.submit(ask.function)
        return None

    def _send(self, ask: Send) -> Opened:
        self.close()
        if not isinstance(ask.request.stream, httpx.SyncByteStream):
            raise TypeError("a body that is an async iterator needs the async client")
        pools = self._connections.threads()
        began = time.monotonic()
        try:
            with _nameless():
                if ask.guarded and pools.guarded is not None:
                    answer = _guarded_sync(pools.guarded, ask.request)
                else:
                    answer = pools.site.handle_request(ask.request)
            self._open = Opened(answer, _SyncBody(answer.stream))
        finally:
            self._connections.tell(ask, self._open, began)
        return self._open

    def _fetched(self, ask: Access) -> Any:
        flights = self._connections.flights
        made: tuple[Future[Any], bool] = flights.join(ask.key, Future)
        future, mine = made
        if mine:
            try:
                with SyncDriver(self._connections) as driver:
                    future.set_result(driver.run(ask.fetch()))
            except BaseException as error:
                future.set_exception(error)
                raise
            finally:
                flights.done(ask.key)
        return future.result()


class _SyncBody:
    """The bytes of an answer as they come, and the end of its connection."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.chunks = iter(stream)

    def close(self) -> None:
        self._stream.close()


# ---- guarded connections: httpcore's, with httpx's requests and answers ---------------------


def _as_core(request: httpx.Request) -> httpcore.Request:
    url = request.url
    return httpcore.Request(
        request.method,
        httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
        headers=request.headers.raw,
        extensions=request.extensions,
    )


async def _guarded_async(pool: Any, request: httpx.Request) -> httpx.Response:
    answer = await pool.handle_async_request(_as_core(request))
    return httpx.Response(answer.status, headers=answer.headers, stream=_AsyncStream(answer.stream))


def _guarded_sync(pool: Any, request: httpx.Request) -> httpx.Response:
    answer = pool.handle_request(_as_core(request))
    return httpx.Response(answer.status, headers=answer.headers, stream=_SyncStream(answer.stream))


class _AsyncStream(httpx.AsyncByteStream):
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(self._stream)

    async def aclose(self) -> None:
        await self._stream.aclose()


class _SyncStream(httpx.SyncByteStream):
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._stream)

    def close(self) -> None:
        self._stream.close()
