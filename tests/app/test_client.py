from __future__ import annotations

import logging

import httpx
import pytest

from app.sites import BEARER_LIKE, NOW, claims, installation, run, server, wiki
from headway.app.client import HostCalls, HostClient, HostError, SyncHostClient
from headway.app.testing import FakeHost
from headway.errors import ForeignOrigin, MalformedRequest
from headway.qsh import query_string_hash

VERBS = ("get", "post", "put", "patch", "delete")


@pytest.fixture
def sent():
    return []


@pytest.fixture
def transport(sent):
    def handle(request):
        sent.append(request)
        return httpx.Response(200, json={}, headers={"Set-Cookie": "session=1; Path=/"})

    return httpx.MockTransport(handle)


def both(site, do, **more):
    """What *do* does with the sync client, and with the async one; *do* gives (verb, arguments)."""
    with SyncHostClient(site, clock=lambda: NOW, **more) as host:
        for verb, arguments, options in do:
            getattr(host, verb)(*arguments, **options)

    async def go():
        async with HostClient(site, clock=lambda: NOW, **more) as host:
            for verb, arguments, options in do:
                await getattr(host, verb)(*arguments, **options)

    run(go())


def test_each_request_is_signed_in_the_header_alone(transport, sent):
    asked = [(verb, ("/rest/api/3/issue/A-1?expand=a",), {}) for verb in VERBS]
    asked.append(("get", ("/rest/api/3/search",), {"params": {"jql": "a = b", "x": ["2", "10"]}}))
    asked.append(("request", ("post", "/rest/api/3/issue"), {"json": {"x": 1}}))
    both(installation(), asked, transport=transport)
    assert [r.method for r in sent] == [*map(str.upper, VERBS), "GET", "POST"] * 2
    for request in sent:
        path, _, query = request.url.raw_path.decode().partition("?")
        told = claims(request)
        assert told.qsh == query_string_hash(request.method, path, query)
        assert (told.iss, told.iat, told.exp) == ("my-app", NOW, NOW + 180)
        assert "eyJ" not in str(request.url)
        assert "cookie" not in request.headers
    assert sent[0].headers["user-agent"] == "headway (my-app)"


def test_the_hash_leaves_out_the_products_own_path(transport, sent):
    both(wiki(), [("get", ("/rest/api/content?limit=1",), {})], transport=transport)
    for request in sent:
        assert str(request.url) == "https://x.atlassian.net/wiki/rest/api/content?limit=1"
        assert claims(request).qsh == query_string_hash("GET", "/rest/api/content", "limit=1")


@pytest.mark.parametrize("path", ["https://evil.example/x", "rest", "@evil.example/"])
def test_only_a_path_is_taken(transport, sent, path):
    with pytest.raises(ForeignOrigin):
        both(installation(), [("get", (path,), {})], transport=transport)
    assert sent == []


@pytest.mark.parametrize("path", ["//evil.example/x", "/\\evil", "/a/../b", "/%2e%2e/b"])
def test_a_path_with_two_readings_is_not_sent_t35(transport, sent, path):
    with SyncHostClient(installation(), transport=transport) as host:
        with pytest.raises(MalformedRequest):
            host.get(path)
        with pytest.raises(MalformedRequest):
            host.address(path)
        with pytest.raises(MalformedRequest), host.download(path):
            pass
    assert sent == []


def test_a_redirect_is_returned_and_not_followed():
    sent = []

    def answer(request):
        sent.append(request)
        return httpx.Response(302, headers={"Location": "https://evil.example/"})

    with SyncHostClient(installation(), transport=httpx.MockTransport(answer)) as host:
        assert host.get("/rest").status_code == 302
    assert len(sent) == 1


def test_an_error_is_raised_or_returned():
    fake = FakeHost()
    with SyncHostClient(fake.installation, transport=fake.transport) as host:
        with pytest.raises(HostError, match="status 404") as caught:
            host.get("/rest/api/3/issue/NO-1")
        assert caught.value.status == 404
        assert host.get("/rest/api/3/issue/NO-1", check=False).status_code == 404

    async def go():
        async with HostClient(fake.installation, transport=fake.transport) as host:
            with pytest.raises(HostError):
                await host.get("/rest/api/3/issue/NO-1")
            return await host.get("/rest", check=False)

    assert run(go()).status_code == 404


def test_lists_in_both_clients():
    fake = FakeHost()
    page = {"startAt": 0, "maxResults": 2, "total": 3}
    fake.answer("GET", "/rest/list?startAt=2", json={**page, "startAt": 2, "values": [3]})
    fake.answer("GET", "/rest/list", json={**page, "values": [1, 2]})
    fake.answer("GET", "/rest/odd", json={"odd": [1]})
    fake.answer("POST", "/rest/list", json={"issues": [1]})
    with SyncHostClient(fake.installation, transport=fake.transport) as host:
        assert list(host.items("/rest/list")) == [1, 2, 3]
        assert [p["values"] for p in host.pages("/rest/list")] == [[1, 2], [3]]
        assert list(host.items("/rest/odd", member="odd")) == [1]
        assert list(host.items("/rest/list", method="POST", json={})) == [1]

    async def go():
        async with HostClient(fake.installation, transport=fake.transport) as host:
            found = [item async for item in host.items("/rest/list")]
            return found, [p["values"] async for p in host.pages("/rest/list")]

    assert run(go()) == ([1, 2, 3], [[1, 2], [3]])


def test_as_a_user_in_both_clients():
    fake = FakeHost()
    token = {"access_token": "opaque", "token_type": "Bearer", "expires_in": 900}
    server_ = "https://oauth-2-authorization-server.services.atlassian.com/oauth2/token"
    fake.answer("POST", server_, json=token)
    fake.answer("GET", "/rest/api/3/myself", json={})
    with SyncHostClient(fake.installation, transport=fake.transport) as host:
        user = host.as_user("ada", ["READ"])
        assert isinstance(user, SyncHostClient)
        user.get("/rest/api/3/myself")
        user.close()  # it shares the connections, and does not close them
        host.get("/rest/api/3/myself")
        assert repr(user) == "<client: <calls https://fake.atlassian.net as user ada>>"

    async def go():
        async with HostClient(fake.installation, transport=fake.transport) as host:
            async with host.as_user("ada") as user:
                await user.get("/rest/api/3/myself")
            await host.get("/rest/api/3/myself")

    run(go())
    asked = [(a.bearer, a.signed) for a in fake.asked if a.method == "GET"]
    assert asked == [(True, False), (False, True)] * 2


def test_clients_of_one_app_share_its_connections():
    with server() as site:
        site.page("/a", 200, b"{}")
        calls = HostCalls(development=True)
        for _ in range(3):
            with SyncHostClient(installation(site.address), calls=calls) as host:
                host.get("/a")
        assert len(calls.connections.threads().site._pool.connections) == 1
        calls.close()

        async def go():
            for _ in range(3):
                async with HostClient(installation(site.address), calls=calls) as host:
                    await host.get("/a")
            assert len((await calls.connections.here()).site._pool.connections) == 1
            await calls.aclose()

        run(go())


def test_no_log_shows_a_token_or_where_a_file_lies_t23(caplog):
    caplog.set_level(logging.DEBUG)
    with server() as site, server() as media:
        path = "/rest/api/3/attachment/content/7"
        site.page("/rest/api/3/myself?expand=x", 200, b"{}")
        site.page(path, 303, b"", Location=f"{media.address}/file?{BEARER_LIKE}")
        media.page(f"/file?{BEARER_LIKE}", 200, b"here")
        with SyncHostClient(installation(site.address), development=True) as host:
            host.get("/rest/api/3/myself?expand=x")
            with host.download(path) as file:
                assert file.read() == b"here"
            with host.attachments.download("7") as file:
                assert list(file.chunks()) == [b"here"]
    assert BEARER_LIKE not in caplog.text
    assert "eyJ" not in caplog.text
    assert site.asked[0][1]["authorization"].startswith("JWT ")
    assert "authorization" not in media.asked[0][1]
