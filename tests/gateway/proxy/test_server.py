from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from typing import Any

import pytest

from headway.gateway.proxy import server
from headway.gateway.proxy.settings import Limits, ProxySettings, Timeouts
from proxy_run import Running, heard, running, until

ASKS = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def held(proxy: Running) -> asyncio.Event:
    """From now on upstream answers once the event is set."""
    go = asyncio.Event()

    async def speaks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await heard(reader)
        await go.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        await writer.drain()

    proxy.upstream.speaks = speaks
    return go


def test_too_many_connections_are_told_so() -> None:
    settings = ProxySettings(limits=Limits(connections=2))
    with running(settings=settings) as proxy:
        with proxy.wire() as first, proxy.wire() as second:
            assert first.send(ASKS).told().status == second.send(ASKS).told().status == 200
            with proxy.wire() as third:
                told = third.told()
                assert (told.status, json.loads(told.body)["id"]) == (503, "connections-full")
                assert told.all("retry-after") == ["5"]
                assert third.rest() == b""
        until(lambda: _status(proxy) == 200)


def _status(proxy: Running) -> int:
    with contextlib.suppress(OSError, EOFError):
        return proxy.ask("/").status
    return 0


def test_a_stop_lets_end_what_has_begun() -> None:
    with running() as proxy:
        go = held(proxy)
        with proxy.wire() as rests, proxy.wire() as works:
            rests.socket.settimeout(30)
            works.send(ASKS)
            until(lambda: proxy.upstreams.all[0].active == 1)
            stopping = proxy.on.start(proxy._serving.__aexit__(None, None, None))
            with contextlib.suppress(ConnectionResetError):
                assert rests.rest() == b""  # what rests ends at once
            with pytest.raises((ConnectionRefusedError, ConnectionResetError)):
                proxy.wire().send(ASKS).told()  # and nothing new is taken
            proxy.on.loop.call_soon_threadsafe(go.set)
            told = works.told()
            assert (told.status, told.body, told.all("connection")) == (200, b"ok", ["close"])
        stopping.result(30)
        proxy._stopped = True


def test_a_stop_does_not_wait_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    with running(settings=ProxySettings(timeouts=Timeouts(grace=0.2))) as proxy:
        held(proxy)
        with proxy.wire() as wire:
            wire.send(ASKS)
            until(lambda: proxy.upstreams.all[0].active == 1)
            proxy.stop()
            with pytest.raises((ConnectionResetError, EOFError)):
                wire.told()
    assert "1 requests were ended before they were done" in caplog.text


def test_what_comes_while_it_stops_is_told_so() -> None:
    with running() as proxy:
        proxy.proxy.stopping = True
        with proxy.wire() as wire:
            assert wire.told().status == 503


def test_one_broken_connection_is_not_all_of_them(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(server.Exchange):
        async def run(self) -> None:
            if self._incoming.target == "/broken":
                raise RuntimeError("Authorization: secret")
            await super().run()

    monkeypatch.setattr(server, "Exchange", Broken)
    with running() as proxy, caplog.at_level(logging.ERROR):
        with proxy.wire() as wire, pytest.raises((EOFError, ConnectionResetError)):
            wire.send(ASKS.replace("/ ", "/broken ")).told()
        assert proxy.ask("/").status == 200
    assert "a connection failed: RuntimeError" in caplog.text
    assert "secret" not in caplog.text


def test_a_refused_client_may_have_left(monkeypatch: pytest.MonkeyPatch) -> None:
    async def gone(*_: Any) -> None:
        raise server.ClientGone

    monkeypatch.setattr("headway.gateway.proxy.client.Client.refuse", gone)
    with running() as proxy, proxy.wire() as wire:
        assert wire.send("nonsense\r\n\r\n").rest() == b""


def test_many_requests_at_once_and_what_ends_them(caplog: pytest.LogCaptureFixture) -> None:
    with running() as proxy, caplog.at_level(logging.INFO, "headway.gateway.proxy"):
        with proxy.wire() as wire:
            wire.send(ASKS * 3 + "nonsense\r\n\r\n")
            assert [wire.told().status for _ in range(4)] == [200, 200, 200, 400]
            assert wire.rest() == b""
        proxy.upstream.answer = b"nonsense\r\n\r\n"
        with proxy.wire() as wire:
            assert wire.send(ASKS).told().status == 502
        proxy.upstream.answer = (
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\nhalf"
        )
        with proxy.wire() as wire, pytest.raises(ConnectionResetError):
            wire.send(ASKS).rest()
        proxy.upstream.answer = b""
        with proxy.wire() as wire:
            wire.send(ASKS)
            until(lambda: proxy.upstreams.all[0].active == 1)
        until(lambda: proxy.upstreams.all[0].active == 0)
    assert "127.0.0.1 - - 400" in caplog.text
