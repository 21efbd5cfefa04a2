"""``headway scan logs``, as it is called."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from headway.cli.commands import run
from scan.corpus import filled, secrets_in

LINE = filled('192.0.2.1 - - [01/Jan/2026:00:00:04 +0000] "GET /a?jwt={T} HTTP/1.1" 200 1\n')


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWAY_SCAN_KEY", "ab" * 32)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log with one token."""
    path = tmp_path / "a.log"
    path.write_bytes(b"first\n" + LINE)
    return path


@pytest.mark.parametrize("form", ["text", "json", "jsonl", "sarif", "github", "junit", "csv"])
def test_every_form_tells_it_without_the_token(
    log: Path, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["scan", "logs", str(log), "--format", form]) == 1
    said = capsys.readouterr().out
    assert "token-in-url" in said
    assert secrets_in(said.encode()) == []


def test_exit_codes(tmp_path: Path, log: Path) -> None:
    (tmp_path / "clean").write_text("nothing")
    assert run(["scan", "logs", str(tmp_path / "clean")]) == 0
    assert run(["scan", "logs", str(tmp_path / "none")]) == 2
    assert run(["scan", "logs", str(log), str(tmp_path / "none")]) == 1


def test_a_clean_copy(log: Path, tmp_path: Path) -> None:
    assert run(["scan", "logs", str(log), "--redact", str(tmp_path / "clean")]) == 0
    assert run(["scan", "logs", str(tmp_path / "clean")]) == 0


def test_figures(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["scan", "logs", str(log), "--by", "client,day"]) == 1
    assert "by day:\n       1  2026-01-01" in capsys.readouterr().out
    assert run(["scan", "logs", str(log), "--by", "colour"]) == 2
    assert "client, route, day" in capsys.readouterr().err


def test_what_is_known_is_held_back(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["scan", "logs", str(log), "--format", "jsonl"])
    known = json.loads(capsys.readouterr().out.splitlines()[0])["fingerprint"]
    assert run(["scan", "logs", str(log), "--ignore", known]) == 0
    assert run(["scan", "logs", str(log), "--ignore-path", "*.log"]) == 0


def test_a_baseline(log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    known = tmp_path / "known.json"
    assert run(["scan", "logs", str(log), "--write-baseline", str(known)]) == 0
    assert "1 finding" in capsys.readouterr().out
    assert run(["scan", "logs", str(log), "--baseline", str(known)]) == 0
    log.write_bytes(LINE + filled("GET /x?jwt={OTHER}\n"))
    assert run(["scan", "logs", str(log), "--baseline", str(known)]) == 1
    known.write_text("[]")
    assert run(["scan", "logs", str(log), "--baseline", str(known)]) == 2


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("simplecache::http://x/y", "not chained"),
        ("http://user:hunter2@169.254.169.254/", "http:// is not read"),
        ("s3://AKIA:hunter2@bucket/x", "credentials come from the environment"),
    ],
    ids=["chain", "protocol", "credentials"],
)
def test_other_protocols_are_refused(
    name: str, why: str, log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """T27: with nothing scanned and nothing asked."""
    assert run(["scan", "logs", str(log), name, "--format", "json"]) == 2
    said = capsys.readouterr()
    assert why in said.err
    assert said.out == ""
    assert "hunter2" not in said.err


def test_usage_records(
    log: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What a plan is made from; figures and nothing else are told."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HEADWAY_USAGE", raising=False)
    policy = tmp_path / "api.toml"
    policy.write_text('name = "a"\n[[location]]\nname = "jwt"\nparameters = ["jwt"]\n')
    out = tmp_path / "u.jsonl"
    words = ["scan", "logs", str(log), "--usage", str(out)]
    assert run(words) == 2
    assert "which policy?" in capsys.readouterr().err
    assert run([*words, "--policy", str(policy)]) == 0
    assert capsys.readouterr().out == "2 lines, 2026-01-01 to 2026-01-01: 1 use\n"
    assert b'"location":"jwt"' in out.read_bytes()
    assert secrets_in(out.read_bytes()) == []
    for other in (["--redact", "x"], ["--in-place"], ["--write-baseline", "x"]):
        assert run([*words, *other]) == 2
        assert "--usage: tells nothing else" in capsys.readouterr().err
