"""A scan as a whole: files in, figures and an exit code out."""

from __future__ import annotations

import gzip
import io
import json
import sys
from pathlib import Path

import pytest

from headway.scan.baseline import Baseline
from headway.scan.findings import Fingerprints
from headway.scan.report.machine import LinesReport
from headway.scan.report.text import TextReport
from headway.scan.scanning import Telling, scan_logs
from headway.scan.summary import Summary
from scan.corpus import filled, secrets_in

PRINTS = Fingerprints(bytes(32))
LINE = filled(
    '192.0.2.1 - - [01/Jan/2026:00:00:04 +0000] "GET /a?jwt={T} HTTP/1.1" 200 1 "-" "curl/8"'
)


def scanned(
    *paths: object, baseline: Baseline | None = None, shown: int | None = None
) -> tuple[Summary, str]:
    """The summary and the report of a scan of *paths*."""
    out = io.StringIO()
    report = TextReport(out, now=0.0, shown=shown)
    summary = scan_logs(map(str, paths), Telling(report, PRINTS, baseline))
    return summary, out.getvalue()


def test_a_folder_of_logs(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(LINE + b"\n" + LINE)
    (tmp_path / "b.gz").write_bytes(gzip.compress(LINE))
    (tmp_path / "clean.log").write_bytes(b"nothing\n")
    summary, text = scanned(tmp_path)
    assert (summary.total, summary.files, summary.exit_code) == (3, 3, 1)
    assert summary.by["client"] == {"192.0.2.1": 3}
    assert summary.bytes == 3 * len(LINE) + 1 + 8
    assert "3 findings in 3 files" in text
    assert secrets_in(text.encode()) == []


def test_figures_are_the_same_whether_findings_are_made_or_not(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes((LINE + b"\n") * 50)
    made, _ = scanned(tmp_path)
    counted, text = scanned(tmp_path, shown=3)
    assert made.as_data() == counted.as_data()
    assert "and 47 more" in text


def test_what_is_known_is_counted_and_not_told(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(LINE)
    out = io.StringIO()
    scan_logs([str(tmp_path)], Telling(LinesReport(out), PRINTS))
    known = json.loads(out.getvalue().splitlines()[0])["fingerprint"]
    summary, text = scanned(tmp_path, baseline=Baseline([known]), shown=0)
    assert (summary.total, summary.suppressed, summary.exit_code) == (0, 1, 0)
    assert "1 held back" in text


def test_paths_that_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(LINE)
    summary, _ = scanned(tmp_path, baseline=Baseline(paths=["*/a.log"]))
    assert (summary.total, summary.files) == (0, 0)


def test_what_can_not_be_read_is_named_and_the_rest_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress((LINE + b"\n") * 5_000)[:-20])
    (tmp_path / "b.log").write_bytes(LINE)
    summary, text = scanned(tmp_path, tmp_path / "none")
    assert summary.total > 1
    assert [(Path(each.path).name, each.partly) for each in summary.unread] == [
        ("a.gz", True), ("none", False),
    ]  # fmt: skip
    assert "not read to its end" in text
    assert "no such file" in text


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(LINE)))
    summary, text = scanned("-")
    assert summary.total == 1
    assert "-:1:" in text


def test_progress_is_told_in_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(LINE)
    told: list[int] = []
    report = TextReport(io.StringIO(), now=0.0)
    scan_logs([str(tmp_path)], Telling(report, PRINTS), progress=told.append)
    assert sum(told) == len(LINE)
