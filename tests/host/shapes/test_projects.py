from __future__ import annotations

from headway.host.world import World
from headway.host.world.roles import ADMINISTRATORS, USERS
from host.shapes.conftest import Write


def test_a_project_in_a_list_and_by_itself(world: World, write: Write) -> None:
    project = world.tracker.projects()[0]
    shapes = write()
    assert "lead" not in shapes.project(project)
    assert shapes.project(project, ("lead",))["lead"]["displayName"] == "Uma User"
    project = world.tracker.edit_project(project.id, url="http://x", description="text")
    component = world.components.add_component(project.id, "Back end", lead=project.lead)
    version = world.components.add_version(project.id, "1.0", release_date="2022-02-01")
    whole = shapes.whole_project(project)
    assert (whole["url"], whole["description"]) == ("http://x", "text")
    assert [one["id"] for one in whole["components"]] == [str(component.id)]
    assert whole["components"][0]["lead"]["displayName"] == "Uma User"
    assert [one["id"] for one in whole["versions"]] == [str(version.id)]
    assert whole["versions"][0]["releaseDate"] == "2022-02-01"
    assert "startDate" not in whole["versions"][0]
    assert whole["roles"]["Administrators"].endswith(f"/project/{project.id}/role/10002")
    assert whole["isPrivate"] is True
    bare = world.components.add_component(project.id, "Front end")
    assert "lead" not in shapes.component(bare, project)


def test_a_project_without_a_lead(world: World, write: Write) -> None:
    made = world.tracker.add_project("NEW", "New", public=True)
    whole = write().whole_project(made)
    assert "lead" not in whole
    assert "url" not in whole


def test_roles(world: World, write: Write) -> None:
    project = world.tracker.projects()[0]
    (users,) = write().role(USERS, project)["actors"]
    (lead,) = write().role(ADMINISTRATORS, project)["actors"]
    assert users["type"] == "atlassian-group-role-actor"
    assert users["actorGroup"]["name"] == "jira-software-users"
    assert lead["type"] == "atlassian-user-role-actor"
    assert lead["displayName"] == "Uma User"
