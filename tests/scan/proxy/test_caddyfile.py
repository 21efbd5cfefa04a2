"""Caddyfiles: segments, blocks, quotes."""

from __future__ import annotations

import pytest

from headway.scan.proxy.caddyfile import Segment, read_caddyfile
from headway.scan.proxy.edits import Source
from headway.scan.proxy.files import Unclear


def shape(segments: list[Segment]) -> list[object]:
    return [each.words if each.block is None else [*each.words, shape(each.block)]
            for each in segments]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a {\n\tb c\n}\n", [["a", [["b", "c"]]]]), ("{\n a\n}", [[[["a"]]]]),
        ("a,\nb {\n}\n", [["a,", "b", []]]), ("a # b\n#c\nd", [["a"], ["d"]]),
        ("a#b {x} {$E}", [["a#b", "{x}", "{$E}"]]), ('a "b c" `d "e"`', [["a", "b c", 'd "e"']]),
        ('a "b\\"c"', [["a", 'b"c']]), ('a "b\nc"\nd', [["a", "b\nc"], ["d"]]),
        ("a b \\\n c\nd", [["a", "b", "c"], ["d"]]), ('a "{"\nb', [["a", "{"], ["b"]]),
        ("a <<END\n x {\n END\nb", [["a", " x {\n "], ["b"]]), ("a << b", [["a", "<<", "b"]]),
        ('a "x,"\nb', [["a", "x,"], ["b"]]), ("", []), ("# only", []),
    ],
)  # fmt: skip
def test_segments(text: str, found: list[object]) -> None:
    assert shape(read_caddyfile(Source("a", text))) == found


def test_places() -> None:
    text = "a b {\n\tlog {\n\t}\n}\n"
    [top] = read_caddyfile(Source("a", text))
    [log] = top.block or []
    assert (text[top.start : top.end], text[log.start : log.end]) == ("a b", "log")
    assert text[log.opened - 1] == "{"
    assert text[log.closed :] == "}\n}\n"
    assert (top.name, log.line, Segment([], top.source, 1, 0, 0).name) == ("a", 2, "")


@pytest.mark.parametrize(
    ("text", "told"),
    [("a {\n", "a block has no end, in line 1"), ("a\n}\n", "unexpected '}', in line 2"),
     ('a "b\n', "a quote is not closed, in line 1"), ("a <<X\n b\n", "a heredoc has no end"),
     ("a {\n" * 200, "nested too deeply")],
)  # fmt: skip
def test_what_is_none_is_told_with_its_line(text: str, told: str) -> None:
    with pytest.raises(Unclear) as raised:
        read_caddyfile(Source("a", text))
    assert told in str(raised.value)
