"""The corpus of code, sample by sample; and what a file may be without harm."""

from __future__ import annotations

from typing import Any

import pytest

from scan.code.samples import FILES, pairs, samples, seen_in, wrong_in, wrong_in_pair

SAMPLES = [pytest.param(*each, id=f"{each[0]}-{each[1]['id']}") for each in samples()]


@pytest.mark.parametrize(("language", "sample"), SAMPLES)
def test_the_corpus(language: str, sample: dict[str, Any]) -> None:
    assert wrong_in(language, sample) == []


PAIRS = [pytest.param(p, id=f"{n}-{p['language']}") for n, p in enumerate(pairs())]


@pytest.mark.parametrize("pair", PAIRS)
def test_the_pairs(pair: dict[str, Any]) -> None:
    assert wrong_in_pair(pair) == []


def test_targets_that_are_jira_or_confluence_are_told_apart() -> None:
    """Of all samples, at most three are taken for the other: the target stands far away there."""
    wrong = [
        f"{language}/{sample['id']}"
        for language, sample in samples()
        for seen in seen_in(language, sample["code"])
        if seen.line in sample.get("sends", [])
        and seen.to_host != (seen.line in sample.get("high", []))
    ]
    assert len(wrong) <= 3, wrong


def test_a_place_is_of_the_string_or_the_name() -> None:
    (seen,) = seen_in("python", "x = 1\nget(f'https://h/a?jwt={token}')\n")
    assert (seen.line, seen.column, seen.end_line, seen.end_column) == (2, 5, 2, 31)
    assert seen.text == "get(f'https://h/a?jwt={token}')"
    assert seen.name == "jwt"


@pytest.mark.parametrize("language", FILES)
@pytest.mark.parametrize(
    "code",
    ["", "\x00", "jwt", "jwt=", "'?jwt=", "f'?jwt={", "((((((jwt", "token " * 500, "é?jwt=\ud7ff",
     "?jwt=" * 300, "openapi: 3.0.0\n - jwt", "<script>'?jwt='+", "<a href='?jwt={{ t"],
)  # fmt: skip
def test_rubbish_is_looked_at_and_harmless(language: str, code: str) -> None:
    seen_in(language, code)


def test_a_logged_variable_is_found_where_it_is_logged() -> None:
    code = 'url = base + "?jwt=" + token\nother = 1\nprint(other)\nlog.info(url)\n'
    assert [(s.rule, s.line) for s in seen_in("python", code)] == [
        ("sends-token-in-url", 1), ("logs-token-in-url", 4),
    ]  # fmt: skip


def test_a_whole_address_is_logged_where_a_token_is_read() -> None:
    assert seen_in("python", "def f():\n    log.info(request.url)\n") == []
    code = (
        "def f():\n    t = request.args['jwt']\n    log.info(request.url)\n    return render(t)\n"
    )
    assert [(s.rule, s.line) for s in seen_in("python", code)] == [("logs-token-in-url", 3)]
