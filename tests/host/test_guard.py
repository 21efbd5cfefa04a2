from __future__ import annotations

import pytest
from asking import Answer, ask
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from headway.host.guard import SiteGuard

HOST = ("Host", "localhost:2990")
METHODS = ["GET", "POST", "PUT", "DELETE"]


async def said(request: object) -> PlainTextResponse:
    return PlainTextResponse("said")


INNER = Starlette(routes=[Route("/{path:path}", said, methods=METHODS)])
SITE = SiteGuard(INNER, origin=lambda: "http://localhost:2990")


def get(*headers: tuple[str, str], method: str = "GET", path: str = "/") -> Answer:
    return ask(SITE, method, path, headers)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_ports_page_shows_nothing_that_its_reader_may_see(site: str) -> None:
    """An <img> sends no Origin; where only the port differs it has the session's cookie."""
    image = (HOST, ("Sec-Fetch-Site", site), ("Sec-Fetch-Mode", "no-cors"))
    session = ("Cookie", "__Host-headway=x")
    for path in ("/secure/attachment/1/a.png", "/inspector/log", "/rest/api/3/myself"):
        assert get(*image, session, path=path).status == 403
        assert get(*image, path=path).status == 200  # nobody's
    for path in ("/static/logo.svg", "/atlassian-connect/all.js"):
        assert get(*image, session, path=path).status == 200
    link = (HOST, ("Sec-Fetch-Site", site), ("Sec-Fetch-Mode", "navigate"))
    assert get(*link, session, path="/browse/DEMO-1").status == 200
    media = SiteGuard(INNER, origin=lambda: "http://localhost:2990", shown=("/",))
    assert ask(media, "GET", "/file/1/a.png", [*image, session]).status == 200


@pytest.mark.parametrize(
    "path", ["/", "/inspector", "/clock", "/apps", "/svc/module-url", "/browse/DEMO-1", "/secure/x"]
)
def test_an_apps_page_reaches_nothing_but_the_api(path: str) -> None:
    key = ("AP-Client-Key", "my-app")
    assert get(HOST, key, path=path).status == 403
    assert get(HOST, key, path="/rest/api/3/myself").status == 200
    assert get(HOST, key, path="/secure/attachment/1/a.txt").status == 200


def test_any_page_may_load_the_client_script() -> None:
    """Chromium sends an Origin with a plain script element of another site."""
    foreign = ("Origin", "http://127.0.0.1:3000")
    for path in ("/atlassian-connect/all.js", "/connect-cdn.atl-paas.net/all.js"):
        assert get(HOST, foreign, path=path).status == 200
        assert get(HOST, foreign, path=path, method="POST").status == 403
        assert get(HOST, foreign, path=path + "/x").status == 403
