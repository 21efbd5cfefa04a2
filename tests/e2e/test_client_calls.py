"""Headway's client against the site: calls, lists, users, errors; sync and async, both ways in."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from headway.app.calls import Retries
from headway.app.client import CallSettings, HostClient, SyncHostClient
from headway.app.failures import (
    BadRequest,
    Forbidden,
    HostUnreachable,
    ImpersonationFailed,
    NotFound,
    ServerError,
    TooManyRequests,
    Unauthorized,
)
from headway.host.testing import Site
from headway.model import Installation, Product, Secret
from host.small_app import running

KEY = "my-app"
SCOPES = ["READ", "WRITE", "DELETE", "ACT_AS_USER"]
FAST = CallSettings(retries=Retries(first=0.001, longest=0.002))


class Installed:
    """A site with an app, and clients of the app's."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def installation(self, **changes: Any) -> Installation:
        app = self.site.tenant.apps.get(KEY)
        assert app is not None
        known = {
            "app_key": KEY,
            "client_key": app.client_key,
            "base_url": self.site.url,
            "product": self.site.product,
            "shared_secret": self.site.tenant.apps.secret(KEY),
            "oauth_client_id": app.oauth_client_id,
        }
        return Installation(**{**known, **changes})

    @property
    def account(self) -> str:
        app = self.site.tenant.apps.get(KEY)
        assert app is not None
        return str(app.account_id)

    def client(self, **changes: Any) -> SyncHostClient:
        return SyncHostClient(self.installation(**changes), **self.options)

    def async_client(self, **changes: Any) -> HostClient:
        return HostClient(self.installation(**changes), **self.options)

    @property
    def options(self) -> dict[str, Any]:
        way = {} if self.site._sockets else {"transport": self.site.transport}
        return {"development": True, "settings": FAST, **way}


@pytest.fixture(scope="module", params=["sockets", "in process"])
def jira(request: pytest.FixtureRequest) -> Iterator[Installed]:
    with running(scopes=SCOPES) as app, Site(sockets=request.param == "sockets") as site:
        site.install(app.descriptor_url)
        yield Installed(site)


@pytest.fixture(scope="module", params=["sockets", "in process"])
def wiki(request: pytest.FixtureRequest) -> Iterator[Installed]:
    sockets = request.param == "sockets"
    with running(scopes=SCOPES) as app, Site(sockets=sockets, product="confluence") as site:
        site.install(app.descriptor_url)
        yield Installed(site)


@pytest.fixture(autouse=True)
def only_headers(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every token travelled in the header."""
    name = "wiki" if "wiki" in request.fixturenames else "jira"
    installed: Installed = request.getfixturevalue(name)
    installed.site.traffic.clear()
    yield
    calls = installed.site.traffic.of(direction="app->host")
    assert {call.location for call in calls} <= {"header"}


# ---- as the app -----------------------------------------------------------------------------


def test_as_the_app(jira: Installed) -> None:
    with jira.client() as host:
        assert host.get("/rest/api/3/myself").json()["accountId"] == jira.account
        fields = {"project": {"key": "DEMO"}, "issuetype": {"name": "Task"}, "summary": "Made"}
        made = host.post("/rest/api/2/issue", json={"fields": fields}).json()["key"]
        host.put(f"/rest/api/2/issue/{made}", json={"fields": {"summary": "Edited"}})
        found = host.get(f"/rest/api/2/issue/{made}", params={"fields": "summary"}).json()
        assert found["fields"] == {"summary": "Edited"}
        assert host.delete(f"/rest/api/2/issue/{made}").status_code == 204

    async def go() -> Any:
        async with jira.async_client() as asked:
            return (await asked.get("/rest/api/3/myself")).json()["accountId"]

    assert asyncio.run(go()) == jira.account


def test_as_the_app_in_the_wiki(wiki: Installed) -> None:
    with wiki.client() as host:
        assert host.get("/rest/api/user/current").json()["accountId"] == wiki.account
        assert host.get("/api/v2/pages/1").json()["id"] == "1"


# ---- as a user ------------------------------------------------------------------------------


def test_as_a_user(jira: Installed) -> None:
    call_as_a_user(jira, "/rest/api/3/myself")


def test_as_a_user_of_the_wiki(wiki: Installed) -> None:
    call_as_a_user(wiki, "/rest/api/user/current")


def call_as_a_user(installed: Installed, path: str) -> None:
    user = installed.site.known_user("user").account_id
    with installed.client() as host:
        as_user = host.as_user(user)
        for _ in range(3):
            assert as_user.get(path).json()["accountId"] == user
        assert host.as_user(user).get(path).json()["accountId"] == user
        assert host.get(path).json()["accountId"] == installed.account
        assert len(host._calls.tokens) == 1

    async def go() -> list[str]:
        async with installed.async_client() as asked:
            one = asked.as_user(user)
            found = await asyncio.gather(*(one.get(path) for _ in range(5)))
            assert len(asked._calls.tokens) == 1
            return [answer.json()["accountId"] for answer in found]

    assert asyncio.run(go()) == [user] * 5


def test_a_user_may_what_the_scopes_say(jira: Installed) -> None:
    user = jira.site.known_user("user").account_id
    with jira.client() as host:
        reader = host.as_user(user, ["READ"])
        assert reader.get("/rest/api/3/issue/DEMO-1").json()["key"] == "DEMO-1"
        with pytest.raises(Forbidden):
            reader.post("/rest/api/2/issue/DEMO-1/comment", json={"body": "x"})
        writer = host.as_user(user, ["read", "write"])
        made = writer.post("/rest/api/2/issue/DEMO-1/comment", json={"body": "x"}).json()
        assert made["author"]["accountId"] == user
        with pytest.raises(ImpersonationFailed, match="invalid_scope") as caught:
            host.as_user(user, ["ADMIN"]).get("/rest/api/3/myself")
        assert caught.value.code == "invalid_scope"
        with pytest.raises(ImpersonationFailed, match="invalid_grant"):
            host.as_user("nobody-here").get("/rest/api/3/myself")


def test_a_token_that_died_is_replaced(jira: Installed) -> None:
    user = jira.site.known_user("user").account_id
    with jira.client() as host:
        as_user = host.as_user(user)
        as_user.get("/rest/api/3/myself")
        (access, (until, text)), *_ = host._calls.tokens._kept.items()
        host._calls.tokens._kept[access] = (until, type(text)("no-longer-good"))
        assert as_user.get("/rest/api/3/myself").json()["accountId"] == user


# ---- lists ----------------------------------------------------------------------------------


def test_lists_by_number_and_by_token(jira: Installed) -> None:
    with jira.client() as host:
        every = [issue["key"] for issue in host.items("/rest/api/3/search?jql=order+by+key")]
        bounded = {"jql": "project in (DEMO, PUB) order by key", "maxResults": 2}
        for style in (
            {"path": "/rest/api/3/search", "params": {"jql": "order by key", "maxResults": 2}},
            {"path": "/rest/api/3/search/jql", "params": bounded},
            {"path": "/rest/api/3/search/jql", "method": "POST", "json": bounded},
        ):
            found = list(host.items(**style))
            assert len(found) == len(every) > 4
        projects = list(host.items("/rest/api/3/project/search", params={"maxResults": 1}))
        assert [project["key"] for project in projects] == ["DEMO", "PUB"]
        comments = list(host.items("/rest/api/2/issue/DEMO-1/comment?maxResults=1"))
        assert len(comments) >= 2

    async def go() -> list[Any]:
        async with jira.async_client() as asked:
            path = "/rest/api/3/project/search?maxResults=1"
            return [project async for project in asked.items(path)]

    assert asyncio.run(go()) == projects


def test_lists_by_link(wiki: Installed) -> None:
    with wiki.client() as host:
        first = [page["id"] for page in host.items("/rest/api/content?limit=2&type=page")]
        second = [page["id"] for page in host.items("/api/v2/pages", params={"limit": 2})]
        assert sorted(first) == sorted(second)
        assert len(first) == 5
        assert len(list(host.pages("/api/v2/pages?limit=2"))) == 3
    calls = wiki.site.traffic.some(direction="app->host")
    assert {call.verdict for call in calls} == {"accepted"}


# ---- what goes wrong ------------------------------------------------------------------------


def test_errors_say_what_the_host_said(jira: Installed) -> None:
    with jira.client() as host:
        with pytest.raises(NotFound, match="Issue does not exist") as missing:
            host.get("/rest/api/3/issue/DEMO-999")
        assert missing.value.request_id
        with pytest.raises(BadRequest) as bad:
            host.post("/rest/api/2/issue", json={"fields": {"project": {"key": "DEMO"}}})
        assert "summary" in bad.value.fields
        with pytest.raises(Forbidden, match="scope"):
            host.post("/rest/api/2/project", json={})
    other = Secret("another secret of 32 bytes......")
    with jira.client(shared_secret=other) as host, pytest.raises(Unauthorized):
        host.get("/rest/api/3/myself")


def test_errors_of_the_wiki(wiki: Installed) -> None:
    with wiki.client() as host:
        with pytest.raises(NotFound, match="No content found"):
            host.get("/rest/api/content/999")
        with pytest.raises(NotFound) as second:
            host.get("/api/v2/pages/999")
        assert second.value.messages


def test_what_passes_is_tried_again(jira: Installed) -> None:
    path = "/rest/api/3/myself"
    with jira.client() as host:
        jira.site.faults.next(path, status=429, headers={"Retry-After": "1"})
        jira.site.faults.next(path, status=503)
        began = time.monotonic()
        assert host.get(path).status_code == 200
        assert time.monotonic() - began >= 1
        jira.site.faults.next(path, cut=True)
        assert host.get(path).status_code == 200
        jira.site.faults.next(path, status=503, times=9)
        with pytest.raises(ServerError):
            host.get(path)
        jira.site.faults.clear()
        jira.site.faults.next(path, status=429, headers={"Retry-After": "900"})
        with pytest.raises(TooManyRequests) as caught:
            host.get(path)
        assert caught.value.retry_after == 900
    tokens = jira.site.traffic.some(direction="app->host", path=path)
    assert [call.status for call in tokens].count(503) == 5


def test_what_is_not_idempotent_is_sent_once(jira: Installed) -> None:
    path = "/rest/api/2/issue/DEMO-1/comment"
    with jira.client() as host:
        before = host.get(path).json()["total"]
        jira.site.faults.next(path, method="POST", status=503)
        with pytest.raises(ServerError):
            host.post(path, json={"body": "once"})
        jira.site.faults.next(path, method="POST", status=503)
        host.post(path, json={"body": "twice"}, retry=True)
        assert host.get(path).json()["total"] == before + 1


def test_time_outs(jira: Installed) -> None:
    if not jira.site._sockets:
        pytest.skip("without sockets nobody waits")
    path = "/rest/api/3/myself"
    with jira.client() as host:
        jira.site.faults.next(path, seconds=2)
        with pytest.raises(HostUnreachable, match="ReadTimeout"):
            host.get(path, timeout=0.1, retry=False)
        jira.site.faults.clear()


def test_nothing_of_it_is_in_a_url(jira: Installed) -> None:
    with jira.client() as host:
        host.get("/rest/api/3/myself?expand=groups")
        host.as_user(jira.site.known_user("user").account_id).get("/rest/api/3/myself")
    told = json.dumps([str(call.path) for call in jira.site.traffic.all()])
    assert "eyJ" not in told
    assert "assertion" not in told
    assert jira.site.product == Product.JIRA
