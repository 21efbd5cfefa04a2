"""The corpus of contexts: every token is found where it stands, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from headway.redact import redact_bytes
from headway.scan.hits import NEEDLES, hits_in
from scan.corpus import filled, read, tokens

CONTEXTS = read("logs/contexts.toml")["context"]


@pytest.mark.parametrize("context", CONTEXTS, ids=lambda context: context["id"])
def test_the_corpus(context: dict[str, Any]) -> None:
    text = filled(context["text"])
    hits = [hit for line in text.split(b"\n") for hit in hits_in(line)]
    assert len(hits) == context.get("found", 0)
    if "kind" in context:
        kinds = {"truncated" if hit.token.cut else str(hit.token.kind) for hit in hits}
        assert kinds == {context["kind"]}
    if hits:
        assert any(needle in text for needle in NEEDLES)


@pytest.mark.parametrize("context", CONTEXTS, ids=lambda context: context["id"])
def test_what_is_found_is_what_the_root_redacts(context: dict[str, Any]) -> None:
    """The fast engine and the root's table agree on each token of the corpus."""
    text = filled(context["text"])
    for line in text.split(b"\n"):
        for hit in hits_in(line):
            assert line[hit.token.start : hit.token.end] not in redact_bytes(line)


@pytest.mark.parametrize(
    ("text", "within"),
    [
        ("GET /x?jwt={T} HTTP/1.1", "url"),
        ("GET https://h/x?a=1&jwt={T}", "url"),
        ("jwt={T}", "url"),
        ("GET /x/{T}/y", "url"),
        ("x=1 referer: https://h/p?jwt={T}", "referer"),
        ('"Referer": "https://h/p?jwt={T}"', "referer"),
        ('("referrer", "https://h/p?jwt={T}")', "referer"),
        ("Location: https://h/p?jwt={T}", "redirect"),
        ("next=%2Fp%3Fjwt%3D{T}", "redirect"),
        ("next=%2Fp%3Faccess_token%3D9f86d081884c7d659a2feaa0", "redirect"),
        ("Authorization: JWT {T}", "text"),
        ("Cookie: session={T}", "text"),
        ("it was {T}, then", "text"),
    ],
)
def test_where_it_stands(text: str, within: str) -> None:
    assert [hit.within for hit in hits_in(filled(text))] == [within]


def test_the_parts_of_a_line_are_asked_for_only_where_there_is_something() -> None:
    def never() -> tuple[tuple[str, int, int], ...]:
        raise AssertionError

    assert list(hits_in(b"GET /x?code=404 HTTP/1.1", never)) == []


def test_a_part_names_what_stands_in_it() -> None:
    token = tokens()["T"].encode()
    parts = (("url", 0, len(token)), ("upstream", len(token) + 1, 3 * len(token)))
    line = token + b" " + token
    assert [hit.within for hit in hits_in(line, lambda: parts)] == ["url", "upstream"]


def test_a_value_beside_a_token_is_found_too() -> None:
    line = filled("GET /x?jwt={T}&access_token=9f86d081884c7d659a2feaa0 HTTP/1.1")
    assert [hit.name for hit in hits_in(line)] == ["", "access_token"]
