from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest
from asking import ask

from headway.host.settings import Settings
from headway.host.site import Site
from headway.model import Product
from headway.sign import request_token
from host.small_app import SmallHost, running
from host.small_site import BASE, MEDIA


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site(Settings())
    made.bind_addresses(BASE, MEDIA)
    yield made
    asyncio.run(made.close())


def test_each_product_has_its_address_and_its_name(site: Site) -> None:
    assert [tenant.base_url for tenant in site.tenants] == [BASE, f"{BASE}/wiki"]
    assert site.jira.apps.client_key != site.confluence.apps.client_key


def test_an_app_is_installed_in_one_product(site: Site) -> None:
    app, secret = SmallHost().add()
    site.confluence.apps.save(app, secret)
    assert site.jira.apps.get("my-app") is None
    assert site.confluence.apps.get("my-app") == app
    again = type(site.confluence.apps)(site.database, product=Product.CONFLUENCE)
    assert again.secret("my-app") == secret


def test_the_products_path_is_not_hashed(site: Site) -> None:
    app, secret = SmallHost().add()
    site.confluence.apps.save(app, secret)

    def status(path: str, signed: str) -> int:
        token = request_token(
            secret, issuer="my-app", method="GET", raw_path=signed, now=site.clock.now()
        )
        headers = [("Host", "localhost:2990"), ("Authorization", f"JWT {token}")]
        return ask(site.asgi(), "GET", path, headers).status

    assert status("/wiki/rest/nothing", "/rest/nothing") == 501
    assert status("/wiki/rest/nothing", "/wiki/rest/nothing") == 401
    assert status("/rest/nothing", "/rest/nothing") == 401  # installed in the other one


def test_an_app_in_both_products_hears_one_thing_at_a_time(site: Site) -> None:
    most, running_now = 0, 0

    def meanwhile(_: str) -> None:
        nonlocal most, running_now
        running_now += 1
        most = max(most, running_now)
        time.sleep(0.05)
        running_now -= 1

    async def both() -> None:
        await asyncio.gather(*(t.installer.install(app.descriptor_url) for t in site.tenants))
        await asyncio.gather(*(t.installer.uninstall("my-app") for t in site.tenants))

    with running() as app:
        app.meanwhile = meanwhile
        asyncio.run(both())
    assert most == 1
    told = [got.json for got in app.got if got.method == "POST"]
    assert {t["productType"] for t in told} == {"jira", "confluence"}
    assert {t["baseUrl"] for t in told} == {BASE, f"{BASE}/wiki"}
    assert {t["clientKey"] for t in told} == {t.apps.client_key for t in site.tenants}
    assert len({t["cloudId"] for t in told}) == 1
    assert len(told) == 8
