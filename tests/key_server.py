"""A real server on loopback whose pages a test writes: for whatever is fetched."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class KeyServer:
    """A real server on loopback; ``pages`` maps paths to what answers there."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.pages: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                outer.pages.get(self.path, lambda h: outer.reply(h, 404, b"no"))(self)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def reply(
        self, handler: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str
    ) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def page(self, path: str, status: int, body: bytes, **headers: str) -> None:
        self.pages[path] = lambda handler: self.reply(handler, status, body, **headers)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
