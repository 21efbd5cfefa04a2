"""An app in this process that writes down what it gets: by ASGI or by WSGI."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from host.small_app import document

URL = "http://127.0.0.1:3000"


@dataclass
class LittleApp:
    """What reached the app, as (method, raw target, headers)."""

    url: str = URL
    got: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    status: int = 204
    life: list[str] = field(default_factory=list)
    broken: bool = False

    @property
    def descriptor(self) -> dict[str, Any]:
        return document(self.url)

    def answer(self, method: str, target: str, headers: dict[str, str]) -> tuple[int, bytes]:
        self.got.append((method, target, headers))
        if self.broken:
            raise ZeroDivisionError
        if method == "GET":
            if target == "/atlassian-connect.json":
                return 200, json.dumps(self.descriptor).encode()
            return 200, f"page {unquote(target.partition('?')[0])}".encode()
        return self.status, b""

    def posts(self) -> list[str]:
        return [target for method, target, _ in self.got if method == "POST"]

    async def asgi(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while (kind := (await receive())["type"]) != "lifespan.shutdown":
                self.life.append(kind)
                await send({"type": "lifespan.startup.complete"})
            self.life.append(kind)
            await send({"type": "lifespan.shutdown.complete"})
            return
        await receive()
        query = scope["query_string"].decode()
        target = scope["raw_path"].decode() + (f"?{query}" if query else "")
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        status, body = self.answer(scope["method"], target, headers)
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": body})

    def wsgi(self, environ: Any, start_response: Any) -> list[bytes]:
        names = {k.removeprefix("HTTP_").lower().replace("_", "-"): v for k, v in environ.items()}
        environ["wsgi.input"].read()
        status, body = self.answer(environ["REQUEST_METHOD"], environ["REQUEST_URI"], names)
        start_response(f"{status} Said", [("X-App", "little")])
        return [body]
