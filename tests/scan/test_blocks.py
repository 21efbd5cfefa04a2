"""Lines with a needle, whatever the blocks, the reads and the lengths of lines."""

from __future__ import annotations

import io
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.scan.blocks import BLOCK, FIELDS, Line, Needles, lines_of

NEEDLES = Needles()


class Dripping:
    """Gives *size* bytes at a time."""

    def __init__(self, data: bytes, size: int) -> None:
        self._data, self._size = io.BytesIO(data), size

    def readinto(self, buffer: memoryview, /) -> int:
        return self._data.readinto(buffer[: self._size])


def naive(data: bytes) -> list[tuple[bytes, int, int]]:
    """The same in one line of thought."""
    found, offset = [], 0
    for number, line in enumerate(data.split(b"\n"), 1):
        if b"token" in line:
            found.append((line, offset, number))
        offset += len(line) + 1
    return found


def seen(lines: list[Line]) -> list[tuple[bytes, int, int]]:
    """What :func:`naive` says of them."""
    return [(line.data, line.offset, line.number) for line in lines]


@pytest.mark.parametrize("size", [1000, 65_536, BLOCK, 10 * BLOCK])
def test_lines_are_found_across_blocks(size: int) -> None:
    data = b"".join(
        b"%d %s\n" % (n, b"?token=x" if n % 977 == 0 else b"y" * (n % 300)) for n in range(9_000)
    )
    assert seen([*lines_of(Dripping(data, size), NEEDLES)]) == naive(data)


@given(st.lists(st.sampled_from([b"token", b"\n", b"x", b" " * 50, b"\r\n"]), max_size=60),
       st.integers(1, 40))  # fmt: skip
def test_any_text_in_any_drops(parts: list[bytes], size: int) -> None:
    data = b"".join(parts)
    found = [*lines_of(Dripping(data, size), NEEDLES)]
    assert seen(found) == naive(data)
    assert all(line.whole for line in found)


def test_a_line_longer_than_the_buffer_comes_in_pieces_and_nothing_is_lost() -> None:
    places = [0, 5_000, BLOCK - 3, BLOCK + 10, 3 * BLOCK, 4 * BLOCK - 6]
    data = bytearray(b"y" * (4 * BLOCK))
    for place in places:
        data[place : place + 5] = b"token"
    own = []
    for line in lines_of(io.BytesIO(bytes(data)), NEEDLES):
        assert not line.whole
        at = -1
        while (at := line.data.find(b"token", at + 1)) >= 0:
            if line.low <= at < line.high:
                own.append(line.offset + at)
    assert own == places


def test_after_a_long_line_numbers_go_on() -> None:
    data = b"a\n" + b"y" * (2 * BLOCK) + b"\n?token=x\n"
    (line,) = [each for each in lines_of(io.BytesIO(data), NEEDLES) if b"token" in each.data]
    assert (line.number, line.data, line.offset) == (3, b"?token=x", 2 * BLOCK + 3)


def test_numbers_end_where_nobody_wants_them() -> None:
    data = b"?token=x\n" * 100_000
    wanted = iter([True])
    found = [*lines_of(io.BytesIO(data), NEEDLES, numbered=lambda: next(wanted, False))]
    assert found[0].number == 1
    assert found[-1].number == 0
    assert found[-1].offset == 9 * 99_999


def test_where_a_source_starts_is_added() -> None:
    (line,) = lines_of(io.BytesIO(b"\n?token=x"), NEEDLES, offset=100)
    assert line.offset == 101


def test_names_of_columns_are_found() -> None:
    assert [line.data for line in lines_of(io.BytesIO(FIELDS + b" a\nb\n"), NEEDLES)] == [
        b"#Fields: a"
    ]


def test_nothing_is_nothing() -> None:
    assert [*lines_of(io.BytesIO(b""), NEEDLES)] == []
    assert [*lines_of(io.BytesIO(b"\n\n"), NEEDLES)] == []


def test_what_was_read_before_a_source_broke_comes_first() -> None:
    class Breaking(Dripping):
        def readinto(self, buffer: memoryview, /) -> int:
            got = super().readinto(buffer)
            if not got:
                raise EOFError
            return got

    found: list[bytes] = []
    lines = lines_of(Breaking(b"a\n?token=x\n?token=y", 7), NEEDLES)
    with suppress(EOFError):
        while True:
            found.append(next(lines).data)
    assert found == [b"?token=x", b"?token=y"]
