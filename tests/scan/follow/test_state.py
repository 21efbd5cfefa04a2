"""Saved offsets: whole or not at all, for one user, and nothing of what was read."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from headway.errors import ConfigurationError
from headway.scan.follow import state as module
from headway.scan.follow.state import Known, StateFile


def known(number: int = 1) -> Known:
    """A file that was read."""
    return Known(
        path=f"{number}.log",
        device=1,
        inode=number,
        offset=5,
        lines=1,
        head="aa",
        foot="bb",
        at=float(number),
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where it goes."""
    tmp_path.chmod(0o700)
    return tmp_path / "offsets.json"


def test_what_is_saved_is_there_the_next_time(path: Path) -> None:
    before = os.umask(0)
    try:
        first = StateFile(path, "key")
        assert first.files == ()
        first.save([known(1)])
        first.save([known(1), known(2)])
    finally:
        os.umask(before)
    assert oct(path.stat().st_mode) == "0o100600"
    assert StateFile(path, "key").files == (known(2), known(1))
    assert known().key == (1, 1)
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_the_last_written_are_kept(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KNOWN_MAX", 2)
    StateFile(path, "key").save([known(number) for number in range(5)])
    assert [each.inode for each in StateFile(path, "key").files] == [4, 3]


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{}", b"[]", b"not JSON", b'{"key_id":"key","files":[],"format":"else"}',
        b'{"key_id":"key","files":[],"version":2}', b'{"key_id":"key","files":[{"path":1}]}',
    ],
    ids=range(7),
)  # fmt: skip
def test_what_is_none(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(ConfigurationError, match="is no file that --follow wrote"):
        StateFile(path, "key")


def test_of_another_key(path: Path) -> None:
    StateFile(path, "key").save([known()])
    with pytest.raises(ConfigurationError, match="another key; set HEADWAY_SCAN_KEY"):
        StateFile(path, "other")


def test_t25_a_file_that_others_can_read_is_refused(path: Path) -> None:
    StateFile(path, "key").save([known()])
    path.chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        StateFile(path, "key")


def test_t26_no_link_no_pipe_no_folder_of_others(path: Path) -> None:
    (path.parent / "aim").write_bytes(b"{}")
    path.symlink_to(path.parent / "aim")
    with pytest.raises(ConfigurationError, match=r"offsets\.json"):
        StateFile(path, "key")
    path.unlink()
    os.mkfifo(path, 0o600)
    with pytest.raises(ConfigurationError, match="is no file"):
        StateFile(path, "key")
    path.unlink()
    opened = StateFile(path, "key")
    (path.parent / "real").mkdir()
    (path.parent / "link").symlink_to(path.parent / "real")
    with pytest.raises(ConfigurationError, match="no link to one"):
        StateFile(path.parent / "link" / "x", "key").save([])
    path.symlink_to(path.parent / "aim")
    with pytest.raises(ConfigurationError, match="is there already"):
        opened.save([known()])
    assert (path.parent / "aim").read_bytes() == b"{}"


def test_two_that_write_the_same_one(path: Path) -> None:
    first, second = StateFile(path, "key"), StateFile(path, "key")
    first.save([known(1)])
    with pytest.raises(ConfigurationError, match="what was found is told, and may be told again"):
        second.save([known(2)])
    assert StateFile(path, "key").files == (known(1),)


def test_a_full_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = StateFile(path, "key")
    opened.save([known(1)])

    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(ConfigurationError, match="no space left"):
            opened.save([known(2)])
    assert StateFile(path, "key").files == (known(1),)
    assert msgspec.json.decode(path.read_bytes())["format"] == "headway-follow"
