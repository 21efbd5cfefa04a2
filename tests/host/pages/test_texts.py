"""What a form shows of a text, and what comes back: nothing is lost that is not meant to be."""

from __future__ import annotations

from typing import Any

import pytest
from asking import request

from headway.host.documents.nodes import DOCUMENT, paragraph, text
from headway.host.gate import Actor
from headway.host.pages.texts import NOTHING, Meanwhile, Said, field, html, said, taken
from headway.host.settings import Settings
from headway.host.site import Site
from headway.host.visit import Visit

TABLE = {"type": "table", "content": [{"type": "tableRow", "content": []}]}
MIXED = DOCUMENT([paragraph([text("a "), text("b", [{"type": "strong"}])]), TABLE])


@pytest.fixture(scope="module")
def site() -> Site:
    return Site(Settings())


def visit(site: Site, **form: str) -> Visit:
    return Visit(site, request("POST", "/x"), Actor(kind="anonymous"), form=form)


def test_what_a_field_shows() -> None:
    assert (NOTHING.text, NOTHING.names) == ("", [])
    shown = field("a b", MIXED)
    assert (shown.text, shown.names) == ("a **b**\n\n{{table 1}}", ["{{table 1}}"])
    assert shown.seal == field("a b", MIXED).seal != field("a b").seal
    assert html(MIXED).startswith("<p>a <strong>b</strong></p><table>")


def test_a_plain_text_stays_plain(site: Site) -> None:
    assert said(visit(site, body="a\r\n\r\nb * c"), "body") == Said("a\n\nb * c")
    assert said(visit(site, body=""), "body") is None
    assert said(visit(site), "body") is None
    assert said(visit(site, body="one "), "body", "one") is None
    assert said(visit(site, body="\\- two"), "body", "- one") == Said("- two")


def test_a_text_with_marks_is_a_document(site: Site) -> None:
    made = said(visit(site, body="**b**\nc"), "body", "b")
    assert made is not None
    assert made.text == "b\nc"
    assert made.document == DOCUMENT(
        [paragraph([text("b", [{"type": "strong"}]), {"type": "hardBreak"}, text("c")])]
    )


def test_a_document_stays_one(site: Site) -> None:
    plain = DOCUMENT([paragraph([text("a")]), paragraph([text("b")])])
    made = said(visit(site, body="a\n\nc"), "body", "a\nb", plain)
    assert made is not None
    assert made.document == DOCUMENT([paragraph([text("a")]), paragraph([text("c")])])


def test_the_rest_is_changed_around_what_is_kept(site: Site) -> None:
    made = said(visit(site, body="new\n\n{{table 1}}"), "body", "a b", MIXED)
    assert made is not None
    assert made.document == DOCUMENT([paragraph([text("new")]), TABLE])


def test_what_would_be_lost_has_to_be_meant(site: Site) -> None:
    with pytest.raises(ValueError, match=r"\{\{table 1\}\} would be lost"):
        said(visit(site, body="new"), "body", "a b", MIXED)
    with pytest.raises(ValueError, match="would be lost"):
        said(visit(site, body="`{{table 1}}`", body_drop="no"), "body", "a b", MIXED)
    made = said(visit(site, body="new", body_drop="yes"), "body", "a b", MIXED)
    assert made == Said("new", DOCUMENT([paragraph([text("new")])]))


def test_nobody_overwrites_what_they_did_not_see(site: Site) -> None:
    seen = field("one")
    with pytest.raises(Meanwhile, match="Somebody else"):
        said(visit(site, body="mine", body_seal=seen.seal), "body", "two")
    assert said(visit(site, body="mine", body_seal=seen.seal), "body", "one") == Said("mine")
    assert said(visit(site, body="two", body_seal=seen.seal), "body", "two") is None


@pytest.mark.parametrize("source", ["{{table 9}}", "> " * 50 + "x", "- " * 25 + "x"])
def test_what_can_not_be_read_is_said(site: Site, source: str) -> None:
    with pytest.raises(ValueError, match=r"kept|levels"):
        said(visit(site, body=source), "body")


def test_taken(site: Site) -> None:
    shown: Any = field("one")
    assert taken(visit(site, body="two"), "body", shown) == "two"
    assert taken(visit(site, body="one\r\n"), "body", shown) is None
