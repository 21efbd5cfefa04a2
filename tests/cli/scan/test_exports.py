"""``headway scan har`` and ``headway scan trace``, as they are called."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from headway.cli.commands import run
from scan.corpus import secrets_in
from scan.test_documents import har


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWAY_SCAN_KEY", "ab" * 32)


@pytest.mark.parametrize("command", ["har", "trace"])
def test_report_and_clean_copy(
    tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path, to = tmp_path / "a.har", tmp_path / "b.har"
    path.write_text(json.dumps(har()))
    assert run(["scan", command, str(path), "--all"]) == 1
    assert secrets_in(capsys.readouterr().out.encode()) == []
    assert run(["scan", command, str(path), "--redact", str(to)]) == 0
    assert run(["scan", command, str(to)]) == 0
    assert run(["scan", command, str(path), "--redact", str(to)]) == 2
    assert "left as it was" in capsys.readouterr().err


def test_one_file_at_a_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["scan", "har", "a", "b", "--redact", str(tmp_path / "x")]) == 2
    assert "one file" in capsys.readouterr().err
