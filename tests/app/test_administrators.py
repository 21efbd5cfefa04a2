from __future__ import annotations

import asyncio
import json

import httpx
import msgspec
import pytest

from headway.app import administrators
from headway.app.administrators import KNOWN_SECONDS, Administrators
from headway.app.connect import Connect
from headway.model import Installation, Product, Secret
from headway.refusals import AdministratorUnknown

SITE = Installation(
    app_key="my-app",
    client_key="site-1",
    product=Product.JIRA,
    base_url="https://site.atlassian.net",
    shared_secret=Secret("0123456789abcdef"),
)
WIKI = msgspec.structs.replace(
    SITE, product=Product.CONFLUENCE, base_url="https://site.atlassian.net/wiki"
)


class Host:
    """Both products, in a transport; *said* is what they answer instead."""

    def __init__(self):
        self.asked = []
        self.admins = {"ada"}
        self.said = None

    def __call__(self, request):
        self.asked.append((request.method, request.url.raw_path.decode().partition("?")[0]))
        assert request.headers["authorization"].startswith("JWT ")
        if isinstance(self.said, Exception):
            raise self.said
        if self.said is not None:
            return self.said
        if request.method == "POST":
            body = json.loads(request.content)
            assert body["globalPermissions"] == ["ADMINISTER"]
            granted = ["ADMINISTER"] if body["accountId"] in self.admins else []
            return httpx.Response(200, json={"globalPermissions": granted})
        assert request.url.params["expand"] == "operations"
        operations = [{"operation": "use", "targetType": "application"}]
        if request.url.params["accountId"] in self.admins:
            operations.append({"operation": "administer", "targetType": "application"})
        return httpx.Response(200, json={"operations": operations})


@pytest.fixture
def host():
    return Host()


@pytest.fixture
def ask(host):
    connect = Connect(
        key="my-app",
        name="A",
        base_url="https://app.example",
        store=":memory:",
        transport=httpx.MockTransport(host),
    )
    now = [100.0]
    found = Administrators(connect.client, ticks=lambda: now[0])

    def ask(account, site=SITE, later=0.0):
        now[0] += later
        return asyncio.run(found.administers(site, account))

    yield ask
    connect.store._engine.dispose()


def test_the_host_is_asked_in_each_product(ask, host):
    assert ask("ada")
    assert not ask("eve")
    assert ask("ada", WIKI) is True
    assert not ask("eve", msgspec.structs.replace(WIKI, client_key="site-2"))
    assert set(host.asked) == {
        ("POST", "/rest/api/3/permissions/check"),
        ("GET", "/wiki/rest/api/user"),
    }


def test_nobody_is_no_administrator_and_is_not_asked_for(ask, host):
    assert not ask(None)
    assert host.asked == []


def test_an_answer_counts_for_a_minute(ask, host):
    assert ask("ada")
    host.admins.clear()
    assert ask("ada", later=KNOWN_SECONDS - 1)
    assert len(host.asked) == 1
    assert not ask("ada", later=2)
    assert len(host.asked) == 2
    assert KNOWN_SECONDS <= 60


def test_answers_are_of_one_site_and_one_account(ask, host):
    assert ask("ada")
    assert not ask("eve")
    assert ask("ada", msgspec.structs.replace(SITE, client_key="site-2"))
    assert len(host.asked) == 3


def test_memory_is_bounded(ask, host, monkeypatch):
    monkeypatch.setattr(administrators, "KNOWN_MAX", 2)
    for account in ("a", "b", "c", "c", "b", "a"):
        ask(account)
    assert len(host.asked) == 4, "only the oldest was forgotten"


@pytest.mark.parametrize(
    "said",
    [
        httpx.Response(403, json={}),
        httpx.Response(500),
        httpx.Response(302, headers={"Location": "https://evil.example"}),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={}),
        httpx.Response(200, json={"globalPermissions": None}),
        httpx.ConnectError("down"),
        httpx.ReadTimeout("slow"),
    ],
    ids=["403", "500", "302", "html", "a list", "nothing", "null", "down", "slow"],
)
def test_a_host_that_does_not_say_makes_nobody_an_administrator(ask, host, said):
    host.said = said
    with pytest.raises(AdministratorUnknown) as caught:
        ask("ada")
    assert caught.value.status == 503
    host.said = None
    assert ask("ada"), "an outage is not remembered"
