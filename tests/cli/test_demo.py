"""The demo app by itself: its descriptor, its assets, its panel."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx

from cli.started import context_token, started
from headway.cli.demo import ASSETS, KEY, MACRO, Demo
from headway.host.clock import parse_date
from headway.host.site import Site
from headway.host.traffic import Crossing
from headway.host.world.wiki import contents

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
    assert [each["key"] for each in told["modules"]["dynamicContentMacros"]] == [MACRO]


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


Ask = Callable[..., Awaitable[httpx.Response]]


@asynccontextmanager
async def panel() -> AsyncIterator[tuple[Site, Ask]]:
    """A site, and what calls the app as its panel's script does."""
    async with started() as (site, demo), httpx.AsyncClient(trust_env=False) as client:

        async def asked(method: str, path: str, **options: Any) -> httpx.Response:
            issue = options.pop("issue", "DEMO-1")
            headers = {"Authorization": f"JWT {context_token(site, issue)}"}
            return await client.request(
                method, demo.connect.base_url + path, headers=headers, **options
            )

        yield site, asked


def test_the_new_way_and_the_old_way_before_and_after() -> None:
    async def scene() -> None:
        async with panel() as (site, asked):
            for date, old in (("2021-10-01", 200), ("2022-02-01", 401)):
                site.clock.set(parse_date(date))
                for way, private in (("header", 200), ("url", old)):
                    answer = await asked("POST", "/call", json={"way": way})
                    statuses = {key: told["status"] for key, told in answer.json().items()}
                    assert statuses == {"DEMO-1": private, "PUB-1": 200}
            assert answer.json()["DEMO-1"]["told"]["headway-refusal"] == "token-in-query"
            assert "eyJ" not in answer.text

    asyncio.run(scene())


def test_attachments_are_listed_and_streamed() -> None:
    async def scene() -> None:
        async with panel() as (_, asked):
            assert (await asked("GET", "/files", issue="NONE-1")).json() == []
            assert (await asked("GET", "/files?issue=DEMO-2")).json() == []
            files = (await asked("GET", "/files", issue="DEMO-2")).json()
            assert {tuple(sorted(file)) for file in files} == {("filename", "id", "path")}
            one = await asked("GET", f"/file?id={files[0]['id']}", issue="DEMO-2")
            assert (one.status_code, one.content != b"") == (200, True)
            elsewhere = await asked("GET", f"/file?id={files[0]['id']}")
            assert elsewhere.status_code == 502, "a file of an issue that is not looked at"
            assert one.headers["content-disposition"] == "attachment"
            assert one.headers["x-content-type-options"] == "nosniff"
            for wrong in ("999999", "../1"):
                failed = await asked("GET", f"/file?id={wrong}", issue="DEMO-2")
                assert failed.status_code == 502
                assert failed.json()["error"]

    asyncio.run(scene())


def test_the_same_app_in_a_confluence() -> None:
    """Its macro's page, both ways of asking, and the files of the page that the token names."""

    async def scene() -> None:
        async with started() as (site, demo), httpx.AsyncClient(trust_env=False) as client:
            app, user = site.confluence.apps.get(KEY), site.world.people.user("admin")
            assert app is not None
            module = next(m for m in app.modules if m.key == MACRO)
            page = wiki_page(site)
            outgoing = site.confluence.outgoing
            shown = await client.get(outgoing.module_url(app, module, {}, user))
            assert "a private and a public space" in shown.text

            async def asked(method: str, path: str, at: str = page, **more: Any) -> httpx.Response:
                token = outgoing.context_token(app, module, {"content.id": at}, user)
                headers = {"Authorization": f"JWT {token}"}
                url = demo.connect.base_url + path
                return await client.request(method, url, headers=headers, **more)

            for date, old in (("2021-10-01", 200), ("2022-02-01", 401)):
                site.clock.set(parse_date(date))
                for way, private in (("header", 200), ("url", old)):
                    answer = await asked("POST", "/call", json={"way": way})
                    statuses = {key: told["status"] for key, told in answer.json().items()}
                    assert statuses == {"DEMO": private, "OPEN": 200}
            (file,) = (await asked("GET", "/files")).json()
            assert file["path"] == f"/download/attachments/{page}/how%20to%20use%20it.txt"
            one = await asked("GET", f"/file?id={file['id']}")
            assert (one.status_code, one.content[:5]) == (200, b"Press")
            assert (await asked("GET", "/files", at="999999")).json() == []
            assert (await asked("GET", f"/file?id={file['id']}", at="999999")).status_code == 502
            for wrong in ("999999", "..", "../1"):
                assert (await asked("GET", f"/file?id={wrong}")).status_code == 502

    asyncio.run(scene())


def wiki_page(site: Site) -> str:
    title = "A page with an app's macro"
    (page,) = site.world.wiki.find(contents.c.title == title)
    return str(page.id)


def test_the_panel_escapes_what_stands_in_its_address() -> None:
    seen: list[Crossing] = []

    async def scene() -> tuple[httpx.Response, httpx.Response]:
        async with started() as (site, _), httpx.AsyncClient(trust_env=False) as client:
            app, user = site.jira.apps.get(KEY), site.world.people.user("admin")
            assert app is not None
            panel, about = (
                next(m for m in app.modules if m.key == key) for key in ("panel", "about")
            )
            context = {"issue.key": '"><script>alert(1)</script>$script'}
            page = await client.get(site.jira.outgoing.module_url(app, panel, context, user))
            other = await client.get(site.jira.outgoing.module_url(app, about, {}, user))
            seen.extend(c for c in site.traffic.all() if c.seen_by == "app")
            return page, other

    page, about = asyncio.run(scene())
    assert (page.status_code, about.status_code) == (200, 200)
    assert "<script>alert" not in page.text
    assert "&quot;&gt;&lt;script&gt;" in page.text
    assert 'data-issue="DEMO-1"' in about.text
    assert [c.verified for c in seen if c.path.startswith("/panel")] == [True]
    assert not [c for c in seen if "eyJ" in repr(c)]


def test_a_webhook_is_noted_and_old_ones_are_forgotten() -> None:
    async def scene() -> list[str]:
        async with started() as (site, demo):
            demo.events += ["OLD-1"] * 150
            issue = site.world.tracker.issue("DEMO-1")
            user = site.world.people.user("admin")
            assert issue is not None
            assert user is not None
            site.world.tracker.edit_issue(issue.id, author=user.account_id)
            await site.settled()
            return demo.events

    events = asyncio.run(scene())
    assert (len(events), events[-1]) == (100, "DEMO-1")
