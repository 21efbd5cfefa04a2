"""Ranges of whole lines: together they are the file, whatever its lines."""

from __future__ import annotations

import io
import os
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.scan.ranges import Lines, Part, Range, data_of, ranges_of
from scan.test_readers import whole


@given(st.lists(st.binary(max_size=40), max_size=20), st.integers(1, 60))
def test_any_text_in_ranges_of_any_length(lines: list[bytes], length: int) -> None:
    data = b"\n".join(lines)
    ranges = [*ranges_of(io.BytesIO(data), len(data), length)]
    assert ranges[0].start == 0
    assert ranges[-1].end == len(data)
    for one, two in pairwise(ranges):
        assert one.end == two.start > one.start
        assert data[one.end - 1 : one.end] == b"\n"
    assert b"".join(whole(Part(io.BytesIO(data), each)) for each in ranges) == data


def test_a_border_where_a_line_starts_is_one() -> None:
    assert [*ranges_of(io.BytesIO(b"aa\nbb\n"), 6, 3)] == [Range(0, 3), Range(3, 6)]


def test_a_line_without_end_has_no_border_inside_and_is_not_read_for_it() -> None:
    class Endless:
        read = 0

        def seek(self, offset: int, whence: int = 0, /) -> int:
            return offset

        def readinto(self, buffer: memoryview, /) -> int:
            self.read += len(buffer)
            return len(buffer)

    source = Endless()
    assert [*ranges_of(source, 10**12, 10**11)] == [Range(0, 10**12)]
    assert source.read < 10**8


def test_a_file_that_shrinks_is_noticed() -> None:
    source = io.BytesIO(b"a\n" * 10)
    (span,) = ranges_of(source, 20)
    source.truncate(10)
    with pytest.raises(EOFError):
        whole(Part(source, span))
    assert [*ranges_of(source, 20, 15)] == [Range(0, 20)]


def test_a_file_that_grows_is_read_as_far_as_it_was() -> None:
    source = io.BytesIO(b"a\n" * 10)
    (span,) = ranges_of(source, 20)
    source.seek(0, io.SEEK_END)
    source.write(b"more\n")
    assert whole(Part(source, span)) == b"a\n" * 10


def test_nothing_is_one_range() -> None:
    assert [*ranges_of(io.BytesIO(), 0)] == [Range(0, 0)]
    assert whole(Part(io.BytesIO(), Range(0, 0))) == b""


def test_lines_are_numbered_where_somebody_asks() -> None:
    data = b"a\n" * 300_000
    lines = Lines(io.BytesIO(data))
    assert [lines.number(offset) for offset in (0, 1, 2, 500_000, 500_001)] == [
        1, 1, 2, 250_001, 250_001,
    ]  # fmt: skip


def test_lines_of_a_file_that_shrank_have_the_last_number() -> None:
    assert Lines(io.BytesIO(b"a\nb")).number(100) == 2


def sparse(path: Path, *texts: bytes, end: int = 0) -> int:
    """A file with a hole of 8 MB before each of *texts*, and one of *end* after them; its size."""
    with path.open("wb") as out:
        for text in texts:
            out.seek(8 << 20, os.SEEK_CUR)
            out.write(text)
        out.truncate(out.tell() + end)
    return path.stat().st_size


def test_long_holes_are_no_data(tmp_path: Path) -> None:
    size = sparse(tmp_path / "a", b"one\n", b"two\n", end=8 << 20)
    with (tmp_path / "a").open("rb", buffering=0) as raw:
        first, second = data_of(raw.fileno(), size)
        assert whole(Part(raw, first)).strip(b"\0") == b"one\n"
        assert whole(Part(raw, second)).strip(b"\0") == b"two\n"
        assert Lines(raw).number(second.start) == 2


def test_nothing_but_a_hole_has_no_data(tmp_path: Path) -> None:
    size = sparse(tmp_path / "a", end=1 << 40)
    with (tmp_path / "a").open("rb", buffering=0) as raw:
        assert [*data_of(raw.fileno(), size)] == []
        assert Lines(raw).number(size) == 1


def test_short_holes_are_read_as_zeros(tmp_path: Path) -> None:
    with (tmp_path / "a").open("wb") as out:
        out.write(b"x" * 4096)
        out.seek(65_536, os.SEEK_CUR)
        out.write(b"y")
    size = (tmp_path / "a").stat().st_size
    with (tmp_path / "a").open("rb", buffering=0) as raw:
        assert [*data_of(raw.fileno(), size)] == [Range(0, size)]


def test_where_nobody_knows_of_holes_all_is_data(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: int) -> int:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(os, "lseek", refused)
    assert [*data_of(0, 5)] == [Range(0, 5)]
    assert [*data_of(0, 0)] == []
