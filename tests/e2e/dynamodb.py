"""Just enough of DynamoDB for a framework's own client: whole items, as they are sent.

No judge of anything: it keeps the JSON that the vendor's client wrote, in the form
in which ``aws dynamodb scan`` gives it back ("DynamoDB low-level API").
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Item = dict[str, Any]


class Tables:
    """Tables by name; an item is found by the members of its key, and those are all that differ."""

    def __init__(self) -> None:
        self.items: dict[str, list[Item]] = {}

    def answer(self, operation: str, asked: dict[str, Any]) -> Item:
        """What *operation* answers."""
        items = self.items.setdefault(asked["TableName"], [])
        if operation == "PutItem":
            item = asked["Item"]
            key = {name: item[name] for name in ("clientKey", "key") if name in item}
            items[:] = [each for each in items if not key.items() <= each.items()] + [item]
            return {}
        if operation == "GetItem":
            key = asked["Key"]
            found = [each for each in items if key.items() <= each.items()]
            return {"Item": found[0]} if found else {}
        if operation == "DescribeTable":
            return {"Table": {"TableName": asked["TableName"], "TableStatus": "ACTIVE"}}
        return {}


@contextmanager
def dynamodb() -> Iterator[tuple[str, Tables]]:
    """The address of a server on this machine, and what it keeps."""
    tables = Tables()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            operation = self.headers["X-Amz-Target"].partition(".")[2]
            told = json.dumps(tables.answer(operation, asked)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, *_: Any) -> None:
            """Nothing: requests hold secrets."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", tables
        server.shutdown()
