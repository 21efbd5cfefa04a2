"""The demo app by itself: its descriptor, its assets, its panel."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

from cli.started import context_token, started
from headway.app.connect import Observation
from headway.cli.demo import ASSETS, KEY, Demo
from headway.host.clock import parse_date

BASE, SITE = "http://127.0.0.1:3000", "http://localhost:2990"


def ask(method: str, path: str, **options: Any) -> httpx.Response:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app=Demo(BASE, SITE).asgi())
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
            return await client.request(method, path, **options)

    return asyncio.run(send())


def test_the_descriptor_names_what_the_site_shows() -> None:
    told = ask("GET", "/atlassian-connect.json").json()
    assert (told["key"], told["baseUrl"]) == (KEY, BASE)
    assert {"webPanels", "generalPages", "webhooks"} <= set(told["modules"])
    assert told["modules"]["webPanels"][0]["url"] == "/panel?issue={issue.key}"


def test_the_assets_are_there_and_nothing_else() -> None:
    for name, kind in ASSETS.items():
        answer = ask("GET", f"/{name}")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(kind)
    assert ask("GET", "/panel.html").status_code == 404


def test_nothing_answers_without_a_token() -> None:
    for method, path in (("POST", "/call"), ("GET", "/files"), ("GET", "/file?id=1")):
        assert ask(method, path).status_code == 401
    assert ask("POST", "/installed", json={"key": KEY}).status_code == 401


# ---- on a site ------------------------------------------------------------------------------


def calls(*requests: tuple[str, str, dict[str, Any]], at: str | None = None) -> list[Any]:
    """What the app answers to calls of its panel's script, on a site whose date is *at*."""

    async def scene() -> list[Any]:
        async with started() as (site, demo), httpx.AsyncClient(trust_env=False) as client:
            if at is not None:
                site.clock.set(parse_date(at))
            answers = []
            for method, path, options in requests:
                headers = {"Authorization": f"JWT {context_token(site)}"}
                url = demo.connect.base_url + path
                answers.append(await client.request(method, url, headers=headers, **options))
            return answers

    return asyncio.run(scene())


HEADER = ("POST", "/call", {"json": {"way": "header"}})
URL = ("POST", "/call", {"json": {"way": "url"}})


def test_the_new_way_and_the_old_way_before_and_after() -> None:
    def statuses(at: str) -> list[dict[str, int]]:
        answers = calls(HEADER, URL, at=at)
        return [{k: told["status"] for k, told in a.json().items()} for a in answers]

    assert statuses("2021-10-01") == [{"DEMO-1": 200, "PUB-1": 200}] * 2
    assert statuses("2022-02-01") == [
        {"DEMO-1": 200, "PUB-1": 200},
        {"DEMO-1": 401, "PUB-1": 200},
    ]


def test_the_answer_tells_why() -> None:
    (answer,) = calls(URL, at="2022-02-01")
    assert answer.json()["DEMO-1"]["told"]["headway-refusal"] == "token-in-query"
    assert "eyJ" not in answer.text


def test_attachments_are_listed_and_streamed() -> None:
    listed, missing = calls(
        ("GET", "/files?issue=DEMO-2", {}), ("GET", "/files?issue=NONE-1/../x", {})
    )
    assert missing.json() == []
    files = listed.json()
    assert {tuple(sorted(file)) for file in files} == {("filename", "id")}
    one, none, rubbish = calls(
        *(("GET", f"/file?id={number}", {}) for number in (files[0]["id"], "999999", "../1"))
    )
    assert one.status_code == 200
    assert one.content
    assert one.headers["content-disposition"] == "attachment"
    assert one.headers["x-content-type-options"] == "nosniff"
    for failed in (none, rubbish):
        assert failed.status_code == 502
        assert failed.json()["error"]


def test_the_panel_escapes_what_stands_in_its_address() -> None:
    seen: list[Observation] = []

    async def scene() -> tuple[httpx.Response, httpx.Response]:
        async with started(seen) as (site, _), httpx.AsyncClient(trust_env=False) as client:
            app, user = site.apps.get(KEY), site.world.user("admin")
            assert app is not None
            panel, about = (
                next(m for m in app.modules if m.key == key) for key in ("panel", "about")
            )
            context = {"issue.key": '"><script>alert(1)</script>$script'}
            page = await client.get(site.outgoing.module_url(app, panel, context, user))
            return page, await client.get(site.outgoing.module_url(app, about, {}, user))

    page, about = asyncio.run(scene())
    assert (page.status_code, about.status_code) == (200, 200)
    assert "<script>alert" not in page.text
    assert "&quot;&gt;&lt;script&gt;" in page.text
    assert 'data-issue="DEMO-1"' in about.text
    assert [o.verified for o in seen if o.path.startswith("/panel")] == [True]
    assert not [o for o in seen if "eyJ" in repr(o)]


def test_a_webhook_is_noted_and_old_ones_are_forgotten() -> None:
    async def scene() -> list[str]:
        async with started() as (site, demo):
            demo.events += ["OLD-1"] * 150
            issue = site.world.issue("DEMO-1")
            user = site.world.user("admin")
            assert issue is not None
            assert user is not None
            await site.issue_updated(issue, issue, user.account_id)
            return demo.events

    events = asyncio.run(scene())
    assert (len(events), events[-1]) == (100, "DEMO-1")
