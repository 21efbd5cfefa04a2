"""``headway scan logs``, as it is called."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from headway.cli.commands import run
from scan.corpus import filled, read, secrets_in

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
        assert "one of them" in capsys.readouterr().err


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_times(
    tmp_path: Path,
    jobs: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Requests of some days alone; what has no time is told, and what is left out is counted."""
    monkeypatch.setattr("headway.scan.scanning._WORTH", 0)
    for name in ("a.log", "b.log"):
        lines = [LINE.replace(b"01/Jan", b"%02d/Jan" % day) for day in range(1, 11)]
        (tmp_path / name).write_bytes(b"".join(lines) + LINE.partition(b'] "')[2])
    words = ["scan", "logs", str(tmp_path), "--jobs", jobs, "--by", "day"]
    assert run([*words, "--since", "2026-01-03", "--until", "2026-01-05T00:00:04Z"]) == 1
    said = capsys.readouterr().out
    assert "6 findings in 2 files" in said
    assert "16 held back by a baseline, an ignore or a time" in said
    assert "by day:\n       2  2026-01-03\n       2  2026-01-04\n" in said
    assert run([*words, "--until", "2020-01-01", "--format", "json"]) == 1
    assert json.loads(capsys.readouterr().out)["summary"]["suppressed"] == 20


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--since", "soon"], "--since: is a day"),
        (["--until", "soon"], "--until: is a day"),
        (["--since", "2026-01-02", "--until", "2026-01-02"], "the one is not before the other"),
        (["--since", "7d", "--redact", "x"], "--redact, --since, --until: one of them"),
        (["--until", "7d", "--usage", "x"], "--usage, --since, --until: one of them"),
        (["--in-place", "--write-baseline", "x"], "--in-place, --write-baseline: one of them"),
        (["--in-place", "--ignore-path", "*"], "--in-place, --ignore-path: one of them"),
        (["--redact", "x", "--by", "day"], "--redact, --by: one of them"),
        (["--usage", "x", "--format", "json"], "--usage, --format: one of them"),
    ],
    ids=range(9),
)
def test_what_does_not_go_together(
    log: Path, words: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["scan", "logs", str(log), *words]) == 2
    assert why in capsys.readouterr().err


def test_as_many_of_each_as_are_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [LINE.replace(b"192.0.2.1", b"192.0.2.%d" % number) for number in range(60)]
    (tmp_path / "a.log").write_bytes(b"".join(lines) + LINE.replace(b"192.0.2.1", b"192.0.2.7"))
    words = ["scan", "logs", str(tmp_path), "--by", "client"]
    assert run(words) == 1
    said = capsys.readouterr().out
    assert "       2  192.0.2.7\n" in said
    assert "... and 50 more; --top shows as many" in said
    assert run([*words, "--top", "100"]) == 1
    assert "more; --top" not in capsys.readouterr().out
    assert run([*words, "--top", "3", "--format", "json"]) == 1
    assert len(json.loads(capsys.readouterr().out)["summary"]["by"]["client"]) == 3
    assert run([*words, "--format", "json"]) == 1
    assert len(json.loads(capsys.readouterr().out)["summary"]["by"]["client"]) == 50


FORMATS = read("logs/formats.toml")["format"]


@pytest.mark.parametrize("example", FORMATS, ids=lambda example: example["name"])
def test_figures_of_each_format(
    tmp_path: Path, example: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """Clients, routes, user agents and days of each format that has them."""
    header = example.get("header", "").lstrip().encode()
    (tmp_path / "a.log").write_bytes(header + filled(example["line"]) + b"\n")
    words = ["scan", "logs", str(tmp_path), "--by", "client,route,day,agent", "--format", "json"]
    assert run(words) == 1
    summary = json.loads(capsys.readouterr().out)["summary"]
    count = summary["findings"]
    assert count >= 1
    at = datetime.fromisoformat(example["at"]) if "at" in example else None
    wanted = {
        "client": example.get("client"),
        "day": at and (at.astimezone(UTC) if at.tzinfo else at).date().isoformat(),
        "agent": example.get("agent", "").partition("/")[0] or None,
        "route": example.get("path") and example["path"].replace("A-1", "*").replace("/2/", "/*/"),
    }
    for name, value in wanted.items():
        assert summary["by"][name] == ({value: count} if value else {}), name


def test_figures_are_bounded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """However many clients there are, and however long they call themselves."""
    lines = [LINE.replace(b"192.0.2.1", b"host-%d" % number) for number in range(10_050)]
    lines += [LINE.replace(b"192.0.2.1", b"x" * 9_000)]
    (tmp_path / "a.log").write_bytes(b"".join(lines))
    words = ["scan", "logs", str(tmp_path), "--by", "client", "--top", "20000", "--format", "json"]
    assert run(words) == 1
    clients = json.loads(capsys.readouterr().out)["summary"]["by"]["client"]
    assert (len(clients), sum(clients.values()), clients["(other)"]) == (10_001, 10_051, 51)
    assert max(map(len, clients)) <= 64
