from __future__ import annotations

import asyncio
import logging
import traceback
import tracemalloc

import httpx
import msgspec
import pytest

from headway import jwt
from headway.app import client as client_module
from headway.app.client import DownloadFailed, HostAuth, HostClient
from headway.errors import (
    ForeignOrigin,
    LocationNotAllowed,
    MalformedRequest,
    PathNotNormal,
    PathOutsideBase,
)
from headway.model import Installation, Product, Secret
from headway.qsh import query_string_hash

NOW = 1_700_000_000
BEARER_LIKE = "X-Signature=opens-the-file-for-anyone"


def installation(base_url="https://x.atlassian.net", product=Product.JIRA):
    return Installation(
        app_key="my-app",
        client_key="site-1",
        base_url=base_url,
        product=product,
        shared_secret=Secret("a shared secret of 32 bytes......"),
    )


@pytest.fixture
def sent():
    return []


@pytest.fixture
def make(sent):
    def make(site=None, answer=None, **more):
        def handle(request):
            sent.append(request)
            return answer(request) if answer else httpx.Response(200, json={})

        return HostClient(
            site or installation(),
            clock=lambda: NOW,
            transport=httpx.MockTransport(handle),
            **more,
        )

    return make


def run(coroutine):
    return asyncio.run(coroutine)


def claims(request):
    scheme, _, token = request.headers["authorization"].partition(" ")
    assert scheme == "JWT"
    return jwt.decode(token).unverified_claims


# ---- signing --------------------------------------------------------------------------------


def test_each_request_is_signed_in_the_header_alone(make, sent):
    async def calls():
        async with make() as host:
            await host.get("/rest/api/3/myself?expand=groups")
            await host.post("/rest/api/3/issue", json={"x": 1})
            await host.put("/rest/api/3/issue/A-1", json={})
            await host.delete("/rest/api/3/issue/A-1")
            await host.get("/rest/api/3/search", params={"jql": "a = b", "x": ["2", "10"]})

    run(calls())
    assert [r.method for r in sent] == ["GET", "POST", "PUT", "DELETE", "GET"]
    for request in sent:
        path, _, query = request.url.raw_path.decode().partition("?")
        told = claims(request)
        assert told.qsh == query_string_hash(request.method, path, query)
        assert (told.iss, told.iat, told.exp) == ("my-app", NOW, NOW + 180)
        assert "eyJ" not in str(request.url)
    assert sent[0].headers["user-agent"] == "headway (my-app)"


def test_the_hash_leaves_out_the_products_own_path(make, sent):
    site = installation("https://x.atlassian.net/wiki", Product.CONFLUENCE)
    run(make(site).get("/rest/api/content?limit=1"))
    assert str(sent[0].url) == "https://x.atlassian.net/wiki/rest/api/content?limit=1"
    assert claims(sent[0]).qsh == query_string_hash("GET", "/rest/api/content", "limit=1")


def test_a_sync_client_signs_with_the_same_flow(sent):
    def handle(request):
        sent.append(request)
        return httpx.Response(200)

    auth = HostAuth(installation(), clock=lambda: NOW)
    with httpx.Client(auth=auth, transport=httpx.MockTransport(handle)) as http:
        http.get("https://x.atlassian.net/rest/api/3/myself")
    assert claims(sent[0]).qsh == query_string_hash("GET", "/rest/api/3/myself")
    assert repr(auth) == "<signs for https://x.atlassian.net>"


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/rest",
        "http://x.atlassian.net/rest",
        "https://x.atlassian.net:8443/rest",
        "https://x.atlassian.net.evil.example/rest",
        "https://user@x.atlassian.net/rest",
        "ftp://x.atlassian.net/rest",
    ],
)
def test_nothing_is_sent_to_another_origin(sent, url):
    with (
        httpx.Client(
            auth=None,
            transport=httpx.MockTransport(lambda r: sent.append(r) or httpx.Response(200)),
        ) as http,
        pytest.raises(ForeignOrigin),
    ):
        http.get(url, auth=HostAuth(installation()))
    assert sent == []


@pytest.mark.parametrize("path", ["https://evil.example/x", "rest", "", "?x", "@evil.example/"])
def test_only_a_path_is_taken(make, sent, path):
    with pytest.raises(ForeignOrigin):
        run(make().get(path))
    assert sent == []


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example/x",
        "/\\evil",
        "/a/../b",
        "/a/./b",
        "/%2e%2e/b",
        "/a/%2E%2E",
        "/a//b",
        "/a%5cb",
    ],
)
def test_a_path_with_two_readings_is_not_sent(make, sent, path):
    with pytest.raises(MalformedRequest):
        run(make().get(path))
    assert sent == []


def test_a_path_is_below_the_base_whatever_the_options_say(make, sent):
    site = installation("https://x.atlassian.net/wiki", Product.CONFLUENCE)
    auth = HostAuth(site)
    with pytest.raises(PathOutsideBase):
        next(auth.auth_flow(httpx.Request("GET", "https://x.atlassian.net/admin")))
    with pytest.raises(PathNotNormal):
        run(make(site).get("/../admin"))


@pytest.mark.parametrize(
    ("path", "options"),
    [("/rest?jwt=eyJ.eyJ.sig", {}), ("/rest", {"params": {"jwt": "eyJ.eyJ.sig"}})],
)
def test_a_token_in_the_address_is_refused(make, sent, path, options):
    with pytest.raises(LocationNotAllowed):
        run(make().get(path, **options))
    assert sent == []


def test_a_get_has_no_body(make, sent):
    with pytest.raises(ValueError, match="body"):
        run(make().request("GET", "/rest", content=b"{}"))

    async def stream():
        yield b"x"

    with pytest.raises(ValueError, match="body"):
        run(make().request("GET", "/rest", content=stream()))
    assert sent == []


def test_a_redirect_is_returned_and_not_followed(make, sent):
    def answer(request):
        return httpx.Response(302, headers={"Location": "https://evil.example/"})

    assert run(make(answer=answer).get("/rest")).status_code == 302
    assert len(sent) == 1


def test_an_httpx_client_that_follows_redirects_drops_the_token(sent):
    def handle(request):
        sent.append(request)
        if request.url.host == "x.atlassian.net":
            return httpx.Response(302, headers={"Location": "https://evil.example/"})
        return httpx.Response(200)

    transport = httpx.MockTransport(handle)
    with httpx.Client(transport=transport, follow_redirects=True) as http:
        http.get("https://x.atlassian.net/rest", auth=HostAuth(installation()))
    assert "authorization" not in sent[1].headers


def test_cookies_are_not_kept(make, sent):
    def answer(request):
        return httpx.Response(200, headers={"Set-Cookie": "session=1; Path=/"})

    async def twice():
        async with make(answer=answer) as host:
            await host.get("/rest")
            await host.get("/rest")

    run(twice())
    assert "cookie" not in sent[1].headers


# ---- downloads ------------------------------------------------------------------------------


@pytest.fixture
def servers(make_server):
    """A site whose attachment redirects to a media server, both real."""
    site, media = make_server(), make_server()
    site.media, media.site = media, site
    media.seen = []

    def content(handler):
        media.seen.append(dict(handler.headers))
        media.reply(
            handler, 200, b"file " * 100, **{"Content-Type": "text/plain", "Set-Cookie": "a=b"}
        )

    media.pages[f"/file?{BEARER_LIKE}"] = content
    location = f"{media.address}/file?{BEARER_LIKE}"
    site.page("/rest/api/3/attachment/content/7", 303, b"", Location=location)
    return site


def client(site, **more):
    return HostClient(installation(site.address), clock=lambda: NOW, development=True, **more)


async def fetch(host, attachment_id="7"):
    async with host, host.stream_attachment(attachment_id) as file:
        data = b"".join([chunk async for chunk in file.chunks()])
        return file, data


def test_an_attachment_is_followed_without_the_token(servers):
    file, data = run(fetch(client(servers)))
    assert data == b"file " * 100
    assert (file.status, file.headers["content-type"]) == (200, "text/plain")
    assert "set-cookie" not in file.headers
    seen = {name.lower() for name in servers.media.seen[0]}
    assert not seen & {"authorization", "cookie", "referer"}


@pytest.mark.parametrize("level", [logging.DEBUG])
def test_no_log_shows_where_the_file_lies(servers, caplog, level):
    caplog.set_level(level)
    run(fetch(client(servers)))
    assert BEARER_LIKE not in caplog.text
    assert "eyJ" not in caplog.text
    logging.getLogger("httpx").info("others may log")
    assert "others may log" in caplog.text


@pytest.mark.parametrize("how", ["status", "broken", "nobody", "loop", "breaks off"])
def test_no_error_shows_where_the_file_lies(servers, caplog, how):
    media, url = servers.media, f"/file?{BEARER_LIKE}"
    if how == "status":
        media.page(url, 403, b"")
    elif how == "broken":
        media.pages[url] = lambda handler: handler.wfile.write(b"rubbish\r\n\r\n")
    elif how == "nobody":
        media.close()
    elif how == "loop":
        media.page(url, 302, b"", Location=url)
    else:
        media.page(url, 200, b"x", **{"Transfer-Encoding": "chunked"})
    with pytest.raises(DownloadFailed) as caught:
        run(fetch(client(servers)))
    error = caught.value
    assert error.status == (403 if how == "status" else None)
    assert error.__suppress_context__ or error.__context__ is None
    report = traceback.TracebackException.from_exception(error, capture_locals=True)
    ours = [frame for frame in report.stack if "/headway/" in frame.filename]
    told = "".join(str(frame.locals) for frame in ours) + str(error) + repr(error) + caplog.text
    assert BEARER_LIKE not in told
    assert "eyJ" not in told


def test_what_is_redirected_too_often_is_given_up(servers):
    media = servers.media
    media.page(f"/file?{BEARER_LIKE}", 302, b"", Location="/again")
    media.page("/again", 302, b"", Location="/again")
    with pytest.raises(DownloadFailed, match="more than 3"):
        run(fetch(client(servers)))
    assert len(media.asked) == 3


@pytest.mark.parametrize(
    "location",
    [
        "http://media.example/file",
        "http://169.254.169.254/latest",
        "https://user:pass@media.example/file",
        "ftp://media.example/file",
        "file:///etc/passwd",
    ],
)
def test_a_redirect_to_an_unsafe_address_is_not_followed(make, sent, location):
    host = make(answer=lambda _: httpx.Response(303, headers={"Location": location}))
    with pytest.raises(DownloadFailed, match="https"):
        run(fetch(host))
    assert len(sent) == 1


def test_loopback_is_followed_in_development_only(make, sent):
    location = "http://127.0.0.1:1/file"
    answer = lambda _: httpx.Response(303, headers={"Location": location})  # noqa: E731
    with pytest.raises(DownloadFailed, match="https"):
        run(fetch(make(answer=answer)))
    assert len(sent) == 1


def test_a_file_without_a_redirect_comes_as_it_is(make, sent):
    _, data = run(fetch(make(answer=lambda _: httpx.Response(200, content=b"here"))))
    assert data == b"here"
    assert "authorization" in sent[0].headers


def test_a_redirect_within_the_site_is_followed_without_the_token(make, sent):
    def answer(request):
        if len(sent) == 1:
            return httpx.Response(302, headers={"Location": "/secure/attachment/7/a.txt"})
        return httpx.Response(200, content=b"here")

    run(fetch(make(answer=answer)))
    assert "authorization" not in sent[1].headers


def test_an_answer_that_is_no_file_fails(make):
    with pytest.raises(DownloadFailed) as caught:
        run(fetch(make(answer=lambda _: httpx.Response(404))))
    assert caught.value.status == 404


@pytest.mark.parametrize("attachment_id", ["", "../1", "1/2", "a?b", "1%2f", "7\n", "x" * 65])
def test_an_attachment_id_is_plain(make, sent, attachment_id):
    with pytest.raises(ValueError, match="letters"):
        run(fetch(make(), attachment_id))
    assert sent == []


def test_confluence_has_no_attachment_by_id_alone(make, sent):
    site = installation("https://x.atlassian.net/wiki", Product.CONFLUENCE)
    with pytest.raises(ValueError, match="download"):
        run(fetch(make(site)))

    async def by_path():
        async with make(site) as host, host.download("/rest/api/x/download?version=1") as file:
            return [chunk async for chunk in file.chunks()]

    run(by_path())
    assert sent[0].url.path == "/wiki/rest/api/x/download"


def test_a_large_file_streams_with_constant_memory(make_server):
    site = make_server()
    size = 64 * 1024 * 1024

    def large(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(size))
        handler.end_headers()
        block = bytes(1024 * 1024)
        for _ in range(64):
            handler.wfile.write(block)

    site.pages["/rest/api/3/attachment/content/7"] = large

    async def count():
        total = 0
        async with client(site) as host, host.stream_attachment("7") as file:
            async for chunk in file.chunks():
                total += len(chunk)
        return total

    tracemalloc.start()
    try:
        assert run(count()) == size
        assert tracemalloc.get_traced_memory()[1] < 8 * 1024 * 1024
    finally:
        tracemalloc.stop()


# ---- what shows itself ----------------------------------------------------------------------


def test_nothing_shows_a_token_or_an_address():
    hop = client_module._Hop(httpx.URL(f"https://x.example/?{BEARER_LIKE}"), None)
    assert repr(hop) == "<a hop of a download>"
    assert repr(client_module.Download(httpx.Response(200))) == "<download, status 200>"
    assert msgspec.structs.fields(client_module._Hop)
