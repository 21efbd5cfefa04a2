"""The site under any ASGI server, set up by the environment."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from headway.errors import ConfigurationError
from headway.host import asgi
from headway.host.asgi import create
from headway.host.control import PATH, TOKEN_VARIABLE

TOKEN = "a token for this test alone"


async def get(app: Any, url: str, **headers: str) -> int:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport) as client:
        return (await client.get(url, headers=headers)).status_code


def stop(app: Any) -> list[str]:
    """Let it live and end, as a server does."""
    said: list[str] = []

    async def live() -> None:
        async def receive() -> dict[str, str]:
            return {"type": "lifespan"}

        async def send(message: dict[str, str]) -> None:
            said.append(message["type"])

        await app({"type": "lifespan"}, receive, send)

    asyncio.run(live())
    return said


def test_both_hosts_on_one_port() -> None:
    app = create({"HEADWAY_HOST_PORT": "8000"})
    assert asyncio.run(get(app, "http://localhost:8000/status")) == 200
    assert asyncio.run(get(app, "http://127.0.0.1:8000/status")) == 404
    assert asyncio.run(get(app, "http://evil.example:8000/status")) == 421
    assert asyncio.run(get(app, f"http://localhost:8000{PATH}")) == 404
    assert stop(app) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_control_with_a_given_token() -> None:
    app = create({"HEADWAY_HOST_CONTROL": "1", TOKEN_VARIABLE: TOKEN})
    url = f"http://localhost:2990{PATH}"
    assert asyncio.run(get(app, url)) == 401
    assert asyncio.run(get(app, url, Authorization=f"Bearer {TOKEN}")) == 200
    stop(app)


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"HEADWAY_HOST_PORT": "0"}, "say where the server listens"),
        ({"HEADWAY_HOST_MEDIA_PORT": "1"}, "the media host has the same"),
        ({"HEADWAY_HOST_APP_NAME": "localhost"}, "another name than the site"),
        ({"HEADWAY_HOST_CONTROL": "1"}, "needs its token"),
        ({"HEADWAY_HOST_ADDRESS": "0.0.0.0"}, "is reached by others"),
        ({"HEADWAY_HOST_COLOUR": "red"}, "colour: there is no such setting"),
    ],
)
def test_what_can_not_work(environ: dict[str, str], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        create(environ)


def test_the_name_that_servers_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWAY_HOST_CERTIFICATE", "cert.pem")
    app = asgi.app
    assert asgi.app is app
    assert asyncio.run(get(app, "https://localhost:2990/status")) == 200
    stop(app)
    monkeypatch.delitem(vars(asgi), "app")
    with pytest.raises(AttributeError):
        assert asgi.nothing
