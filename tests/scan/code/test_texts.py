"""Texts: joined, interpolated, formatted; and those that are no address."""

from __future__ import annotations

import pytest

from scan.code.samples import check, check_pairs, seen_in


def test_the_corpus() -> None:
    check("concatenation", "interpolation", "redirect", "markup", "name in a constant", "logging",
          "declaration")  # fmt: skip


def test_the_pairs() -> None:
    check_pairs(
        "settings",
        "separator",
        "format",
        "added later",
        "body text",
        "one visit",
        "socket of the own host",
    )


@pytest.mark.parametrize(
    ("language", "code", "sends"),
    [
        ("python", 'url = "/rest/api/3/myself?jwt=" + token', True),
        ("python", 'url = "/issues?jwt=" + token', False),  # the app's own pages
        ("python", 'url = "/issues?access_token=" + token', True),
        ("python", 'url = "//other.example/x?jwt=" + token', True),
        ("python", 'raise ValueError("no ?jwt=" + token)', False),
        ("python", 'assert "?jwt=" + token in url', False),
        ("python", 'headers = {"Cookie": "a=1; jwt=" + token}', False),
        ("python", 'pattern = "[?&]jwt=" + value + "[^&]*"', False),
        ("python", 'url = base - "?jwt=" + token', False),
        ("python", '"""?jwt={token} says %s""" % 1', True),
        ("python", '"""Send ?jwt={token} no more."""', False),
        ("javascript", 'document.cookie = `jwt=${t}; Secure`', False),
        ("javascript", 'const u = base.concat("?token=", t);', True),
        ("javascript", 'const u = base.concat("?token=", "x");', False),
        ("javascript", 'const u = base.concat("?token=");', False),
        ("javascript", 'throw new Error("?jwt=" + t)', False),
        ("java", 'class A { void f() { b.append("?jwt=").append(t); } }', True),
        ("java", 'class A { void f() { b.append("?jwt="); } }', False),
        ("java", 'class A { void f() { b.append("?jwt=").length(); } }', False),
        ("go", 'package a\ntype T struct { A string `json:"token"` }', False),
        ("php", "<?php header('Set-Cookie: token=' . $t);", False),
        ("php", "<?php $a = 'jwt=' . $t; setcookie($a);", True),
        ("ruby", 'raise "?jwt=#{t}"', False),
        ("python", 'x = "?jwt="', False),
        ("python", '"?jwt="', False),
        ("python", 'f("?jwt=", t)', True),
        ("python", 'f("?jwt=", "x")', False),
        ("python", 'f("?jwt=")', False),
        ("python", 'x = "say jwt=%s"', False),
        ("python", 'x = "say ?a=1 jwt=%s"', True),
        ("python", 'x = "jwt=%s"', True),
        ("python", 'print("jwt=%s")', False),
        ("javascript", '`?jwt=${t}`', True),
    ],
)  # fmt: skip
def test_one_text(language: str, code: str, sends: bool) -> None:
    assert bool(seen_in(language, code)) is sends
