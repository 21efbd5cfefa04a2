"""What ``bench/app.py`` serves by uvicorn: a bare route beside one behind Headway's check.

Between the two stands one that calls ``verify`` by itself and answers as the
bare one does: what a check costs where nothing leads to a handler.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from headway.app import asgi, starlette
from headway.http.asgi import facts_from_scope
from headway.ports import drive
from headway.verify import Expected, verify

SETTINGS: dict[str, Any] = {
    "key": "bench",
    "name": "Bench",
    "base_url": os.environ.get("BENCH_URL", "http://127.0.0.1:3000"),
    "store": os.environ.get("BENCH_STORE", ":memory:"),
    "development": True,
}


def checking(connect: Any) -> Callable[[Any], None]:
    """What checks the request of a scope as the route ``/me`` is checked, and does no more."""
    [route] = [route for route in connect.own_routes() if route.path == "/me"]
    expected = Expected(app_key=connect.key, audience=(connect.base_url,))
    policy = route.policy

    def check(scope: Any) -> None:
        facts = facts_from_scope(scope)
        steps = verify(
            facts, accept=route.accept, expected=expected, now=time.time(), policy=policy
        )
        drive(steps, connect.keys)

    return check


def on_starlette() -> Starlette:
    """Starlette with three routes."""
    connect = starlette.Connect(**SETTINGS)

    @connect.context_route("/me")
    async def me(request: Request, context: Any) -> Response:
        return JSONResponse({"account": context.account_id})

    check = checking(connect)

    async def bare(request: Request) -> Response:
        return JSONResponse({"account": "nobody"})

    async def verified(request: Request) -> Response:
        check(request.scope)
        return JSONResponse({"account": "nobody"})

    # a router looks at one after the other: what Headway is held against comes first
    own = [Route("/bare", bare), Route("/verify", verified)]
    return Starlette(routes=[*own, *connect.routes])


def on_asgi() -> Any:
    """The same without a framework."""
    connect = asgi.Connect(**SETTINGS)
    body = b'{"account":"nobody"}'
    length = str(len(body)).encode()

    @connect.context_route("/me")
    async def me(request: Any, context: Any) -> Any:
        return {"account": context.account_id}

    check = checking(connect)

    async def bare(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/verify":
            check(scope)
        headers = [(b"content-type", b"application/json"), (b"content-length", length)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return connect.asgi(bare)
