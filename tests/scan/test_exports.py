"""HAR files and traces, from the file to the report and to the clean copy."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from headway.scan.baseline import Baseline
from headway.scan.exports import redact_export, scan_exports
from headway.scan.findings import Fingerprints, Severity
from headway.scan.report.machine import Collecting
from headway.scan.scanning import Telling
from headway.scan.summary import Summary
from headway.scan.writing import NotWritten
from scan.corpus import secrets_in, tokens
from scan.test_documents import har


def scanned(*paths: Path, baseline: Baseline | None = None) -> tuple[Summary, Collecting]:
    """The summary and the findings of a scan."""
    report = Collecting()
    telling = Telling(report, Fingerprints(bytes(32)), baseline)
    return scan_exports(map(str, paths), telling), report


def test_a_har_file(tmp_path: Path) -> None:
    path = tmp_path / "a.har"
    path.write_text(json.dumps(har()))
    summary, report = scanned(path)
    assert summary.rules == {
        "token-in-url": 3, "token-in-redirect": 2, "token-in-referer": 1, "opaque-token-in-url": 1,
    }  # fmt: skip
    first = report.findings[0]
    assert first.context == {
        "member": "/log/entries/0/request/url", "method": "GET", "route": "https://h.example/x",
        "day": "2026-01-01",
    }  # fmt: skip
    assert summary.bytes == path.stat().st_size
    assert all(secrets_in(str(finding).encode()) == [] for finding in report.findings)


def test_lines_are_numbered_from_the_second_on(tmp_path: Path) -> None:
    token = tokens()["CONTEXT"]
    path = tmp_path / "spans.jsonl"
    path.write_text(f'{{"url.full": "/x?jwt={token}"}}\n{{"url.full": "/y?token=hunter2abc&a"}}\n')
    _, report = scanned(path)
    assert [(each.place.line, each.severity) for each in report.findings] == [
        (None, Severity.LOW), (2, Severity.MEDIUM),
    ]  # fmt: skip


def test_what_can_not_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.har").write_text("{")
    (tmp_path / "cut.gz").write_bytes(b"\x1f\x8b\x08\x00")
    summary, _ = scanned(tmp_path)
    assert [(Path(each.path).name, each.partly) for each in summary.unread] == [
        ("bad.har", False), ("cut.gz", True),
    ]  # fmt: skip
    assert summary.exit_code == 2


def test_paths_that_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.har").write_text(json.dumps(har()))
    summary, _ = scanned(tmp_path, baseline=Baseline(paths=["*.har"]))
    assert (summary.total, summary.files) == (0, 0)


def test_a_clean_copy(tmp_path: Path) -> None:
    path, to = tmp_path / "a.har", tmp_path / "b.har"
    path.write_text(json.dumps(har()))
    assert redact_export(str(path), to) == 8
    assert secrets_in(to.read_bytes()) == []
    assert json.loads(to.read_text())["log"]["version"] == "1.2"
    assert stat.S_IMODE(to.stat().st_mode) == 0o600
    assert scanned(to)[0].total == 0
    with pytest.raises(NotWritten, match="is there already"):
        redact_export(str(path), to)


@pytest.mark.parametrize(("content", "why"), [(b"{", "no JSON"), (b"\x1f\x8b\x08\x00", "cut")])
def test_what_can_not_be_read_is_not_copied(tmp_path: Path, content: bytes, why: str) -> None:
    path, to = tmp_path / "a.har", tmp_path / "b.har"
    path.write_bytes(content)
    with pytest.raises(NotWritten, match=why):
        redact_export(str(path), to)
    assert not to.exists()
