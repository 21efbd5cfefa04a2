from __future__ import annotations

import json

import pytest
import sqlalchemy as sa

from headway.host.world import Change, Content, World
from headway.host.world.marks import GROUP, of_content, of_space
from headway.host.world.wiki import Stale


@pytest.fixture
def page(world: World) -> Content:
    space = world.spaces.add_space("A", "A", "u1")
    return world.wiki.add_page(space.id, "Page", "<p>x</p>", "u1")


def test_labels(world: World, page: Content) -> None:
    told: list[Change] = []
    world.listeners.append(told.append)
    made = world.marks.add_label(page.id, "Urgent", "u1")
    assert (made.name, made.prefix) == ("urgent", "global")
    assert world.marks.add_label(page.id, "urgent", "u2") == made
    mine = world.marks.add_label(page.id, "a", "u1", "my")
    assert world.marks.labels(page.id) == [mine, made]
    assert world.marks.remove_label(page.id, "URGENT", "u2")
    assert not world.marks.remove_label(page.id, "urgent", "u2")
    assert [(c.event, c.author) for c in told] == [
        ("label_added", "u1"),
        ("label_added", "u1"),
        ("label_removed", "u2"),
    ]
    assert (told[2].before, told[2].after) == (made, None)


@pytest.mark.parametrize(
    ("name", "prefix"),
    [("", "global"), ("two words", "global"), ("x" * 256, "global"), ("x", "other"), ("a:b", "my")],
)
def test_a_label_that_is_none(world: World, page: Content, name: str, prefix: str) -> None:
    with pytest.raises(ValueError, match="label"):
        world.marks.add_label(page.id, name, "u1", prefix)


def test_labels_are_bounded(world: World, page: Content) -> None:
    for number in range(100):
        world.marks.add_label(page.id, f"l{number}", "u1")
    with pytest.raises(ValueError, match="at most 100"):
        world.marks.add_label(page.id, "one-more", "u1")


def test_properties_of_content_and_of_a_space(world: World, page: Content) -> None:
    marks = world.marks
    on_page = marks.add_property("k", {"a": [1]}, content_id=page.id)
    on_space = marks.add_property("k", "text", space_id=page.space_id)
    assert json.loads(on_page.value) == {"a": [1]}
    assert marks.properties(of_content(page.id)) == [on_page]
    assert marks.property(of_space(page.space_id), "k") == on_space
    assert marks.property(of_content(page.id), "K") is None
    with pytest.raises(Stale, match="exists"):
        marks.add_property("k", 1, content_id=page.id)
    after = marks.edit_property(on_page, [], 2)
    assert (after.value, after.version, after.updated) == ("[]", 2, 1000)
    for version in (1, 2, 4):
        with pytest.raises(Stale, match="incremented"):
            marks.edit_property(after, 1, version)
    with pytest.raises(Stale, match="incremented"):
        marks.edit_property(on_page, 1, 2)
    marks.remove_property(after)
    assert marks.properties(of_content(page.id)) == []
    assert marks.properties(of_space(page.space_id)) == [on_space]


def test_a_property_is_bounded(world: World, page: Content) -> None:
    with pytest.raises(ValueError, match="32768 characters"):
        world.marks.add_property("k", "x" * 32_767, content_id=page.id)
    with pytest.raises(ValueError, match="key"):
        world.marks.add_property("", 1, content_id=page.id)


def visible(world: World, page: Content, account_id: str | None) -> list[str]:
    where = world.marks.visible([page.space_id], account_id)
    return [content.title for content in world.wiki.find(where)]


def test_a_restriction_holds_for_all_below(world: World, page: Content) -> None:
    child = world.wiki.add_page(page.space_id, "Child", "", "u1", parent=page)
    world.wiki.add_file(child, "a.txt", "text/plain", b"a", "u1")
    world.wiki.add_page(page.space_id, "Other", "", "u1")
    assert len(visible(world, page, None)) == 4
    world.marks.restrict(page, "read", frozenset({"u1", "u2"}))
    assert world.marks.restricted_to(page.id, "read") == {"u1", "u2"}
    assert world.marks.restricted_to(page.id, "update") == frozenset()
    for nobody in (None, "u3", ""):
        assert visible(world, page, nobody) == ["Other"]
    assert visible(world, page, "u2") == ["Page", "Child", "a.txt", "Other"]
    world.marks.restrict(child, "read", frozenset({"u1"}))
    assert visible(world, page, "u2") == ["Page", "Other"]
    world.marks.restrict(page, "read", frozenset())
    assert visible(world, page, "u3") == ["Page", "Other"]


def test_what_hangs_on_something_in_the_bin_is_not_there(world: World, page: Content) -> None:
    world.wiki.add_comment(page, "x", "u1")
    trashed = world.wiki.trash(page, "u1")
    assert visible(world, page, "u1") == ["Page"]
    world.wiki.restore(trashed, "u1")
    assert visible(world, page, "u1") == ["Page", "Re: Page"]
    assert world.wiki.count(world.marks.visible([], "u1")) == 0
    assert world.wiki.count(sa.true()) == 2


def test_a_restriction_to_a_group(world: World, page: Content) -> None:
    ann = world.people.add_user("ann", "Ann", "a@example.com").account_id
    world.people.add_group("writers")
    world.marks.restrict(page, "read", frozenset({"u1", f"{GROUP}writers"}))
    assert visible(world, page, ann) == []
    world.people.set_member("writers", ann, True)
    assert visible(world, page, ann) == ["Page"]
    assert visible(world, page, "u1") == ["Page"]
