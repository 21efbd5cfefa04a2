from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import select
from collections.abc import Iterator

import pytest
from proxied import OFF as LATER
from proxied import PATHS, Kept, Noted, Proxied, Upstream

from gateway.config.conformance import Conformance
from headway.gateway.decide import Gateway
from headway.gateway.decision import Ask, Decision, Outcome
from headway.gateway.own_paths import OwnPaths
from headway.gateway.policy_file import read_policy
from headway.gateway.proxy.settings import Limits, ProxySettings, Timeouts
from headway.gateway.rules import is_normal
from headway.gateway.tickets.trading import TicketGateway
from proxy_run import OFF, Running, heard, running, until
from proxy_run import POLICY as RUN_POLICY

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJhIn0.c2lnbmF0dXJlLXRoYXQtaXMtbm9uZQ"
QUICK = ProxySettings(
    timeouts=Timeouts(body=0.4, answer=0.4, connect=5), limits=Limits(body=1_000_000)
)
HASTY = ProxySettings(timeouts=Timeouts(grace=0.1))


class Here(Proxied):
    """The built-in proxy where the suite expects somebody else's."""

    def __post_init__(self) -> None:
        self.upstream = Upstream()
        gateway = Gateway(self.policy, clock=lambda: self.now, usage=self.uses.append)
        self.trades = TicketGateway(gateway, Kept(), clock=lambda: self.now)
        own = OwnPaths(gateway, clock=lambda: self.now)
        self.service = Running(  # type: ignore[assignment]
            gateway=self.trades,
            instead=[f"http://{self.upstream.address}"],
            endpoints=[Noted(self.answered).aanswer, own.aanswer],
        )
        self.address = self.service.address


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    proxied = Here(tmp_path_factory.mktemp("run"))
    yield proxied
    proxied.close()


@pytest.fixture
def proxied(here: Proxied) -> Proxied:
    return here.afresh()


class TestAsEveryProxy(Conformance):
    """What the proxies of others are held to."""

    @pytest.mark.parametrize("path", PATHS)
    def test_t7_upstream_gets_the_path_that_was_decided_on(
        self, proxied: Proxied, path: str
    ) -> None:
        """Byte for byte; a strange one gets no exception."""
        proxied.now = LATER
        got = proxied.got(f"{path}?a&api_key=secret")
        assert (got.target, got.all("x-api-key")) == (f"{path}?a", [])
        excepted = proxied.ask(f"{path}?jwt={TOKEN}")
        assert excepted.status == (200 if path.startswith("/pub/") and is_normal(path) else 401)


@pytest.fixture(scope="module")
def opened() -> Iterator[Running]:
    with running(settings=QUICK) as proxy:
        yield proxy


@pytest.fixture
def proxy(opened: Running) -> Iterator[Running]:
    before = opened.upstream.answer
    opened.now = 1_625_140_800.0
    opened.afresh()
    yield opened
    opened.upstream.answer, opened.upstream.speaks = before, None


# ---- answers --------------------------------------------------------------------------------


def test_an_answer_comes_back_as_it_was(proxy: Running) -> None:
    proxy.upstream.answer = (
        b"HTTP/1.1 207 Whatever\r\nX-A: 1\r\nx-a: 2\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\n"
        b"Connection: x-hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nHeadway-Target: /forged\r\n"
        b"Content-Length: 2\r\n\r\nok"
    )
    told = proxy.ask("/")
    assert (told.status, told.body) == (207, b"ok")
    assert told.all("x-a") == ["1", "2"]
    assert told.all("set-cookie") == ["a=b", "c=d"]
    assert told.all("x-hop") == told.all("keep-alive") == told.all("headway-target") == []


def test_an_answer_without_a_length_is_chunked_on(proxy: Running) -> None:
    proxy.upstream.answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nto the end"
    told = proxy.ask("/")
    assert (told.body, told.all("transfer-encoding")) == (b"to the end", ["chunked"])
    proxy.upstream.answer = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n"
        b"3;ext=1\r\nabc\r\n0\r\nX-T: smuggled\r\n\r\n"
    )
    with proxy.wire() as wire:
        wire.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        whole = wire.rest()
    assert whole.endswith(b"\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
    assert b"railer" not in whole
    assert b"smuggled" not in whole


def test_head_has_no_body_whatever_its_length_says(proxy: Running) -> None:
    proxy.upstream.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    told = proxy.ask("/", method="HEAD")
    assert (told.all("content-length"), told.body) == (["1000"], b"")
    proxy.now = OFF
    refused = proxy.ask(f"/?jwt={TOKEN}", method="HEAD")
    assert (refused.status, refused.body) == (401, b"")


@pytest.mark.parametrize("status", [204, 304])
def test_statuses_without_a_body(proxy: Running, status: int) -> None:
    proxy.upstream.answer = b"HTTP/1.1 %d X\r\n\r\n" % status
    with proxy.wire() as wire:
        for _ in range(2):
            assert wire.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").told().status == status


def test_an_http_1_0_client_gets_an_end_instead_of_chunks(proxy: Running) -> None:
    proxy.upstream.answer = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
    )
    with proxy.wire() as wire:
        whole = wire.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n").rest()
    assert whole.endswith(b"\r\n\r\nok")
    assert b"chunked" not in whole


def test_informational_answers_pass(proxy: Running) -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nHeadway-Hint: forged\r\n\r\n"
    proxy.upstream.answer = hints + b"HTTP/1.1 100 Continue\r\n\r\n" + proxy.upstream.answer
    with proxy.wire() as wire:
        whole = wire.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").rest()
    assert whole.startswith(
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\nHTTP/1.1 200"
    )
    with proxy.wire() as wire:
        whole = wire.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n").rest()
    assert whole.startswith(b"HTTP/1.1 200")
    proxy.upstream.answer = hints * 17
    assert proxy.ask("/").status == 502


def test_an_expectation_is_answered_by_upstream(proxy: Running) -> None:
    async def speaks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = await reader.readexactly(4)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n" + body)
        await writer.drain()

    proxy.upstream.speaks = speaks
    with proxy.wire() as wire:
        wire.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
        assert wire.socket.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert wire.send("body").told().body == b"body"


# ---- upstream fails -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        (b"", "upstream-slow"),
        (b"nonsense\r\n\r\n", "upstream-malformed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", None),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n", None),
        (b"HTTP/1.1 200 OK\r\nA: " + b"b" * 200_000 + b"\r\n\r\n", None),
    ],
    ids=["silent", "nonsense", "length and chunked", "two lengths", "unasked 101", "huge head"],
)
def test_an_answer_that_is_none(proxy: Running, answer: bytes, wrong: str | None) -> None:
    proxy.upstream.answer = answer
    told = proxy.ask("/")
    assert told.status == (504 if wrong == "upstream-slow" else 502)
    assert json.loads(told.body)["id"] == wrong or wrong is None
    assert told.all("content-type") == ["application/problem+json"]
    assert proxy.upstreams.all[0].fails > 0


def test_upstream_ends_instead_of_answering(proxy: Running) -> None:
    async def speaks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await heard(reader)

    proxy.upstream.speaks = speaks
    assert json.loads(proxy.ask("/").body)["id"] == "upstream-broken"


def test_upstream_dies_in_the_middle_and_the_client_can_tell(proxy: Running) -> None:
    for answer in (
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n4\r\nhalf\r\n",
    ):
        proxy.upstream.answer = answer
        with proxy.wire() as wire:
            wire.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            with pytest.raises(ConnectionResetError):
                wire.rest()


def test_upstream_stops_in_the_middle(proxy: Running) -> None:
    proxy.upstream.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"
    with proxy.wire() as wire, pytest.raises(ConnectionResetError):
        wire.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").rest()


def test_a_rested_connection_that_ended_is_no_failure(proxy: Running) -> None:
    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request, left = await heard(reader)
        assert request is not None
        proxy.upstream.heard.append(request)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await heard(reader, left)  # and then it hangs up, without a word

    del proxy.upstream.heard[:]
    proxy.upstream.speaks = once
    assert [proxy.ask("/").status for _ in range(4)] == [200] * 4
    assert proxy.upstreams.all[0].fails == 0
    # What can not be repeated is not repeated.
    assert proxy.ask("/", method="POST", body=b"x").status in (200, 502)
    assert len(proxy.upstream.heard) in (4, 5)


def test_upstream_answers_before_it_has_read_everything(proxy: Running) -> None:
    async def speaks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
        await writer.drain()
        await asyncio.sleep(0.05)

    proxy.upstream.speaks = speaks
    with proxy.wire() as wire:
        wire.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n" + "x" * 10_000)
        told = wire.told()
        assert (told.status, told.body, told.all("connection")) == (413, b"no", ["close"])


# ---- bodies ---------------------------------------------------------------------------------


def test_bodies_go_on_by_their_own_framing(proxy: Running) -> None:
    got = proxy.got("/", method="POST", body=b"length")
    assert (got.body, got.all("content-length")) == (b"length", ["6"])
    with proxy.wire() as wire:
        del proxy.upstream.heard[:]
        wire.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        for piece in ("3\r\nabc\r\n", "2;x\r\nde\r", "\n0\r\n", "X-T: 1\r\n", "\r\n"):
            wire.send(piece)
        assert wire.told().status == 200
    [got] = proxy.upstream.heard
    assert (got.body, got.all("transfer-encoding"), got.all("x-t")) == (b"abcde", ["chunked"], [])


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("zz\r\n", 400),
        ("f4241\r\n" + "x" * 1_000_001, 413),
        ("5\r\nab", 408),
    ],
    ids=["malformed", "too large", "slow"],
)
def test_a_body_that_ends_badly_never_ends_upstream(proxy: Running, body: str, status: int) -> None:
    del proxy.upstream.heard[:]
    with proxy.wire() as wire:
        wire.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
        assert wire.told().status == status
    assert proxy.upstream.heard == []
    assert proxy.ask("/").status == 200
    assert proxy.upstreams.all[0].fails == 0


def test_a_client_that_leaves_in_the_middle_of_its_body(proxy: Running) -> None:
    del proxy.upstream.heard[:]
    with proxy.wire() as wire:
        wire.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf")
        until(lambda: proxy.upstreams.all[0].active == 1)
    until(lambda: proxy.upstreams.all[0].active == 0)
    assert proxy.upstream.heard == []


def test_a_client_that_leaves_is_not_worked_for(proxy: Running) -> None:
    left = asyncio.Event()

    async def speaks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request, _ = await heard(reader)
        assert request is not None
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""  # nothing to say, and then nobody is there
        left.set()

    proxy.upstream.speaks = speaks
    for extra in ("\r\n", "Content-Length: 2\r\n\r\nok"):
        left.clear()
        with proxy.wire() as wire:
            wire.send("POST / HTTP/1.1\r\nHost: a\r\n" + extra)
            until(lambda: proxy.upstreams.all[0].active == 1)
        until(left.is_set)
    until(lambda: proxy.upstreams.all[0].active == 0)
    assert proxy.upstreams.all[0].fails == 0


def test_what_upstream_does_not_read_waits_at_the_client() -> None:
    async def speaks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(60)

    with running(settings=HASTY) as proxy, proxy.wire() as wire:
        proxy.upstream.speaks = speaks
        wire.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n")
        wire.socket.setblocking(False)
        sent = _fill(wire.socket)
        assert sent < 24_000_000, "somebody keeps what nobody reads"


def test_what_the_client_does_not_read_waits_at_upstream() -> None:
    sent = 0

    async def speaks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        while True:
            writer.write(b"x" * 65_536)
            await writer.drain()
            sent += 65_536

    with running(settings=HASTY) as proxy, proxy.wire() as wire:
        proxy.upstream.speaks = speaks
        wire.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        until(lambda: sent > 0)
        before = -1
        while before != sent:
            before = sent
            select.select([], [], [], 0.3)
        assert sent < 24_000_000, "somebody keeps what nobody reads"


def _fill(opened: object) -> int:
    import socket

    assert isinstance(opened, socket.socket)
    sent = 0
    while select.select([], [opened], [], 0.5)[1]:
        sent += opened.send(b"x" * 65_536)
    return sent


# ---- decisions ------------------------------------------------------------------------------


def test_a_refusal_leaves_the_connection_usable_where_no_body_is_owed(proxy: Running) -> None:
    proxy.now = OFF
    with proxy.wire() as wire:
        wire.send(f"GET /?jwt={TOKEN} HTTP/1.1\r\nHost: a\r\n\r\n")
        assert wire.told().status == 401
        assert wire.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").told().status == 200
        wire.send(f"POST /?jwt={TOKEN} HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n")
        assert wire.told().all("connection") == ["close"]


def test_a_preflight_passes_and_only_upstream_allows(proxy: Running) -> None:
    asks = ("Origin: https://a.example", "Access-Control-Request-Method: GET")
    assert proxy.ask("/", *asks, method="OPTIONS").all("access-control-allow-headers") == []
    proxy.upstream.answer = (
        b"HTTP/1.1 204 No\r\nAccess-Control-Allow-Origin: https://a.example\r\n"
        b"Access-Control-Allow-Headers: X-A\r\n\r\n"
    )
    told = proxy.ask("/", *asks, method="OPTIONS")
    assert told.all("access-control-allow-headers") == ["X-A, authorization"]


def test_a_decision_that_fails_lets_nobody_through() -> None:
    class Broken(Gateway):
        async def adecide(self, ask: Ask) -> Decision:
            raise RuntimeError(ask.target)

    with running(gateway=Broken(read_policy(RUN_POLICY))) as proxy:
        told = proxy.ask("/secret")
        assert (told.status, json.loads(told.body)["id"]) == (503, "decision-failed")
        assert proxy.upstream.heard == []


def test_an_endpoint_answers_in_upstreams_place(caplog: pytest.LogCaptureFixture) -> None:
    async def own(ask: Ask) -> Decision | None:
        if ask.raw_path != "/own":
            return None
        return Decision(
            outcome=Outcome.ANSWER, target="/", answer_headers=(("A", "b"),), body=b"mine", id="own"
        )

    with running(endpoints=[own]) as proxy, caplog.at_level(logging.INFO, "headway.gateway.proxy"):
        with proxy.wire() as wire:
            assert wire.send(f"GET /{TOKEN} HTTP/1.1\r\n\r\n").told().status == 400
        told = proxy.ask("/own?secret=1")
        assert (told.status, told.body, told.all("a")) == (200, b"mine", ["b"])
        assert proxy.upstream.heard == []
        assert proxy.ask(f"/other/{TOKEN}?secret=1", "Authorization: JWT x").body == b"ok"
    lines = _lines(caplog)
    assert len(lines) == 3
    refused = next(line for line in lines if line.endswith("host-missing -"))
    assert refused.startswith("127.0.0.1 - - 400 ")
    lines.remove(refused)
    assert lines[0].startswith("127.0.0.1 GET /own 200 4 ")
    assert lines[0].endswith(" answer own -")
    assert "secret" not in "".join(lines)
    assert TOKEN not in "".join(lines)


def test_the_log_says_who_left_and_what_failed(caplog: pytest.LogCaptureFixture) -> None:
    with running() as proxy, caplog.at_level(logging.INFO, "headway.gateway.proxy"):
        proxy.upstream.answer = b"nonsense\r\n\r\n"
        assert proxy.ask("/bad").status == 502
        proxy.upstream.answer = b""
        with proxy.wire() as wire:
            wire.send("GET /left HTTP/1.1\r\nHost: a\r\n\r\n")
            until(lambda: proxy.upstreams.all[0].active == 1)
        until(lambda: len(_lines(caplog)) == 2)
    bad, left = _lines(caplog)
    assert "GET /bad 502" in bad
    assert bad.endswith(f" pass upstream-malformed {proxy.upstream.address}")
    assert "GET /left 499" in left


def _lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.name == "headway.gateway.proxy"]


# ---- WebSockets -----------------------------------------------------------------------------


WEBSOCKET = (
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
AGREED = (
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Headway-Phase: forged\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)


def test_a_websocket_is_carried_once_both_have_agreed(proxy: Running) -> None:
    async def speaks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"connection: upgrade" in head.lower()
        writer.write(AGREED)
        while data := await reader.read(100):
            writer.write(data)
            await writer.drain()

    proxy.upstream.speaks = speaks
    with proxy.wire() as wire:
        wire.send(WEBSOCKET)
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += wire.socket.recv(1000)
        assert b"Headway-Phase" not in head
        assert wire.send("hello").socket.recv(100) == b"hello"
    until(lambda: proxy.upstreams.all[0].active == 0)


def test_a_websocket_that_nobody_agreed_to_is_a_502(proxy: Running) -> None:
    proxy.upstream.answer = AGREED.replace(b"s3pP", b"AAAA")
    with proxy.wire() as wire:
        assert wire.send(WEBSOCKET).told().status == 502


def test_upstream_is_gone_before_it_is_asked(
    proxy: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    from headway.gateway.proxy import upstreams

    class Gone:
        """A connection that ends as soon as anything is written to it."""

        async def write(self, *_: object) -> None:
            raise ConnectionResetError

        def abort(self) -> None:
            """It is gone."""

    async def connect(*_: object) -> Gone:
        return Gone()

    monkeypatch.setattr(upstreams, "connect", connect)
    told = proxy.ask("/")
    assert (told.status, json.loads(told.body)["id"]) == (502, "upstream-broken")


def test_upstream_takes_no_more_of_a_body(proxy: Running) -> None:
    async def speaks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()

    proxy.upstream.speaks = speaks
    with proxy.wire() as wire:
        wire.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n")
        with contextlib.suppress(OSError):
            wire.send("x" * 900_000)
        with contextlib.suppress(OSError):
            assert wire.told().status == 502
    until(lambda: proxy.upstreams.all[0].active == 0)


def test_upstream_answers_while_the_client_still_sends(proxy: Running) -> None:
    """The client's own time counts then, and not upstream's."""

    async def speaks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request, _ = await heard(reader)
        assert request is not None
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await writer.drain()

    proxy.upstream.speaks = speaks
    with proxy.wire() as wire:
        wire.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n")
        for _ in range(6):
            assert not select.select([wire.socket], [], [], 0.15)[0]
            wire.send("x")
        assert wire.told().status == 200


def test_a_decision_that_fails_may_fail_open_where_the_policy_says_so() -> None:
    class Broken(Gateway):
        async def adecide(self, ask: Ask) -> Decision:
            raise RuntimeError

    class Worse(Broken):
        def failed(self, ask: Ask) -> Decision | None:
            raise RuntimeError

    policy = read_policy(RUN_POLICY.replace(b'"api"', b'"api"\nfailing = "open"', 1))
    with running(gateway=Broken(policy)) as proxy:
        assert proxy.got(f"/secret?a=1&jwt={TOKEN}").target == "/secret?a=1"
    with running(gateway=Worse(policy)) as proxy:
        assert proxy.ask("/secret").status == 503
