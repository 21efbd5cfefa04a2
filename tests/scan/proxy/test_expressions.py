"""Expressions of a configuration, in linear time."""

from __future__ import annotations

import time

import pytest

from headway.scan.proxy.expressions import Captures, NotKnown, filled, replaced, search


def test_what_is_caught() -> None:
    assert search("b", "a") is None
    found = search("(?<one>a)(?P<two>b)?(c)?", "xab")
    assert found is not None
    assert (found.numbered, found.named) == (("ab", "a", "b", ""), {"one": "a", "two": "b"})
    assert [found.get(name) for name in ("0", "1", "9", "one", "x")] == ["ab", "a", None, "a", None]
    assert search("A", "a", ignore_case=True)


def test_templates() -> None:
    captures = Captures(("ab", "a"), {"one": "1"})
    assert filled("$1x ${one} $one$two $0", captures) == "ax 1 1$two ab"


def test_replacing() -> None:
    assert replaced("jwt=([^&]*)", "?jwt=a&jwt=b", "jwt=<$1>") == "?jwt=<a>&jwt=<b>"
    assert replaced("x", "abc", "") == "abc"


@pytest.mark.parametrize("pattern", ["(?=a)", r"(a)\1", "(", "a" * 2_001])
def test_what_is_not_known_here(pattern: str) -> None:
    with pytest.raises(NotKnown):
        search(pattern, "a")


def test_t39_an_expression_that_is_made_to_be_slow_is_not() -> None:
    began = time.monotonic()
    assert search("^(a+)+$", "a" * 5_000 + "b") is None
    assert replaced("(a|a)*b", "a" * 5_000, "x") == "a" * 5_000
    assert time.monotonic() - began < 5
