"""Pieces of a scan: a file or a range of it; what each finds, and how that becomes one report."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from headway.scan import tasks
from headway.scan.findings import Finding, Fingerprints
from headway.scan.ranges import Range
from headway.scan.readers import opened
from headway.scan.tasks import End, Message, Task, look_at, tasks_of
from scan.corpus import filled

PRINTS = Fingerprints(bytes(32))
LINE = filled('192.0.2.1 - - [01/Jan/2026:00:00:04 +0000] "GET /a?jwt={T} HTTP/1.1" 200 1\n')
IIS = filled("2026-01-01 00:00:04 192.0.2.7 jwt={T}\n")
FIELDS = b"#Fields: date time c-ip cs-uri-query"


def made(path: Path) -> list[Task]:
    """The tasks of the file at *path*."""
    with opened(str(path)) as (raw, found):
        return [*tasks_of(str(path), raw, found)]


def done(task: Task) -> tuple[list[Finding], int, End]:
    """The findings, the bytes and the end of *task*."""
    said: list[Message] = []
    look_at(task, said.append, prints=PRINTS)
    end = said.pop()
    assert isinstance(end, End)
    findings = [each for some in said if isinstance(some, list) for each in some]
    return findings, sum(size for size in said if isinstance(size, int)), end


def test_a_short_file_is_one_task(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(LINE)
    (task,) = made(path)
    assert task == Task(
        str(path), (path.stat().st_dev, path.stat().st_ino), len(LINE), Range(0, len(LINE))
    )
    findings, size, end = done(task)
    assert [each.place.offset for each in findings] == [LINE.index(b"eyJ")]
    assert (size, end.summary.total, end.fields) == (len(LINE), 0, b"")


@pytest.mark.parametrize("data", [b"", gzip.compress(LINE)], ids=["empty", "compressed"])
def test_what_has_no_ranges_is_one_task(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a"
    path.write_bytes(data)
    (task,) = made(path)
    assert task.span is None
    assert [each.place.line for each in done(task)[0]] == ([1] if data else [])


def test_a_long_file_is_several_and_the_columns_are_guessed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = tasks.ranges_of
    monkeypatch.setattr(
        tasks, "ranges_of", lambda raw, size, **start: real(raw, size, 1000, **start)
    )
    path = tmp_path / "a"
    path.write_bytes(b"#Version: 1\n" + FIELDS + b"\n" + IIS * 9)
    first, *middle, last = made(path)
    assert middle
    assert [first.fields, middle[0].fields, last.fields] == [b"", FIELDS, FIELDS]
    assert [first.is_last, middle[0].is_last, last.is_last] == [False, False, True]
    assert done(last)[0][-1].context["client"] == "192.0.2.7"
    assert done(last._replace(fields=b""))[0][-1].context == {}
    assert done(first)[2].fields == FIELDS


def test_what_is_more_than_is_asked_for_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(LINE * 500)
    (task,) = made(path)
    findings, _, end = done(task._replace(most=3))
    assert (len(findings), end.summary.total) == (3, 497)
    assert end.summary.by["client"] == {"192.0.2.1": 497}
    assert len(done(task)[0]) == 500


def test_another_file_under_the_name_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(LINE)
    (task,) = made(path)
    path.rename(tmp_path / "b")
    path.write_bytes(LINE)
    findings, size, end = done(task)
    assert (findings, size) == ([], 0)
    assert [each.why for each in end.summary.unread] == ["is another file than when the scan began"]


def test_what_was_found_before_a_file_broke_off_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(LINE * 3)
    (task,) = made(path)
    path.write_bytes(LINE * 2)
    findings, size, end = done(task)
    assert (len(findings), size) == (2, 2 * len(LINE))
    assert end.summary.unread[0].partly
    assert "cut" in end.summary.unread[0].why


def test_how_far_it_is_is_told_on_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "_PROGRESS", 300_000)
    path = tmp_path / "a"
    path.write_bytes(b"x\n" * 500_000)
    said: list[Message] = []
    look_at(made(path)[0], said.append, prints=PRINTS)
    sizes = [each for each in said if isinstance(each, int)]
    assert sum(sizes) == 1_000_000
    assert len(sizes) > 1
