"""``headway scan logs --engine dask`` on real schedulers and workers."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from distributed import Client

from certificates import Authority
from e2e.clusters import KEY, Cluster, Killing, cluster
from e2e.stores import SECRET, amazon
from headway.cli.commands import run
from headway.scan.cluster import connection
from headway.scan.cluster.connection import connected
from headway.scan.cluster.order import facts
from headway.scan.cluster.scheduler import Scheduler, Tls, parse_scheduler, security_of
from headway.scan.cluster.sharing import scan_shared
from headway.scan.findings import Finding, Fingerprints
from headway.scan.report.machine import Collecting
from headway.scan.scanning import Telling, scan_logs
from headway.scan.stores.objects import store_of
from headway.scan.summary import Summary
from scan.corpus import filled, secrets_in

PRINTS = Fingerprints(bytes.fromhex(KEY))
LINE = filled('192.0.2.1 - - [01/Jan/2026:00:00:04 +0000] "GET /a?jwt={T} HTTP/1.1" 200 1\n')
OTHER = filled('192.0.2.2 - - [02/Jan/2026:00:00:04 +0000] "GET /b?jwt={OTHER} HTTP/1.1" 200 1\n')


@pytest.fixture(scope="module", autouse=True)
def _key() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADWAY_SCAN_KEY", KEY)
        yield


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    """The certificate that all of the cluster have."""
    folder = tmp_path_factory.mktemp("tls")
    authority = Authority(folder)
    pair = authority.pair("cluster")
    return Tls(authority.certificate, pair.certificate, pair.key)


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory, tls: Tls) -> Iterator[Cluster]:
    """A cluster that speaks TLS, with an object store, and two workers."""
    arguments = ["--protocol", "tls", "--tls-ca-file", f"{tls.ca}", "--tls-cert", f"{tls.cert}",
                 "--tls-key", f"{tls.key}"]  # fmt: skip
    with ExitStack() as stack:
        environment = stack.enter_context(amazon())
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in environment.items():
            patch.setenv(name, value)
        store_of.cache_clear()
        folder = tmp_path_factory.mktemp("secured")
        made = stack.enter_context(cluster(folder, environment, arguments))
        made.worker()
        made.worker()
        yield made
        store_of.cache_clear()


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster on loopback without TLS, and without workers."""
    with cluster(tmp_path_factory.mktemp("plain"), {}) as made:
        yield made


def options(of: Cluster, tls: Tls) -> list[str]:
    """Of the command line."""
    return ["--engine", "dask", "--scheduler", of.address, "--tls-ca", f"{tls.ca}",
            "--tls-cert", f"{tls.cert}", "--tls-key", f"{tls.key}"]  # fmt: skip


def told(capsys: pytest.CaptureFixture[str]) -> tuple[list[Any], dict[str, Any]]:
    """Findings and summary of a report in JSON Lines."""
    *findings, last = map(json.loads, capsys.readouterr().out.splitlines())
    return findings, last["summary"]


def once(findings: list[Finding]) -> dict[str, tuple[str, int | None, int]]:
    """Fingerprints: where each was found first, and how often."""
    times: Counter[str] = Counter()
    for each in findings:
        times[each.fingerprint] += int(each.context.get("times", "1"))
    first = {each.fingerprint: each.place for each in reversed(findings)}
    return {print_: (at.path, at.line, times[print_]) for print_, at in first.items()}


def whole(*named: str) -> tuple[Summary, list[Finding]]:
    """What one process finds."""
    report = Collecting()
    return scan_logs(named, Telling(report, PRINTS)), report.findings


def test_files_of_a_shared_file_system_over_tls(
    secured: Cluster, tls: Tls, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.log").write_bytes(b"first\n" + LINE * 20 + OTHER)
    (tmp_path / "b.gz").write_bytes(gzip.compress(LINE * 5))
    assert secured.address.startswith("tls://")
    code = run(["scan", "logs", str(tmp_path), "--format", "jsonl", *options(secured, tls)])
    findings, summary = told(capsys)
    expected, _ = whole(str(tmp_path))
    assert code == 1
    assert summary == json.loads(json.dumps(expected.as_data()))
    assert [(each["place"]["line"], each["context"].get("times")) for each in findings] == [
        (2, "20"), (22, None), (1, "5"),
    ]  # fmt: skip


def test_objects_in_ranges_and_no_secret_on_the_way(
    secured: Cluster, tls: Tls, tmp_path: Path
) -> None:
    """T27: what the scheduler is given has no token, no credential and no key."""
    files = store_of("s3")._files
    files.mkdir("logs-of-cluster")
    content = (LINE * 50 + OTHER) * 20
    files.pipe_file("logs-of-cluster/big.log", content)
    files.pipe_file("logs-of-cluster/packed.gz", gzip.compress(OTHER * 9))
    expected, findings = whole("s3://logs-of-cluster")
    summary, found, killing = shared(secured, tls, "s3://logs-of-cluster", length=16_384)
    assert summary.as_data() == expected.as_data()
    assert once(found) == once(findings)
    assert killing is None
    listing = Client(secured.address, security=security(secured, tls), set_as_default=False)
    with listing:
        assert len(listing.nthreads()) == 2


def security(of: Cluster, tls: Tls) -> Any:
    """What a client of *of* needs."""
    return security_of(parse_scheduler(of.address, tls), tls)


def shared(
    of: Cluster, tls: Tls, *named: str, length: int, victim: Any = None
) -> tuple[Summary, list[Finding], Killing | None]:
    """What the cluster finds; *victim* is ended while it works."""
    report, here = Collecting(), facts(PRINTS)
    scheduler = parse_scheduler(of.address, tls)
    with ExitStack() as stack:
        killing = None
        if victim is not None:
            watching = Client(
                of.address, security=security_of(scheduler, tls), set_as_default=False
            )
            killing = Killing(stack.enter_context(watching), *victim)
            killing.start()
            stack.callback(killing.join)
        workers = stack.enter_context(connected(scheduler, tls, here, (), frozenset()))
        telling = Telling(report, PRINTS)
        summary = scan_shared(named, telling, workers, here, length=length)
    return summary, report.findings, killing


def test_a_worker_that_is_killed_costs_a_retry_and_no_finding(
    secured: Cluster, tls: Tls, tmp_path: Path
) -> None:
    """T27 too: what the scheduler holds while the scan runs has nothing that is secret."""
    for number in range(3):
        (tmp_path / f"{number}.log").write_bytes((LINE * 200 + OTHER + b"nothing\n") * 12)
    expected, findings = whole(str(tmp_path))
    for _ in range(3):  # it may be done before anybody looks
        victim = secured.worker()
        summary, found, killing = shared(secured, tls, str(tmp_path), length=65_536, victim=victim)
        assert killing is not None
        if killing.held:
            break
    assert victim[0].poll() == -9
    assert killing.held, "it had no work when it was killed"
    assert all(key.startswith("headway-scan-") for key in killing.held)
    assert summary.as_data() == expected.as_data()
    assert once(found) == once(findings)
    assert (summary.total, summary.unread) == (3 * 12 * 201, [])
    assert str(tmp_path).encode() in killing.sent
    assert secrets_in(killing.sent) == []
    assert SECRET.encode() not in killing.sent
    assert KEY.encode() not in killing.sent
    assert bytes.fromhex(KEY) not in killing.sent


def test_what_is_known_is_held_back_by_workers(
    secured: Cluster, tls: Tls, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.log").write_bytes(LINE * 3 + OTHER)
    known = tmp_path / "known.json"
    arguments = ["scan", "logs", str(tmp_path / "a.log"), *options(secured, tls)]
    assert run([*arguments, "--write-baseline", str(known)]) == 0
    capsys.readouterr()
    assert run([*arguments, "--baseline", str(known), "--format", "jsonl"]) == 0
    findings, summary = told(capsys)
    assert (findings, summary["suppressed"]) == ([], 4)


def test_another_authority_is_no_way_in(
    secured: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pair = Authority(tmp_path, "another authority").pair("stranger")
    stranger = Tls(tmp_path / "another-authority.pem", pair.certificate, pair.key)
    (tmp_path / "a.log").write_bytes(LINE)
    code = run(["scan", "logs", str(tmp_path / "a.log"), *options(secured, stranger)])
    assert code == 2
    assert "does not answer" in capsys.readouterr().err


# ---- on loopback, without TLS ---------------------------------------------------------------


def test_a_cluster_on_this_machine(
    plain: Cluster,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "a.log").write_bytes(LINE * 20)
    arguments = ["scan", "logs", str(tmp_path), "--engine", "dask", "--scheduler", plain.address]
    monkeypatch.setattr(connection, "_CONNECT", 1)
    assert run(arguments) == 2
    assert "it has no workers" in capsys.readouterr().err
    process, _ = plain.worker(HEADWAY_SCAN_KEY="cd" * 32)
    assert run(arguments) == 2
    assert "another key of fingerprints: set HEADWAY_SCAN_KEY" in capsys.readouterr().err
    process.kill()
    process.wait()
    monkeypatch.setattr(connection, "_CONNECT", 30)
    plain.worker()
    assert run(arguments) == 1
    said = capsys.readouterr().out
    assert "times 20" in said
    assert "more;" not in said
    assert "20 findings in 1 file" in said


def test_a_cluster_that_loses_all_workers_is_given_up(
    plain: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "PATIENCE", 0.5)
    monkeypatch.setattr(connection, "_LOOK", 0.2)
    (tmp_path / "a.log").write_bytes(LINE * 20)
    here = facts(PRINTS)
    for process in plain.workers[:-1]:
        process.wait()
    with connected(Scheduler(plain.address, False), Tls(), here, (), frozenset()) as workers:
        plain.workers[-1].kill()
        plain.workers[-1].wait()
        telling = Telling(Collecting(), PRINTS)
        summary = scan_shared([str(tmp_path)], telling, workers, here, length=300)
    assert {each.why for each in summary.unread} == {"the cluster has no workers any more"}
    assert summary.exit_code == 2


def test_a_scheduler_that_ends_meanwhile_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.log").write_bytes(LINE * 20)
    here = facts(PRINTS)
    with ExitStack() as stack:
        made = stack.enter_context(cluster(tmp_path, {}))
        made.worker()
        scheduler = Scheduler(made.address, False)
        monkeypatch.setattr(connection, "_CONNECT", 5)
        workers = stack.enter_context(connected(scheduler, Tls(), here, (), frozenset()))
        made.stop()
        monkeypatch.setattr(connection, "_LOOK", 0.2)
        telling = Telling(Collecting(), PRINTS)
        summary = scan_shared([str(tmp_path / "a.log")], telling, workers, here, length=300)
    assert {each.why for each in summary.unread} == {"the scheduler lost the work, or is gone"}
    assert summary.exit_code == 2
