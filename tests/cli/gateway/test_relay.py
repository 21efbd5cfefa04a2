"""``headway gateway relay`` as a person starts it."""

from __future__ import annotations

import os
import re
import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from relayed import MOVED, OK, TOKEN, Upstream, answers, everything, head, passing, upstream

from headway.cli.commands import run
from headway.errors import ConfigurationError
from headway.gateway.usage.store import open_usage
from headway.http.server import listen

PASSWORD = "a password of the proxy"
SECONDS = 30


class Told:
    """Standard output, until it says that all is ready; then *work* is done, and the relay ends."""

    def __init__(self, work: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> None:
        self._text, self._work = "", work
        self.failure: BaseException | None = None
        monkeypatch.setattr("builtins.print", self._print)

    def _print(self, *words: object, **_: object) -> None:
        self._text += " ".join(map(str, words)) + "\n"
        if "# ready" in words:
            threading.Thread(target=self._do).start()

    def _do(self) -> None:
        try:
            self._work(self._text)
        except BaseException as failure:  # noqa: BLE001 - it is raised where the test waits
            self.failure = failure
        os.kill(os.getpid(), signal.SIGTERM)


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Run the command with *arguments* in this process while *work* is done."""

    def runs(work: Callable[[str], None], *arguments: str) -> None:
        told = Told(work, monkeypatch)
        assert run(["gateway", "relay", "--port", "0", *arguments]) == 0
        if told.failure is not None:
            raise told.failure

    return runs


def proxy_of(text: str) -> int:
    found = re.search(r'^export https_proxy="http://(?:\S+@)?127\.0\.0\.1:(\d+)"$', text, re.M)
    assert found is not None, text
    return int(found[1])


def asked(port: int, raw: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), SECONDS) as connection:
        connection.sendall(raw)
        return everything(connection)


def get(site: Upstream, query: str = "") -> bytes:
    return (
        f"GET {site.url}/a{query} HTTP/1.1\r\nHost: localhost:{site.port}\r\n"
        "Connection: close\r\n\r\n"
    ).encode()


def test_a_site_by_proxy_and_by_base_url(
    running: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    counted = tmp_path / "usage.db"
    with upstream(answers(OK, OK)) as site:

        def work(text: str) -> None:
            assert b"200 OK" in asked(proxy_of(text), get(site, f"?jwt={TOKEN}"))
            base = re.search(rf"^# {site.url} is http://127\.0\.0\.1:(\d+)$", text, re.M)
            assert base is not None
            assert "authority" not in text  # there is no name to prove
            port = int(base[1])
            lines = (f"GET /b?jwt={TOKEN} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Connection: close")
            assert b"200 OK" in asked(port, "\r\n".join([*lines, "", ""]).encode())

        running(work, site.url, "--base-url-for", site.url, "--usage", str(counted))
    assert [f"Authorization: {MOVED}".encode() in each for each in site.heard] == [True, True]
    log = capsys.readouterr().err
    assert f"GET {site.url}/a 200 moved jwt" in log
    assert TOKEN not in log
    store = open_usage(counted)
    assert sum(record.count for record in store.records()) == 2
    store.close()


def test_https_and_what_a_program_is_told(
    running: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "relay"
    with upstream(answers(OK), tmp_path) as site:

        def work(text: str) -> None:
            file = re.search(r"^export NODE_EXTRA_CA_CERTS=(\S+)$", text, re.M)
            whole = re.search(r"^export REQUESTS_CA_BUNDLE=(\S+)$", text, re.M)
            assert file is not None
            assert whole is not None
            assert whole[1].endswith("bundle.pem")  # everybody's too: there are tunnels
            assert "keytool -importcert" in text
            with socket.create_connection(("127.0.0.1", proxy_of(text)), SECONDS) as connection:
                host = f"localhost:{site.port}"
                connection.sendall(f"CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
                assert b" 200 " in head(connection)
                context = ssl.create_default_context(cafile=file[1])
                with context.wrap_socket(connection, server_hostname="localhost") as program:
                    program.sendall(
                        f"GET /a?t={TOKEN} HTTP/1.1\r\nHost: {host}\r\n"
                        "Connection: close\r\n\r\n".encode()
                    )
                    assert b"200 OK" in everything(program)

        running(
            work, site.url, "--upstream-ca", str(site.authority), "--folder", str(folder),
            "--parameter", "t", "--header", "X-Key", "--scheme", "", "--tunnel", "Other.example",
            "--quiet",
        )  # fmt: skip
    assert f"X-Key: {TOKEN}".encode() in site.heard[0]
    assert capsys.readouterr().err == ""
    assert sorted(path.name for path in folder.iterdir()) == ["authority.pem", "bundle.pem"]


def test_a_policy_file_and_a_password(
    running: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy, secret = tmp_path / "policy.toml", tmp_path / "password"
    policy.write_text(
        'name = "api"\n[[location]]\nname = "key"\nparameters = ["k"]\noff = 2020-01-01\n'
        '[[location]]\nname = "jwt"\nparameters = ["jwt"]\n'
    )
    secret.write_text(PASSWORD + "\n")
    secret.chmod(0o600)
    with upstream(answers(OK, OK)) as site:

        def work(text: str) -> None:
            assert PASSWORD not in text
            assert "http://relay:$HEADWAY_RELAY_PASSWORD@127.0.0.1:" in text
            assert b" 407 " in asked(proxy_of(text), get(site))
            told = b"Proxy-Authorization: Basic cmVsYXk6YSBwYXNzd29yZCBvZiB0aGUgcHJveHk=\r\n"
            raw = get(site, "?k=T&jwt=J").replace(b"Connection", told + b"Connection")
            assert b"200 OK" in asked(proxy_of(text), raw)

        running(
            work, site.url, "--policy", str(policy), "--location", "key", "--observe",
            "--password-file", str(secret),
        )  # fmt: skip
    assert b"GET /a?k=T&jwt=J " in site.heard[0]
    assert "would move key" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "which site"),
        (["https://a.example", "--bind", "0.0.0.0"], "of this machine alone"),
        (["site.example"], "is no site"),
        (["http://site.example"], "on this machine only"),
        (["https://a.example", "--location", "jwt"], "--policy"),
        (["https://a.example", "--policy", "p.toml", "--parameter", "t"], "use one of the two"),
        (["https://a.example", "--policy", "nowhere.toml"], "No such file"),
        (["https://a.example", "--header", "A B"], "no name of a header"),
        (["https://a.example", "--password-file", "nowhere"], "there is no such file"),
        (["https://a.example", "--upstream-ca", "nowhere"], "holds no certificates"),
        (["https://a.example", "--via", "http://u:p@h:1"], "--via: a password stands in $HEADWAY"),
        (["https://a.example", "--via", "h:1"], "is written http://name:port"),
        (["https://a.example", "--via", "http://h:1", "--tunnel", "*"], "--tunnel: leads to pub"),
    ],
)
def test_what_cannot_work_is_said_at_the_start(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["gateway", "relay", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_passwords_that_are_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HEADWAY_RELAY_PASSWORD", "short")
    assert run(["gateway", "relay", "https://a.example"]) == 2
    told = capsys.readouterr().err
    assert "at least 16" in told
    assert "short" not in told
    monkeypatch.setenv("HEADWAY_RELAY_PASSWORD", PASSWORD)
    assert run(["gateway", "relay", "--base-url-for", "https://a.example"]) == 2
    assert "no place for the proxy's password" in capsys.readouterr().err


def test_a_port_that_is_taken_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    [taken] = listen(0, ["127.0.0.1"])
    with taken:
        port = str(taken.getsockname()[1])
        assert run(["gateway", "relay", "https://a.example", "--port", port]) == 2
    assert "can not be had" in capsys.readouterr().err


def test_on_the_other_loopback(running: Callable[..., None]) -> None:
    try:
        listen(0, ["::1"])[0].close()
    except ConfigurationError:
        pytest.skip("this machine has no ::1")
    with upstream(answers(OK)) as site:

        def work(text: str) -> None:
            assert re.search(r'^export http_proxy="http://\[::1\]:\d+"$', text, re.M)
            base = re.search(r"is http://\[::1\]:(\d+)$", text, re.M)
            assert base is not None
            with socket.create_connection(("::1", int(base[1])), SECONDS) as connection:
                connection.sendall(f"GET /?jwt={TOKEN} HTTP/1.1\r\n".encode())
                connection.sendall(f"Host: [::1]:{base[1]}\r\n\r\n".encode())
                assert b"200 OK" in head(connection)

        running(work, "--base-url-for", site.url, "--bind", "::1")
    assert f"Authorization: {MOVED}".encode() in site.heard[0]


def test_a_policy_file_that_changes_counts(
    running: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = tmp_path / "policy.toml"
    text = 'name = "api"\n[[location]]\nname = "key"\nparameters = ["%s"]\nheader = "X-Key"\n'
    policy.write_text(text % "k")
    with upstream(answers(OK)) as site:

        def moved(port: int, parameter: str) -> bool:
            asked(port, get(site, f"?{parameter}=T"))
            return b"X-Key: Bearer T" in site.heard[-1]

        def until(port: int, parameter: str, wanted: bool) -> None:
            end = time.monotonic() + SECONDS
            while moved(port, parameter) is not wanted:
                assert time.monotonic() < end
                time.sleep(0.02)

        def work(told: str) -> None:
            port = proxy_of(told)
            assert moved(port, "k")
            assert not moved(port, "other")
            policy.write_text(text % "other")
            os.kill(os.getpid(), signal.SIGHUP)
            until(port, "other", True)
            assert not moved(port, "k")
            policy.write_text("rubbish")
            os.kill(os.getpid(), signal.SIGHUP)
            assert moved(port, "other")
            policy.write_text(text.replace('"key"', '"another"') % "k")  # not the one that is meant
            os.kill(os.getpid(), signal.SIGHUP)
            assert moved(port, "other")

        running(work, site.url, "--policy", str(policy), "--location", "key")
    told = capsys.readouterr().err
    assert "the policy api is read anew" in told
    assert told.count("the policy stays as it was") == 2
    assert "there is no location 'key'" in told


def test_metrics(running: Callable[..., None]) -> None:
    with upstream(answers(OK)) as site:

        def work(text: str) -> None:
            asked(proxy_of(text), get(site, f"?jwt={TOKEN}"))
            asked(proxy_of(text), b"GET http://other.test/ HTTP/1.1\r\nHost: other.test\r\n\r\n")
            found = re.search(r"^# metrics on http://127\.0\.0\.1:(\d+)(/\S+)$", text, re.M)
            assert found is not None
            lines = f"GET {found[2]} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            told = asked(int(found[1]), lines.encode()).decode()
            for counted in (
                'headway_gateway_decisions_total{door="relay",id="",outcome="pass"} 1.0',
                'headway_gateway_failures_total{door="relay",id="site-not-named"} 1.0',
                'headway_gateway_uses_total{location="jwt",outcome="pass",phase="open",',
            ):
                assert counted in told

        running(work, site.url, "--metrics-port", "0")


def test_sites_are_reached_by_a_proxy(
    running: Callable[..., None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with upstream(answers(OK), tmp_path) as site, upstream(passing(site.port)) as proxy:
        monkeypatch.setenv("HEADWAY_RELAY_VIA", f"http://me:secretword@127.0.0.1:{proxy.port}")

        def work(text: str) -> None:
            base = re.search(rf"^# {site.url} is http://127\.0\.0\.1:(\d+)$", text, re.M)
            assert base is not None
            line = f"GET /a?jwt={TOKEN} HTTP/1.1\r\nHost: 127.0.0.1:{base[1]}\r\n"
            raw = f"{line}Connection: close\r\n\r\n".encode()
            assert b"200 OK" in asked(int(base[1]), raw)

        running(work, "--base-url-for", site.url, "--upstream-ca", str(site.authority))
    assert f"Authorization: {MOVED}".encode() in site.heard[0]
    [connect] = proxy.heard
    assert connect.startswith(f"CONNECT localhost:{site.port} ".encode())
    told = capsys.readouterr()
    assert "secretword" not in told.out + told.err
