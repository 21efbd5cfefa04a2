from __future__ import annotations

from typing import Any

import pytest

from headway.host.shapes import document
from host.rest.conftest import Asker
from host.small_site import SmallSite

COMMENTS = "issue/DEMO-3/comment"


def test_a_comment_comes_changes_and_goes(ask: Asker) -> None:
    made = ask("POST", COMMENTS, {"body": "one", "properties": [{"key": "k", "value": 1}]}, 201)
    one = f"{COMMENTS}/{made['id']}"
    assert ask("GET", f"{one}?expand=properties")["properties"] == [{"key": "k", "value": 1}]
    assert ask("PUT", one, {"body": "two"})["body"] == "two"
    for_apps = {"type": "role", "value": "atlassian-addons-project-access"}
    changed = ask("PUT", one, {"visibility": for_apps})
    assert (changed["body"], changed["visibility"]["value"]) == ("two", for_apps["value"])
    assert ask("PUT", one, {"visibility": None}, 200)["body"] == "two"
    ask("DELETE", one, status=204)
    ask("GET", one, status=404)
    ask("GET", "issue/DEMO-1/comment/999", status=404)


def test_a_document_is_kept(ask: Asker) -> None:
    body = document("text") | {"version": 1}
    body["content"][0]["content"][0]["marks"] = [{"type": "strong"}]
    made = ask("POST", f"/rest/api/3/{COMMENTS}", {"body": body}, 201)
    assert made["body"] == body
    assert ask("GET", f"{COMMENTS}/{made['id']}")["body"] == "text"


def test_paging_and_order(ask: Asker) -> None:
    for number in range(5):
        ask("POST", COMMENTS, {"body": str(number)}, 201)

    def bodies(query: str) -> list[str]:
        found = ask("GET", f"{COMMENTS}?{query}")
        assert found["total"] == 5
        return [one["body"] for one in found["comments"]]

    assert bodies("maxResults=2&startAt=1") == ["1", "2"]
    assert bodies("orderBy=-created&maxResults=2") == ["4", "3"]
    assert bodies("orderBy=%2Bcreated") == ["0", "1", "2", "3", "4"]
    ask("GET", f"{COMMENTS}?orderBy=body", status=400)
    ask("GET", f"{COMMENTS}?startAt=-1", status=400)


@pytest.mark.parametrize(
    "body",
    [
        *({}, {"body": " "}, {"body": 1}, {"body": "x" * 32_768}),
        {"body": "a", "visibility": {"type": "role", "value": "No role"}},
        {"body": "a", "visibility": {"type": "group", "value": "no-group"}},
        {"body": "a", "visibility": "Users"},
    ],
)
def test_a_comment_that_is_none(ask: Asker, body: Any) -> None:
    assert ask("POST", COMMENTS, body, 400)["errors"]
    assert ask("GET", COMMENTS)["total"] == 0


@pytest.mark.parametrize("kept", [5, {}, ["k"], [{"key": "k"}], [{"key": "k" * 256, "value": 1}]])
def test_a_comment_is_not_half_made(ask: Asker, kept: Any) -> None:
    ask("POST", COMMENTS, {"body": "Read", "properties": kept}, 400)
    assert ask("GET", COMMENTS)["total"] == 0


def test_what_is_for_some_is_seen_by_them_alone(ask: Asker, site: SmallSite) -> None:
    group = site.world.people.group("site-admins")
    assert group is not None
    for_admins = {"type": "group", "identifier": group.group_id}
    made = ask("POST", COMMENTS, {"body": "a", "visibility": for_admins}, 201, "admin")
    assert made["visibility"]["value"] == "site-admins"
    one = f"{COMMENTS}/{made['id']}"
    ask("GET", one, who="admin")
    ask("GET", one, status=404, who="user")
    assert ask("GET", COMMENTS, who="user")["total"] == 0
    ids = {"ids": [made["id"], 999]}
    assert ask("POST", "comment/list", ids, who="user")["values"] == []
    assert len(ask("POST", "comment/list", ids, who="admin")["values"]) == 1
    ask("POST", "comment/list", {"ids": "1"}, 400)


def test_whose_comment_it_is(ask: Asker) -> None:
    theirs = ask("POST", COMMENTS, {"body": "a"}, 201, "admin")["id"]
    own = ask("POST", COMMENTS, {"body": "a"}, 201, "user")["id"]
    ask("PUT", f"{COMMENTS}/{theirs}", {"body": "b"}, 403, "user")
    ask("DELETE", f"{COMMENTS}/{theirs}", status=403, who="user")
    ask("PUT", f"{COMMENTS}/{own}", {"body": "b"}, 200, "user")
    ask("DELETE", f"{COMMENTS}/{own}", status=204, who="user")
    ask("DELETE", f"{COMMENTS}/{theirs}", status=401, who="nobody")
