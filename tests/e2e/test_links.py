"""Links with tickets in a real browser: a picture, a download, an event stream that reconnects."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from playwright.sync_api import Page
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response, StreamingResponse
from starlette.routing import Route

from e2e.browsing import chromium
from headway.app.connect import Observation
from headway.app.starlette import Connect, Context
from headway.host.testing import Site
from headway.http.server import listen

PICTURE = b"<svg xmlns='http://www.w3.org/2000/svg' width='7' height='5'/>"


class App:
    """An app whose page makes links, and what it was asked for with them."""

    def __init__(self, site: Site, base_url: str, file: Path) -> None:
        self.asked: list[tuple[str, str | None]] = []
        self.connect = connect = Connect(
            key="links",
            name="Links",
            base_url=base_url,
            store=":memory:",
            development=True,
            install_keys=f"{site.origin}/install-keys",
            observer=self.saw,
        )

        @connect.page("Page", url="/page", key="page")
        async def page(request: Request, context: Context) -> str:
            return "<!doctype html>"

        @connect.context_route("/links")
        def links(request: Request, context: Context) -> dict[str, Any]:
            paths = ("/picture", "/file", "/part", "/stream")
            return {path: context.token_url(path, of="DEMO-1") for path in paths}

        @connect.ticket_route("/picture")
        async def picture(request: Request, context: Context) -> Response:
            return Response(PICTURE, media_type="image/svg+xml")

        @connect.ticket_route("/file")
        async def whole(request: Request, context: Context) -> Response:
            return FileResponse(file, filename="report.txt")

        @connect.ticket_route("/part", uses=2)
        async def part(request: Request, context: Context) -> Response:
            return FileResponse(file)

        @connect.ticket_route("/stream")
        async def stream(request: Request, context: Context) -> Response:
            return StreamingResponse(one_event(), media_type="text/event-stream")

        empty = Route("/", lambda request: HTMLResponse("<!doctype html>"))
        self.asgi = Starlette(routes=[*connect.routes, empty])

    def saw(self, seen: Observation) -> None:
        if seen.kind == "ticket":
            self.asked.append((seen.path.partition("?")[0], seen.refusal))


async def one_event() -> AsyncIterator[bytes]:
    yield b"retry: 50\ndata: once\n\n"  # and the end: a browser asks again after 50 ms


@contextmanager
def running(site: Site, file: Path) -> Iterator[tuple[App, str]]:
    sockets = listen(0, ("127.0.0.1",))
    base_url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
    app = App(site, base_url, file)
    config = uvicorn.Config(app.asgi, access_log=False, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=(sockets,), daemon=True)
    thread.start()
    try:
        yield app, base_url
    finally:
        server.should_exit = True
        thread.join(20)
        sockets[0].close()


def links_of(site: Site, base_url: str) -> dict[str, str]:
    installed = site.install(f"{base_url}/atlassian-connect.json")
    headers = {"Authorization": f"JWT {installed.context_token('page')}"}
    answer = httpx.get(f"{base_url}/links", headers=headers, trust_env=False)
    found: dict[str, str] = answer.json()
    return found


STREAM = """url => new Promise(done => {
  const told = [], source = new EventSource(url);
  source.onmessage = event => told.push(event.data);
  source.onerror = () => { if (source.readyState === 2) done([told, "closed"]); };
})"""
RANGE = """([url, range]) => fetch(url, {headers: {Range: range}})
  .then(answer => answer.text().then(text => [answer.status, text]))"""
LOAD = """url => new Promise(done => {
  const image = new Image();
  image.onload = () => done([image.naturalWidth, image.naturalHeight]);
  image.onerror = () => done("refused");
  image.src = url;
})"""


@pytest.mark.browser
def test_what_a_browser_asks_by_itself(tmp_path: Path) -> None:
    file = tmp_path / "report.txt"
    file.write_text("0123456789")
    with (
        Site(sockets=True) as site,
        running(site, file) as (app, base_url),
        chromium(tmp_path / "profile") as browser,
    ):
        links = links_of(site, base_url)
        page: Page = browser.pages[0]
        page.goto(base_url)
        # a picture: no header can be sent, and none is needed; once
        assert page.evaluate(LOAD, links["/picture"]) == [7, 5]
        page.goto(base_url)
        assert page.evaluate(LOAD, links["/picture"]) == "refused"
        assert app.asked == [("/picture", None), ("/picture", "ticket-unknown")]
        # a download, by the browser's own download manager
        app.asked.clear()
        with page.expect_download() as download:
            page.evaluate("url => { location.href = url; }", links["/file"])
        assert download.value.path().read_text() == "0123456789"
        assert download.value.suggested_filename == "report.txt"
        assert app.asked == [("/file", None)]
        # parts of a file, as often as its route says
        app.asked.clear()
        assert page.evaluate(RANGE, [links["/part"], "bytes=0-3"]) == [206, "0123"]
        assert page.evaluate(RANGE, [links["/part"], "bytes=4-9"]) == [206, "456789"]
        assert page.evaluate(RANGE, [links["/part"], "bytes=0-3"])[0] == 401
        # an event stream: it ends, the browser asks again, is refused, and stays silent
        app.asked.clear()
        assert page.evaluate(STREAM, links["/stream"]) == [["once"], "closed"]
        time.sleep(0.5)  # ten times the pause that the stream asked for
        assert app.asked == [("/stream", None), ("/stream", "ticket-unknown")]
