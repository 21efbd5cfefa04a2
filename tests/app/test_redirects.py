from __future__ import annotations

import asyncio
import socket
import ssl
import threading

import httpcore
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sites import SITE
from headway.app import redirects
from headway.app.asks import Opened
from headway.app.failures import DownloadFailed
from headway.app.redirects import (
    MEDIA_HOSTS,
    Address,
    AddressRefused,
    GuardedBackend,
    SyncGuardedBackend,
    is_public,
    media_hosts,
    next_hop,
)
from headway.errors import ConfigurationError

AT = Address(httpx.URL(f"{SITE}/rest/api/3/attachment/content/7"))
MEDIA = (*MEDIA_HOSTS, ".atlassian.net")


def hop(*locations, media=MEDIA, development=False):
    headers = [("Location", each.encode()) for each in locations]
    answer = Opened(httpx.Response(303, headers=headers), None)
    return next_hop(AT, answer, site=SITE, media=media, development=development).url


# ---- as it is written -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("https://api.media.atlassian.com/file?sig=1", None),
        ("https://API.Media.Atlassian.com/f", "https://api.media.atlassian.com/f"),
        ("https://api.media.atlassian.com:443/f", "https://api.media.atlassian.com/f"),
        ("https://files.atlassian.net/f#part", "https://files.atlassian.net/f"),
        ("/secure/attachment/7/a.txt", f"{SITE}/secure/attachment/7/a.txt"),
        ("a.txt?x=1", f"{SITE}/rest/api/3/attachment/content/a.txt?x=1"),
    ],
)
def test_where_a_download_may_go(location, url):
    assert str(hop(location)) == (url or location)


@pytest.mark.parametrize(
    "location",
    [
        "https://evilatlassian.net/f",  # a suffix begins with its dot
        "https://api.media.atlassian.com.evil.example/f",
        "https://evil.example/?https://api.media.atlassian.com/f",
        "https://evil.example/#.atlassian.net",
        "https://.atlassian.net/f",
        "https://api.media.atlassian.com./f",  # a trailing dot is another name
        "https://x.atlassian.net./f",
        "https://api.media.atlassian.com:8443/f",
        "https://user@api.media.atlassian.com/f",
        "https://user:pass@api.media.atlassian.com/f",
        "https://api.media.atlassian.com@evil.example/f",
        "https:\\\\api.media.atlassian.com/f",
        "https://api.media.atlassian.com\\@evil.example/f",
        "/\\evil.example/f",
        "\\\\evil.example/f",
        "http://api.media.atlassian.com/f",
        "http://169.254.169.254/latest/meta-data",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/f",
        "https://[::ffff:169.254.169.254]/f",
        "https://2852039166/f",
        "https://0x7f.1/f",
        "https://localhost/f",
        "http://127.0.0.1:2991/f",
        "ftp://api.media.atlassian.com/f",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "//evil.example/f",
        "https://api.media.atlassian.com:x/f",
        "https://api.media.atlassian.com/a b",
        "https://api.media.atl\u0430ssian.com/f",
        "https://api.media.atlassian.com/\r\nX: y",
        "",
    ],
)
def test_where_it_may_not_go_t14(location):
    with pytest.raises(DownloadFailed, match="does not go") as caught:
        hop(location)
    assert caught.value.__cause__ is None
    if location:
        assert location not in str(caught.value)


PARTS = st.sampled_from(
    [
        *("https", "http", ":", "/", "//", "\\", "@", "#", "?", ".", "%2e", "%2f", ":443", ":80"),
        *("api.media.atlassian.com", "evil.example", "x.atlassian.net", "169.254.169.254", "[::1]"),
        *(
            "evilatlassian.net",
            " ",
            "\t",
            "\n",
            "user:pass",
            "a",
            "[",
            "]",
            "\u3002",
            "\xad",
            "xn--",
        ),
    ]
)


@given(st.lists(PARTS, max_size=9).map("".join))
def test_whatever_a_location_says_it_leads_to_hosts_that_are_known_t14(location):
    try:
        found = hop(location, media=MEDIA_HOSTS)
    except DownloadFailed:
        return
    assert (found.scheme, found.port, found.userinfo) == ("https", None, b"")
    assert found.host in ("api.media.atlassian.com", "x.atlassian.net")


def test_two_addresses_or_none_are_not_followed():
    for locations in ((), ("https://api.media.atlassian.com/a",) * 2):
        with pytest.raises(DownloadFailed):
            hop(*locations)


def test_this_machine_in_development_only():
    for location in ("http://127.0.0.1:2991/f", "http://localhost:2991/f", "https://[::1]/f"):
        assert str(hop(location, development=True)) == location
        with pytest.raises(DownloadFailed):
            hop(location)
    for location in ("http://10.0.0.1/f", "http://localhost.evil.example/f", "http://u@127.0.0.1/"):
        with pytest.raises(DownloadFailed):
            hop(location, development=True)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "com",
        ".com",
        "*.x.example",
        "https://x.example",
        "x.example/",
        "X.example",
        "10.0.0.1",
        "x..example",
        "bücher.example",
        "x.example:443",
    ],
)
def test_names_of_media_hosts_that_can_not_be(name):
    with pytest.raises(ConfigurationError, match="media_hosts"):
        media_hosts([name])


# ---- what it resolves to --------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1"),
        *("169.254.169.254", "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1"),
        *("255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1"),
        *("ff02::1", "2001:db8::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254"),
        *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2001:0:4136:e378::1"),
        *("::ffff:10.0.0.1", "no address", ""),
    ],
)
def test_addresses_that_are_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::"],
)
def test_addresses_that_are(address):
    assert is_public(address)


def test_loopback_counts_in_development():
    assert is_public("127.0.0.1", development=True)
    assert is_public("::1", development=True)
    assert not is_public("10.0.0.1", development=True)
    assert not is_public("169.254.169.254", development=True)


def connect(resolve, *, sync, development=False, port=443, timeout=2.0):
    if sync:
        backend = SyncGuardedBackend(development=development, resolve=resolve)
        backend.connect_tcp("media.example", port, timeout).close()
        return

    async def ask():
        backend = GuardedBackend(development=development, resolve=resolve)
        await backend.sleep(0)
        stream = await backend.connect_tcp("media.example", port, timeout)
        await stream.aclose()

    asyncio.run(ask())


BOTH = pytest.mark.parametrize("sync", [True, False], ids=["threads", "loop"])


@BOTH
@pytest.mark.parametrize(
    "addresses",
    [["169.254.169.254"], ["::1"], ["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["fe80::1%lo"], []],
)
def test_a_name_that_leads_inside_is_not_connected_to_t14(sync, addresses):
    with pytest.raises(AddressRefused, match="public"):
        connect(lambda *_: addresses, sync=sync)


@BOTH
def test_a_name_that_rebinds_gains_nothing_t14(sync):
    """What was judged is what is connected to: the resolver is not asked a second time."""
    asked, connected = [], []

    def rebinding(host, port):
        asked.append((host, port))
        return ["169.254.169.254"] if len(asked) > 1 else ["8.8.8.8", "2606:4700::1111"]

    def connect(address, *_):
        connected.append(address)
        raise httpcore.ConnectError("nobody is there")

    async def connect_in_loop(address, *_):
        connect(address)

    if sync:
        backend = SyncGuardedBackend(resolve=rebinding)
        backend._connect = connect
        with pytest.raises(httpcore.ConnectError, match="nobody"):
            backend.connect_tcp("media.example", 443)
    else:
        backend = GuardedBackend(resolve=rebinding)
        backend._connect = connect_in_loop
        with pytest.raises(httpcore.ConnectError, match="nobody"):
            asyncio.run(backend.connect_tcp("media.example", 443))
    assert asked == [("media.example", 443)]
    assert connected == ["8.8.8.8", "2606:4700::1111"]


@pytest.fixture
def listening():
    server = socket.create_server(("127.0.0.1", 0))
    yield server.getsockname()[1]
    server.close()


@BOTH
def test_each_address_is_tried(sync, listening):
    connect(lambda *_: ["127.0.0.2", "127.0.0.1"], sync=sync, development=True, port=listening)


@BOTH
def test_a_name_that_does_not_resolve(sync):
    def nothing(host, port):
        raise OSError("no such name")

    with pytest.raises(httpcore.ConnectError, match="does not resolve"):
        connect(nothing, sync=sync)


def test_a_resolver_that_is_silent_is_not_waited_for():
    done = threading.Event()
    with pytest.raises(httpcore.ConnectTimeout):
        connect(lambda *_: done.wait(1) and [], sync=False, timeout=0.05)
    done.set()


def test_the_machines_own_resolver():
    assert "127.0.0.1" in redirects._resolved("127.0.0.1", 80)
    with pytest.raises(AddressRefused):
        asyncio.run(GuardedBackend().connect_tcp("localhost", 80))


@BOTH
def test_tls_names_the_host_and_not_the_address(sync, monkeypatch, listening):
    """The pool still asks for the name: in SNI, in the certificate, in Host."""
    named = []
    context = ssl.create_default_context()

    def wrap(*_, server_hostname=None, **__):
        named.append(getattr(server_hostname, "decode", lambda: server_hostname)())
        raise ssl.SSLError("far enough")

    monkeypatch.setattr(context, "wrap_socket", wrap)
    monkeypatch.setattr(context, "wrap_bio", wrap)
    resolve = lambda *_: ["127.0.0.1"]  # noqa: E731
    url = f"https://media.example:{listening}/f"
    if sync:
        backend = SyncGuardedBackend(development=True, resolve=resolve)
        with (
            httpcore.ConnectionPool(ssl_context=context, network_backend=backend) as pool,
            pytest.raises((ssl.SSLError, httpcore.ConnectError)),
        ):
            pool.request("GET", url)
    else:

        async def ask():
            backend = GuardedBackend(development=True, resolve=resolve)
            async with httpcore.AsyncConnectionPool(
                ssl_context=context, network_backend=backend
            ) as pool:
                await pool.request("GET", url)

        with pytest.raises((ssl.SSLError, httpcore.ConnectError)):
            asyncio.run(ask())
    assert named == ["media.example"]
