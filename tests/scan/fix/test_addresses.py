"""A parameter out of an address, in the languages that ast-grep reads."""

from __future__ import annotations

import pytest
from ast_grep_py import SgNode, SgRoot

from headway.scan.code.languages import LANGUAGES, STRINGS
from headway.scan.fix.addresses import cut_out, whole_text
from headway.scan.fix.edits import edited


def string_at(node: SgNode, at: int) -> SgNode:
    """The outermost string around a place."""
    while node.kind() not in STRINGS:
        node = next(
            child for child in node.children()
            if child.range().start.index <= at < child.range().end.index
        )  # fmt: skip
    return node


def cut(language: str, expression: str) -> tuple[str, str] | None:
    """The expression without the parameter, and the token."""
    before, after = {
        "php": ("<?php $x = ", ";"), "go": ("package a\nvar x = ", ""),
        "java": ("class A { String x = ", "; }"),
        "csharp": ("class A { string x = ", "; }"), "kotlin": ("val x = ", ""),
    }.get(language, ("x = ", ""))  # fmt: skip
    source = before + expression + after
    at = source.lower().index("jwt=")
    root = SgRoot(source, LANGUAGES[language].parser).root()
    found = cut_out(source, whole_text(string_at(root, at)), "jwt", at)
    if found is None:
        return None
    text = edited(source, found.edits)
    return text[len(before) : len(text) - len(after)], found.value


@pytest.mark.parametrize(
    ("language", "before", "after", "token"),
    [
        ("javascript", "`${b}/x?jwt=${t.a}`", "`${b}/x`", "t.a"),
        ("javascript", "`${b}/x?jwt=${t}&a=${c}`", "`${b}/x?a=${c}`", "t"),
        ("javascript", "`${b}/x?a=1&jwt=${t}#top`", "`${b}/x?a=1#top`", "t"),
        ("javascript", "b + '/x?jwt=' + t", "b + '/x'", "t"),
        ("javascript", "b + '?jwt=' + t", "b", "t"),
        ("javascript", "b + '?jwt=' + t + '&a=1'", "b + '?a=1'", "t"),
        ("javascript", "(b + '?jwt=') + t", "(b)", "t"),
        ("javascript", "`?jwt=${t}` + c", None, ""),
        ("typescript", "`${b}?jwt=${await t()}`", "`${b}`", "await t()"),
        ("java", 'b + "/x?jwt=" + t.get()', 'b + "/x"', "t.get()"),
        ("kotlin", '"$b/x?jwt=$t&a=${c.d}"', '"$b/x?a=${c.d}"', "t"),
        ("kotlin", '"$b/x?jwt=${t.a}"', '"$b/x"', "t.a"),
        ("csharp", '$"{b}/x?jwt={t.A}"', '$"{b}/x"', "t.A"),
        ("csharp", '$@"{b}/x?jwt={t}&a=1"', '$@"{b}/x?a=1"', "t"),
        ("ruby", '"#{b}/x?jwt=#{t}"', '"#{b}/x"', "t"),
        ("php", '"$b/x?jwt=$t"', '"$b/x"', "$t"),
        ("php", '"{$b}/x?jwt={$this->t}&a=1"', '"{$b}/x?a=1"', "$this->t"),
        ("php", "$b . '/x?jwt=' . $t", "$b . '/x'", "$t"),
        ("go", 'b+"/x?jwt="+t', 'b+"/x"', "t"),
        ("go", 'b+"?a="+c+"&jwt="+t', 'b+"?a="+c', "t"),
        ("javascript", "'?jwt=' + t + c", None, ""),
        ("javascript", "'?jwt=' + t", None, ""),
        ("javascript", "`${b}?jwt=${t}&other=${t}`", None, ""),
        ("javascript", "`${b}?jwt=${t}x`", None, ""),
        ("javascript", "`${b}?jwt=x`", None, ""),
        ("javascript", "`${b}jwt=${t}`", None, ""),
    ],
)
def test_cut_out(language: str, before: str, after: str | None, token: str) -> None:
    assert cut(language, before) == ((after, token) if after is not None else None)


def test_another_place_of_that_name() -> None:
    source = "x = `${b}?jwt=${t}`"
    root = SgRoot(source, "tsx").root()
    whole = whole_text(string_at(root, source.index("jwt")))
    assert cut_out(source, whole, "jwt", 0) is None
