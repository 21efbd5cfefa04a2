from __future__ import annotations

import logging

import pytest
import requests

from app.sites import NOW, claims, installation, server, wiki
from headway.app.requests_auth import RequestsAuth, sign_session
from headway.errors import ForeignOrigin, LocationNotAllowed, MalformedRequest
from headway.qsh import query_string_hash


def prepared(method="GET", url="https://x.atlassian.net/rest/api/3/myself", site=None, **more):
    auth = RequestsAuth(site or installation(), clock=lambda: NOW)
    return requests.Request(method, url, auth=auth, **more).prepare()


def test_what_is_signed_is_what_is_sent():
    usual = "/rest/api/3/myself"
    for request, path, query in (
        (
            prepared(params={"jql": "a = b", "x": ["2", "10"]}),
            "/rest/api/3/myself",
            "jql=a+%3D+b&x=2&x=10",
        ),
        (prepared("POST", json={"a": 1}), usual, ""),
        (prepared(url="https://X.atlassian.net:443/rest?a"), "/rest", "a"),
        (prepared(url="https://x.atlassian.net/wiki/rest", site=wiki()), "/rest", ""),
    ):
        told = claims(request)
        assert told.qsh == query_string_hash(request.method, path, query)
        assert (told.iss, told.iat) == ("my-app", NOW)
        assert "eyJ" not in request.url
    assert repr(RequestsAuth(installation())) == "<signs for https://x.atlassian.net>"


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/rest",
        "http://x.atlassian.net/rest",
        "https://x.atlassian.net:8443/rest",
        "https://user@x.atlassian.net/rest",
        "ftp://x.atlassian.net/rest",
    ],
)
def test_nothing_is_signed_for_another_origin(url):
    with pytest.raises(ForeignOrigin):
        prepared(url=url)


def test_what_is_refused():
    with pytest.raises(LocationNotAllowed):
        prepared(params={"jwt": "eyJ.eyJ.sig"})
    with pytest.raises(MalformedRequest):
        prepared(url="https://x.atlassian.net/rest//x")
    with pytest.raises(ValueError, match="body"):
        prepared(data=b"{}")
    with pytest.raises(ValueError, match="body"):
        prepared(data=iter([b"{}"]))


def test_redirects_are_signed_anew_at_home_and_bare_elsewhere(caplog, monkeypatch):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with server() as site, server() as media:
        site.page("/a", 302, b"", Location="/b?x=1")
        site.page("/b?x=1", 302, b"", Location=f"{media.address}/file")
        media.page("/file", 302, b"", Location=f"{site.address}/c")
        site.page("/c", 200, b"{}")
        session = sign_session(requests.Session(), installation(site.address))
        assert session.get(f"{site.address}/a").json() == {}
        session.close()
        first, second, third = (headers["authorization"] for _, headers in site.asked)
        assert len({first, second, third}) == 3
        assert all(token.startswith("JWT ") for token in (first, second, third))
        assert "authorization" not in media.asked[0][1]
    assert "eyJ" not in caplog.text
