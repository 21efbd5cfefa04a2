"""Which lines are new: never fewer than another comparison says, whatever is compared."""

from __future__ import annotations

import difflib
import time

from hypothesis import given
from hypothesis import strategies as st

from headway.scan.code.lines import new_lines

LINES = st.lists(st.sampled_from([b"a", b"b", b"c", b"d", b""]), max_size=12)


def test_a_change() -> None:
    assert new_lines(b"", b"a\nb") == {1, 2}
    assert new_lines(b"a\nb\nc\n", b"a\nx\nb\nc\n") == {2}
    assert new_lines(b"a\nb\nc\nd\ne", b"a\nc\nx\nd\nb\ne") == {3, 5}
    assert new_lines(b"a\nb", b"a\nb") == frozenset()
    assert new_lines(b"}\n}\nA\nold", b"x\n}\n}\nA\nnew") == {1, 5}
    assert new_lines(b"1\nA\n}\n}\n2", b"x\nA\n}\n}\ny") == {1, 5}


def test_a_line_that_is_there_once_more_is_new() -> None:
    assert len(new_lines(b"x\ny", b"x\nx\ny")) == 1
    assert len(new_lines(b"x", b"x\nx\nx")) == 2


@given(old=LINES, new=LINES)
def test_what_is_not_new_stands_in_both_in_the_same_order(
    old: list[bytes], new: list[bytes]
) -> None:
    added = new_lines(b"\n".join(old), b"\n".join(new))
    before = b"\n".join(old).split(b"\n")
    kept = [
        line for number, line in enumerate(b"\n".join(new).split(b"\n"), 1) if number not in added
    ]
    rest = iter(before)
    assert all(line in rest for line in kept)


@given(old=LINES, extra=st.integers(0, 11))
def test_a_text_with_one_more_line_has_one_new_line(old: list[bytes], extra: int) -> None:
    at = min(extra, len(old))
    new = [*old[:at], b"leak", *old[at:]]
    assert new_lines(b"\n".join([b"", *old]), b"\n".join([b"", *new])) == {at + 2}


def test_no_text_takes_long() -> None:
    same = b"\n".join([b"}"] * 100_000)
    other = b"\n".join(b"%d" % (number % 1000) for number in range(100_000))
    start = time.process_time()
    new_lines(same, other)
    new_lines(other, b"\n".join(reversed(other.split(b"\n"))))
    assert time.process_time() - start < 10


def test_it_agrees_with_another_on_an_ordinary_change() -> None:
    old = [f"line {number}\n" for number in range(200)]
    new = [*old[:20], "one\n", *old[25:150], "two\n", "three\n", *old[150:]]
    other = {
        number + 1
        for tag, _, _, low, high in difflib.SequenceMatcher(None, old, new).get_opcodes()
        if tag in ("insert", "replace")
        for number in range(low, high)
    }
    assert new_lines("".join(old).encode(), "".join(new).encode()) == other
