from __future__ import annotations

import base64
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

import pytest
import services
from proxied import PLAIN as POLICY
from proxied import TOKEN, Answer, asked

from headway.cli.commands import run
from headway.cli.gateway.evidence import STORE
from headway.gateway.usage.store import open_usage
from headway.http.server import listen
from headway.store.files import KEY_VARIABLE

ROOT = Path(__file__).resolve().parents[3]


@contextmanager
def served(
    folder: Path,
    *more: str,
    policy: bytes = POLICY,
    code: str = "from headway.cli import main; main()",
    **environment: str,
) -> Iterator[tuple[subprocess.Popen[bytes], str, Path]]:
    file, log = folder / "policy.toml", folder / "log"
    file.write_bytes(policy)
    command = [sys.executable, "-c", code, "gateway", "serve"]
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [*command, "--policy", str(file), "--port", "0", *more],
            env={**os.environ, "PYTHONPATH": str(ROOT / "src"), **environment},
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
        try:
            line = told(log, "asked on ")
            yield process, line.removeprefix("asked on "), file
        finally:
            process.terminate()
            assert process.wait(20) in (0, -signal.SIGKILL)


def told(log: Path, words: str) -> str:
    """The line with *words*, once it is there."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        for line in log.read_text().splitlines():
            if words in line:
                return line
        time.sleep(0.05)
    raise AssertionError(log.read_text())


def test_it_answers_and_reads_the_policy_again(tmp_path: Path) -> None:
    counted = tmp_path / "usage.db"
    with served(tmp_path, "--access-log", "--usage", str(counted)) as (process, address, file):
        asks = (f"X-Original-URI: /rest?jwt={TOKEN}", "X-Original-Method: GET")
        assert asked(address, "/nginx", *asks).status == 401
        file.write_bytes(POLICY.replace(b"off = 2022-02-01", b"off = half"))
        process.send_signal(signal.SIGHUP)
        assert "policy.toml:9: is not TOML" in told(tmp_path / "log", "the policy stays as it was")
        assert asked(address, "/nginx", *asks).status == 401
        file.write_bytes(POLICY.replace(b"off = 2022-02-01", b"off = 2099-02-01"))
        process.send_signal(signal.SIGHUP)
        told(tmp_path / "log", "is read anew")
        assert asked(address, "/nginx", *asks).status == 204
    log = (tmp_path / "log").read_text()
    assert "127.0.0.1 nginx 204 pass -" in log
    assert "rest" not in log
    assert "eyJ" not in log
    store = open_usage(counted)
    assert sum(record.count for record in store.records()) == 3
    store.close()


def test_the_file_says_where_it_counts_and_what_it_answers_itself(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    more = b'[usage]\nstore = "u.db"\n'
    with served(tmp_path, policy=POLICY + more) as (_, address, _):
        told_ = asked(address, "/.well-known/oauth-protected-resource/v2")
        assert (told_.status, json.loads(told_.body)["resource"]) == (200, "https://api.test/v2")
        refused = asked(
            address, "/nginx", f"X-Original-URI: /v2?jwt={TOKEN}", "X-Original-Method: GET"
        )
        assert "resource_metadata=" in str(refused.headers)
    store = open_usage(tmp_path / "u.db")
    assert sum(record.count for record in store.records()) == 1
    store.close()


def test_postgresql_goes_down_and_decisions_go_on(tmp_path: Path) -> None:
    """Counts stay in memory, within the bounds of [usage]; the log says so, and they arrive."""
    if services.postgresql_programs() is None:
        pytest.skip("no PostgreSQL programs on this machine")
    server = services.PostgreSQL()
    try:
        address = server.new_database()
        more = b"[usage]\nbatch_seconds = 1\n"
        environment = {STORE: address, KEY_VARIABLE: base64.b64encode(bytes(range(32))).decode()}
        asks = (f"X-Original-URI: /rest?jwt={TOKEN}", "X-Original-Method: GET")
        with served(tmp_path, policy=POLICY + more, **environment) as (_, service, _):
            assert asked(service, "/nginx", *asks).status == 401
            server.stop()
            for _ in range(3):
                assert asked(service, "/nginx", *asks).status == 401
            told(tmp_path / "log", "usage is kept in memory")
            assert asked(service, "/nginx", *asks).status == 401
            server.start()
        store = open_usage(address)
        assert sum(record.count for record in store.records()) == 5
        store.close()
        log = (tmp_path / "log").read_text()
        assert "eyJ" not in log
        assert "Traceback" not in log
    finally:
        server.close()


def test_killed_and_started_again_it_holds_nothing_that_was_lost(tmp_path: Path) -> None:
    """No state: the same file, the same answers; what was counted since the last batch is gone."""
    (tmp_path / "one").mkdir()
    asks = (f"X-Original-URI: /rest?jwt={TOKEN}", "X-Original-Method: GET")
    with served(tmp_path / "one") as (process, service, _):
        before = asked(service, "/nginx", *asks)
        process.kill()
        process.wait(20)
    with served(tmp_path, "--port", service.rpartition(":")[2]) as (_, again, _):
        assert again == service
        assert asked(service, "/nginx", *asks) == before


def test_what_it_did_is_scraped(tmp_path: Path) -> None:
    """A real process, asked by a proxy and read by somebody else on another port."""
    with served(tmp_path, "--metrics-port", "0") as (_, address, _):
        asks = (f"X-Original-URI: /rest?jwt={TOKEN}", "X-Original-Method: GET")
        assert asked(address, "/nginx", *asks).status == 401
        assert asked(address, "/nginx").status == 403
        page = told(tmp_path / "log", "metrics on ").removeprefix("metrics on ")
        with urllib.request.urlopen(page, timeout=20) as answer:
            told_ = answer.read().decode()
    assert 'door="nginx",id="token-in-query",outcome="refuse"} 1.0' in told_
    assert 'headway_gateway_failures_total{door="nginx",id="original-missing"} 1.0' in told_
    assert "eyJ" not in told_


def test_a_pause_on_the_dashboard_counts_within_seconds(tmp_path: Path) -> None:
    """Off is off, somebody presses the button, and the next requests pass."""
    counted, word = tmp_path / "data" / "usage.db", "a long enough password"
    options = ("--dashboard", "0", "--usage", str(counted))
    with served(tmp_path, *options, HEADWAY_DASHBOARD_PASSWORD=word) as (_, address, file):
        asks = (f"X-Original-URI: /rest?jwt={TOKEN}", "X-Original-Method: GET")
        assert asked(address, "/nginx", *asks).status == 401
        board = told(tmp_path / "log", "dashboard on ").partition("://")[2]
        [cookie] = posted(board, "/login", password=word).all("set-cookie")
        sent = f"Cookie: {cookie.partition(';')[0]}"
        csrf = re.search(rb'name="csrf" value="(\w+)"', posted(board, "/", sent).body)
        assert csrf is not None
        fields = {"location": "jwt", "who": "ann", "why": "a week", "csrf": csrf[1].decode()}
        assert posted(board, "/pause", sent, **fields).status == 303
        assert 'why = "a week"' in file.read_text()
        until = time.monotonic() + 30
        while asked(address, "/nginx", *asks).status != 204:
            assert time.monotonic() < until
            time.sleep(0.2)
    assert word not in (tmp_path / "log").read_text()


def posted(address: str, path: str, *lines: str, **fields: str) -> Answer:
    """What the dashboard at *address* answers to a form, or to nothing."""
    port = address.rpartition(":")[2]
    body = urlencode(fields)
    method = "POST" if fields else "GET"
    head = [f"{method} {path} HTTP/1.1", f"Host: {address}", "Connection: close", *lines]
    head += ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}"]
    with socket.create_connection(("127.0.0.1", int(port)), 20) as opened:
        opened.sendall("\r\n".join([*head, "", body]).encode())
        answer = http.client.HTTPResponse(opened, method=method)
        answer.begin()
        with answer:
            return Answer(answer.status, answer.getheaders(), answer.read())


PROVIDER = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))
trace.set_tracer_provider(provider)
from headway.cli import main
main()
"""


def test_spans_go_where_the_process_sends_them(tmp_path: Path) -> None:
    """As somebody sets OpenTelemetry up: a provider of the process, before the command runs."""
    with served(tmp_path, "--traces", code=PROVIDER) as (_, address, _):
        asks = (f"X-Original-URI: /rest?a=1&jwt={TOKEN}", "X-Original-Method: GET")
        parent = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        assert asked(address, "/nginx", *asks, parent).status == 401
        told(tmp_path / "log", '"headway.id": "token-in-query"')
    log = (tmp_path / "log").read_text()
    assert '"url.query": "a=1&jwt=REDACTED"' in log
    assert '"trace_id": "0x0af7651916cd43dd8448eb211c80319c"' in log
    assert "eyJ" not in log


def test_a_policy_that_asks_for_proof_does_not_start_without(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "policy.toml"
    file.write_bytes(POLICY + b'[verify]\nby = "connect"\nstore = "a.db"\nclient_key = "k"\n')
    assert run(["gateway", "serve", "--policy", str(file)]) == 2
    assert "HEADWAY_STORE_KEY" in capsys.readouterr().err


def test_others_ask_only_when_they_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "policy.toml"
    file.write_bytes(POLICY)
    assert run(["gateway", "serve", "--policy", str(file), "--bind", "0.0.0.0"]) == 2
    assert "--peer" in capsys.readouterr().err
    with served(tmp_path, "--peer", "192.0.2.1") as (_, address, _):
        assert asked(address, "/nginx", "X-Original-URI: /", "X-Original-Method: GET").status == 403


def test_a_port_that_is_taken_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "policy.toml"
    file.write_bytes(POLICY)
    [taken] = listen(0, ["127.0.0.1"])
    with taken:
        port = str(taken.getsockname()[1])
        assert run(["gateway", "serve", "--policy", str(file), "--port", port]) == 2
    assert "can not be had" in capsys.readouterr().err


def test_a_signal_in_this_process_ends_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In this process, so that what it does is seen by whoever measures."""
    file = tmp_path / "policy.toml"
    file.write_bytes(POLICY)

    def turns() -> None:
        until = time.monotonic() + 30
        while signal.getsignal(signal.SIGTERM) is signal.SIG_DFL and time.monotonic() < until:
            time.sleep(0.05)  # a signal that came earlier would end the tests
        time.sleep(0.5)
        file.write_bytes(POLICY.replace(b'"api"', b'"new"'))
        os.kill(os.getpid(), signal.SIGHUP)
        time.sleep(0.3)
        file.write_bytes(b"name = ")
        os.kill(os.getpid(), signal.SIGHUP)
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=turns)
    thread.start()
    assert (
        run(
            [
                "gateway",
                "serve",
                "--policy",
                str(file),
                "--port",
                "0",
                "--access-log",
                "--grpc-port",
                "0",
                "--metrics-port",
                "0",
                "--traces",
                "--usage",
                str(tmp_path / "usage.db"),
            ]
        )
        == 0
    )
    thread.join()
    told = capsys.readouterr()
    assert "\nEnvoy asks on 127.0.0.1:" in told.out
    assert told.out.startswith("metrics on http://127.0.0.1:")
    assert "\nasked on 127.0.0.1:" in told.out
    assert "is read anew" in told.err
    assert "the policy stays as it was" in told.err
