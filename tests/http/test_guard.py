from __future__ import annotations

import asyncio

import pytest
from asking import Answer, ask
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from headway.http.guard import Guard

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


class Friendly(Guard):
    scripts = frozenset({"/all.js"})
    shown = ("/logo",)

    def objection(self, path: str, headers: Headers) -> str:
        return "Not today." if "x-late" in headers and path != "/late" else ""


FRIENDLY = Friendly(INNER, origin=lambda: "http://localhost:2990")


def test_a_server_says_what_pages_may_load_and_show_and_what_it_objects_to() -> None:
    foreign = ("Origin", "http://127.0.0.1:3000")
    assert ask(FRIENDLY, "GET", "/all.js", [HOST, foreign]).status == 200
    assert ask(FRIENDLY, "POST", "/all.js", [HOST, foreign]).status == 403
    assert get(HOST, foreign, path="/all.js").status == 403
    image = (HOST, ("Sec-Fetch-Site", "same-site"), ("Cookie", "__Host-headway=x"))
    assert ask(FRIENDLY, "GET", "/logo.svg", image).status == 200
    assert ask(FRIENDLY, "GET", "/x.svg", image).status == 403
    assert get(*image, path="/logo.svg").status == 403
    named = Friendly(INNER, origin=lambda: "http://localhost:2990", shown=("/x",))
    assert ask(named, "GET", "/x.svg", image).status == 200
    late = (HOST, ("X-Late", "1"))
    answer = ask(FRIENDLY, "GET", "/", late)
    assert (answer.status, answer.body) == (403, b"Not today.\n")
    assert ask(FRIENDLY, "GET", "/late", late).status == 200
