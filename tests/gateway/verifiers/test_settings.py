from __future__ import annotations

from typing import Any

import pytest

from headway.errors import ConfigurationError
from headway.gateway.verifiers.settings import TrustedIssuer, Verification, Verify

ISSUER = {"issuer": "https://id.example", "keys": "https://id.example/jwks", "audience": ("api",)}
CONNECT, JWKS = Verification.CONNECT, Verification.JWKS


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"issuer": ""}, "needs a name"),
        ({"audience": ()}, "at least one audience"),
        ({"audience": ("",)}, "at least one audience"),
        ({"keys": "file:///etc/passwd"}, "http or https"),
        ({"keys": "https://me@id.example/"}, "no user"),
        ({"keys": "http://id.example/jwks"}, "write https"),
        ({"keys": "https://id.example/jwks?a"}, "without query"),
    ],
)
def test_an_issuer_that_can_not_be_trusted(change: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        TrustedIssuer(**{**ISSUER, **change})


def test_a_key_set_on_this_machine_may_be_http() -> None:
    local = TrustedIssuer(**{**ISSUER, "keys": "http://127.0.0.1:8080/jwks"})
    assert local.audience == ("api",)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"by": CONNECT, "client_key": "site"}, "one of them"),
        ({"by": CONNECT, "client_key": "s", "store": "a", "installations": "b"}, "one of them"),
        ({"by": CONNECT, "store": "a"}, "client_key"),
        ({"store": "a"}, "no installations to ask"),
        ({"by": JWKS, "client_key": "s"}, "no installations to ask"),
        ({"by": JWKS}, "at least one"),
        ({"issuers": (TrustedIssuer(**ISSUER),)}, "goes with by"),
        ({"by": JWKS, "issuers": (TrustedIssuer(**ISSUER),) * 2}, "share a name"),
    ],
    ids=range(8),
)
def test_what_does_not_go_together(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        Verify(**fields)


def test_what_does() -> None:
    assert Verify(by=CONNECT, client_key="site", store="s.db").store == "s.db"
    other = TrustedIssuer(issuer="b", keys="https://b.example/k", audience=("api",))
    assert len(Verify(by=JWKS, issuers=(TrustedIssuer(**ISSUER), other)).issuers) == 2
