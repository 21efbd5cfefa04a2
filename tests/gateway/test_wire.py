"""Messages as they come and go: read in one way or refused, and never held."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import socket
from collections.abc import Coroutine
from typing import Any

import anyio
import anyio.lowlevel
import h11
import pytest
from anyio.abc import ByteStream

from headway.gateway.sockets import SocketBytes
from headway.gateway.wire import (
    HEAD_MAX,
    PIECE,
    Ambiguous,
    Headers,
    Unanswered,
    Why,
    Wire,
    end_to_end,
    exchange,
    is_websocket,
    splice,
)
from headway.http.server import listen

GET = b"GET /a?b=%2F HTTP/1.1\r\nHost: site.example\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
FOREVER = None
"""In a script: nothing more comes, and nobody hangs up."""


class Script(ByteStream):
    """A connection that says what it is told to, piece by piece, and remembers what it heard."""

    def __init__(self, *pieces: bytes | BaseException | None, sends: int = 1_000) -> None:
        self.pieces, self.heard, self.sends = list(pieces), b"", sends
        self.ended = False

    async def receive(self, max_bytes: int = PIECE) -> bytes:
        await anyio.lowlevel.checkpoint()
        if not self.pieces:
            raise anyio.EndOfStream
        piece = self.pieces.pop(0)
        if piece is None:
            await anyio.sleep_forever()
        if isinstance(piece, BaseException):
            raise piece
        assert piece is not None
        assert len(piece) <= max_bytes
        return piece

    async def send(self, item: bytes) -> None:
        await anyio.lowlevel.checkpoint()
        if self.sends <= 0:
            raise anyio.BrokenResourceError
        self.sends -= 1
        self.heard += item

    async def send_eof(self) -> None:
        self.ended = True

    async def aclose(self) -> None:
        """Nothing to close."""


def run(work: Coroutine[Any, Any, Any]) -> Any:
    async def limited() -> Any:
        with anyio.fail_after(30):
            return await work

    return asyncio.run(limited())


def server(*pieces: bytes | BaseException | None) -> Wire:
    return Wire(Script(*pieces), h11.SERVER)


async def events(wire: Wire) -> list[h11.Event]:
    """All of one message."""
    found: list[h11.Event] = []
    while not isinstance(found[-1] if found else None, h11.EndOfMessage | h11.ConnectionClosed):
        found.append(await wire.receive())
    return found


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_request_in_pieces(size: int) -> None:
    raw = POST + b"Content-Length: 3\r\n\r\nabc"
    wire = server(*(raw[at : at + size] for at in range(0, len(raw), size)))
    request, *rest = run(events(wire))
    assert (request.method, request.target) == (b"POST", b"/")
    assert b"".join(e.data for e in rest if isinstance(e, h11.Data)) == b"abc"
    assert wire.their_version == b"1.1"


SMUGGLED = {
    "bare line feed": (b"GET / HTTP/1.1\nHost: a\n\n", "CR LF"),
    "bare line feed in one line": (b"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", "CR LF"),
    "bare carriage return": (b"GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", "CR LF"),
    "nul": (b"GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n", "control character"),
    "folded": (b"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n", "in the next line"),
    "folded first": (b"GET / HTTP/1.1\r\n X: b\r\nHost: a\r\n\r\n", "in the next line"),
    "two lengths": (POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\na", "lengths"),
    "the same length twice": (POST + b"Content-Length: 1\r\ncontent-length: 1\r\n\r\na", "lengths"),
    "a list of lengths": (POST + b"Content-Length: 1, 1\r\n\r\na", "lengths"),
    "signed length": (POST + b"Content-Length: +1\r\n\r\na", "lengths"),
    "hex length": (POST + b"Content-Length: 0x1\r\n\r\na", "lengths"),
    "empty length": (POST + b"Content-Length:\r\n\r\na", "lengths"),
    "both": (
        POST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "length beside an encoding",
    ),
    "two encodings": (
        POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n",
        "lengths",
    ),
    "encoding of 1.0": (
        b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "version",
    ),
    "another encoding": (POST + b"Transfer-Encoding: gzip\r\n\r\n", "Transfer-Encoding"),
    "xchunked": (POST + b"Transfer-Encoding: xchunked\r\n\r\n", "Transfer-Encoding"),
    "space before the colon": (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", "illegal header line"),
    "no name": (b"GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", "illegal header line"),
    "two hosts": (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "multiple Host"),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", "Missing mandatory Host"),
    "space in the target": (b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", "illegal request line"),
    "not ascii": (b"GET /\xe4 HTTP/1.1\r\nHost: a\r\n\r\n", "illegal request line"),
    "http 2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "version"),
    "http 0.9": (b"GET /\r\n\r\n", "version"),
    "tls": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", "control character"),
    "bad chunk": (POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", "illegal chunk header"),
    "chunk without its end": (
        POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\naXX0\r\n\r\n",
        "malformed chunk footer",
    ),
    "bare line feed after a chunk": (
        POST + b"Transfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n",
        "illegal chunk header",
    ),
    "an empty line first": (b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "version"),
    "nothing but empty lines": (b"\r\n\r\n", "version"),
    "half a head": (b"GET / HTTP/1.1\r\nHo", "half a head"),
    "half a body": (POST + b"Content-Length: 5\r\n\r\nab", "peer closed connection"),
    "large": (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * HEAD_MAX + b"\r\n\r\n", "head of more"),
    "endless": (b"GET /" + b"y" * HEAD_MAX * 2, "head of more"),
}


@pytest.mark.parametrize("form", SMUGGLED)
def test_what_can_be_read_in_two_ways_is_refused(form: str) -> None:
    raw, words = SMUGGLED[form]
    for size in (min(PIECE, len(raw)), 1000):
        pieces = [raw[at : at + size] for at in range(0, len(raw), size)]
        with pytest.raises(Ambiguous, match=words):
            run(events(server(*pieces)))


def test_what_is_wrong_is_said_without_what_was_sent() -> None:
    with pytest.raises(Ambiguous) as told:
        run(events(server(b"GET /?jwt=eyJ0 x HTTP/1.1\r\nHost: a\r\n\r\n")))
    assert "eyJ0" not in str(told.value)


def test_pipelined_requests_are_looked_at_one_by_one() -> None:
    with_body = POST + b"Content-Length: 1\r\n\r\na"

    async def both() -> None:
        wire = server(with_body + GET + GET.replace(b"\r\n", b"\n"))
        for method in (b"POST", b"GET"):
            request, *_ = await events(wire)
            assert isinstance(request, h11.Request)
            assert request.method == method
            await answer(wire)
            assert wire.again()
        with pytest.raises(Ambiguous, match="CR LF"):
            await wire.receive()

    async def answer(wire: Wire) -> None:
        head = h11.Response(status_code=200, headers=[("Content-Length", "0")])
        await wire.send(head, h11.EndOfMessage())

    run(both())


def test_a_connection_that_ends_between_two_requests() -> None:
    async def used() -> None:
        wire = server(GET)
        await events(wire)
        assert not wire.again()  # there was no answer
        states = [wire.is_answered]
        head = h11.Response(status_code=200, headers=[("Content-Length", "0")])
        await wire.send(head, h11.EndOfMessage())
        assert [*states, wire.is_answered] == [False, True]
        assert wire.is_quiet
        assert wire.again()
        assert isinstance(await wire.receive(), h11.ConnectionClosed)

    run(used())


def test_more_than_the_message_is_none() -> None:
    async def used() -> None:
        wire = server(GET + b"early")
        await events(wire)
        assert wire.early == b"early"
        assert not wire.is_quiet
        with pytest.raises(Ambiguous, match="more than the message"):
            await wire.receive()

    run(used())


def test_a_head_byte_by_byte_is_looked_at_all_the_same() -> None:
    late = b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 500
    for wrong, words in ((b"\r\n folded", "in the next line"), (b"\nX: b", "CR LF")):
        raw = late + wrong + b"\r\n\r\n"
        with pytest.raises(Ambiguous, match=words):
            run(events(server(*(bytes([byte]) for byte in raw))))


def test_nothing_is_waited_for_without_an_end() -> None:
    wire = Wire(Script(FOREVER), h11.SERVER, seconds=0.01)
    with pytest.raises(TimeoutError):
        run(wire.receive())


# ---- the end --------------------------------------------------------------------------------


def accepted() -> tuple[socket.socket, socket.socket]:
    """Two ends of a connection."""
    [opened] = listen(0, ["127.0.0.1"])
    with opened:
        ours = socket.create_connection(opened.getsockname())
        theirs, _ = opened.accept()
    theirs.settimeout(30)
    return ours, theirs


def left(raw: bytes, answer: bytes, more: bytes = b"") -> bytes:
    """What the other side hears of *answer* to *raw*, while it still says *more*."""
    ours, theirs = accepted()

    async def leaves() -> None:
        wire = Wire(SocketBytes(ours), h11.SERVER)
        await wire.receive()
        length = [("Content-Length", "9")]
        await wire.send(h11.Response(status_code=200, headers=length), h11.Data(data=answer))
        if len(answer) == 9:
            await wire.send(h11.EndOfMessage())
        theirs.sendall(more)
        theirs.shutdown(socket.SHUT_WR)
        await wire.leave()

    with theirs:
        theirs.sendall(raw)
        run(leaves())
        heard = b""
        while data := theirs.recv(1000):
            heard += data
        return heard


def test_what_is_whole_is_heard_to_its_end_whatever_still_comes() -> None:
    assert left(GET, b"123456789").endswith(b"123456789")
    body = POST + b"Content-Length: 9000\r\n\r\n"
    assert left(body, b"123456789", b"x" * 5000).endswith(b"123456789")


def test_what_is_half_is_reset() -> None:
    with pytest.raises(ConnectionResetError):
        left(GET, b"1234")


def test_a_side_that_is_gone_is_no_failure() -> None:
    async def leaves() -> None:
        class Gone(Script):
            async def aclose(self) -> None:
                raise anyio.BrokenResourceError

        wire = Wire(Gone(GET), h11.SERVER)
        await wire.receive()
        await wire.leave()
        half = Wire(Script(GET), h11.SERVER)
        await half.receive()
        await half.send(h11.Response(status_code=200, headers=[("Content-Length", "9")]))
        await half.leave()  # there is no socket to reset

    run(leaves())


# ---- headers --------------------------------------------------------------------------------


def test_headers_of_the_connection_stay_behind() -> None:
    headers = [
        (b"Host", b"a"), (b"Connection", b"close, X-Own"), (b"x-own", b"1"), (b"TE", b"trailers"),
        (b"Proxy-Authorization", b"Basic eA=="), (b"Upgrade", b"h2c"), (b"Keep", b"1"),
        (b"Transfer-Encoding", b"chunked"),
    ]  # fmt: skip
    assert end_to_end(headers) == [
        (b"Host", b"a"), (b"Keep", b"1"), (b"Transfer-Encoding", b"chunked")
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["Authorization", "content-length", "HOST", "x-api-key"])
def test_t24_a_connection_takes_no_header_away_that_counts(name: str) -> None:
    line = (b"Connection", f"close, {name}".encode())
    with pytest.raises(Ambiguous, match="takes a header away"):
        end_to_end([line], also=[b"x-api-key"])


@pytest.mark.parametrize(
    ("upgrade", "connection", "asks"),
    [
        ([b"WebSocket"], b"keep-alive, Upgrade", True),
        ([b"websocket"], b"close", False),
        ([b"h2c"], b"Upgrade, HTTP2-Settings", False),
        ([b"websocket", b"h2c"], b"Upgrade", False),
        ([b"websocket, h2c"], b"Upgrade", False),
    ],
)
def test_what_asks_for_a_websocket(upgrade: list[bytes], connection: bytes, asks: bool) -> None:
    headers = [*((b"Upgrade", each) for each in upgrade), (b"Connection", connection)]
    assert is_websocket(headers) is asks


# ---- exchanges ------------------------------------------------------------------------------


async def plain(event: h11.Response | h11.InformationalResponse) -> Headers:
    return end_to_end(event.headers.raw_items())


async def passed(client: Wire, upstream: Wire, *more: tuple[bytes, bytes]) -> bool:
    request = await client.receive()
    assert isinstance(request, h11.Request)
    headers = [*end_to_end(request.headers.raw_items()), *more]
    sent = h11.Request(method=request.method, target=request.target, headers=headers)
    return await exchange(client, upstream, sent, plain)


def exchanged(ask: Script, answer: Script, *more: tuple[bytes, bytes]) -> tuple[Wire, Wire, bool]:
    client, upstream = Wire(ask, h11.SERVER), Wire(answer, h11.CLIENT)
    return client, upstream, run(passed(client, upstream, *more))


def test_a_request_and_its_answer() -> None:
    ask, answer = Script(POST + b"Content-Length: 3\r\n\r\na", b"bc"), Script(OK)
    client, upstream, switched = exchanged(ask, answer)
    assert (client.again(), upstream.again(), switched) == (True, True, False)
    assert answer.heard.startswith(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
    assert ask.heard == b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


def test_chunks_are_made_anew_and_trailers_stay_behind() -> None:
    chunks = b"1;x=y\r\na\r\n2\r\nbc\r\n0\r\nAuthorization: x\r\n\r\n"
    coded = b"Transfer-Encoding: chunked\r\n\r\n"
    ask = Script(POST + coded + chunks)
    answer = Script(b"HTTP/1.1 200 OK\r\n" + coded + chunks)
    client, upstream, _ = exchanged(ask, answer)
    for heard in (ask.heard, answer.heard):
        body = heard.partition(b"\r\n\r\n")[2]
        assert body in (b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", b"3\r\nabc\r\n0\r\n\r\n")
    assert client.again()
    assert upstream.again()


def test_a_client_of_1_0_gets_no_chunks_and_nothing_before_the_answer() -> None:
    ask = Script(b"GET / HTTP/1.0\r\nHost: a\r\n\r\n")
    early = b"HTTP/1.1 103 Early\r\nLink: </a>\r\n\r\n"
    answer = Script(
        early, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
    )
    client, _, _ = exchanged(ask, answer)
    assert ask.heard == b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhi"
    assert not client.again()


def test_100_continue_goes_through() -> None:
    """The body comes once upstream has asked for it."""
    go, done, body = anyio.Event(), anyio.Event(), b"abc"

    class Waits(Script):
        async def receive(self, max_bytes: int = PIECE) -> bytes:
            if not self.pieces:
                await go.wait()
                assert b"100" in self.heard
                self.pieces.append(body)
            return await super().receive(max_bytes)

        async def send(self, item: bytes) -> None:
            await super().send(item)
            go.set()

    class Answers(Script):
        async def receive(self, max_bytes: int = PIECE) -> bytes:
            if len(self.pieces) == 1:
                await done.wait()
            return await super().receive(max_bytes)

        async def send(self, item: bytes) -> None:
            await super().send(item)
            if body in self.heard:
                done.set()

    ask = Waits(POST + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n")
    answer = Answers(b"HTTP/1.1 100 Continue\r\n\r\n", OK)
    client, _, _ = exchanged(ask, answer)
    assert b"Expect: 100-continue" in answer.heard
    assert ask.heard.index(b" 100 ") < ask.heard.index(b" 200 ")
    assert client.again()


def test_an_answer_that_comes_before_the_body_ends_the_connection() -> None:
    ask = Script(POST + b"Content-Length: 9\r\n\r\na", FOREVER)
    answer = Script(b"HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n", sends=1)
    client, upstream, _ = exchanged(ask, answer)
    assert b"413" in ask.heard
    assert not client.again()
    assert not upstream.again()


def test_upstream_is_gone_before_it_said_anything() -> None:
    for upstream in (Script(), Script(sends=0), Script(anyio.BrokenResourceError())):
        with pytest.raises(Unanswered) as told:
            exchanged(Script(GET), upstream)
        assert told.value.why is Why.GONE


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ([OK[:-1]], Why.MALFORMED),
        ([b"HTTP/1.1 200 OK\nContent-Length: 0\n\n"], Why.MALFORMED),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"], Why.MALFORMED),
        ([b"HTTP/1.1 100 Continue\r\n\r\n"], Why.GONE),
        ([b"HTTP/1.1 103 Early Hints\r\n\r\n" * 17], Why.MALFORMED),
        ([FOREVER], Why.SLOW),
    ],
)
def test_an_answer_that_is_none(said: list[Any], why: Why) -> None:
    async def asked() -> None:
        client = Wire(Script(GET), h11.SERVER)
        await passed(client, Wire(Script(*said), h11.CLIENT, seconds=0.05))

    with pytest.raises(Unanswered) as told:
        run(asked())
    assert told.value.why is why


def test_an_answer_that_breaks_off_is_not_ended_as_if_it_was_whole() -> None:
    ask = Script(GET)
    with pytest.raises(anyio.BrokenResourceError):
        exchanged(ask, Script(b"HTTP/1.1 200 OK\r\n\r\nh", anyio.BrokenResourceError()))
    assert b"chunked" in ask.heard
    assert b"\r\n0\r\n" not in ask.heard


def test_a_client_that_is_slow_with_its_body() -> None:
    async def asked() -> None:
        client = Wire(
            Script(POST + b"Content-Length: 1\r\n\r\n", FOREVER), h11.SERVER, seconds=0.05
        )
        await passed(client, Wire(Script(FOREVER), h11.CLIENT))

    with pytest.raises(TimeoutError):
        run(asked())


def test_a_client_that_is_gone_ends_it() -> None:
    ask = Script(POST + b"Content-Length: 9\r\n\r\na")
    with pytest.raises(Ambiguous, match="peer closed"):
        exchanged(ask, Script(FOREVER))


def test_who_has_left_is_waited_for_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headway.gateway.wire._WATCH_SECONDS", 0.02)
    ours, theirs = accepted()

    async def asked() -> None:
        client = Wire(SocketBytes(ours), h11.SERVER)
        request = await client.receive()
        assert isinstance(request, h11.Request)
        await client.receive()
        theirs.close()
        await exchange(client, Wire(Script(FOREVER), h11.CLIENT), request, plain)

    theirs.sendall(GET)
    with ours, pytest.raises(anyio.BrokenResourceError):
        run(asked())


def test_the_next_piece_is_read_once_the_last_one_is_sent() -> None:
    """No more than a few pieces are ever held, whatever the sides' pace."""
    held: list[int] = []

    class Fast(Script):
        taken = 0

        async def receive(self, max_bytes: int = PIECE) -> bytes:
            self.taken += 1
            return await super().receive(max_bytes)

    class Slow(Script):
        async def send(self, item: bytes) -> None:
            for _ in range(5):
                await anyio.lowlevel.checkpoint()
            held.append(answer.taken - len(held))
            await super().send(item)

    piece = b"x" * PIECE
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (100 * PIECE)
    ask, answer = Slow(GET), Fast(head, *[piece] * 100)
    exchanged(ask, answer)
    assert ask.heard.endswith(piece * 100)
    assert max(held) <= 2


# ---- switches -------------------------------------------------------------------------------

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = base64.b64encode(
    hashlib.sha1(KEY + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11", usedforsecurity=False).digest()
)
UPGRADE = ((b"Connection", b"Upgrade"), (b"Upgrade", b"websocket"))
WEBSOCKET = (
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Key: " + KEY + b"\r\n\r\n"
)
AGREED = (
    b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Accept: " + ACCEPT + b"\r\n\r\n"
)


def test_a_websocket_is_switched_to_and_nothing_is_lost() -> None:
    client, upstream, switched = exchanged(
        Script(WEBSOCKET + b"first"), Script(AGREED + b"frame"), *UPGRADE
    )
    assert switched
    assert upstream.early == b"frame"
    assert client.early == b"first"


@pytest.mark.parametrize(
    ("ask", "answer"),
    [
        (GET, AGREED),
        (WEBSOCKET, AGREED.replace(ACCEPT, b"AAAA")),
        (WEBSOCKET, AGREED.replace(b"websocket", b"h2c")),
    ],
)
def test_t24_a_switch_that_nobody_asked_for_is_none(ask: bytes, answer: bytes) -> None:
    more = UPGRADE if ask == WEBSOCKET else ()
    with pytest.raises(Unanswered, match="malformed"):
        exchanged(Script(ask), Script(answer), *more)


def test_a_tunnel_passes_both_directions_and_their_ends() -> None:
    one, other = Script(b"a", b"b"), Script(b"1", b"2")
    run(splice(one, other, first=b"0", back=b"9"))
    assert (other.heard, one.heard) == (b"0ab", b"912")
    assert one.ended
    assert other.ended


def test_a_tunnel_ends_with_a_side_that_hears_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    run(splice(Script(b"a"), Script(FOREVER, sends=0)))
    monkeypatch.setattr("headway.gateway.wire._SPLICED_SECONDS", 0.01)
    run(splice(Script(), Script(FOREVER)))  # and some time after the other has ended
