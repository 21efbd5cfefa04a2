from __future__ import annotations

import asyncio
import json
import tracemalloc

import httpx
import pytest

from app.sites import MEDIA, SITE, WIKI, installation, server, wiki
from headway.app.attachments import Attachment, browser_address
from headway.app.client import HostClient, SyncHostClient
from headway.app.failures import AnswerUnusable, DownloadFailed, NextPageRefused
from headway.errors import PathNotNormal
from headway.model import Product
from headway.redact import contains_secret

JIRA_FILE = {
    "id": "10001",
    "filename": "a b.txt",
    "size": 5,
    "mimeType": "text/plain",
    "created": "2026-01-01T00:00:00.000+0000",
    "content": "https://evil.example/content",
}
WIKI_1 = {
    "id": "att7",
    "title": "a b.txt",
    "extensions": {"mediaType": "text/plain", "fileSize": 5},
    "container": {"id": 12},
    "version": {"number": 3, "when": "2026-01-01T00:00:00.000Z"},
    "_links": {"download": "/download/attachments/12/a%20b.txt?version=3"},
}
WIKI_2 = {
    "id": "att7",
    "title": "a b.txt",
    "fileSize": 5,
    "mediaType": "text/plain",
    "pageId": "12",
    "createdAt": "2026-01-01T00:00:00.000Z",
    "version": {"number": 3},
    "downloadLink": "/download/attachments/12/a%20b.txt?version=3",
}


class Stage:
    """A site that answers each path by its table, and the files behind it."""

    def __init__(self, site=None, **answers):
        self.sent = []
        self.answers = answers
        self.site = site or installation()

    def handle(self, request):
        self.sent.append(request)
        request.read()
        if request.url.host == "api.media.atlassian.com":
            return httpx.Response(200, content=b"bytes", headers={"ETag": '"e"'})
        path = request.url.raw_path.decode().removeprefix("/wiki")
        for start, answer in self.answers.items():
            if path.startswith(start):
                if isinstance(answer, httpx.Response):
                    return httpx.Response(answer.status_code, headers=answer.headers)
                return httpx.Response(200, json=answer)
        return httpx.Response(404)

    @property
    def paths(self):
        return [
            f"{r.method} {r.url.raw_path.decode()}" for r in self.sent if "media" not in r.url.host
        ]

    def sync(self, do):
        transport = httpx.MockTransport(self.handle)
        with SyncHostClient(self.site, transport=transport) as host:
            return do(host.attachments)


def stage(answers, site=None):
    made = Stage(site)
    made.answers = answers
    return made


MOVED = httpx.Response(303, headers={"Location": f"{MEDIA}/f?signature=x"})


def read(file, **bounds):
    def do(attachments):
        with attachments.download(file, **bounds) as found:
            return found.filename, found.read()

    return do


# ---- Jira -----------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [3, 2])
def test_the_files_of_an_issue(version):
    made = stage({f"/rest/api/{version}/issue/A-1": {"fields": {"attachment": [JIRA_FILE]}}})
    (found,) = made.sync(lambda a: list(a.version(version).list("A-1")))
    assert found == Attachment(
        id="10001",
        name="a b.txt",
        size=5,
        media_type="text/plain",
        holder="A-1",
        created="2026-01-01T00:00:00.000+0000",
    )
    assert made.paths == [f"GET /rest/api/{version}/issue/A-1?fields=attachment"]


@pytest.mark.parametrize("version", [3, 2])
def test_a_file_of_an_issue(version):
    one = f"/rest/api/{version}/attachment"
    made = stage({f"{one}/content/10001": MOVED, f"{one}/10001": {**JIRA_FILE, "id": 10001}})
    found = made.sync(lambda a: a.version(version).get("10001"))
    assert (found.id, found.name) == ("10001", "a b.txt")
    assert made.sync(lambda a: read(found)(a.version(version))) == ("a b.txt", b"bytes")
    assert made.sync(lambda a: read("10001")(a.version(version))) == (None, b"bytes")
    assert made.paths[1:] == [f"GET {one}/content/10001"] * 2


def test_the_size_is_the_one_that_was_listed():
    made = stage({"/rest/api/3/attachment/content/1": MOVED})
    file = Attachment(id="1", name="a", size=9, media_type="text/plain")
    with pytest.raises(DownloadFailed, match="5 bytes, not 9"):
        made.sync(read(file))
    assert made.sync(read(file, size=None))[1] == b"bytes"


def test_thumbnails():
    made = stage({"/rest/api/3/attachment/thumbnail/1": MOVED})

    def do(attachments):
        file = Attachment(id="1", name="a.png", size=900, media_type="image/png")
        with attachments.thumbnail(file, width=40, height=30) as found:
            first = found.read()
        with attachments.thumbnail("1", max_bytes=10) as found:
            return first, found.read()

    assert made.sync(do) == (b"bytes", b"bytes")
    assert made.paths == [
        "GET /rest/api/3/attachment/thumbnail/1?width=40&height=30",
        "GET /rest/api/3/attachment/thumbnail/1",
    ]


def test_an_upload_to_an_issue(tmp_path):
    made = stage({"/rest/api/3/issue/A-1/attachments": [JIRA_FILE]})
    (tmp_path / "a b.txt").write_bytes(b"hello")
    told = []
    found = made.sync(
        lambda a: a.upload("A-1", tmp_path / "a b.txt", progress=lambda *seen: told.append(seen))
    )
    assert (found.id, found.holder) == ("10001", "A-1")
    (request,) = made.sent
    assert request.headers["x-atlassian-token"] == "no-check"
    assert request.headers["authorization"].startswith("JWT ")
    assert b'filename="a b.txt"' in request.content
    assert b"hello" in request.content
    assert told == [(5, 5)]


def test_an_upload_is_not_tried_twice():
    made = stage({"/rest": httpx.Response(503)})
    with pytest.raises(Exception, match="503"):
        made.sync(lambda a: a.upload("A-1", b"x", name="a"))
    assert len(made.sent) == 1


def test_what_jira_does_not_do():
    made = stage({})
    with pytest.raises(ValueError, match="replaces no"):
        made.sync(lambda a: a.upload("A-1", b"x", name="a", replace=True))
    with pytest.raises(ValueError, match="comment"):
        made.sync(lambda a: a.upload("A-1", b"x", name="a", comment="hi"))
    with pytest.raises(ValueError, match="versions 3 and 2"):
        made.sync(lambda a: a.version(1))
    assert made.sent == []


# ---- Confluence -----------------------------------------------------------------------------


def test_the_files_of_a_page_1():
    path = "/rest/api/content/12/child/attachment"
    second = {"results": [{**WIKI_1, "id": "att8", "container": None}], "_links": {}}
    first = {"results": [WIKI_1], "_links": {"next": f"{path}?start=1&limit=1"}}
    made = stage({f"{path}?start=1": second, path: first}, wiki())
    found = made.sync(lambda a: list(a.version(1).list("12")))
    assert [(f.id, f.holder, f.version) for f in found] == [("att7", "12", 3), ("att8", "12", 3)]
    assert found[0].download == "/download/attachments/12/a%20b.txt?version=3"


@pytest.mark.parametrize(("blog_post", "name"), [(False, "pages"), (True, "blogposts")])
def test_the_files_of_a_page_2(blog_post, name):
    path = f"/api/v2/{name}/12/attachments"
    first = {"results": [WIKI_2], "_links": {"next": f"/wiki{path}?cursor=x"}}
    second = {"results": [{**WIKI_2, "id": "att8", "pageId": None, "blogPostId": "13"}]}
    made = stage({f"{path}?cursor": second, path: first}, wiki())
    found = made.sync(lambda a: list(a.list("12", blog_post=blog_post)))
    assert [(f.id, f.holder) for f in found] == [("att7", "12"), ("att8", "13")]


def test_a_file_of_a_page():
    download = "/rest/api/content/12/child/attachment/att7/download"
    made = stage(
        {
            download: MOVED,
            "/rest/api/content/att7": WIKI_1,
            "/api/v2/attachments/att7/thumbnail/download": MOVED,
            "/api/v2/attachments/att7": WIKI_2,
            "/download/attachments/12/": MOVED,
        },
        wiki(),
    )
    assert made.sync(lambda a: read("att7")(a.version(1))) == (None, b"bytes")
    assert made.sync(read("att7")) == (None, b"bytes")
    file = made.sync(lambda a: a.get("att7"))
    assert made.sync(read(file)) == ("a b.txt", b"bytes")

    def thumbnail(attachments):
        with attachments.version(1).thumbnail(file) as found:
            return found.read()

    assert made.sync(thumbnail) == b"bytes"
    assert f"GET /wiki{download}" in made.paths
    assert "GET /wiki/download/attachments/12/a%20b.txt?version=3" in made.paths


def test_an_upload_to_a_page():
    made = stage({"/rest/api/content/12/child/attachment": {"results": [WIKI_1]}}, wiki())
    found = made.sync(lambda a: a.upload("12", b"x", name="a", comment="first"))
    assert found.id == "att7"
    made.sync(lambda a: a.upload("12", b"x", name="a", replace=True))
    assert [request.method for request in made.sent] == ["POST", "PUT"]
    assert b'name="comment"\r\n\r\nfirst' in made.sent[0].content


def test_where_a_page_says_that_its_file_is():
    for link, error in (
        ("https://evil.example/x", NextPageRefused),
        (None, AnswerUnusable),
    ):
        made = stage({"/api/v2/attachments/att7": {**WIKI_2, "downloadLink": link}}, wiki())
        with pytest.raises(error):
            made.sync(read("att7"))
        assert len(made.sent) == 1
    file = Attachment(id="att7", name="a", size=1, media_type="")
    with pytest.raises(ValueError, match="hangs on"):
        stage({}, wiki()).sync(lambda a: read(file)(a.version(1)))


# ---- what a host may not say ----------------------------------------------------------------


@pytest.mark.parametrize(
    "told",
    [
        {**JIRA_FILE, "id": "../1"},
        {**JIRA_FILE, "id": "1/2"},
        {**JIRA_FILE, "id": "1?x"},
        {**JIRA_FILE, "size": "many"},
        {**JIRA_FILE, "size": None},
        {"id": "1"},
        [],
        None,
        "text",
    ],
)
def test_what_is_no_attachment(told):
    made = stage({"/rest/api/3/issue/A-1": {"fields": {"attachment": [told]}}})
    with pytest.raises(AnswerUnusable):
        made.sync(lambda a: list(a.list("A-1")))


@pytest.mark.parametrize("told", [{}, {"fields": None}, {"fields": {"attachment": None}}])
def test_what_is_no_issue(told):
    with pytest.raises(AnswerUnusable):
        stage({"/rest/api/3/issue/A-1": told}).sync(lambda a: list(a.list("A-1")))


@pytest.mark.parametrize("told", [[], {}, {"results": []}, "x", [JIRA_FILE, JIRA_FILE]])
def test_what_is_no_answer_to_an_upload(told):
    made = stage({"/rest/api/3/issue/A-1": told})
    with pytest.raises(AnswerUnusable, match="what became"):
        made.sync(lambda a: a.upload("A-1", b"x", name="a"))
    html = stage({})
    html.handle = lambda request: request.read() and httpx.Response(200, content=b"<html>")
    with pytest.raises(AnswerUnusable):
        html.sync(lambda a: a.upload("A-1", b"x", name="a"))


@pytest.mark.parametrize("ident", ["", "../1", "1/2", "a?b", "1%2f", "7\n", "x" * 65, "a b", "1;2"])
def test_an_attachments_id_is_letters_digits_and_hyphens_t35(ident):
    made = stage({})
    with pytest.raises(ValueError, match="letters, digits"):
        made.sync(read(ident))
    with pytest.raises(ValueError, match="letters, digits"):
        made.sync(lambda a: a.get(ident))
    with pytest.raises(ValueError, match="letters, digits"):
        made.sync(lambda a: a.thumbnail(ident).__enter__())
    if "\n" not in ident and len(ident) < 60:
        with pytest.raises(ValueError, match="letters, digits"):
            made.sync(lambda a: list(a.list(ident)))
        with pytest.raises(ValueError, match="letters, digits"):
            made.sync(lambda a: a.upload(ident, b"x", name="a"))
    assert made.sent == []


# ---- the user's own browser -----------------------------------------------------------------


def file(name="a b.txt", **more):
    return Attachment(**{"id": "att7", "name": name, "size": 1, "media_type": "", **more})


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("a b.txt", "a%20b.txt"),
        ("../../x", "..%2F..%2Fx"),
        ("//evil.example", "%2F%2Fevil.example"),
        ("\\evil", "%5Cevil"),
        ("a?b#c", "a%3Fb%23c"),
        ("Ü\u202e.txt", "%C3%9C%E2%80%AE.txt"),
    ],
)
def test_a_user_is_sent_to_the_installations_own_host_and_nowhere_else_t35(name, ending):
    from headway.errors import MalformedRequest

    for base, product, start in (
        (SITE, Product.JIRA, f"{SITE}/secure/attachment/att7/"),
        (WIKI, Product.CONFLUENCE, f"{WIKI}/download/attachments/12/"),
    ):
        try:
            found = browser_address(base, product, file(name, holder="12"))
        except MalformedRequest:
            assert "%2F" in ending or "%5C" in ending
        else:
            assert found == start + ending
            assert not contains_secret(found)


@pytest.mark.parametrize("name", [".", ".."])
def test_a_name_that_climbs_is_refused_t35(name):
    with pytest.raises(PathNotNormal):
        browser_address(SITE, Product.JIRA, file(name))


def test_a_display_url_is_data():
    site = installation(display_url="https://evil.example")
    made = Stage(site)
    assert made.sync(lambda a: a.send_user_to(file("a"))) == f"{SITE}/secure/attachment/att7/a"
    with pytest.raises(ValueError, match="hangs on"):
        browser_address(WIKI, Product.CONFLUENCE, file())
    with pytest.raises(ValueError, match="attachment's id"):
        browser_address(SITE, Product.JIRA, file(id="../x"))


# ---- the same with an event loop ------------------------------------------------------------


def test_the_async_client_does_the_same(tmp_path):
    one = "/rest/api/3/attachment"
    made = stage(
        {
            f"{one}/content/10001": MOVED,
            f"{one}/thumbnail/10001": MOVED,
            f"{one}/10001": JIRA_FILE,
            "/rest/api/3/issue/A-1/attachments": [JIRA_FILE],
            "/rest/api/3/issue/A-1": {"fields": {"attachment": [JIRA_FILE]}},
        }
    )

    async def parts():
        yield b"he"
        yield b"llo"

    async def go():
        transport = httpx.MockTransport(made.handle)
        async with HostClient(made.site, transport=transport) as host:
            files = host.attachments.version(3)
            (found,) = [each async for each in files.list("A-1")]
            assert found == await files.get("10001") or found.holder == "A-1"
            async with files.download(found) as download:
                path = await download.save_to(tmp_path)
            async with files.thumbnail(found, width=10) as download:
                assert await download.read() == b"bytes"
            uploaded = await files.upload("A-1", parts(), name="a b.txt", size=5)
            assert uploaded.id == "10001"
            assert files.send_user_to(found).startswith(SITE)
            return path

    path = asyncio.run(go())
    assert path.name == "a b.txt"
    assert path.read_bytes() == b"bytes"
    assert b"hello" in made.sent[-1].content


# ---- large ----------------------------------------------------------------------------------

SIZES = [
    pytest.param(64, id="64 MiB"),
    pytest.param(1024, id="1 GiB", marks=pytest.mark.soak),
]


@pytest.mark.parametrize("mib", SIZES)
@pytest.mark.parametrize("sync", [True, False], ids=["threads", "loop"])
def test_a_large_file_is_uploaded_with_constant_memory(tmp_path, mib, sync):
    path = tmp_path / "large.bin"
    with path.open("wb") as out:
        out.truncate(mib << 20)
    taken = []

    def take(handler):
        taken.append(sum(map(len, handler.body())))
        handler.reply(200, json.dumps([JIRA_FILE]).encode())

    async def go(address):
        async with HostClient(installation(address), development=True) as host:
            await host.attachments.upload("A-1", path)

    with server() as site:
        site.take = take
        tracemalloc.start()
        try:
            if sync:
                with SyncHostClient(installation(site.address), development=True) as host:
                    host.attachments.upload("A-1", path)
            else:
                asyncio.run(go(site.address))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert mib << 20 < taken[0] < (mib << 20) + 1000
    assert peak < 8 << 20


def test_a_file_that_can_not_be_read_is_no_fault_of_the_hosts(tmp_path):
    def broken():
        yield b"x"
        raise OSError("the disk is gone")

    with server() as site:
        site.take = lambda handler: [*handler.body()]
        with (
            SyncHostClient(installation(site.address), development=True) as host,
            pytest.raises(OSError, match="disk is gone"),
        ):
            host.attachments.upload("A-1", broken(), name="a")
