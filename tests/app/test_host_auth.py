from __future__ import annotations

import httpx
import pytest

from app.sites import NOW, claims, installation, wiki
from headway.app.host_auth import HostAuth, Signer, origin_and_target
from headway.errors import ForeignOrigin, LocationNotAllowed, PathNotNormal, PathOutsideBase
from headway.qsh import query_string_hash


def send(request, site=None, sent=None, **options):
    sent = [] if sent is None else sent
    transport = httpx.MockTransport(lambda r: sent.append(r) or httpx.Response(200))
    auth = HostAuth(site or installation(), clock=lambda: NOW)
    with httpx.Client(auth=auth, transport=transport) as http:
        http.request(*request, **options)
    return sent


def test_a_sync_client_signs_with_the_same_flow():
    (request,) = send(("GET", "https://x.atlassian.net/rest/api/3/myself"))
    assert claims(request).qsh == query_string_hash("GET", "/rest/api/3/myself")
    assert repr(HostAuth(installation())) == "<signs for https://x.atlassian.net>"


def test_the_hash_leaves_out_the_products_own_path():
    (request,) = send(("GET", "https://x.atlassian.net/wiki/rest/api/content?limit=1"), wiki())
    assert claims(request).qsh == query_string_hash("GET", "/rest/api/content", "limit=1")


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/rest",
        "http://x.atlassian.net/rest",
        "https://x.atlassian.net:8443/rest",
        "https://x.atlassian.net.evil.example/rest",
        "https://x.atlassian.net./rest",
        "https://user@x.atlassian.net/rest",
        "ftp://x.atlassian.net/rest",
    ],
)
def test_nothing_is_sent_to_another_origin(url):
    sent = []
    with pytest.raises(ForeignOrigin):
        send(("GET", url), sent=sent)
    assert sent == []


def test_a_path_is_below_the_base():
    auth = HostAuth(wiki())
    with pytest.raises(PathOutsideBase):
        next(auth.auth_flow(httpx.Request("GET", "https://x.atlassian.net/admin")))
    with pytest.raises(PathNotNormal):
        next(auth.auth_flow(httpx.Request("GET", "https://x.atlassian.net/wiki//admin")))


@pytest.mark.parametrize("query", ["jwt=eyJ.eyJ.sig", "a=1&jwt=", "%6Awt=x"])
def test_a_token_in_the_address_is_refused(query):
    sent = []
    with pytest.raises(LocationNotAllowed):
        send(("GET", f"https://x.atlassian.net/rest?{query}"), sent=sent)
    assert sent == []


def test_a_get_has_no_body():
    sent = []
    url = "https://x.atlassian.net/rest"
    with pytest.raises(ValueError, match="body"):
        send(("GET", url), sent=sent, content=b"{}")
    with pytest.raises(ValueError, match="body"):
        send(("GET", url), sent=sent, content=iter([b"{}"]))
    assert sent == []
    assert send(("DELETE", url), content=b"{}")


def test_an_httpx_client_that_follows_redirects_drops_the_token():
    sent = []

    def handle(request):
        sent.append(request)
        if request.url.host == "x.atlassian.net":
            return httpx.Response(302, headers={"Location": "https://evil.example/"})
        return httpx.Response(200)

    transport = httpx.MockTransport(handle)
    with httpx.Client(transport=transport, follow_redirects=True) as http:
        http.get("https://x.atlassian.net/rest", auth=HostAuth(installation()))
    assert "authorization" not in sent[1].headers


def test_a_signer_needs_no_http_library():
    signer = Signer(installation(), lambda: NOW)
    header = signer.header("PUT", "https://x.atlassian.net", "/rest?a=b", has_body=True)
    assert header.startswith("JWT eyJ")
    assert origin_and_target(httpx.URL("http://[::1]:80/a")) == ("http://[::1]", "/a")
