"""Two apps in this process to be checked: one refuses, one lets everything pass."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from headway.app.check.actor import Actor, CannotCheck, fetch_app
from headway.app.check.played import PlayedSite, Tenant
from headway.app.check.stage import Stage
from headway.app.payloads.jira import IssueUpdated
from headway.app.starlette import Connect

BASE = "http://127.0.0.1:3000"


def played(**kwargs: Any) -> PlayedSite:
    return PlayedSite("http://localhost:2991", **kwargs)


def careful(site: PlayedSite) -> Starlette:
    """An app on Headway itself."""
    connect = Connect(
        key="careful", name="Careful", base_url=BASE, store=":memory:", development=True,
        install_keys=f"{site.base_url}/install-keys", transport=httpx.ASGITransport(site),
    )  # fmt: skip

    @connect.panel("Panel", location="x", url="/panel?issue={issue.key}")
    def panel(request: Any, context: Any) -> str:
        return "<p>a panel</p>"

    @connect.module("adminPages", "Admin")
    async def admin(request: Any, context: Any) -> Any:
        asked = {"accountId": context.account_id, "globalPermissions": ["ADMINISTER"]}
        answer = await context.client.post("/rest/api/3/permissions/check", json=asked)
        if not answer.json()["globalPermissions"]:
            return Response(status_code=403)
        return "<p>settings</p>"

    @connect.context_route("/me")
    def me(request: Any, context: Any) -> Any:
        return {"account": context.account_id}

    @connect.webhook("jira:issue_updated")
    async def updated(event: IssueUpdated, context: Any) -> None:
        assert event.issue.key

    return Starlette(routes=connect.routes)


class Leaky:
    """Whatever it is asked, it does; ``broken`` paths fall over, ``headers`` go out with pages."""

    def __init__(self, site: PlayedSite | None = None) -> None:
        self.site = site
        self.headers: dict[str, str] = {}
        self.broken: set[str] = set()
        self.closed: set[str] = set()  # paths that refuse everything
        self.modules: dict[str, Any] = {
            "generalPages": [{"url": "/page?a={b}"}],
            "adminPages": [{"url": "/admin"}],
            "webhooks": [{"event": "jira:issue_updated", "url": "/hook"}],
        }
        self.lifecycle = {
            name: f"/{name}" for name in ("installed", "uninstalled", "enabled", "disabled")
        }
        self.told = b""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        answer = await self._answer(request)
        await answer(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        path = request.url.path
        if path == "/atlassian-connect.json":
            return JSONResponse(self.descriptor())
        if path in self.broken:
            return Response("Traceback", 500)
        if path in self.closed:
            return Response("no: " + request.url.query, 401)
        await request.body()
        if self.site is not None and path == "/installed":
            await self._fetch_key(request)
        if self.site is not None and path == "/page":
            await self._call("GET", "/rest/api/3/myself?jwt=eyJ.e30.x")
        return Response(self.told + request.url.query.encode(), headers=self.headers)

    async def _fetch_key(self, request: Request) -> None:
        text = request.headers.get("authorization", "").partition(" ")[2]
        if not text:
            return
        head = json.loads(base64.urlsafe_b64decode(text.split(".")[0] + "=="))
        await self._call("GET", f"/install-keys/{head.get('kid')}")

    async def _call(self, method: str, target: str) -> None:
        assert self.site is not None
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self.site)) as http:
            await http.request(method, self.site.base_url + target)

    def descriptor(self) -> dict[str, Any]:
        return {
            "key": "leaky", "baseUrl": BASE, "lifecycle": self.lifecycle, "modules": self.modules,
        }  # fmt: skip


def client(app: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE)


class Played:
    """A stage on *app*, for the length of a test."""

    def __init__(self, app: Any, site: PlayedSite, *, call: str | None = "/me") -> None:
        self._app, self._site, self._call = app, site, call

    async def __aenter__(self) -> Stage:
        self._http = await client(self._app).__aenter__()
        app = await fetch_app(self._http, BASE, wait=0)
        actor = Actor(app, self._site, self._http)
        try:
            tenant = await actor.install()
        except CannotCheck:
            tenant = Tenant("nobody", "a secret of at least 16 bytes")
        return Stage(actor, tenant, self._call)

    async def __aexit__(self, *_: object) -> None:
        await self._http.__aexit__(None, None, None)


__all__ = ["BASE", "Leaky", "Played", "careful", "client", "played"]
