from __future__ import annotations

import asyncio

import httpx
import pytest

from app.sites import installation, wiki
from headway.app.client import HostClient, SyncHostClient
from headway.app.failures import HostUnreachable, NotFound
from headway.app.testing import FakeHost
from headway.errors import Refusal


def test_answers_come_one_after_the_other_and_the_last_stays():
    fake = FakeHost()
    fake.answer("get", "/rest", status=503, headers={"Retry-After": "0"})
    fake.answer("GET", "/rest", content=b"{}")
    with SyncHostClient(fake.installation, transport=fake.transport) as host:
        assert host.get("/rest").content == b"{}"
        assert host.get("/rest").content == b"{}"
        with pytest.raises(NotFound, match="Nothing was said"):
            host.post("/rest")
    assert [asked.method for asked in fake.asked] == ["GET", "GET", "GET", "POST"]
    assert repr(fake) == "<fake host, asked 4 times>"


def test_what_was_asked_is_kept_without_credentials():
    fake = FakeHost(wiki())
    fake.answer("PUT", "/rest/api/content/1", json={})
    with SyncHostClient(fake.installation, transport=fake.transport) as host:
        host.put("/rest/api/content/1?expand=a", json={"a": 1}, headers={"X-Mine": "1"})
    (asked,) = fake.asked
    assert (asked.origin, asked.path) == (
        "https://x.atlassian.net",
        "/wiki/rest/api/content/1?expand=a",
    )
    assert asked.json == {"a": 1}
    assert asked.headers["x-mine"] == "1"
    assert "authorization" not in asked.headers
    assert (asked.signed, asked.bearer) == (True, False)
    assert "eyJ" not in repr(asked)


def test_answers_that_are_made_and_errors():
    fake = FakeHost()
    fake.answer("GET", "/a", by=lambda request: httpx.Response(200, json=request.url.params["x"]))

    def broken(request):
        raise httpx.ConnectError("no")

    fake.answer("GET", "/b", by=broken)

    async def go():
        async with HostClient(fake.installation, transport=fake.transport) as host:
            assert (await host.get("/a?x=1")).json() == "1"
            with pytest.raises(HostUnreachable):
                await host.get("/b", retry=False)

    asyncio.run(go())


def test_a_wrong_token_is_not_passed_over():
    fake = FakeHost()
    other = FakeHost(installation(fake.installation.base_url, app_key="another"))
    with (
        SyncHostClient(other.installation, transport=fake.transport) as host,
        pytest.raises(Refusal),
    ):
        host.get("/rest")


def test_whole_addresses_and_calls_without_credentials():
    fake = FakeHost()
    fake.answer("GET", "https://elsewhere.example/x", content=b"here")
    with httpx.Client(transport=fake.transport) as http:
        assert http.get("https://elsewhere.example/x?y=1").content == b"here"
    assert (fake.asked[0].signed, fake.asked[0].bearer) == (False, False)
