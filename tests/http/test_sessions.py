from __future__ import annotations

import pytest

from headway.http.sessions import (
    cookie_value,
    csrf_matches,
    csrf_of,
    digest_of,
    new_value,
    set_cookie,
)

VALUE = new_value()


def test_a_value_is_random_and_read_back() -> None:
    assert new_value() != VALUE
    assert cookie_value([f"a=b; hw={VALUE}; c=d"], "hw") == VALUE
    assert cookie_value([f"hw={VALUE}"], "other") is None


@pytest.mark.parametrize("value", ["", "x", "x" * 42, "x" * 44, "x" * 42 + "é", "x" * 42 + " "])
def test_what_is_no_value_of_ours(value: str) -> None:
    assert cookie_value([f"hw={value}"], "hw") is None


def test_two_cookies_are_nobody() -> None:
    """A page on another port of localhost can set a cookie of the same name beside ours."""
    pair = f"hw={VALUE}"
    assert cookie_value([f"{pair}; {pair}"], "hw") is None
    assert cookie_value([pair, pair], "hw") is None
    assert cookie_value([], "hw") is None


def test_the_cookie_keeps_to_where_it_is_from() -> None:
    assert set_cookie("__Host-hw", "v", age=60, secure=True) == (
        "__Host-hw=v; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure"
    )
    assert "Max-Age=0" in set_cookie("hw", "", age=60, secure=False)
    assert "Secure" not in set_cookie("hw", "v", age=60, secure=False)


def test_what_protects_a_form_is_the_sessions_own_and_tells_nothing() -> None:
    own, other = csrf_of(VALUE), csrf_of(new_value())
    assert csrf_matches(own, own)
    assert not any(csrf_matches(own, sent) for sent in (None, "", other, own[:-1], "é"))
    assert VALUE not in own
    assert VALUE.encode() not in digest_of(VALUE)
