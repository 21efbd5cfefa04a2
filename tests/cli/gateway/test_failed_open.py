from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import pytest

from headway.cli.commands import run
from headway.cli.gateway.failed_open import LINE_MAX

OPEN = '192.0.2.1 [2022-02-01T0%d:00:00+00:00] "GET /a" 200 5 "pass" "failed-open-unasked"\n'
OTHER = '192.0.2.1 [2022-02-01T00:00:00+00:00] "GET /a" 200 5 "pass" "-"\n'


def test_it_counts_by_day_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = tmp_path / "a.log", tmp_path / "b.log.gz"
    one.write_text(OPEN % 1 + OTHER)
    two.write_bytes(gzip.compress((OPEN % 3).encode()))
    typed = ["gateway", "failed-open", str(one), str(two)]
    assert run(typed) == 1
    assert capsys.readouterr().out == (
        "2022-02-01  2 requests, 2022-02-01T01:00:00Z to 2022-02-01T03:00:00Z\n"
        "let on undecided: 2 requests of 3 lines\n"
    )
    assert run([*typed, "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["requests"], told["days"][0]["day"]) == (2, "2022-02-01")


def test_none_is_none_and_what_is_not_there_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "a.log"
    log.write_text(OTHER)
    assert run(["gateway", "failed-open", str(log)]) == 0
    assert capsys.readouterr().out == "let on undecided: 0 requests of 1 line\n"
    assert run(["gateway", "failed-open", str(tmp_path / "none")]) == 2
    assert "none: No such file" in capsys.readouterr().err


def test_lines_without_end_and_files_that_are_cut(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    long = "x" * (2 * LINE_MAX + 5)
    text = OPEN % 1 + long + "\n" + OPEN % 2
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert run(["gateway", "failed-open", "-"]) == 1
    assert "let on undecided: 2 requests of 3 lines" in capsys.readouterr().out
    (tmp_path / "cut.gz").write_bytes(gzip.compress(text.encode())[:-20])
    assert run(["gateway", "failed-open", str(tmp_path / "cut.gz")]) == 2
    assert "is no whole file of gzip" in capsys.readouterr().err
