"""A mock site on ``localhost`` and two mini-apps on ``127.0.0.1``, for the files of the browser.

The Python side of the host has its own tests; here it is played by a few
routes, so that what these tests show is shown of ``static/`` alone.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

from headway.host.client_script import script

HERE = Path(__file__).resolve().parent
STATIC = HERE.parents[2] / "src" / "headway" / "host" / "static"
BRIDGE = ("vendor/xdm-host.js", "bridge/main.js")
CSRF = "csrf-of-this-session"
TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
HTML = "text/html; charset=utf-8"

APP_PAGE = """<!doctype html><meta charset="utf-8"><title>app</title>
<script src="{site}/atlassian-connect/all.js" data-options="resize:false"></script>
<body><p>A panel of an app.</p></body>"""


@dataclass
class Call:
    """One request that reached the site."""

    method: str
    path: str
    headers: dict[str, str]
    body: str


@dataclass
class World:
    """The addresses, what the site was asked, and what it shall answer."""

    site: str = ""
    apps: dict[str, str] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    pages: dict[str, str] = field(default_factory=dict)
    events: list[dict[str, object]] = field(default_factory=list)
    options: dict[str, object] = field(default_factory=dict)
    token_life: int = 900
    module_url: str = ""
    minted: int = 0

    def reset(self) -> None:
        """Forget what the last test did."""
        self.calls.clear()
        self.pages.clear()
        self.events.clear()
        self.options = {}
        self.token_life, self.module_url, self.minted = 900, "", 0

    def token(self) -> str:
        """A text with the shape of a token, of which no two are alike."""
        self.minted += 1
        now = 1_638_316_800  # the site's clock may stand in another year
        claims = {"iat": now, "exp": now + self.token_life, "n": self.minted}
        parts = (json.dumps(part).encode() for part in ({"alg": "HS256"}, claims))
        texts = [base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts]
        return ".".join([*texts, "not-a-signature"])

    def asked(self, prefix: str) -> list[Call]:
        """The calls whose path starts with *prefix*."""
        return [call for call in self.calls if call.path.startswith(prefix)]


def module(
    app: str, key: str = "panel", context: dict[str, str] | None = None, more: str = ""
) -> str:
    """The element that the bridge makes alive; *more* are further attributes."""
    data = json.dumps(
        context or {"issue.key": "DEMO-1", "issue.id": "10001", "project.key": "DEMO"}
    )
    return (
        f'<div class="hw-module" data-app-key="{app}" data-module-key="{key}"'
        f" data-context='{data}' {more}></div>"
    )


def page_of(body: str, scripts: tuple[str, ...] = BRIDGE) -> str:
    """A page of the site, as its templates make them."""
    tags = "".join(
        f'<script src="/static/{name}" {"type=module" if "/main" in name else "defer"}></script>'
        for name in scripts
    )
    return (
        '<!doctype html><html lang="en-GB"><head><meta charset="utf-8"><title>Site</title>'
        '<meta name="viewport" content="width=device-width">'
        f'<meta name="hw-csrf" content="{CSRF}"><meta name="hw-account" content="5b10a0:ann">'
        '<meta name="hw-account-name" content="Ann Admin">'
        f'<link rel="icon" href="/static/logo.svg"><link rel="stylesheet" href="/static/site.css">'
        f"{tags}</head><body>{body}</body></html>"
    )


class Handler(BaseHTTPRequestHandler):
    """What site and apps have in common."""

    world: ClassVar[World]
    protocol_version = "HTTP/1.0"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Write nothing: the request line may hold a token."""

    def answer(self, status: int, kind: str, body: str | bytes, **headers: str) -> None:
        data = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def json(self, status: int, body: object) -> None:
        self.answer(status, "application/json", json.dumps(body), Cache_Control="no-store")


class Site(Handler):
    """The mock of the host's Python side."""

    def do_GET(self) -> None:
        self.serve()

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - names that the base looks for

    def serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode("latin-1")
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.world.calls.append(Call(self.command, self.path, headers, body))
        path = urlsplit(self.path).path
        if path in self.world.pages:
            self.page(self.world.pages[path])
        elif path.startswith("/static/"):
            self.static(STATIC / path.removeprefix("/static/"))
        elif path == "/atlassian-connect/all.js":
            self.answer(200, TYPES[".js"], script(), Cache_Control="max-age=600")
        elif path.startswith("/atlassian-connect/"):
            self.static(STATIC / "vendor" / "styles" / path.rpartition("/")[2])
        elif path == "/inspector/events":
            rows = "".join(f"data: {json.dumps(row)}\n\n" for row in self.world.events)
            self.answer(200, "text/event-stream", "retry: 300\n\n" + rows)
        elif path.startswith("/svc/"):
            self.service(path, json.loads(body), headers)
        else:
            self.rest(path, body)

    def page(self, text: str) -> None:
        frames = " ".join(self.world.apps.values())
        policy = (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
            f" connect-src 'self'; frame-src {frames}; frame-ancestors 'none'"
        )
        self.answer(
            200,
            HTML,
            text,
            Content_Security_Policy=policy,
            Cache_Control="no-store",
            Set_Cookie="session=ann; HttpOnly; SameSite=Lax; Path=/",
        )

    def static(self, path: Path) -> None:
        if path.is_file():
            self.answer(200, TYPES[path.suffix], path.read_bytes())
        else:
            self.answer(404, "text/plain", "no such file")

    def service(self, path: str, question: dict[str, object], headers: dict[str, str]) -> None:
        own = headers.get("origin") == self.world.site
        if (
            not own
            or headers.get("x-headway-csrf") != CSRF
            or "session=ann" not in headers["cookie"]
        ):
            self.json(403, {"detail": "the CSRF token is missing"})
        elif path == "/svc/context-token":
            self.json(200, {"token": self.world.token()})
        elif question["moduleKey"] == "broken":
            self.json(404, {"detail": "this app has no such module"})
        else:
            origin = self.world.apps[str(question["appKey"])]
            url = self.world.module_url or f"{origin}/panel?jwt={self.world.token()}"
            self.json(200, {"url": url, "options": self.world.options})

    def rest(self, path: str, body: str) -> None:
        if path == "/rest/api/2/issue/DEMO-1":
            self.json(200, {"key": "DEMO-1"})
        elif path == "/rest/api/2/echo":
            self.json(201, {"method": self.command, "path": self.path, "body": body})
        elif path == "/rest/api/2/bytes":
            self.answer(200, "image/png", b"\x89PNG\x00\xff")
        elif path == "/rest/api/2/issue":
            self.json(201, {"id": "1", "key": "DEMO-9", "sent": json.loads(body)})
        elif path.startswith("/wiki/rest/api/content/7/property"):
            self.property(path, body)
        elif path == "/rest/api/2/moved":
            self.answer(302, "text/plain", "", Location="/svc/module-url")
        else:
            self.json(404, {"errorMessages": ["Issue does not exist"]})

    def property(self, path: str, body: str) -> None:
        key = path.partition("/property")[2].strip("/")
        if self.command == "GET":
            known = key == "known"
            self.json(200 if known else 404, {"key": key, "value": 1} if known else {})
        else:
            sent = json.loads(body)
            refused = sent["value"] == "refused"
            self.json(409 if refused else 200, {"message": "no"} if refused else sent)


class App(Handler):
    """A page of an app: the ordinary client script, and nothing else."""

    def do_GET(self) -> None:
        self.answer(200, HTML, APP_PAGE.format(site=self.world.site), Cache_Control="no-store")


@contextmanager
def running() -> Iterator[World]:
    """Site and apps, listening."""
    world = World()
    servers = []
    for kind in (Site, App, App):
        handler = type(kind.__name__, (kind,), {"world": world})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        servers.append(server)
    site, one, two = (server.server_address[1] for server in servers)
    world.site = f"http://localhost:{site}"
    world.apps = {"app.one": f"http://127.0.0.1:{one}", "app.two": f"http://127.0.0.1:{two}"}
    try:
        yield world
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()
