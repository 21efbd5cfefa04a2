"""Several nodes of one app on one database, and a host that installs it on many sites."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx

from headway import sign
from headway.keys import RsaPrivateKey
from headway.model import Secret

ROOT = Path(__file__).resolve().parents[2]
BASE_URL = "http://127.0.0.1:9"  # of all nodes; the balancer that would listen there is not needed
APP_KEY, KEY_ID = "nodes", "key-1"
START_SECONDS = 60.0
STORE_KEY = {"HEADWAY_STORE_KEY": base64.b64encode(bytes(range(32))).decode()}


class Node:
    """A process that serves the app; it can be killed and started again."""

    def __init__(self, keys: str, **environment: str) -> None:
        self._environment = {
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            "PYTHONPATH": str(ROOT / "src"),
            "HEADWAY_DEVELOPMENT": "1",
            "HEADWAY_INSTALL_KEYS": keys,
            "BASE_URL": BASE_URL,
            **STORE_KEY,
            **environment,
        }
        self._process: subprocess.Popen[str] | None = None
        self.start()

    def start(self) -> None:
        script = Path(__file__).with_name("node_app.py")
        self._process = subprocess.Popen(
            [sys.executable, str(script)],
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the node did not start"
        self.url = f"http://127.0.0.1:{int(line)}"

    def kill(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._wait()

    def stop(self) -> None:
        if self._process is None:
            return
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._wait()

    def _wait(self) -> None:
        assert self._process is not None
        self._process.wait(START_SECONDS)
        for stream in (self._process.stdin, self._process.stdout):
            stream.close()
        self._process = None


@dataclass
class Event:
    """An event of one site; everything in an ``installed`` bears its name."""

    site: str
    name: str  # installed, uninstalled
    issued: int
    mark: str
    secret: str = ""

    def body(self) -> bytes:
        told = {
            "key": APP_KEY,
            "clientKey": self.site,
            "eventType": self.name,
            "productType": "jira",
            "baseUrl": f"http://localhost:2990/{self.mark}",
        }
        if self.name == "installed":
            told |= {"sharedSecret": self.secret, "description": self.mark, "cloudId": self.mark}
        return json.dumps(told).encode()


@dataclass
class Host:
    """Signs events for any site, and serves the key to check them by."""

    rsa: RsaPrivateKey = field(default_factory=RsaPrivateKey.generate)

    def __post_init__(self) -> None:
        pem = self.rsa.public_pem()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(pem)))
                self.end_headers()
                self.wfile.write(pem)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.keys = f"http://127.0.0.1:{self._server.server_port}"
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def signed(self, event: Event) -> dict[str, str]:
        token = sign.lifecycle_token(
            self.rsa,
            key_id=KEY_ID,
            issuer=event.site,
            audience=BASE_URL,
            raw_path=f"/{event.name}",
            now=event.issued,
        )
        return {"Authorization": f"JWT {token}", "Content-Type": "application/json"}

    async def send(self, http: httpx.AsyncClient, node: Node, event: Event) -> httpx.Response:
        url = f"{node.url}/{event.name}"
        return await http.post(url, content=event.body(), headers=self.signed(event))


def context_header(site: str, secret: str) -> dict[str, str]:
    """What a page of *site* would call the app with."""
    token = sign.context_token(
        Secret(secret), issuer=site, subject="ada", context={}, now=time.time()
    )
    return {"Authorization": f"JWT {token}"}
