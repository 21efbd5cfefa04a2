"""Which files are code, and what can not be read."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from headway.scan.code import sources
from headway.scan.code.sources import SOURCE_MAX, Ignores, code_in, plain, read_source, shown
from headway.scan.findings import Unread


def listed(*named: Path) -> tuple[list[str], list[Unread]]:
    """The files of code that *named* means."""
    unread: list[Unread] = []
    return list(code_in(map(str, named), unread.append)), unread


def test_a_project(tmp_path: Path) -> None:
    for name in ("a.py", "b.txt", "sub/c.js", "node_modules/d.js", ".git/e.py", "built/f.js",
                 "sub/made.js", "sub/kept.js"):  # fmt: skip
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "link.py").symlink_to(tmp_path / "a.py")
    (tmp_path / ".gitignore").write_text("built/\nmade.js\n")
    (tmp_path / "sub" / ".gitignore").write_text("# of its own\n!kept.js\n")
    files, unread = listed(tmp_path)
    assert [str(Path(f).relative_to(tmp_path)) for f in files] == [
        "a.py",
        "sub/c.js",
        "sub/kept.js",
    ]
    assert unread == []


def test_a_file_that_is_named_is_never_left_out(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("a.py\n")
    (tmp_path / "a.py").write_text("x")
    assert listed(tmp_path / "a.py") == ([str(tmp_path / "a.py")], [])
    _, unread = listed(tmp_path / "none.py")
    assert unread == [Unread(str(tmp_path / "none.py"), "no such file or directory")]


def test_a_folder_that_can_not_be_listed_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refused)
    assert listed(tmp_path) == ([], [Unread(str(tmp_path), "permission denied")])


def test_what_is_no_source(tmp_path: Path) -> None:
    unread: list[Unread] = []
    (tmp_path / "long.py").write_bytes(b"x" * (SOURCE_MAX + 1))
    (tmp_path / "fine.py").write_bytes(b"a\r\nb\xff")
    for name in ("long.py", "none.py"):
        assert read_source(str(tmp_path / name), unread.append) is None
    assert [each.why for each in unread] == [
        f"has more than {SOURCE_MAX} bytes", "no such file or directory",
    ]  # fmt: skip
    assert read_source(str(tmp_path / "fine.py"), unread.append) == b"a\r\nb\xff"


def test_a_file_that_grows_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.py").write_bytes(b"0123456789")
    monkeypatch.setattr(sources, "SOURCE_MAX", 5)
    real = os.fstat
    monkeypatch.setattr(os, "fstat", lambda number: os.stat_result((*real(number)[:6], 5, 0, 0, 0)))
    unread: list[Unread] = []
    assert read_source(str(tmp_path / "a.py"), unread.append) is None
    assert [each.why for each in unread] == [sources.TOO_LONG]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"a\r\nb\xff", b"a\nb\xff"),
        (b"\xef\xbb\xbfjwt", b"jwt"),
        ('get("?jwt=" + t)\r\n'.encode("utf-16"), b'get("?jwt=" + t)\n'),
        (b"\xfe\xff" + "jwt".encode("utf-16-be"), b"jwt"),
        (b"\xff\xfe\x00\xd8a", "\ufffd".encode()),
        (b"a\0b", None),
        ("jwt".encode("utf-16-le"), None),
        (b"", b""),
    ],
)
def test_texts(data: bytes, text: bytes | None) -> None:
    assert plain(data) == text


def test_a_pattern_that_is_none_hides_nothing(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("!!\n[\n\\\n")
    Ignores().hides(f"{tmp_path}/a.py", str(tmp_path))


def test_a_path_is_shown_without_its_dot() -> None:
    assert (shown("./a/b.py"), shown("")) == ("a/b.py", "")


def test_patterns_that_take_long_hide_nothing_and_are_told_of(tmp_path: Path) -> None:
    name = "a" * 200 + ".py"
    (tmp_path / name).write_text("x")
    (tmp_path / "b.py").write_text("x")
    (tmp_path / ".gitignore").write_text("*a*a*a*a*a*a*a*a*b\n**/a/**/a/**/a/**/a/**\nb.py\n")
    start = time.process_time()
    files, unread = listed(tmp_path)
    assert time.process_time() - start < 10
    assert [Path(each).name for each in files] == [name]
    assert unread == [
        Unread(f"{tmp_path}/.gitignore", "has patterns with too many stars, which hide nothing")
    ]


def test_all_patterns_together_have_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "PATIENCE", 0.0)
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text("x")
    (tmp_path / ".gitignore").write_text("*.py\n")
    files, unread = listed(tmp_path)
    assert [Path(each).name for each in files] == ["b.py"]
    assert unread == [Unread(str(tmp_path), "its .gitignore files take too long, and hide nothing")]
