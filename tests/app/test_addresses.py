from __future__ import annotations

import pytest

from headway.app.addresses import (
    HOST_SUFFIXES,
    address_of,
    framers,
    host_suffixes,
    is_loopback,
    own_address,
    shell_framers,
    site_address,
    source_address,
)
from headway.errors import BaseUrlRefused, ConfigurationError
from headway.model import Installation, Product, Secret


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "::1"])
def test_this_machine(host):
    assert is_loopback(host)


@pytest.mark.parametrize("host", [None, "", "0.0.0.0", "10.0.0.1", "localhost.", "127.1", "::ffff"])
def test_not_this_machine(host):
    assert not is_loopback(host)


@pytest.mark.parametrize(
    "url",
    [
        "x.example",
        "javascript:alert(1)",
        "https://x.example/a/../b",
        "https://x.example//",
        "https://x.example/?",
        "https://x.example/#",
        "https://x.example/\\y",
        "https://user@x.example",
        "https://x.example\r\nX: y",
        "https://x.example; script-src *",
        "https://*.example",
        "https://x.example:99999",
        "https://" + "x" * 200 + ".example",
    ],
)
def test_what_is_no_address(url):
    with pytest.raises(ConfigurationError):
        own_address(url, development=False)
    with pytest.raises(BaseUrlRefused):
        site_address(url, suffixes=HOST_SUFFIXES, development=False)


def test_an_address_has_one_spelling():
    assert address_of("https://X.example:443/base/") == "https://x.example/base"
    assert address_of("http://[::1]:3000") == "http://[::1]:3000"


def test_an_app_is_https_or_in_development_on_this_machine():
    assert own_address("https://a.example/", development=False) == "https://a.example"
    assert own_address("http://127.0.0.1:3000", development=True) == "http://127.0.0.1:3000"
    with pytest.raises(ConfigurationError, match="https"):
        own_address("http://a.example", development=False)
    with pytest.raises(ConfigurationError, match="localhost"):
        own_address("https://a.example", development=True)


@pytest.mark.parametrize("url", ["https://a.atlassian.net", "https://b.jira.com/wiki"])
def test_a_site_of_the_cloud(url):
    assert site_address(url, suffixes=HOST_SUFFIXES, development=False) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://a.atlassian.net",
        "https://aatlassian.net",
        "https://atlassian.net",
        "https://.atlassian.net",
        "https://a..atlassian.net",
        "https://a.atlassian.net.",
        "https://a.atlassian.net.evil.example",
        "https://a.atlassian.net:444",
        "http://localhost:2990",
    ],
)
def test_no_site_of_the_cloud(url):
    with pytest.raises(BaseUrlRefused):
        site_address(url, suffixes=HOST_SUFFIXES, development=False)


def test_a_local_site_is_for_development():
    url = "http://localhost:2990"
    assert site_address(url, suffixes=(), development=True) == url
    with pytest.raises(BaseUrlRefused):
        site_address("http://10.0.0.1", suffixes=(), development=True)


def test_only_parsed_origins_may_frame():
    site = Installation(
        app_key="a",
        client_key="c",
        base_url="https://x.atlassian.net/wiki",
        product=Product.CONFLUENCE,
        shared_secret=Secret("0123456789abcdef"),
        display_url="https://docs.example/x?y",
    )
    own = "https://app.example/base"
    expected = ["https://x.atlassian.net", "https://docs.example", "https://app.example"]
    assert framers(site, own) == expected


@pytest.mark.parametrize(
    "display", ["https://x; script-src *", "*", "https://x\r\nSet-Cookie: y", "", None, "//x"]
)
def test_a_display_url_of_rubbish_frames_nothing(display):
    site = Installation(
        app_key="a",
        client_key="c",
        base_url="https://x.atlassian.net",
        product=Product.JIRA,
        shared_secret=Secret("0123456789abcdef"),
        display_url=display,
    )
    assert framers(site, "https://a.example") == ["https://x.atlassian.net", "https://a.example"]


def test_a_shell_is_framed_by_sites_that_could_install():
    assert shell_framers(HOST_SUFFIXES, development=False) == [
        "https://*.atlassian.net",
        "https://*.jira.com",
    ]
    assert "http://localhost:*" in shell_framers((), development=True)


TABLE = {"production": "https://keys.example/jwks.json"}


def test_a_name_of_the_table_is_its_address():
    for development in (False, True):
        address = source_address("keys", TABLE, "production", development=development)
        assert address == TABLE["production"]


def test_an_address_outside_the_table_needs_development():
    with pytest.raises(ConfigurationError, match="keys: production are known"):
        source_address("keys", TABLE, "http://127.0.0.1:9", development=False)
    assert source_address("keys", TABLE, "http://127.0.0.1:9/x/", development=True).endswith("9/x")


@pytest.mark.parametrize("name", ["http://keys.example", "ftp://127.0.0.1", "x"])
def test_what_is_no_address_is_refused_in_development_too(name):
    with pytest.raises(ConfigurationError, match="keys:"):
        source_address("keys", TABLE, name, development=True)


@pytest.mark.parametrize(
    "hosts",
    [
        ".atlassian.net",
        ["com"],
        [""],
        ["."],
        ["*.atlassian.net"],
        [".Atlassian.net"],
        [".a; script-src *"],
        [".net."],
        [".atlassian.net", "x"],
    ],
    ids=repr,
)
def test_what_would_let_in_more_than_was_meant_is_no_suffix(hosts):
    with pytest.raises(ConfigurationError, match="hosts:"):
        host_suffixes(hosts)


def test_no_site_at_all_is_no_setting():
    assert host_suffixes([]) == ()
    with pytest.raises(ConfigurationError, match="is empty"):
        host_suffixes([], some=True)
