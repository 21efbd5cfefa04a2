"""A scan as a whole: files in, figures and an exit code out."""

from __future__ import annotations

import gzip
import io
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headway.scan import scanning, tasks
from headway.scan.baseline import Baseline
from headway.scan.findings import Fingerprints
from headway.scan.processes import Ended
from headway.scan.ranges import ranges_of
from headway.scan.readers import opened
from headway.scan.report.machine import LinesReport
from headway.scan.report.text import TextReport
from headway.scan.scanning import Joining, Telling, scan_logs
from headway.scan.summary import Summary
from headway.scan.tasks import Message, Task, look_at, tasks_of
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


def test_text_in_utf_16_is_named_and_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = LINE.decode().encode("utf-16")
    (tmp_path / "powershell.log").write_bytes(data)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    summary, text = scanned(tmp_path, "-")
    assert ([Path(each.path).name for each in summary.unread], summary.exit_code) == (
        ["-", "powershell.log"], 2,
    )  # fmt: skip
    assert text.count("iconv -f utf-16") == 2


def test_progress_is_told_in_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(LINE)
    told: list[int] = []
    report = TextReport(io.StringIO(), now=0.0)
    scan_logs([str(tmp_path)], Telling(report, PRINTS), progress=told.append)
    assert sum(told) == len(LINE)


# ---- in ranges, and in processes ------------------------------------------------------------

W3C = b"#Fields: date time c-ip cs-uri-query\n"
SORTS = [
    LINE + b"\n", b"nothing\n", b"\n", b"no end", W3C, b"#Fields: c-ip time cs-uri-query\n",
    filled("2026-01-01 00:00:04 192.0.2.7 jwt={T}\n"), filled("text with ?jwt={OTHER}\r\n"),
    b"x" * 3_000 + b"\n", b"GET /a?access_token=9f86d081884c7d659a2feaa0 HTTP/1.1\n",
]  # fmt: skip


def told(path: Path, monkeypatch: pytest.MonkeyPatch, *, length: int, jobs: int = 1) -> str:
    """The report and the figures, where ranges have *length* bytes."""
    with monkeypatch.context() as changed:
        changed.setattr(
            tasks, "ranges_of", lambda raw, size, **start: ranges_of(raw, size, length, **start)
        )
        changed.setattr(scanning, "_WORTH", -1)
        out = io.StringIO()
        summary = scan_logs([str(path)], Telling(LinesReport(out), PRINTS), jobs=jobs)
    return out.getvalue() + repr(summary.as_data())


@settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.sampled_from(SORTS), max_size=25), st.integers(1, 4_000))
def test_in_ranges_of_any_length_the_same_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: list[bytes], length: int
) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"".join(lines))
    assert told(path, monkeypatch, length=length) == told(path, monkeypatch, length=1 << 30)


@pytest.mark.parametrize("shown", [None, 3])
def test_several_processes_find_the_same_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shown: int | None
) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).write_bytes(b"".join(SORTS * 40))
    (tmp_path / "d").write_bytes(gzip.compress(b"".join(SORTS * 40)))
    (tmp_path / "e").write_bytes(gzip.compress(b"".join(SORTS * 40))[:-9])
    monkeypatch.setattr(
        tasks, "ranges_of", lambda raw, size, **start: ranges_of(raw, size, 20_000, **start)
    )
    monkeypatch.setattr(scanning, "_WORTH", 0)

    def by(jobs: int) -> str:
        out = io.StringIO()
        report = TextReport(out, now=0.0, shown=shown, by=("client", "day"))
        scan_logs([str(tmp_path), "none"], Telling(report, PRINTS), jobs=jobs)
        return out.getvalue()

    assert by(1) == by(3)
    assert "in 5 files" in by(2)


def test_lines_have_their_numbers_wherever_ranges_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    path.write_bytes((b"nothing\n" * 99 + LINE + b"\n") * 5)
    found = told(path, monkeypatch, length=1_500)
    lines = [json.loads(line)["place"]["line"] for line in found.splitlines()[:5]]
    assert lines == [100, 200, 300, 400, 500]


@pytest.mark.parametrize("change", ["gone", "other"])
def test_where_a_file_is_another_now_its_lines_have_no_numbers(tmp_path: Path, change: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(LINE)
    out = io.StringIO()
    joining = Joining(Telling(LinesReport(out), PRINTS), lambda size: None)
    with opened(str(path)) as (raw, found):
        (task,) = tasks_of(str(path), raw, found)
    said: list[Message] = []
    look_at(task, said.append, prints=PRINTS)
    path.rename(tmp_path / "moved")
    if change == "other":
        path.write_bytes(LINE)
    for message in said:
        joining.hear(task, message)
    (line,) = out.getvalue().splitlines()
    place = json.loads(line)["place"]
    assert (place["line"], place["column"], place["offset"]) == (None, None, LINE.index(b"eyJ"))


def test_a_process_that_is_ended_is_told_of(tmp_path: Path) -> None:
    telling = Telling(LinesReport(io.StringIO()), PRINTS)
    joining = Joining(telling, lambda size: None)
    for last in (False, True):
        joining.hear(Task("a.log", is_last=last), Ended())
    assert [(each.path, each.why) for each in telling.summary.unread] == [
        ("a.log", "the process that looked at it was ended from outside"),
    ] * 2
    assert (telling.summary.files, telling.summary.exit_code) == (1, 2)


def test_a_file_that_can_not_be_opened_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.log").write_bytes(LINE)

    def refused(path: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(scanning, "opened", refused)
    summary, text = scanned(tmp_path)
    assert (summary.exit_code, summary.files) == (2, 1)
    assert "permission denied" in text


def test_objects_are_looked_through_after_the_files(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stored:
        def __init__(self, address: str) -> None:
            self.address = address

    @contextmanager
    def opened_object(store: object, stored: Stored) -> Iterator[io.BytesIO]:
        if stored.address.endswith("gone"):
            raise FileNotFoundError(2, "No such file or directory")
        yield io.BytesIO(LINE)

    stored = [(None, Stored(f"s3://bucket/{name}")) for name in ("a", "gone", "left")]
    monkeypatch.setattr(scanning, "store_of", lambda scheme: None)
    monkeypatch.setattr(scanning, "objects_in", lambda addresses, unread: stored)
    monkeypatch.setattr(scanning, "opened_object", opened_object)
    monkeypatch.setattr(scanning, "source_of_object", lambda whole: (whole, None))
    summary, _ = scanned("s3://bucket/", baseline=Baseline(paths=["*/left"]))
    assert (summary.total, summary.files) == (1, 2)
    assert [(each.path, each.why) for each in summary.unread] == [
        ("s3://bucket/gone", "no such file or directory"),
    ]


@pytest.mark.parametrize("shown", [None, 0])
def test_a_file_that_is_called_like_an_address_is_named_without_its_token(
    tmp_path: Path, shown: int | None
) -> None:
    token = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJ4In0." + "x" * 43
    (tmp_path / f"x?jwt={token}").write_bytes(LINE)
    (tmp_path / f"y?jwt={token}").symlink_to("x")
    summary, text = scanned(tmp_path, shown=shown)
    assert (summary.total, len(summary.unread)) == (1, 1)
    assert token not in text + repr(summary.as_data())
