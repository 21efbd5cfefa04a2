from __future__ import annotations

import asyncio

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from headway.host.guard import Guard
from host.small_site import Answer, ask

HOST = ("Host", "localhost:2990")
METHODS = ["GET", "POST", "PUT", "DELETE"]


async def said(request: object) -> PlainTextResponse:
    return PlainTextResponse("said", headers={"Referrer-Policy": "no-referrer"})


INNER = Starlette(routes=[Route("/{path:path}", said, methods=METHODS)])
SITE = Guard(INNER, origin=lambda: "http://localhost:2990", disclaimer=lambda: "practice")


def get(*headers: tuple[str, str], method: str = "GET", path: str = "/") -> Answer:
    return ask(SITE, method, path, headers)


def test_a_plain_client_passes() -> None:
    for method in METHODS:
        assert get(HOST, method=method).status == 200
    assert get(("Host", "LOCALHOST:2990")).status == 200


@pytest.mark.parametrize(
    "hosts",
    [
        [],
        ["evil.example"],
        ["evil.example:2990"],
        ["127.0.0.1:2990"],
        ["[::1]:2990"],
        ["localhost"],
        ["localhost:2991"],
        ["localhost:2990.evil.example"],
        ["evil@localhost:2990"],
        ["localhost:2990", "evil.example"],
        ["localhost:2990", "localhost:2990"],
        [""],
    ],
)
def test_a_name_that_was_pointed_here_is_misdirected(hosts: list[str]) -> None:
    for method in METHODS:
        answer = get(*(("Host", host) for host in hosts), method=method)
        assert (answer.status, b"said" in answer.body) == (421, False)


def test_what_a_proxy_says_about_the_host_is_not_read() -> None:
    forwarded = [("X-Forwarded-Host", "localhost:2990"), ("Forwarded", "host=localhost:2990")]
    assert get(("Host", "evil.example"), *forwarded).status == 421
    assert get(HOST, ("X-Forwarded-Host", "evil.example")).status == 200


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "origin",
    [
        "http://127.0.0.1:2990",
        "http://localhost:3000",
        "http://localhost",
        "https://localhost:2990",
        "http://evil.example",
        "null",
        "",
    ],
)
def test_a_foreign_page_may_not_call(method: str, origin: str) -> None:
    assert get(HOST, ("Origin", origin), method=method).status == 403
    navigation = ("Sec-Fetch-Mode", "navigate")
    allowed = method == "GET"
    assert (get(HOST, ("Origin", origin), navigation, method=method).status == 200) is allowed


def test_our_own_page_may_call_and_two_origins_are_foreign() -> None:
    own = ("Origin", "http://localhost:2990")
    assert get(HOST, own, ("Sec-Fetch-Site", "same-origin"), method="POST").status == 200
    assert get(HOST, own, own, method="POST").status == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site", "something-new"])
def test_another_sites_page_changes_nothing(site: str) -> None:
    """Another port of localhost counts as the same site, and is not ours."""
    fetch_site = ("Sec-Fetch-Site", site)
    assert [get(HOST, fetch_site, method=m).status for m in METHODS] == [200, 403, 403, 403]
    navigation = ("Sec-Fetch-Mode", "navigate")
    assert get(HOST, fetch_site, navigation, method="POST").status == 403


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
    media = Guard(INNER, origin=lambda: "http://localhost:2990", shown=("/",))
    assert ask(media, "GET", "/file/1/a.png", [*image, session]).status == 200


@pytest.mark.parametrize(
    "path", ["/", "/inspector", "/clock", "/apps", "/svc/module-url", "/browse/DEMO-1", "/secure/x"]
)
def test_an_apps_page_reaches_nothing_but_the_api(path: str) -> None:
    key = ("AP-Client-Key", "my-app")
    assert get(HOST, key, path=path).status == 403
    assert get(HOST, key, path="/rest/api/3/myself").status == 200
    assert get(HOST, key, path="/secure/attachment/1/a.txt").status == 200


def test_every_answer_is_kept_out_of_caches_frames_and_guesses() -> None:
    for answer in (get(HOST), get(("Host", "evil.example"))):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["headway-disclaimer"] == "practice"
    assert get(HOST).headers["referrer-policy"] == "no-referrer"  # the page knows better
    assert get(("Host", "x")).headers["referrer-policy"] == "same-origin"


def test_no_disclaimer_where_the_dates_are_the_vendors() -> None:
    quiet = Guard(INNER, origin=lambda: "http://localhost:2990")
    assert "headway-disclaimer" not in ask(quiet, "GET", "/", [HOST]).headers


def test_the_address_is_asked_for_each_time() -> None:
    address = ["http://localhost:0"]
    site = Guard(INNER, origin=lambda: address[0])
    assert ask(site, "GET", "/", [HOST]).status == 421
    address[0] = "http://localhost:2990"
    assert ask(site, "GET", "/", [HOST]).status == 200


def test_start_and_stop_pass_and_web_sockets_do_not() -> None:
    seen: list[str] = []

    async def app(scope: dict[str, str], *_: object) -> None:
        seen.append(scope["type"])

    guard = Guard(app, origin=lambda: "http://localhost:2990")  # type: ignore[arg-type]
    asyncio.run(guard({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="websocket"):
        asyncio.run(guard({"type": "websocket"}, None, None))  # type: ignore[arg-type]
    assert seen == ["lifespan"]


def test_any_page_may_load_the_client_script() -> None:
    """Chromium sends an Origin with a plain script element of another site."""
    foreign = ("Origin", "http://127.0.0.1:3000")
    for path in ("/atlassian-connect/all.js", "/connect-cdn.atl-paas.net/all.js"):
        assert get(HOST, foreign, path=path).status == 200
        assert get(HOST, foreign, path=path, method="POST").status == 403
        assert get(HOST, foreign, path=path + "/x").status == 403
