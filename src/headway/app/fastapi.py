"""Connect apps on FastAPI.

    connect = Connect(key="hello", name="Hello", base_url=..., store="data/hello.db")

    @connect.panel("Hello", location="atl.jira.view.issue.right.context")
    async def hello(context: Annotated[Context, Depends(connect.context)], issue: str = ""): ...

    app = FastAPI()
    app.include_router(connect.router)

A handler is an endpoint of FastAPI's: its parameters are injected, and the
OpenAPI page shows that it wants a token.  The token is taken out of the request
before FastAPI reads it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import cached_property
from typing import Any

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.openapi.models import HTTPBase
from fastapi.routing import APIRoute
from fastapi.security.base import SecurityBase
from starlette.responses import HTMLResponse

from headway.app import connect as core
from headway.app.asgi import AskedByScope, Endpoint, Finishing, Receive, Scope, Send
from headway.app.context import Context, SyncContext
from headway.app.exchange import CREDENTIALS, QUIET, Admitted, Answer, arun, exchange
from headway.app.routes import CALL, Route, Serves, handlers_first, with_head
from headway.app.starlette import Declared, refuse_method
from headway.errors import ConfigurationError
from headway.verify import Family

__all__ = ["Connect", "Context", "SyncContext"]


class Connect(core.Connect):
    """An app whose ``router`` is for ``app.include_router(...)``.

    >>> app = Connect(key="hello", name="Hello", base_url="https://app.example", store=":memory:")
    >>> app.router.routes[0].path
    '/atlassian-connect.json'
    """

    @property
    def router(self) -> APIRouter:
        """Every route declared so far: the descriptor, the lifecycle, the app's own.

        It brings the app's :meth:`lifespan` along.
        """
        router = APIRouter(lifespan=self.lifespan)
        for route in handlers_first(self.all_routes()):
            path = self.base_path + route.path
            if route.serves is not Serves.HANDLER or route.handler is None:
                endpoint = Endpoint(self, route, _nothing)
                router.routes.append(_own(self, path, endpoint, route))
                continue
            more: dict[str, Any] = {"response_class": HTMLResponse} if route.page else {}
            for methods in filter(None, (route.methods, _head_of(route.methods))):
                router.add_api_route(
                    path,
                    route.handler,
                    methods=list(methods),
                    dependencies=[Depends(self._forge if _is_forge(route) else self._scheme)],
                    route_class_override=_checked(self, route),
                    include_in_schema=methods is route.methods,
                    **more,
                )
        return router

    # ---- dependencies -----------------------------------------------------------------------

    @cached_property
    def _scheme(self) -> _Scheme:
        return _Scheme()

    @cached_property
    def _forge(self) -> _Scheme:
        return _Scheme("Forge", "bearer", "Forge's invocation token: Authorization: Bearer <token>")

    @cached_property
    def context(self) -> _Admitted:
        """``Depends(connect.context)``: the context of an ``async def`` endpoint of this app."""
        return _Admitted()

    @cached_property
    def sync_context(self) -> _SyncAdmitted:
        """``Depends(connect.sync_context)``: the context of a plain endpoint of this app."""
        return _SyncAdmitted()

    @cached_property
    def call_context(self) -> _Call:
        """``Depends(connect.call_context)`` for routes that FastAPI's own decorators declare.

        It holds the request to a context or session token in the header, as
        ``context_route`` does; a refusal is an ``HTTPException``.
        """
        return _Call(self)


def _own(connect: Connect, path: str, endpoint: Endpoint, route: Route) -> Declared:
    return Declared(connect, path, endpoint, methods=list(route.methods), include_in_schema=False)


def _is_forge(route: Route) -> bool:
    return route.accept is not None and route.accept.family is Family.FORGE


def _head_of(methods: tuple[str, ...]) -> tuple[str, ...]:
    """HEAD, where GET is among *methods*: no part of the OpenAPI page."""
    return with_head(methods)[len(methods) :]


async def _nothing(scope: Scope, receive: Receive, send: Finishing, admitted: Admitted) -> None:
    raise ConfigurationError("this route has no handler")


def _checked(connect: Connect, route: Route) -> type[APIRoute]:
    """The class of one route; FastAPI makes further instances where a router is included."""

    class Checked(APIRoute):
        @cached_property
        def _endpoint(self) -> Endpoint:
            return Endpoint(connect, route, self._inner)

        async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
            """Check the request, then let FastAPI answer it."""
            if scope["method"] in (self.methods or ()):
                await self._endpoint(scope, receive, send)
            else:
                await refuse_method(connect, self.methods or (), scope, send)

        async def _inner(
            self, scope: Scope, receive: Receive, send: Finishing, _: Admitted
        ) -> None:
            await super().handle(scope, receive, send)

    return Checked


class _Scheme(SecurityBase):
    """What the OpenAPI page shows (OpenAPI 3.1: Security Scheme Object)."""

    def __init__(
        self,
        name: str = "Connect",
        scheme: str = "JWT",
        description: str = "A Connect token: Authorization: JWT <token>",
    ) -> None:
        self.model = HTTPBase(scheme=scheme, description=description)
        self.scheme_name = name

    async def __call__(self, request: Request) -> None:
        """Nothing to do: the route checks before its dependencies are asked."""


def _admitted(request: Request) -> Admitted:
    found = request.scope.get("headway.admitted")
    if not isinstance(found, Admitted):
        raise ConfigurationError("connect.context is for routes that connect declares")
    return found


class _Admitted:
    async def __call__(self, request: Request) -> AsyncIterator[Context]:
        async with _admitted(request).context() as context:
            yield context


class _SyncAdmitted:
    async def __call__(self, request: Request) -> AsyncIterator[SyncContext]:
        with _admitted(request).sync_context() as context:
            yield context


class _Call(_Scheme):
    def __init__(self, connect: Connect) -> None:
        super().__init__()
        self._connect = connect

    async def __call__(  # type: ignore[override]
        self, request: Request, response: Response
    ) -> AsyncIterator[Context]:
        connect = self._connect
        route = Route(
            path=request.url.path, methods=("*",), accept=CALL, policy=connect.header_only
        )
        asked = AskedByScope(connect, request.scope, request.receive)
        found = await arun(exchange(connect, route, asked), connect, asked.read)
        if isinstance(found, Answer):
            detail = found.body.decode()
            raise HTTPException(found.status, detail, dict(found.headers))
        headers = request.scope["headers"]
        headers[:] = [pair for pair in headers if pair[0].decode("latin-1") not in CREDENTIALS]
        response.headers.update(dict((*QUIET, *connect.always)))
        async with found.context() as context:
            yield context
