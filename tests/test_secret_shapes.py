"""The table of secrets, by its own examples and by every name in it."""

from __future__ import annotations

import re

import pytest

from headway.redact import MARKER, contains_secret, redact, redact_url
from headway.secret_shapes import (
    CODES,
    HEADERS,
    SECRETS,
    SHAPES,
    SIGNATURES,
    TOKENS,
    WORDS,
    Shape,
)

EXAMPLES = [
    pytest.param(shape, text, id=f"{shape.name}-{number}")
    for shape in SHAPES
    for number, text in enumerate(shape.examples)
]
KEEPS = [
    pytest.param(text, id=f"{shape.name}-{number}")
    for shape in SHAPES
    for number, text in enumerate(shape.keeps)
]


@pytest.mark.parametrize(("shape", "marked"), EXAMPLES)
def test_an_example_loses_what_is_marked(shape: Shape, marked: str) -> None:
    text = re.sub("[«»]", "", marked)
    assert redact(text) == re.sub("«[^»]*»", MARKER, marked)
    assert contains_secret(text)
    assert list(shape.find(text))
    assert any(needle in text.lower() for needle in shape.needles)


@pytest.mark.parametrize("text", KEEPS)
def test_what_comes_near_stays(text: str) -> None:
    assert redact(text) == text
    assert not contains_secret(text)


def test_the_names_of_the_table_are_its_own() -> None:
    names = [shape.name for shape in SHAPES]
    assert len(set(names)) == len(names)


def test_each_name_is_found_in_an_address_in_any_spelling() -> None:
    names = (*HEADERS, *TOKENS, *WORDS, *SECRETS, *SIGNATURES, *CODES)
    for name in (*names, *(each.upper().replace("_", "-") for each in names)):
        for url in (
            f"/x?{name}=1",
            f"/x?{name.replace('-', '')}=1",
            f"/x?%{ord(name[0]):x}{name[1:]}=1",
        ):
            assert redact_url(url).endswith(f"={MARKER}"), url
