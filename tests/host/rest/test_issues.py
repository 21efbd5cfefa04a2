from __future__ import annotations

from typing import Any

import pytest

from headway.host.rest.table import VERSIONS
from headway.host.shapes import document
from headway.host.world.fields import KINDS
from host.rest.conftest import Asker
from host.small_site import SmallSite

ANONYMOUS = "Client must be authenticated to access this resource."
NO_ISSUE = "Issue does not exist or you do not have permission to see it."


@pytest.mark.parametrize("version", VERSIONS)
def test_an_issue_by_key_or_id(site: SmallSite, version: str) -> None:
    by_key = site.ask_signed("GET", f"/rest/api/{version}/issue/DEMO-1")
    assert by_key.status == 200
    by_id = site.ask_signed("GET", f"/rest/api/{version}/issue/{by_key.json['id']}")
    assert by_id.json == by_key.json
    description = by_key.json["fields"]["description"]
    assert isinstance(description, dict if version == "3" else str)


def test_some_fields_of_an_issue(site: SmallSite) -> None:
    for query in ("fields=summary,status", "fields=summary&fields=status&updateHistory=true"):
        answer = site.ask_signed("GET", f"/rest/api/2/issue/DEMO-1?{query}")
        assert set(answer.json["fields"]) == {"summary", "status"}


def test_a_public_issue_is_for_everybody_and_a_private_one_is_not(site: SmallSite) -> None:
    assert site.ask("GET", "/rest/api/2/issue/PUB-1").status == 200
    assert site.ask("GET", "/rest/api/2/issue/PUB-1/comment").status == 200
    for key in ("DEMO-1", "NONE-1"):  # which of them exists is nobody's business
        for path in ("", "/comment"):
            answer = site.ask("GET", f"/rest/api/2/issue/{key}{path}")
            assert (answer.status, answer.message) == (401, ANONYMOUS)
            assert "JWT" in answer.headers["www-authenticate"]
    answer = site.ask_signed("GET", "/rest/api/2/issue/NONE-1")
    assert (answer.status, answer.message) == (404, NO_ISSUE)


@pytest.mark.parametrize(
    ("version", "description"),
    [("2", "new text"), ("latest", "new text"), ("3", document("new text"))],
)
def test_an_edit_is_told(site: SmallSite, version: str, description: Any) -> None:
    body = {"fields": {"summary": "New", "description": description}}
    answer = site.ask_signed("PUT", f"/rest/api/{version}/issue/DEMO-1", body)
    assert (answer.status, answer.body) == (204, b"")
    issue = site.world.tracker.issue("DEMO-1")
    assert issue is not None
    assert (issue.summary, issue.description) == ("New", "new text")
    assert [change.author for change in site.changes] == ["account-my-app"]
    assert (site.changes[0].event, site.changes[0].after) == ("jira:issue_updated", issue)


def test_a_description_can_be_emptied(site: SmallSite) -> None:
    body = {"fields": {"description": None}}
    assert site.ask_signed("PUT", "/rest/api/3/issue/DEMO-1", body).status == 204
    issue = site.world.tracker.issue("DEMO-1")
    assert issue is not None
    assert issue.description == ""


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[]", b"null", b"[" * 100_000, b"\xff"),
        {"fields": []},
        {"fields": {"status": "Done"}},
        {"fields": {"summary": ""}},
        {"fields": {"summary": 1}},
        {"fields": {"summary": "x" * 256}},
        {"fields": {"description": {"type": "text"}}},
    ],
)
def test_an_edit_that_is_none(site: SmallSite, body: Any) -> None:
    before = site.world.tracker.issue("DEMO-1")
    assert site.ask_signed("PUT", "/rest/api/3/issue/DEMO-1", body).status == 400
    assert site.world.tracker.issue("DEMO-1") == before
    assert site.changes == []


def test_a_body_is_bounded(site: SmallSite) -> None:
    assert site.ask_signed("PUT", "/rest/api/3/issue/DEMO-1", b"x" * 262_145).status == 413


def test_nobody_edits(site: SmallSite) -> None:
    for key in ("PUB-1", "DEMO-1"):
        body = {"fields": {"summary": "New"}}
        assert site.ask("PUT", f"/rest/api/3/issue/{key}", body=body).status == 401
        comment = {"body": "text"}
        assert site.ask("POST", f"/rest/api/2/issue/{key}/comment", body=comment).status == 401


NEW = {"project": {"key": "DEMO"}, "summary": "New one", "issuetype": {"name": "Task"}}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_new_issue(ask: Asker, version: str) -> None:
    made = ask("POST", f"/rest/api/{version}/issue", {"fields": NEW}, 201)
    assert made["self"].endswith(f"/rest/api/{version}/issue/{made['id']}")
    found = ask("GET", f"issue/{made['key']}")["fields"]
    assert (found["summary"], found["status"]["name"]) == ("New one", "To Do")
    assert found["creator"]["accountId"] == found["reporter"]["accountId"] == "account-admin-app"


def test_a_new_issue_with_all_that_comes_along(ask: Asker, site: SmallSite) -> None:
    body = {
        "fields": {**NEW, "labels": ["a"], "description": "text"},
        "update": {
            "comment": [{"add": {"body": "said"}}],
            "worklog": [{"add": {"timeSpent": "1h"}}],
            "issuelinks": [
                {"add": {"type": {"name": "Blocks"}, "outwardIssue": {"key": "DEMO-1"}}}
            ],
        },
        "properties": [{"key": "k", "value": {"a": 1}}],
    }
    made = ask("POST", "issue", body, 201)
    found = ask("GET", f"issue/{made['key']}?properties=k")
    assert found["properties"] == {"k": {"a": 1}}
    assert found["fields"]["comment"]["total"] == found["fields"]["worklog"]["total"] == 1
    assert found["fields"]["issuelinks"][0]["outwardIssue"]["key"] == "DEMO-1"


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {"project"}),
        ({"fields": []}, {"project"}),
        ({"fields": {"project": {"key": "NONE"}}}, {"project"}),
        ({"fields": {"project": {"key": "DEMO"}}}, {"summary", "issuetype"}),
        ({"fields": {**NEW, "issuetype": {"name": "Sub-task"}}}, {"parent"}),
        ({"fields": {**NEW, "summary": ""}}, {"summary"}),
    ],
)
def test_a_new_issue_that_can_not_be(ask: Asker, body: Any, errors: set[str]) -> None:
    assert set(ask("POST", "issue", body, 400)["errors"]) == errors
    assert len(ask("GET", "search?jql=project%3DDEMO&fields=key")["issues"]) == 6
    ask("POST", "issue", body, 401, "nobody")


@pytest.mark.parametrize(
    "more",
    [
        {"properties": {}},
        {"properties": [{"key": 1, "value": 1}]},
        {"properties": [{"key": "k"}]},
        {"properties": [{"key": "k", "value": 1}] * 11},
        {"properties": [{"key": "", "value": 1}]},
        {"properties": [{"key": "k" * 256, "value": 1}]},
        {"properties": [{"key": "k", "value": "v" * 32_768}]},
        {"update": {"comment": [{"add": {"body": ""}}]}},
        {"update": {"worklog": [{"add": {}}]}},
    ],
)
def test_nothing_is_half_done(ask: Asker, site: SmallSite, more: Any) -> None:
    before = len(site.world.tracker.issues())
    ask("POST", "issue", {"fields": NEW, **more}, 400)
    ask("PUT", "issue/DEMO-1", {"fields": {"summary": "New"}, **more}, 400)
    assert len(site.world.tracker.issues()) == before
    assert site.world.tracker.issue("DEMO-1").summary != "New"  # type: ignore[union-attr]


def test_many_at_once(ask: Asker) -> None:
    body = {"issueUpdates": [{"fields": NEW}, {"fields": {"project": {"key": "DEMO"}}}, "x"]}
    found = ask("POST", "issue/bulk", body, 201)
    assert [one["key"] for one in found["issues"]] == ["DEMO-7"]
    assert [one["failedElementNumber"] for one in found["errors"]] == [1, 2]
    assert "summary" in found["errors"][0]["elementErrors"]["errors"]
    ask("POST", "issue/bulk", {"issueUpdates": [{}]}, 400)
    ask("POST", "issue/bulk", {"issueUpdates": []}, 400)
    ask("POST", "issue/bulk", body, 401, "nobody")


def test_custom_fields_stay_beside_each_other(ask: Asker, site: SmallSite) -> None:
    kinds = [key for key in KINDS if key.endswith((":float", ":textfield"))]
    one, two = (site.world.fields.add(key[-5:], key).key for key in kinds)
    ask("PUT", "issue/DEMO-1", {"fields": {one: "a"}}, 204)
    ask("PUT", "issue/DEMO-1", {"fields": {two: 2}}, 204)
    fields = ask("GET", f"issue/DEMO-1?fields={one},{two}")["fields"]
    assert fields == {one: "a", two: 2}
    ask("PUT", "issue/DEMO-1", {"fields": {one: None}}, 204)
    assert site.world.tracker.issue("DEMO-1").custom == {two: 2}  # type: ignore[union-attr]


def test_an_edit_that_only_says_something(ask: Asker, site: SmallSite) -> None:
    before = site.world.tracker.issue("DEMO-3")
    body = {
        "update": {"comment": [{"add": {"body": "said"}}]},
        "properties": [{"key": "k", "value": 1}],
    }
    ask("PUT", "issue/DEMO-3", body, 204)
    assert site.world.tracker.issue("DEMO-3") == before
    assert ask("GET", "issue/DEMO-3/comment")["total"] == 1
    assert ask("GET", "issue/DEMO-3/properties/k")["value"] == 1


def test_who_works_on_it(ask: Asker, uma: str) -> None:
    ask("PUT", "issue/DEMO-1/assignee", {"accountId": uma}, 204)
    assert ask("GET", "issue/DEMO-1")["fields"]["assignee"]["accountId"] == uma
    ask("PUT", "issue/DEMO-1/assignee", {"accountId": None}, 204)
    assert ask("GET", "issue/DEMO-1")["fields"]["assignee"] is None
    ask("PUT", "issue/DEMO-1/assignee", {"accountId": "none"}, 400)


def test_the_workflow(ask: Asker, site: SmallSite) -> None:
    path = "issue/DEMO-2/transitions"
    steps = ask("GET", f"{path}?expand=transitions.fields")["transitions"]
    assert [(step["id"], step["to"]["name"]) for step in steps] == [
        ("21", "In Progress"),
        ("31", "Done"),
    ]
    assert [bool(step["fields"]) for step in steps] == [False, True]
    assert len(ask("GET", f"{path}?transitionId=31")["transitions"]) == 1
    assert ask("GET", "issue/PUB-1/transitions", who="nobody")["transitions"] == []
    for wanted in ({"id": "11"}, {"id": "x"}, {}, None, "21"):
        ask("POST", path, {"transition": wanted}, 400)
    body = {
        "transition": {"id": 31},
        "fields": {"resolution": {"name": "Duplicate"}, "labels": ["x"]},
        "update": {"comment": [{"add": {"body": "over"}}]},
    }
    ask("POST", path, {**body, "fields": {"resolution": {"name": "x"}}}, 400)
    ask("POST", path, {**body, "fields": {"resolution": "x"}}, 400)
    ask("POST", path, body, 204)
    fields = ask("GET", "issue/DEMO-2")["fields"]
    assert (fields["status"]["name"], fields["resolution"]["name"]) == ("Done", "Duplicate")
    assert fields["labels"] == ["x"]
    assert fields["comment"]["comments"][-1]["body"] == "over"
    (entry,) = ask("GET", "issue/DEMO-2/changelog")["values"]
    assert {item["field"] for item in entry["items"]} == {"status", "resolution", "labels"}


def test_an_issue_goes(ask: Asker, site: SmallSite) -> None:
    child = {**NEW, "issuetype": {"name": "Sub-task"}, "parent": {"key": "DEMO-1"}}
    made = ask("POST", "issue", {"fields": child}, 201)
    ask("DELETE", "issue/DEMO-1", status=403, who="user")
    assert "subtasks" in ask("DELETE", "issue/DEMO-1", status=400)["errorMessages"][0]
    ask("DELETE", "issue/DEMO-1?deleteSubtasks=true", status=204)
    for key in ("DEMO-1", made["key"]):
        ask("GET", f"issue/{key}", status=404)
    ask("DELETE", "issue/DEMO-2", status=204)


def test_what_may_be_edited(ask: Asker) -> None:
    assert "labels" in ask("GET", "issue/DEMO-1/editmeta")["fields"]
    assert ask("GET", "issue/PUB-1/editmeta", who="nobody") == {"fields": {}}


def test_more_of_an_issue(ask: Asker) -> None:
    found = ask("GET", "issue/DEMO-1?fields=summary&expand=names,renderedFields,changelog")
    assert found["names"] == {"summary": "Summary"}
    assert found["changelog"]["total"] == 0
