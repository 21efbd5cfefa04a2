"""Services that only say yes, on the same servers as Headway's.

``python -m bench.yes_sayers KIND PORT`` is one of them.  ``http`` is Headway's own
server (asyncio, httptools) with a callable of three lines; ``uvicorn`` is the
leanest ASGI app; ``grpc`` answers ``Check`` with one message made beforehand.  The
first two give nginx back the target that it asked about.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import grpc
from envoy.service.auth.v3.external_auth_pb2 import CheckResponse, OkHttpResponse
from envoy.service.auth.v3.external_auth_pb2_grpc import (
    AuthorizationServicer,
    add_AuthorizationServicer_to_server,
)
from google.rpc.status_pb2 import Status

from headway.gateway.http_service import serving_http
from headway.gateway.service import RawHeaders, Reply
from headway.http.server import listen, serving


class Http:
    """Yes, in one line of headers."""

    def ask(self, peer: str, method: str, target: str, headers: RawHeaders) -> Reply:
        """The answer."""
        for name, value in headers:
            if name == b"X-Original-URI":
                return Reply(204, b"Headway-Target: " + value + b"\r\n")
        return Reply(403, b"")


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    """Yes, as an ASGI app says it."""
    target = dict(scope["headers"]).get(b"x-original-uri", b"/")
    head = {"type": "http.response.start", "status": 204, "headers": [(b"headway-target", target)]}
    await send(head)
    await send({"type": "http.response.body", "body": b""})


class Grpc(AuthorizationServicer):  # type: ignore[misc]
    """Yes, as Envoy hears it."""

    _YES = CheckResponse(status=Status(code=0), ok_response=OkHttpResponse())

    async def Check(self, request: Any, context: Any) -> Any:  # noqa: N802 - its name there
        """The answer."""
        return self._YES


@asynccontextmanager
async def _over_grpc(port: int) -> Any:
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    add_AuthorizationServicer_to_server(Grpc(), server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    yield
    await server.stop(1)


KINDS: Mapping[str, Callable[[int], AbstractAsyncContextManager[Any]]] = {
    "http": lambda port: serving_http(Http(), listen(port, ["127.0.0.1"])),
    "uvicorn": lambda port: serving(asgi, listen(port, ["127.0.0.1"])),
    "grpc": _over_grpc,
}


async def _main(kind: str, port: int) -> None:
    async with KINDS[kind](port):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], int(sys.argv[2])))
