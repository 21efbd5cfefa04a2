"""What somebody else wrote is never markup: asked of parsers that nobody here wrote."""

from __future__ import annotations

from typing import Any

import html5lib
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from headway.errors import ConfigurationError
from headway.gateway.notice.blocks import (
    TEXT_MAX,
    Block,
    Code,
    Example,
    Heading,
    Items,
    Link,
    Paragraph,
    Strong,
    html,
    markdown,
    plain,
    text,
)

HOSTILE = (
    "%0A::stop-commands::x",
    "\r\nBcc: everybody@example.com",
    "](javascript:alert(1))",
    "=cmd|' /C calc'!A0",
    "<script>alert(1)</script>",
    "`code`",
    "``",
    "![x](https://evil.example/x.png)",
    "<https://evil.example>",
    "https://evil.example",
    "**bold** _it_ ~~no~~ &lt; | a | b |",
    "##[set-env name=PATH]x",
    "\u202eright to left",
    "x" * 5000,
)
printable = st.text(st.characters(exclude_categories=["C", "Z"], include_characters=" "))


def parsed(source: str) -> list[Any]:
    return MarkdownIt("gfm-like", {"linkify": False, "html": True}).parse(source)


def inline(source: str) -> list[Any]:
    return [child for token in parsed(source) for child in token.children or []]


def tree(fragment: str) -> Any:
    """The fragment as a tree; raises where HTML would have to be mended."""
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    return parser.parseFragment(fragment)


def words(fragment: str) -> str:
    return "".join(tree(fragment).itertext()).removesuffix("\n")


@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
def test_t28_a_value_is_shown_and_does_nothing(value: str) -> None:
    shown = plain(value)
    blocks: list[Block] = [
        Paragraph((Code(shown), " sent it")),
        Paragraph((shown, Strong(shown))),
        Items(((Code(shown),), (shown,))),
        Heading((shown,)),
        Paragraph((Link(shown, "https://docs.example"),)),
    ]
    found = inline(markdown(blocks))
    assert {token.type for token in found} <= {
        *("text", "code_inline", "strong_open", "strong_close", "link_open", "link_close"),
        "text_special",
    }
    links = [token.attrs["href"] for token in found if token.type == "link_open"]
    assert links == ["https://docs.example"]
    elements = {element.tag for element in tree(html(blocks)).iter()}
    assert elements <= {"DOCUMENT_FRAGMENT", "p", "code", "strong", "ul", "li", "h2", "a"}
    for line in [*markdown(blocks).splitlines(), *text(blocks).splitlines()]:
        assert not line.lstrip().startswith(("::", "##["))
        assert "##[" not in line
        assert "\r" not in line


@given(printable.filter(lambda value: value.strip() == value and value != ""))
def test_code_is_what_it_was_in_markdown(value: str) -> None:
    (found,) = inline(markdown([Paragraph((Code(value),))]))
    assert (found.type, found.content) == ("code_inline", value)


@given(printable.filter(lambda value: value.strip() == value and value != ""))
def test_text_is_what_it_was_in_markdown(value: str) -> None:
    (_, token, _) = parsed(markdown([Paragraph((value,))]))
    shown = "".join(child.content for child in token.children or [])
    assert shown == value
    assert {child.type for child in token.children or []} <= {"text", "text_special"}


@given(printable)
def test_text_and_code_are_what_they_were_in_html(value: str) -> None:
    assert words(html([Paragraph((value, Code(value), Strong(value)))])) == value * 3


@given(st.text())
def test_a_plain_value_is_one_bounded_line(value: str) -> None:
    shown = plain(value)
    assert shown.isprintable()
    assert len(shown) <= TEXT_MAX


def test_a_plain_value_has_no_token() -> None:
    token = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJhIn0.c2lnbmF0dXJlLXRoYXQtaXMtbm9uZQ"
    assert "c2lnb" not in plain(f"/rest?jwt={token}")


def test_all_blocks_in_markdown() -> None:
    blocks = [
        Heading(("Title ", Code("x"))),
        Paragraph(("1. not a list ", Link("docs", "https://docs.example/?a=(b)"))),
        Items((("- first",), ("# second",), ("> third",))),
        Example("sh", "curl", "curl ```x```"),
    ]
    source = markdown(blocks)
    types = [token.type for token in parsed(source)]
    assert [each for each in types if each.endswith("_open")] == [
        *("heading_open", "paragraph_open", "bullet_list_open"),
        *("list_item_open", "paragraph_open") * 3,
        "paragraph_open",
    ]
    (fence,) = [token for token in parsed(source) if token.type == "fence"]
    assert (fence.info, fence.content) == ("sh", "curl ```x```\n")
    texts = [token.content for token in inline(source) if token.content]
    assert {"Title ", "docs"} <= set(texts)
    assert markdown([Paragraph((Code(" "),))]) == "`(empty)`\n"


def test_all_blocks_in_html() -> None:
    blocks = [
        Heading(("Title",), level=3),
        Items((("a",), ("b",))),
        Example("sh", "curl", "curl 'a' && <b>"),
        Paragraph((Link("docs", "https://docs.example/?a=1&b=2"),)),
    ]
    found = tree(html(blocks))
    assert [each.text for each in found.iter("li")] == ["a", "b"]
    assert next(found.iter("code")).text == "curl 'a' && <b>"
    assert next(found.iter("a")).attrib["href"] == "https://docs.example/?a=1&b=2"
    assert next(found.iter("h3")).text == "Title"


def test_text_is_wrapped_and_code_is_not_broken() -> None:
    long = "GET /a b " + "x" * 90
    blocks = [
        Heading(("A title",)),
        Heading(("Smaller",), level=3),
        Paragraph(("word " * 40, Code(long), " end.")),
        Items((("item " * 30,),)),
        Example("sh", "curl", "a\nb"),
        Paragraph((Link("docs", "https://docs.example"), Link("https://a/", "https://a/"))),
    ]
    told = text(blocks)
    assert f"`{long}`" in told
    assert all(len(line) <= 76 for line in told.splitlines() if long not in line)
    assert "A title\n=======" in told
    assert "Smaller\n-------" in told
    assert "\n  item" in told
    assert "curl:\n\n    a\n    b\n" in told
    assert "docs: https://docs.example" in told
    assert told.endswith("https://docs.examplehttps://a/\n")


@pytest.mark.parametrize("address", ["javascript:1", "https://a/ b", "data:x", 'https://a/"', ""])
def test_a_link_leads_to_the_web(address: str) -> None:
    with pytest.raises(ConfigurationError, match="a link"):
        Link("x", address)
