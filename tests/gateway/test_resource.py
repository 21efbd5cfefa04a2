from __future__ import annotations

import pytest

from headway.errors import ConfigurationError
from headway.gateway.resource import ProtectedResource


@pytest.mark.parametrize(
    ("address", "metadata"),
    [
        ("https://api.example", "https://api.example/.well-known/oauth-protected-resource"),
        ("https://api.example/", "https://api.example/.well-known/oauth-protected-resource"),
        ("https://h:8443/a/b", "https://h:8443/.well-known/oauth-protected-resource/a/b"),
        ("http://127.0.0.1:1/a/", "http://127.0.0.1:1/.well-known/oauth-protected-resource/a/"),
    ],
)
def test_where_the_metadata_stand(address: str, metadata: str) -> None:
    """The well-known part goes between host and path (RFC 9728 section 3.1)."""
    assert ProtectedResource(address).metadata_address == metadata


@pytest.mark.parametrize(
    "address",
    [
        "api",
        "https://me@h/",
        "https://h/?a",
        "https://h/?",
        "https://h/#a",
        "http://api.example",
        'https://h/"',
        "https://h/\\",
        "https://h/\r\nA: b",
    ],
)
def test_what_is_no_resource(address: str) -> None:
    with pytest.raises(ConfigurationError, match="resource"):
        ProtectedResource(address)


def test_what_it_covers() -> None:
    resource = ProtectedResource("https://api.example/v2/")
    assert resource.covers("/v2")
    assert resource.covers("/v2/rest")
    assert not resource.covers("/v20")
    assert ProtectedResource("https://api.example").covers("/")
