"""Ranges of whole lines: together they are the file, whatever its lines."""

from __future__ import annotations

import io
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.scan.ranges import Lines, Part, Range, ranges_of
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
