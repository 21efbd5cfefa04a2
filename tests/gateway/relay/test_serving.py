from __future__ import annotations

import asyncio
import logging
import socket
import threading
from typing import Any

import anyio
import pytest
from relayed import OK, SECONDS, answers, body, everything, head, relayed, upstream

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
