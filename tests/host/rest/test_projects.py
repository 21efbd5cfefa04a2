from __future__ import annotations

from typing import Any

import pytest

from host.rest.conftest import Asker
from host.small_site import SmallSite


def new(ask: Asker, uma: str, key: str = "NEW", **more: Any) -> Any:
    body = {"key": key, "name": f"{key} one", "leadAccountId": uma, **more}
    return ask("POST", "project", body, 201, "admin")


def test_a_project_comes_changes_and_goes(ask: Asker, uma: str) -> None:
    made = new(ask, uma, description="text")
    assert made["self"].endswith(f"/project/{made['id']}")
    found = ask("GET", f"project/{made['id']}", who="user")
    assert (found["key"], found["lead"]["accountId"]) == ("NEW", uma)
    body = {"name": "Newer", "assigneeType": "PROJECT_LEAD", "lead": None}
    changed = ask("PUT", "project/NEW", body, 200, "user")  # who leads it administers it
    assert (changed["name"], changed["assigneeType"], "lead" in changed) == (
        *("Newer", "PROJECT_LEAD"),
        False,
    )
    ask("DELETE", "project/NEW", status=403, who="user")
    ask("DELETE", "project/NEW", status=204, who="admin")
    ask("GET", "project/NEW", status=404)
    ask("GET", "project/NEW", status=401, who="nobody")


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {"projectKey", "projectName", "projectLead"}),
        ({"key": "x"}, {"projectKey", "projectName", "projectLead"}),
        ({"key": "NEW", "name": "New", "leadAccountId": "none"}, {"projectLead"}),
        ({"key": "NEW", "name": "New", "leadAccountId": 1}, {"projectLead"}),
        ({"key": "DEMO", "name": "New", "leadAccountId": "uma"}, {"projectKey"}),
        ({"key": "NEW", "name": "x", "leadAccountId": "uma"}, {"projectKey"}),
    ],
)
def test_a_project_that_can_not_be(ask: Asker, uma: str, body: Any, errors: set[str]) -> None:
    if body.get("leadAccountId") == "uma":
        body = {**body, "leadAccountId": uma}
    assert set(ask("POST", "project", body, 400, "admin")["errors"]) == errors
    ask("POST", "project", body, 403, "user")


@pytest.mark.parametrize(
    "body",
    [
        *({"key": "OTHER"}, {"name": 1}, {"name": ""}, {"description": 1}),
        *({"assigneeType": "x"}, {"leadAccountId": "none"}),
    ],
)
def test_an_edit_that_is_none(ask: Asker, site: SmallSite, body: Any) -> None:
    before = site.world.tracker.project("DEMO")
    ask("PUT", "project/DEMO", body, 400, "admin")
    assert site.world.tracker.project("DEMO") == before
    ask("PUT", "project/DEMO", {"name": "New"}, 403, "user")


def test_lists_have_what_may_be_seen(ask: Asker, uma: str) -> None:
    def keys(path: str, who: str = "user") -> list[str]:
        found = ask("GET", path, who=who)
        return [one["key"] for one in (found if isinstance(found, list) else found["values"])]

    assert keys("project") == keys("project/search") == ["DEMO", "PUB"]
    assert keys("project", "nobody") == keys("project/search", "nobody") == ["PUB"]
    assert keys("project/search?query=NOTICES") == keys("project/search?keys=PUB") == ["PUB"]
    assert keys("project/search?orderBy=-key") == ["PUB", "DEMO"]
    assert keys("project/search?orderBy=%2Bname&maxResults=1") == ["DEMO"]
    ask("GET", "project/search?orderBy=x", status=400)
    page = ask("GET", "project/search?maxResults=1&startAt=1")
    assert (page["total"], page["isLast"], page["self"][:34]) == (
        *(2, True),
        "http://localhost:2990/rest/api/2/p",
    )


def test_properties_come_along_where_asked_for(ask: Asker) -> None:
    ask("PUT", "project/DEMO/properties/k", {"a": 1}, 201)
    assert ask("GET", "project/DEMO?properties=k")["properties"] == {"k": {"a": 1}}
    assert ask("GET", "project/DEMO?properties=*all")["properties"] == {"k": {"a": 1}}
    assert ask("GET", "project/DEMO")["properties"] == {}


def test_what_is_known_of_a_project(ask: Asker) -> None:
    kinds = ask("GET", "project/DEMO/statuses")
    assert {one["name"] for one in kinds[0]["statuses"]} == {"To Do", "In Progress", "Done"}
    assert ask("GET", "project/type")[0]["key"] == "software"


def test_roles(ask: Asker, site: SmallSite, uma: str) -> None:
    assert set(ask("GET", "project/DEMO/role")) == {
        *("Users", "Administrators", "atlassian-addons-project-access"),
    }
    assert [one["id"] for one in ask("GET", "role")] == [10000, 10002, 10003]
    role = "project/DEMO/role/10002"
    ask("POST", role, {"user": [uma]}, 403, "user")
    assert len(ask("POST", role, {"user": [uma]}, 200)["actors"]) == 2  # beside whom it had
    ask("PUT", "project/DEMO", {"description": "mine"}, 200, "user")
    group = site.world.people.group("site-admins")
    assert group is not None
    actors = {"categorisedActors": {"atlassian-group-role-actor-id": [group.group_id]}}
    assert [one["name"] for one in ask("PUT", role, actors, 200)["actors"]] == ["site-admins"]
    ask("PUT", "project/DEMO", {"description": "mine"}, 403, "user")
    ask("DELETE", f"{role}?group=site-admins", status=204)
    assert ask("GET", role)["actors"] == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "project/DEMO/role/1", b"", 404),
        ("GET", "project/DEMO/role/x", b"", 404),
        ("POST", "project/DEMO/role/10003", {"user": ["x"]}, 400),
        ("POST", "project/DEMO/role/10002", {"user": "x"}, 400),
        ("POST", "project/DEMO/role/10002", {"user": ["x"]}, 404),
        ("POST", "project/DEMO/role/10002", {"group": ["x"]}, 404),
        ("PUT", "project/DEMO/role/10002", {"categorisedActors": []}, 400),
        ("DELETE", "project/DEMO/role/10002", b"", 400),
    ],
)
def test_a_role_that_is_none(ask: Asker, method: str, path: str, body: Any, status: int) -> None:
    ask(method, path, body, status)
