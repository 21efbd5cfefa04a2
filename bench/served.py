"""What ``bench/app.py`` serves by uvicorn: a bare route beside one behind Headway's check."""

from __future__ import annotations

import os
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from headway.app import asgi, starlette

SETTINGS: dict[str, Any] = {
    "key": "bench",
    "name": "Bench",
    "base_url": os.environ.get("BENCH_URL", "http://127.0.0.1:3000"),
    "store": os.environ.get("BENCH_STORE", ":memory:"),
    "development": True,
}


def on_starlette() -> Starlette:
    """Starlette with two routes."""
    connect = starlette.Connect(**SETTINGS)

    @connect.context_route("/me")
    async def me(request: Request, context: Any) -> Response:
        return JSONResponse({"account": context.account_id})

    async def bare(request: Request) -> Response:
        return JSONResponse({"account": "nobody"})

    return Starlette(routes=[*connect.routes, Route("/bare", bare)])


def on_asgi() -> Any:
    """The same without a framework."""
    connect = asgi.Connect(**SETTINGS)
    body = b'{"account":"nobody"}'
    length = str(len(body)).encode()

    @connect.context_route("/me")
    async def me(request: Any, context: Any) -> Any:
        return {"account": context.account_id}

    async def bare(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", length)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return connect.asgi(bare)
