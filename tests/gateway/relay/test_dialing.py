"""To which addresses a name may lead, and what a site has to prove."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from pathlib import Path
from typing import Any

import anyio
import pytest
from relayed import answers, everything, passing, upstream

from headway.errors import ConfigurationError
from headway.gateway.relay import dialing
from headway.gateway.relay.dialing import (
    Via,
    dial,
    is_public,
    reach,
    read_via,
    upstream_tls,
)
from headway.gateway.relay.refusals import Turned
from headway.gateway.relay.sites import Site, read_site
from headway.gateway.wire import abandon

PRIVATE = [
    "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "0.0.0.0",    "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "ff02::1",
    "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "2001:0:0:0:0:0:f5ff:fffe",
]  # fmt: skip
PUBLIC = ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]


def leads_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[tuple[str, int]]:
    """Every name has *addresses*; what is connected to is written down, and refuses."""
    asked: list[tuple[str, int]] = []

    async def found(host: str, port: int, **_: Any) -> list[Any]:
        return [(2, 1, 6, "", (address, port)) for address in addresses]

    async def refuses(address: str, port: int) -> None:
        asked.append((address, port))
        raise ConnectionRefusedError

    monkeypatch.setattr(anyio, "getaddrinfo", found)
    monkeypatch.setattr(dialing, "connected", refuses)
    return asked


@pytest.mark.parametrize("address", PRIVATE)
def test_t17_a_tunnel_leads_to_no_private_address(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    asked = leads_to(monkeypatch, address)
    with pytest.raises(Turned, match="address-refused"):
        asyncio.run(reach("rebound.example", 443, is_public))
    assert asked == []


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_one_is_asked(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    asked = leads_to(monkeypatch, "10.0.0.1", address)
    with pytest.raises(Turned, match="upstream-unreachable"):
        asyncio.run(reach("a.example", 443, is_public))
    assert asked == [(address, 443)]


def test_what_is_connected_to_is_what_was_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: the name is looked up once, and the address that was found is asked."""
    asked = leads_to(monkeypatch, "8.8.8.8")
    found = anyio.getaddrinfo
    looked: list[str] = []

    async def counted(host: str, port: int, **more: Any) -> Any:
        looked.append(host)
        return await found(host, port, **more)

    monkeypatch.setattr(anyio, "getaddrinfo", counted)
    with pytest.raises(Turned):
        asyncio.run(reach("rebound.example", 443, is_public))
    assert (looked, asked) == (["rebound.example"], [("8.8.8.8", 443)])


def test_plain_http_stays_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """T17: also where ``localhost`` leads elsewhere."""
    asked = leads_to(monkeypatch, "192.0.2.1")
    with pytest.raises(Turned, match="address-refused"):
        asyncio.run(dial(Site("http", "localhost", 80), upstream_tls()))
    assert asked == []


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "224.0.0.1"])
def test_a_site_is_at_an_address(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    leads_to(monkeypatch, address)
    with pytest.raises(Turned, match="address-refused"):
        asyncio.run(dial(Site("https", "a.example", 443), upstream_tls()))


def test_a_named_site_may_be_at_a_private_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its certificate says that it is the one."""
    asked = leads_to(monkeypatch, "10.0.0.1")
    with pytest.raises(Turned, match="upstream-unreachable"):
        asyncio.run(dial(Site("https", "a.example", 443), upstream_tls()))
    assert asked == [("10.0.0.1", 443)]


def test_a_name_without_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    async def unknown(*_: Any, **__: Any) -> None:
        raise socket.gaierror

    monkeypatch.setattr(anyio, "getaddrinfo", unknown)
    with pytest.raises(Turned, match="has no address"):
        asyncio.run(reach("nobody.invalid", 443, is_public))


def test_who_does_not_answer_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    async def forever(*_: object) -> None:
        await anyio.sleep_forever()

    leads_to(monkeypatch, "8.8.8.8")
    monkeypatch.setattr(dialing, "connected", forever)
    monkeypatch.setattr(dialing, "CONNECT_SECONDS", 0.05)
    with pytest.raises(Turned, match="upstream-slow"):
        asyncio.run(reach("a.example", 443, is_public))


# ---- certificates ---------------------------------------------------------------------------


def test_a_certificate_is_checked_always(tmp_path: Path) -> None:
    tls = upstream_tls()
    assert (tls.verify_mode, tls.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert tls.minimum_version == ssl.TLSVersion.TLSv1_2
    with upstream(answers(), tmp_path) as site:
        with pytest.raises(Turned, match="upstream-certificate"):
            asyncio.run(dial(site.site, tls))
        # an authority of one's own is named; another name is still another name
        own = upstream_tls(site.authority)
        for name, good in (("localhost", True), ("127.0.0.1", False)):
            there = read_site(f"https://{name}:{site.port}")
            if good:
                asyncio.run(_closed(there, own))
                continue
            with pytest.raises(Turned, match="upstream-certificate"):
                asyncio.run(dial(there, own))


async def _closed(site: Site, tls: ssl.SSLContext) -> None:
    await abandon(await dial(site, tls))


def test_who_speaks_no_tls() -> None:
    def hangs_up(connection: Any, heard: list[bytes]) -> None:
        connection.recv(1)

    def talks(connection: Any, heard: list[bytes]) -> None:
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        everything(connection)

    for serve in (hangs_up, talks):
        with upstream(serve) as site:
            there = read_site(f"https://localhost:{site.port}")
            with pytest.raises(Turned, match="no handshake"):
                asyncio.run(dial(there, upstream_tls()))


def test_a_file_of_authorities_has_some(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    for data in (None, b"nothing"):
        if data is not None:
            file.write_bytes(data)
        with pytest.raises(ConfigurationError, match="holds no certificates"):
            upstream_tls(file)


def test_an_address_is_what_is_meant() -> None:
    assert is_public(ipaddress.ip_address("8.8.8.8"))
    assert not is_public(ipaddress.ip_address("169.254.169.254"))


# ---- by another proxy -----------------------------------------------------------------------


def test_a_proxy_to_go_by_passes_on_what_it_cannot_read(tmp_path: Path) -> None:
    with upstream(answers(), tmp_path) as site, upstream(passing(site.port)) as proxy:
        own, via = upstream_tls(site.authority), Via("127.0.0.1", proxy.port, "me:pass word")

        async def closed() -> None:
            await abandon(await dial(site.site, own, via))

        asyncio.run(closed())
        # the site proves its name, whoever passes it on
        with pytest.raises(Turned, match="upstream-certificate"):
            asyncio.run(dial(site.site, upstream_tls(), via))
    first, *lines = proxy.heard[0].decode().splitlines()
    assert first == f"CONNECT localhost:{site.port} HTTP/1.1"
    assert f"Host: localhost:{site.port}" in lines
    assert "Proxy-Authorization: Basic bWU6cGFzcyB3b3Jk" in lines


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n", "the proxy to go by said 407"),
        (b"HTTP/1.1 200 OK\r\n\r\nearly", "the proxy to go by is none"),
        (b"SSH-2.0\r\n\r\n", "the proxy to go by is none"),
        (b"HTTP/1.1 100 Wait\r\n\r\nHTTP/1.1 502 No\r\n\r\n", "the proxy to go by said 502"),
        (b"", "the proxy to go by is none"),
    ],
    ids=["refuses", "early", "ssh", "later", "ends"],
)
def test_a_proxy_to_go_by_that_does_not(said: bytes, words: str) -> None:
    with upstream(answers(said)) as proxy:
        via = Via("127.0.0.1", proxy.port)
        there = Site("https", "2001:db8::1", 443)
        with pytest.raises(Turned, match="upstream-unreachable") as caught:
            asyncio.run(dial(there, upstream_tls(), via))
    assert words in caught.value.words
    assert proxy.heard[0].startswith(b"CONNECT [2001:db8::1]:443 ")
    assert b"proxy-authorization" not in proxy.heard[0].lower()


def test_a_proxy_to_go_by_that_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialing, "CONNECT_SECONDS", 0.2)

    def silent(connection: Any, heard: list[bytes]) -> None:
        everything(connection)

    site, tls = Site("https", "a.example", 443), upstream_tls()
    with upstream(silent) as proxy, pytest.raises(Turned, match="upstream-slow"):
        asyncio.run(dial(site, tls, Via("127.0.0.1", proxy.port)))


def test_the_address_of_a_proxy_to_go_by() -> None:
    assert read_via("http://me:a%40b@Proxy.example:3128/") == Via("proxy.example", 3128, "me:a@b")
    assert "a@b" not in repr(read_via("http://me:a%40b@proxy.example:3128"))
    for wrong in ("proxy.example:1", "https://p:1", "http://p", "http://@p:1", "http://p:1/x", ""):
        with pytest.raises(ConfigurationError, match="the proxy to go by") as caught:
            read_via(wrong.replace("p:", "secret@p:"))
        assert "secret" not in str(caught.value)
