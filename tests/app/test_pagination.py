from __future__ import annotations

import json

import httpx
import pytest

from app.sites import SITE, WIKI, installation, wiki
from headway.app.asks import Give
from headway.app.caller import Caller, HostCalls
from headway.app.drivers import SyncDriver
from headway.app.failures import AnswerUnusable, NextPageRefused
from headway.app.pagination import Site, items, items_of, pages, path_below
from headway.errors import ForeignOrigin, LocationNotAllowed


class List:
    """A site whose one list is *answers*, told by what each request asked."""

    def __init__(self, answer, site=None):
        self.asked = []
        self._answer = answer
        shared = HostCalls(transport=httpx.MockTransport(self._handle))
        self.caller = Caller(site or installation(), shared)

    def _handle(self, request):
        self.asked.append(request)
        told = self._answer(request)
        return told if isinstance(told, httpx.Response) else httpx.Response(200, json=told)

    def read(self, steps_of=items, path="/rest/api/3/list", method="GET", **more):
        options = more.pop("options", {})
        out = self.caller.outgoing(method, path, options)
        site = Site(self.caller.installation.base_url, self.caller.address, self.caller.call)
        with SyncDriver(self.caller.shared.connections) as driver:
            return list(driver.stream(steps_of(out, site, **more)))


EVERY = list(range(7))


def by_number(request, name="values", **more):
    start = int(request.url.params.get("startAt", 0))
    size = int(request.url.params.get("maxResults", 3))
    return {
        "startAt": start,
        "maxResults": size,
        name: EVERY[start : start + size],
        **{key: value(start, size) for key, value in more.items()},
    }


TOTAL = {"total": lambda start, size: len(EVERY)}
LAST = {"isLast": lambda start, size: start + size >= len(EVERY)}


@pytest.mark.parametrize(
    "more", [TOTAL, LAST, {**TOTAL, **LAST}, {}], ids=["total", "last", "both", "neither"]
)
@pytest.mark.parametrize("name", ["values", "issues", "comments", "worklogs"])
def test_pages_by_number(name, more):
    listed = List(lambda request: by_number(request, name, **more))
    assert listed.read() == EVERY
    assert [r.url.params.get("startAt") for r in listed.asked] == [None, "3", "6"]


def test_parameters_stay():
    listed = List(lambda request: by_number(request, **TOTAL))
    options = {"params": {"maxResults": 5, "expand": "a"}}
    assert listed.read(path="/rest/api/3/list?x=1", options=options) == EVERY
    assert [dict(r.url.params) for r in listed.asked][1] == {
        "x": "1",
        "maxResults": "5",
        "expand": "a",
        "startAt": "5",
    }


def test_an_empty_page_ends_a_list_whose_total_is_wrong():
    listed = List(lambda request: by_number(request, total=lambda start, size: 1000))
    assert listed.read() == EVERY
    assert len(listed.asked) == 4


def test_pages_by_token_in_the_query_and_in_the_body():
    def by_token(request):
        token = request.url.params.get("nextPageToken") or "0"
        if request.method == "POST":
            told = json.loads(request.content)
            assert told["jql"] == "project = A"
            token = told.get("nextPageToken", "0")
        end = int(token) + 3
        more = {"nextPageToken": str(end)} if end < 7 else {"isLast": True}
        return {"issues": EVERY[int(token) : end], **more}

    assert List(by_token).read() == EVERY
    posted = List(by_token)
    assert posted.read(method="POST", options={"json": {"jql": "project = A"}}) == EVERY
    assert len(posted.asked) == 3


def test_pages_by_number_in_the_body():
    def posted(request):
        start = json.loads(request.content)["startAt"]
        return {"startAt": start, "maxResults": 3, "total": 7, "issues": EVERY[start : start + 3]}

    assert List(posted).read(method="POST", options={"json": {"startAt": 0}}) == EVERY


def test_is_last_beats_a_token():
    listed = List(lambda r: {"issues": [1], "nextPageToken": "x", "isLast": True})
    assert listed.read() == [1]


@pytest.mark.parametrize(
    "form", ["/rest/api/content", "/wiki/rest/api/content", f"{WIKI}/rest/api/content"]
)
def test_pages_by_link(form):
    def by_link(request):
        start = int(request.url.params.get("start", 0))
        following = {"next": f"{form}?start={start + 3}&limit=3"} if start + 3 < 7 else {}
        return {"results": EVERY[start : start + 3], "_links": {"base": WIKI, **following}}

    listed = List(by_link, wiki())
    assert listed.read(path="/rest/api/content?limit=3") == EVERY
    assert {r.url.path for r in listed.asked} == {"/wiki/rest/api/content"}
    assert all(r.headers["authorization"].startswith("JWT ") for r in listed.asked)


def test_a_link_in_a_header():
    def by_header(request):
        cursor = int(request.url.params.get("cursor", 0))
        link = f'</wiki/api/v2/pages?cursor={cursor + 1}>; rel="next", <{WIKI}>; rel="base"'
        headers = {"Link": link} if cursor < 2 else {}
        return httpx.Response(200, json={"results": [cursor]}, headers=headers)

    assert List(by_header, wiki()).read(path="/api/v2/pages") == [0, 1, 2]


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/wiki/rest/api/content?start=3",
        "https://x.atlassian.net.evil.example/wiki/rest",
        "https://x.atlassian.net@evil.example/wiki/rest",
        "https://x.atlassian.net/admin",
        "http://x.atlassian.net/wiki/rest",
        "//evil.example/rest",
        "/\\evil.example",
        "rest/api/content",
        "?start=3",
        "",
        "/rest#part",
        "/rest api",
        "/rest\r\nX: y",
    ],
)
def test_a_next_page_elsewhere_is_refused(link):
    listed = List(lambda r: {"results": [1], "_links": {"next": link}}, wiki())
    with pytest.raises(NextPageRefused, match="outside"):
        listed.read()
    assert len(listed.asked) == 1


def test_a_next_page_is_an_address_like_any_other():
    with pytest.raises(LocationNotAllowed):
        List(lambda r: {"results": [1], "_links": {"next": "/rest?jwt=x"}}, wiki()).read()
    with pytest.raises(Exception, match="normal form"):
        List(lambda r: {"results": [1], "_links": {"next": "/rest/../x"}}, wiki()).read()
    with pytest.raises(ForeignOrigin):
        List(lambda r: {}).read(path="https://evil.example/x")


def test_a_list_that_goes_round_is_refused():
    link = {"next": "/rest/api/3/list"}
    with pytest.raises(NextPageRefused, match="back"):
        List(lambda r: {"results": [1], "_links": link}).read()
    with pytest.raises(NextPageRefused, match="back"):
        List(lambda r: {"issues": [1], "nextPageToken": "same"}).read()


def test_pages_as_they_are():
    listed = List(lambda request: by_number(request, "odd", **TOTAL))
    found = listed.read(pages)
    assert [page["odd"] for page in found] == [EVERY[:3], EVERY[3:6], EVERY[6:]]
    assert listed.read(member="odd") == EVERY


@pytest.mark.parametrize("told", [[1], "text", {"startAt": 0}, {"values": 5}])
def test_what_is_no_page(told):
    with pytest.raises(AnswerUnusable):
        List(lambda r: told).read()


def test_what_is_no_json():
    with pytest.raises(AnswerUnusable, match="no JSON object"):
        List(lambda r: httpx.Response(200, content=b"<html>")).read()


def test_odd_numbers_end_a_list():
    for told in ({"startAt": "0"}, {"startAt": 0, "maxResults": "x"}, {"startAt": 0}):
        assert List(lambda r, told=told: {"odd": [1], **told}).read(pages)
    assert items_of({"records": [1]}) == [1]
    assert path_below(SITE, f"{SITE}/rest") == "/rest"
    assert Give
