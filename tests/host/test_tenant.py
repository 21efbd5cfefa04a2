from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from headway.host.settings import Settings
from headway.host.site import Site
from headway.model import Product
from headway.sign import request_token
from host.small_app import SmallHost
from host.small_site import BASE, MEDIA, ask


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site(Settings())
    made.bind_addresses(BASE, MEDIA)
    yield made
    asyncio.run(made.close())


def test_each_product_has_its_address_and_its_name(site: Site) -> None:
    assert [tenant.base_url for tenant in site.tenants] == [BASE, f"{BASE}/wiki"]
    assert site.jira.apps.client_key != site.confluence.apps.client_key
    assert site.jira.apps.site_key.kid == site.confluence.apps.site_key.kid


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
