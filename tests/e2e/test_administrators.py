"""A page for administrators on the local site: who they are is the site's word."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.applications import Starlette

from headway.app.starlette import Connect
from headway.host.testing import Site
from headway.model import Product


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Site() as site:
        yield site


@pytest.mark.parametrize("product", list(Product), ids=str)
def test_a_page_for_administrators_is_for_administrators(site: Site, product: Product) -> None:
    site.product = product
    connect = Connect(
        key="admins",
        name="For administrators",
        base_url="http://127.0.0.1:3000",
        store=":memory:",
        scopes=("READ", "ADMIN"),
        development=True,
        install_keys=f"{site.origin}/install-keys",
        transport=site.transport,
    )

    @connect.module("generalPages", "Settings", key="settings", admin_only=True)
    async def settings(request: Any, context: Any) -> str:
        return f"<p>{await context.is_administrator()}"

    @connect.context_route("/who")
    def who(request: Any, context: Any) -> dict[str, bool]:
        return {"admin": context.is_administrator()}

    try:
        app = site.install(Starlette(routes=connect.routes))
        assert app.open("settings", user="admin").text.endswith("<p>True")
        refused = app.open("settings", user="user")
        assert refused.status_code == 403
        assert refused.headers["headway-refusal"] == "administrator-required"
        for user, admin in (("admin", True), ("user", False)):
            token = app.context_token("settings", user=user)
            told = app.client.get("/who", headers={"Authorization": f"JWT {token}"})
            assert told.json() == {"admin": admin}
    finally:
        site.reset()
