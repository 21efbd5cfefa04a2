from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway.host.documents import read, read_plain, write, write_plain
from headway.host.documents.nodes import DOCUMENT, normal, paragraph, text

SIGNS = st.text(st.sampled_from("ab *_`~[]()<>{}#|-+=.1\\!&;\"'é\n\t "), max_size=20)
WORDS = SIGNS | st.text(max_size=8)
KINDS = st.sampled_from(["strong", "em", "strike", "code", "underline"])
LINK = st.builds(
    lambda href: {"type": "link", "attrs": {"href": href}}, st.sampled_from(["http://x", "a b", ""])
)
PIECES = st.builds(
    lambda value, kinds, links: text(value, [*links, *({"type": kind} for kind in kinds)]),
    WORDS.filter(bool), st.lists(KINDS, max_size=2, unique=True), st.lists(LINK, max_size=1),
)  # fmt: skip
ATOMS = st.sampled_from(
    [
        {"type": "hardBreak"},
        {"type": "emoji", "attrs": {"text": "{x}"}},
        {"type": "mention", "attrs": {"id": "5b", "text": "@A [b]"}},
        {"type": "mention", "attrs": {"id": "5b", "text": "@A", "accessLevel": ""}},
    ]
)
LINES = st.lists(PIECES | ATOMS, max_size=4)
CODE = st.builds(
    lambda value, language: {
        "type": "codeBlock", "attrs": {"language": language}, "content": [text(value)],
    },
    SIGNS.filter(bool), st.sampled_from(["py", "a b", "`"]),
)  # fmt: skip
LEAVES = (
    st.builds(paragraph, LINES)
    | st.builds(
        lambda level, content: {
            "type": "heading", "attrs": {"level": level}, "content": content,
        },
        st.integers(1, 7), LINES,
    )
    | CODE
    | st.just({"type": "rule"})
    | st.just({"type": "table", "content": [{"type": "tableRow", "content": []}]})
)  # fmt: skip


def _containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    content = st.lists(inner, max_size=3)
    items = st.lists(st.builds(lambda c: {"type": "listItem", "content": c}, content), max_size=3)
    return (
        st.builds(lambda c: {"type": "blockquote", "content": c}, content)
        | st.builds(lambda c: {"type": "bulletList", "content": c}, items)
        | st.builds(
            lambda c, order: {"type": "orderedList", "attrs": {"order": order}, "content": c},
            items, st.integers(0, 12),
        )
    )  # fmt: skip


DOCUMENTS = st.builds(
    DOCUMENT, st.lists(st.recursive(LEAVES, _containers, max_leaves=6), max_size=4)
)


@settings(max_examples=300, deadline=None)
@given(DOCUMENTS)
def test_nothing_is_lost_whatever_a_document_holds(document: Any) -> None:
    written = write(document)
    back = read(written.text, written.kept)
    if written.kept == (document,):
        return
    assert [normal(one) for one in back["content"]] == [normal(one) for one in document["content"]]


@settings(max_examples=500, deadline=None)
@given(WORDS | st.text(max_size=60))
def test_plain_text_comes_back(value: str) -> None:
    written = write_plain(value)
    if not written.kept:
        assert read_plain(written.text) == value
    else:
        assert read(written.text, written.kept)["content"] == [paragraph([text(value)])]


@pytest.mark.parametrize(
    "source",
    [
        "# Head\n\n**b** *i* `c` ~~s~~ [l](http://x) [@Ada](account:5b)\nnext",
        "- a\n\n  - b\n\n    1. c\n- d",
        "1. a\n2. b",
        "> a\n>\n> - b",
        "```py\nx\n\n y\n```",
        "````\n```\n````",
        "---",
        "snake_case and 2 * 3",
        '[a](http://x "T")',
        "[a](<b c>)",
        "[a](<>)",
        "`` ` ``",
        "**a** *b*",
    ],
)
def test_it_is_written_as_people_do(source: str) -> None:
    document = read(source)
    written = write(document)
    assert written.kept == ()
    assert read(written.text) == document
    assert written.text.replace("\n\n- d", "\n- d") == source


def test_lists_beside_one_another_stay_two() -> None:
    item = {"type": "listItem", "content": [paragraph([text("a")])]}
    for kind, signs in (("bulletList", "-*-"), ("orderedList", ".).")):
        three = [{"type": kind, "content": [item]} for _ in range(3)]
        written = write(DOCUMENT(three))
        assert [lead for lead in written.text if lead in "-*.)"] == list(signs)
        assert len(read(written.text)["content"]) == 3


def test_what_it_has_no_sign_for_is_named() -> None:
    red = text("some words in red, more than would be told", [{"type": "textColor"}])
    table = {"type": "table", "content": [paragraph([text("{cell}")])]}
    document = DOCUMENT([paragraph([text("a "), red]), table])
    written = write(document)
    assert (
        written.text == "a {{textColor 1: some words in red, more than w…}}\n\n{{table 2: (cell)}}"
    )
    assert written.kept == (red, table)
    assert read("{{table 2}}\n\nb", written.kept)["content"][0] is table


@pytest.mark.parametrize(
    "node",
    [
        {"type": "paragraph", "attrs": {"localId": "x"}, "content": [text("a")]},
        {"type": "heading", "content": []},
        {"type": "heading", "attrs": {"level": "1"}, "content": []},
        {"type": "paragraph", "content": [{"type": "text", "text": 5}]},
        {"type": "mention"},
        {"type": "paragraph", "content": "x"},
        {"type": "1"},
        {},
    ],
)
def test_what_is_no_document_is_kept_whole(node: Any) -> None:
    written = write(DOCUMENT([node]))
    assert len(written.kept) == 1
    assert written.kept[0] in (node, DOCUMENT([node]))


def test_what_is_too_deep_is_kept_whole() -> None:
    node = paragraph([text("a")])
    for _ in range(200):
        node = {"type": "blockquote", "content": [node]}
    written = write(DOCUMENT([node]))
    assert len(written.kept) == 1
    many = write_plain("[" * 3000)
    assert many.text == "{{text 1}}"


def test_only_lines_that_need_it_are_escaped() -> None:
    assert write_plain("- a\nb * c").text == "\\- a\nb * c"
    assert write_plain(" a\n#").text == " a\n\\#"
