"""The files of a folder, as the scan asks for them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from headway.scan.code.files import Folder, root_of
from headway.scan.findings import Unread
from scan.code.repositories import write


def test_files_and_their_places_in_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"a.py": "1", "src/b.js": "2", "src/c.txt": "3"})
    monkeypatch.chdir(tmp_path)
    unread: list[Unread] = []
    for named, wanted in (
        (["."], [("a.py", "a.py"), ("src/b.js", "src/b.js")]),
        (["./src"], [("src/b.js", "b.js")]),
        (["a.py", "src"], [("a.py", "a.py"), ("src/b.js", "src/b.js")]),
        ([str(tmp_path)], [(str(tmp_path / k), k) for k in ("a.py", "src/b.js")]),
    ):
        files = Folder(named)
        found = list(files.wanted(unread.append))
        assert [(each.path, each.key) for each in found] == wanted
        assert [files.read(each, unread.append) for each in found] == [b"1", b"2"][-len(found) :]
        assert list(files.others()) == []
        assert files.new_lines(found[0], b"") is None
    assert unread == []
    assert root_of(["src/b.js"]) == str(tmp_path / "src")


def test_a_file_that_is_named_and_no_code_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, {"c.txt": "3"})
    assert list(Folder([str(tmp_path / "c.txt")]).wanted(lambda what: None)) == []


def test_what_can_not_be_read_is_named_as_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "binary.py").write_bytes(b"\0")
    os.mkfifo(tmp_path / "pipe.py")
    files, unread = Folder(["./"]), []  # type: ignore[var-annotated]
    for file in files.wanted(unread.append):
        assert files.read(file, unread.append) is None
    assert unread == [Unread("binary.py", "is no text"), Unread("pipe.py", "is a pipe")]
