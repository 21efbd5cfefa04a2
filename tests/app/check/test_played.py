from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from app.check.apps import played
from headway.app.check.played import ADMINISTRATOR, ORDINARY, PlayedSite, playing
from headway.errors import ConfigurationError
from headway.keys import RsaPublicKey
from headway.model import Product


def ask(site: PlayedSite, method: str, target: str, **options: Any) -> httpx.Response:
    async def run() -> httpx.Response:
        transport = httpx.ASGITransport(site)
        async with httpx.AsyncClient(transport=transport, base_url=site.base_url) as http:
            return await http.request(method, target, **options)

    return asyncio.run(run())


def test_the_key_server_answers_by_the_key_id() -> None:
    site = played()
    assert RsaPublicKey.from_pem(ask(site, "GET", f"/install-keys/{site.key_id}").content)
    assert ask(site, "GET", f"/install-keys/{site.key_id}").content == site.key.public_pem()
    other = ask(site, "GET", f"/install-keys/{site.foreign_id}")
    assert other.content == site.foreign_key.public_pem() != site.key.public_pem()
    moved = ask(site, "GET", f"/install-keys/{site.new_key_id('moved')}")
    assert moved.headers["location"].endswith(site.foreign_id)
    statuses = {
        answer: ask(site, "GET", f"/install-keys/{site.new_key_id(answer)}").status_code
        for answer in ("garbage", "down", "forbidden", "anything")
    }
    assert statuses == {"garbage": 200, "down": 502, "forbidden": 403, "anything": 403}
    assert len(site.asked) == 8
    assert site.calls == []


def test_who_administers() -> None:
    site = played()
    for account, granted in ((ADMINISTRATOR, ["ADMINISTER"]), (ORDINARY, [])):
        body = {"accountId": account, "globalPermissions": ["ADMINISTER"]}
        answer = ask(site, "POST", "/rest/api/3/permissions/check", json=body)
        assert answer.json()["globalPermissions"] == granted
        groups = ask(site, "GET", "/rest/api/3/user/groups", params={"accountId": account})
        assert [group["name"] for group in groups.json()] == ["site-admins"] * len(granted)
        wiki = ask(site, "GET", "/wiki/rest/api/user/memberof", params={"accountId": account})
        assert wiki.json()["size"] == len(granted)
    assert ask(site, "GET", "/rest/api/3/myself").json()["displayName"] == "The app"
    assert ask(site, "GET", "/rest/api/3/project").status_code == 404
    assert len(site.calls) == 8


def test_nobody_can_fill_its_memory() -> None:
    site = played()
    site.calls = [None] * 10_000  # type: ignore[list-item]
    assert ask(site, "GET", "/rest/api/3/project").status_code == 404
    assert len(site.calls) == 10_000


def test_other_scopes_are_left_alone() -> None:
    async def nothing(*_: Any) -> None:
        raise AssertionError("not asked")

    asyncio.run(played()({"type": "lifespan"}, nothing, nothing))


def test_it_is_served_and_its_port_is_freed() -> None:
    async def run() -> tuple[str, int]:
        async with playing(0, Product.CONFLUENCE) as site, httpx.AsyncClient() as http:
            answer = await http.get(f"{site.environment['HEADWAY_INSTALL_KEYS']}/{site.key_id}")
            assert answer.content == site.key.public_pem()
            port = int(site.base_url.rpartition(":")[2])
            with pytest.raises(ConfigurationError):
                async with playing(port):
                    pass
            return site.site_url, port

    address, port = asyncio.run(run())
    assert address == f"http://localhost:{port}/wiki"


def test_a_tenant_shows_no_secret() -> None:
    tenant = played().new_tenant()
    assert tenant.secret not in repr(tenant)
