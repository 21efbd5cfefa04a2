"""Connect apps on Starlette.

    connect = Connect(key="hello", name="Hello", base_url=..., store="data/hello.db")

    @connect.panel("Hello", location="atl.jira.view.issue.right.context")
    async def hello(request, context): ...

    app = Starlette(routes=connect.routes, lifespan=connect.lifespan)

A handler is called with a request from which the token has been taken, and
with the context that the token proved.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Coroutine, Iterable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, request_response
from starlette.routing import Route as StarletteRoute
from starlette.types import ASGIApp

from headway.app import connect as core
from headway.app.asgi import Endpoint, Finishing, Inner, Receive, Scope, Send, send_answer
from headway.app.context import Context, SyncContext
from headway.app.exchange import Admitted, answer_of, not_served
from headway.app.routes import Route, handlers_first

__all__ = ["Connect", "Context", "SyncContext"]


class Connect(core.Connect):
    """An app whose ``routes`` are for ``Starlette(routes=...)``.

    >>> app = Connect(key="hello", name="Hello", base_url="https://app.example", store=":memory:")
    >>> app.routes[0].path
    '/atlassian-connect.json'
    """

    @property
    def routes(self) -> list[BaseRoute]:
        """Every route declared so far: the descriptor, the lifecycle, the app's own."""
        return [self._route(route) for route in handlers_first(self.all_routes())]

    def _route(self, route: Route) -> StarletteRoute:
        return Declared(
            self,
            self.base_path + route.path,
            Endpoint(self, route, _inner(route)),
            methods=list(route.methods),
            include_in_schema=False,
        )


class Declared(StarletteRoute):
    """A route of *connect*, whose path has no parameters: a comparison finds it.

    It says at its path what every answer says.
    """

    def __init__(self, connect: core.Connect, path: str, endpoint: Endpoint, **more: Any) -> None:
        super().__init__(path, endpoint, **more)
        self._connect = connect

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether it is the route of *scope*."""
        if scope["type"] != "http" or scope.get("root_path"):  # below another app
            return super().matches(scope)
        if scope["path"] != self.path:
            return Match.NONE, {}
        found = {"endpoint": self.endpoint, "path_params": dict(scope.get("path_params", ()))}
        return Match.FULL if scope["method"] in (self.methods or ()) else Match.PARTIAL, found

    def handle(self, scope: Scope, receive: Receive, send: Send) -> Coroutine[Any, Any, None]:
        """Answer one request, or say which methods there are."""
        methods = self.methods or set()
        if scope["method"] in methods:
            return self.app(scope, receive, send)  # type: ignore[return-value]
        return refuse_method(self._connect, methods, scope, send)


async def refuse_method(
    connect: core.Connect, methods: Iterable[str], scope: Scope, send: Send
) -> None:
    """Answer 405 with what every answer says; an app around may have a page of its own for it."""
    answer = not_served(connect, sorted(methods))
    if "app" in scope:
        raise HTTPException(answer.status, headers=dict(answer.headers))
    await send_answer(send, answer, scope["method"])


def _inner(route: Route) -> Inner:
    handler: Any = route.handler
    waits = inspect.iscoroutinefunction(handler)

    async def inner(scope: Scope, receive: Receive, send: Finishing, admitted: Admitted) -> None:
        request = Request(scope, receive)
        try:
            if not waits:
                with admitted.sync_context() as plain:
                    result = await run_in_threadpool(handler, request, plain)
                    await _sent(_response(result), scope, receive, send)
                return
            context = admitted.context()
            try:
                await _sent(_response(await handler(request, context)), scope, receive, send)
            finally:  # not before the answer is out
                context.close()
        except Exception as error:
            if send.begun:
                raise
            await _answered(error)(scope, receive, send)

    return inner


def _sent(response: Response, scope: Scope, receive: Receive, send: Finishing) -> Awaitable[None]:
    if type(response).__call__ is not Response.__call__ or response.background is not None:
        return response(scope, receive, send)
    # what that does, in one go
    body = bytes(response.body)
    return send.send_all(response.status_code, response.raw_headers, body, scope["method"])


def _answered(error: Exception) -> ASGIApp:
    """An app that answers *error* as Starlette has it: HTTPException, and an app's own handlers."""

    async def endpoint(_: Request) -> Response:
        raise error

    return request_response(endpoint)


def _response(result: Any) -> Response:
    """What a handler returned as a response of Starlette's."""
    if isinstance(result, Response):
        return result
    answer = answer_of(result)
    return Response(answer.body, answer.status, dict(answer.headers))
