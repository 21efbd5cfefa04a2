from __future__ import annotations

import time

import pytest
import sqlalchemy as sa

from headway.host.search.words import FUNCTION, install, matches

TEXT = "Rotate the shared secret, says Übersicht-2022: it's urgent!"


@pytest.mark.parametrize(
    "wanted",
    [
        *("rotate", "ROTATE", "secret rotate", "rot*", "*tate", "r*t*e", "sec?et", "übersicht"),
        *('"shared secret"', '"THE shared sec*"', "2022", "it's", "secret,", "*", "s*d 2*"),
    ],
)
def test_what_is_in_it(wanted: str) -> None:
    assert matches(TEXT, wanted)


@pytest.mark.parametrize(
    "wanted",
    ["rot", "rotate never", "se", '"secret shared"', "sec??et", "ro*x", "", "  ", "!!", "-", "x*t"],
)
def test_what_is_not(wanted: str) -> None:
    assert not matches(TEXT, wanted)


def test_a_text_that_is_none_has_no_words() -> None:
    assert not matches(None, "*")
    assert not matches("", "a")


def test_hostile_stars_are_read_once() -> None:
    began = time.process_time()
    assert not matches("a" * 32_000, "a*" * 200 + "b")
    assert not matches("ab " * 10_000, "*a*a*b*c")
    assert time.process_time() - began < 5


def test_sql_knows_it() -> None:
    engine = sa.create_engine("sqlite://")
    install(engine)
    with engine.connect() as connection:
        call = sa.func.__getattr__(FUNCTION)
        assert connection.scalar(sa.select(call("one two", "two"))) == 1
        assert connection.scalar(sa.select(call(sa.null(), "two"))) == 0
    engine.dispose()
