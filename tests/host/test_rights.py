from __future__ import annotations

from collections.abc import Iterator

import pytest

from headway.host.database import open_database
from headway.host.gate import Actor
from headway.host.rights import GLOBAL, GRANTED, PERMISSIONS, Rights, Role
from headway.host.world import Project, World
from headway.host.world.people import ADMINS, EVERYBODY
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
        made.people.set_active(account(made, "gone"), active=False)
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
    world.people.set_member("leads", uma.account_id or "", member=True)
    assert rights.may(uma, "DELETE_ISSUES", demo)
    world.people.delete_group("leads")
    assert not rights.may(uma, "DELETE_ISSUES", demo)
    world.roles.set(demo.id, USERS, "group", EVERYBODY[0], given=False)
    assert not rights.may(uma, "BROWSE_PROJECTS", demo)
    assert rights.may(uma, "BROWSE_PROJECTS", project(world, "PUB"))


# ---- the wiki -------------------------------------------------------------------------------

WRITING = frozenset({"read", "create", "update", "delete"})
ALL = WRITING | {"administer"}


def test_what_somebody_may_do_in_a_space(world: World) -> None:
    rights = Rights(world, APPS.get)
    own = world.spaces.add_space("OWN", "Own", account(world, "uma"))
    public = world.spaces.add_space("OPEN", "Open", "u2", public=True)
    may = {name: rights.in_space(actor(world, name), own) for name in WHO}
    nobody: frozenset[str] = frozenset()
    assert may == {
        "nobody": nobody,
        "ghost": nobody,
        "gone": nobody,
        "uma": ALL,
        "pia": WRITING,
        "ada": ALL,
        "a1": ALL,
        "a2": ALL,
    }
    assert rights.in_space(NOBODY, public) == {"read"}
    assert rights.in_space(actor(world, "uma"), public) == WRITING
    assert [space.key for space in rights.spaces(NOBODY)] == ["OPEN"]
    assert [space.key for space in rights.spaces(actor(world, "a1"))] == ["OPEN", "OWN"]


def test_what_somebody_may_do_with_content(world: World) -> None:
    rights, uma, pia = Rights(world), account(world, "uma"), account(world, "pia")
    space = world.spaces.add_space("OPEN", "Open", pia, public=True)
    page = world.wiki.add_page(space.id, "Page", "", pia)
    comment = world.wiki.add_comment(page, "x", pia)
    assert rights.on_content(None, page) == {"read"}
    assert rights.on_content(uma, page) == WRITING
    world.marks.restrict(page, "update", frozenset({pia}))
    assert rights.on_content(uma, page) == {"read", "create"}
    assert rights.on_content(uma, comment) == {"read", "create"}
    world.marks.restrict(page, "read", frozenset({pia}))
    for who in (uma, account(world, "ada"), None):
        assert rights.on_content(who, page) == rights.on_content(who, comment) == frozenset()
    assert rights.on_content(pia, page) == ALL
    world.spaces.remove_space(space, pia)
    assert rights.on_content(pia, page) == frozenset()


@pytest.mark.parametrize(
    ("kind", "value", "sees"),
    [
        ("role", "Administrators", ["pia"]),
        ("role", "Users", ["uma", "pia", "ada"]),
        ("role", "atlassian-addons-project-access", ["a1", "a2"]),
        ("group", "site-admins", ["ada"]),
        ("role", "None", []),
    ],
)
def test_who_sees_what_is_for_some(world: World, kind: str, value: str, sees: list[str]) -> None:
    rights, issue = Rights(world, APPS.get), world.tracker.add_issue("DEMO", "One")
    views = {name: rights.view(actor(world, name)) for name in WHO}
    visibility = {"type": kind, "value": value}
    assert [name for name in WHO if views[name].remark(issue, visibility)] == sees
    assert all(view.remark(issue, None) for view in views.values())
    seen = [name for name in WHO if views[name].issue(issue) and views[name].issue(issue)]
    assert seen == ["uma", "pia", "ada", "a1", "a2"]
    world.tracker.delete_project(project(world, "DEMO").id)
    assert not rights.view(actor(world, "ada")).issue(issue)
    assert not views["pia"].remark(issue, {"type": "role", "value": "Users"})


def test_comments_that_are_for_some_only_are_hidden_from_others() -> None:
    with open_database(None) as database:
        world = World(database)
        demo = world.tracker.add_project("DEMO", "Demonstration", public=True)
        ann = world.people.add_user("ann", "Ann", "", admin=True)
        bob = world.people.add_user("bob", "Bob", "")
        issue = world.tracker.add_issue("DEMO", "It")
        say = world.tracker.add_comment
        open_one = say(issue.id, ann.account_id, "all")
        group = say(issue.id, ann.account_id, "g", visibility={"type": "group", "value": ADMINS})
        role = say(issue.id, ann.account_id, "r", visibility={"type": "role", "value": "Users"})
        rights = Rights(world, {"the-app": frozenset({"READ"})}.get)
        assert rights.hidden_comments(ann.account_id) == []
        assert rights.hidden_comments(bob.account_id) == [group.id]
        assert rights.hidden_comments("the-app") == [group.id, role.id]
        assert rights.hidden_comments(None) == [group.id, role.id]
        assert open_one.id not in rights.hidden_comments(None)
        assert demo.public
