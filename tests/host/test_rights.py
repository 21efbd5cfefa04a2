from __future__ import annotations

from collections.abc import Iterator

import pytest

from headway.host.database import open_database
from headway.host.gate import Actor
from headway.host.identity import Identity
from headway.host.rights import Rights, Role
from headway.host.world import Project, World

NOBODY = Actor(kind="anonymous")
USER = Actor(kind="user", account_id="u1")
APP = Actor(kind="app", account_id="a1", app_key="app")


@pytest.fixture
def world() -> Iterator[World]:
    with open_database(None) as database:
        Identity(database).add_user("admin", "Ada", "ada@example.com", admin=True)
        made = World(database)
        made.tracker.add_project("DEMO", "Demonstration", public=False)
        made.tracker.add_project("PUB", "Public", public=True)
        yield made


def project(world: World, key: str) -> Project:
    found = world.tracker.project(key)
    assert found is not None
    return found


def test_who_may_see_and_change(world: World) -> None:
    rights, demo, pub = Rights(world), project(world, "DEMO"), project(world, "PUB")
    sees = [rights.may(who, "BROWSE_PROJECTS", demo) for who in (NOBODY, USER, APP)]
    assert sees == [False, True, True]
    assert all(rights.may(who, "BROWSE_PROJECTS", pub) for who in (NOBODY, USER, APP))
    for each in (demo, pub):
        assert [rights.may(who, "EDIT_ISSUES", each) for who in (NOBODY, USER, APP)] == [
            False,
            True,
            True,
        ]


def test_an_administrator_may_more(world: World) -> None:
    rights, demo = Rights(world), project(world, "DEMO")
    (ada,) = world.people.users()
    admin = Actor(kind="user", account_id=ada.account_id)
    assert rights.role(admin) is Role.ADMIN
    assert rights.may(admin, "ADMINISTER_PROJECTS", demo)
    assert not rights.may(USER, "ADMINISTER_PROJECTS", demo)
