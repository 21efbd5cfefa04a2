"""``headway scan logs --redact`` and ``--in-place``, as they are called."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from headway.cli.commands import run
from scan.corpus import filled, secrets_in

LINE = filled("GET /a?jwt={T} HTTP/1.1\n")


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """A folder with two logs, one of them deeper."""
    folder = tmp_path / "logs"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.log").write_bytes(LINE)
    (folder / "deep" / "b.log").write_bytes(LINE * 2)
    return folder


def test_one_file(logs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "clean.log"
    assert run(["scan", "logs", str(logs / "a.log"), "--redact", str(out)]) == 0
    assert "1 redacted" in capsys.readouterr().out
    assert out.read_bytes() == b"GET /a?jwt=REDACTED HTTP/1.1\n"
    assert run(["scan", "logs", str(logs / "a.log"), "--redact", str(out)]) == 2
    assert "left as it was" in capsys.readouterr().err


def test_a_folder(logs: Path, tmp_path: Path) -> None:
    out = tmp_path / "clean"
    assert run(["scan", "logs", str(logs), "--redact", str(out)]) == 0
    assert run(["scan", "logs", str(out)]) == 0
    assert (out / "deep" / "b.log").read_bytes().count(b"REDACTED") == 2
    other = tmp_path / "other"
    other.mkdir()
    assert run(["scan", "logs", str(logs / "a.log"), "--redact", str(other)]) == 0
    assert (other / "a.log").exists()


def test_in_place(logs: Path) -> None:
    assert run(["scan", "logs", str(logs), "--in-place", "--backup", ".bak"]) == 0
    assert secrets_in((logs / "a.log").read_bytes()) == []
    assert secrets_in((logs / "a.log.bak").read_bytes())
    assert run(["scan", "logs", str(logs / "a.log.bak"), "--in-place", "--no-backup"]) == 0
    assert run(["scan", "logs", str(logs / "a.log.bak")]) == 0


def test_a_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(LINE)))
    monkeypatch.setattr(sys, "stdout", out)
    assert run(["scan", "logs", "-", "--redact", "-"]) == 0
    assert out.buffer.getvalue() == b"GET /a?jwt=REDACTED HTTP/1.1\n"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--in-place"], "--backup ENDING"),
        (["--in-place", "--backup", ".b", "--no-backup"], "--backup ENDING"),
        (["--in-place", "--no-backup", "--redact", "x"], "one of them"),
        (["--redact", "x", "--no-backup"], "go with --in-place"),
        (["--in-place", "--backup", "/x"], "an ending"),
        (["--redact", "-"], "standard input alone"),
    ],
)
def test_what_does_not_go_together(
    logs: Path, options: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["scan", "logs", str(logs), *options]) == 2
    assert why in capsys.readouterr().err
    assert secrets_in((logs / "a.log").read_bytes())


def test_standard_input_needs_standard_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["scan", "logs", "-", "--redact", str(tmp_path / "x")]) == 2
    assert "--redact -" in capsys.readouterr().err


def test_what_can_not_be_read_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["scan", "logs", str(tmp_path / "none"), "--redact", str(tmp_path / "x")]) == 2
    assert "no such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["s3://bucket/key", "--redact", "clean"],
        ["a.log", "--redact", "s3://bucket/key"],
        ["gs://bucket/key", "--in-place", "--no-backup"],
    ],
)
def test_objects_of_stores_are_not_redacted(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["scan", "logs", *arguments]) == 2
    assert "copy the objects first" in capsys.readouterr().err
