from __future__ import annotations

import asyncio
import pickle

import httpx
import pytest

from app.invoking import APP_ID, CLOUD, INSTALLED
from headway.app.caller import HostCalls
from headway.app.client import HostError
from headway.app.forge import Invocation
from headway.app.forge_calls import ForgeClient, Invoked, SyncForgeClient, SyncInvoked
from headway.app.forge_tokens import AccessTokenMissing, Acting, ForgeTokens
from headway.errors import ForeignOrigin, LocationNotAllowed, MalformedRequest
from headway.model import Product, TokenText

API = "https://api.atlassian.com"
BASES = {
    Product.JIRA: f"{API}/ex/jira/{CLOUD}",
    Product.CONFLUENCE: f"{API}/ex/confluence/{CLOUD}",
}
SYSTEM, USER = "system-access-token", "user-access-token"


class Far:
    """What stands behind the API address: it notes what it was asked."""

    def __init__(self):
        self.asked = []
        self.answers = []

    def __call__(self, request):
        self.asked.append(request)
        if self.answers:
            return self.answers.pop(0)
        return httpx.Response(200, json={"accountId": "ada"})

    @property
    def said(self):
        return [(str(each.url), each.headers.get("authorization")) for each in self.asked]


@pytest.fixture
def far():
    return Far()


@pytest.fixture
def tokens():
    return ForgeTokens({Acting.SYSTEM: TokenText(SYSTEM), Acting.USER: TokenText(USER)})


@pytest.fixture
def make(far, tokens):
    def make(kind=SyncInvoked, **changes):
        told = {
            "app_id": APP_ID,
            "installation_id": INSTALLED,
            "cloud_id": CLOUD,
            "product": Product.JIRA,
            "api_base_urls": BASES,
            "module_key": "panel",
            **changes,
        }
        calls = HostCalls(transport=httpx.MockTransport(far))
        return kind.of(Invocation(**told), tokens, calls)

    return make


@pytest.fixture(params=[SyncInvoked, Invoked], ids=["sync", "async"])
def get(request, make):
    """GET *path* as somebody, in both ways."""

    def get(path, acting="system", product=None, **changes):
        client = make(request.param, **changes).client(acting, product)
        answer = client.get(path)
        return asyncio.run(answer) if request.param is Invoked else answer

    return get


def test_an_invocation_keeps_what_it_says(make):
    for kind in (Invoked, SyncInvoked):
        told = make(kind)
        assert (told.module_key, told.api_base_url) == ("panel", BASES[Product.JIRA])
        assert repr(told) == f"<invocation of {APP_ID} for {INSTALLED}>"
    assert isinstance(make(Invoked).client(), ForgeClient)
    assert isinstance(make(SyncInvoked).client(), SyncForgeClient)


def test_a_call_goes_below_the_api_address_with_the_token_of_who_acts(get, far):
    assert get("/rest/api/3/myself?a=b").json() == {"accountId": "ada"}
    get("/rest/api/3/myself", "user")
    assert far.said == [
        (f"{BASES[Product.JIRA]}/rest/api/3/myself?a=b", f"Bearer {SYSTEM}"),
        (f"{BASES[Product.JIRA]}/rest/api/3/myself", f"Bearer {USER}"),
    ]


def test_paths_are_those_of_connect_for_confluence_too(get, far):
    get("/rest/api/user/current", product="confluence")
    get("/rest/api/user/current", product=Product.CONFLUENCE)
    assert {url for url, _ in far.said} == {
        f"{BASES[Product.CONFLUENCE]}/wiki/rest/api/user/current"
    }


def test_pages_of_confluence_follow_its_own_links(make, far):
    for following in ("/wiki/api/v2/pages?cursor=2", "/api/v2/pages?cursor=2"):
        far.answers = [
            httpx.Response(200, json={"results": [1], "_links": {"next": following}}),
            httpx.Response(200, json={"results": [2], "_links": {}}),
        ]
        far.asked.clear()
        client = make().client(product="confluence")
        assert list(client.items("/wiki/api/v2/pages")) == [1, 2]
        base = f"{BASES[Product.CONFLUENCE]}/wiki/api/v2/pages"
        assert [url for url, _ in far.said] == [base, f"{base}?cursor=2"]


def test_a_product_without_an_address_is_not_called(make):
    alone = make(api_base_urls={Product.JIRA: BASES[Product.JIRA]})
    with pytest.raises(AccessTokenMissing, match="confluence"):
        alone.client(product="confluence")
    with pytest.raises(ValueError, match="bitbucket"):
        alone.client(product="bitbucket")
    with pytest.raises(ValueError, match="admin"):
        alone.client("admin")


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("//evil.example/x", MalformedRequest),
        ("https://evil.example/x", ForeignOrigin),
        ("/../other-site/rest", MalformedRequest),
        ("/%2e%2e/other-site/rest", MalformedRequest),
        ("/rest?jwt=eyJ", LocationNotAllowed),
    ],
)
def test_a_token_leaves_for_nothing_else(get, far, path, error):
    with pytest.raises(error):
        get(path)
    assert far.asked == []


def test_an_error_is_typed_and_holds_no_token(get, far):
    far.answers = [httpx.Response(403, json={"errorMessages": ["No."]})]
    with pytest.raises(HostError) as caught:
        get("/rest/api/3/issue/A-1", "user")
    assert caught.value.status == 403
    assert USER not in f"{caught.value!r} {vars(caught.value)}"


def test_a_401_asks_for_no_other_token(get, far):
    far.answers = [httpx.Response(401)]
    with pytest.raises(HostError):
        get("/rest/api/3/myself", "user")
    assert len(far.asked) == 1


def test_a_redirect_is_not_followed_with_the_token(get, far):
    far.answers = [httpx.Response(302, headers={"location": "https://evil.example/"})]
    assert get("/rest/api/3/myself").status_code == 302
    assert len(far.asked) == 1


def test_a_client_that_outlives_its_request_calls_nobody(make, tokens, far):
    held = make().client("user")
    tokens.drop()
    with pytest.raises(AccessTokenMissing, match="over"):
        held.get("/rest/api/3/myself")
    with pytest.raises(AccessTokenMissing):
        make().client("user")
    assert far.asked == []


def test_a_token_acts_as_whom_it_was_made_for(make):
    for kind in (Invoked, SyncInvoked):
        with pytest.raises(AccessTokenMissing, match="made for"):
            make(kind).client().as_user("eve")


def test_nothing_shows_a_token(make):
    told = make()
    shown = f"{told!r} {told.client()!r} {told.client('user')!r} {told.tokens!r}"
    assert "signs as user" in shown
    assert SYSTEM not in shown
    assert USER not in shown
    with pytest.raises(TypeError):
        pickle.dumps(told.tokens)
