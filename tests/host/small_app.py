"""A little app on loopback that writes down what it gets, and answers as it is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from headway.descriptor import read_descriptor
from headway.host.apps import App, Apps
from headway.host.clock import SiteClock
from headway.host.database import open_database
from headway.host.install import Installer
from headway.host.lifecycle import Addresses, Lifecycle
from headway.host.outgoing import Outgoing
from headway.host.settings import POLICIES, Settings
from headway.host.site_keys import SiteKeys
from headway.host.traffic import Traffic
from headway.keys import new_secret
from headway.model import Secret

BASE = "http://localhost:2990"
LIFECYCLE = ("installed", "uninstalled", "enabled", "disabled")


@dataclass
class Got:
    """One request that reached the app."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def token(self) -> str:
        scheme, _, token = self.headers["authorization"].partition(" ")
        assert scheme == "JWT"
        return token


@dataclass
class SmallApp:
    """What the app got, and what it will answer."""

    url: str = ""
    base_path: str = ""
    descriptor: dict[str, Any] = field(default_factory=dict)
    raw_descriptor: bytes | None = None
    descriptor_status: int = 200
    status: dict[str, int] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    silent: set[str] = field(default_factory=set)
    got: list[Got] = field(default_factory=list)
    leave: threading.Event = field(default_factory=threading.Event)
    meanwhile: Any = None

    @property
    def base_url(self) -> str:
        return self.url + self.base_path

    @property
    def descriptor_url(self) -> str:
        return f"{self.base_url}/atlassian-connect.json"

    def callbacks(self) -> list[str]:
        return [got.target.rpartition("/")[2] for got in self.got if got.method == "POST"]

    def last(self, name: str) -> Got:
        return next(got for got in reversed(self.got) if name in got.target)


def document(url: str, **more: Any) -> dict[str, Any]:
    """A descriptor with everything that this site knows."""
    return {
        "key": "my-app",
        "name": "My app",
        "baseUrl": url,
        "authentication": {"type": "jwt"},
        "apiMigrations": {"signed-install": True, "gdpr": True},
        "lifecycle": {event: f"/{event}" for event in LIFECYCLE},
        "scopes": ["read", "WRITE"],
        "modules": {
            "webPanels": [
                {
                    "key": "panel",
                    "name": {"value": "Panel"},
                    "url": "/panel/{issue.key}?id={issue.id}&title={issue.summary}",
                    "location": "atl.jira.view.issue.right.context",
                }
            ],
            "generalPages": [
                {
                    "key": "page",
                    "name": {"value": "Page"},
                    "url": "/page",
                    "cacheable": True,
                }
            ],
            "webhooks": [
                {"event": "jira:issue_updated", "url": "/hook/${issue.key}?p=${project.key}"}
            ],
            "somethingNew": [{"unknown": "and left alone"}],
        },
        **more,
    }


class Handler(BaseHTTPRequestHandler):
    """The app's server."""

    app: ClassVar[SmallApp]

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Write nothing."""

    def do_GET(self) -> None:
        self.note(b"")
        if self.path.partition("?")[0] != f"{self.app.base_path}/atlassian-connect.json":
            self.answer(404, b"")
            return
        data = self.app.raw_descriptor
        self.answer(
            self.app.descriptor_status,
            json.dumps(self.app.descriptor).encode() if data is None else data,
        )

    def do_POST(self) -> None:
        self.note(self.rfile.read(int(self.headers["content-length"])))
        name = self.path.rpartition("/")[2]
        if name in self.app.silent:
            self.app.leave.wait(20)
        if self.app.meanwhile:
            self.app.meanwhile(name)
        self.answer(self.app.status.get(name, 204), self.app.body)

    def note(self, body: bytes) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.app.got.append(Got(self.command, self.path, headers, body))

    def answer(self, status: int, body: bytes) -> None:
        try:
            self.send_response(status)
            for name, value in self.app.headers.items():
                self.send_header(name, value)
            if status != 204:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except ConnectionError:
            pass  # the site went away, as it must where it has read enough


@contextmanager
def running(base_path: str = "", **more: Any) -> Iterator[SmallApp]:
    """The app, listening; *more* goes into its descriptor."""
    app = SmallApp(base_path=base_path)
    handler = type("AppHandler", (Handler,), {"app": app})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    app.url = f"http://127.0.0.1:{server.server_address[1]}"
    app.descriptor = document(app.base_url, **more)
    try:
        yield app
    finally:
        app.leave.set()
        server.shutdown()
        server.server_close()
        thread.join()


class SmallHost:
    """The site's outgoing half; its clock goes on by a second at each look, or stands still."""

    def __init__(self, data: Any = None, *, real: Any = None, **settings: Any) -> None:
        self.time = 1_700_000_000.0
        self.clock = SiteClock(real=real or self.tick)
        self.traffic = Traffic()
        self.database = open_database(data)
        self.settings = Settings(**{"callback_seconds": 5.0, **settings})
        self.apps = Apps(self.database, self.clock.now)
        self.keys = SiteKeys(self.database, self.clock.now)
        self.outgoing = Outgoing(
            settings=self.settings,
            apps=self.apps,
            clock=self.clock,
            traffic=self.traffic,
            policy=lambda: POLICIES["atlassian-2022"],
            base_url=lambda: BASE,
        )
        self.lifecycle = Lifecycle(
            apps=self.apps,
            keys=self.keys,
            outgoing=self.outgoing,
            clock=self.clock,
            addresses=lambda _: Addresses(BASE, BASE),
            cloud_id="cloud-1",
            legacy=self.settings.unsigned_installs,
        )
        self.installer = Installer(
            self.apps,
            self.outgoing,
            self.lifecycle,
            keep_secret=self.settings.upgrade_keeps_secret,
            legacy=self.settings.unsigned_installs,
        )

    @property
    def app(self) -> App:
        """The one app that is installed."""
        return self.apps.all()[0]

    def tick(self) -> float:
        self.time += 1
        return self.time

    def add(self, **descriptor: Any) -> tuple[App, Secret]:
        """An app that is simply there."""
        data = document(**{"url": "http://127.0.0.1:7000", **descriptor})
        app = self.apps.prepare(read_descriptor(json.dumps(data).encode()))
        secret = Secret(new_secret())
        self.apps.save(app, secret)
        return app, secret
