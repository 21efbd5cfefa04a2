from __future__ import annotations

import pickle

import pytest

from headway.app.forge_tokens import (
    TOKEN_BYTES_MAX,
    TOKEN_HEADERS,
    AccessTokenMissing,
    Acting,
    BearerSigner,
    ForgeTokens,
)
from headway.errors import (
    ForeignOrigin,
    LocationNotAllowed,
    MalformedRequest,
)
from headway.model import TokenText
from headway.refusals import AccessTokenMalformed

SYSTEM, USER = "eyJ.system-token.x", "opaque+user/token=="
ORIGIN = "https://api.atlassian.com"
BASE = "/ex/jira/11111111-2222-3333-4444-555555555555"


def read(**headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return ForgeTokens.read(lambda name: named.get(name, ""))


@pytest.fixture
def tokens():
    return read(x_forge_oauth_system=SYSTEM, x_forge_oauth_user=USER)


def signer(tokens, acting=Acting.SYSTEM):
    return BearerSigner(ORIGIN + BASE, tokens, acting)


def header(signer, path=f"{BASE}/rest/api/3/myself", origin=ORIGIN, method="GET"):
    return signer.header(method, origin, path, has_body=False)


def test_tokens_are_read_from_their_headers(tokens):
    assert tokens.get(Acting.SYSTEM) == SYSTEM
    assert tokens.get(Acting.USER) == USER
    assert Acting.USER in tokens
    assert set(TOKEN_HEADERS.values()) == {"x-forge-oauth-system", "x-forge-oauth-user"}


def test_what_did_not_come_is_missing_and_says_which_setting_asks_for_it():
    tokens = read()
    assert Acting.USER not in tokens
    with pytest.raises(AccessTokenMissing, match=r"auth\.appUserToken"):
        tokens.get(Acting.USER)
    with pytest.raises(AccessTokenMissing, match=r"auth\.appSystemToken"):
        signer(tokens)


@pytest.mark.parametrize(
    "text",
    ["one, two", "a b", "a\r\nb", "ä", "=", "a=b", "x" * (TOKEN_BYTES_MAX + 1)],
    ids=["twice", "space", "crlf", "umlaut", "padding", "inside", "long"],
)
def test_what_is_not_one_token_is_refused(text):
    with pytest.raises(AccessTokenMalformed) as caught:
        read(x_forge_oauth_user=text)
    assert caught.value.status == 400
    assert text not in str(caught.value)


def test_tokens_show_themselves_nowhere(tokens):
    shown = f"{tokens!r} {tokens} {signer(tokens)!r}"
    assert "system" in shown
    assert SYSTEM not in shown
    assert USER not in shown
    with pytest.raises(TypeError):
        pickle.dumps(tokens)


def test_a_dropped_token_signs_nothing_any_more(tokens):
    held = signer(tokens)
    assert header(held) == f"Bearer {SYSTEM}"
    tokens.drop()
    with pytest.raises(AccessTokenMissing, match="over"):
        header(held)
    assert repr(tokens) == "<Forge tokens: none>"


def test_each_acts_with_its_own_token(tokens):
    assert header(signer(tokens, Acting.USER)) == f"Bearer {USER}"


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://api.atlassian.com",
        "https://api.atlassian.com:8443",
        "https://api.atlassian.com.evil.example",
    ],
)
def test_a_token_leaves_for_no_other_origin(tokens, origin):
    with pytest.raises(ForeignOrigin):
        header(signer(tokens), origin=origin)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        BASE,
        "/ex/jira/99999999-2222-3333-4444-555555555555/rest",
        f"{BASE}6/rest",
        "/graphql",
    ],
)
def test_a_token_leaves_for_no_other_site(tokens, path):
    with pytest.raises(ForeignOrigin):
        header(signer(tokens), path=path)


@pytest.mark.parametrize("path", [f"{BASE}/../other/rest", f"{BASE}/%2e%2e/other", f"{BASE}//rest"])
def test_a_path_with_two_readings_does_not_leave(tokens, path):
    with pytest.raises(MalformedRequest):
        header(signer(tokens), path=path)


def test_no_token_stands_in_the_address(tokens):
    with pytest.raises(LocationNotAllowed):
        header(signer(tokens), path=f"{BASE}/rest?jwt=eyJ")


def test_the_default_is_nothing():
    assert Acting.SYSTEM not in ForgeTokens()
    assert ForgeTokens({Acting.SYSTEM: TokenText("eyJ")}).get(Acting.SYSTEM) == "eyJ"
