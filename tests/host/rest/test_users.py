from __future__ import annotations

import pytest

from host.rest.conftest import Asker
from host.small_site import SmallSite


def test_users_and_the_users_of_apps(ask: Asker, uma: str) -> None:
    found = ask("GET", f"user?accountId={uma}&expand=groups,applicationRoles", who="user")
    assert found["displayName"] == "Uma User"
    assert {one["name"] for one in found["groups"]["items"]} == {
        *("jira-software-users", "confluence-users"),
    }
    assert ask("GET", "user?accountId=account-my-app")["accountType"] == "app"
    assert [
        one["accountId"] for one in ask("GET", f"user/bulk?accountId={uma}&accountId=x")["values"]
    ] == [uma]
    assert [one["name"] for one in ask("GET", f"user/groups?accountId={uma}")] == sorted(
        ["jira-software-users", "confluence-users"]
    )


@pytest.mark.parametrize(
    ("path", "status"),
    [
        *(("user", 400), ("user?accountId=none", 404), ("user?accountId=user", 404)),
        *(("user/bulk", 400), ("user/search", 400), ("user/assignable/search", 400)),
        *(("user/assignable/search?project=NONE", 404), ("group", 400)),
        ("group?groupname=none", 404),
    ],
)
def test_who_is_not_there(ask: Asker, path: str, status: int) -> None:
    ask("GET", path, status=status)


def test_who_could_work_on_what_can_not_be_seen_is_not_told(ask: Asker, site: SmallSite) -> None:
    hidden = site.world.tracker.add_project("SECRET", "Hidden", public=False)
    for role in (10000, 10001, 10002):
        for actor in site.world.roles.actors(hidden.id, role):
            site.world.roles.set(hidden.id, role, actor.kind, actor.holder, given=False)
    issue = site.world.tracker.add_issue("SECRET", "Hidden")
    told = [
        ask("GET", f"user/assignable/search?issueId={number}&query=a", status=400, who="user")
        for number in (issue.id, 999_999)
    ]
    assert told[0] == told[1]


def test_nobody_sees_anybody(ask: Asker, uma: str) -> None:
    for path in (
        *(f"user?accountId={uma}", "user/search?query=u", "users", f"user/bulk?accountId={uma}"),
        *("user/assignable/search?project=PUB", "user/picker?query=u", "groups/picker"),
        *("group/bulk", "group/member?groupname=site-admins", f"user/groups?accountId={uma}"),
    ):
        ask("GET", path, status=401, who="nobody")
    ask("GET", f"user/email?accountId={uma}", status=401, who="nobody")


def test_a_search(ask: Asker, site: SmallSite, uma: str) -> None:
    def names(path: str) -> list[str]:
        return [one["displayName"] for one in ask("GET", path)]

    assert names("user/search?query=uma") == names("user/search?username=USER") == ["Uma User"]
    assert names(f"user/search?accountId={uma}") == ["Uma User"]
    assert names("user/search?query=nobody") == []
    assert len(names("user/search?query=a&maxResults=1")) == 1
    assert names("user/assignable/search?issueKey=DEMO-1&query=uma") == ["Uma User"]
    assert len(names("user/assignable/search?project=DEMO")) == 4
    picked = ask("GET", "user/picker?query=uma")
    assert (picked["total"], picked["users"][0]["accountId"]) == (1, uma)
    assert picked["header"] == "Showing 1 of 1 matching users"
    site.world.people.set_active(uma, active=False)
    assert names("user/search?query=uma") == []
    assert len(ask("GET", "users", who="admin")) == 5


def test_users_come_and_go(ask: Asker, site: SmallSite, uma: str) -> None:
    body = {"emailAddress": "n@example.com", "displayName": "New"}
    ask("POST", "user", body, 403, "user")
    made = ask("POST", "user", body, 201, "admin")["accountId"]
    assert "n@example.com" in site.identity.first_passwords
    ask("POST", "user", body, 400, "admin")
    ask("POST", "user", {"emailAddress": "x"}, 400, "admin")
    ask("DELETE", f"user?accountId={made}", status=204, who="admin")
    ask("DELETE", "user?accountId=account-my-app", status=400, who="admin")
    me = ask("GET", "myself", who="admin")["accountId"]
    ask("DELETE", f"user?accountId={me}", status=400, who="admin")
    ask("DELETE", f"user?accountId={uma}", status=403, who="user")


def test_addresses_are_for_who_was_granted_them(ask: Asker, site: SmallSite, uma: str) -> None:
    site.add_app("mailer", "ACCESS_EMAIL_ADDRESSES")
    found = ask("GET", f"user/email?accountId={uma}", who="mailer")
    assert found == {"accountId": uma, "email": "uma@example.com"}
    assert ask("GET", "user/email?accountId=account-my-app", who="mailer")["email"] == ""
    ask("GET", f"user/email?accountId={uma}", status=403, who="my-app")
    ask("GET", f"user/email?accountId={uma}", status=403, who="user")
    assert "uma@" not in str(ask("GET", f"user?accountId={uma}"))


def test_groups_come_and_go(ask: Asker, uma: str) -> None:
    made = ask("POST", "group", {"name": "writers"}, 201, "admin")
    assert made["name"] == "writers"
    ask("POST", "group", {"name": "writers"}, 400, "admin")
    ask("POST", "group", {}, 400, "admin")
    ask("POST", "group/user?groupname=writers", {"accountId": uma}, 201, "admin")
    ask("POST", "group/user?groupname=writers", {"accountId": "none"}, 404, "admin")
    members = ask("GET", "group/member?groupname=writers", who="admin")
    assert [one["accountId"] for one in members["values"]] == [uma]
    ask("GET", "group/member?groupname=writers", status=403, who="user")
    found = ask("GET", "groups/picker?query=WRI", who="user")
    assert [one["name"] for one in found["groups"]] == ["writers"]
    some = ask("GET", "group/bulk?groupName=writers")["values"]
    assert some == [{"name": "writers", "groupId": found["groups"][0]["groupId"]}]
    assert ask("GET", "group?groupname=writers", who="admin")["name"] == "writers"
    ask("DELETE", f"group/user?groupname=writers&accountId={uma}", status=200, who="admin")
    ask("DELETE", "group?groupname=writers", status=200, who="admin")
    ask("GET", "group?groupname=writers", status=404, who="admin")
