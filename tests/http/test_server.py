"""Listening: free ports, taken ports, and a server that ends with its block."""

import asyncio
import socket
import ssl
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from headway.errors import ConfigurationError
from headway.http import server
from headway.http.server import HangUp, listen, server_tls, serving
from headway.keys import new_server_identity


async def hello(scope: dict[str, object], receive: object, send: object) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})  # type: ignore[operator]
    await send({"type": "http.response.body", "body": b"hello"})  # type: ignore[operator]


def test_one_port_in_both_families() -> None:
    sockets = listen(0)
    ports = {opened.getsockname()[1] for opened in sockets}
    for opened in sockets:
        opened.close()
    assert len(ports) == 1


def test_a_taken_port_is_one_clear_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"port {port} .* can not be had"):
            listen(port)


def test_an_address_that_the_machine_lacks_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    sockets = listen(0, ("127.0.0.1", "2001:db8::1"))
    assert len(sockets) == 1
    sockets[0].close()


def test_a_server_lives_as_long_as_its_block() -> None:
    async def scene() -> tuple[str, bool]:
        sockets = listen(0, ("127.0.0.1",))
        url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
        async with serving(hello, sockets), httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(url)
            assert "server" not in answer.headers
        async with httpx.AsyncClient(trust_env=False) as client:
            try:
                await client.get(url)
            except httpx.ConnectError:
                return answer.text, True
        return answer.text, False

    assert asyncio.run(scene()) == ("hello", True)
    assert server.GRACE_SECONDS <= 2


def test_the_body_of_an_answer_does_not_wait_for_an_acknowledgement_of_its_head() -> None:
    """What asyncio accepts on these sockets is sent at once (RFC 896 would hold it back)."""
    accepted = []

    class Protocol(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            opened = transport.get_extra_info("socket")
            accepted.append(opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            transport.close()

    async def scene() -> None:
        for opened in listen(0):
            host, port = opened.getsockname()[:2]
            running = await asyncio.get_running_loop().create_server(Protocol, sock=opened)
            async with running:
                reader, writer = await asyncio.open_connection(host, port)
                assert await reader.read() == b""
                writer.close()

    asyncio.run(scene())
    assert accepted
    assert all(accepted)


def test_the_first_address_is_needed() -> None:
    with pytest.raises(ConfigurationError, match=r"no address 192\.0\.2\.1"):
        listen(0, ("192.0.2.1",))


def test_a_family_that_the_machine_lacks_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.socket

    def without_v6(family: int, kind: int, protocol: int) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(97, "Address family not supported by protocol")
        return real(family, kind, protocol)

    monkeypatch.setattr(server.socket, "socket", without_v6)
    (opened,) = listen(0)
    opened.close()


def bound_but(taken: set[tuple[str, int]], monkeypatch: pytest.MonkeyPatch) -> list[socket.socket]:
    """Sockets that ``listen`` makes while the first of *taken* can not be had."""
    real, made = server._bind, []

    def bind(address: str, port: int) -> socket.socket:
        for place in [p for p in taken if p[0] == address]:
            taken.discard(place)
            raise ConfigurationError(f"port {port} on {address} can not be had")
        made.append(real(address, port))
        return made[-1]

    monkeypatch.setattr(server, "_bind", bind)
    return made


def test_a_free_port_is_free_in_both_families(monkeypatch: pytest.MonkeyPatch) -> None:
    made = bound_but({("127.0.0.2", 0)}, monkeypatch)
    sockets = listen(0, ("127.0.0.1", "127.0.0.2"))
    assert [opened.fileno() >= 0 for opened in made] == [False, True, True]
    for opened in sockets:
        opened.close()


def test_a_port_that_is_taken_in_one_family_closes_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    free = listen(0)
    port = free[0].getsockname()[1]
    for opened in free:
        opened.close()
    made = bound_but({("127.0.0.2", port)}, monkeypatch)
    with pytest.raises(ConfigurationError, match="can not be had"):
        listen(port, ("127.0.0.1", "127.0.0.2"))
    assert [opened.fileno() for opened in made] == [-1]


def test_it_gives_up_where_nothing_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    made = bound_but({("127.0.0.2", n) for n in range(server.TRIES)}, monkeypatch)
    with pytest.raises(ConfigurationError, match="no port is free"):
        listen(0, ("127.0.0.1", "127.0.0.2"))
    assert {opened.fileno() for opened in made} == {-1}


def test_a_server_that_can_not_start_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(self: object, sockets: object) -> None:
        raise OSError("no more files")

    monkeypatch.setattr(server._Server, "serve", broken)

    async def scene() -> None:
        async with serving(hello, []):
            pytest.fail("there is no server")

    with pytest.raises(OSError, match="no more files"):
        asyncio.run(scene())


def test_an_answer_that_is_cut_on_purpose_is_not_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def hang_up(scope: dict[str, object], receive: object, send: Any) -> None:
        headers = [(b"content-length", b"10")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})
        raise HangUp

    async def scene() -> None:
        sockets = listen(0, ("127.0.0.1",))
        url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
        async with serving(hang_up, sockets), httpx.AsyncClient(trust_env=False) as client:
            with pytest.raises(httpx.RemoteProtocolError):
                await client.get(url)

    asyncio.run(scene())
    assert [r for r in caplog.records if r.name == "uvicorn.error" and r.exc_info] == []


def test_tls_by_the_key_and_chain_in_one_file(tmp_path: Path) -> None:
    identity = new_server_identity("site.example", time.time())
    path = tmp_path / "identity.pem"
    path.write_bytes(identity.key + identity.chain)
    assert server_tls(path).minimum_version is ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("content", [None, b"", b"rubbish"])
def test_an_identity_that_is_none_is_one_clear_line(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "identity.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="can not be used; remove it"):
        server_tls(path)
