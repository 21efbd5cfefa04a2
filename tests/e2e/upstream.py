"""What stands behind the built-in proxy in its tests: uvicorn, or the standard library's server.

``python upstream.py uvicorn`` prints its port and serves until its input ends.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import uvicorn

from headway.http.server import listen

PIECE = b"x" * 65_536
PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answers by its path: what it got, many bytes, events, or what a WebSocket says."""
    if scope["type"] == "websocket":
        await _echo(scope, receive, send)
        return
    path, query = scope["path"], scope["query_string"].decode()
    start: dict[str, Any] = {"type": "http.response.start", "status": 200, "headers": []}
    if path == "/big":
        size = int(query)
        start["headers"] = [(b"content-length", str(size).encode())]
        await send(start)
        for left in range(size, 0, -len(PIECE)):
            await _body(send, PIECE[:left], more=left > len(PIECE))
    elif path == "/pixel":  # for whoever has a token in the header
        known = any(name == b"authorization" for name, _ in scope["headers"])
        start["status"] = 200 if known else 401
        start["headers"] = [(b"content-type", b"image/gif"), (b"cache-control", b"max-age=60")]
        await send(start)
        await _body(send, PIXEL if known else b"", more=False)
    elif path == "/events":
        start["headers"] = [(b"content-type", b"text/event-stream")]
        await send(start)
        await _body(send, b"data: first\n\n", more=True)
        await receive()
        while (await receive())["type"] != "http.disconnect":
            pass
    else:
        size = 0
        while True:
            message = await receive()
            size += len(message.get("body", b""))
            if not message.get("more_body"):
                break
        headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        target = scope["raw_path"].decode() + ("?" + query if query else "")
        await send(start)
        told = {"target": target, "headers": headers, "size": size}
        await _body(send, json.dumps(told).encode(), more=False)


async def _body(send: Any, data: bytes, *, more: bool) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": more})


async def _echo(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    headers = dict(scope["headers"])
    await send({"type": "websocket.send", "text": headers.get(b"authorization", b"").decode()})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message.get("text")})


class Plain(BaseHTTPRequestHandler):
    """The standard library's: HTTP/1.1, and no asyncio."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = json.dumps({"target": self.path, "headers": headers, "size": 0}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """It has nothing to say."""


def _say(port: int) -> None:
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()


def main() -> None:
    """Serve until the input ends."""
    if sys.argv[1] == "plain":
        server = ThreadingHTTPServer(("127.0.0.1", 0), Plain)
        _say(server.server_address[1])
        server.serve_forever()
        return
    [opened] = listen(0, ["127.0.0.1"])
    _say(opened.getsockname()[1])
    config = uvicorn.Config(app, log_level="warning", lifespan="off", access_log=False)
    asyncio.run(uvicorn.Server(config).serve(sockets=[opened]))


if __name__ == "__main__":
    main()
