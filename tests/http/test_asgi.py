"""ASGI: the request line survives undecoded, through real servers' scopes."""

import asyncio
from typing import Any

import pytest

from headway.errors import BodyTooLarge, ConfigurationError
from headway.http.asgi import facts_from_scope, header_values, read_bounded

FORM = [(b"content-type", b"Application/X-WWW-Form-URLencoded; charset=utf-8")]


def scope(**changes: Any) -> dict[str, Any]:
    base = {
        "type": "http",
        "method": "POST",
        "raw_path": b"/a%20b/%C3%A9",
        "path": "/a b/é",
        "query_string": b"x=%2B&y=\xff",
        "headers": [(b"Authorization", b"JWT a"), (b"authorization", b"JWT b")],
    }
    return {**base, **changes}


def test_nothing_is_decoded() -> None:
    facts = facts_from_scope(scope(), base_path="/base")
    assert (facts.method, facts.raw_path, facts.raw_query) == ("POST", "/a%20b/%C3%A9", "x=%2B&y=ÿ")
    assert facts.authorization == ("JWT a", "JWT b")
    assert (facts.base_path, facts.form) == ("/base", None)


def test_a_query_in_the_raw_path_is_cut_off() -> None:
    assert facts_from_scope(scope(raw_path=b"/a?x=1")).raw_path == "/a"


def test_a_server_without_a_raw_path_is_told_apart() -> None:
    for missing in (scope(raw_path=None), {k: v for k, v in scope().items() if k != "raw_path"}):
        with pytest.raises(ConfigurationError, match="raw_path"):
            facts_from_scope(missing)


def test_a_body_is_a_form_only_where_it_says_so() -> None:
    assert facts_from_scope(scope(headers=FORM), body=b"jwt=x").form == "jwt=x"
    assert facts_from_scope(scope(headers=FORM)).form is None
    assert facts_from_scope(scope(headers=[]), body=b"jwt=x").form is None


def test_header_names_have_no_case() -> None:
    assert header_values([(b"X-A", b"1"), (b"x-b", b"2"), (b"x-a", b"3")], "x-a") == ("1", "3")


def read(messages: list[dict[str, Any]], limit: int) -> bytes:
    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    return asyncio.run(read_bounded(receive, limit))


def test_a_body_is_read_up_to_its_bound() -> None:
    parts = [
        {"type": "http.request", "body": b"ab", "more_body": True},
        {"type": "http.request", "body": b"cd"},
    ]
    assert read(list(parts), 4) == b"abcd"
    assert read([{"type": "http.request"}], 0) == b""
    with pytest.raises(BodyTooLarge, match="at most 3"):
        read(list(parts), 3)


def test_a_client_that_goes_away_leaves_no_half_body() -> None:
    with pytest.raises(BodyTooLarge, match="went away"):
        read([{"type": "http.request", "body": b"a", "more_body": True}, {"type": "x"}], 9)
