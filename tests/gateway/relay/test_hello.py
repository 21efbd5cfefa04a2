from __future__ import annotations

import asyncio
import ssl
from typing import Any

import anyio
import pytest

from headway.gateway.relay.hello import HELLO_MAX, NotTls, read_hello


class Pieces:
    """A connection that says these pieces."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = list(pieces)

    async def receive(self, max_bytes: int = 65536) -> bytes:
        if not self.pieces:
            raise anyio.EndOfStream
        return self.pieces.pop(0)


def hello(name: str | None) -> bytes:
    """The first words of OpenSSL as a client."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    out = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return out.read()


def read(*pieces: bytes) -> tuple[str | None, bytes]:
    stream: Any = Pieces(*pieces)
    return asyncio.run(read_hello(stream))


@pytest.mark.parametrize("size", [1, 50, 5000])
def test_the_name_is_read_and_nothing_is_lost(size: int) -> None:
    said = hello("Site.example")
    name, came = read(*(said[at : at + size] for at in range(0, len(said), size)))
    assert name == "site.example"
    assert came == said


def test_no_name() -> None:
    assert read(hello(None))[0] is None


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"\x16\x03\x01\xff\xff" + b"x" * 40,
        b"SSH-2.0-x\r\n" + b"x" * HELLO_MAX,
    ],
)
def test_what_begins_no_handshake(said: bytes) -> None:
    with pytest.raises((NotTls, anyio.EndOfStream)):
        read(said)


def test_a_handshake_without_an_end_is_given_up() -> None:
    long = b"\x16\x03\x01\x40\x00\x01\x00\xff\xff\x03\x03"
    with pytest.raises(NotTls):
        read(
            *[long + b"\0" * (0x4005 - len(long)), *[b"\x16\x03\x01\x40\x00" + b"\0" * 0x4000] * 3]
        )
