from __future__ import annotations

import asyncio
import json
import time

import pytest

from headway.errors import ConfigurationError
from headway.gateway.proxy.answers import Unserved
from headway.gateway.proxy.settings import Balance, Limits, ProxySettings, Timeouts
from headway.gateway.proxy.upstreams import Upstream, Upstreams
from headway.http.server import listen
from proxy_run import OnLoop, Raw, heard, running, until


def nowhere() -> str:
    """An address where nobody listens."""
    [opened] = listen(0, ["127.0.0.1"])
    with opened:
        return f"127.0.0.1:{opened.getsockname()[1]}"


@pytest.mark.parametrize(
    "url",
    ["", "127.0.0.1:80", "ftp://a", "http://", "http://u:p@a", "http://a/b", "http://a?b",
     "http://a#b", "http://a:99999", "http://a:x", "http://a b"],
)  # fmt: skip
def test_an_upstream_is_scheme_host_and_port(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^upstream: "):
        Upstream(url)


def test_ports_follow_from_the_scheme() -> None:
    assert Upstream("http://a/").port == 80
    secure = Upstream("https://[::1]")
    assert (secure.host, secure.port, secure.authority) == ("::1", 443, "[::1]")
    assert secure.tls is not None
    assert Upstream("http://a").tls is None
    assert repr(secure) == "<upstream [::1]>"
    with pytest.raises(ConfigurationError, match="there is none"):
        Upstreams([], ProxySettings())


def three(balance: Balance) -> Upstreams:
    urls = ("http://a", "http://b", "http://c")
    return Upstreams([Upstream(url) for url in urls], ProxySettings(balance=balance), lambda: 100.0)


def firsts(upstreams: Upstreams, times: int) -> list[str]:
    return [upstreams.order()[0].authority for _ in range(times)]


def test_round_robin_and_least_busy() -> None:
    assert firsts(three(Balance.ROUND_ROBIN), 4) == ["a", "b", "c", "a"]
    busy = three(Balance.LEAST_BUSY)
    assert firsts(busy, 4) == ["a", "b", "c", "a"]  # all as busy
    busy.all[0].active, busy.all[1].active = 2, 1
    assert [each.authority for each in busy.order()] == ["c", "b", "a"]


def test_who_is_out_gets_nothing_while_another_is_well() -> None:
    upstreams = three(Balance.ROUND_ROBIN)
    upstreams.all[0].out_until = 105.0
    assert set(firsts(upstreams, 6)) == {"b", "c"}
    for each, end in zip(upstreams.all, (105.0, 103.0, 104.0), strict=True):
        each.out_until = end
    assert firsts(upstreams, 3) == ["b"] * 3  # the one that is back first
    upstreams.all[1].is_down = True
    assert firsts(upstreams, 3) == ["c"] * 3
    for each in upstreams.all:
        each.is_down = True
    with pytest.raises(Unserved, match="upstream-unavailable"):
        upstreams.order()


def test_health_takes_two_bad_answers_and_one_good_one() -> None:
    upstream = Upstream("http://a")
    assert [upstream.asked(False) for _ in range(3)] == [False, True, False]
    assert upstream.is_down
    assert upstream.asked(True)
    assert not upstream.is_down


def test_the_next_one_is_asked_where_one_takes_no_connection() -> None:
    settings = ProxySettings(balance=Balance.ROUND_ROBIN, fails=2, out_seconds=60)
    dead = nowhere()
    with running(settings=settings, more=[f"http://{dead}"]) as proxy:
        assert [proxy.ask("/", method="POST", body=b"x").status for _ in range(8)] == [200] * 8
        gone = proxy.upstreams.all[1]
        assert gone.out_until > time.monotonic()
        assert gone.active == 0


def test_nobody_there_is_a_502() -> None:
    with running(instead=[f"http://{nowhere()}"]) as proxy:
        for _ in range(5):  # out, and still tried: there is no other
            told = proxy.ask("/")
            assert (told.status, json.loads(told.body)["id"]) == (502, "upstream-unreachable")


def test_nobody_who_answers_the_knock_is_a_504(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: object) -> None:
        raise TimeoutError

    monkeypatch.setattr("headway.gateway.proxy.upstreams.connect", never)
    with running() as proxy:
        assert json.loads(proxy.ask("/").body)["id"] == "upstream-slow"
        assert proxy.upstreams.all[0].active == 0


def test_connections_are_used_again_and_only_while_they_are_clean() -> None:
    with running() as proxy:
        assert {proxy.ask("/").status for _ in range(3)} == {200}
        assert proxy.upstream.connections == 1
        # What upstream says unasked is nobody's answer.
        proxy.upstream.answer += b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged"
        assert [proxy.ask("/").body for _ in range(3)] == [b"ok"] * 3
        assert proxy.upstream.connections >= 3
    with running() as proxy:
        proxy.upstream.answer = (
            b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
        )
        assert [proxy.ask("/").status for _ in range(2)] == [200, 200]
        assert proxy.upstream.connections == 2


def test_old_connections_are_not_used_again() -> None:
    with running() as proxy:
        proxy.ask("/")
        until(lambda: len(proxy.upstreams.all[0].idle) == 1)
        proxy.upstreams.all[0].idle[0].since -= 60
        proxy.ask("/")
        assert proxy.upstream.connections == 2
        # and those that nobody takes any more are closed by the way
        until(lambda: len(proxy.upstreams.all[0].idle) == 1)
        [old] = proxy.upstreams.all[0].idle
        old.since -= 60
        link = proxy.on.run(proxy.upstreams.lease(fresh=True))
        wire = link.wire

        async def ask() -> None:
            import h11

            sent = wire.send(h11.Request(method="GET", target="/", headers=[("Host", "a")]))
            await link.stream.write([sent or b"", wire.send(h11.EndOfMessage()) or b""], 30)
            while not isinstance(event := wire.next_event(), h11.EndOfMessage):
                if event is h11.NEED_DATA:
                    wire.receive_data(await link.stream.read(30))
            proxy.upstreams.done(link)

        proxy.on.run(ask())
        assert list(proxy.upstreams.all[0].idle) == [link]


def test_a_full_upstream_makes_others_wait_and_then_503() -> None:
    go = asyncio.Event()

    async def speaks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await heard(reader)
        await go.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        await writer.drain()

    settings = ProxySettings(
        limits=Limits(upstream_connections=1), timeouts=Timeouts(queue=0.3, grace=0.1)
    )
    with running(settings=settings) as proxy:
        proxy.upstream.speaks = speaks
        with proxy.wire() as first:
            first.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            until(lambda: proxy.upstreams.all[0].active == 1)
            told = proxy.ask("/")
            assert (told.status, json.loads(told.body)["id"]) == (503, "upstream-busy")
            with proxy.wire() as second:
                second.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                proxy.on.loop.call_soon_threadsafe(go.set)
                assert first.told().status == 200
                assert second.told().status == 200


def test_a_client_that_leaves_while_the_connection_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def slow(*_: object) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr("headway.gateway.proxy.upstreams.connect", slow)
    with running() as proxy:
        with proxy.wire() as wire:
            wire.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            until(lambda: proxy.upstreams.all[0].active == 1)
        until(lambda: proxy.upstreams.all[0].active == 0)
        assert proxy.upstreams.all[0].fails == 0


def test_an_upstream_is_asked_for_its_health() -> None:
    settings = ProxySettings(health_path="/health", health_every=0.05, balance=Balance.ROUND_ROBIN)
    on = OnLoop()
    other = Raw(on)
    other.answer = b"HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"
    try:
        with running(settings=settings, more=[f"http://{other.address}"]) as proxy:
            here, there = proxy.upstreams.all
            until(lambda: there.is_down)
            assert not here.is_down
            del other.heard[:]
            assert [proxy.ask("/a").status for _ in range(4)] == [200] * 4
            other.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
            until(lambda: not there.is_down)
            assert {each.target for each in other.heard} == {"/health"}
            assert other.heard[0].all("host") == [other.address]
            # both down: a 503, until one is back
            proxy.upstream.answer = other.answer = b"nonsense\r\n\r\n"
            until(lambda: here.is_down and there.is_down)
            told = proxy.ask("/")
            assert (told.status, json.loads(told.body)["id"]) == (503, "upstream-unavailable")
            other.close()
            proxy.upstream.answer = b"HTTP/1.1 204 No\r\n\r\n"
            until(lambda: not here.is_down)
            assert proxy.ask("/").status == 204
    finally:
        other.close()
        on.close()
