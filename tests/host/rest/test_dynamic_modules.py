from __future__ import annotations

import json
import time
from typing import Any

import pytest
from asking import Answer, ask

from headway.descriptor import read_descriptor
from headway.host.rest.dynamic_modules import MODULES_MAX
from headway.host.settings import Settings
from headway.host.site import Site
from headway.model import Secret
from headway.sign import request_token

BASE = "http://localhost:2990"
PATH = "/rest/atlassian-connect/1/app/module/dynamic"
DESCRIPTOR = {
    "key": "my-app",
    "name": "My app",
    "baseUrl": "http://127.0.0.1:7000",
    "authentication": {"type": "jwt"},
    "lifecycle": {"installed": "/installed"},
    "modules": {"dialogs": [{"key": "declared", "url": "/d"}]},
}
SECRET = Secret("the secret of my app, which is long")


class Asker:
    """A site with one app in each product, which asks it."""

    def __init__(self) -> None:
        self.site = Site(Settings())
        self.site.bind_addresses(BASE, "http://127.0.0.1:2991")
        self.app = self.site.asgi()
        for tenant in self.site.tenants:
            descriptor = read_descriptor(json.dumps(DESCRIPTOR).encode())
            tenant.apps.save(tenant.apps.prepare(descriptor), SECRET)

    def __call__(
        self,
        method: str,
        query: str = "",
        body: Any = b"",
        *,
        path: str = PATH,
        signed: bool = True,
    ) -> Answer:
        hashed = path.removeprefix("/wiki")
        token = request_token(
            SECRET,
            issuer="my-app",
            method=method,
            raw_path=hashed,
            raw_query=query,
            now=time.time(),
        )
        headers = {"Host": "localhost:2990"} | ({"Authorization": f"JWT {token}"} if signed else {})
        return ask(self.app, method, f"{path}?{query}" if query else path, headers, body)

    @property
    def keys(self) -> list[str]:
        app = self.site.jira.apps.get("my-app")
        assert app is not None
        return [module.key for module in app.modules]


@pytest.fixture
def asker() -> Asker:
    return Asker()


def dialog(key: str, **more: Any) -> dict[str, Any]:
    return {"key": key, "url": f"/{key}", **more}


def test_modules_come_and_go(asker: Asker) -> None:
    assert asker("GET").json == {}
    given = {"dialogs": [dialog("a"), dialog("b")], "webPanels": [
        dialog("c", name={"value": "C"}, location="atl.jira.view.issue.right.context")
    ]}  # fmt: skip
    assert asker("POST", body=given).status == 200
    assert asker("GET").json == given
    assert asker.keys == ["declared", "a", "b", "c"]
    assert asker("POST", body={"dialogs": [dialog("d")]}).status == 200
    assert asker("DELETE", "moduleKey=a&moduleKey=c&moduleKey=none").status == 204
    assert asker("GET").json == {"dialogs": [dialog("b"), dialog("d")]}
    assert asker("DELETE").status == 204
    assert (asker("GET").json, asker.keys) == ({}, ["declared"])


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"[]", "JSON"),
        ({"dialogs": {}}, "$.dialogs"),
        ({"dialogs": [dialog("a"), dialog("a")]}, "duplicate module keys: [a]"),
        ({"dialogs": [dialog("kept")]}, "duplicate module keys: [kept]"),
        ({"dialogs": [dialog("declared")]}, "$.dialogs"),
        ({"dialogs": [{"key": "a"}]}, "$.dialogs"),
        ({"dialogs": ["a"]}, "$.dialogs"),
        ({"webhooks": [{"event": "x", "url": "/x"}]}, "$.webhooks"),
        ({"dialogs": [dialog("a", url="http://evil.example/")]}, "$.dialogs"),
        ({"dialogs": [dialog(str(n)) for n in range(MODULES_MAX)]}, "at most 100"),
    ],
)
def test_nothing_is_added_where_one_is_wrong(asker: Asker, body: Any, said: str) -> None:
    asker("POST", body={"dialogs": [dialog("kept")]})
    answer = asker("POST", body=body)
    assert answer.status == 400
    assert said in answer.body.decode()
    assert asker.keys == ["declared", "kept"]


def test_types_that_are_not_known_are_kept(asker: Asker) -> None:
    given = {"jiraNothing": [{"key": "x"}, "odd", {}]}
    assert asker("POST", body=given).status == 200
    assert asker("DELETE", "moduleKey=x").status == 204
    assert asker("GET").json == {"jiraNothing": ["odd", {}]}


def test_each_product_has_its_own(asker: Asker) -> None:
    asker("POST", body={"dialogs": [dialog("a")]})
    assert asker("GET", path=f"/wiki{PATH}").json == {}
    assert asker("GET", path=PATH.replace("/1/", "/latest/")).json == {"dialogs": [dialog("a")]}


def test_only_an_app_may(asker: Asker) -> None:
    for method in ("GET", "POST", "DELETE"):
        answer = asker(method, signed=False)
        assert (answer.status, answer.json) == (
            401,
            {"message": "The request is not from a Connect app."},
        )
