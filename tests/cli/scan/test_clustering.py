"""``--engine dask``, as it is called; with real clusters: tests/e2e."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from headway.cli.commands import run
from headway.scan.cluster import connection
from scan.cluster.shared import KEY, Inline
from scan.corpus import filled

LINE = filled("GET /a?jwt={T} HTTP/1.1\n")


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A log with some tokens."""
    monkeypatch.setenv("HEADWAY_SCAN_KEY", KEY.hex())
    path = tmp_path / "a.log"
    path.write_bytes(LINE * 30)
    return path


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What a cluster is asked for; it is this process."""
    told: list[Any] = []

    @contextmanager
    def connect(*arguments: Any) -> Iterator[Inline]:
        told.append(arguments)
        yield Inline(arguments[-1])

    monkeypatch.setattr(connection, "connected", connect)
    return told


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--scheduler", "127.0.0.1:1"], "--scheduler: go with --engine dask"),
        (["--tls-ca", "x", "--tls-key", "y"], "--tls-ca, --tls-key: go with --engine dask"),
        (["--engine", "dask"], "needs --scheduler ADDRESS"),
        (["--engine", "dask", "--scheduler", "127.0.0.1:1", "--redact", "x"], "with --redact"),
        (["--engine", "dask", "--scheduler", "tcp://10.0.0.1"], "takes TLS on both sides"),
        (["--engine", "dask", "--scheduler", "tcp://x:y@10.0.0.1"], "is an address"),
    ],
)
def test_options_that_do_not_go_together(
    log: Path, options: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """T27: another machine without TLS is exit code 2, and nobody is asked."""
    assert run(["scan", "logs", str(log), *options]) == 2
    said = capsys.readouterr()
    assert why in said.err
    assert said.out == ""


def test_a_scan(log: Path, asked: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--engine", "dask", "--scheduler", "127.0.0.1:1"]
    assert run(["scan", "logs", str(log), *options]) == 1
    assert "30 findings in 1 file" in capsys.readouterr().out
    [(scheduler, _, _, schemes, known)] = asked
    assert (scheduler.address, schemes, known) == ("tcp://127.0.0.1:1", (), frozenset())


def test_standard_input_is_not_shared(
    asked: list[Any], log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["scan", "logs", "-", "--engine", "dask", "--scheduler", "127.0.0.1:1"]) == 2
    assert "standard input" in capsys.readouterr().err
    assert asked == []


def test_without_an_engine_it_is_this_process(log: Path, asked: list[Any]) -> None:
    assert run(["scan", "logs", str(log), "--engine", "local"]) == 1
    assert asked == []
