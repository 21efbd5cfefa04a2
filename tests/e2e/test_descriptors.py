"""Descriptors of apps, held against the site that reads them: typed ones, a peer's file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from starlette.applications import Starlette

from headway.app.starlette import Connect
from headway.descriptor.check import check
from headway.descriptor.module_types import MODULE_TYPES, Shown
from headway.descriptor.typed import TYPED, Declared, Icon, Label, Page, PanelTarget
from headway.host.testing import Site
from headway.model import Product

PEER = Path(__file__).parent / "ace" / "atlassian-connect.json"
NO_PAGES = (Shown.SECTION, Shown.CALL)
NEEDED: dict[str, Any] = {
    "name": "Name",
    "location": "somewhere",
    "tooltip": "Tip",
    "description": "Description",
    "icon": Icon("/icon.svg"),
    "content": Label("Label"),
    "thumbnail_url": "/thumbnail.png",
}


@pytest.fixture(scope="module")
def shared() -> Iterator[Site]:
    with Site() as site:
        yield site


@pytest.fixture
def site(shared: Site) -> Iterator[Site]:
    yield shared
    shared.product = Product.JIRA
    shared.reset()


def settings(site: Site, **more: Any) -> dict[str, Any]:
    return {
        "base_url": "http://127.0.0.1:3000",
        "store": ":memory:",
        "development": True,
        "install_keys": f"{site.origin}/install-keys",
        "transport": site.transport,
        **more,
    }


def written(name: str) -> Declared:
    """A module of a type with what its class asks for; its addresses are its own."""
    address = f"/{name.lower()}"
    own = {"url": address, "target": PanelTarget(address), "triggered": Page(address)}
    fields = msgspec.structs.fields(TYPED[name])
    values = {f.name: {**NEEDED, **own}[f.name] for f in fields if f.required}
    if name == "webItems":
        values["url"] = address
    return TYPED[name](key=name.lower(), **values)


@pytest.mark.parametrize("product", Product)
def test_an_app_of_every_type_is_installed(site: Site, product: Product) -> None:
    """What the classes write is what the site reads; and each page that is one can be opened."""
    names = [name for name, row in MODULE_TYPES.items() if product in row.products]
    connect = Connect(key="my-app", name="My app", **settings(site))
    asked_by_servers = {"staticContentMacros"}
    served = [name for name in names if MODULE_TYPES[name].shown not in NO_PAGES]
    served = [name for name in served if name not in asked_by_servers]
    for name in names:
        if name in served:
            connect.module(written(name))(lambda request, context: f"page of {request.url.path}")
        else:
            connect.declare(written(name))
    assert check(json.dumps(connect.descriptor().to_json()).encode()) == ()
    site.product = product
    app = site.install(Starlette(routes=connect.routes))
    assert {module.type for module in app.app.descriptor.modules} == set(names)
    assert app.app.descriptor.unknown == ()
    assert len(served) >= 10
    for key in map(str.lower, served):
        page = app.open(key)
        assert (page.status_code, f"page of /{key}" in page.text) == (200, True), key


def test_the_file_of_an_app_on_another_framework_is_taken_as_it_is(
    site: Site, tmp_path: Path
) -> None:
    """An app that comes from atlassian-connect-express keeps its descriptor, template and all."""
    file = shutil.copy(PEER, tmp_path)
    connect = Connect(descriptor=file, **settings(site))
    heard: list[str] = []

    @connect.serves("panel")
    async def panel(request: Any, context: Any) -> str:
        return f"<p>{request.query_params['issue']}</p>"

    @connect.webhook("jira:issue_updated")
    async def updated(event: Any, context: Any) -> None:
        heard.append(event.issue.key)

    app = site.install(Starlette(routes=connect.routes))
    assert app.key == json.loads(PEER.read_text("utf-8"))["key"]
    assert "<p>DEMO-1</p>" in app.open("panel", issue_key="DEMO-1").text
    site.issue("DEMO-1").summary = "Changed"
    assert connect.queue.drain(5)
    assert heard == ["DEMO-1"]
    assert site.traffic.one(direction="host->app event").path.endswith("/issue-updated")
