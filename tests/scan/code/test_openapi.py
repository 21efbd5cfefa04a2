"""OpenAPI documents that have a token in a query."""

from __future__ import annotations

import json

import pytest

from headway.scan.code.openapi import is_openapi, takes_token_in_query
from scan.code.samples import check

SCHEME = {"type": "apiKey", "name": "jwt", "in": "query"}


def test_the_corpus() -> None:
    check("declaration")


def test_yaml_and_json_have_lines() -> None:
    document = {"openapi": "3.0.0", "components": {"securitySchemes": {"a": SCHEME}}}
    text = json.dumps(document, indent=1)
    ((line, name),) = takes_token_in_query(text)
    assert (text.splitlines()[line - 1].strip(), name) == ('"in": "query"', "jwt")


@pytest.mark.parametrize(
    "parameter",
    [
        {**SCHEME, "in": "header"}, {**SCHEME, "name": "page"}, {**SCHEME, "name": 5},
        {**SCHEME, "type": "boolean"}, {**SCHEME, "schema": {"type": "integer"}},
    ],
)  # fmt: skip
def test_what_is_fine(parameter: dict[str, object]) -> None:
    assert [*takes_token_in_query(json.dumps({"swagger": "2.0", "x": [parameter]}))] == []


@pytest.mark.parametrize(
    "text",
    ["", ":", "a: [", "a: b: c", "- " * 500, "&a [*a]", "a: &x [*x, *x]", "\t",
     "!!python/object:os.x {}", "{" * 3_000, "a: !x y"],
)  # fmt: skip
def test_rubbish_is_no_document(text: str) -> None:
    assert [*takes_token_in_query("openapi: 3.0.0\n" + text)] == []


def test_aliases_are_no_bomb() -> None:
    lines = ["openapi: 3.0.0", "a0: &a0 [x, x]"]
    lines += [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}]" for n in range(1, 40)]
    assert [*takes_token_in_query("\n".join(lines))] == []


def test_what_is_one() -> None:
    assert is_openapi('{\n  "openapi": "3.1.0"')
    assert is_openapi("swagger: '2.0'")
    assert not is_openapi("services: {}")
    assert not is_openapi("openapi: 3.0.0" + " " * 6_000_000)
