from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from proxied import PLAIN as POLICY
from proxied import TOKEN, Upstream, asked

from certificates import Authority
from headway.cli.commands import run
from headway.gateway.usage.store import open_usage
from headway.http.server import listen
from proxy_run import Wire

ROOT = Path(__file__).resolve().parents[3]
PASSES = POLICY.replace(b"off = 2022-02-01", b"off = 2099-02-01")


def told(log: Path, words: str) -> str:
    """The line with *words*, once it is there."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        for line in log.read_text().splitlines():
            if words in line:
                return line
        time.sleep(0.05)
    raise AssertionError(log.read_text())


@contextmanager
def started(
    folder: Path, *more: str, policy: bytes = PASSES, log_name: str = "log"
) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The command in a process of its own, and the address that it says."""
    (folder / "policy.toml").write_bytes(policy)
    log = folder / log_name
    command = [sys.executable, "-c", "from headway.cli import main; main()", "gateway", "run"]
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [*command, "--policy", str(folder / "policy.toml"), "--port", "0", *more],
            env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
        try:
            yield process, told(log, " -> ").partition(" -> ")[0].partition("://")[2]
        finally:
            process.terminate()
            assert process.wait(30) == 0


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    opened = Upstream()
    yield opened
    opened.close()


def test_it_stands_in_front_counts_and_reads_again(tmp_path: Path, upstream: Upstream) -> None:
    counted, log = tmp_path / "usage.db", tmp_path / "log"
    options = ("--upstream", f"http://{upstream.address}", "--access-log", "--usage", str(counted))
    with started(tmp_path, *options) as (process, address):
        assert asked(address, f"/rest?a=%2F&jwt={TOKEN}").body == f"JWT {TOKEN}".encode()
        assert upstream.got[0].target == "/rest?a=%2F"
        assert "nothing is verified" in told(log, "nothing is verified")
        (tmp_path / "policy.toml").write_bytes(b"half")
        process.send_signal(signal.SIGHUP)
        told(log, "the policy stays as it was")
        (tmp_path / "policy.toml").write_bytes(POLICY)
        process.send_signal(signal.SIGHUP)
        told(log, "is read anew")
        assert asked(address, f"/rest?jwt={TOKEN}").status == 401
    text = log.read_text()
    assert "127.0.0.1 GET /rest 200 " in text
    assert "127.0.0.1 GET /rest 401 " in text
    assert "stopping: what has begun may end" in text
    assert "eyJ" not in text
    assert "%2F" not in text
    store = open_usage(counted)
    assert sorted(record.outcome for record in store.records()) == ["pass", "token-in-query"]
    store.close()


def test_what_it_did_is_scraped(tmp_path: Path, upstream: Upstream) -> None:
    options = ("--upstream", f"http://{upstream.address}", "--metrics-port", "0", "--traces")
    with started(tmp_path, *options) as (_, address):
        assert asked(address, f"/rest?jwt={TOKEN}").status == 200
        assert asked(address, "/rest", "Transfer-Encoding: gzip").status == 501
        page = told(tmp_path / "log", "metrics on ").removeprefix("metrics on ")
        with urllib.request.urlopen(page, timeout=20) as answer:
            found = answer.read().decode()
    assert 'decisions_total{door="run",id="",outcome="pass"} 1.0' in found
    assert 'failures_total{door="run",id="coding-unknown"} 1.0' in found
    assert "eyJ" not in found


def test_a_renewed_certificate_counts_from_then_on(tmp_path: Path, upstream: Upstream) -> None:
    first, second = Authority(tmp_path), Authority(tmp_path, "second")
    pair = first.pair("server")
    options = ("--tls-certificate", str(pair.certificate), "--tls-key", str(pair.key))
    with started(tmp_path, "--upstream", f"http://{upstream.address}", *options) as (
        process,
        address,
    ):
        asks = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        with Wire(address, first.trusting()) as wire:
            assert wire.send(asks).told().status == 200
        good = pair.certificate.read_bytes()
        pair.certificate.write_bytes(b"half")
        process.send_signal(signal.SIGHUP)
        told(tmp_path / "log", "the certificate stays as it was")
        pair.certificate.write_bytes(good)
        second.pair("server")  # over the old files
        process.send_signal(signal.SIGHUP)
        until = time.monotonic() + 30
        while time.monotonic() < until:
            with contextlib.suppress(OSError), Wire(address, second.trusting()) as wire:
                assert wire.send(asks).told().status == 200
                return
        raise AssertionError("the new certificate is not shown")


def test_t12_two_processes_race_one_ticket_and_one_wins(tmp_path: Path, upstream: Upstream) -> None:
    policy = PASSES + b'[tickets]\nstore = "tickets.db"\n'
    options = ("--upstream", f"http://{upstream.address}", "--access-log")
    with (
        started(tmp_path, *options, policy=policy) as (_, first),
        started(tmp_path, *options, policy=policy, log_name="second") as (_, second),
        ThreadPoolExecutor(2) as both,
    ):
        assert told(tmp_path / "log", "tickets at ") == "tickets at /headway/ticket, for 30 s"
        asks = "/headway/ticket?for=%2Ffile%3Fid%3D5"
        for _ in range(20):
            made = asked(first, asks, f"Authorization: JWT {TOKEN}", method="POST")
            assert made.status == 201
            url = json.loads(made.body)["url"]
            answers = [both.submit(asked, address, url) for address in (first, second)]
            statuses = sorted(each.result(30).status for each in answers)
            assert statuses == [200, 401]
        kept = asked(first, asks, f"Authorization: JWT {TOKEN}", method="POST").body
    assert len(upstream.got) == 20
    assert {(got.target, *got.all("authorization")) for got in upstream.got} == {
        ("/file?id=5", f"JWT {TOKEN}")
    }
    dump = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    ticket = json.loads(kept)["url"].rpartition("=")[2].encode()
    for secret in (TOKEN.encode(), ticket):
        assert secret not in dump


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        (["--upstream", "127.0.0.1:80"], "upstream: write http://host:port"),
        (["--upstream", "http://a/b"], "upstream: has no path"),
        (["--upstream", "http://a", "--bind", "0.0.0.0"], "tokens would travel in the clear"),
        (["--upstream", "http://a", "--tls-key", "x"], "go together"),
        (["--upstream", "http://a", "--client-ca", "x"], "--client-ca: needs"),
        (["--upstream", "http://a", "--client-certificate", "x"], "is required or optional"),
        (["--upstream", "http://a", "--upstream-ca", "nothing.pem"], "holds no certificates"),
        (["--upstream", "http://a", "--tls-key", "x", "--tls-certificate", "y"], "no such file"),
        (["--upstream", "http://a", "--balance", "x"], "--balance: is one of least-busy"),
        (["--upstream", "http://a", "--forwarded", "x"], "--forwarded: is one of x-forwarded"),
        (["--upstream", "http://a", "--believe", "x"], "peer: 'x' does not appear"),
        (["--upstream", "http://a", "--host", "a b"], "host: is keep, upstream, or a name"),
        (["--upstream", "http://a", "--via", "a b"], "via: 1 to 64 of"),
        (["--upstream", "http://a", "--limit", "x=1"], "--limit x: is one of head, headers"),
        (["--upstream", "http://a", "--limit", "head=x"], "--limit head: 'x' is no number"),
        (["--upstream", "http://a", "--limit", "head=nan"], "--limit head: 'nan' is no number"),
        (["--upstream", "http://a", "--limit", "head=0"], "the limit head: is at least 1"),
        (["--upstream", "http://a", "--timeout", "head=-1"], "more than 0 seconds"),
        (["--upstream", "http://a", "--timeout", "head=nan"], "more than 0 seconds"),
        (["--upstream", "http://a", "--health-path", "x"], "the health path: begins with /"),
    ],
)
def test_what_can_not_work_is_said_at_the_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], wrong: str
) -> None:
    (tmp_path / "policy.toml").write_bytes(PASSES)
    command = ["gateway", "run", "--policy", str(tmp_path / "policy.toml"), *options]
    assert run(command) == 2
    assert wrong in capsys.readouterr().err


def test_a_port_that_is_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "policy.toml").write_bytes(PASSES)
    [opened] = listen(0, ["127.0.0.1"])
    port = str(opened.getsockname()[1])
    command = ["gateway", "run", "--policy", str(tmp_path / "policy.toml"), "--port", port]
    with opened:
        assert run([*command, "--upstream", "http://a"]) == 2
    assert "can not be had" in capsys.readouterr().err


def test_it_runs_here_until_it_is_told_to_stop(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In this process, so that what it does is seen to be covered."""
    import threading

    pair = Authority(tmp_path).pair()
    (tmp_path / "policy.toml").write_bytes(PASSES)

    def signals() -> None:
        until = time.monotonic() + 30
        while "-> a:80" not in seen(capsys) and time.monotonic() < until:
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGHUP)
        pair.certificate.write_bytes(b"half")
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGHUP)
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGTERM)

    texts: list[str] = []

    def seen(capture: pytest.CaptureFixture[str]) -> str:
        texts.append(capture.readouterr().out)
        return "".join(texts)

    thread = threading.Thread(target=signals)
    thread.start()
    options = ["--bind", "::1", "--tls-certificate", str(pair.certificate)]
    options += ["--tls-key", str(pair.key), "--limit", "body=10", "--timeout", "grace=1"]
    command = ["gateway", "run", "--policy", str(tmp_path / "policy.toml"), "--port", "0"]
    assert run([*command, "--upstream", "http://a:80", *options]) == 0
    thread.join()
    text = seen(capsys)
    assert text.startswith("https://[::1]:")
    assert "the certificate stays as it was" in text
