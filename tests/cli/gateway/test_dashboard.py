from __future__ import annotations

import os
import signal
import socket
import ssl
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from proxied import asked, needs, running

from gateway.dashboard.boards import POLICY
from gateway.dashboard.shown import shown, told
from headway.cli.commands import run
from headway.cli.gateway.dashboard import PASSWORD
from headway.gateway.usage.record import write_lines
from headway.gateway.usage.store import open_usage
from headway.http.server import listen
from headway.keys import new_server_identity
from uses import record

ROOT = Path(__file__).resolve().parents[3]
WORD = "a long enough password"


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """A policy, and a store with one client."""
    file, store = tmp_path / "policy.toml", tmp_path / "data" / "usage.db"
    file.write_text(POLICY)
    opened = open_usage(store)
    opened.add([record("acme", count=7)], batch="one", days=["2022-02-01"])
    opened.close()
    return str(file), str(store)


def got(address: str, **headers: str) -> tuple[int, str, str]:
    """Status, address at the end, body; tried until somebody listens."""
    until = time.monotonic() + 30
    while True:
        try:
            asked = urllib.request.Request(f"{address}/", headers=headers)
            with urllib.request.urlopen(asked, timeout=20) as answer:
                return answer.status, answer.url, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, address, error.read().decode()
        except urllib.error.URLError:
            assert time.monotonic() < until
            time.sleep(0.05)


def test_it_shows_a_real_store_and_makes_a_password(tmp_path: Path, files: tuple[str, str]) -> None:
    policy, store = files
    arguments = ("--policy", policy, "--usage", store, "--at", "2022-02-01T12:00:00Z")
    with shown(tmp_path, *arguments) as (address, said):
        assert address.startswith("http://localhost:")
        assert "password, told only now: " in said
        status, _, page = got(address)
        assert (status, "acme" in page, "2022-02-01 12:00" in page) == (200, True, True)
        assert got(address, **{"X-Forwarded-For": "127.0.0.1"})[1] == f"{address}/login"
        assert got(address.replace("localhost", "127.0.0.1"))[0] == 421


def test_it_shows_a_file_of_records_behind_a_login(tmp_path: Path, files: tuple[str, str]) -> None:
    lines = tmp_path / "usage.jsonl"
    lines.write_bytes(b"".join(write_lines([record("acme")], ["2022-02-01"])))
    word = tmp_path / "password"
    word.write_text(f"{WORD}\n")
    arguments = ("--policy", files[0], "--records", str(lines), "--at", "2022-02-01", "--login")
    with shown(tmp_path, *arguments, "--password-file", str(word)) as (address, said):
        assert WORD not in said
        assert "password" not in said
        assert got(address)[1] == f"{address}/login"


def test_others_reach_it_over_tls_and_log_in(tmp_path: Path, files: tuple[str, str]) -> None:
    """On another address of loopback, which is as good as any other machine's to the option."""
    made = new_server_identity("localhost", time.time())
    chain, key, authority = (tmp_path / name for name in ("chain.pem", "key.pem", "authority.pem"))
    chain.write_bytes(made.chain)
    key.write_bytes(made.key)
    authority.write_bytes(made.authority)
    arguments = ("--policy", files[0], "--usage", files[1], "--bind", "127.0.0.2")
    tls = ("--certificate", str(chain), "--key", str(key), "--origin", "https://localhost:9")
    with shown(tmp_path, *arguments, *tls, **{PASSWORD: WORD}) as (address, said):
        assert (address, WORD in said) == ("https://localhost:9", False)
        port = int(told(tmp_path / "log", "listening on 127.0.0.2 port ").rpartition(" ")[2])
        context = ssl.create_default_context(cafile=str(authority))
        with (
            reached(("127.0.0.2", port)) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as safe,
        ):
            safe.sendall(b"GET / HTTP/1.1\r\nHost: localhost:9\r\nConnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: safe.recv(4096), b""))
        assert answer.startswith(b"HTTP/1.1 303 ")
        assert b"location: login" in answer


# ---- behind a proxy of the same machine, T11 -------------------------------------------------

NGINX = """
daemon off; pid {folder}/nginx.pid; error_log stderr error;
events {{ }}
http {{
  access_log off;
  client_body_temp_path {folder}; proxy_temp_path {folder};
  fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{
    listen {listen};
    location / {{ proxy_pass http://localhost:{port}; }}
    location /asked/ {{ proxy_pass http://127.0.0.1:{port}/; proxy_set_header Host $http_host; }}
  }}
}}
"""
HAPROXY = """
defaults
  mode http
  timeout connect 5s
  timeout client 20s
  timeout server 20s
frontend all
  bind {listen}
  default_backend board
backend board
  server board 127.0.0.1:{port}
"""


def free() -> str:
    [opened] = listen(0, ["127.0.0.1"])
    with opened:
        return f"127.0.0.1:{opened.getsockname()[1]}"


@needs("nginx")
def test_nginx_on_the_same_machine_makes_nobody_local_t11(
    tmp_path: Path, files: tuple[str, str]
) -> None:
    """As it is configured by default it writes no header at all, and speaks HTTP/1.0."""
    with shown(tmp_path, "--policy", files[0], "--usage", files[1]) as (address, _):
        front, config = free(), tmp_path / "nginx.conf"
        port = address.rpartition(":")[2]
        config.write_text(NGINX.format(folder=tmp_path, listen=front, port=port))
        command = ["nginx", "-p", str(tmp_path), "-e", "stderr", "-c", str(config)]
        with running(command, front, tmp_path / "nginx.log"):
            plain, named = asked(front, "/"), asked(front, "/asked/")
            assert (plain.status, plain.all("location")) == (303, ["login"])
            assert named.status == 421
            assert b"acme" not in plain.body + named.body


@needs("haproxy")
@pytest.mark.parametrize(("origin", "status"), [("", 421), ("https://api.test", 303)])
def test_haproxy_on_the_same_machine_makes_nobody_local_t11(
    tmp_path: Path, files: tuple[str, str], origin: str, status: int
) -> None:
    """It speaks HTTP/1.1, writes no header, and keeps the name that was asked for.

    Whoever names the dashboard as the proxy is called gets the login.
    """
    arguments = ["--policy", files[0], "--usage", files[1]]
    with shown(tmp_path, *arguments, *(["--origin", origin] if origin else [])):
        line = told(tmp_path / "log", "listening on " if origin else "dashboard on ")
        port = line.replace(":", " ").rpartition(" ")[2]
        front, config = free(), tmp_path / "haproxy.cfg"
        config.write_text(HAPROXY.format(listen=front, port=port))
        with running(["haproxy", "-db", "-f", str(config)], front, tmp_path / "haproxy.log"):
            found = asked(front, "/")
        assert (found.status, b"acme" in found.body) == (status, False)


def reached(address: tuple[str, int]) -> socket.socket:
    until = time.monotonic() + 30
    while True:
        try:
            return socket.create_connection(address, 20)
        except OSError:
            assert time.monotonic() < until
            time.sleep(0.05)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--bind", "0.0.0.0"], "--origin"),
        (["--bind", "0.0.0.0", "--origin", "https://d.example"], "--without-tls"),
        (["--bind", "0.0.0.0", "--origin", "http://d.example", "--without-tls"], "--origin"),
        (["--origin", "https://d.example/path"], "without a path"),
        (["--origin", "ftp://d.example"], "--origin"),
        (["--origin", "nonsense"], "--origin"),
        (["--key", "key.pem"], "--certificate"),
        (["--certificate", "none.pem"], "--origin"),
        (["--certificate", "none.pem", "--origin", "https://localhost:1"], "can not be used"),
        (["--password-file", "none"], "No such file"),
        (["--usage", "none.db"], "no such store"),
        (["--policy", "none.toml"], "No such file"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value[:2]),
)
def test_what_can_not_be_started_t11(
    files: tuple[str, str], more: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    options = {"--policy": files[0], "--usage": files[1]}
    arguments = [text for name in options if name not in more for text in (name, options[name])]
    assert run(["gateway", "dashboard", *arguments, *more]) == 2
    out, err = capsys.readouterr()
    assert said in err
    assert out == ""


@pytest.mark.parametrize("data", [b"", b"\n", b"short", b"\xff" * 20], ids=["a", "b", "c", "d"])
def test_a_password_that_is_none(
    tmp_path: Path, files: tuple[str, str], data: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    word = tmp_path / "password"
    word.write_bytes(data)
    arguments = ["--policy", files[0], "--usage", files[1], "--password-file", str(word)]
    assert run(["gateway", "dashboard", *arguments]) == 2
    assert "password" in capsys.readouterr().err


@pytest.mark.parametrize("others", [False, True])
def test_a_signal_in_this_process_ends_it(
    tmp_path: Path,
    files: tuple[str, str],
    others: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In this process, so that what it does is seen by whoever measures."""
    monkeypatch.setenv(PASSWORD, WORD)
    lines = tmp_path / "usage.jsonl"
    lines.write_bytes(b"".join(write_lines([record("acme")], ["2022-02-01"])))
    more = ["--usage", files[1]]
    if others:
        made = new_server_identity("localhost", time.time())
        (tmp_path / "both.pem").write_bytes(made.chain + made.key)
        more = ["--records", str(lines), "--bind", "127.0.0.2", "--origin", "https://localhost:9"]
        more += ["--certificate", str(tmp_path / "both.pem"), "--at", "2022-02-01"]

    def end() -> None:
        until = time.monotonic() + 30
        while signal.getsignal(signal.SIGTERM) is signal.SIG_DFL and time.monotonic() < until:
            time.sleep(0.05)  # a signal that came earlier would end the tests
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=end)
    thread.start()
    arguments = ["--policy", files[0], "--port", "0", "--read-only"]
    assert run(["gateway", "dashboard", *arguments, *more]) == 0
    thread.join()
    assert "dashboard on " in capsys.readouterr().out
