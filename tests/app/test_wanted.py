from __future__ import annotations

import pytest

from headway.app.wanted import Wanted, a, does, each, hold, number, or_none
from headway.errors import ConfigurationError

TABLE = {
    "text": Wanted("text", a(str)),
    "more": or_none("a list of texts", each(str)),
    "count": Wanted("a number", number),
    "queue": Wanted("what has put and take", does("put", "take")),
}


class Queue:
    def put(self): ...

    def take(self): ...


@pytest.mark.parametrize(
    "given",
    [
        {"text": ""},
        {"more": None},
        {"more": ["a"]},
        {"more": ()},
        {"more": {"a", "b"}},
        {"count": 0},
        {"count": 0.5},
        {"queue": Queue()},
        {"text": "a", "count": 1, "of another table": object()},
        {},
    ],
)
def test_what_fits_passes_and_what_is_not_there_is_not_asked_for(given):
    hold(TABLE, given)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"text": None}, "my text: is text; None was given"),
        ({"text": b"x"}, "my text: is text; bytes was given"),
        ({"text": str}, "my text: is text; the class str was given"),
        ({"more": "abc"}, "my more: is a list of texts, or None; str was given"),
        ({"more": {"a": 1}}, "my more: is a list of texts, or None; dict was given"),
        ({"more": ["a", 3, b""]}, "my more: is a list of texts, or None; list of bytes and int"),
        ({"count": True}, "my count: is a number; bool was given"),
        ({"count": "1"}, "my count: is a number; str was given"),
        ({"queue": object()}, "my queue: is what has put and take; object was given"),
        ({"queue": type("Half", (), {"put": print})()}, "take; Half was given"),
    ],
)
def test_the_message_names_the_setting_what_it_is_and_what_was_given(given, said):
    with pytest.raises(ConfigurationError) as caught:
        hold(TABLE, given, "my ")
    assert said in str(caught.value)


def test_a_value_that_stands_in_the_wrong_place_is_not_repeated():
    with pytest.raises(ConfigurationError) as caught:
        hold(TABLE, {"more": "a-secret-that-stands-here"})
    assert "secret" not in str(caught.value)
