from __future__ import annotations

from typing import Any

import pytest

from headway.host.database import open_database
from headway.host.world import World
from headway.host.world.properties import KEY_MAX, VALUE_MAX, Properties


def test_a_property_comes_changes_and_goes(world: World) -> None:
    kept = world.properties
    assert kept.put("issue", "1", "k", {"a": [1]})
    assert not kept.put("issue", "1", "k", "ü")
    assert kept.put("issue", "1", "a", None)
    assert kept.keys("issue", "1") == ["a", "k"]
    found = kept.get("issue", "1", "k")
    assert found is not None
    assert found.data == "ü"
    assert kept.delete("issue", "1", "k")
    assert not kept.delete("issue", "1", "k")
    assert kept.keys("issue", "1") == ["a"]


def test_properties_are_of_one_thing(world: World) -> None:
    world.properties.put("issue", "1", "k", 1)
    assert world.properties.get("issue", "2", "k") is None
    assert world.properties.get("project", "1", "k") is None


@pytest.mark.parametrize(
    ("key", "value"), [("", 1), ("k" * (KEY_MAX + 1), 1), ("k", "x" * (VALUE_MAX - 1))]
)
def test_properties_are_bounded(world: World, key: str, value: Any) -> None:
    with pytest.raises(ValueError, match="characters"):
        world.properties.put("issue", "1", key, value)
    assert world.properties.all("issue", "1") == []


def test_those_of_issues_are_told() -> None:
    with open_database(None) as database:
        heard: list[Any] = []
        kept = Properties(database, heard.append)
        for holder in ("issue", "project"):
            kept.put(holder, "1", "k", 1, author="a1")
            kept.delete(holder, "1", "k", author="a1")
        assert [(c.event, c.author) for c in heard] == [
            ("issue_property_set", "a1"),
            ("issue_property_deleted", "a1"),
        ]
        assert (heard[0].after.key, heard[1].before.value) == ("k", "1")
        silent = Properties(database)
        assert silent.put("issue", "1", "k", 1)
