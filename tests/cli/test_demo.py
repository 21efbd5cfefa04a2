"""The demo app by itself: its descriptor, its assets, its panel."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

from headway.cli.demo import ASSETS, KEY, Demo

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
