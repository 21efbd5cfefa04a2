from __future__ import annotations

from headway.host.world import World
from headway.host.world.people import EVERYBODY
from headway.host.world.roles import ADMINISTRATORS, ROLES, USERS


def test_every_user_works_in_a_new_project_and_its_lead_administers_it(world: World) -> None:
    pia = world.people.add_user("pia", "Pia", "p@example.com")
    uma = world.people.add_user("uma", "Uma", "u@example.com")
    project = world.tracker.add_project("NEW", "New", public=False, lead=pia.account_id)
    assert world.roles.of(pia.account_id, project.id) == {USERS, ADMINISTRATORS}
    assert world.roles.of(uma.account_id, project.id) == {USERS}
    assert world.roles.of("nobody", project.id) == frozenset()
    (group,) = world.roles.actors(project.id, USERS)
    (lead,) = world.roles.actors(project.id, ADMINISTRATORS)
    assert (group.kind, group.holder) == ("group", EVERYBODY[0])
    assert (lead.kind, lead.holder) == ("user", pia.account_id)


def test_a_role_is_given_and_taken(world: World) -> None:
    uma = world.people.add_user("uma", "Uma", "u@example.com")
    project = world.tracker.add_project("NEW", "New", public=False)
    assert world.roles.set(project.id, ADMINISTRATORS, "user", uma.account_id)
    assert not world.roles.set(project.id, ADMINISTRATORS, "user", uma.account_id)
    assert ADMINISTRATORS in world.roles.of(uma.account_id, project.id)
    assert world.roles.set(project.id, ADMINISTRATORS, "user", uma.account_id, given=False)
    assert not world.roles.set(project.id, ADMINISTRATORS, "user", uma.account_id, given=False)
    assert world.roles.set(project.id, USERS, "group", EVERYBODY[0], given=False)
    assert world.roles.of(uma.account_id, project.id) == frozenset()
    assert all(name and text for name, text in ROLES.values())
