"""Edits of a text, and the unified diff that says the same: one that ``git apply`` takes.

A hunk is made from the places of the edits, not by comparing whole files: so it costs what was
edited.  The form is the one of POSIX ``diff -u``, with names quoted as git quotes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher

import msgspec

__all__ = ["Edit", "composed", "edited", "meet", "moved", "patch_head", "patch_of"]

_AROUND = 3  # lines before and after what changed


class Edit(msgspec.Struct, frozen=True, gc=False, order=True):
    """Characters *start* to *end* of a text are replaced by *text*."""

    start: int
    end: int
    text: str


def edited(text: str, edits: Iterable[Edit]) -> str:
    """*text* with *edits*, none of which may meet another.

    >>> edited("abcd", [Edit(3, 4, "D"), Edit(0, 1, "")])
    'bcD'
    """
    parts: list[str] = []
    at = 0
    for each in sorted(edits):
        parts += text[at : each.start], each.text
        at = each.end
    parts.append(text[at:])
    return "".join(parts)


def meet(some: Iterable[Edit], others: Sequence[Edit]) -> bool:
    """Whether one of *some* touches one of *others*."""
    return any(a.start <= b.end and b.start <= a.end for a in some for b in others)


def moved(at: int, edits: Iterable[Edit]) -> int | None:
    """Where the character *at* is after *edits*; None where it is gone."""
    shift = 0
    for each in edits:
        if each.start <= at < each.end:
            return None
        if each.end <= at:
            shift += len(each.text) - (each.end - each.start)
    return at + shift


_Piece = tuple[int, int, str]  # from where to where of the first text; or an insertion


def composed(length: int, first: Sequence[Edit], second: Sequence[Edit]) -> list[Edit]:
    """*first*, edits of a text of *length* characters, and *second*, of what comes out, as one.

    >>> composed(4, [Edit(0, 1, "xyz")], [Edit(1, 2, ""), Edit(5, 6, "!")])
    [Edit(start=0, end=1, text='xz'), Edit(start=3, end=4, text='!')]
    """
    once = _replaced([(0, length, "")], first)
    out: list[Edit] = []
    at, put = 0, ""
    for start, end, text in [*_replaced(once, second), (length, length, "")]:
        if start == end and text:
            put += text
            continue
        if put or start > at:
            out.append(Edit(at, start, put))
        at, put = end, ""
    return out


def _replaced(pieces: Sequence[_Piece], edits: Sequence[Edit]) -> list[_Piece]:
    out: list[_Piece] = []
    at = 0
    for each in sorted(edits):
        out += _between(pieces, at, each.start)
        if each.text:
            out.append((0, 0, each.text))
        at = each.end
    return out + _between(pieces, at, sum(_size(piece) for piece in pieces))


def _between(pieces: Sequence[_Piece], low: int, high: int) -> list[_Piece]:
    """What stands between the characters *low* and *high* of the text that *pieces* make."""
    out: list[_Piece] = []
    at = 0
    for piece in pieces:
        begin, stop = max(low - at, 0), min(high - at, _size(piece))
        at += _size(piece)
        if begin >= stop:
            continue
        start, _, text = piece
        if text:
            out.append((0, 0, text[begin:stop]))
        else:
            out.append((start + begin, start + stop, ""))
    return out


def _size(piece: _Piece) -> int:
    return len(piece[2]) or piece[1] - piece[0]


# ---- as a patch ------------------------------------------------------------------------------


def patch_head(path: str) -> str:
    r"""The two lines that name the file *path*, by its place below where the patch is applied.

    >>> patch_head("src/a.py")
    '--- a/src/a.py\n+++ b/src/a.py\n'
    """
    return "".join(
        f"{mark} {_named(side + path)}\n" for mark, side in (("---", "a/"), ("+++", "b/"))
    )


def patch_of(text: str, edits: Iterable[Edit]) -> str:
    r"""The hunks of *edits* to *text*.

    >>> print(patch_of("one\ntwo\n", [Edit(4, 7, "2")]), end="")
    @@ -1,2 +1,2 @@
     one
    -two
    +2
    """
    lines = text.split("\n")
    ends = [0]  # where each line starts; the last entry is the end of the text
    for line in lines:
        ends.append(ends[-1] + len(line) + 1)
    count = len(lines) - 1 if lines[-1] == "" else len(lines)
    ends[count] = len(text)
    shift = 0
    hunks: list[str] = []
    for first, last, inside in _regions(sorted(edits), ends, count):
        start, end = ends[first], ends[last]
        before = text[start:end]
        after = edited(before, [Edit(e.start - start, e.end - start, e.text) for e in inside])
        if before != after:
            old, new = _lines(before), _lines(after)
            hunks.append(_hunk(old, new, first, first + shift))
            shift += len(new) - len(old)
    return "".join(hunks)


def _regions(
    edits: Sequence[Edit], starts: Sequence[int], count: int
) -> Iterator[tuple[int, int, list[Edit]]]:
    """Lines (from, to) that are edited, with those around; regions that touch are one."""
    first = last = -1
    inside: list[Edit] = []
    for each in edits:
        low = max(0, _line_at(each.start, starts, count) - _AROUND)
        high = min(count, _line_at(each.end, starts, count) + 1 + _AROUND)
        if inside and low <= last:
            last = max(last, high)
            inside.append(each)
            continue
        if inside:
            yield first, last, inside
        first, last, inside = low, high, [each]
    if inside:
        yield first, last, inside


def _line_at(at: int, starts: Sequence[int], count: int) -> int:
    low, high = 0, max(0, count - 1)
    while low < high:
        middle = (low + high + 1) // 2
        if starts[middle] <= at:
            low = middle
        else:
            high = middle - 1
    return low


def _lines(text: str) -> list[str]:
    lines = [f"{line}\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def _hunk(old: Sequence[str], new: Sequence[str], first: int, now: int) -> str:
    """One hunk, without the lines at its ends that are more than are wanted around."""
    codes = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    lead = codes[0][2] - codes[0][1] if codes[0][0] == "equal" else 0
    tail = codes[-1][2] - codes[-1][1] if codes[-1][0] == "equal" else 0
    skip, drop = max(0, lead - _AROUND), max(0, tail - _AROUND)
    out: list[str] = []
    for tag, a, b, c, d in codes:
        if tag == "equal":
            out += [_told(" ", line) for line in old[max(a, skip) : min(b, len(old) - drop)]]
            continue
        out += [_told("-", line) for line in old[a:b]]
        out += [_told("+", line) for line in new[c:d]]
    sizes = len(old) - skip - drop, len(new) - skip - drop
    spans = [
        f"{start + skip + (1 if size else 0)}" + (f",{size}" if size != 1 else "")
        for start, size in zip((first, now), sizes, strict=True)
    ]
    return f"@@ -{spans[0]} +{spans[1]} @@\n" + "".join(out)


def _told(mark: str, line: str) -> str:
    return mark + line if line.endswith("\n") else f"{mark}{line}\n\\ No newline at end of file\n"


_SPECIAL = re.compile(r'[\x00-\x1f\x7f"\\\udc80-\udcff]')
_SHORT = {"\a": "a", "\b": "b", "\t": "t", "\n": "n", "\v": "v", "\f": "f", "\r": "r",
          '"': '"', "\\": "\\"}  # fmt: skip


def _named(path: str) -> str:
    """A name as git writes it: quoted where a byte would end it, or mean something else."""
    if _SPECIAL.search(path):
        return '"' + _SPECIAL.sub(lambda found: _escaped(found[0]), path) + '"'
    return f"{path}\t" if " " in path else path


def _escaped(mark: str) -> str:
    if mark in _SHORT:
        return "\\" + _SHORT[mark]
    return "".join(f"\\{byte:03o}" for byte in mark.encode("utf-8", "surrogateescape"))
