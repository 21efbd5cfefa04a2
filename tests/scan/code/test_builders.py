"""Calls, subscripts and annotations that add one parameter."""

from __future__ import annotations

import pytest

from scan.code.samples import check, check_pairs, seen_in


def test_the_corpus() -> None:
    check("builder call", "subscript assignment", "declaration", "name in a constant",
          "parameter map")  # fmt: skip


def test_the_pairs() -> None:
    check_pairs("builder", "annotation", "map of a builder", "second argument", "word")


@pytest.mark.parametrize(
    ("language", "code", "sends"),
    [
        ("javascript", 'url.searchParams.set("jwt", t)', True),
        ("javascript", 'url.searchParams.set("jwt", "x")', False),
        ("javascript", 'url.searchParams.set("jwt")', False),
        ("javascript", 'cache.set("jwt", t)', False),
        ("javascript", 'const m = new Map(); m.set("jwt", t)', False),
        ("javascript", 'const q = new URLSearchParams(); q.set("jwt", t)', True),
        ("javascript", 'q.set("jwt", t)', False),
        ("javascript", "token.params = 1; params.token = 'x'", False),
        ("javascript", "config.params.jwt = t", True),
        ("javascript", "session.jwt = t", False),
        ("javascript", "state.token = t", False),
        ("javascript", "thing.jwt = t", False),
        ("python", 'params["jwt"] = t\nhttpx.get(u, params=params)', True),
        ("python", 'params["jwt"] = t\nhttpx.post(u, json=params)', False),
        ("python", 'print(params["jwt"])', False),
        ("go", 'package a\nfunc f(q url.Values) { q.Set("jwt", t) }', True),
        ("go", 'package a\nfunc f(h http.Header) { h.Set("jwt", t) }', False),
        ("java", 'class A { void f(Map m) { m.put("jwt", t); http.get(u, m); } }', True),
        ("java", 'class A { void f(Map m) { m.put("jwt", t); store(m); } }', False),
        ("java", 'class A { @Query("jwt") String a; }', False),
        ("kotlin", 'fun f() { parameter("jwt", t) }', False),
        ("csharp", 'class A { void F() { [AliasAs("jwt")] string t; } }', False),
        ("java", 'class A { void f() { p.add(new BasicNameValuePair("jwt", t)); } }', True),
    ],
)  # fmt: skip
def test_one_call(language: str, code: str, sends: bool) -> None:
    assert bool(seen_in(language, code)) is sends
