"""A new project; the components and versions of one, and issues that have them."""

from __future__ import annotations

import pytest

from headway.host.world import Project
from host.person import Person


def project(person: Person, key: str = "DEMO") -> Project:
    found = person.site.world.tracker.project(key)
    assert found is not None
    return found


def account(person: Person, name: str) -> str:
    found = person.site.world.people.user(name)
    assert found is not None
    return found.account_id


def test_an_administrator_creates_a_project(person: Person) -> None:
    person.log_in()
    assert 'href="/create-project"' in person.get("/").text
    assert "Create a project" in person.get("/create-project").text
    lead = account(person, "user")
    fields = {"key": "new", "name": "<b>New</b>", "lead": lead, "description": "d", "public": "yes"}
    answer = person.post("/create-project", **fields)
    assert (answer.status_code, answer.headers["location"]) == (303, "/projects/NEW")
    made = project(person, "NEW")
    assert (made.name, made.lead, made.description, made.public) == ("<b>New</b>", lead, "d", True)
    person.log_in("user")
    assert person.get("/projects/NEW/settings").status_code == 200  # its lead administers it


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"key": "1A"}, "A key has"),
        ({"key": "DEMO"}, "exists"),
        ({"name": "x"}, "2 to 80"),
        ({"lead": "nobody"}, "who leads"),
        ({"description": "x" * 2001}, "at most 2000"),
    ],
)
def test_what_no_project_can_be(person: Person, fields: dict[str, str], said: str) -> None:
    person.log_in()
    first = {"key": "AB", "name": "Kept name", "lead": account(person, "user")}
    answer = person.post("/create-project", **{**first, **fields})
    assert (answer.status_code, said in answer.text) == (400, True)
    assert person.site.world.tracker.project("AB") is None


def test_only_administrators_create_projects(person: Person) -> None:
    person.log_in("project-admin")
    assert 'href="/create-project"' not in person.get("/").text
    assert person.get("/create-project").status_code == 403
    assert person.post("/create-project", key="AB", name="Ab").status_code == 403


def test_components(person: Person) -> None:
    person.log_in("project-admin")
    parts = person.site.world.components
    answer = person.post("/projects/DEMO/components", name="API", description="d", lead="")
    assert answer.headers["location"] == "/projects/DEMO/settings#components"
    (made,) = parts.components(project(person).id)
    assert (made.name, made.description, made.lead) == ("API", "d", None)
    path = f"/projects/DEMO/components/{made.id}"
    assert path in person.get("/projects/DEMO/settings").text
    person.post(path, name="Back <end>", description="", lead=account(person, "user"))
    (made,) = parts.components(project(person).id)
    assert (made.name, made.lead) == ("Back <end>", account(person, "user"))
    page = person.get("/projects/DEMO/settings").text
    assert "Back &lt;end&gt;" in page
    assert "Back <end>" not in page
    person.post("/projects/DEMO/components", name="API")
    for where, fields in (
        ("/projects/DEMO/components", {"name": "API"}),
        ("/projects/DEMO/components", {"name": ""}),
        ("/projects/DEMO/components", {"name": "x", "lead": "nobody"}),
        (path, {"name": "API"}),
        (path, {"name": "x", "description": "x" * 2001}),
    ):
        answer = person.post(where, **fields)
        assert answer.status_code == 400
        assert 'role="alert"' in answer.text
    assert person.post(f"{path}/delete").status_code == 303
    assert person.post(f"{path}/delete").status_code == 404
    assert [one.name for one in parts.components(project(person).id)] == ["API"]


def test_versions(person: Person) -> None:
    person.log_in("project-admin")
    parts = person.site.world.components
    first = {"name": "1.0", "start_date": "2022-01-01", "release_date": "2022-02-01"}
    assert person.post("/projects/DEMO/versions", **first).status_code == 303
    (made,) = parts.versions(project(person).id)
    assert (made.start_date, made.release_date, made.released) == (
        *("2022-01-01", "2022-02-01"),
        False,
    )
    path = f"/projects/DEMO/versions/{made.id}"
    person.post(path, name="1.0", released="yes", archived="yes")
    (made,) = parts.versions(project(person).id)
    assert (made.start_date, made.released, made.archived) == (None, True, True)
    assert "archived" in person.get("/projects/DEMO/settings").text
    person.post("/projects/DEMO/versions", name="2.0")
    for where, fields in (
        ("/projects/DEMO/versions", {"name": "1.0"}),
        ("/projects/DEMO/versions", {"name": "3", "start_date": "1 Feb"}),
        (path, {"name": "2.0"}),
        (path, {"name": ""}),
    ):
        assert person.post(where, **fields).status_code == 400
    assert person.post(f"{path}/delete").status_code == 303
    assert person.post(f"{path}/delete").status_code == 404


def test_parts_are_their_projects_and_its_administrators(person: Person) -> None:
    components = person.site.world.components
    other = components.add_component(project(person, "PUB").id, "Foreign")
    version = components.add_version(project(person, "PUB").id, "9")
    person.log_in("project-admin")
    for path in (f"components/{other.id}", f"versions/{version.id}"):
        assert person.post(f"/projects/DEMO/{path}", name="mine").status_code == 404
        assert person.post(f"/projects/DEMO/{path}/delete").status_code == 404
        assert person.post(f"/projects/PUB/{path}", name="mine").status_code == 404
    person.log_in("user")
    for path in ("components", "versions"):
        assert person.post(f"/projects/DEMO/{path}", name="x").status_code == 404


def test_an_issue_has_them(person: Person) -> None:
    components, tracker = person.site.world.components, person.site.world.tracker
    demo = project(person)
    api, web = (components.add_component(demo.id, name) for name in ("API", "Web"))
    version = components.add_version(demo.id, "1.0")
    person.log_in("user")
    path = "/browse/DEMO-1/edit"
    assert person.post(path, components="Web, API,Web", fix_versions="1.0").status_code == 303
    issue = tracker.issue("DEMO-1")
    assert issue is not None
    assert (issue.components, issue.fix_versions) == ([web.id, api.id], [version.id])
    assert 'value="Web, API"' in person.get("/browse/DEMO-1").text
    answer = person.post(path, components="Wbe")
    assert (answer.status_code, "is none of the project&#39;s" in answer.text) == (400, True)
    assert person.post(path, components="", fix_versions="").status_code == 303
    issue = tracker.issue("DEMO-1")
    assert issue is not None
    assert (issue.components, issue.fix_versions) == ([], [])
