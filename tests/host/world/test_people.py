from __future__ import annotations

import pytest

from headway.host.database import open_database
from headway.host.world import Change, User, World
from headway.host.world.people import ADMINS, EVERYBODY, People
from headway.model import Product


def uma(world: World, *, admin: bool = False) -> User:
    return world.people.add_user("uma", "Uma User", "u@example.com", admin=admin)


def told(world: World) -> list[Change]:
    heard: list[Change] = []
    world.listeners.append(heard.append)
    return heard


def test_users(world: World) -> None:
    assert world.people.users() == []
    assert world.people.user("nobody") is None


def test_a_user_is_found_by_name_and_by_account(world: World) -> None:
    made = uma(world)
    assert world.people.user("uma") == world.people.user(made.account_id) == made
    assert world.people.users() == [made]
    assert (made.active, made.admin) == (True, False)
    assert world.people.groups_of(made.account_id) == sorted(EVERYBODY)


def test_an_administrator_is_in_their_group(world: World) -> None:
    ada = uma(world, admin=True)
    assert ADMINS in world.people.groups_of(ada.account_id)
    world.people.set_member(ADMINS, ada.account_id, member=False)
    assert world.people.user("uma").admin is False  # type: ignore[union-attr]
    world.people.set_member(ADMINS, ada.account_id, member=True)
    assert world.people.user("uma").admin is True  # type: ignore[union-attr]
    world.people.delete_group(ADMINS)
    assert world.people.user("uma").admin is False  # type: ignore[union-attr]


def test_each_change_is_told_by_both_products_names(world: World) -> None:
    heard = told(world)
    made = world.people.add_user("uma", "Uma", "u@example.com", author="a1")
    world.people.rename(made.account_id, "Umami")
    world.people.set_active(made.account_id, active=False)
    world.people.set_active(made.account_id, active=True)
    world.people.delete_user(made.account_id)
    assert [(c.event, c.product) for c in heard] == [
        ("user_created", Product.JIRA),
        ("user_created", Product.CONFLUENCE),
        ("user_updated", Product.JIRA),
        ("user_updated", Product.JIRA),
        ("user_deactivated", Product.CONFLUENCE),
        ("user_updated", Product.JIRA),
        ("user_reactivated", Product.CONFLUENCE),
        ("user_deleted", Product.JIRA),
        ("user_removed", Product.CONFLUENCE),
    ]
    assert [c.author for c in heard[:3]] == ["a1", "a1", None]
    assert (heard[2].before.display_name, heard[2].after.display_name) == ("Uma", "Umami")
    assert (heard[3].before.active, heard[3].after.active) == (True, False)
    assert (heard[-1].before.display_name, heard[-1].after) == ("Umami", None)
    assert world.people.users() == []


@pytest.mark.parametrize(
    ("name", "display_name"), [("uma", "Other"), ("", "x"), ("x", ""), ("x" * 256, "x")]
)
def test_a_user_that_can_not_be(world: World, name: str, display_name: str) -> None:
    made = uma(world)
    with pytest.raises(ValueError, match=r"characters|already"):
        world.people.add_user(name, display_name, "x@example.com")
    assert world.people.users() == [made]


def test_nobody_is_changed_by_nobody(world: World) -> None:
    people = world.people
    for change in (
        lambda: people.rename("none", "x"),
        lambda: people.set_active("none", active=False),
        lambda: people.delete_user("none"),
        lambda: people.delete_group("none"),
        lambda: people.set_member(ADMINS, "none", member=True),
    ):
        with pytest.raises(LookupError, match="no"):
            change()
    made = uma(world)
    with pytest.raises(LookupError):
        people.set_member("none", made.account_id, member=True)
    with pytest.raises(ValueError, match="display name"):
        people.rename(made.account_id, " ")


def test_groups(world: World) -> None:
    heard = told(world)
    made = world.people.add_group("writers")
    user = uma(world)
    world.people.set_member("writers", user.account_id, member=True)
    world.people.set_member("writers", user.account_id, member=True)
    assert world.people.members("writers") == [user]
    assert world.people.group("writers") == world.people.group(made.group_id) == made
    assert [group.name for group in world.people.groups()] == sorted([*EVERYBODY, "writers"])
    with pytest.raises(ValueError, match="already"):
        world.people.add_group("writers")
    world.people.set_member("writers", user.account_id, member=False)
    assert world.people.members("writers") == []
    world.people.delete_group(made.group_id)
    assert world.people.group("writers") is None
    names = [change.event for change in heard if change.product is Product.CONFLUENCE]
    assert names == ["group_created", "user_created", "group_removed"]


def test_people_need_nobody_to_listen() -> None:
    with open_database(None) as database:
        assert People(database).add_group("g").name == "g"
