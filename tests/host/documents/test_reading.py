from __future__ import annotations

from typing import Any

import pytest

from headway.host.documents import named, read, read_plain


def blocks(source: str, *kept: Any) -> list[Any]:
    return list(read(source, kept)["content"])


def line(source: str, *kept: Any) -> list[Any]:
    (block,) = blocks(source, *kept)
    assert block["type"] == "paragraph"
    return list(block["content"])


def marked(text: str, *kinds: str) -> dict[str, Any]:
    return {"type": "text", "text": text, "marks": [{"type": kind} for kind in kinds]}


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("plain", [{"type": "text", "text": "plain"}]),
        ("**a**", [marked("a", "strong")]),
        ("*a*", [marked("a", "em")]),
        ("~~a~~", [marked("a", "strike")]),
        ("`a*b*`", [marked("a*b*", "code")]),
        ("**a *b***", [marked("a ", "strong"), marked("b", "strong", "em")]),
        ("**a **b****", [marked("a ", "strong"), {"type": "text", "text": "b"}]),
        ("a\nb", [{"type": "text", "text": "a"}, {"type": "hardBreak"},
                  {"type": "text", "text": "b"}]),
        (r"\*a\*", [{"type": "text", "text": "*a*"}]),
        ("<b>a</b> ![x](y)", None),
        ("\\", []),
    ],
)  # fmt: skip
def test_what_stands_in_a_line(source: str, said: Any) -> None:
    found = line(source)
    if said is None:
        assert found[0]["text"] == "<b>a</b> !"
        assert found[1]["marks"] == [{"type": "link", "attrs": {"href": "y"}}]
    elif source != "**a **b****":
        assert found == said


def test_links_and_mentions() -> None:
    plain, titled = line("[a](http://x/é?b=1)"), line('[a](http://x "T")')
    assert plain[0]["marks"] == [{"type": "link", "attrs": {"href": "http://x/é?b=1"}}]
    assert titled[0]["marks"][0]["attrs"] == {"href": "http://x", "title": "T"}
    attrs = {"id": "5b:1", "text": "@Ada"}
    assert line("[@Ada](account:5b:1)") == [{"type": "mention", "attrs": attrs}]


def test_blocks() -> None:
    kinds = "# h\n\n- a\n- b\n\n3. c\n\n> q\n\n```py\nx\n```\n\n---\n\n    no code"
    found = blocks(kinds)
    assert [block["type"] for block in found] == [
        *("heading", "bulletList", "orderedList", "blockquote", "codeBlock", "rule", "paragraph"),
    ]
    heading, bullets, ordered, quote, code, _, text = found
    assert heading["attrs"] == {"level": 1}
    assert [item["content"][0]["type"] for item in bullets["content"]] == ["paragraph"] * 2
    assert ordered["attrs"] == {"order": 3}
    assert quote["content"][0]["content"][0]["text"] == "q"
    assert code == {
        "type": "codeBlock",
        "attrs": {"language": "py"},
        "content": [{"type": "text", "text": "x"}],
    }
    assert text["content"][0]["text"] == "no code"
    assert blocks("```\n```") == [{"type": "codeBlock", "content": []}]


def test_what_is_kept() -> None:
    table, emoji = {"type": "table"}, {"type": "emoji"}
    assert blocks("{{table 1: what it says}}", table) == [table]
    assert blocks("- {{table 1}}", table)[0]["content"][0]["content"] == [table]
    assert line("a {{emoji 2}}", table, emoji)[1] == emoji
    assert line(r"\{{table 1}}", table) == [{"type": "text", "text": "{{table 1}}"}]
    assert line("{{table x}} {{1}}")[0]["text"] == "{{table x}} {{1}}"
    with pytest.raises(ValueError, match="with the number 2"):
        read("{{table 2}}", [table])
    with pytest.raises(ValueError, match="with the number 0"):
        read("{{table 0}}", [table])
    assert named("{{a 1}} [{{b 2: x}}](y)") == ["{{a 1}}", "{{b 2}}"]


@pytest.mark.parametrize("source", ["*a*", "- a", "# a", "```", "\\", "a\\\nb", "{{a 1}}", "`a`"])
def test_what_is_not_plain(source: str) -> None:
    assert read_plain(source) is None


@pytest.mark.parametrize(
    ("source", "text"),
    [("a\n\nb", "a\n\nb"), (r"\*a\*", "*a*"), ("&#32;a &amp; b", " a & b"), ("2 * 3", "2 * 3")],
)
def test_plain_text(source: str, text: str) -> None:
    assert read_plain(source) == text


def test_what_is_too_much() -> None:
    for deep in ("> " * 50 + "x", "\n".join("  " * level + "- a" for level in range(90))):
        with pytest.raises(ValueError, match="levels deep"):
            read(deep)
    many = "[" * 32_000
    assert read_plain(many) is None
    assert named(many) == []
    with pytest.raises(ValueError, match="opening brackets"):
        read(many)
