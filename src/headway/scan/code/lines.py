"""Which lines of a text are new: at least those that any other comparison would call so.

Lines that stand once in both texts are anchors (their longest ascending run), and what
is the same right before and after an anchor is old as well.  Everything else is new.  It takes
n log n steps whatever is compared, which a shortest difference does not.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

__all__ = ["new_lines"]


def new_lines(old: bytes, new: bytes) -> frozenset[int]:
    r"""The numbers (from 1) of the lines of *new* that are not of *old*.

    >>> sorted(new_lines(b"a\nb\nc", b"a\nx\nc\nb"))
    [2, 4]
    """
    before, after = old.split(b"\n"), new.split(b"\n")
    most = min(len(before), len(after))
    # (1) what both begin and end with
    head = next((n for n in range(most) if before[n] != after[n]), most)
    tail = next((n for n in range(most - head) if before[-1 - n] != after[-1 - n]), most - head)
    ends = (len(before) - tail, len(after) - tail)
    kept = {*range(head), *range(ends[1], len(after))}
    # (2) between them, the anchors, and what is the same beside each
    anchors = _anchors(before[head : ends[0]], after[head : ends[1]])
    fixed = [(head + i, head + j) for i, j in anchors]
    for (i, j), (i_end, j_end) in pairwise([(head - 1, head - 1), *fixed, ends]):
        i, j, k, m = i + 1, j + 1, i_end - 1, j_end - 1
        while i <= k and j <= m and before[i] == after[j]:
            kept.add(j)
            i, j = i + 1, j + 1
        while i <= k and j <= m and before[k] == after[m]:
            kept.add(m)
            k, m = k - 1, m - 1
    kept.update(j for _, j in fixed)
    return frozenset(number + 1 for number in range(len(after)) if number not in kept)


def _anchors(before: Sequence[bytes], after: Sequence[bytes]) -> list[tuple[int, int]]:
    """Pairs of places of lines that stand once in both, ascending in both."""
    once_before, once_after = Counter(before), Counter(after)
    place = {line: number for number, line in enumerate(after) if once_after[line] == 1}
    return _ascending(
        [
            (number, place[line])
            for number, line in enumerate(before)
            if once_before[line] == 1 and line in place
        ]
    )


def _ascending(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest run of *pairs* (sorted by their first) that ascends in both."""
    ends: list[int] = []  # the smallest second of a run of each length
    who: list[int] = []
    back: list[int] = []
    for number, (_, second) in enumerate(pairs):
        at = bisect_left(ends, second)
        ends[at : at + 1] = [second]
        who[at : at + 1] = [number]
        back.append(who[at - 1] if at else -1)
    run: list[tuple[int, int]] = []
    number = who[-1] if who else -1
    while number >= 0:
        run.append(pairs[number])
        number = back[number]
    return run[::-1]
