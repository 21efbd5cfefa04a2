"""Compressed bodies in caches."""

from __future__ import annotations

import gzip
import struct
import sys

import pytest

from headway.scan.cached import UNPACKED_MAX, body_of

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

BODY = b'<a href="/next?jwt=T">' * 20


def simple(body: bytes, key: bytes = b"1/0/http://127.0.0.1/") -> bytes:
    """An entry as Chromium lays it out."""
    head = struct.pack("<QIIII", 0xFCFB6D1BA7725C30, 5, len(key), 0, 0)
    return head + key + body + b"\xd8\x41\x0d\x97\x45\x6f\xfa\xf4" + bytes(16)


@pytest.mark.parametrize("packed", [gzip.compress(BODY), zstd.compress(BODY)], ids=["gzip", "zstd"])
def test_a_body_is_unpacked(packed: bytes) -> None:
    assert body_of(packed + b"\0http://127.0.0.1/") == BODY
    assert body_of(simple(packed)) == BODY
    assert BODY.startswith(body_of(packed[:-20]))


@pytest.mark.parametrize(
    "entry",
    [b"", BODY, b"\x1f\x8b", b"\x1f\x8bno gzip", b"\x28\xb5\x2f\xfdno zstd at all", simple(BODY),
     simple(b"")[:20], struct.pack("<QIIII", 0xFCFB6D1BA7725C30, 5, 2**32 - 1, 0, 0) + b"x"],
)  # fmt: skip
def test_what_is_not_compressed_gives_nothing(entry: bytes) -> None:
    assert body_of(entry) == b""


def test_a_bomb_is_bounded() -> None:
    assert len(body_of(gzip.compress(bytes(2 * UNPACKED_MAX)))) == UNPACKED_MAX
    assert len(body_of(zstd.compress(bytes(2 * UNPACKED_MAX)))) == UNPACKED_MAX
