"""A project's page and its settings."""

from __future__ import annotations

from typing import Any

import pytest

from headway.host.world import Project
from host.person import Person
from host.placed import install, module


def demo(person: Person) -> Project:
    found = person.site.world.tracker.project("DEMO")
    assert found is not None
    return found


def account(person: Person, name: str = "user") -> str:
    found = person.site.world.people.user(name)
    assert found is not None
    return found.account_id


def test_a_project_and_its_settings(person: Person) -> None:
    modules: dict[str, Any] = {
        "jiraProjectPages": [module("pages")],
        "jiraProjectAdminTabPanels": [module("tabs", location="projectgroup4")],
        "webPanels": [module("panel", location="atl.jira.proj.summary")],
    }
    install(person.site.jira, modules)
    assert person.get("/projects/DEMO").status_code == 303
    assert "PUB-1" in person.get("/projects/PUB").text
    assert person.get("/projects/PUB/settings").status_code == 303
    person.log_in("user")
    page = person.get("/projects/DEMO").text
    assert "/plugins/servlet/ac/my-app/pages?project.key=DEMO" in page
    assert 'data-module-key="panel"' in page
    assert "/projects/DEMO/settings" not in page
    assert person.get("/projects/NONE").status_code == 404
    assert person.get("/projects/DEMO/settings").status_code == 404
    person.log_in("admin")
    assert "/projects/DEMO/settings" in person.get("/projects/DEMO").text
    assert "/plugins/servlet/ac/my-app/tabs" in person.get("/projects/DEMO/settings").text


def test_a_project_shows_its_issues_by_the_page(person: Person) -> None:
    tracker = person.site.world.tracker
    tracker.edit_project(demo(person).id, description="<b>What for</b>", lead=account(person))
    for number in range(30):
        tracker.add_issue("DEMO", f"Number {number}")
    person.log_in("user")
    text = person.get("/projects/DEMO").text
    assert "1 to 25 of 36" in text
    assert "PUB-1" not in text
    assert 'href="/projects/DEMO?start=25"' in text
    assert "&lt;b&gt;What for" in text
    assert "Led by" in text
    assert "26 to 36 of 36" in person.get("/projects/DEMO?start=25").text


def test_a_project_without_issues(person: Person) -> None:
    person.site.world.tracker.add_project("NEW", "New one", public=True)
    text = person.get("/projects/NEW").text
    assert "There are none" in text
    assert "Create an issue" not in text


def test_roles_are_given_and_taken(person: Person) -> None:
    person.log_in("admin")
    roles, project = person.site.world.roles, demo(person)
    holder, path = f"user:{account(person)}", "/projects/DEMO/roles"
    assert person.post(path, role="10002", holder=holder, given="yes").status_code == 303
    assert 10002 in roles.of(account(person), project.id)
    assert "Take Uma User out of Administrators" in person.get("/projects/DEMO/settings").text
    person.log_in("user")  # who administers the project by now
    group = "group:confluence-users"
    assert person.post(path, role="10000", holder=group, given="yes").status_code == 303
    assert "confluence-users" in [one.holder for one in roles.actors(project.id, 10000)]
    assert person.post(path, role="10002", holder=holder, given="no").status_code == 303
    assert 10002 not in roles.of(account(person), project.id)
    assert person.post(path, role="10002", holder=holder, given="yes").status_code == 404


@pytest.mark.parametrize(
    ("role", "holder"),
    [
        ("10003", "group:site-admins"),  # nobody can be put among the apps
        ("x", "group:site-admins"),
        ("10002", "user:user"),  # a name is no account id
        ("10002", "user:none"),
        ("10002", "group:none"),
        ("10002", "site-admins"),
    ],
)
def test_a_role_that_can_not_be_given(person: Person, role: str, holder: str) -> None:
    person.log_in("admin")
    answer = person.post("/projects/DEMO/roles", role=role, holder=holder, given="yes")
    assert answer.status_code == 400
