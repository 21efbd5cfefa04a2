"""Files of a configuration: what is read, what is told of and not opened."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from headway.scan.findings import Unread
from headway.scan.proxy import files as module
from headway.scan.proxy.edits import Source
from headway.scan.proxy.files import Files, Unclear, bounded


@pytest.fixture
def unread() -> list[Unread]:
    return []


@pytest.fixture
def files(tmp_path: Path, unread: list[Unread]) -> Files:
    return Files(tmp_path, unread.append)


BY = Source("by.conf", "")


def included(files: Files, pattern: str, *, must: bool = True) -> list[str]:
    return [Path(each.path).name for each in files.included(pattern, files.root, BY, 3, must=must)]


def test_a_file_is_read_once(files: Files, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x\xff")
    first = files.read(str(tmp_path / "a"))
    assert first is not None
    assert first.text == "x\ufffd"
    assert files.read(str(tmp_path / "." / "a")) is first
    assert (files.count, files.bytes) == (1, 2)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda path: None, "no such file or directory"),
        (lambda path: path.mkdir(), "is a directory"),
        (os.mkfifo, "is a pipe"),
        (lambda path: path.write_bytes(b"a\0b"), "is no text"),
        (lambda path: path.write_bytes(b"a" * 101), "has more than 100 bytes"),
    ],
    ids=["missing", "folder", "pipe", "binary", "long"],
)
def test_what_can_not_be_read_is_told_of(
    make: object, why: str, files: Files, unread: list[Unread], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(module, "SIZE_MAX", 100)
    assert callable(make)
    make(tmp_path / "a")
    assert files.read(str(tmp_path / "a")) is None
    assert [(each.why, each.partly) for each in unread] == [(why, False)]


def test_files_are_bounded_in_number(
    files: Files, unread: list[Unread], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FILES_MAX", 2)
    for name in "abc":
        (tmp_path / name).write_text(name)
    assert [files.read(str(tmp_path / name)) is None for name in "abc"] == [False, False, True]
    assert unread[0].why == "is not read: 2 files were"


def test_patterns_and_names(files: Files, unread: list[Unread], tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "b.conf").write_text("")
    (tmp_path / "d" / "a.conf").write_text("")
    (tmp_path / "d" / "c.conf").mkdir()
    assert included(files, "d/*.conf") == ["a.conf", "b.conf"]
    assert included(files, "d/a.conf") == ["a.conf"]
    assert included(files, "d/none*") == []
    assert unread == []
    assert included(files, "d/none", must=False) == []
    assert unread == []
    assert included(files, "d/none") == []
    assert unread == [Unread("by.conf", "includes d/none, which is not there (line 3)", True)]


@pytest.mark.parametrize("pattern", ["/etc/shadow", "/etc/*", "../x", "d/../../x", "*/../../../x"])
def test_t39_nothing_outside_of_the_root_is_opened(
    pattern: str, files: Files, unread: list[Unread]
) -> None:
    assert included(files, pattern) == []
    assert "is outside of" in unread[0].why
    assert files.count == 0


def test_t39_nor_behind_a_link(files: Files, unread: list[Unread], tmp_path: Path) -> None:
    (tmp_path / "a.conf").symlink_to("/etc/passwd")
    (tmp_path / "d").symlink_to("/etc")
    assert included(files, "*.conf") == []
    assert included(files, "a.conf") == []
    assert included(files, "d/passwd") == []
    assert included(files, "*/passwd") == []
    assert len(unread) == 4
    assert files.count == 0


def test_a_link_inside_is_followed(files: Files, tmp_path: Path) -> None:
    (tmp_path / "available").write_text("x")
    (tmp_path / "enabled").symlink_to("available")
    assert included(files, "enabled") == ["enabled"]


def test_formats_are_bounded() -> None:
    assert bounded("a", 1) == "a"
    with pytest.raises(Unclear, match="in line 7"):
        bounded("a" * 30_000, 7)
    assert str(Unclear("why")) == "why"
