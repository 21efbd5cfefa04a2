"""A client of ASGI applications that sends exactly the bytes it is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from starlette.requests import Request


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def message(self) -> str:
        return str(self.json["errorMessages"][0])


def scope_of(method: str, target: str, headers: Iterable[tuple[str, str]]) -> dict[str, Any]:
    raw_path, _, query = target.partition("?")
    return {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote_to_bytes(raw_path).decode("utf-8", "replace"),
        "raw_path": raw_path.encode("latin-1"),
        "query_string": query.encode("latin-1"),
        "root_path": "",
        "headers": [(k.lower().encode(), v.encode("latin-1")) for k, v in headers],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 2990),
    }


def request(
    method: str, target: str, headers: Mapping[str, str] | None = None, **scope: Any
) -> Request:
    """A request without a body."""
    return Request({**scope_of(method, target, (headers or {}).items()), **scope})


def ask(
    app: Any,
    method: str,
    target: str,
    headers: Mapping[str, str] | Iterable[tuple[str, str]],
    body: Any = b"",
) -> Answer:
    """Send one request through an ASGI application; *body* is bytes, or written as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    messages: list[dict[str, Any]] = []
    incoming = [{"type": "http.request", "body": data, "more_body": False}]

    async def receive() -> dict[str, Any]:
        if not incoming:
            await asyncio.Event().wait()  # a client that stays, and says no more
        return incoming.pop()

    async def send(message: dict[str, Any]) -> None:
        messages.append(message)

    asyncio.run(app(scope_of(method, target, pairs), receive, send))
    start = next(m for m in messages if m["type"] == "http.response.start")
    body_parts = [m.get("body", b"") for m in messages if m["type"] == "http.response.body"]
    decoded = {k.decode("latin-1"): v.decode("latin-1") for k, v in start["headers"]}
    return Answer(start["status"], decoded, b"".join(body_parts))
