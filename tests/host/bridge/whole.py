"""A whole site with sockets, and an app with a module of each type, for a real browser."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from headway.host.testing import Site
from headway.model import Product

ICON = {"url": "/icon.svg", "width": 16, "height": 16}
PAGE = """<!doctype html><meta charset="utf-8"><title>app</title>
<script src="{script}"></script><body><p id="it">{path}</p></body>"""


def named(key: str, **more: Any) -> dict[str, Any]:
    """The members that most modules have."""
    return {"key": key, "name": {"value": f"The {key}"}, "url": f"/{key}", **more}


def glance(key: str) -> dict[str, Any]:
    """A module that is opened from its label."""
    return {
        "key": key,
        "name": {"value": f"The {key}"},
        "icon": ICON,
        "tooltip": {"value": "Tip"},
        "content": {"type": "label", "label": {"value": "Label"}},
        "target": {"type": "web_panel", "url": f"/{key}?issue={{issue.key}}"},
    }


BAR, OPERATIONS = "system.top.navigation.bar", "operations-top-level"
JIRA: dict[str, Any] = {
    "generalPages": [named("general", url="/general?project={project.key}&own={ac.own}")],
    "adminPages": [named("administration")],
    "configurePage": named("configuration"),
    "postInstallPage": named("started"),
    "webPanels": [
        named(
            "panel",
            location="atl.jira.view.issue.right.context",
            url="/panel?issue={issue.key}&id={issue.id}&title={issue.summary}&me={user.accountId}",
        ),
        named("hidden", location="atl.jira.view.issue.right.context",
              conditions=[{"condition": "user_is_admin", "invert": True}]),
        named("asked", location="atl.jira.view.issue.right.context",
              conditions=[{"condition": "/shown?issue={issue.key}"}]),
    ],
    "webSections": [{"key": "section", "name": {"value": "A section"}, "location": OPERATIONS}],
    "webItems": [
        named("item", location=BAR),
        named("elsewhere", location=BAR, url="https://example.com/{user.accountId}"),
        named("product", location=OPERATIONS, url="/browse/{issue.key}?x", context="product"),
        named("dialog", location=OPERATIONS,
              target={"type": "dialog", "options": {"size": "small"}}),
        named("inline", location="my-app__section", target={"type": "inlineDialog"}),
        {"key": "named", "name": {"value": "The named"}, "location": OPERATIONS,
         "target": {"type": "dialogModule", "options": {"key": "box"}}},
    ],
    "dialogs": [{"key": "box", "url": "/box?issue={issue.key}", "options": {"size": "large"}}],
    "jiraIssueContents": [glance("contents")],
    "jiraIssueGlances": [glance("glance")],
    "jiraIssueContexts": [glance("context")],
    "jiraIssueTabPanels": [named("tab", url="/tab?issue={issue.key}")],
    "jiraProjectPages": [named("project", url="/project?id={project.id}", iconUrl="/icon.svg")],
    "jiraProjectAdminTabPanels": [named("settings", location="projectgroup4")],
    "jiraDashboardItems": [
        named("item-on-dashboard", url="/item?id={dashboardItem.id}&on={dashboard.id}",
              description={"value": "An item"}, thumbnailUrl="/icon.svg", configurable=True)
    ],
    "jiraProfileTabPanels": [named("profile", url="/profile?of={profileUser.accountId}")],
}  # fmt: skip
WIKI: dict[str, Any] = {
    "dynamicContentMacros": [
        named("macro", url="/macro?page={page.id}&colour={colour}",
              parameters=[{"identifier": "colour", "name": {"value": "Colour"}, "type": "string",
                           "defaultValue": "green"}],
              bodyType="plain-text", editor={"url": "/editor"}),
        named("rich", bodyType="rich-text", editor={"url": "/editor"}),
    ],
    "staticContentMacros": [
        named("static-macro", url="/static?page={page.id}", parameters=[
            {"identifier": "colour", "type": "string", "defaultValue": 'a "red" & <blue>'},
            {"identifier": "many", "type": "int", "defaultValue": 3},
            {"identifier": "plain", "type": "string"},
        ])
    ],
    "contentBylineItems": [named("byline", url="/byline?page={content.id}")],
    "contextPane": [named("pane", url="/pane?space={space.key}")],
    "spacePages": [named("space", url="/space?space={space.key}")],
    "spaceToolsTabs": [named("tools", location="contenttools", url="/tools?space={space.key}")],
    "generalPages": [named("wiki-page", location="system.header/left")],
}  # fmt: skip


@dataclass
class App:
    """The app: where it is, what it was asked, and where it has its client script from."""

    url: str = ""
    key: str = "my-app"
    script: str = ""
    modules: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)  # target, Authorization
    told: list[tuple[str, dict[str, Any]]] = field(default_factory=list)  # path, JSON
    shown: bool = True

    def target(self, key: str) -> str:
        """The last address that was asked for below */key*."""
        return next(
            target for target, _ in reversed(self.asked) if target.partition("?")[0] == f"/{key}"
        )

    def descriptor(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "name": "My app",
            "baseUrl": self.url,
            "authentication": {"type": "jwt"},
            "lifecycle": {"installed": "/installed"},
            "scopes": ["READ"],
            "modules": self.modules,
        }


class Handler(BaseHTTPRequestHandler):
    """Says of each page which one it is."""

    app: ClassVar[App]

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Write nothing: the request line holds a token."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.app.told.append((self.path, json.loads(body)))
        self.send_response(204)
        self.end_headers()

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.app.asked.append((self.path, self.headers.get("Authorization", "")))
        if path == "/atlassian-connect.json":
            self.answer("application/json", json.dumps(self.app.descriptor()))
        elif path == "/shown":
            self.answer("application/json", json.dumps({"shouldDisplay": self.app.shown}))
        elif path == "/static":
            self.answer("text/html", "<p>From the app<script>alert(1)</script></p>")
        elif path == "/icon.svg":
            self.answer("image/svg+xml", '<svg xmlns="http://www.w3.org/2000/svg"/>')
        else:
            self.answer("text/html", PAGE.format(script=self.app.script, path=path))

    def answer(self, kind: str, body: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body.encode())


@contextmanager
def app_of(modules: dict[str, Any], key: str = "my-app", script: str = "") -> Iterator[App]:
    """An app with *modules*, listening."""
    app = App(key=key, script=script, modules=modules)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Answering", (Handler,), {"app": app}))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    app.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield app
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def whole(**settings: Any) -> Iterator[tuple[Site, App, App]]:
    """The site with an app in its Jira and one in its Confluence."""
    with (
        Site(sockets=True, **settings) as site,
        app_of(JIRA) as jira,
        app_of(WIKI, "wiki-app") as wiki,
    ):
        for app, product in ((jira, Product.JIRA), (wiki, Product.CONFLUENCE)):
            app.script = f"{site.url}/atlassian-connect/all.js"
            site.product = product
            site.install(f"{app.url}/atlassian-connect.json")
        site.product = Product.JIRA
        yield site, jira, wiki
