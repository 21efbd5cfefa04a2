"""Where a variable goes, by what is done with it."""

from __future__ import annotations

import pytest

from headway.scan.code.uses import Goes, is_query, uses_of


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
        ("params", "store(params)", Goes.NAMED),
        ("params", "store(1)", Goes.NAMED),
        ("params", "self.request(u, params)", Goes.QUERY),
        ("post_data", "store(post_data)", Goes.ELSEWHERE),
        ("x", "store(x); kind = 'application/x-www-form-urlencoded'", Goes.ELSEWHERE),
        ("x.y", "", Goes.UNKNOWN),
    ],
)
def test_a_variable(variable: str, text: str, goes: Goes) -> None:
    assert uses_of(variable, text) is goes


def test_a_word_needs_more_than_the_name_of_what_holds_it() -> None:
    assert is_query(Goes.QUERY, "token")
    assert not is_query(Goes.NAMED, "'token'")
    assert is_query(Goes.NAMED, "access_token")
    assert not is_query(Goes.UNKNOWN, "access_token")


def test_a_form_is_no_query() -> None:
    assert uses_of("body", "fetch(u, { method: 'POST', body })") is Goes.ELSEWHERE
    assert uses_of("body", "fetch(u, { method: 'POST', body: 1 }); f(body)") is Goes.UNKNOWN
    assert uses_of("x", "db.findOne(x)") is Goes.ELSEWHERE
    assert uses_of("body", "", member=True) is Goes.ELSEWHERE


def test_what_a_function_gives_goes_where_it_is_called() -> None:
    assert uses_of("f", "u + '?' + urlencode(f(t))", called=True) is Goes.QUERY
    assert uses_of("f", "post(u, json=self.f(t))", called=True) is Goes.ELSEWHERE
    assert uses_of("f", "urlencode(f)", called=True) is Goes.UNKNOWN


def test_a_member_that_is_named_like_a_query_is_one() -> None:
    assert uses_of("params", "post(u, json=params)", member=True) is Goes.QUERY
    assert uses_of("fields", "x", member=True) is Goes.UNKNOWN
