from __future__ import annotations

import pytest

from headway.host.world import Change, World
from headway.model import Product


def test_a_space_by_key_and_by_id(world: World) -> None:
    made = world.spaces.add_space("NOTES", "Notes", "u1", description="Text", public=True)
    assert world.spaces.space("NOTES") == made == world.spaces.space_by_id(str(made.id))
    assert (made.created, made.author, made.public, made.homepage_id) == (1000, "u1", True, None)
    assert world.spaces.space("notes") is None
    assert world.spaces.space_by_id("NOTES") is None
    world.spaces.add_space("~mine", "Mine", "u2")
    assert [space.key for space in world.spaces.spaces()] == ["NOTES", "~mine"]


def test_its_administrators(world: World) -> None:
    made = world.spaces.add_space("A", "A", "u1", administrators=["u2", "u1"])
    assert world.spaces.administrators(made.id) == {"u1", "u2"}
    assert world.spaces.administrators(99) == frozenset()


@pytest.mark.parametrize(
    ("key", "name"),
    [("", "x"), ("a b", "x"), ("A-1", "x"), ("ä", "x"), ("TAKEN", "x"), ("B", " "),
     ("B", "x" * 201), ("A" * 256, "x")],
)  # fmt: skip
def test_a_space_that_can_not_be(world: World, key: str, name: str) -> None:
    world.spaces.add_space("TAKEN", "x", "u1")
    with pytest.raises(ValueError, match="space"):
        world.spaces.add_space(key, name, "u1")
    assert len(world.spaces.spaces()) == 1


def test_an_edit(world: World) -> None:
    made = world.spaces.add_space("A", "A", "u1")
    after = world.spaces.edit_space(made.id, "u1", name="B", description="C", homepage_id=7)
    assert (after.name, after.description, after.homepage_id) == ("B", "C", 7)
    assert world.spaces.edit_space(made.id, "u1") == after
    with pytest.raises(ValueError, match="name"):
        world.spaces.edit_space(made.id, "u1", name="")
    with pytest.raises(LookupError):
        world.spaces.edit_space(99, "u1", name="x")


def test_what_is_told(world: World) -> None:
    told: list[Change] = []
    world.listeners.append(told.append)
    made = world.spaces.add_space("A", "A", "u1")
    after = world.spaces.edit_space(made.id, "u2", name="B")
    world.spaces.remove_space(after, "u3")
    assert [(c.event, c.author, c.before, c.after) for c in told] == [
        ("space_created", "u1", None, made),
        ("space_updated", "u2", made, after),
        ("space_removed", "u3", after, None),
    ]
    assert {change.product for change in told} == {Product.CONFLUENCE}


def test_with_a_space_goes_what_is_in_it(world: World) -> None:
    made = world.spaces.add_space("A", "A", "u1")
    page = world.wiki.add_page(made.id, "T", "<p>x</p>", "u1")
    file = world.wiki.add_file(page, "a.txt", "text/plain", b"abc", "u1")
    on_issue = world.files.add_attachment("issue", page.id, "b.txt", "text/plain", b"b", "u1")
    world.spaces.remove_space(made, "u1")
    assert world.wiki.content(page.id) is None
    assert world.files.attachment(file.file_id or 0) is None
    assert world.files.attachment(on_issue.id) == on_issue


def test_who_administers_changes(world: World) -> None:
    spaces = world.spaces
    made = spaces.add_space("AB", "Ab", "u1")
    assert spaces.set_administrator(made.id, "u2", given=True)
    assert not spaces.set_administrator(made.id, "u2", given=True)
    assert spaces.administrators(made.id) == {"u1", "u2"}
    assert spaces.set_administrator(made.id, "u1", given=False)
    assert not spaces.set_administrator(made.id, "u1", given=False)
    assert spaces.administrators(made.id) == {"u2"}
