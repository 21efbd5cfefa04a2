from __future__ import annotations

from collections.abc import Iterator

import pytest

from headway.host.database import open_database
from headway.host.gate import Actor
from headway.host.rights import GLOBAL, GRANTED, PERMISSIONS, Rights, Role
from headway.host.world import Project, World
from headway.host.world.people import EVERYBODY
from headway.host.world.roles import ADMINISTRATORS, USERS

NOBODY = Actor(kind="anonymous")
APPS = {"a1": frozenset({"READ", "WRITE"}), "a2": frozenset({"ADMIN"})}
PEOPLE = ("ada", "pia", "uma", "gone")


@pytest.fixture
def world() -> Iterator[World]:
    """Ada administers the site, Pia a project; Uma is ordinary, and somebody has left."""
    with open_database(None) as database:
        made = World(database)
        for name in PEOPLE:
            made.people.add_user(name, name.title(), f"{name}@example.com", admin=name == "ada")
        made.people.set_active(account(made, "gone"), False)
        pia = account(made, "pia")
        made.tracker.add_project("DEMO", "Demonstration", public=False, lead=pia)
        made.tracker.add_project("PUB", "Public", public=True)
        yield made


def account(world: World, name: str) -> str:
    user = world.people.user(name)
    assert user is not None
    return user.account_id


def project(world: World, key: str) -> Project:
    found = world.tracker.project(key)
    assert found is not None
    return found


def actor(world: World, name: str) -> Actor:
    if name == "nobody":
        return NOBODY
    if name in APPS:
        return Actor(kind="app", account_id=name, app_key="app", scopes=APPS[name])
    known = name if name == "ghost" else account(world, name)
    return Actor(kind="user", account_id=known)


WHO = {
    "nobody": (Role.NOBODY, Role.NOBODY, Role.NOBODY),
    "ghost": (Role.NOBODY, Role.NOBODY, Role.NOBODY),
    "gone": (Role.NOBODY, Role.NOBODY, Role.NOBODY),
    "uma": (Role.USER, Role.USER, Role.USER),
    "pia": (Role.USER, Role.PROJECT_ADMIN, Role.USER),
    "ada": (Role.ADMIN, Role.ADMIN, Role.ADMIN),
    "a1": (Role.APP, Role.APP, Role.APP),
    "a2": (Role.APP_ADMIN, Role.APP_ADMIN, Role.APP_ADMIN),
}
"""What each is to the site, to a private project and to a public one."""


@pytest.mark.parametrize("name", WHO)
def test_what_each_is_and_may(world: World, name: str) -> None:
    rights, who = Rights(world, APPS.get), actor(world, name)
    site, demo, pub = WHO[name]
    assert rights.role(who.account_id) is site
    assert rights.globally(who) == GLOBAL[site]
    assert rights.in_project(who, project(world, "DEMO")) == GRANTED[demo]
    assert rights.in_project(who, project(world, "PUB")) == GRANTED[pub] | {"BROWSE_PROJECTS"}
    seen = [found.key for found in rights.visible(who)]
    assert seen == (["PUB"] if demo is Role.NOBODY else ["DEMO", "PUB"])


def test_some_rows_of_the_table(world: World) -> None:
    rights, demo = Rights(world, APPS.get), project(world, "DEMO")

    def may(permission: str, *, in_project: bool = True) -> list[str]:
        place = demo if in_project else None
        return [n for n in WHO if rights.may(actor(world, n), permission, place)]

    assert may("ADMINISTER", in_project=False) == ["ada", "a2"]
    assert may("SYSTEM_ADMIN", in_project=False) == ["ada"]
    assert may("ADMINISTER_PROJECTS") == ["pia", "ada", "a1", "a2"]
    assert may("DELETE_ISSUES") == ["pia", "ada", "a1", "a2"]
    assert may("EDIT_ISSUES") == ["uma", "pia", "ada", "a1", "a2"]
    assert may("ADMINISTER") == []  # it is a global one


def test_every_permission_that_is_granted_is_known_by_its_kind() -> None:
    for table, kind in ((GLOBAL, "GLOBAL"), (GRANTED, "PROJECT")):
        for granted in table.values():
            assert {PERMISSIONS[key][0] for key in granted} <= {kind}


def test_a_role_of_a_group_counts_and_its_loss_too(world: World) -> None:
    rights, demo, uma = Rights(world), project(world, "DEMO"), actor(world, "uma")
    world.people.add_group("leads")
    world.roles.set(demo.id, ADMINISTRATORS, "group", "leads")
    assert not rights.may(uma, "DELETE_ISSUES", demo)
    world.people.set_member("leads", uma.account_id or "", True)
    assert rights.may(uma, "DELETE_ISSUES", demo)
    world.people.delete_group("leads")
    assert not rights.may(uma, "DELETE_ISSUES", demo)
    world.roles.set(demo.id, USERS, "group", EVERYBODY[0], given=False)
    assert not rights.may(uma, "BROWSE_PROJECTS", demo)
    assert rights.may(uma, "BROWSE_PROJECTS", project(world, "PUB"))
