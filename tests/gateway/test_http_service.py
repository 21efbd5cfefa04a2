from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from proxied import POLICY, TOKEN, WARNED

from headway.gateway import http_service
from headway.gateway.decide import Gateway
from headway.gateway.http_service import HEAD_MAX, serving_http
from headway.gateway.policy_file import read_policy
from headway.gateway.service import AuthorizationService, RawHeaders, Reply
from headway.http.server import listen


class Told:
    """Answers with what it was asked; ``/later`` once somebody lets it, and 401 for ``/no``."""

    def __init__(self) -> None:
        self.let, self.begun, self.more = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.asked: list[str] = []

    def ask(
        self, peer: str, method: str, target: str, headers: RawHeaders
    ) -> Reply | Coroutine[Any, Any, Reply]:
        name = target.partition("?")[0].strip("/")
        self.asked.append(name)
        if name == "later":
            self.begun.set()
            return self._later()
        self.more.set()
        if name == "no":
            return Reply(401, b"", b"no")
        told = dict(headers).get(b"X-Told", b"")
        return Reply(204, b"Name: %s\r\nTold: %s\r\n" % (name.encode(), told))

    async def _later(self) -> Reply:
        await self.let.wait()
        return Reply(200, b"", b"later")


@asynccontextmanager
async def serving(service: Any) -> AsyncIterator[Callable[[], Awaitable[Any]]]:
    """A service on a socket; gives what connects to it."""
    [opened] = listen(0, ["127.0.0.1"])
    host, port = opened.getsockname()
    connected = []

    async def connect() -> Any:
        reader, writer = await asyncio.open_connection(host, port)
        connected.append(writer)
        return reader, writer

    try:
        async with asyncio.timeout(30), serving_http(service, [opened]):
            yield connect
    finally:
        for writer in connected:
            with suppress(OSError):
                await asyncio.sleep(0.01)  # what was answered last is read before
                writer.close()
                await writer.wait_closed()


async def to_the_end(reader: asyncio.StreamReader) -> bytes:
    """All that comes, however it ends."""
    got = b""
    with suppress(ConnectionResetError):
        while piece := await reader.read(65_536):
            got += piece
    return got


def test_a_connection_asks_many_times_in_any_pieces() -> None:
    async def asked() -> bytes:
        async with serving(Told()) as connect:
            reader, writer = await connect()
            for piece in (b"GET /on", b"e/?x HTTP/1.1\r\nX-To", b"ld: a\r\nHost: h\r\n", b"\r\n"):
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.01)
            first = await reader.readuntil(b"\r\n\r\n")
            writer.write(
                b"GET /no HTTP/1.1\r\n\r\nHEAD /no HTTP/1.1\r\n\r\nGET /two HTTP/1.0\r\n\r\n"
            )
            return bytes(first) + await to_the_end(reader)  # HTTP/1.0 ends it

    assert asyncio.run(asked()) == (
        b"HTTP/1.1 204 No Content\r\nName: one\r\nTold: a\r\n\r\n"
        b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno"
        b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\n"
        b"HTTP/1.1 204 No Content\r\nName: two\r\nTold: \r\nConnection: close\r\n\r\n"
    )


def test_answers_come_in_the_order_of_the_questions() -> None:
    async def asked() -> bytes:
        told = Told()
        async with serving(told) as connect:
            reader, writer = await connect()
            later, close = b"GET /later HTTP/1.1\r\n\r\n", b"Connection: close\r\n\r\n"
            writer.write(
                later + b"GET /one HTTP/1.1\r\n\r\n" + later + b"GET /no HTTP/1.1\r\n" + close
            )
            await told.begun.wait()
            told.let.set()
            return await to_the_end(reader)

    answers = asyncio.run(asked()).split(b"HTTP/1.1 ")
    assert [each[:3] for each in answers[1:]] == [b"200", b"204", b"200", b"401"]


def test_too_many_questions_ahead_of_an_answer_end_the_connection() -> None:
    async def asked() -> tuple[bytes, list[str]]:
        told = Told()
        async with serving(told) as connect:
            reader, writer = await connect()
            writer.write(b"GET /later HTTP/1.1\r\n\r\n" + b"GET /one HTTP/1.1\r\n\r\n" * 9)
            return await to_the_end(reader), told.asked

    assert asyncio.run(asked()) == (b"", ["later"])


@pytest.mark.parametrize(
    ("sent", "status", "why"),
    [
        (b"GET / HTTP/9.9\r\n\r\n", b"400", b"question-malformed"),
        (b"\x16\x03\x01\x02\x00", b"400", b"question-malformed"),
        (b"GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", b"400",
         b"question-malformed"),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * HEAD_MAX, b"403", b"question-too-long"),
        (b"POST / HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n" + b"a" * HEAD_MAX, b"403",
         b"question-too-long"),
    ],
    ids=["version", "tls", "two lengths", "head", "body"],
)  # fmt: skip
def test_what_is_no_question_is_answered_once(sent: bytes, status: bytes, why: bytes) -> None:
    async def asked() -> bytes:
        async with serving(Told()) as connect:
            reader, writer = await connect()
            writer.write(sent)
            return await to_the_end(reader)

    answer = asyncio.run(asked())
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert b"Connection: close\r\n" in answer
    assert answer.count(b"HTTP/1.1 ") == 1
    assert why in answer


def test_a_question_to_change_the_protocol_is_one_like_others() -> None:
    """Caddy asks so about a WebSocket."""

    async def asked() -> bytes:
        async with serving(Told()) as connect:
            reader, writer = await connect()
            writer.write(
                b"GET /one HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nGET /two"
            )
            return await to_the_end(reader)

    answer = asyncio.run(asked())
    assert answer.startswith(b"HTTP/1.1 204 ")
    assert answer.count(b"HTTP/1.1 ") == 1


def test_what_takes_too_long_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_service, "ASKING_SECONDS", 0.1)
    monkeypatch.setattr(http_service, "_SWEEP_SECONDS", 0.02)

    async def asked() -> None:
        async with serving(Told()) as connect:
            idle, writer = await connect()  # it may wait for longer
            for sent in (b"GET /on", b"GET /later HTTP/1.1\r\n\r\n"):
                reader, slow = await connect()
                slow.write(sent)
                assert await to_the_end(reader) == b""
            writer.write(b"GET /one HTTP/1.1\r\n\r\n")
            assert (await idle.readline()).startswith(b"HTTP/1.1 204")
            monkeypatch.setattr(http_service, "IDLE_SECONDS", 0.1)
            await to_the_end(idle)

    asyncio.run(asked())


def test_an_answer_that_is_being_made_still_goes_out() -> None:
    async def asked() -> tuple[bytes, bytes]:
        told = Told()
        async with serving(told) as connect:
            reader, writer = await connect()
            idle, _ = await connect()
            writer.write(b"GET /later HTTP/1.1\r\n\r\n")
            await told.begun.wait()
            asyncio.get_running_loop().call_later(0.05, told.let.set)
            last = [asyncio.create_task(to_the_end(each)) for each in (reader, idle)]
        return await last[0], await last[1]

    answer, nothing = asyncio.run(asked())
    assert answer.endswith(b"later")
    assert nothing == b""


def test_who_takes_no_answers_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_service, "_GRACE_SECONDS", 0.05)

    async def asked() -> int:
        told = Told()
        async with serving(told) as connect:
            _, writer = await connect()
            question = b"GET /one HTTP/1.1\r\nX-Told: %s\r\n\r\n" % (b"a" * 60_000)
            for _ in range(500):
                writer.write(question)
            seen = -1
            while seen != len(told.asked):  # it stands still: nobody reads
                seen = len(told.asked)
                await asyncio.sleep(0.2)
            writer.transport.abort()
            return seen

    assert 0 < asyncio.run(asked()) < 500


def test_a_client_that_went_away_is_not_answered() -> None:
    async def asked() -> list[str]:
        told = Told()
        async with serving(told) as connect:
            _, writer = await connect()
            writer.write(b"GET /later HTTP/1.1\r\n\r\n")
            await told.begun.wait()
            writer.transport.abort()
            await asyncio.sleep(0.05)
            told.let.set()
            _, again = await connect()
            again.write(b"GET /one HTTP/1.1\r\n\r\n")
            await told.more.wait()
        return told.asked

    assert asyncio.run(asked()) == ["later", "one"]


def test_the_service_itself_is_asked() -> None:
    gateway = Gateway(read_policy(POLICY), clock=lambda: WARNED)

    async def asked(peers: list[str]) -> bytes:
        async with serving(AuthorizationService(gateway, peers=peers)) as connect:
            reader, writer = await connect()
            writer.write(
                f"GET /nginx HTTP/1.1\r\nX-Original-Method: GET\r\nConnection: close\r\n"
                f"X-Original-URI: /rest?a&jwt={TOKEN}\r\n\r\n".encode()
            )
            return await to_the_end(reader)

    answer = asyncio.run(asked(["127.0.0.1"]))
    assert b"\r\nHeadway-Target: /rest?a\r\n" in answer
    assert b"peer-unknown" in asyncio.run(asked(["192.0.2.1"]))
