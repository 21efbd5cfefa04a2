from __future__ import annotations

import pytest

from headway.host.documents.nodes import DOCUMENT, content_of, normal, paragraph, shared, text

BOLD = [{"type": "strong"}]


def test_pieces_of_one_text_are_one() -> None:
    pieces = paragraph([text("a"), text(""), text("b"), text("c", BOLD), text("d", BOLD)])
    assert normal(pieces) == paragraph([text("ab"), text("cd", BOLD)])


def test_marks_have_one_order() -> None:
    link = {"type": "link", "attrs": {"href": "x"}}
    one, other = text("a", [*BOLD, link]), text("a", [link, *BOLD])
    assert normal(one) == normal(other)
    assert normal({**text("a"), "marks": []}) == text("a")


def test_the_space_beside_a_mark_is_not_marked() -> None:
    assert normal(paragraph([text(" a ", BOLD)])) == paragraph(
        [text(" "), text("a", BOLD), text(" ")]
    )
    assert normal(paragraph([text("  ", BOLD)])) == paragraph([text("  ")])
    under = [{"type": "underline"}]
    assert normal(paragraph([text(" ", under)])) == paragraph([text(" ", under)])


def test_an_empty_paragraph_has_no_content() -> None:
    assert normal({"type": "paragraph"}) == paragraph()
    assert normal({"type": "rule"}) == {"type": "rule"}
    assert DOCUMENT([]) == {"version": 1, "type": "doc", "content": []}


@pytest.mark.parametrize("content", ["x", [1], {"a": 1}])
def test_content_is_a_list_of_nodes(content: object) -> None:
    with pytest.raises(ValueError, match="list of nodes"):
        content_of({"content": content})


def test_strange_marks_differ_from_none() -> None:
    assert normal({**text("a"), "marks": {"x": 1}}) != text("a")


def test_a_text_that_is_no_text_stays_as_it_is() -> None:
    strange = {"type": "text", "text": 7}
    assert normal(paragraph([strange, text("a")])) == paragraph([strange, text("a")])
    told = {"type": "text", "text": " a ", "marks": BOLD, "localId": "x"}
    around = {"type": "text", "text": " ", "localId": "x"}
    core = {"type": "text", "text": "a", "marks": BOLD, "localId": "x"}
    assert normal(paragraph([told])) == paragraph([around, core, around])


def test_how_many_outer_marks_are_shared() -> None:
    under = {"type": "underline"}
    assert shared([*BOLD, under], [*BOLD]) == 1
    assert shared([under], [*BOLD]) == 0
    assert shared([*BOLD], [*BOLD, under]) == 1
