"""A project as a whole: files in, findings and an exit code out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headway.scan.baseline import Baseline
from headway.scan.code import scanning
from headway.scan.code.cache import Cache
from headway.scan.code.files import File, Folder
from headway.scan.code.scanning import scan_code, scan_files
from headway.scan.findings import Confidence, Fingerprints, Severity, Unread
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


@pytest.mark.parametrize("project", read("code/projects.toml")["project"], ids=lambda p: p["id"])
def test_projects_of_the_corpus_by_processes_and_from_a_cache(
    tmp_path: Path, project: dict[str, list[dict[str, str]]]
) -> None:
    """What one module's constants mean for another is the same, however it is found out."""
    root = tmp_path / "root"
    for each in project["file"]:
        path = root / each["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(each["code"])
    for _ in range(2):
        report = Collecting()
        telling = Telling(report, Fingerprints(bytes(32)))
        scan_code([str(root)], telling, jobs=2, cache=Cache(tmp_path / "cache", bytes(32)))
        told = [[str(Path(f.place.path).relative_to(root)), f.place.line] for f in report.findings]
        assert told == project["sends"]


def test_a_cache_knows_when_what_is_imported_changed(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "client.py").write_text("from names import PARAM\nget(url, params={PARAM: t})\n")

    def lines() -> list[int | None]:
        report = Collecting()
        cache = Cache(tmp_path / "cache", bytes(32))
        scan_code([str(root)], Telling(report, Fingerprints(bytes(32))), cache=cache)
        return [each.place.line for each in report.findings]

    for constant, wanted in (("jwt", [2]), ("page", []), ("access_token", [2]), ("jwt", [2])):
        (root / "names.py").write_text(f'PARAM = "{constant}"\n')
        assert lines() == wanted
        assert lines() == wanted
    (root / "names.py").unlink()
    assert lines() == []
    (root / "names").mkdir()
    (root / "names" / "__init__.py").write_text('PARAM = "jwt"\n')
    assert lines() == [2]


def test_a_second_scan_parses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from headway.scan.code import worker

    root = tmp_path / "root"
    root.mkdir()
    for number in range(5):
        (root / f"{number}.py").write_text(SENDS)
        (root / f"fine{number}.js").write_text("const token = 1")
    report, again = Collecting(), Collecting()
    for each in (report, again):
        telling = Telling(each, Fingerprints(bytes(32)))
        scan_code([str(root)], telling, cache=Cache(tmp_path / "cache", bytes(32)))

        def never(*_: object) -> None:
            raise AssertionError

        monkeypatch.setattr(worker, "look", never)
        monkeypatch.setattr(worker, "constants_in", never)
    assert len(report.findings) == 5
    assert again.findings == report.findings


def test_findings_come_in_the_order_of_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        (tmp_path / f"{number:02}.py").write_text(SENDS)
    real = scanning.Here.answers

    def shuffled(self: scanning.Here, tasks: object) -> object:
        return reversed(list(real(self, tasks)))  # type: ignore[arg-type]

    monkeypatch.setattr(scanning.Here, "answers", shuffled)
    found = [Path(each.place.path).name for each in scanned(tmp_path)[1].findings]
    assert found == [f"{number:02}.py" for number in range(20)]


def test_a_file_that_changes_or_goes_while_it_is_scanned(tmp_path: Path) -> None:
    class Changing(Folder):
        reads = 0

        def read(self, file: File, unread: Callable[[Unread], None]) -> bytes | None:
            self.reads += 1
            if self.reads == 2:
                (tmp_path / "a.py").write_text(f"x = 1\n{SENDS}")
                (tmp_path / "b.py").unlink()
            return super().read(file, unread)

    (tmp_path / "a.py").write_text(SENDS)
    (tmp_path / "b.py").write_text("token = 1\n")
    (tmp_path / "c.js").write_text("token = 1\n")
    report = Collecting()
    telling = Telling(report, Fingerprints(bytes(32)))
    summary = scan_files(Changing([str(tmp_path)]), telling)
    assert [each.place.line for each in report.findings] == [3]
    assert [each.why for each in summary.unread] == ["no such file or directory"]


def test_what_a_worker_says_of_a_module_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from headway.scan.code import worker

    def fails(_: object) -> None:
        raise RecursionError

    (tmp_path / "a.py").write_text(SENDS)
    monkeypatch.setattr(worker, "stems_wanted", fails)
    summary, report = scanned(tmp_path)
    assert [each.why for each in summary.unread] == ["is nested too deeply"]
    assert report.findings == []


def test_constants_come_from_modules_whose_findings_nobody_asks_for(tmp_path: Path) -> None:
    files = {
        "client.py": "from names import PARAM\nget(url, params={PARAM: t})\n",
        "names.py": 'PARAM = "jwt"\n' + SENDS,
        "fine/names.py": 'PARAM = "page"\n',
        "other.py": SENDS,
        "names.rb": SENDS,
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)

    class Part(Folder):
        def wanted(self, unread: Callable[[Unread], None]) -> Iterator[File]:
            return (each for each in super().wanted(unread) if each.key == "client.py")

        def others(self) -> Iterator[File]:
            return super().wanted(lambda what: None)

        def new_lines(self, file: File, source: bytes) -> frozenset[int] | None:
            return frozenset({2})

    report = Collecting()
    scan_files(Part([str(tmp_path)]), Telling(report, Fingerprints(bytes(32))))
    assert [(Path(f.place.path).name, f.place.line) for f in report.findings] == [("client.py", 2)]


def test_only_lines_that_are_asked_for_and_comments_on_new_ones(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(f"{SENDS[:-1]}  # headway: ignore\n{SENDS}")

    class Lines(Folder):
        lines: frozenset[int] = frozenset()

        def new_lines(self, file: File, source: bytes) -> frozenset[int] | None:
            return self.lines

    for lines, new_ignores, found, passed in (
        ({4}, False, [4], 0), ({2}, True, [], 1), ({2}, False, [2], 0), ({1}, False, [], 0),
    ):  # fmt: skip
        report = Collecting()
        files = Lines([str(tmp_path)])
        files.lines = frozenset(lines)
        telling = Telling(report, Fingerprints(bytes(32)))
        summary = scan_files(files, telling, new_ignores=new_ignores)
        assert [each.place.line for each in report.findings] == found
        assert summary.suppressed == passed


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
