"""T26: nothing is written through a link, over another file, or beside others as root."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from headway.scan.writing import NotWritten, folder_below, replacing


def write(target: Path, *, over: bool = False, backup: str | None = None) -> None:
    """Write ``new`` to *target*."""
    before = target.lstat() if over else None
    with replacing(target) as new:
        new.raw.write(b"new")
        new.commit(before, backup=backup)


def names(folder: Path) -> list[str]:
    """What is in *folder*."""
    return sorted(each.name for each in folder.iterdir())


def test_a_new_file(tmp_path: Path) -> None:
    write(tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"new"
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600
    assert names(tmp_path) == ["a"]


def test_without_commit_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="stop"), replacing(tmp_path / "a") as new:  # noqa: PT012
        new.raw.write(b"new")
        raise ValueError("stop")
    assert names(tmp_path) == []


def test_over_a_file_with_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    path.chmod(0o640)
    with replacing(path) as new:
        new.raw.write(b"new")
        new.like(path.stat())
        new.commit(path.stat(), backup=".bak")
    assert (path.read_bytes(), (tmp_path / "a.bak").read_bytes()) == (b"new", b"old")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_t25_a_backup_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    path.chmod(0o666)
    with replacing(path) as new:
        new.like(path.stat())
        new.commit(path.stat(), backup=".bak")
    assert stat.S_IMODE((tmp_path / "a.bak").stat().st_mode) == 0o600
    assert stat.S_IMODE(path.stat().st_mode) == 0o666


def test_a_backup_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "a.bak").write_bytes(b"older")
    with pytest.raises(NotWritten, match=r"a\.bak: is there"):
        write(tmp_path / "a", over=True, backup=".bak")
    assert (tmp_path / "a").read_bytes() == b"old"
    assert (tmp_path / "a.bak").read_bytes() == b"older"


@pytest.mark.parametrize("kind", ["file", "link"])
def test_what_is_there_is_not_written_over(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old") if kind == "file" else path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(NotWritten, match="is there already"):
        write(path)
    assert names(tmp_path) == ["a"]


def test_what_comes_at_the_last_moment_is_not_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from headway.scan import writing

    monkeypatch.setattr(writing, "_entry", lambda name, folder: None)
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(NotWritten, match="there already"):
        write(tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"old"


@pytest.mark.parametrize("change", ["bytes", "link", "gone"])
def test_a_file_that_changed_meanwhile_stays(tmp_path: Path, change: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    before = path.stat()
    with pytest.raises(NotWritten, match="another file"), replacing(path) as new:  # noqa: PT012
        path.unlink()
        if change == "bytes":
            path.write_bytes(b"other and longer")
        elif change == "link":
            path.symlink_to("/etc/hostname")
        new.commit(before)
    assert names(tmp_path) == ([] if change == "gone" else ["a"])


def test_t26_a_folder_that_becomes_a_link_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "target").mkdir()
    with replacing(tmp_path / "logs" / "a") as new:
        (tmp_path / "logs").rename(tmp_path / "moved")
        (tmp_path / "logs").symlink_to(tmp_path / "target")
        new.raw.write(b"new")
        new.commit(None)
    assert names(tmp_path / "target") == []
    assert names(tmp_path / "moved") == ["a"]


@pytest.mark.parametrize("kind", ["link", "file", "none"])
def test_t26_a_folder_has_to_be_one(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "f"
    if kind == "link":
        folder.symlink_to(tmp_path)
    elif kind == "file":
        folder.write_text("x")
    with pytest.raises(NotWritten, match="no link"):
        write(folder / "a")
    assert names(tmp_path) == ([] if kind == "none" else ["f"])


def test_t26_root_does_not_write_beside_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    tmp_path.chmod(0o777)
    with pytest.raises(NotWritten, match="this is root"):
        write(tmp_path / "a")
    tmp_path.chmod(0o1777)
    write(tmp_path / "a")


def test_a_folder_in_which_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open

    def refused(path: object, flags: int, *args: int, **named: int) -> int:
        if flags & os.O_CREAT:
            raise PermissionError(13, "Permission denied")
        return real(path, flags, *args, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", refused)
    with pytest.raises(NotWritten, match="permission denied"):
        write(tmp_path / "a")


def test_an_owner_that_can_not_be_given_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "fchown", refused)
    with replacing(tmp_path / "a") as new:
        new.like(tmp_path.stat())
        new.commit(None)
    assert names(tmp_path) == ["a"]


def test_folders_below_are_made(tmp_path: Path) -> None:
    made = folder_below(tmp_path / "clean", ("a", "b"))
    assert made == tmp_path / "clean/a/b"
    assert made.is_dir()
    assert made.stat().st_mode & 0o777 == 0o700
    assert folder_below(tmp_path / "clean", ("a", "b")) == made


def test_t26_no_folder_below_is_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "clean").mkdir()
    (tmp_path / "clean/a").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(NotWritten, match="is a link"):
        folder_below(tmp_path / "clean", ("a", "b"))
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_file_where_a_folder_has_to_be(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    with pytest.raises(NotWritten, match="a: file exists"):
        folder_below(tmp_path, ("a", "b"))


def test_all_is_written_and_may_take_a_files_place_without_a_backup(tmp_path: Path) -> None:
    target = tmp_path / "a.log"
    target.write_bytes(b"before")
    with replacing(target) as new:
        new.write(b"x" * 3_000_000)
        new.commit(target.lstat())
    assert target.read_bytes() == b"x" * 3_000_000
    assert [each.name for each in tmp_path.iterdir()] == ["a.log"]
