from __future__ import annotations

import asyncio
import json
import select
import socket
import struct

import pytest

from headway.gateway.proxy.settings import Limits, ProxySettings, Timeouts
from proxy_run import running, until

HASTY = ProxySettings(
    limits=Limits(head=1000, target=100), timeouts=Timeouts(head=0.5, idle=0.3, body=0.5)
)


def test_slow_loris_gets_seconds_and_no_more() -> None:
    with running(settings=HASTY) as proxy, proxy.wire() as wire:
        # Each byte comes in time; all of them together do not.
        for byte in "GET / HTTP/1.1\r\nHost: abcdefgh":
            wire.send(byte)
            if select.select([wire.socket], [], [], 0.03)[0]:
                break
        told = wire.told()
        assert (told.status, json.loads(told.body)["id"]) == (408, "request-slow")
        assert proxy.upstream.connections == 0


def test_a_connection_that_says_nothing_ends_without_a_word() -> None:
    with running(settings=HASTY) as proxy:
        with proxy.wire() as wire:
            assert wire.rest() == b""
        with proxy.wire() as wire:
            wire.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").told()
            assert wire.rest() == b""  # it rested too long


def test_a_client_that_leaves_in_a_head_is_forgotten() -> None:
    with running() as proxy:
        for sent in ("", "GET / HT"):
            with proxy.wire() as wire:
                wire.send(sent)
        assert proxy.ask("/").status == 200


def test_a_reset_in_a_head_is_no_failure() -> None:
    with running(settings=HASTY) as proxy:
        for sent in ("", "GET / HT", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx"):
            wire = proxy.wire().send(sent)
            if sent.startswith("POST"):
                until(lambda: proxy.upstreams.all[0].active == 1)
            wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            wire.close()
        until(lambda: proxy.upstreams.all[0].active == 0)
        assert proxy.ask("/").status == 200


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("GET /" + "a" * 99 + " HTTP/1.1\r\nHost: a\r\n\r\n", 200),
        ("GET /" + "a" * 100 + " HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        ("GET /" + "a" * 1000, 414),
        ("GET / HTTP/1.1\r\nHost: a\r\nA: " + "b" * 1000, 431),
        ("GET / HTTP/1.1\r\nHost: a\r\nA: " + "b" * 1000 + "\r\n\r\n", 431),
        ("GET /" + "a" * 1000 + " HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    ],
    ids=["just right", "long target", "endless target", "endless head", "long head", "longer"],
)
def test_the_head_has_limits(head: str, status: int) -> None:
    with running(settings=HASTY) as proxy, proxy.wire() as wire:
        assert wire.send(head).told().status == status


def test_requests_may_come_all_at_once() -> None:
    with running() as proxy, proxy.wire() as wire:
        wire.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\n")
        wire.send("Content-Length: 3\r\n\r\nabcHEAD /3 HTTP/1.1\r\nHost: a\r\n\r\n")
        wire.send("GET /4 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /5 HTTP/1.1\r\n")
        assert [wire.told().status for _ in range(2)] == [200, 200]
        wire.told("HEAD")
        assert wire.told().all("connection") == ["close"]
        with pytest.raises((EOFError, ConnectionResetError)):
            wire.told()
    assert [each.target for each in proxy.upstream.heard] == ["/1", "/2", "/3", "/4"]


def test_an_answer_that_nobody_takes_ends() -> None:
    with running(settings=HASTY) as proxy, proxy.wire() as wire:
        body = b"x" * 60_000_000
        proxy.upstream.answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        wire.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        until(lambda: proxy.upstreams.all[0].active == 1)
        until(lambda: proxy.upstreams.all[0].active == 0)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("2\r\nok\r\n0\r\nX: y\r\n\r\n", 200),
        ("2\r\nok\r\n0\r\nX: y\n\n", 400),
        ("zz\r\n", 400),
        ("7d1\r\n" + "x" * 2001, 413),
        ("5\r\nab", 408),
    ],
    ids=["trailers", "bare LF", "malformed", "too large", "slow"],
)
def test_a_body_is_read_strictly(body: str, status: int) -> None:
    settings = ProxySettings(limits=Limits(body=2000), timeouts=Timeouts(body=0.3))
    with running(settings=settings) as proxy, proxy.wire() as wire:
        wire.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
        assert wire.told().status == status
        assert len(proxy.upstream.heard) == (status == 200)


def test_a_client_that_leaves_in_its_body() -> None:
    with running() as proxy:
        with proxy.wire() as wire:
            wire.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf")
            until(lambda: proxy.upstreams.all[0].active == 1)
        until(lambda: proxy.upstreams.all[0].active == 0)


def test_answers_to_head_and_on_the_way_to_a_websocket() -> None:
    with running() as proxy:
        with proxy.wire() as wire:
            wire.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
            proxy.upstream.answer = b"nonsense\r\n\r\n"
            wire.told("HEAD")
        told = proxy.ask("/", method="HEAD")
        assert (told.status, told.body) == (502, b"")
        key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        accept = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
        proxy.upstream.answer = b"HTTP/1.1 299 Whatever\r\nContent-Length: 0\r\n\r\n"
        assert proxy.ask("/").status == 299  # no phrase is known for it
        proxy.upstream.answer = (
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"{accept}\r\nbytes"
        ).encode()
        with proxy.wire() as wire:
            wire.send(
                "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                f"{key}\r\n"
            )
            seen = b""
            while not seen.endswith(b"\r\n\r\nbytes"):
                seen += wire.socket.recv(1000)
        assert seen.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")


@pytest.mark.parametrize(
    ("second", "status"),
    [
        ("GET / HTTP/1.1\nHost: a", 400),
        ("GET / HTTP/1.1\r\nHost: a", 408),
        ("GET /" + "a" * 999, 414),
    ],
    ids=["line end", "slow", "long"],
)
def test_what_is_wrong_with_a_second_request_is_said(second: str, status: int) -> None:
    with running(settings=HASTY) as proxy, proxy.wire() as wire:
        assert wire.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").told().status == 200
        assert wire.send(second).told().status == status
        assert wire.rest() == b""


def test_chunks_of_one_byte_are_one_piece() -> None:
    sizes: list[int] = []

    async def speaks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"transfer-encoding: chunked" in head.lower()
        while size := int(await reader.readline(), 16):
            sizes.append(size)
            await reader.readexactly(size + 2)
        await reader.readline()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await writer.drain()

    with running() as proxy, proxy.wire() as wire:
        proxy.upstream.speaks = speaks
        wire.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        wire.send("1\r\nx\r\n" * 20_000 + "0\r\n\r\n")
        assert wire.told().status == 200
    assert sum(sizes) == 20_000
    assert len(sizes) < 200


def test_what_is_wrong_is_seen_at_the_seam_of_two_reads() -> None:
    with running(settings=HASTY) as proxy:
        for pieces, status in (
            (("GET / HTTP/1.1\r", "\nHost: a\r\n\r", "\n"), 200),
            (("GET / HTTP/1.1\r", "Host: a"), 400),
            (("GET / HTTP/1.1\r\n", " Host: a"), 400),
            (("GET / HTTP/1.1\r\nHost: a", "\n"), 400),
        ):
            with proxy.wire() as wire:
                for piece in pieces:
                    wire.send(piece)
                    select.select([wire.socket], [], [], 0.05)
                assert wire.told().status == status
