"""Languages by the endings of files."""

from __future__ import annotations

import pytest
from ast_grep_py import SgRoot

from headway.scan.code.languages import LANGUAGES, language_of


@pytest.mark.parametrize("name", LANGUAGES)
def test_endings_belong_to_one_language(name: str) -> None:
    for ending in LANGUAGES[name].endings:
        found = language_of(f"a/b.c{ending.upper()}")
        assert found is not None
        assert found.name == name


def test_every_parser_is_there() -> None:
    for language in LANGUAGES.values():
        if language.parser:
            assert SgRoot("", language.parser).root().kind()


def test_what_is_no_code() -> None:
    assert language_of("README") is None
    assert language_of("a.exe") is None
