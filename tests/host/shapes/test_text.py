from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.host.shapes.text import document, kept_document, moment, plain_text, rendered, seconds


@given(st.text())
def test_a_text_survives_a_document(text: str) -> None:
    assert (
        plain_text(document(text)) == text.removesuffix("\n") or plain_text(document(text)) == text
    )


def test_other_editors_documents_are_read() -> None:
    item = {"type": "listItem", "content": [{"type": "paragraph", "content": [_text("item")]}]}
    heading = {"type": "heading", "attrs": {"level": 1}, "content": [_text("Head")]}
    lines = {"type": "paragraph", "content": [_text("a"), {"type": "hardBreak"}, _text("b")]}
    doc = {"type": "doc", "version": 1, "content": [heading, lines, {"type": "rule"}, item]}
    assert plain_text(doc).split("\n") == ["Head", "a", "b", "item", ""]
    assert plain_text("as it is") == "as it is"


def _text(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}


def deep(levels: int) -> dict[str, Any]:
    node: dict[str, Any] = _text("x")
    for _ in range(levels):
        node = {"type": "paragraph", "content": [node]}
    return {"type": "doc", "content": [node]}


@pytest.mark.parametrize(
    "value",
    [
        *(None, 1, [], {}, {"type": "text"}),
        {"type": "doc", "content": "text"},
        {"type": "doc", "content": ["text"]},
        deep(500),
    ],
)
def test_what_is_no_text(value: object) -> None:
    with pytest.raises(ValueError, match="document"):
        plain_text(value)


def test_dates_have_milliseconds() -> None:
    assert moment(1_643_673_600.25) == "2022-02-01T00:00:00.250+0000"


def test_what_other_nodes_say() -> None:
    nodes = [
        {"type": "mention", "attrs": {"id": "1", "text": "@Uma"}},
        {"type": "emoji", "attrs": {"shortName": ":x:", "text": "x"}},
        {"type": "inlineCard", "attrs": {"url": "https://example.com"}},
        {"type": "emoji", "attrs": []},
        {"type": "mention"},
    ]
    said = plain_text({"type": "doc", "content": [{"type": "paragraph", "content": nodes}]})
    assert said == "@Umaxhttps://example.com"


def test_a_document_is_kept_and_a_string_is_not() -> None:
    made = document("a")
    assert kept_document(made) == made
    assert kept_document("a") is None


def test_dates_are_read_as_they_are_written() -> None:
    for moment_ in (0, 1_643_673_600.25):
        assert seconds(moment(moment_)) == moment_
    assert seconds("2022-02-01T01:00:00+01:00") == 1_643_673_600
    for bad in (None, 1, "", "2022-02-01", "2022-02-01T00:00:00", "x" * 50, "٢022-02-01"):
        with pytest.raises(ValueError, match=r"date|format"):
            seconds(bad)


def test_html_is_escaped() -> None:
    assert rendered("<b>\n&") == "<p>&lt;b&gt;</p><p>&amp;</p>"


def test_a_document_is_rendered_as_it_is() -> None:
    bold = {"type": "text", "text": "<b>", "marks": [{"type": "strong"}]}
    document = {"type": "doc", "content": [{"type": "paragraph", "content": [bold]}]}
    assert rendered("<b>", document) == "<p><strong>&lt;b&gt;</strong></p>"
    assert rendered("<b>") == "<p>&lt;b&gt;</p>"
