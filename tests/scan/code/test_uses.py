"""Where a variable goes, by what is done with it."""

from __future__ import annotations

import pytest

from headway.scan.code.uses import Goes, uses_of


@pytest.mark.parametrize(
    ("variable", "text", "goes"),
    [
        ("x", "get(u, params=x)", Goes.QUERY),
        ("x", "get(u, { params: x })", Goes.QUERY),
        ("x", "urlencode(x)", Goes.QUERY),
        ("x", "http_build_query($x)", Goes.QUERY),
        ("x", "requests.get(u, x)", Goes.QUERY),
        ("x", "base + '?' + x", Goes.QUERY),
        ("x", "`${base}?${x}`", Goes.QUERY),
        ("x", "post(u, json=x)", Goes.ELSEWHERE),
        ("x", "JSON.stringify(x)", Goes.ELSEWHERE),
        ("x", "client.post(u, x)", Goes.ELSEWHERE),
        ("x", "store(x)", Goes.UNKNOWN),
        ("params", "store(params)", Goes.QUERY),
        ("params", "store(1)", Goes.QUERY),
        ("x.y", "", Goes.UNKNOWN),
    ],
)
def test_a_variable(variable: str, text: str, goes: Goes) -> None:
    assert uses_of(variable, text) is goes


def test_a_member_that_is_named_like_a_query_is_one() -> None:
    assert uses_of("params", "post(u, json=params)", member=True) is Goes.QUERY
    assert uses_of("fields", "x", member=True) is Goes.UNKNOWN
