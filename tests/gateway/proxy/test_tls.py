from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from certificates import Authority
from headway.errors import ConfigurationError
from headway.gateway.proxy.tls import client_tls, load, server_tls, subject_of
from headway.http.server import listen
from proxy_run import OnLoop, Raw, Running, running

OFF_FOR_ACME = b"""
name = "api"
[identity]
by = "subject"
[[location]]
name = "jwt"
parameters = ["jwt"]
off = 2020-01-01
off_means = "refuse"
[[location.extension]]
client = "subject:CN=app,O=Acme\\\\, Inc."
until = 2030-01-01
owner = "ann"
reason = "late"
phase = "warned"
""".replace(b"\\\\", b"\\\\")


def refused(proxy: Running, context: ssl.SSLContext) -> None:
    """Ask; TLS 1.3 tells a client that it is refused only once it reads."""
    with proxy.wire(context) as wire:
        wire.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").told()


def test_tls_and_the_subject_of_a_client(tmp_path: Path) -> None:
    authority, others = Authority(tmp_path), Authority(tmp_path, "others")
    mine = authority.pair("app", organization="Acme, Inc.")
    strange = others.pair("app2")
    context = server_tls(*authority.pair(), authority.certificate)
    policy = OFF_FOR_ACME
    with running(tls=context, policy=policy) as proxy:
        with proxy.wire(authority.trusting(mine)) as wire:
            wire.send("GET /?jwt=abc HTTP/1.1\r\nHost: a\r\n\r\n")
            told = wire.told()
            assert told.status == 200  # a certificate is no claim: it earns more time
            assert told.all("headway-phase") == ["warned"]
        assert [use.client for use in proxy.uses] == ["subject:CN=app,O=Acme\\, Inc."]
        [got] = proxy.upstream.heard
        assert got.all("x-forwarded-proto") == ["https"]
        for shown in (None, strange):
            with pytest.raises((ssl.SSLError, ConnectionResetError, EOFError)):
                refused(proxy, authority.trusting(shown))
        assert len(proxy.upstream.heard) == 1


def test_a_client_certificate_may_be_optional(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    context = server_tls(*authority.pair(), authority.certificate, required=False)
    with running(tls=context, policy=OFF_FOR_ACME) as proxy:
        with proxy.wire(authority.trusting()) as wire:
            wire.send("GET /?jwt=abc HTTP/1.1\r\nHost: a\r\n\r\n")
            assert wire.told().status == 401
        # An old TLS, and none at all, are not answered.
        old = authority.trusting()
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            old.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            proxy.wire(old)
        with proxy.wire() as wire, pytest.raises((EOFError, ConnectionResetError)):
            wire.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").told()


def test_an_upstream_over_tls_is_checked(tmp_path: Path) -> None:
    authority, others = Authority(tmp_path), Authority(tmp_path, "others")
    pair = authority.pair()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    load(context, *pair)
    on = OnLoop()
    raw = Raw(on)
    [opened] = listen(0, ["127.0.0.1"])
    port = opened.getsockname()[1]

    async def start() -> Any:
        return await asyncio.start_server(raw._connected, sock=opened, ssl=context)

    server = on.run(start())
    try:
        url = f"https://127.0.0.1:{port}"
        good = client_tls(authority.certificate)
        with running(instead=[url], upstream_tls=good) as proxy:
            assert proxy.ask("/").status == 200
        for bad in (client_tls(others.certificate), client_tls()):
            with running(instead=[url], upstream_tls=bad) as proxy:
                assert proxy.ask("/").status == 502
    finally:
        on.loop.call_soon_threadsafe(server.close)
        raw.close()
        on.close()


def test_what_can_not_be_read_is_named(tmp_path: Path) -> None:
    pair = Authority(tmp_path).pair()
    other = Authority(tmp_path, "others").pair("other")
    nothing, text = tmp_path / "nothing.pem", tmp_path / "text.pem"
    text.write_text("no certificate")
    locked = tmp_path / "locked.key"
    key = serialization.load_pem_private_key(pair.key.read_bytes(), None)
    locked.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"passphrase"),
        )
    )
    with pytest.raises(ConfigurationError, match=r"nothing\.pem: there is no such file"):
        server_tls(nothing, pair.key)
    for wrong in (text, other.key, locked):
        with pytest.raises(ConfigurationError, match="without a passphrase"):
            server_tls(pair.certificate, wrong)
    for ca in (nothing, text):
        with pytest.raises(ConfigurationError, match="holds no certificates"):
            client_tls(ca)


def test_subjects_can_not_be_mistaken() -> None:
    class Connection:
        def __init__(self, *parts: tuple[tuple[str, str], ...]) -> None:
            self.parts = parts

        def getpeercert(self) -> dict[str, Any]:
            return {"subject": self.parts} if self.parts else {}

    assert subject_of(None) is None
    assert subject_of(Connection()) is None
    assert subject_of(Connection((("commonName", "a,O=Acme"),))) == "CN=a\\,O\\=Acme"
    assert subject_of(Connection((("serialNumber", "#1"), ("commonName", " a")))) == (
        "serialNumber=\\#1+CN=\\ a"
    )
