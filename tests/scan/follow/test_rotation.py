"""What becomes of a file once another one has its name."""

from __future__ import annotations

import gzip
import os
import shutil
from pathlib import Path

import pytest

from headway.scan.blocks import Needles
from headway.scan.follow.rotation import continuation, rotated_since, series_of
from headway.scan.follow.state import Known
from headway.scan.follow.tails import Tail
from scan.follow.watching import PRINTS, append, line


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log with one token."""
    (tmp_path / "a.log").write_bytes(line(1))
    return tmp_path / "a.log"


def read(path: Path) -> Known:
    """What is known of *path*, which was read to its end."""
    tail = Tail(str(path), str(path))
    list(tail.new(Needles()))
    known = tail.known(PRINTS)
    tail.close()
    return known


@pytest.mark.parametrize(
    ("path", "series"),
    [
        ("a.log", "a.log"), ("a.log.1", "a.log"), ("a.log.12.gz", "a.log"),
        ("a.log-20260101.zst", "a.log"), ("a-20260101.log", "a.log"), ("a.2026-01-01.log", "a.log"),
        ("a.log.old", "a.log"), ("a.log.2026-01-01_10", "a.log"), ("app.2.log", "app.2.log"),
        ("a.log.gz", "a.log"), ("a.log.md", "a.log.md"),
    ],
    ids=range(11),
)  # fmt: skip
def test_series(path: str, series: str) -> None:
    assert series_of(path) == series


def test_itself_under_another_name(log: Path) -> None:
    known = read(log)
    assert continuation(known, str(log), PRINTS) is None
    log.rename(log.with_name("whatever"))
    append(log, 2)
    assert continuation(known, str(log), PRINTS) == str(log.with_name("whatever"))


def test_a_copy_or_a_compressed_one(log: Path) -> None:
    known = read(log)
    append(log, 2)
    shutil.copy(log, log.with_name("a.log.1"))
    assert continuation(known, str(log), PRINTS) == str(log) + ".1"
    log.with_name("a.log.1.gz").write_bytes(gzip.compress(log.read_bytes()))
    log.with_name("a.log.1").unlink()
    assert continuation(known, str(log), PRINTS) == str(log) + ".1.gz"


def test_what_is_none_of_it(log: Path, tmp_path: Path) -> None:
    known = read(log)
    shutil.copy(log, tmp_path / "b.log.1")  # of another series
    (tmp_path / "a.log.1").write_bytes(line(2))
    (tmp_path / "a.log.2.gz").write_bytes(gzip.compress(line(1) * 9)[:14])
    (tmp_path / "a.log.3").symlink_to(log)
    (tmp_path / "a.log.4").mkdir()
    assert continuation(known, str(log), PRINTS) is None
    assert continuation(known, str(tmp_path / "none" / "a.log"), PRINTS) is None


def test_rotated_since(log: Path, tmp_path: Path) -> None:
    known = read(log)
    for number, name in enumerate(["a.log.3", "a.log.2", "a.log.1", "b.log.1", "a.log.9"]):
        append(tmp_path / name, number + 2)
        os.utime(tmp_path / name, (known.at + number, known.at + number))
    os.utime(tmp_path / "a.log.9", (known.at - 9, known.at - 9))
    shutil.copy(log, tmp_path / "a.log.4")
    found = rotated_since(str(log), known.at, PRINTS, known=[known], but=())
    assert [Path(each).name for each in found] == ["a.log.3", "a.log.2", "a.log.1"]
    key = (known.device, (tmp_path / "a.log.2").stat().st_ino)
    found = rotated_since(str(log), known.at, PRINTS, known=[known], but=[key])
    assert [Path(each).name for each in found] == ["a.log.3", "a.log.1"]


def test_what_goes_away_meanwhile(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = read(log)
    append(log, 2)
    shutil.copy(log, log.with_name("a.log.1"))

    def gone(path: str) -> None:
        raise FileNotFoundError(2, "No such file")

    monkeypatch.setattr("headway.scan.follow.rotation.opened", gone)
    assert continuation(known, str(log), PRINTS) is None
    monkeypatch.setattr(os, "scandir", lambda path: _Gone())
    assert continuation(known, str(log), PRINTS) is None


class _Gone:
    """A folder with an entry that is there no more when it is asked."""

    name = path = "a.log.1"

    def __enter__(self) -> list[_Gone]:
        return [self]

    def __exit__(self, *told: object) -> None:
        pass

    def is_file(self, *, follow_symlinks: bool) -> bool:
        raise FileNotFoundError(2, "No such file")
