from __future__ import annotations

from typing import Any

import pytest

from headway.host.rights import PERMISSIONS
from host.rest.conftest import Asker
from host.small_site import SmallSite


def test_every_permission(ask: Asker) -> None:
    assert set(ask("GET", "permissions")["permissions"]) == set(PERMISSIONS)


@pytest.mark.parametrize(
    ("who", "query", "have"),
    [
        ("user", "", {"BROWSE_PROJECTS", "EDIT_ISSUES"}),
        ("user", "&projectKey=DEMO", {"BROWSE_PROJECTS", "EDIT_ISSUES"}),
        ("user", "&issueKey=DEMO-1", {"BROWSE_PROJECTS", "EDIT_ISSUES"}),
        ("admin", "&projectId=1", {"BROWSE_PROJECTS", "EDIT_ISSUES", "ADMINISTER"}),
        ("nobody", "", {"BROWSE_PROJECTS"}),
        ("my-app", "", {"BROWSE_PROJECTS", "EDIT_ISSUES"}),
        ("admin-app", "", {"BROWSE_PROJECTS", "EDIT_ISSUES", "ADMINISTER"}),
    ],
)
def test_mine(ask: Asker, who: str, query: str, have: set[str]) -> None:
    keys = "BROWSE_PROJECTS,EDIT_ISSUES,ADMINISTER"
    found = ask("GET", f"mypermissions?permissions={keys}{query}", who=who)["permissions"]
    assert {key for key, one in found.items() if one["havePermission"]} == have
    assert set(found) == set(keys.split(","))


def test_mine_where_nothing_is(ask: Asker) -> None:
    ask("GET", "mypermissions", status=400)
    ask("GET", "mypermissions?permissions=NONE", status=400)
    ask("GET", "mypermissions?permissions=EDIT_ISSUES&issueKey=NONE-1", status=404)
    ask("GET", "mypermissions?permissions=EDIT_ISSUES&projectKey=NONE", status=404)
    ask("GET", "mypermissions?permissions=EDIT_ISSUES&issueKey=DEMO-1", status=401, who="nobody")


def check(**body: Any) -> dict[str, Any]:
    return body


def test_a_check_of_somebody(ask: Asker, site: SmallSite, uma: str) -> None:
    demo = {"projects": [1, 99], "issues": [1, 99], "permissions": ["EDIT_ISSUES", "DELETE_ISSUES"]}
    body = check(accountId=uma, globalPermissions=["ADMINISTER"], projectPermissions=[demo])
    found = ask("POST", "permissions/check", body)
    assert found["globalPermissions"] == []
    assert found["projectPermissions"] == [
        {"permission": "EDIT_ISSUES", "issues": [1], "projects": [1]},
        {"permission": "DELETE_ISSUES", "issues": [], "projects": []},
    ]
    assert ask("POST", "permissions/check", body, who="my-app") == found
    assert ask("POST", "permissions/check", body, who="user") == found  # it is herself
    ada = site.world.people.user("admin")
    assert ada is not None
    of_ada = {**body, "accountId": ada.account_id}
    assert ask("POST", "permissions/check", of_ada)["globalPermissions"] == ["ADMINISTER"]
    ask("POST", "permissions/check", of_ada, 403, "user")


def test_the_frameworks_check_without_credentials(ask: Asker, uma: str) -> None:
    """atlassian-connect-express asks for nobody's rights with no token at all."""
    body = check(globalPermissions=["ADMINISTER"], projectPermissions=[])
    found = ask("POST", "/rest/api/latest/permissions/check", body, who="nobody")
    assert found == {"globalPermissions": [], "projectPermissions": []}
    pub = {"projects": [1, 2], "permissions": ["BROWSE_PROJECTS"]}
    found = ask("POST", "permissions/check", check(projectPermissions=[pub]), who="nobody")
    assert found["projectPermissions"][0]["projects"] == [2]
    ask("POST", "permissions/check", {**body, "accountId": uma}, 401, "nobody")


@pytest.mark.parametrize(
    "body",
    [
        {"accountId": 1},
        {"globalPermissions": "ADMINISTER"},
        {"globalPermissions": ["NONE"]},
        {"globalPermissions": [1]},
        {"projectPermissions": {}},
        {"projectPermissions": [{"permissions": ["EDIT_ISSUES"], "projects": ["1"]}]},
        {"projectPermissions": [{"permissions": ["EDIT_ISSUES"], "issues": 1}]},
    ],
)
def test_a_check_that_is_none(ask: Asker, body: Any) -> None:
    ask("POST", "permissions/check", body, 400)


def test_where_i_may(ask: Asker) -> None:
    body = {"permissions": ["BROWSE_PROJECTS"]}
    found = ask("POST", "permissions/project", body, who="nobody")
    assert [one["key"] for one in found["projects"]] == ["PUB"]
    assert ask("POST", "permissions/project", {"permissions": ["DELETE_ISSUES"]}, who="user") == {
        "projects": []
    }
