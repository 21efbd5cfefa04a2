"""What is replaced in a file, and as a unified diff: made of the edits, so its time is theirs."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import NamedTuple

import msgspec

__all__ = ["Edit", "Source", "apply", "diff_of"]

_AROUND = 3  # lines of context


class Source(msgspec.Struct, frozen=True, eq=False):
    """A file of a configuration: *path* as it is told, *text* as it was read."""

    path: str
    text: str
    _starts: list[int] = []
    _lines: list[str] = []

    @property
    def lines(self) -> list[str]:
        """With their ends; the last one may have none."""
        if not self._lines:
            self._lines.extend(_lines(self.text))
        return self._lines

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of *offset*, both from 1."""
        if not self._starts:
            lines = self.text.split("\n")
            self._starts.extend([0, *accumulate(len(line) + 1 for line in lines)][:-1])
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def offset(self, line: int, column: int = 1) -> int:
        """Where *line* starts, or its *column* is; both from 1."""
        self.position(0)
        return self._starts[min(line, len(self._starts)) - 1] + column - 1


class Edit(NamedTuple):
    """*text* stands in the place of what is from *start* to *end* of *source*."""

    source: Source
    start: int
    end: int
    text: str


def _ordered(source: Source, edits: Iterable[Edit]) -> list[Edit]:
    """Those of *source*, each once; of two that overlap, the first counts."""
    kept: list[Edit] = []
    mine = {(each.start, each.end, each.text): each for each in edits if each.source is source}
    for edit in sorted(mine.values(), key=lambda each: (each.start, each.end)):
        if not kept or edit.start >= kept[-1].end:
            kept.append(edit)
    return kept


def apply(source: Source, edits: Iterable[Edit]) -> str:
    """The text of *source* after *edits*.

    >>> source = Source("a", "one two")
    >>> apply(source, [Edit(source, 4, 7, "three")])
    'one three'
    """
    pieces, at = [], 0
    for edit in _ordered(source, edits):
        pieces += [source.text[at : edit.start], edit.text]
        at = edit.end
    return "".join([*pieces, source.text[at:]])


def diff_of(edits: Iterable[Edit], around: int = _AROUND) -> str:
    """A unified diff of *edits*, for each file that they are in; "" for none.

    *around*: lines before and behind that are shown with those that change.
    """
    edits = list(edits)
    sources = {id(each.source): each.source for each in edits}
    return "".join(_diff(each, _ordered(each, edits), around) for each in sources.values())


class _Change(NamedTuple):
    first: int  # lines from 0, the last one is not part of it
    last: int
    old: list[str]
    new: list[str]


def _diff(source: Source, edits: list[Edit], around: int) -> str:
    lines = source.lines
    changes = [each for each in _changes(source, edits, lines) if each.old or each.new]
    if not changes:
        return ""
    out, shift = [f"--- a/{source.path.lstrip('/')}\n+++ b/{source.path.lstrip('/')}\n"], 0
    for hunk in _hunks(changes, around):
        start = max(0, hunk[0].first - around)
        end = min(len(lines), hunk[-1].last + around)
        body: list[str] = []
        at = start
        for change in hunk:
            body += [f" {line}" for line in lines[at : change.first]]
            body += [f"-{line}" for line in change.old] + [f"+{line}" for line in change.new]
            at = change.last
        body += [f" {line}" for line in lines[at:end]]
        grown = sum(len(change.new) - len(change.old) for change in hunk)
        before, after = end - start, end - start + grown
        out.append(
            f"@@ -{start + bool(before)},{before} +{start + shift + bool(after)},{after} @@\n"
        )
        out += [
            line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
            for line in body
        ]
        shift += grown
    return "".join(out)


def _lines(text: str) -> list[str]:
    pieces = text.split("\n")
    return [f"{piece}\n" for piece in pieces[:-1]] + ([pieces[-1]] if pieces[-1] else [])


def _changes(source: Source, edits: list[Edit], lines: list[str]) -> Iterator[_Change]:
    """Whole lines that *edits* change; edits in the same lines are one change."""
    groups: list[list[Edit]] = []
    for edit in edits:
        first = source.position(edit.start)[0]
        if groups and first <= source.position(groups[-1][-1].end)[0]:
            groups[-1].append(edit)
        else:
            groups.append([edit])
    for group in groups:
        first = source.position(group[0].start)[0] - 1
        last = min(source.position(max(each.end for each in group))[0], len(lines))
        begin = source.offset(first + 1)
        end = sum(map(len, lines[first:last])) + begin
        text = source.text[begin:end]
        for edit in reversed(group):
            text = text[: edit.start - begin] + edit.text + text[edit.end - begin :]
        yield _trimmed(first, lines[first:last], _lines(text))


def _trimmed(first: int, old: list[str], new: list[str]) -> _Change:
    """Without lines that stay as they are, at the start and at the end."""
    last = first + len(old)
    while old and new and old[-1] == new[-1]:
        old, new, last = old[:-1], new[:-1], last - 1
    while old and new and old[0] == new[0]:
        old, new, first = old[1:], new[1:], first + 1
    return _Change(first, last, old, new)


def _hunks(changes: list[_Change], around: int) -> Iterator[list[_Change]]:
    hunk: list[_Change] = []
    for change in changes:
        if hunk and change.first - hunk[-1].last > 2 * around:
            yield hunk
            hunk = []
        hunk.append(change)
    yield hunk
