"""The outgoing path: what we make, other software accepts."""

import jwt as pyjwt
import oracle
import pytest

from headway import sign
from headway.errors import PathNotNormal
from headway.keys import RsaPrivateKey
from headway.model import Secret, TokenText, session_secret

SECRET = Secret("0123456789abcdef0123456789abcdef")
RSA = RsaPrivateKey.generate()
NOW = 1_700_000_000.9
ANY_TIME = {"verify_exp": False, "verify_aud": False, "verify_iat": False}


def claims_of(token: str, key: bytes = SECRET.reveal(), algorithm: str = "HS256") -> object:
    return pyjwt.decode(str(token), key, [algorithm], options=ANY_TIME)


def test_request_token() -> None:
    token = sign.request_token(
        SECRET,
        issuer="my-app",
        method="GET",
        raw_path="/base/panel",
        raw_query="b=2&a=1",
        base_path="/base",
        now=NOW,
        life=60,
        audience=["site"],
        subject="u1",
        context={"x": 1},
    )
    assert claims_of(token) == {
        "iss": "my-app",
        "iat": 1_700_000_000,
        "exp": 1_700_000_060,
        "qsh": oracle.qsh("GET", "/base/panel", "b=2&a=1", "/base"),
        "sub": "u1",
        "context": {"x": 1},
        "aud": ["site"],
    }
    assert pyjwt.get_unverified_header(str(token)) == {"typ": "JWT", "alg": "HS256"}


def test_a_request_token_leaves_out_what_is_not_said() -> None:
    token = sign.request_token(SECRET, issuer="x", method="GET", raw_path="/", now=NOW)
    assert set(claims_of(token)) == {"iss", "iat", "exp", "qsh"}


def test_no_token_for_a_request_without_one_hash() -> None:
    with pytest.raises(PathNotNormal):
        sign.request_token(SECRET, issuer="x", method="GET", raw_path="//", now=NOW)


def test_lifecycle_token() -> None:
    token = sign.lifecycle_token(
        RSA,
        key_id="k1",
        issuer="site",
        audience="https://app.example",
        raw_path="/installed",
        now=NOW,
    )
    assert claims_of(token, RSA.public_pem(), "RS256") == {
        "iss": "site",
        "iat": 1_700_000_000,
        "exp": 1_700_000_180,
        "qsh": oracle.qsh("POST", "/installed", "", ""),
        "aud": ["https://app.example"],
    }
    assert pyjwt.get_unverified_header(str(token))["kid"] == "k1"


def test_context_token() -> None:
    token = sign.context_token(SECRET, issuer="site", subject=None, context={"a": "b"}, now=NOW)
    assert claims_of(token) == {
        "iss": "site",
        "iat": 1_700_000_000,
        "exp": 1_700_000_900,
        "qsh": "context-qsh",
        "context": {"a": "b"},
    }


def test_session_token_has_its_own_key_type_and_no_qsh() -> None:
    token = sign.session_token(SECRET, app_key="my-app", client_key="site", subject="u1", now=NOW)
    key = session_secret(SECRET, "my-app").reveal()
    assert claims_of(token, key) == {
        "iss": "my-app",
        "iat": 1_700_000_000,
        "exp": 1_700_000_900,
        "sub": "u1",
        "aud": ["site"],
    }
    with pytest.raises(pyjwt.InvalidSignatureError):
        claims_of(token)


def test_assertion_token() -> None:
    token = sign.assertion_token(
        SECRET,
        client_id="c",
        account_id="u",
        base_url="https://x.example",
        audience="https://auth.example",
        now=NOW,
    )
    assert claims_of(token) == {
        "iss": "urn:atlassian:connect:clientid:c",
        "iat": 1_700_000_000,
        "exp": 1_700_000_060,
        "sub": "urn:atlassian:connect:useraccountid:u",
        "tnt": "https://x.example",
        "aud": "https://auth.example",
    }


def test_tokens_do_not_show_themselves() -> None:
    token = sign.request_token(SECRET, issuer="x", method="GET", raw_path="/", now=NOW)
    assert isinstance(token, TokenText)
    assert repr(token) == "<token>"
