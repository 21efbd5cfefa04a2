from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import re
import socket
import threading
from typing import Any

import anyio
import pytest
from relayed import (
    OK,
    SECONDS,
    Relayed,
    Upstream,
    answers,
    body,
    everything,
    head,
    relayed,
    upstream,
)

from headway.gateway.relay import serving
from headway.http.server import listen


def test_who_is_not_of_this_machine_is_not_served(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The sockets are loopback's alone; this is what holds where one is not."""
    caplog.set_level(logging.WARNING, "headway.gateway.relay")
    real = serving._accepted

    async def from_afar(opened: socket.socket) -> Any:
        accepted, (_, port) = await real(opened)
        return accepted, ("192.0.2.1", port)

    monkeypatch.setattr(serving, "_accepted", from_afar)
    with upstream(answers(OK)) as site, relayed(site) as running:
        for _ in range(3):
            assert running.say(b"") == b""
    assert caplog.text.count("192.0.2.1 is not taken") == 3


def test_more_than_there_is_room_for_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "CONNECTIONS_MAX", 2)
    with upstream(answers(OK)) as site, relayed(site) as running:
        asked = b"GET %s/ HTTP/1.1\r\nHost: %s\r\n\r\n" % (site.url.encode(), site.host)
        first, second, third = (running.connect() for _ in range(3))
        with first, second, third:
            for each in (first, second):
                each.sendall(asked)
                assert b"200 OK" in head(each)
            third.sendall(asked)
            third.settimeout(0.2)
            with pytest.raises(TimeoutError):
                third.recv(1)
            first.close()
            third.settimeout(SECONDS)
            assert b"200 OK" in head(third)


def test_when_it_stops_what_has_begun_ends_and_what_waits_is_closed() -> None:
    asked, go = threading.Event(), threading.Event()

    def late(connection: socket.socket, heard: list[bytes]) -> None:
        heard.append(head(connection))
        asked.set()
        assert go.wait(SECONDS)
        connection.sendall(OK)

    with upstream(late) as site, relayed(site) as running:
        idle, busy = running.connect(), running.connect()
        busy.sendall(b"GET %s/ HTTP/1.1\r\nHost: %s\r\n\r\n" % (site.url.encode(), site.host))
        assert asked.wait(SECONDS)
        running._loop.call_soon_threadsafe(running._end.set)
        with idle:
            assert everything(idle) == b""
        go.set()
        with busy:
            assert b"200 OK" in head(busy)
            assert body(busy, 2) == b"hi"


def test_a_socket_that_fails_once_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    [opened] = listen(0, ["127.0.0.1"])
    opened.settimeout(0)

    async def accept() -> str:
        loop = asyncio.get_running_loop()
        real, failures = loop.sock_accept, [OSError(24, "Too many open files")]

        async def failing(sock: socket.socket) -> Any:
            if failures:
                raise failures.pop()
            return await real(sock)

        monkeypatch.setattr(loop, "sock_accept", failing)
        with anyio.fail_after(SECONDS), socket.create_connection(opened.getsockname()):
            accepted, address = await serving._accepted(opened)
            accepted.close()
            return address[0]

    with opened:
        assert asyncio.run(accept()) == "127.0.0.1"
    assert "Too many open files" in caplog.text


# ---- many programs, and many requests that are nearly right ---------------------------------

PROGRAMS, EACH, MUTATIONS = 20, 15, 800


def echo(connection: socket.socket, heard: list[bytes]) -> None:
    """Answers with the token that it got."""
    while asked := head(connection):
        found = re.search(rb"\r\nAuthorization: JWT (\S+)\r\n", asked)
        token = found[1] if found else b"none"
        length = str(len(token)).encode()
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: " + length + b"\r\n\r\n" + token)


def test_nobody_gets_what_another_program_asked_for() -> None:
    got: list[tuple[bytes, bytes]] = []

    def program(running: Relayed, site: Upstream, number: int) -> None:
        with running.connect() as connection:
            for each in range(EACH):
                token = f"t{number}x{each}".encode()
                first = b"GET " + site.url.encode() + b"/?jwt=" + token + b" HTTP/1.1\r\n"
                connection.sendall(first + b"Host: " + site.host + b"\r\n\r\n")
                assert b"200 OK" in head(connection)
                got.append((token, body(connection, len(token))))

    with upstream(echo) as site, relayed(site) as running:
        programs = [
            threading.Thread(target=program, args=(running, site, number))
            for number in range(PROGRAMS)
        ]
        for each in programs:
            each.start()
        for each in programs:
            each.join(SECONDS)
    assert len(got) == PROGRAMS * EACH
    assert [asked for asked, answer in got if asked != answer] == []
    assert site.connections == PROGRAMS


PIECES = [
    b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b"\xff", b"#", b"@", b"\\", b"//", b"https://",
    b"%0d%0a", b"?jwt=T", b"&jwt=", b"CONNECT ", b"HTTP/1.0", b"HTTP/2.0", b"0\r\n\r\n",
    b"5\r\nabcde\r\n", b"\r\nContent-Length: 5", b"\r\nContent-Length: 0",
    b"\r\nHost: evil.example",
    b"\r\nTransfer-Encoding: chunked", b"\r\nExpect: 100-continue", b"\r\nConnection: host",
    b"\r\nUpgrade: websocket\r\nConnection: Upgrade", b"\r\nAuthorization: JWT a",
    b"\r\nProxy-Authorization: Basic \xff",
]  # fmt: skip


def reads(connection: socket.socket, heard: list[bytes]) -> None:
    """A site that reads what it is told of a body, and nothing more."""
    with contextlib.suppress(AssertionError):  # the rest of a body never came
        while asked := head(connection):
            heard.append(asked)
            length = re.search(rb"\r\nContent-Length: *(\d+)\r\n", asked, re.IGNORECASE)
            if length is not None:
                body(connection, int(length[1]))
            elif re.search(rb"\r\nTransfer-Encoding: *chunked\r\n", asked, re.IGNORECASE):
                while (size := int(_line(connection), 16)) > 0:
                    body(connection, size + 2)
                body(connection, 2)
            connection.sendall(OK)


def _line(connection: socket.socket) -> bytes:
    read = b""
    while not read.endswith(b"\r\n"):
        read += body(connection, 1)
    return read


def mutated(dice: random.Random, request: bytes) -> bytes:
    """*request* with a few things in it, out of it, or another."""
    made = bytearray(request)
    for _ in range(dice.randint(1, 4)):
        place, kind = dice.randrange(len(made)), dice.random()
        if kind < 0.7:
            made[place:place] = dice.choice(PIECES)
        elif kind < 0.85:
            del made[place : place + dice.randint(1, 6)]
        else:
            made[place] = dice.randrange(256)
    return bytes(made)


@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_is_sent_a_site_hears_one_request_for_itself_at_a_time(
    seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Smuggling: what is behind a body is never heard as a request, nor with another's name."""
    caplog.set_level(logging.INFO, "headway.gateway.relay")
    dice = random.Random(seed)
    with upstream(reads) as site, relayed(site) as running:
        there, host = site.url.encode(), site.host
        forms = [
            b"GET %s/a?b=c&jwt=T HTTP/1.1\r\nHost: %s\r\nX: y\r\n\r\n" % (there, host),
            b"POST %s/a HTTP/1.1\r\nHost: %s\r\nContent-Length: 5\r\n\r\nhello" % (there, host),
            b"POST %s/a HTTP/1.1\r\nHost: %s\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"5\r\nhello\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n" % (there, host),
            b"CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (host, host),
        ]
        for _ in range(MUTATIONS):
            with running.connect() as program, contextlib.suppress(OSError):
                program.sendall(mutated(dice, dice.choice(forms)))
                program.shutdown(socket.SHUT_WR)
                everything(program)
    assert len(site.heard) > MUTATIONS / 50
    for heard in site.heard:
        first, *lines = heard[:-4].split(b"\r\n")
        assert re.fullmatch(rb"[!-~]+ /[!-~]* HTTP/1\.1", first), heard
        assert b"smuggled" not in first
        names = [line.partition(b":")[0].lower() for line in lines]
        assert names.count(b"host") == 1
        assert lines[0] == b"Host: " + host
        assert names.count(b"authorization") <= 1
        assert names.count(b"content-length") + names.count(b"transfer-encoding") <= 1
        assert b"proxy-authorization" not in names
    assert "failed" not in caplog.text
