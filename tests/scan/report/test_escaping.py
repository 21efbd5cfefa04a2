"""What scanned input may not do to whoever reads a report."""

from __future__ import annotations

import json

import pytest
from defusedxml.ElementTree import fromstring

from headway.scan.report.escaping import (
    as_json,
    for_annotation,
    for_cell,
    for_markdown,
    for_property,
    for_terminal,
    for_xml,
)

HOSTILE = "\x1b]0;x\x07\x9b2J\r\n\u202egnp.exe\u2028\udcff=cmd|%0A::stop-commands::](javascript:x)"


def test_a_terminal_gets_only_what_it_shows() -> None:
    shown = for_terminal(HOSTILE)
    assert shown.isprintable()
    assert "gnp.exe" in shown
    assert shown.encode("utf-8")


@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
def test_no_cell_is_a_formula(start: str) -> None:
    assert for_cell(f"{start}1+1") == f"'{start}1+1"
    assert for_cell("\t=1") == "\\t=1"
    assert for_cell("plain") == "plain"


def test_an_annotation_is_one_command() -> None:
    assert for_annotation(HOSTILE).count("\n") == 0
    assert "%250A::stop" in for_annotation(HOSTILE)
    assert for_property("a:b,c%\n") == "a%3Ab%2Cc%25%0A"


def test_json_is_printable_whatever_a_file_is_called() -> None:
    text = as_json({HOSTILE: [HOSTILE, (1, None)]})
    assert text.isprintable()
    found = json.loads(text)
    ((name, values),) = found.items()
    assert name == values[0] == HOSTILE.replace("\udcff", "\\udcff")
    assert values[1] == [1, None]


def test_xml_has_no_character_that_it_can_not_have() -> None:
    text = for_xml(HOSTILE)
    fromstring(f"<a>{text.replace('&', '')}</a>")


def test_markdown_is_text() -> None:
    assert for_markdown("[a](javascript:x) <b> `c`") == (
        "\\[a\\]\\(javascript:x\\) \\<b\\> \\`c\\`"
    )
