"""What real servers do that are none, are busy, or speak something else."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import time

import httpx
import pytest

from headway.http.unanswered import no_answer, no_descriptor, other_status
from headway.keys import new_server_identity

SECONDS = 2.0


@contextmanager
def listening(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """A port on which *answer* has each connection."""
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)

        def serve() -> None:
            while not ended.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                with connection:
                    answer(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            ended.set()
            thread.join(30)


def seen(url: str, tls: ssl.SSLContext | bool = True) -> set[str]:
    """What is said of *url*, asked in both ways."""
    with (
        pytest.raises(httpx.HTTPError) as waited,
        httpx.Client(timeout=SECONDS, verify=tls) as http,
    ):
        http.get(url)

    async def ask() -> None:
        async with httpx.AsyncClient(timeout=SECONDS, verify=tls) as http:
            await http.get(url)

    with pytest.raises(httpx.HTTPError) as awaited:
        asyncio.run(ask())
    return {str(no_answer(error.value)) for error in (waited, awaited)}


def close(connection: socket.socket) -> None:
    connection.settimeout(SECONDS)
    connection.recv(65_536)


def speak_other(connection: socket.socket) -> None:
    close(connection)
    connection.sendall(b"SSH-2.0-nobody\r\n" * 100)


def refuse_tls(connection: socket.socket) -> None:
    close(connection)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert seen(f"http://127.0.0.1:{port}/") == {
        "nothing listens there; start the app, or check the port"
    }


def test_a_name_that_nobody_knows() -> None:
    assert seen("http://no-such-host.invalid/") == {
        "the name is not known; check how it is written"
    }


def test_a_connection_that_is_closed() -> None:
    with listening(close) as port:
        (said,) = seen(f"http://127.0.0.1:{port}/")
    assert said.startswith(("the connection was closed", "it does not answer in HTTP"))
    assert said.endswith("look whether it is a web server, and whether it wants https://")


def test_what_is_no_http() -> None:
    with listening(speak_other) as port:
        for said in seen(f"http://127.0.0.1:{port}/"):
            assert said.startswith(("it does not answer in HTTP", "the connection was closed"))


def test_what_speaks_no_tls() -> None:
    for answer in (refuse_tls, close):
        with listening(answer) as port:
            assert seen(f"https://127.0.0.1:{port}/") == {
                "it does not speak TLS as one should; ask by http:// where it is on this machine"
            }


def test_a_certificate_that_nobody_trusts(tmp_path: Path) -> None:
    identity = new_server_identity("127.0.0.1", time())
    file = tmp_path / "server.pem"
    file.write_bytes(identity.key + identity.chain)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)

    def tls(connection: socket.socket) -> None:
        connection.settimeout(SECONDS)
        try:
            context.wrap_socket(connection, server_side=True).close()
        except OSError:
            return

    with listening(tls) as port:
        (said,) = seen(f"https://127.0.0.1:{port}/")
    assert said.startswith("its certificate is not trusted: self-signed certificate in ")


def test_what_asking_again_does_not_mend() -> None:
    assert no_answer(socket.gaierror()).final
    assert not no_answer(ConnectionRefusedError()).final


def test_no_answer_in_time() -> None:
    assert str(no_answer(httpx.ReadTimeout(""))).startswith("it did not answer in time; ")


def test_what_else_there_is_names_the_error_alone() -> None:
    error = httpx.ConnectError("GET http://x.example/?jwt=secret")
    assert str(no_answer(error)) == "it can not be reached (ConnectError); check the address"


@pytest.mark.parametrize(
    ("status", "says", "final"),
    [
        (404, "answers 404; check the path: a descriptor usually lies at", False),
        (401, "answers 401; a site asks without credentials", False),
        (503, "answers 503; look into the app's log", False),
        (204, "answers 204; check the address", False),
        (304, "answers 304; check the address", False),
    ],
)
def test_another_status(status: int, says: str, final: bool) -> None:
    told = other_status(httpx.Response(status))
    assert str(told).startswith(says)
    assert told.final is final


@pytest.mark.parametrize(
    ("location", "named"),
    [
        ("https://login.example/in?jwt=secret#x", "https://login.example"),
        ("/other?jwt=secret", "http://127.0.0.1:3000"),
        ("javascript:secret", "no address"),
        ("https://[secret", "no address"),
    ],
)
def test_of_a_redirect_only_the_origin_is_repeated(location: str, named: str) -> None:
    answer = httpx.Response(
        302,
        headers={"Location": location},
        request=httpx.Request("GET", "http://127.0.0.1:3000/d.json"),
    )
    told = other_status(answer)
    assert told.what == f"answers 302, a redirect to {named}"
    assert told.final
    assert "secret" not in str(told)


@pytest.mark.parametrize(
    ("kind", "body", "says"),
    [
        ("text/html; charset=utf-8", b"<html>", "answers a page of HTML and no JSON"),
        ("application/xhtml+xml", b"", "answers a page of HTML and no JSON"),
        ("application/json", b"{", "answers what is no JSON"),
        ("", b"  \n", "answers nothing, with an empty body"),
    ],
)
def test_what_is_no_descriptor(kind: str, body: bytes, says: str) -> None:
    assert no_descriptor(kind, body).what == says
