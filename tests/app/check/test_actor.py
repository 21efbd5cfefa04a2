from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from starlette.responses import HTMLResponse, JSONResponse, Response

from app.check.apps import BASE, Leaky, Played, client, played
from headway.app.check.actor import CannotCheck, Seen, fetch_app, read_app
from headway.app.check.played import ADMINISTRATOR
from headway.errors import ConfigurationError
from headway.model import CONTEXT_QSH, Product
from headway.qsh import query_string_hash

MINIMAL = {"key": "a", "baseUrl": BASE, "lifecycle": {"installed": "/installed"}}


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ([], "no JSON object"),
        ({"key": 1, "baseUrl": BASE}, "no key"),
        ({"key": "a"}, "no baseUrl"),
        ({"key": "a", "baseUrl": BASE}, "lifecycle.installed"),
        ({**MINIMAL, "lifecycle": {"installed": 1}}, "lifecycle.installed"),
        ({**MINIMAL, "lifecycle": {"installed": "installed"}}, "a path, such as /installed"),
        ({**MINIMAL, "lifecycle": {"installed": "https://evil.example/i"}}, "a path, such as"),
        ({**MINIMAL, "lifecycle": {"installed": "/\x1b[2J"}}, "a path, such as"),
        ({**MINIMAL, "baseUrl": "ftp://x"}, "baseUrl"),
    ],
)
def test_what_is_no_app(document: Any, why: str) -> None:
    with pytest.raises(CannotCheck, match=why):
        read_app(document, BASE)


def test_the_first_page_that_a_user_may_see() -> None:
    modules = {
        "generalPages": [1, {"url": "/cached", "cacheable": True}, {"url": "https://x"}, {}],
        "webPanels": [{"url": "/panel?issue={issue.key}&x={y}"}],
        "configurePage": {"url": "/configure"},
        "webhooks": [{"event": "e"}, {"event": "jira:issue_created", "url": "/hook?i={issue.id}"}],
    }
    app = read_app({**MINIMAL, "modules": modules}, BASE)
    assert (app.page, app.admin_page) == ("/panel?issue=1&x=1", "/configure")
    assert app.webhook == ("jira:issue_created", "/hook?i=1")
    bare = read_app({**MINIMAL, "modules": []}, BASE)
    assert (bare.page, bare.admin_page, bare.webhook) == (None, None, None)


def test_what_a_host_sends() -> None:
    async def run() -> None:
        site = played(product=Product.CONFLUENCE)
        async with Played(Leaky(), site) as stage:
            actor, tenant = stage.actor, stage.tenant
            event = actor.event("installed", tenant)
            assert event.draft.header == {"typ": "JWT", "alg": "RS256", "kid": site.key_id}
            assert event.draft.claims["aud"] == [BASE]
            assert event.members["sharedSecret"] == tenant.secret
            assert event.members["productType"] == "confluence"
            gone = actor.event("uninstalled", tenant)
            assert "sharedSecret" not in gone.members
            assert actor.event("enabled", tenant).draft.header["alg"] == "HS256"
            page = actor.opening(tenant, account=ADMINISTRATOR)
            assert page.query.startswith("a=1&xdm_e=http%3A%2F%2Flocalhost%3A2991&")
            assert "cp=%2Fwiki" in page.query
            assert page.draft.claims["qsh"] == query_string_hash("GET", page.path, page.query)
            assert page.draft.claims["sub"] == ADMINISTRATOR
            call = actor.call(tenant, "/me?x=1")
            assert (call.path, call.query) == ("/me", "x=1")
            assert call.draft.claims["qsh"] == CONTEXT_QSH
            hook = actor.webhook(tenant)
            assert hook.members["webhookEvent"] == "jira:issue_updated"

    asyncio.run(run())


def test_an_app_without_a_page() -> None:
    async def run() -> None:
        app = Leaky()
        app.modules = {}
        async with Played(app, played()) as stage:
            with pytest.raises(ValueError, match="no page"):
                stage.actor.opening(stage.tenant)
            assert stage.actor.webhook(stage.tenant).path == "/"

    asyncio.run(run())


def test_an_endless_answer_is_not_read_to_its_end() -> None:
    async def run() -> None:
        app = Leaky()
        app.told = b"x" * 3_000_000
        async with Played(app, played()) as stage:
            seen = await stage.actor.send(stage.actor.opening(stage.tenant))
            assert seen.accepted
            assert len(seen.body) >= 2_000_000

    asyncio.run(run())


def test_an_app_that_does_not_answer() -> None:
    async def gone(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no")

    async def run() -> None:
        async with Played(Leaky(), played()) as stage:
            stage.actor._http = httpx.AsyncClient(transport=httpx.MockTransport(gone))
            with pytest.raises(CannotCheck, match="GET /page: the app gave no answer"):
                await stage.actor.send(stage.actor.opening(stage.tenant))

    asyncio.run(run())


def test_an_app_that_refuses_a_right_install() -> None:
    async def run() -> None:
        app = Leaky()
        app.closed = {"/installed"}
        async with Played(app, played()) as stage:
            with pytest.raises(CannotCheck, match="refuses a right 'installed' with status 401"):
                await stage.actor.install()

    asyncio.run(run())


def test_answers() -> None:
    seen = Seen(503, [("a", "1"), ("a", "2")], b"\xff", None)
    assert not seen.fell_over
    assert Seen(500, [], b"", None).fell_over
    assert seen.all("a") == ["1", "2"]
    assert seen.everything == "a: 1\na: 2\n�"
    assert repr(seen) == "<answer 503>"


def fetched(app: Any, url: str = BASE, **options: Any) -> Any:
    async def run() -> Any:
        async with client(app) as http:
            return await fetch_app(http, url, **{"wait": 0.0, **options})

    return asyncio.run(run())


def test_fetching_the_descriptor() -> None:
    assert fetched(Leaky()).key == "leaky"
    assert fetched(Leaky(), f"{BASE}/atlassian-connect.json").key == "leaky"
    assert fetched(Leaky()).base_path == ""


def test_no_descriptor() -> None:
    with pytest.raises(ConfigurationError, match="nonsense: an origin is http or https"):
        fetched(Response("", 404), "nonsense")
    for answer, why in (
        (Response("", 404), "/x/atlassian-connect.json: answers 404; check the path"),
        (Response("", 403), "answers 403; a site asks without credentials"),
        (Response("", 500), "answers 500; look into the app's log"),
        (Response("", 302, {"Location": "https://login.example/?t=1"}), "https://login.example; s"),
        (HTMLResponse("<html>"), "answers a page of HTML and no JSON"),
        (Response("x"), "answers what is no JSON"),
        (Response(b"x" * 3_000_000), "answers without an end"),
        (JSONResponse([]), "the descriptor is no JSON object"),
    ):
        with pytest.raises(CannotCheck, match=why) as caught:
            fetched(answer, BASE + "/x")
        assert "t=1" not in str(caught.value)
    with pytest.raises(CannotCheck, match="answers 404; the app that was started has ended"):
        fetched(Response("", 404), alive=lambda: False, wait=5.0)


def test_what_can_not_change_is_not_waited_for() -> None:
    told: list[str] = []
    with pytest.raises(CannotCheck, match="HTML"):
        fetched(HTMLResponse("<html>"), wait=600.0, told=told.append)
    assert told == []


@pytest.mark.parametrize(
    "url", ["https://app.example", "http://10.0.0.1:3000", "http://127.0.0.1.evil.example"]
)
def test_forgeries_are_sent_to_this_machine_alone(url: str) -> None:
    asked: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        asked.append(scope["path"])

    with pytest.raises(ConfigurationError, match="only to an app on this machine"):
        fetched(app, url)
    assert asked == []
    for elsewhere in (url, "http://127.0.0.1:3001", "https://127.0.0.1:3000"):
        document = {**MINIMAL, "baseUrl": elsewhere}
        with pytest.raises(CannotCheck, match="where what a check sends would go"):
            fetched(JSONResponse(document))
    document = {**MINIMAL, "baseUrl": "http://localhost:3000/x"}  # another name of the same
    assert fetched(JSONResponse(document)).base_path == "/x"


def test_it_waits_for_an_app_that_starts() -> None:
    tries: list[int] = []
    told: list[str] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        tries.append(1)
        if len(tries) < 3:
            raise httpx.ConnectError("not yet")
        return httpx.Response(200, json=MINIMAL)

    async def run() -> Any:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
            return await fetch_app(http, BASE, wait=5.0, told=told.append)

    assert asyncio.run(run()).key == "a"
    assert len(tries) == 3
    assert told == [
        (
            f"{BASE}/atlassian-connect.json: it can not be reached (ConnectError);"
            " waiting for it up to 5 s"
        )
    ]
