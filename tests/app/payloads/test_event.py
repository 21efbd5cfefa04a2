"""The root of all events."""

from __future__ import annotations

import msgspec
import pytest

from headway.app.payloads.event import Event, Id, Text, Value


class Thing(Value, frozen=True, kw_only=True):
    thing_id: Id
    long_name: Text | None = None


def test_members_are_named_as_in_json_and_others_are_passed_over() -> None:
    thing = msgspec.convert({"thingId": 5, "longName": "a", "more": 1}, Thing)
    assert (thing.thing_id, thing.long_name) == (5, "a")


@pytest.mark.parametrize("wrong", ["x" * 65, 1.5, None], ids=["long", "fraction", "null"])
def test_an_id_is_a_number_or_a_short_text(wrong: object) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"thingId": wrong}, Thing)


def test_an_event_is_frozen_and_gives_its_members() -> None:
    event = Event(name="page_viewed", body={"page": 1})
    assert event["page"] == 1
    assert repr(event) == "<event page_viewed>"
    with pytest.raises(AttributeError):
        event.name = "x"  # type: ignore[misc]
