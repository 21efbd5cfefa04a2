from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from headway.host.database import open_database
from headway.host.providers import provided as module
from headway.host.providers.provided import Entity, Provided
from headway.host.world import World


@pytest.fixture
def world() -> Iterator[tuple[World, Provided]]:
    with open_database(None) as database:
        made = World(database)
        made.tracker.add_project("DEMO", "Demo", public=False)
        for number in range(3):
            made.tracker.add_issue("DEMO", f"Issue {number}")
        yield made, Provided(database)


def entity(key: Any = "one", sequence: int = 1, **more: Any) -> Entity:
    values = {"app_key": "mine", "kind": "builds", "data": {"n": sequence}, "properties": {}}
    return Entity(key=[key, 1], sequence=sequence, **{**values, **more})


def test_a_later_one_takes_the_place(world: tuple[World, Provided]) -> None:
    tracker, provided = world[0].tracker, world[1]
    first, second, third = (issue.id for issue in tracker.issues("DEMO"))
    assert provided.put(entity(sequence=2), [first, second])
    assert provided.put(entity(sequence=2, data={"n": 0}), [third])
    assert provided.get("mine", "builds", ["one", 1]) == entity(sequence=2)
    assert provided.issues_of("mine", "builds", ["one", 1]) == [first, second]
    provided.put(entity(sequence=3), [third])
    assert provided.issues_of("mine", "builds", ["one", 1]) == [third]
    assert provided.of_issue(first) == []
    assert provided.of_issue(third) == [entity(sequence=3)]


def test_issues_come_and_go_one_by_one(world: tuple[World, Provided]) -> None:
    tracker, provided = world[0].tracker, world[1]
    first, second, third = (issue.id for issue in tracker.issues("DEMO"))
    provided.put(entity(), [first, second], gone=())
    provided.put(entity(sequence=2), [third], gone=[first])
    assert provided.issues_of("mine", "builds", ["one", 1]) == [second, third]
    provided.link(entity(), first, on=True)
    provided.link(entity(), first, on=True)
    provided.link(entity(), second, on=False)
    provided.link(entity("none"), second, on=True)
    assert provided.issues_of("mine", "builds", ["one", 1]) == [first, third]
    tracker.delete_issue(first)
    assert provided.issues_of("mine", "builds", ["one", 1]) == [third]


def test_each_app_has_its_own(world: tuple[World, Provided]) -> None:
    provided = world[1]
    provided.put(entity(), [])
    assert provided.get("theirs", "builds", ["one", 1]) is None
    provided.remove("theirs", "builds", ["one", 1], None)
    provided.forget("theirs")
    assert provided.of("mine", "builds") == [entity()]
    assert provided.of("mine", "designs") == []
    provided.remove("mine", "builds", ["one", 1], 0)
    assert provided.of("mine", "builds") == [entity()]
    provided.remove("mine", "builds", ["one", 1], 1)
    assert provided.of("mine", "builds") == []
    provided.put(entity(), [])
    provided.forget("mine")
    assert provided.of("mine", "builds") == []


def test_all_properties_count(world: tuple[World, Provided]) -> None:
    provided = world[1]
    provided.put(entity("one", properties={"a": "1", "b": "2"}), [])
    provided.put(entity("two", properties={"a": "1"}), [])
    assert [each.key[0] for each in provided.having("mine", ["builds"], {"a": "1"})] == [
        "one",
        "two",
    ]
    found = provided.having("mine", ["builds"], {"a": "1", "b": "2"})
    assert [each.key[0] for each in found] == ["one"]
    assert provided.having("mine", ["designs"], {"a": "1"}) == []


def test_an_app_has_so_many(world: tuple[World, Provided], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PER_APP", 1)
    provided = world[1]
    assert provided.put(entity("one"), [])
    assert not provided.put(entity("two"), [])
    assert provided.put(entity("one", 2), [])
    assert provided.put(entity("two", app_key="theirs"), [])
