"""The demo app: a Connect app with two buttons, one of which does it the old way.

It is an ordinary app on :mod:`headway.app`, for a Jira and for a Confluence.  The
old way has to be written by hand here, because the client refuses to send a
token in a URL.
"""

from __future__ import annotations

import html
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from headway import sign
from headway.app.client import Download, DownloadFailed
from headway.app.observation import Observation
from headway.app.payloads.jira import IssueUpdated
from headway.app.starlette import Connect, Context
from headway.app.webhooks import EventContext
from headway.errors import MalformedRequest
from headway.http.key_fetch import tls_settings
from headway.model import Product

__all__ = ["ASKED", "KEY", "MACRO", "PRIVATE", "PUBLIC", "Demo"]

KEY = "headway-demo"
MACRO = "headway-demo-macro"
"""The macro's name in a page, which is the key of its module."""

PRIVATE, PUBLIC = "DEMO-1", "PUB-1"
ASKED: Mapping[Product, Mapping[str, str]] = {
    Product.JIRA: {key: f"/rest/api/3/issue/{key}" for key in (PRIVATE, PUBLIC)},
    Product.CONFLUENCE: {key: f"/rest/api/space/{key}" for key in ("DEMO", "OPEN")},
}
"""What both buttons ask for: one thing that is private and one that anybody may read."""

NAMED = {Product.JIRA: "issue", Product.CONFLUENCE: "space"}
ASSETS = {"panel.js": "text/javascript", "panel.css": "text/css"}
CALL_SECONDS = 10.0


class Demo:
    """The demo app at *base_url*, for the site at *site_url*.

    *observer* is told of every token that comes to the app.

    >>> Demo("http://127.0.0.1:3000", "http://localhost:2990").connect.key
    'headway-demo'
    """

    def __init__(
        self,
        base_url: str,
        site_url: str,
        *,
        store: str | Path = ":memory:",
        observer: Callable[[Observation], None] | None = None,
    ) -> None:
        self.events: list[str] = []
        self.connect = Connect(
            key=KEY,
            name="Headway demo",
            description="Calls the site twice: with the token in the header, and in the URL.",
            base_url=base_url,
            store=store,
            scopes=("READ", "WRITE"),
            development=True,
            install_keys=f"{site_url}/install-keys",
            client_script=f"{site_url}/atlassian-connect/all.js",
            sealed_pages=True,
            observer=observer,
        )
        self._declare(self.connect)
        self.descriptor_url = f"{base_url}/atlassian-connect.json"

    def asgi(self) -> Starlette:
        """The app as an ASGI application."""
        routes = [*self.connect.routes, Route("/{name}", _asset)]
        self.connect.has_lifespan = True  # its server ends in order, and runs none
        return Starlette(routes=routes, lifespan=self.connect.lifespan)

    def _declare(self, connect: Connect) -> None:
        @connect.panel(
            "Where does the token travel?",
            location="atl.jira.view.issue.right.context",
            url="/panel?issue={issue.key}",
        )
        async def panel(request: Request, context: Context) -> str:
            return _page(context, request.query_params.get("issue", ""))

        @connect.module(
            "dynamicContentMacros",
            "Where does the token travel?",
            key=MACRO,
            url="/macro",
            description={"value": "Two buttons: the token in the header, and in the URL."},
            bodyType="plain-text",
            parameters=[
                {
                    "identifier": "tone",
                    "name": {"value": "Tone: calm or loud"},
                    "type": "string",
                    "defaultValue": "calm",
                }
            ],
        )
        async def macro(request: Request, context: Context) -> str:
            return _page(context, "", shows="macro")

        @connect.page("Headway demo", url="/about")
        async def about(request: Request, context: Context) -> str:
            return _page(context, PRIVATE)

        @connect.context_route("/call", methods=["POST"])
        async def call(request: Request, context: Context) -> dict[str, Any]:
            way = (await request.json()).get("way")
            ask = _old_way if way == "url" else _new_way
            asked = ASKED[context.installation.product]
            return {key: await ask(context, path) for key, path in asked.items()}

        @connect.context_route("/files")
        async def files(request: Request, context: Context) -> list[dict[str, str]]:
            if context.installation.product is Product.CONFLUENCE:
                return await _files_of_page(context)
            return await _files_of_issue(context)

        @connect.context_route("/file")
        async def file(request: Request, context: Context) -> Response:
            return await _file(context, request.query_params.get("id", ""))

        @connect.webhook("jira:issue_updated")
        async def updated(event: IssueUpdated, context: EventContext) -> None:
            self.events.append(event.issue.key)
            del self.events[:-100]


async def _new_way(context: Context, path: str) -> dict[str, Any]:
    return _told(await context.client.get(path, check=False))


async def _old_way(context: Context, path: str) -> dict[str, Any]:
    """What an app did before 2022: the token in the URL.

    httpx's own client would write the address, and so the token, into its log;
    the transport below it does not.
    """
    base = context.installation.base_url
    base_path = urlsplit(base).path
    token = sign.request_token(
        context.installation.shared_secret,
        issuer=KEY,
        method="GET",
        raw_path=f"{base_path}{path}",
        base_path=base_path,
        now=time.time(),
    )
    timeout = httpx.Timeout(CALL_SECONDS).as_dict()
    request = httpx.Request(
        "GET", f"{base}{path}", params={"jwt": token}, extensions={"timeout": timeout}
    )
    async with httpx.AsyncHTTPTransport(verify=tls_settings()) as transport:
        answer = await transport.handle_async_request(request)
        await answer.aread()
        return _told(answer)


def _told(answer: httpx.Response) -> dict[str, Any]:
    names = ("headway-phase", "headway-refusal", "headway-hint", "sunset", "headway-disclaimer")
    told = {name: answer.headers[name] for name in names if name in answer.headers}
    return {"status": answer.status_code, "told": told}


# ---- files ----------------------------------------------------------------------------------


async def _files_of_issue(context: Context) -> list[dict[str, str]]:
    """The files of the issue that is looked at, which the token proves.

    Never of one that a request names: the app may see more than who asks.
    """
    issue = context.module.get("jira", {}).get("issue", {})
    key = quote(str(issue.get("key", "0")), safe="")
    answer = await context.client.get(f"/rest/api/3/issue/{key}", check=False)
    found = answer.json().get("fields", {}).get("attachment", [])
    return [_listed(str(file["id"]), file["filename"], "/secure/attachment") for file in found]


async def _files_of_page(context: Context) -> list[dict[str, str]]:
    page = _page_id(context)
    answer = await context.client.get(f"/rest/api/content/{page}/child/attachment", check=False)
    found = answer.json().get("results", [])
    return [_listed(str(file["id"]), file["title"], "", page) for file in found]


def _listed(ident: str, filename: str, folder: str, page: str = "") -> dict[str, str]:
    """A file, and where on the site a person's browser gets it."""
    path = f"{folder}/{ident}" if folder else f"/download/attachments/{page}"
    return {"id": ident, "filename": filename, "path": f"{path}/{quote(filename, safe='')}"}


def _page_id(context: Context) -> str:
    """The page that is looked at, which the token proves."""
    content = context.module.get("confluence", {}).get("content", {})
    return quote(str(content.get("id", "0")), safe="")


def _begun(context: Context, ident: str) -> AbstractAsyncContextManager[Download]:
    """The download of one file."""
    if context.installation.product is not Product.CONFLUENCE:
        return context.client.attachments.download(ident)
    files = f"/rest/api/content/{_page_id(context)}/child/attachment"
    return context.client.download(f"{files}/{quote(ident, safe='')}/download")


async def _file(context: Context, ident: str) -> Response:
    """A file through the app: fetched with the header, streamed on as it comes."""
    if context.installation.product is not Product.CONFLUENCE:
        listed = {file["id"] for file in await _files_of_issue(context)}
        if ident not in listed:
            return JSONResponse({"error": "the issue has no such file"}, status_code=502)
    stack = _begun(context, ident)
    try:
        download = await stack.__aenter__()
    except (DownloadFailed, MalformedRequest, ValueError) as error:
        return JSONResponse({"error": str(error)}, status_code=502)

    async def chunks() -> AsyncIterator[bytes]:
        try:
            async for chunk in download.chunks():
                yield chunk
        finally:
            await stack.__aexit__(None, None, None)

    headers = {
        "Content-Disposition": "attachment",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return StreamingResponse(chunks(), media_type="application/octet-stream", headers=headers)


def _page(context: Context, issue: str, shows: str = "") -> str:
    text = resources.files(__name__).joinpath("panel.html").read_text("utf-8")
    return Template(text).substitute(
        issue=html.escape(issue),
        shows=shows,
        what=NAMED[context.installation.product],
        script=html.escape(context.client_script),
        site=html.escape(context.installation.base_url),
    )


async def _asset(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in ASSETS:
        return Response("There is no such page.\n", status_code=404, media_type="text/plain")
    text = resources.files(__name__).joinpath(name).read_text("utf-8")
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Response(text, media_type=ASSETS[name], headers=headers)
