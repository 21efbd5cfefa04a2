"""A project as a whole: files in, findings and an exit code out."""

from __future__ import annotations

from pathlib import Path

import pytest

from headway.scan.baseline import Baseline
from headway.scan.code.scanning import scan_code
from headway.scan.findings import Confidence, Fingerprints, Severity
from headway.scan.report.machine import Collecting
from headway.scan.scanning import Telling
from headway.scan.summary import Summary
from scan.corpus import read

SENDS = 'import requests\nrequests.get(base + "/rest/api/3/myself?jwt=" + token)\n'


def scanned(*paths: Path, baseline: Baseline | None = None) -> tuple[Summary, Collecting]:
    """The summary and the findings of a scan."""
    report = Collecting()
    return scan_code(map(str, paths), Telling(report, Fingerprints(bytes(32)), baseline)), report


def test_a_finding(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(SENDS)
    summary, report = scanned(tmp_path)
    (finding,) = report.findings
    assert (finding.rule, finding.severity) == ("sends-token-in-url", Severity.HIGH)
    assert (finding.place.line, finding.place.path) == (2, str(tmp_path / "a.py"))
    assert finding.sample.startswith('requests.get(base + "/rest/api/3/myself?jwt=')
    assert (summary.exit_code, summary.files) == (1, 1)


@pytest.mark.parametrize("project", read("code/projects.toml")["project"], ids=lambda p: p["id"])
def test_projects_of_the_corpus(tmp_path: Path, project: dict[str, list[dict[str, str]]]) -> None:
    for each in project["file"]:
        path = tmp_path / each["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(each["code"])
    _, report = scanned(tmp_path)
    told = [[str(Path(f.place.path).relative_to(tmp_path)), f.place.line] for f in report.findings]
    assert told == project["sends"]


def test_a_fingerprint_has_no_line_in_it(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text(SENDS)
    before = scanned(path)[1].findings[0]
    path.write_text("\n\n" + SENDS.replace("requests.get", "    requests.get"))
    after = scanned(path)[1].findings[0]
    assert before.fingerprint == after.fingerprint
    assert before.place.line != after.place.line


@pytest.mark.parametrize(
    ("line", "held_back"),
    [
        ('get("?jwt=" + t)  # headway: ignore', 1),
        ('get("?jwt=" + t)  # headway: ignore[sends-token-in-url]', 1),
        ('get("?jwt=" + t)  # headway: ignore[logs-token-in-url]', 0),
        ('# headway: ignore[sends-token-in-url, other]\nget("?jwt=" + t)', 1),
        ('x = "headway: ignore"\nget("?jwt=" + t)', 0),
    ],
)
def test_comments_let_findings_pass_and_they_are_counted(
    tmp_path: Path, line: str, held_back: int
) -> None:
    (tmp_path / "a.py").write_text(line)
    summary, _ = scanned(tmp_path)
    assert (summary.suppressed, summary.total) == (held_back, 1 - held_back)


def test_how_sure_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text('get("https://h/?token=" + t)')
    (tmp_path / "test_a.py").write_text(SENDS)
    confidence = {Path(f.place.path).name: f.confidence for f in scanned(tmp_path)[1].findings}
    assert confidence == {"a.py": Confidence.MEDIUM, "test_a.py": Confidence.LOW}


def test_what_can_not_be_looked_at_is_named(tmp_path: Path) -> None:
    (tmp_path / "binary.py").write_bytes(b"\0")
    (tmp_path / "deep.js").write_text("[" * 5_000 + "jwt" + "]" * 5_000)
    summary, _ = scanned(tmp_path)
    assert {Path(each.path).name: each.why for each in summary.unread} == {
        "binary.py": "is no text", "deep.js": "is nested too deeply",
    }  # fmt: skip
    assert summary.exit_code == 2


def test_paths_that_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(SENDS)
    summary, _ = scanned(tmp_path, baseline=Baseline(paths=["*.py"]))
    assert summary.files == 0


def test_a_token_in_code_is_never_shown(tmp_path: Path) -> None:
    from scan.corpus import secrets_in, tokens

    (tmp_path / "a.py").write_text(f'get(f"https://h/?jwt={{t}}&x={tokens()["T"]}")')
    (finding,) = scanned(tmp_path)[1].findings
    assert secrets_in(finding.sample.encode()) == []


def test_nothing_scanned_is_run(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(f"open({str(tmp_path / 'marker')!r}, 'w')\n" + SENDS)
    scanned(tmp_path)
    assert not (tmp_path / "marker").exists()
