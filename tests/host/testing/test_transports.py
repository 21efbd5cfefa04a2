"""Site and app in one process: byte for byte as over a wire."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from headway.host.testing.loop import Loop
from headway.host.testing.transports import InProcess, Inward, Lifespan, is_asgi
from headway.http.server import HangUp
from host.testing.little_app import URL, LittleApp


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


def test_which_is_which() -> None:
    app = LittleApp()
    assert is_asgi(app.asgi)
    assert not is_asgi(app.wsgi)

    class Application:
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...

    assert is_asgi(Application())


@pytest.mark.parametrize("kind", ["asgi", "wsgi"])
def test_the_target_arrives_as_it_was_sent(kind: str) -> None:
    app = LittleApp()
    target = b"/a%2Fb/%41?x=%7e&y=a+b"
    request = httpx.Request("POST", URL, content=b"body", extensions={"target": target})
    answer = asyncio.run(InProcess(getattr(app, kind)).handle_async_request(request))
    assert answer.status_code == 204
    assert app.got[0][:2] == ("POST", target.decode())


@pytest.mark.parametrize("kind", ["asgi", "wsgi"])
def test_a_broken_app_is_a_500(kind: str) -> None:
    app = LittleApp(broken=True)
    way = InProcess(getattr(app, kind))
    answer = asyncio.run(way.handle_async_request(httpx.Request("GET", URL)))
    assert answer.status_code == 500


def test_sync_and_async_clients_reach_what_is_inside(loop: Loop) -> None:
    app = LittleApp()
    inward = Inward(loop, lambda: {URL: InProcess(app.asgi)})
    with httpx.Client(transport=inward) as client:
        assert client.post(f"{URL}/x", content=b"1").status_code == 204
        with pytest.raises(httpx.ConnectError, match="is not in this process"):
            client.get("http://else.example/")

    async def ask() -> str:
        async with httpx.AsyncClient(transport=inward) as client:
            return (await client.get(f"{URL}/y%20z")).text

    assert asyncio.run(ask()) == "page /y z"
    assert loop.run(ask()) == "page /y z"


def test_a_compressed_answer_is_read_once(loop: Loop) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-encoding", b"gzip")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": gzip.compress(b"plain")})

    inward = Inward(loop, lambda: {URL: InProcess(app)})
    with httpx.Client(transport=inward) as client:
        assert client.get(URL).text == "plain"


def test_a_connection_that_breaks(loop: Loop) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise HangUp

    inward = Inward(loop, lambda: {URL: InProcess(app)})
    with httpx.Client(transport=inward) as client, pytest.raises(httpx.RemoteProtocolError):
        client.get(URL)


# ---- starting and stopping ------------------------------------------------------------------


def test_an_app_is_started_and_stopped() -> None:
    app = LittleApp()

    async def live() -> None:
        lifespan = Lifespan(app.asgi)
        await lifespan.stop()  # it never started
        await lifespan.start()
        await lifespan.stop()

    asyncio.run(live())
    assert app.life == ["lifespan.startup", "lifespan.shutdown"]


def test_an_app_that_knows_no_lifespan() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise ValueError(scope["type"])

    async def live() -> None:
        lifespan = Lifespan(app)
        await lifespan.start()
        await asyncio.sleep(0)
        await lifespan.stop()

    asyncio.run(live())


def test_an_app_that_can_not_start() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed"})

    async def live() -> None:
        lifespan = Lifespan(app)
        with pytest.raises(RuntimeError, match="start-up failed"):
            await lifespan.start()
        await lifespan.stop()

    asyncio.run(live())
