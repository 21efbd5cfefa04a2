"""HAProxy's configuration: sections, lines, words."""

from __future__ import annotations

import pytest

from headway.scan.proxy.edits import Source
from headway.scan.proxy.files import Unclear
from headway.scan.proxy.haproxy_syntax import quoted, read_haproxy


def test_sections_and_their_lines() -> None:
    text = (
        "# a comment\nglobal # here\n    log stdout local0\n\ndefaults base\n  mode http\n"
        ".if defined(X)\nfrontend web from base\n  bind :80\n.endif\n"
        "backend b\ndefaults from base\n"
    )
    found = read_haproxy(Source("a", text))
    assert [(each.kind, each.name, each.base) for each in found] == [
        ("global", "", None), ("defaults", "base", None), ("frontend", "web", "base"),
        ("backend", "b", None), ("defaults", "", "base"),
    ]  # fmt: skip
    assert [line.texts for line in found[0].lines] == [["log", "stdout", "local0"]]
    assert found[2].lines[0].line == 9


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (r'log-format "a \"b\" $x"', ["log-format", 'a "b" $x']),
        (r"log-format %ci\ %r", ["log-format", "%ci %r"]),
        (r"log-format 'a \n \"x'", ["log-format", r"a \n \"x"]),
        (r'a b"c d"e # x', ["a", "bc de"]), (r"a b\#c", ["a", "b#c"]), ("a b#c", ["a", "b"]),
        (r"a \n\t", ["a", "\n\t"]), ("a \\", ["a", "\\"]), ('a ""', ["a", ""]),
    ],
)  # fmt: skip
def test_words(line: str, words: list[str]) -> None:
    text = f"global\n  {line}\n"
    [section] = read_haproxy(Source("a", text))
    assert section.lines[0].texts == words
    for word in section.lines[0].words:
        assert not text[word.start : word.end].startswith(" ")


def test_a_word_is_quoted_so_that_it_is_read_as_it_was() -> None:
    for text in ('a "b" $c', "back\\slash", "plain", "%{+Q}r '#'"):
        [section] = read_haproxy(Source("a", f"global\n x {quoted(text)}"))
        assert section.lines[0].texts == ["x", text]


@pytest.mark.parametrize(
    ("text", "told"),
    [("mode http\n", "'mode' stands in no section, in line 1"),
     ("global\n a 'b\n", "a quote is not closed, in line 2"),
     ("\n" * 100_001 + "global", "more than 100000 lines")],
)  # fmt: skip
def test_what_is_none_is_told_with_its_line(text: str, told: str) -> None:
    with pytest.raises(Unclear) as raised:
        read_haproxy(Source("a", text))
    assert told in str(raised.value)
