from __future__ import annotations

import pytest

from headway.host.world.properties import VALUE_MAX
from host.rest.conftest import Asker
from host.small_site import SmallSite

PLACES = {
    "issue": "issue/DEMO-1/properties",
    "project": "project/DEMO/properties",
    "comment": "comment/1/properties",
    "worklog": "issue/DEMO-1/worklog/1/properties",
    "user": "user/properties",
    "app": "/rest/atlassian-connect/latest/addons/admin-app/properties",
    "app of Confluence": "/wiki/rest/atlassian-connect/1/addons/admin-app/properties",
}


@pytest.fixture(autouse=True)
def _work(site: SmallSite) -> None:
    site.world.worklogs.add(1, "somebody", 60)


@pytest.mark.parametrize("place", [name for name in PLACES if "Confluence" not in name])
def test_a_property_comes_changes_and_goes(ask: Asker, place: str) -> None:
    path = PLACES[place]
    ask("PUT", f"{path}/my.key", {"a": [1, None]}, 201)
    ask("PUT", f"{path}/my.key", "text", 200)
    assert ask("GET", f"{path}/my.key") == {"key": "my.key", "value": "text"}
    (key,) = ask("GET", path)["keys"]
    assert (key["key"], key["self"].endswith("/properties/my.key")) == ("my.key", True)
    ask("DELETE", f"{path}/my.key", status=204)
    ask("DELETE", f"{path}/my.key", status=404)
    ask("GET", f"{path}/my.key", status=404)
    assert ask("GET", path)["keys"] == []


@pytest.mark.parametrize("place", ["issue", "app"])
def test_what_is_no_property(ask: Asker, place: str) -> None:
    path = PLACES[place]
    for body in (b"", b"{", b"nothing", b'"' + b"x" * VALUE_MAX + b'"'):
        ask("PUT", f"{path}/k", body, 400)
    ask("PUT", f"{path}/{'k' * 256}", 1, 400)
    ask("PUT", f"{path}/{'k' * 128}", 1, 400 if place == "app" else 201)


def test_properties_of_issues_are_told(ask: Asker, site: SmallSite) -> None:
    told: list[tuple[str, str | None]] = []
    site.world.listeners.append(lambda change: told.append((change.event, change.author)))
    ask("PUT", "issue/DEMO-1/properties/k", 1, 201)
    ask("DELETE", "issue/DEMO-1/properties/k", status=204)
    assert told == [
        ("issue_property_set", "account-admin-app"),
        ("issue_property_deleted", "account-admin-app"),
    ]


def test_one_app_reaches_not_what_another_keeps(ask: Asker, site: SmallSite) -> None:
    path = PLACES["app"]
    ask("PUT", f"{path}/k", 1, 201)
    for who, status in (("my-app", 404), ("nothing", 404), ("nobody", 401), ("admin", 401)):
        ask("GET", path, status=status, who=who)
        ask("GET", f"{path}/k", status=status, who=who)
        ask("PUT", f"{path}/k", 2, status, who)
        ask("DELETE", f"{path}/k", status=status, who=who)
    assert ask("GET", f"{path}/k")["value"] == 1
    cookie, session = site.log_in()
    page = {"Cookie": cookie, "X-Headway-CSRF": session.csrf, "AP-Client-Key": "admin-app"}
    assert site.ask("GET", f"{path}/k", page).json["value"] == 1
    assert site.ask("GET", f"{path}/k", {**page, "AP-Client-Key": "my-app"}).status == 404
    named = {"AP-Client-Key": "admin-app"}  # anybody can name an app
    assert site.ask("GET", f"{path}/k", named).status == 401


def test_what_an_app_keeps_needs_no_scope(ask: Asker) -> None:
    path = PLACES["app"].replace("admin-app", "nothing")
    ask("PUT", f"{path}/k", 1, 201, "nothing")
    assert ask("GET", f"{path}/k", who="nothing")["value"] == 1


def test_each_product_has_its_own(ask: Asker, site: SmallSite) -> None:
    ask("PUT", f"{PLACES['app']}/k", 1, 201)
    path = PLACES["app of Confluence"]
    token = site.token("GET", path.removeprefix("/wiki"), "admin-app")
    answer = site.ask("GET", path, {"Authorization": f"JWT {token}"})
    assert (answer.status, answer.json["keys"]) == (200, [])


def test_who_may_change_what(ask: Asker, site: SmallSite, uma: str) -> None:
    for place, status in (("project", 403), ("comment", 403), ("worklog", 403)):
        ask("GET", PLACES[place], who="user")
        ask("PUT", f"{PLACES[place]}/k", 1, status, "user")
    own = site.world.tracker.add_comment(1, uma, "own")
    work = site.world.worklogs.add(1, uma, 60)
    ask("PUT", f"comment/{own.id}/properties/k", 1, 201, "user")
    ask("PUT", f"issue/DEMO-1/worklog/{work.id}/properties/k", 1, 201, "user")
    ask("PUT", "user/properties/k", 1, 201, "user")
    assert ask("GET", f"user/properties/k?accountId={uma}", who="admin")["value"] == 1
    ada = site.world.people.user("admin")
    assert ada is not None
    ask("PUT", f"user/properties/k?accountId={ada.account_id}", 1, 403, "user")
    ask("GET", f"user/properties?accountId={ada.account_id}", status=403, who="user")
    ask("GET", f"user/properties?accountId={ada.account_id}", who="reader")
    ask("GET", "user/properties?accountId=none", status=404, who="admin")
    ask("GET", "user/properties", status=401, who="nobody")
    for path in ("issue/DEMO-2/worklog/1/properties", "comment/999/properties"):
        ask("GET", path, status=404)
