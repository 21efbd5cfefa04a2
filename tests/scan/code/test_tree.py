"""What nodes are, in one language for all."""

from __future__ import annotations

import pytest
from ast_grep_py import SgNode, SgRoot

from headway.scan.code.names import HOLE
from headway.scan.code.tree import (
    ancestors,
    callee,
    covers,
    function_around,
    is_dynamic,
    literal,
    named_children,
    positional,
    scope_text,
    statement_of,
    text_of,
)


def first(parser: str, code: str, kind: str) -> SgNode:
    """The first node of *kind* in *code*."""
    found = SgRoot(code, parser).root().find(kind=kind)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("parser", "code", "kind", "text"),
    [
        ("python", 'f"a{b}c"', "string", f"a{HOLE}c"),
        ("python", 'x = "a" "b"', "concatenated_string", "ab"),
        ("python", 'x = "a" + b + f"{c}d"', "binary_operator", f"a{HOLE}{HOLE}d"),
        ("python", "x = a - b", "binary_operator", HOLE),
        ("python", 'x = (a + "b")', "parenthesized_expression", f"{HOLE}b"),
        ("python", "x = rb'a'", "string", "a"),
        ("python", 'x = """a\nb"""', "string", "a\nb"),
        ("tsx", "x = `a${b.c}d`", "template_string", f"a{HOLE}d"),
        ("kotlin", 'val x = "$a/${b.c}"', "string_literal", f"{HOLE}/{HOLE}"),
        ("scala", 'val x = s"$a/${b.c}"', "interpolated_string_expression", f"{HOLE}/{HOLE}"),
        ("php", '<?php $x = "$a/{$b->c}";', "encapsed_string", f"{HOLE}/{HOLE}"),
        ("csharp", 'var x = $"{a}/b";', "interpolated_string_expression", f"{HOLE}/b"),
        ("ruby", 'x = "#{a}/b"', "string", f"{HOLE}/b"),
        ("go", "package a\nvar x = `a`", "raw_string_literal", "a"),
    ],
)  # fmt: skip
def test_a_text_has_a_hole_where_something_is_put_in(
    parser: str, code: str, kind: str, text: str
) -> None:
    assert text_of(first(parser, code, kind), {}) == text


def test_a_name_that_is_known_is_its_value() -> None:
    assert (
        text_of(first("python", 'x = "?" + self.NAME + "="', "binary_operator"), {"NAME": "n"})
        == "?n="
    )
    assert (
        text_of(first("tsx", "`?${Api.NAME}=${t}`", "template_string"), {"NAME": "n"})
        == f"?n={HOLE}"
    )
    assert text_of(first("python", f"x = {'a' * 200}", "identifier"), {"x": "y"}) == "y"


def test_a_literal_has_nothing_put_in() -> None:
    assert literal(first("python", "'a'", "string")) == "a"
    assert literal(first("python", "f'a{b}'", "string")) is None
    assert literal(first("python", "a", "identifier")) is None
    assert literal(first("ruby", ":a", "simple_symbol")) == "a"
    assert literal(first("tsx", "({ a: 1 })", "property_identifier")) == "a"


@pytest.mark.parametrize(
    ("code", "kind", "dynamic"),
    [("x = 1", "integer", False), ("x = None", "none", False), ("x = 'a'", "string", False),
     ("x = '#{a}'", "string", True), ("x = f'{a}'", "string", True), ("x = y()", "call", True)],
)  # fmt: skip
def test_what_is_dynamic(code: str, kind: str, dynamic: bool) -> None:
    assert is_dynamic(first("python", code, kind)) is dynamic


def test_calls() -> None:
    call = first("csharp", 'class A { void F() { G.H(u, "a"); } }', "invocation_expression")
    assert callee(call) == "G.H"
    assert [each.text() for each in positional(call)] == ["u", '"a"']
    call = first("kotlin", 'val x = a.b("c", d)', "call_expression")
    assert [each.text() for each in positional(call)] == ['"c"', "d"]
    assert (
        callee(first("go", "package a\nvar x = url.Values{}", "composite_literal")) == "url.Values"
    )
    assert positional(first("ruby", "a.b", "call")) == []
    assert callee(first("ruby", "a.b", "call")) == "a.b"


def test_owners() -> None:
    code = "def f():\n    g(a + 'b')\n\n\nx = 1\n"
    node = first("python", code, "string")
    assert function_around(node) is not None
    assert statement_of(node).text() == "g(a + 'b')"
    assert scope_text(node).startswith("def f()")
    outer = first("python", code, "call")
    assert covers(outer, node)
    assert not covers(node, outer)
    assert next(ancestors(node)).kind() == "binary_operator"
    loose = first("python", "x = 1", "integer")
    assert function_around(loose) is None
    assert scope_text(loose) == "x = 1"
    assert [
        each.text() for each in named_children(first("python", "f(a, b)", "argument_list"))
    ] == ["a", "b"]
    assert statement_of(first("python", "x", "module")).kind() == "module"
