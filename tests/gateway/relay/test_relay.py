"""The relay as a whole: real connections on both sides."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import os
import socket
import ssl
import threading
import time
from pathlib import Path

import msgspec
import pytest
from relayed import (
    JWT,
    MOVED,
    OK,
    SECONDS,
    TOKEN,
    Relayed,
    Upstream,
    answers,
    body,
    everything,
    head,
    relayed,
    tunnel,
    upstream,
)

from headway.gateway.relay import relay as module
from headway.gateway.relay.sites import read_site
from headway.gateway.rules import Mode

LOG = "headway.gateway.relay"


def get(site: Upstream, path: str, *lines: bytes, method: bytes = b"GET") -> bytes:
    """A request to a proxy that ends the connection."""
    first = b"%s %s%s HTTP/1.1\r\n" % (method, site.url.encode(), path.encode())
    told = (b"Host: " + site.host, b"Connection: close", *lines)
    return first + b"".join(line + b"\r\n" for line in told) + b"\r\n"


def problem(answer: bytes) -> tuple[int, str]:
    """Status and id of an answer of the relay's own."""
    first, _, rest = answer.partition(b"\r\n")
    told = json.loads(rest.partition(b"\r\n\r\n")[2])
    assert b"no-store" in rest
    return int(first.split()[1]), told["id"]


# ---- what it is for -------------------------------------------------------------------------


def test_a_token_is_moved_and_everything_else_is_as_it_came(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, LOG)
    with upstream(answers(OK)) as site, relayed(site) as running:
        asked = get(site, f"/rest//a?b=%2F+x&jwt={TOKEN}&&c", b"X-Own: 1", b"Cookie: a=b")
        answer = running.say(asked)
    first, *lines = site.heard[0].decode().split("\r\n")
    assert first == "GET /rest//a?b=%2F+x&&c HTTP/1.1"
    assert lines[0] == f"Host: {site.host.decode()}"
    assert f"Authorization: {MOVED}" in lines
    assert {"X-Own: 1", "Cookie: a=b"} <= set(lines)
    assert not any(line.startswith(("Connection", "Proxy")) for line in lines)
    assert answer.endswith(b"\r\n\r\nhi")
    assert b"Vary: Authorization" in answer
    assert b"Cache-Control: private" in answer
    [use] = running.uses
    assert (use.location, use.outcome, use.sample) == ("jwt", "pass", "/rest//a?b=%2F+x&&c")
    assert f"GET {site.url}/rest//a 200 moved jwt" in caplog.text
    assert TOKEN not in caplog.text


def test_what_has_no_token_goes_on_as_it_came(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, LOG)
    told = b"HTTP/1.1 404 No\r\nHeadway-Hint: x\r\nContent-Length: 0\r\n\r\n"
    with upstream(answers(told)) as site, relayed(site) as running:
        answer = running.say(get(site, "/a?token=secret-of-mine", b"Authorization: Basic eA=="))
    assert b"Authorization: Basic eA==" in site.heard[0]
    assert answer.startswith(b"HTTP/1.1 404 No\r\nHeadway-Hint: x\r\n")
    assert "404 as it came" in caplog.text
    assert "secret-of-mine" not in caplog.text


def test_no_logger_says_a_token_at_any_level(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """T23: those of the libraries, too."""
    caplog.set_level(logging.DEBUG)
    with (
        upstream(answers(OK, b"nonsense\r\n\r\n"), tmp_path) as site,
        relayed(site, folder=tmp_path, extra=site.authority) as running,
        tunnel(running, site) as program,
    ):
        asked = f"GET /a?jwt={TOKEN} HTTP/1.1\r\nHost: {site.host.decode()}\r\n\r\n".encode()
        program.sendall(asked)
        assert b"200 OK" in head(program)
        assert body(program, 2) == b"hi"
        program.sendall(asked)
        assert problem(everything(program))[0] == 502
        for wrong in (b"Content-Length: x", b"Authorization: JWT " + b"o" * 40, b"Origin: null"):
            running.say(get(site, f"/?jwt={TOKEN}", wrong))
    assert not any(part in caplog.text for part in TOKEN.split("."))


def test_observing_moves_nothing_and_says_no_token(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, LOG)
    policy = msgspec.structs.replace(JWT, mode=Mode.OBSERVE)
    with upstream(answers(OK)) as site, relayed(site, policy=policy) as running:
        running.say(get(site, f"/a?jwt={TOKEN}"))
    assert f"GET /a?jwt={TOKEN} ".encode() in site.heard[0]
    assert b"authorization" not in site.heard[0].lower()
    assert "would move jwt" in caplog.text
    assert TOKEN not in caplog.text
    assert len(running.uses) == 1


def test_a_conflict_is_answered_here_and_nothing_is_sent(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, LOG)
    with upstream(answers(OK)) as site, relayed(site) as running:
        asked = get(site, f"/a?jwt={TOKEN}", b"Authorization: JWT other")
        answer = running.say(asked)
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert problem(answer) == (401, "tokens-differ")
    assert site.heard == []
    assert "401 refused tokens-differ" in caplog.text
    assert TOKEN not in caplog.text


def test_a_token_that_no_header_can_hold_is_not_moved() -> None:
    with upstream(answers(OK)) as site, relayed(site) as running:
        answer = running.say(get(site, "/a?jwt=a%0d%0aX:b"))
        assert running.say(get(site, "/a?jwt=a%20b")).startswith(b"HTTP/1.1 ")
    assert answer.startswith(b"HTTP/1.1 ")
    assert not any(b"\r\nX:" in heard for heard in site.heard)


# ---- in a tunnel ----------------------------------------------------------------------------


def test_https_by_a_tunnel_whose_end_the_relay_is(tmp_path: Path) -> None:
    with (
        upstream(answers(OK), tmp_path) as site,
        relayed(site, folder=tmp_path, extra=site.authority) as running,
        tunnel(running, site) as program,
    ):
        program.sendall(
            f"GET /a?jwt={TOKEN} HTTP/1.1\r\nHost: localhost:{site.port}\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        answer = everything(program)
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert b"GET /a HTTP/1.1" in site.heard[0]
    assert f"Authorization: {MOVED}".encode() in site.heard[0]


@pytest.mark.parametrize(("asked", "host"), [("evil.example", None), ("localhost", "evil.example")])
def test_t17_another_name_in_the_handshake_or_in_host_is_421(
    tmp_path: Path, asked: str, host: str | None
) -> None:
    with (
        upstream(answers(OK), tmp_path) as site,
        relayed(site, folder=tmp_path, extra=site.authority) as running,
        tunnel(running, site, asked) as program,
    ):
        told = host or f"localhost:{site.port}"
        program.sendall(f"GET /a?jwt={TOKEN} HTTP/1.1\r\nHost: {told}\r\n\r\n".encode())
        assert problem(everything(program)) == (421, "name-mismatch")
    assert site.connections == 0


def test_plain_http_in_a_tunnel_on_this_machine() -> None:
    """Some clients tunnel everything."""
    with upstream(answers(OK)) as site, relayed(site) as running, running.connect() as program:
        program.sendall(b"CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (site.host, site.host))
        assert head(program).startswith(b"HTTP/1.1 200 ")
        program.sendall(
            f"GET /?jwt={TOKEN} HTTP/1.1\r\n".encode() + b"Host: " + site.host + b"\r\n\r\n"
        )
        assert head(program).startswith(b"HTTP/1.1 200 OK")
    assert f"Authorization: {MOVED}".encode() in site.heard[0]


def test_a_program_that_hangs_up_without_a_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Many end their TLS like that."""
    caplog.set_level(logging.INFO, LOG)
    with (
        upstream(answers(OK), tmp_path) as site,
        relayed(site, folder=tmp_path, extra=site.authority) as running,
    ):
        program = tunnel(running, site)
        program.sendall(f"GET / HTTP/1.1\r\nHost: localhost:{site.port}\r\n\r\n".encode())
        assert b"200 OK" in head(program)
        os.close(program.detach())
    assert "failed" not in caplog.text


def test_who_does_not_trust_the_authority_is_told_how(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, LOG)
    with (
        upstream(answers(OK), tmp_path) as site,
        relayed(site, folder=tmp_path) as running,
        running.connect() as connection,
    ):
        connection.sendall(b"CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (site.host, site.host))
        assert head(connection)
        with pytest.raises(ssl.SSLCertVerificationError):
            ssl.create_default_context().wrap_socket(connection, server_hostname="localhost")
    assert "does the program trust" in caplog.text
    assert "authority.pem" in caplog.text


@pytest.mark.parametrize(
    "raw",
    [
        b"CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\nearly",
        b"CONNECT %s HTTP/1.1\r\nHost: %s\r\nContent-Length: 3\r\n\r\nabc",
    ],
)
def test_a_connect_that_brings_more(raw: bytes) -> None:
    with upstream(answers(OK)) as site, relayed(site) as running:
        answer = running.say(raw % (site.host, site.host))
    assert problem(answer) == (400, "request-ambiguous")


# ---- upstream's certificate -----------------------------------------------------------------


def test_a_site_that_cannot_prove_its_name_gets_nothing(tmp_path: Path) -> None:
    """There is no way to turn that off; an authority of one's own is named."""
    with upstream(answers(OK), tmp_path) as site, relayed(site, folder=tmp_path) as running:
        answer = running.say(get(site, f"/a?jwt={TOKEN}"))
    assert problem(answer) == (502, "upstream-certificate")
    assert b"--upstream-ca" in answer
    assert site.heard == []


# ---- everything else is refused -------------------------------------------------------------


def plain(target: bytes, host: bytes, *lines: bytes, method: bytes = b"GET") -> bytes:
    """A request; ``%p`` is the site's port."""
    told = b"".join(line + b"\r\n" for line in (b"Host: " + host, *lines))
    return method + b" " + target + b" HTTP/1.1\r\n" + told + b"\r\n"


HERE, THERE = b"http://localhost:%p/", b"localhost:%p"
BOTH = (b"Content-Length: 1", b"Transfer-Encoding: chunked")
ATTEMPTS = {
    "foreign host": (plain(b"http://evil.example/", b"evil.example"), 403, "site-not-named"),
    "its address": (plain(b"http://127.0.0.1:%p/", b"127.0.0.1:%p"), 403, "site-not-named"),
    "other port": (plain(b"http://localhost:1/", b"localhost:1"), 403, "site-not-named"),
    "user": (plain(b"http://a@localhost:%p/", THERE), 400, "target-malformed"),
    "Host of another": (plain(HERE, b"evil.example"), 421, "name-mismatch"),
    "path alone": (plain(b"/", THERE), 400, "form-unknown"),
    "tunnel elsewhere": (
        plain(b"evil.example:443", b"evil.example:443", method=b"CONNECT"), 403, "site-not-named"
    ),
    "tunnel to this machine": (
        plain(b"127.0.0.1:22", b"127.0.0.1:22", method=b"CONNECT"), 403, "site-not-named"
    ),
    "tunnel without a port": (
        plain(b"localhost", b"localhost", method=b"CONNECT"), 400, "target-malformed"
    ),
    "echo": (plain(HERE, THERE, method=b"TRACE"), 405, "method-refused"),
    "page": (plain(HERE, THERE, b"Origin: https://evil.example"), 403, "page-refused"),
    "header taken away": (
        plain(HERE, THERE, b"Connection: authorization"), 400, "request-ambiguous"
    ),
    "smuggled": (
        plain(HERE, THERE, *BOTH, method=b"POST") + b"0\r\n\r\nGET /admin HTTP/1.1\r\n\r\n",
        400,
        "request-ambiguous",
    ),
    "bare line feeds": (plain(HERE, THERE).replace(b"\r\n", b"\n"), 400, "request-ambiguous"),
}  # fmt: skip


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_t17_open_proxy_attempts(attempt: str) -> None:
    raw, *outcome = ATTEMPTS[attempt]
    with upstream(answers(OK)) as site, relayed(site) as running:
        port = str(site.port).encode()
        assert problem(running.say(raw.replace(b"%p", port))) == tuple(outcome)
    assert site.connections == 0


def test_the_password(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, LOG)
    password = "a password of the proxy"
    told = b"Proxy-Authorization: Basic " + base64.b64encode(f"relay:{password}".encode())
    with upstream(answers(OK, OK)) as site, relayed(site, password=password) as running:
        answer = running.say(get(site, "/"))
        assert problem(answer) == (407, "password-required")
        assert b'Proxy-Authenticate: Basic realm="headway relay"' in answer
        connect = b"CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (site.host, site.host)
        assert problem(running.say(connect)) == (407, "password-required")
        assert running.say(get(site, "/", told)).startswith(b"HTTP/1.1 200 ")
    assert [heard.lower().count(b"proxy-auth") for heard in site.heard] == [0]
    assert password not in caplog.text


# ---- tunnels to others ----------------------------------------------------------------------


def hello(connection: socket.socket, name: str) -> None:
    context = ssl.create_default_context()
    with pytest.raises((ssl.SSLError, OSError)):
        context.wrap_socket(connection, server_hostname=name)


@pytest.mark.parametrize(
    ("target", "why"),
    [
        (b"other.example:443", "site-not-named"),
        (b"named.example:8443", "site-not-named"),
        (b"8.8.8.8:443", "site-not-named"),
        (b"localhost:443", "address-refused"),
        (b"here.localhost:443", "address-refused"),
    ],
)
def test_t17_a_tunnel_is_for_names_that_were_named_at_443_in_public(
    target: bytes, why: str
) -> None:
    tunnels = ["named.example", "8.8.8.8", "localhost", "here.localhost"]
    with relayed(read_site("https://a.example"), tunnels=tunnels) as running:
        answer = running.say(b"CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (target, target))
    assert problem(answer) == (403, why) or (why, problem(answer)[0]) == ("address-refused", 502)


@pytest.fixture
def public(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if this machine was a public one, and 443 a port of everybody's."""
    monkeypatch.setattr(module, "is_public", lambda address: True)


@pytest.mark.usefixtures("public")
@pytest.mark.parametrize("tunnels", [["localhost"], ["*"]])
def test_a_tunnel_goes_by_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tunnels: list[str],
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    caplog.set_level(logging.INFO, LOG)
    with upstream(answers(OK), tmp_path) as site:
        monkeypatch.setattr(module, "HTTPS", site.port)
        with relayed(read_site("https://a.example"), tunnels=tunnels) as running:
            connection = running.connect()
            connection.sendall(b"CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (site.host, site.host))
            assert head(connection).startswith(b"HTTP/1.1 200 ")
            context = ssl.create_default_context(cafile=site.authority)
            with context.wrap_socket(connection, server_hostname="localhost") as program:
                program.sendall(f"GET /?jwt={TOKEN} HTTP/1.1\r\n\r\n".encode())
                assert head(program) + body(program, 2) == OK
    assert site.heard == [f"GET /?jwt={TOKEN} HTTP/1.1\r\n\r\n".encode()]
    assert "tunnel unread" in caplog.text
    assert running.uses == []


@pytest.mark.usefixtures("public")
@pytest.mark.parametrize("said", ["evil.example", None, b"GET / HTTP/1.1\r\n\r\n", b""])
def test_t17_a_tunnel_to_another_name_than_it_said_sends_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, said: str | bytes | None
) -> None:
    caplog.set_level(logging.INFO, LOG)
    got: list[bytes] = []

    def listens(connection: socket.socket, heard: list[bytes]) -> None:
        got.append(everything(connection))

    with upstream(listens) as site:
        monkeypatch.setattr(module, "HTTPS", site.port)
        with relayed(read_site("https://a.example"), tunnels=["*"]) as running:
            connection = running.connect()
            connection.sendall(b"CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (site.host, site.host))
            assert head(connection).startswith(b"HTTP/1.1 200 ")
            with connection:
                if isinstance(said, bytes):
                    connection.sendall(said)
                    connection.shutdown(socket.SHUT_WR)
                    assert everything(connection) == b""
                else:
                    lax = ssl.create_default_context()
                    lax.check_hostname, lax.verify_mode = False, ssl.CERT_NONE
                    with pytest.raises((ssl.SSLError, OSError)):
                        lax.wrap_socket(connection, server_hostname=said)
    assert got == [b""]
    assert "closed name-mismatch" in caplog.text


# ---- HTTP/1.1 -------------------------------------------------------------------------------


def test_connections_are_kept_on_both_sides() -> None:
    with upstream(answers(OK, OK, OK)) as site, relayed(site) as running:
        with running.connect() as program:
            for number in range(3):
                asked = get(site, f"/{number}").replace(b"Connection: close\r\n", b"")
                program.sendall(asked)
                assert b"200 OK" in head(program)
                assert body(program, 2) == b"hi"
        assert site.connections == 1
    assert len(site.heard) == 3


def test_what_may_not_be_sent_twice_has_a_connection_of_its_own() -> None:
    with upstream(answers(OK, OK)) as site, relayed(site) as running, running.connect() as program:
        for method in (b"GET", b"POST", b"GET"):
            asked = get(site, "/", b"Content-Length: 0", method=method)
            program.sendall(asked.replace(b"Connection: close\r\n", b""))
            assert b"200 OK" in head(program)
            assert body(program, 2) == b"hi"
    assert site.connections == 2


def test_a_kept_connection_that_the_site_ended_is_made_anew() -> None:
    with upstream(answers(OK)) as site, relayed(site) as running, running.connect() as program:
        for _ in range(3):
            program.sendall(get(site, "/").replace(b"Connection: close\r\n", b""))
            assert b"200 OK" in head(program)
            assert body(program, 2) == b"hi"
    assert site.connections == 3


def test_what_a_site_says_unasked_is_no_answer() -> None:
    """An answer that waits on a kept connection would be taken for the next one's."""
    said = threading.Event()

    def unasked(connection: socket.socket, heard: list[bytes]) -> None:
        heard.append(head(connection))
        connection.sendall(OK)
        if b"/first" in heard[-1]:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
            said.set()
            everything(connection)

    with upstream(unasked) as site, relayed(site) as running, running.connect() as program:
        for path in ("/first", "/second"):
            program.sendall(get(site, path).replace(b"Connection: close\r\n", b""))
            assert b"200 OK" in head(program)
            assert body(program, 2) == b"hi"
            assert said.wait(SECONDS)
    assert site.connections == 2


def test_a_request_that_nobody_heard_is_sent_once_more() -> None:
    """The site ends a kept connection in the moment in which it is asked."""

    def ends(connection: socket.socket, heard: list[bytes]) -> None:
        heard.append(head(connection))
        connection.sendall(OK)
        if b"/first" in heard[-1]:
            heard.append(head(connection))

    with upstream(ends) as site, relayed(site) as running, running.connect() as program:
        for path in ("/first", "/second"):
            program.sendall(get(site, path).replace(b"Connection: close\r\n", b""))
            assert b"200 OK" in head(program)
            assert body(program, 2) == b"hi"
    assert [heard.split()[1] for heard in site.heard] == [b"/first", b"/second", b"/second"]


def test_a_body_is_passed_on_while_it_comes() -> None:
    """Neither side waits for the other's end: an echo, piece by piece."""

    def echo(connection: socket.socket, heard: list[bytes]) -> None:
        heard.append(head(connection))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n")
        for _ in range(3):
            connection.sendall(body(connection, 1))

    with upstream(echo) as site, relayed(site) as running, running.connect() as program:
        program.sendall(get(site, f"/?jwt={TOKEN}", b"Content-Length: 3", method=b"PUT"))
        assert b"200 OK" in head(program)
        for letter in (b"a", b"b", b"c"):
            program.sendall(letter)
            assert body(program, 1) == letter
    assert f"Authorization: {MOVED}".encode() in site.heard[0]


def test_a_large_body_waits_for_whoever_is_slow() -> None:
    """Back pressure: what the site does not read, the program can not send."""
    go, size = threading.Event(), 400_000_000

    def late(connection: socket.socket, heard: list[bytes]) -> None:
        heard.append(head(connection))
        assert go.wait(30)

    with upstream(late) as site, relayed(site) as running, running.connect() as program:
        program.sendall(get(site, "/", b"Content-Length: %d" % size, method=b"PUT"))
        program.settimeout(0.5)
        sent, piece = 0, b"x" * 100_000
        while sent < size:
            try:
                sent += program.send(piece)
            except TimeoutError:
                break
        go.set()
    assert sent < size / 2  # what the system itself keeps; the rest nobody took


def test_100_continue() -> None:
    def asks(connection: socket.socket, heard: list[bytes]) -> None:
        heard.append(head(connection))
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        heard.append(body(connection, 3))
        connection.sendall(OK)

    with upstream(asks) as site, relayed(site) as running, running.connect() as program:
        more = (b"Expect: 100-continue", b"Content-Length: 3")
        program.sendall(get(site, "/", *more, method=b"POST"))
        assert head(program).startswith(b"HTTP/1.1 100 ")
        program.sendall(b"abc")
        assert head(program).startswith(b"HTTP/1.1 200 ")
    assert site.heard[1] == b"abc"


KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = base64.b64encode(
    hashlib.sha1(KEY + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11", usedforsecurity=False).digest()
)
WEBSOCKET = (
    b"Upgrade: websocket", b"Connection: Upgrade", b"Sec-WebSocket-Version: 13",
    b"Sec-WebSocket-Key: " + KEY,
)  # fmt: skip
AGREED = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: " + ACCEPT + b"\r\n\r\n"
)


def test_a_websocket_whose_token_is_in_its_address() -> None:
    def echo(connection: socket.socket, heard: list[bytes]) -> None:
        heard.append(head(connection))
        connection.sendall(AGREED + b"first")
        while data := connection.recv(100):
            connection.sendall(data)

    with upstream(echo) as site, relayed(site) as running, running.connect() as program:
        asked = get(site, f"/socket?jwt={TOKEN}", *WEBSOCKET)
        program.sendall(asked.replace(b"Connection: close\r\n", b""))
        assert b"Sec-WebSocket-Accept: " + ACCEPT in head(program)
        assert body(program, 5) == b"first"
        program.sendall(b"\x81\x00frame")
        assert body(program, 7) == b"\x81\x00frame"
    assert f"Authorization: {MOVED}".encode() in site.heard[0]
    assert b"GET /socket HTTP/1.1" in site.heard[0]
    assert b"\r\nUpgrade: websocket\r\n" in site.heard[0]


def test_a_websocket_in_a_tunnel_and_its_end(tmp_path: Path) -> None:
    def says(connection: socket.socket, heard: list[bytes]) -> None:
        heard.append(head(connection))
        connection.sendall(AGREED)
        heard.append(body(connection, 4))
        connection.sendall(b"last")

    with (
        upstream(says, tmp_path) as site,
        relayed(site, folder=tmp_path, extra=site.authority) as running,
        tunnel(running, site) as program,
    ):
        lines = [f"GET /s?jwt={TOKEN} HTTP/1.1".encode(), b"Host: " + site.host, *WEBSOCKET]
        program.sendall(b"\r\n".join([*lines, b"", b""]))
        assert b"Sec-WebSocket-Accept: " + ACCEPT in head(program)
        program.sendall(b"ping")
        assert everything(program) == b"last"
    assert f"Authorization: {MOVED}".encode() in site.heard[0]


def test_a_program_that_does_not_read_is_waited_for_in_tls_too(tmp_path: Path) -> None:
    """Back pressure the other way: what the program does not take, the site can not send."""
    sent, size = 0, 200_000_000

    def much(connection: socket.socket, heard: list[bytes]) -> None:
        nonlocal sent
        heard.append(head(connection))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        connection.settimeout(0.5)
        while sent < size:
            sent += connection.send(b"x" * 16_384)

    with (
        upstream(much, tmp_path) as site,
        relayed(site, folder=tmp_path, extra=site.authority) as running,
        tunnel(running, site) as program,
    ):
        program.sendall(f"GET / HTTP/1.1\r\nHost: {site.host.decode()}\r\n\r\n".encode())
        assert b"200 OK" in head(program)
        for thread in site._threads[1:]:
            thread.join(SECONDS)
    assert 0 < sent < size / 2


def test_nothing_stays_open(tmp_path: Path) -> None:
    """Whatever came of a request, its connections are gone with it."""

    def open_now() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    with (
        upstream(answers(OK, OK), tmp_path) as site,
        relayed(site, folder=tmp_path, extra=site.authority) as running,
    ):
        running.say(get(site, "/"))
        before = open_now()
        for _ in range(5):
            with tunnel(running, site) as program:
                program.sendall(b"GET / HTTP/1.1\r\nHost: %s\r\n\r\n" % site.host)
                assert b"200 OK" in head(program)
            os.close(tunnel(running, site).detach())
            with running.connect() as program:
                program.sendall(get(site, "/", b"Content-Length: 5", method=b"PUT") + b"ab")
            problem(running.say(get(site, "/", b"Origin: null")))
            with running.connect() as program:
                program.sendall(get(site, "/"))
        until = time.monotonic() + SECONDS
        while open_now() > before and time.monotonic() < until:
            time.sleep(0.05)
        assert open_now() <= before


def test_a_program_that_left_is_waited_for_no_more(tmp_path: Path) -> None:
    """Neither in plain nor in TLS: what it had asked for is given up, so that places get free."""
    left: list[bytes] = []

    def never(connection: socket.socket, heard: list[bytes]) -> None:
        heard.append(head(connection))
        asked.set()
        left.append(everything(connection))

    with (
        upstream(never, tmp_path) as site,
        relayed(site, folder=tmp_path, extra=site.authority) as running,
    ):
        for program in (running.connect(), tunnel(running, site)):
            asked = threading.Event()
            with program:
                if isinstance(program, ssl.SSLSocket):
                    program.sendall(b"GET / HTTP/1.1\r\nHost: %s\r\n\r\n" % site.host)
                else:
                    program.sendall(get(site, "/"))
                assert asked.wait(SECONDS)
        until = time.monotonic() + SECONDS
        while len(left) < 2 and time.monotonic() < until:
            time.sleep(0.05)
    assert left == [b"", b""]


def test_another_upgrade_is_dropped() -> None:
    with upstream(answers(OK)) as site, relayed(site) as running:
        asked = get(
            site,
            "/",
            b"Upgrade: h2c",
            b"Connection: Upgrade, HTTP2-Settings",
            b"HTTP2-Settings: AAM",
        )
        assert b"200 OK" in running.say(asked)
    assert b"h2c" not in site.heard[0]
    assert b"http2" not in site.heard[0].lower()


EXACT = [
    "/", "//", "/a//b", "/./a", "/../a", "/a/..", "/%2e%2e/a", "/a%2Fb", "/a%5cb", "/a;b=c", "/~a",
    "/%7Ea", "/*'()!$,:@", "/a?", "/a?&", "/a?b", "/a?b=", "/a?=b", "/a?b=c=d", "/a?b=%26&&c",
    "/a?b=+%20", "/a?b=%zz", "/a?b[]=1&b[]=2", "/a?b=/?c", "/a?%6Ab=1", "/a?b=\"<>\\^`{|}",
]  # fmt: skip


def test_every_byte_of_the_target_stays_but_for_the_token() -> None:
    with (
        upstream(answers(*[OK] * 2 * len(EXACT))) as site,
        relayed(site) as running,
        running.connect() as program,
    ):
        for target in EXACT:
            with_token = f"{target}{'&' if '?' in target else '?'}jwt={TOKEN}"
            for each in (target, with_token):
                program.sendall(get(site, each).replace(b"Connection: close\r\n", b""))
                assert b"200 OK" in head(program)
                assert body(program, 2) == b"hi"
    seen = [heard.split(b" ")[1].decode() for heard in site.heard]
    assert seen[::2] == EXACT
    assert seen[1::2] == [each.removesuffix("?") if each == "/a?" else each for each in EXACT]


# ---- answers --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "told"),
    [
        (b"HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"),
        (b"GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
        (b"GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\nETag: x\r\n\r\n"),
        (b"DELETE", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        (b"GET", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"),
    ],
)
def test_answers_with_and_without_a_body(method: bytes, told: bytes) -> None:
    with (
        upstream(answers(told, told)) as site,
        relayed(site) as running,
        running.connect() as program,
    ):
        for _ in range(2):  # the connection goes on where it should
            asked = get(site, "/", method=method).replace(b"Connection: close\r\n", b"")
            program.sendall(asked)
            answer = head(program)
            assert answer.split(b"\r\n")[0] == told.split(b"\r\n")[0]
            rest = told.partition(b"\r\n\r\n")[2]
            assert body(program, len(rest)) == rest


def test_an_answer_that_ends_with_its_connection() -> None:
    with upstream(answers(b"HTTP/1.1 200 OK\r\n\r\nhi")) as site, relayed(site) as running:
        new = running.say(get(site, "/"))
        old = running.say(get(site, "/").replace(b"HTTP/1.1", b"HTTP/1.0"))
    assert new.endswith(b"\r\n\r\n2\r\nhi\r\n0\r\n\r\n")
    assert old.endswith(b"\r\n\r\nhi")


def test_a_redirect_is_passed_on_as_it_came() -> None:
    """A token in ``Location`` is the site's own: who follows it comes by again."""
    where = b"Location: https://media.example/file?token=of-the-site"
    told = b"HTTP/1.1 302 Found\r\n" + where + b"\r\nContent-Length: 0\r\n\r\n"
    with upstream(answers(told)) as site, relayed(site) as running:
        answer = running.say(get(site, f"/?jwt={TOKEN}"))
    assert where in answer


def test_at_a_base_url_the_site_itself_becomes_that_url() -> None:
    def redirects(connection: socket.socket, heard: list[bytes]) -> None:
        heard.append(head(connection))
        there = site.url.encode() + b"/b?c"
        connection.sendall(
            b"HTTP/1.1 302 Found\r\nLocation: " + there + b"\r\nContent-Length: 0\r\n\r\n"
        )

    with upstream(redirects) as site, relayed(site, bases=[site.site]) as running:
        port = running.bases[0]
        asked = (
            f"GET /a?jwt={TOKEN} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n"
        )
        answer = running.say(asked.encode(), port)
        assert f"Location: http://127.0.0.1:{port}/b?c\r\n".encode() in answer
        page = asked.replace("\r\n\r\n", "\r\nOrigin: null\r\n\r\n").encode()
        assert problem(running.say(page, port)) == (403, "page-refused")
        rebound = asked.replace("localhost", "evil.example").encode()
        assert problem(running.say(rebound, port)) == (421, "name-mismatch")
    assert b"Host: " + site.host in site.heard[0]
    assert len(site.heard) == 1


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        (b"", (502, "upstream-gone")),
        (b"nonsense\r\n\r\n", (502, "upstream-malformed")),
        (b"HTTP/1.1 200 OK\r\nConnection: set-cookie\r\n\r\n", (502, "upstream-malformed")),
    ],
)
def test_a_site_that_does_not_answer(said: bytes, outcome: tuple[int, str]) -> None:
    with upstream(answers(said)) as site, relayed(site) as running:
        assert problem(running.say(get(site, "/"))) == outcome


def test_a_site_that_is_not_there() -> None:
    with upstream(answers()) as site:
        pass
    with relayed(site) as running:
        assert problem(running.say(get(site, "/"))) == (502, "upstream-unreachable")


def test_an_answer_that_breaks_off_is_no_whole_one() -> None:
    told = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"
    with upstream(answers(told)) as site, relayed(site) as running, running.connect() as program:
        program.sendall(get(site, "/"))
        assert b"200 OK" in head(program)
        assert body(program, 4) == b"half"
        with pytest.raises(ConnectionResetError):
            program.recv(100)


def test_a_request_that_goes_in_a_circle() -> None:
    [free] = [upstream(answers())]
    with free as site, relayed(site) as running:
        mark = running.relay.name
        answer = running.say(get(site, "/", f"Via: 1.1 {mark}".encode()))
    assert problem(answer) == (508, "loop")


def test_who_says_half_a_head_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HEAD_SECONDS", 0.1)
    with relayed(read_site("https://a.example")) as running:
        assert running.say(b"GET / HT") == b""


def test_what_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STALL_SECONDS", 1.0)

    def silent(connection: socket.socket, heard: list[bytes]) -> None:
        heard.append(head(connection))
        if b"/first" in heard[-1]:
            connection.sendall(OK)
            heard.append(head(connection))
        everything(connection)

    with upstream(silent) as site, relayed(site) as running:
        assert problem(running.say(get(site, "/"))) == (504, "upstream-slow")
        # on a connection that was kept, too; it is not asked again
        with running.connect() as program:
            program.sendall(get(site, "/first").replace(b"Connection: close\r\n", b""))
            assert b"200 OK" in head(program)
            assert body(program, 2) == b"hi"
            program.sendall(get(site, "/second"))
            assert problem(everything(program)) == (504, "upstream-slow")
        # and a program that does not go on
        asked = get(site, "/", b"Content-Length: 9", method=b"PUT")
        with running.connect() as program:
            program.sendall(asked + b"half")
            assert problem(everything(program))[0] in (408, 504)
    assert site.connections == 3


def test_a_site_that_closes_each_connection() -> None:
    told = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    with upstream(answers(told)) as site, relayed(site) as running, running.connect() as program:
        for _ in range(2):
            program.sendall(get(site, "/").replace(b"Connection: close\r\n", b""))
            assert b"connection" not in head(program).lower()
            assert body(program, 2) == b"hi"
    assert site.connections == 2


def test_whatever_fails_sends_nothing_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError(TOKEN)

    with upstream(answers(OK)) as site, relayed(site) as running:
        monkeypatch.setattr(running.relay._gateway, "decide", broken)
        assert problem(running.say(get(site, "/"))) == (500, "decision-failed")
    assert site.heard == []
    assert "RuntimeError" in caplog.text
    assert TOKEN not in caplog.text


def test_a_program_that_goes_away_is_nobody() -> None:
    with upstream(answers(OK)) as site, relayed(site) as running:
        with running.connect() as program:
            program.sendall(get(site, "/", b"Content-Length: 9", method=b"PUT") + b"half")
        assert running.say(get(site, "/")).startswith(b"HTTP/1.1 200 ")
    assert isinstance(running, Relayed)
