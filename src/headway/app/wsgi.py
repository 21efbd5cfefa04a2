"""Connect apps on plain WSGI; Flask stands on it too.

    connect = Connect(key="hello", name="Hello", base_url=..., store="data/hello.db")

    @connect.panel("Hello", location="atl.jira.view.issue.right.context")
    def hello(request, context): ...

    application = connect.wsgi()

WSGI itself gives a decoded path, which can not be hashed.  Most servers give
the raw target besides; :mod:`headway.app.servers` says at start where one does
not, and every request is answered there with a 500 that says so, from the first
one on, so that no app gets as far as being installed.  For the server of the
standard library there is :mod:`headway.app.raw_target`.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from http import HTTPStatus
from io import BytesIO
from types import TracebackType
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

import msgspec

from headway.app import connect as core
from headway.app.background import result_of
from headway.app.context import Context, SyncContext
from headway.app.exchange import (
    ENVIRON_CREDENTIALS,
    NO_TARGET,
    Admitted,
    Answer,
    Asked,
    Streamed,
    answer_of,
    clean_query,
    exchange,
    lacking,
    not_served,
    run,
    whole,
)
from headway.app.routes import Route, with_head
from headway.app.servers import watch
from headway.errors import ConfigurationError, Refusal
from headway.http.wsgi import facts_from_environ, header_of, read_input

__all__ = [
    "Answer",
    "Connect",
    "Context",
    "Endpoint",
    "Request",
    "Streamed",
    "SyncContext",
]

log = logging.getLogger(__name__)

Environ: TypeAlias = dict[str, Any]
ExcInfo: TypeAlias = tuple[type[BaseException], BaseException, TracebackType]
Start: TypeAlias = Callable[..., Callable[[bytes], object]]
App: TypeAlias = Callable[[Environ, Start], Iterable[bytes]]

# ---- one route ------------------------------------------------------------------------------


class Endpoint:
    """One route as a WSGI app: it converts, and :mod:`headway.app.exchange` decides.

    *inner* answers a request that was admitted, on an environ without its token.
    """

    def __init__(self, connect: core.Connect, route: Route, inner: App) -> None:
        self._connect = connect
        self._route = route
        self._inner = inner

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        """Answer one request."""
        found = asked_of(self._connect, self._route, environ)
        if isinstance(found, Answer):
            strip(environ, clean_query(environ.get("QUERY_STRING", "")))
            return start_answer(start, found, environ["REQUEST_METHOD"])
        hand_over(environ, found)
        finished = _Finished(start, found)
        try:
            return finished.body(self._inner(environ, finished.start))
        except Refusal as refusal:
            return start_answer(start, found.outage(refusal), environ["REQUEST_METHOD"])
        except Exception:
            if finished.begun:
                raise
            log.exception("%s: the handler failed", self._route.path)
            answer = start_answer(finished.start, found.failed, environ["REQUEST_METHOD"])
            return finished.body(answer)


def asked_of(connect: core.Connect, route: Route, environ: Environ) -> Answer | Admitted:
    """What becomes of the request of *environ* at *route*."""
    try:
        facts = facts_from_environ(environ, base_path=connect.base_path)
    except ConfigurationError as error:
        log.critical("%s", error)
        return whole(connect, NO_TARGET)
    peer = str(environ.get("REMOTE_ADDR", ""))
    # A server's own name says nothing of where it listens: in development the client is near.
    asked = Asked(facts, lambda name: header_of(environ, name), peer, peer)

    def read(limit: int) -> bytes:
        return read_input(environ, limit)

    return run(exchange(connect, route, asked), connect, read)


def strip(environ: Environ, query: str) -> None:
    """Leave *query* of the request's query, in place: a server's access log reads it there."""
    environ["QUERY_STRING"] = query
    for name in ("RAW_URI", "REQUEST_URI"):
        if name in environ:
            path = environ[name].partition("?")[0]
            environ[name] = f"{path}?{query}" if query else path


def hand_over(environ: Environ, admitted: Admitted) -> None:
    """Make *environ* what the handler may see; ``headway.admitted`` has what was proved."""
    strip(environ, admitted.query)
    for name in ENVIRON_CREDENTIALS:
        environ.pop(name, None)
    environ["headway.admitted"] = admitted
    if admitted.form is not None:
        environ["wsgi.input"] = BytesIO(admitted.form)
        environ["CONTENT_LENGTH"] = str(len(admitted.form))


def start_answer(start: Start, answer: Answer, method: str) -> Iterable[bytes]:
    """Begin a whole answer and return its body; a HEAD gets its headers alone."""
    headers = list(answer.headers)
    if answer.status != 204:
        headers.append(("Content-Length", str(len(answer.body))))
        if not any(name.lower() == "content-type" for name, _ in headers):
            headers.append(("Content-Type", "text/plain; charset=utf-8"))
    start(_line(answer.status), headers)
    return [] if method == "HEAD" else [answer.body]


def _line(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"{status} Unknown"


class _Finished:
    """Sends a handler's answer on as :class:`Admitted` tells."""

    def __init__(self, start: Start, admitted: Admitted) -> None:
        self._start = start
        self._admitted = admitted
        self.begun = False

    def start(
        self, status: str, headers: list[tuple[str, str]], exc_info: ExcInfo | None = None
    ) -> Callable[[bytes], object]:
        """The ``start_response`` of the app inside (PEP 3333)."""
        self.begun = True
        told = self._admitted.finished(headers)
        write = self._start(status, told, exc_info) if exc_info else self._start(status, told)
        return lambda data: write(self._piece(data, more=True))

    def _piece(self, data: bytes, *, more: bool) -> bytes:
        page = self._admitted.page
        return data if page is None else page.body(data, more=more)

    def body(self, chunks: Iterable[bytes]) -> Iterable[bytes]:
        """The body of the app inside, with its ``close`` (PEP 3333)."""
        return chunks if self._admitted.page is None else self._pieces(chunks)

    def _pieces(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        try:
            for chunk in chunks:
                if piece := self._piece(chunk, more=True):
                    yield piece
            if rest := self._piece(b"", more=False):
                yield rest
        finally:
            if hasattr(chunks, "close"):
                chunks.close()


# ---- an app without a framework -------------------------------------------------------------


class Request:
    """A request as its handler sees it: no token in it.

    ``query`` has the pairs that were hashed, in the order of the address;
    ``headers`` have lower-case names.
    """

    def __init__(self, environ: Environ) -> None:
        self.environ = environ
        self.method: str = environ["REQUEST_METHOD"]
        self.path: str = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")

    @cached_property
    def query(self) -> list[tuple[str, str]]:
        """Every parameter of the address; a name may stand there twice."""
        return parse_qsl(self.environ["QUERY_STRING"], keep_blank_values=True)

    @cached_property
    def headers(self) -> dict[str, str]:
        """The headers."""
        told = {
            name.removeprefix("HTTP_").replace("_", "-").lower(): value
            for name, value in self.environ.items()
            if name.startswith("HTTP_") or name in ("CONTENT_TYPE", "CONTENT_LENGTH")
        }
        return {name: str(value) for name, value in told.items()}

    def body(self, limit: int = 1_048_576) -> bytes:
        """The body, once; raises :class:`~headway.errors.BodyTooLarge` beyond *limit* bytes."""
        return read_input(self.environ, limit)

    def json(self, limit: int = 1_048_576) -> Any:
        """The body as JSON; raises ``msgspec.DecodeError`` where it is none."""
        return msgspec.json.decode(self.body(limit))

    def __repr__(self) -> str:
        return f"<{self.method} {self.path}>"


class Connect(core.Connect):
    """An app on plain WSGI.

    >>> app = Connect(key="hello", name="Hello", base_url="https://app.example", store=":memory:")
    >>> application = app.wsgi()
    """

    def wsgi(self, rest: App | None = None) -> App:
        """Every route declared so far as one WSGI app; *rest* gets the other paths, else 404."""
        watch()
        return Routed(self, rest, _inner)


class Routed:
    """Routes by their exact path in front of another app.

    *inner* makes the app that answers a route's requests once they are admitted.
    """

    def __init__(
        self, connect: core.Connect, rest: App | None, inner: Callable[[Route], App]
    ) -> None:
        self._connect = connect
        self._rest = rest
        self._paths: dict[str, dict[str, Endpoint]] = {}
        for route in connect.all_routes():
            endpoint = Endpoint(connect, route, inner(route))
            methods = self._paths.setdefault(connect.base_path + route.path, {})
            methods.update(dict.fromkeys(with_head(route.methods), endpoint))

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        """Answer one request."""
        path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
        methods, method = self._paths.get(path, {}), environ["REQUEST_METHOD"]
        if endpoint := methods.get(method):
            return endpoint(environ, start)
        if self._rest is not None:
            return self._rest(environ, _at_a_route(self._connect, start) if methods else start)
        return start_answer(start, not_served(self._connect, methods), method)


def _at_a_route(connect: core.Connect, start: Start) -> Start:
    """*start* for who answers at the path of a route in its place: a framework's own 405."""

    def started(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
        return start(status, [*headers, *lacking(connect, (name for name, _ in headers))], *more)

    return started


def _inner(route: Route) -> App:
    handler: Any = route.handler

    def inner(environ: Environ, start: Start) -> Iterable[bytes]:
        result = call(handler, Request(environ), environ["headway.admitted"])
        if isinstance(result, Streamed):
            start(_line(result.status), list(result.headers))
            chunks: Iterable[bytes] = result.chunks
            return chunks
        return start_answer(start, answer_of(result), environ["REQUEST_METHOD"])

    return inner


def call(handler: Callable[..., Any], request: Any, admitted: Admitted) -> Any:
    """What *handler* returns; an ``async`` one runs on the event loop of this process."""
    if inspect.iscoroutinefunction(handler):
        return result_of(_awaited(handler, request, admitted))
    with admitted.sync_context() as context:
        return handler(request, context)


async def _awaited(handler: Callable[..., Any], request: Any, admitted: Admitted) -> Any:
    async with admitted.context() as context:
        return await handler(request, context)
