"""What the site connects to, how long it waits, how much it reads."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from headway.host.outgoing import ANSWER_MAX, DESCRIPTOR_MAX
from headway.host.settings import Settings
from headway.host.wire import NoAnswer, Request, Wire
from headway.model import Secret
from host.small_app import SmallApp, SmallHost


def get(host: SmallHost, url: str) -> Any:
    return asyncio.run(host.outgoing.descriptor(url))


def test_the_target_goes_out_as_it_was_signed(host: SmallHost, app: SmallApp) -> None:
    get(host, f"{app.base_url}/a[b]'(c)!$,;=%2f?x=[y]&z='\"{{|}}")
    assert app.got[0].target == "/base/a[b]'(c)!$,;=%2f?x=[y]&z='\"{|}"
    get(host, app.url)
    assert app.got[1].target == "/"


@pytest.mark.parametrize("query", ["jwt=x", "a=b&jwt=", "j%77t=x"])
def test_a_token_never_goes_to_a_server_in_an_address(
    host: SmallHost, app: SmallApp, query: str
) -> None:
    """So that what a browser opens is all that has one there (``outgoing.CALLS``)."""
    with pytest.raises(NoAnswer, match="in the header"):
        get(host, f"{app.descriptor_url}?{query}")
    assert app.got == []


def test_a_redirect_is_not_followed(host: SmallHost, app: SmallApp) -> None:
    app.descriptor_status, app.headers = 302, {"Location": f"{app.base_url}/elsewhere"}
    assert get(host, app.descriptor_url).status == 302
    assert len(app.got) == 1


def test_an_answer_is_bounded(host: SmallHost, app: SmallApp) -> None:
    app.raw_descriptor = b"x" * DESCRIPTOR_MAX
    assert len(get(host, app.descriptor_url).body) == DESCRIPTOR_MAX
    app.raw_descriptor = b"x" * 5_000_000
    with pytest.raises(NoAnswer, match=f"more than {DESCRIPTOR_MAX} bytes"):
        get(host, app.descriptor_url)
    app.status["installed"], app.body = 200, b"x" * 5_000_000
    with pytest.raises(NoAnswer, match=f"more than {ANSWER_MAX} bytes"):
        asyncio.run(host.lifecycle.tell(host.app, "installed", Secret("secret " * 5)))


def test_an_app_that_never_answers(app: SmallApp) -> None:
    host = SmallHost(callback_seconds=0.2)
    host.add(**app.descriptor)
    app.silent.add("enabled")
    began = time.monotonic()
    with pytest.raises(NoAnswer, match=r"no answer from 127\.0\.0\.1:\d+ within 0\.2 seconds"):
        asyncio.run(host.lifecycle.tell(host.app, "enabled"))
    assert time.monotonic() - began < 3


def test_an_app_that_answers_drop_by_drop() -> None:
    """The limit is over all of an answer, not over each piece of it."""
    host = SmallHost(callback_seconds=0.3)
    leave = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
                while not leave.wait(0.05):
                    try:
                        connection.sendall(b"x")
                    except OSError:
                        return

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        with pytest.raises(NoAnswer, match="within"):
            get(host, f"http://127.0.0.1:{server.getsockname()[1]}/")
        leave.set()
        thread.join()


def test_a_server_that_does_not_speak_http(host: SmallHost) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def babble() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(b"220 mail.example ready\r\n\r\n")

        thread = threading.Thread(target=babble, daemon=True)
        thread.start()
        with pytest.raises(NoAnswer, match="RemoteProtocolError"):
            get(host, f"http://127.0.0.1:{server.getsockname()[1]}/")
        thread.join()


REFUSED = {
    "http://10.0.0.1/": "private addresses need an option",
    "http://192.168.1.1/": "private addresses need an option",
    "http://[fd00::1]/": "private addresses need an option",
    "http://[::ffff:10.0.0.1]/": "private addresses need an option",
    "http://169.254.169.254/latest": "no app lives there",
    "http://[fe80::1]/": "no app lives there",
    "http://0.0.0.0:7000/": "no app lives there",
    "http://[::]/": "no app lives there",
    "https://239.1.1.1/": "no app lives there",
    "http://8.8.8.8/": "secrets go over http on this machine only",
    "http://0xa000001/": "is at 10.0.0.1: private addresses need an option",
    "http://a..b/": "a name without an address",
    "http://nobody.invalid/": "a name without an address",
}


@pytest.mark.parametrize("url", REFUSED)
def test_an_address_that_is_not_connected_to(
    host: SmallHost, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host.outgoing.wire, "_ask", no_connection)
    with pytest.raises(NoAnswer, match=REFUSED[url]):
        get(host, url)


async def no_connection(request: Any, address: str) -> None:
    raise AssertionError(f"connected to {address}")


@pytest.mark.parametrize(
    ("allowed", "url"),
    [(True, "http://10.0.0.1/"), (True, "https://[fd00::1]/"), (False, "https://8.8.8.8/")],
)
def test_an_address_that_may_be_connected_to(
    monkeypatch: pytest.MonkeyPatch, allowed: bool, url: str
) -> None:
    host = SmallHost(allow_private=allowed)
    monkeypatch.setattr(host.outgoing.wire, "_ask", no_connection)
    with pytest.raises(AssertionError, match="connected to"):
        get(host, url)


def names(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Let every name lead to *addresses*."""

    async def resolve(loop: Any, host: str, port: int | None, **_: Any) -> list[Any]:
        return [(0, 0, 0, "", (address, port)) for address in addresses]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", resolve)


def test_nobody_is_asked_where_an_address_is(
    host: SmallHost, app: SmallApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    names(monkeypatch)  # to nowhere
    assert app.descriptor_url.startswith("http://127.0.0.1:")
    assert get(host, app.descriptor_url).status == 200
    with pytest.raises(NoAnswer, match="private addresses need an option"):
        get(host, "http://10.0.0.1/")


def test_a_name_that_leads_to_a_private_address_too(
    host: SmallHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    names(monkeypatch, "127.0.0.1", "10.0.0.1")
    monkeypatch.setattr(host.outgoing.wire, "_ask", no_connection)
    with pytest.raises(NoAnswer, match=r"app\.example is at 10\.0\.0\.1: private"):
        get(host, "http://app.example/")


def test_what_was_looked_at_is_connected_to(
    host: SmallHost, app: SmallApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is resolved once: a second answer of the name server changes nothing."""
    port = app.url.rpartition(":")[2]
    names(monkeypatch, "127.0.0.2", "127.0.0.1")  # nobody is at the first
    assert get(host, f"http://app.example:{port}/base/x").status == 404
    assert app.got[0].headers["host"] == f"app.example:{port}"


def test_no_proxy_is_asked(host: SmallHost, app: SmallApp, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    again = SmallHost()
    assert get(again, app.descriptor_url).status == 200


def test_closing_closes_the_client(host: SmallHost, app: SmallApp) -> None:
    async def close() -> None:
        await host.outgoing.descriptor(app.descriptor_url)
        await host.outgoing.close()
        with pytest.raises(RuntimeError, match="closed"):
            await host.outgoing.descriptor(app.descriptor_url)

    asyncio.run(close())


def test_a_token_in_an_address_is_never_sent(host: SmallHost, app: SmallApp) -> None:
    with pytest.raises(NoAnswer, match="in the header, never in the address"):
        get(host, f"{app.base_url}/x?a=1&%6Awt=eyJ")
    assert app.got == []


def test_an_app_in_this_process_is_asked_without_an_address() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=Parts([b"x" * 6, b"y" * 6]))

    async def scene() -> None:
        wire = Wire(Settings())
        wire.inside["http://app.example"] = httpx.MockTransport(answer)
        asked = Request("GET", "http://app.example/a", {}, 20)
        assert (await wire.exchange(asked)).body == b"x" * 6 + b"y" * 6
        assert (await wire.exchange(asked._replace(limit=8, cut=True))).body == b"x" * 6 + b"yy"
        with pytest.raises(NoAnswer, match="more than 8 bytes"):
            await wire.exchange(asked._replace(limit=8))
        await wire.close()

    asyncio.run(scene())


class Parts(httpx.AsyncByteStream):
    """An answer that comes in pieces."""

    def __init__(self, parts: list[bytes]) -> None:
        self._parts = parts

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self._parts:
            yield part
