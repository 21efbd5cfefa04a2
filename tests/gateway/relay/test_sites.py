from __future__ import annotations

import pytest

from headway.errors import ConfigurationError
from headway.gateway.relay.sites import Site, authority, read_site


@pytest.mark.parametrize(
    ("url", "site", "shown"),
    [
        ("https://Site.example/", Site("https", "site.example", 443), "https://site.example"),
        ("https://a_b.example:8443", Site("https", "a_b.example", 8443), None),
        ("https://a.example:443", Site("https", "a.example", 443), "https://a.example"),
        ("https://10.0.0.1", Site("https", "10.0.0.1", 443), None),
        ("https://[::1]:8443", Site("https", "::1", 8443), None),
        ("http://127.0.0.1:2990", Site("http", "127.0.0.1", 2990), None),
        ("http://localhost", Site("http", "localhost", 80), None),
        ("http://jira.localhost", Site("http", "jira.localhost", 80), None),
    ],
)
def test_a_site_is_scheme_name_and_port(url: str, site: Site, shown: str | None) -> None:
    assert read_site(url) == site
    assert str(site) == (shown or url)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("site.example", "is no site"),
        ("https://site.example/jira", "no path"),
        ("https://site.example?a", "is no site"),
        ("https://ann@site.example", "is no site"),
        ("https://*.example", "is no site"),
        ("https://site.example:0", "is no site"),
        ("https://site.example:65536", "is no site"),
        ("ftp://site.example", "is no site"),
        ("https://", "is no site"),
        ("https://b\u00fccher.example", "is no site"),
        ("https://site.example.", "no name of a host"),
        ("https://a..example", "no name of a host"),
        ("https://-a.example", "no name of a host"),
        ("https://[a.example]", "is no site"),
        ("http://site.example", "on this machine only"),
        ("http://10.0.0.1", "on this machine only"),
        ("http://localhost.evil.example", "on this machine only"),
    ],
)
def test_what_is_no_site(url: str, words: str) -> None:
    """T17: nothing that could be more than one name, and nothing in plain over a wire."""
    with pytest.raises(ConfigurationError, match=words):
        read_site(url)


def test_an_authority_has_no_user() -> None:
    assert authority("Site.example") == ("site.example", None)
    assert authority("site.example:0443") == ("site.example", 443)
    for text in ("", "a@b", "a:b@c:1", "a:", "[1.2.3]", "a b", "a/b", "a\\b", "a%2eb"):
        assert authority(text) is None
