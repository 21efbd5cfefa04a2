"""One request as it stands on the wire: nothing is normalised, nothing is logged."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes
from wsgiref.validate import validator


@dataclass
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name.lower()), None)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name.lower()]

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def id(self) -> str:
        return self.header("headway-refusal") or ""


def call_asgi(
    app: Any,
    method: str,
    target: str,
    headers: dict[str, str] | None = None,
    body: bytes = b"",
    server: tuple[str, int] = ("127.0.0.1", 3000),
    *,
    fails: bool = False,
) -> Answer:
    """One request as it stands on the wire; nothing is normalised, nothing is logged.

    *fails*: the app may raise once it has answered, as a server would log it.
    """
    path, _, query = target.partition("?")
    given = {"host": "127.0.0.1:3000", **(headers or {})}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(k.lower().encode(), v.encode()) for k, v in given.items()],
        "server": server,
        "client": ("127.0.0.1", 5),
        "extensions": {"http.response.pathsend": {}},
    }
    sent: list[dict[str, Any]] = []

    async def run() -> None:
        waiting = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> dict[str, Any]:
            if not waiting:
                await asyncio.Event().wait()  # the client stays and says nothing more
            return waiting.pop()

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        try:
            await app(scope, receive, send)
        except Exception:
            if not (fails and sent):
                raise

    asyncio.run(run())
    return Answer(
        sent[0]["status"],
        [(k.decode().lower(), v.decode()) for k, v in sent[0]["headers"]],
        b"".join(message.get("body", b"") for message in sent[1:]),
    )


def call_wsgi(
    app: Any,
    method: str,
    target: str,
    headers: dict[str, str] | None = None,
    body: bytes = b"",
    server: tuple[str, int] = ("127.0.0.1", 3000),
    *,
    raw: str | None = "RAW_URI",
    fails: bool = False,
) -> Answer:
    """One request to a WSGI application, with the judge of the standard library around it.

    *raw* names the variable of the raw target; None for a server that gives none.
    """
    path, _, query = target.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": server[0],
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_HOST": "127.0.0.1:3000",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(body),
        "wsgi.errors": Errors(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    if raw is not None:
        environ[raw] = target
    for name, value in (headers or {}).items():
        key = name.upper().replace("-", "_")
        environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
    told: list[Any] = []

    def start(status: str, given: list[tuple[str, str]], exc_info: Any = None) -> Any:
        told[:] = [status, given]
        return lambda data: None

    chunks = validator(app)(environ, start)
    try:
        body = b"".join(chunks)
    finally:
        chunks.close()
    status, given = told
    return Answer(int(status[:3]), [(name.lower(), value) for name, value in given], body)


class Errors:
    """``wsgi.errors`` that nobody reads."""

    def write(self, text: str) -> None: ...

    def writelines(self, lines: list[str]) -> None: ...

    def flush(self) -> None: ...
