"""The middleware that checks: put it first, so that nothing else ever sees a token.

It takes the token out of the request before any other middleware, view or log
begins with it, and finishes the answers of pages when all others are done with
them.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterator
from functools import cached_property
from http.cookies import Morsel
from io import BytesIO
from typing import Any, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import get_resolver
from django.utils.module_loading import import_string

from headway.app.asgi import warn_of_the_end
from headway.app.background import elsewhere
from headway.app.cookies import framed_cookie
from headway.app.django.connect import ADMITTED, Connect, response_of
from headway.app.exchange import (
    CREDENTIALS,
    ENVIRON_CREDENTIALS,
    NO_TARGET,
    Admitted,
    Answer,
    Asked,
    arun,
    clean_query,
    exchange,
    not_served,
    run,
    whole,
)
from headway.app.routes import Route, Serves, with_head
from headway.app.servers import watch
from headway.errors import BodyTooLarge, ConfigurationError
from headway.http.asgi import facts_from_scope
from headway.http.wsgi import facts_from_environ, header_of

__all__ = ["ConnectMiddleware", "configured"]

log = logging.getLogger(__name__)

SETTING = "HEADWAY_CONNECT"


def configured() -> Connect:
    """The app that ``HEADWAY_CONNECT`` names; raises ImproperlyConfigured without one."""
    named = getattr(settings, SETTING, None)
    found = import_string(named) if isinstance(named, str) else named
    if not isinstance(found, Connect):
        raise ImproperlyConfigured(f"{SETTING} names no headway.app.django.Connect")
    return found


class ConnectMiddleware:
    """Checks the requests to the app's routes, under WSGI and ASGI."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self._next = get_response
        self._waits = iscoroutinefunction(get_response)
        if self._waits:
            markcoroutinefunction(self)
        else:
            watch()
        self._connect = configured()

    @cached_property
    def _paths(self) -> dict[str, dict[str, Route]]:
        """The routes by path and method, once the modules that declare them are there."""
        get_resolver().url_patterns  # noqa: B018 - it imports the project's views
        paths: dict[str, dict[str, Route]] = {}
        for route in self._connect.all_routes():
            methods = paths.setdefault(self._connect.base_path + route.path, {})
            methods.update(dict.fromkeys(with_head(route.methods), route))
        return paths

    def __call__(self, request: HttpRequest) -> Any:
        """The answer to *request*, or where the chain is asynchronous, a promise of it."""
        methods = self._paths.get(request.path)
        if methods is None:
            return self._next(request)
        route = methods.get(request.method or "")
        if route is None:
            refused = response_of(not_served(self._connect, methods))
            return _promised(refused) if self._waits else refused
        return self._awaited(request, route) if self._waits else self._answered(request, route)

    def _answered(self, request: HttpRequest, route: Route) -> HttpResponseBase:
        try:
            asked = _asked(self._connect, request)
        except ConfigurationError as error:
            return _unfit(self._connect, error)
        steps = exchange(self._connect, route, asked)
        found = run(steps, self._connect, lambda limit: _read(request, limit))
        _strip(request, found)
        if isinstance(found, Answer):
            return response_of(found)
        return _finished(self._next(request), found)

    async def _awaited(self, request: HttpRequest, route: Route) -> HttpResponseBase:
        try:
            asked = _asked(self._connect, request)
        except ConfigurationError as error:
            return _unfit(self._connect, error)

        if route.serves is Serves.WEBHOOK:
            warn_of_the_end(self._connect)

        async def read(limit: int) -> bytes:
            return _read(request, limit)  # Django has the body already

        steps = exchange(self._connect, route, asked)
        found = await arun(steps, self._connect, read, elsewhere)
        _strip(request, found)
        if isinstance(found, Answer):
            return response_of(found)
        return _finished(await self._next(request), found)


async def _promised(response: HttpResponseBase) -> HttpResponseBase:
    return response


def _unfit(connect: Connect, error: ConfigurationError) -> HttpResponseBase:
    log.critical("%s", error)
    return response_of(whole(connect, NO_TARGET))


# ---- the request ----------------------------------------------------------------------------


def _asked(connect: Connect, request: HttpRequest) -> Asked:
    meta = request.META
    peer = str(meta.get("REMOTE_ADDR", ""))
    near = peer
    if isinstance(request, ASGIRequest):
        facts = facts_from_scope(request.scope, base_path=connect.base_path)
        near = str((request.scope.get("server") or ("",))[0])
    else:
        facts = facts_from_environ(meta, base_path=connect.base_path)
    return Asked(facts, lambda name: header_of(meta, name), near, peer)


def _read(request: HttpRequest, limit: int) -> bytes:
    body: bytes = request.read(limit + 1)
    if len(body) > limit:
        raise BodyTooLarge(expected=f"at most {limit} bytes")
    return body


def _strip(request: HttpRequest, found: Answer | Admitted) -> None:
    """Take the token out of *request*, wherever Django keeps a part of it."""
    meta: dict[str, Any] = request.META
    admitted = found if isinstance(found, Admitted) else None
    query = admitted.query if admitted else clean_query(str(meta.get("QUERY_STRING", "")))
    meta["QUERY_STRING"] = query
    for name in ("RAW_URI", "REQUEST_URI"):
        if name in meta:
            path = meta[name].partition("?")[0]
            meta[name] = f"{path}?{query}" if query else path
    for name in ENVIRON_CREDENTIALS:
        meta.pop(name, None)
    if isinstance(request, ASGIRequest):
        scope = cast(dict[str, Any], request.scope)
        headers = [
            pair for pair in scope["headers"] if pair[0].decode("latin-1") not in CREDENTIALS
        ]
        scope["query_string"] = query.encode("latin-1")
        request.scope = {**scope, "headers": headers}
    for cached in ("GET", "headers"):
        request.__dict__.pop(cached, None)
    if admitted is None:
        return
    setattr(request, ADMITTED, admitted)
    if admitted.form is not None:
        meta["CONTENT_LENGTH"] = str(len(admitted.form))
        cast(Any, request)._stream = BytesIO(admitted.form)
        cast(Any, request)._read_started = False


# ---- the answer -----------------------------------------------------------------------------


def _finished(response: HttpResponseBase, admitted: Admitted) -> HttpResponseBase:
    """*response* with the headers of its route, and with the first script where it is a page."""
    told = admitted.finished(list(response.items()))
    for name, _ in list(response.items()):
        del response[name]
    for name, value in told:  # Django has one header of a name: lists are joined (RFC 9110, 5.3)
        response[name] = f"{response[name]}, {value}" if name in response else value
    for name, morsel in response.cookies.items():
        framed = _Framed()
        framed.set(morsel.key, morsel.value, morsel.coded_value)
        framed.update(morsel)
        dict.__setitem__(response.cookies, name, framed)
    page = admitted.page
    if page is None:
        return response
    if not response.streaming:
        whole = cast(Any, response)
        whole.content = page.body(whole.content, more=False)
        return response
    streamed = cast(StreamingHttpResponse, response)
    pieces = streamed.streaming_content
    streamed.streaming_content = (
        _apieces(page.body, cast(Any, pieces)) if streamed.is_async else _pieces(page.body, pieces)
    )
    return response


class _Framed(Morsel[Any]):
    """A cookie that says all that it has to in a frame."""

    def OutputString(self, attrs: Any = None) -> str:  # noqa: N802 - the standard library's name
        return framed_cookie(super().OutputString(attrs))


def _pieces(body: Callable[..., bytes], chunks: Any) -> Iterator[bytes]:
    for chunk in chunks:
        yield body(chunk, more=True)
    yield body(b"", more=False)


async def _apieces(body: Callable[..., bytes], chunks: Any) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        yield body(chunk, more=True)
    yield body(b"", more=False)
