from __future__ import annotations

from headway.host.world import World
from host.shapes.conftest import Write
from host.small_site import SmallSite


def test_a_user(world: World, write: Write) -> None:
    (uma,) = world.people.users()
    shapes = write()
    shape = shapes.person(uma.account_id)
    assert (shape["displayName"], shape["active"], shape["accountType"]) == (
        *("Uma User", True),
        "atlassian",
    )
    assert "email" not in str(shape).lower()
    world.people.set_active(uma.account_id, active=False)
    assert shapes.person(uma.account_id) == shape  # asked for once
    assert write().person(uma.account_id)["active"] is False
    assert write().someone(None) is None
    assert write().someone(uma.account_id)["accountId"] == uma.account_id


def test_the_user_that_an_app_acts_as(write: Write) -> None:
    site = SmallSite()
    site.add_app("my-app")
    person = write(apps=site.jira.apps).person("account-my-app")
    assert (person["accountType"], person["displayName"]) == ("app", "My-App")
    assert write(apps=site.jira.apps).person("gone")["displayName"] == "Former app"
    assert write().person("gone")["displayName"] == "Former app"


def test_a_group(world: World, write: Write) -> None:
    made = world.people.add_group("writers")
    assert write().group(made)["name"] == "writers"
    assert write().group(made)["groupId"] == made.group_id
