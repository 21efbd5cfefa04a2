from __future__ import annotations

from typing import Any

import pytest

from headway.host.rest.table import VERSIONS
from headway.host.shapes import document
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


@pytest.mark.parametrize(("version", "body"), [("2", "hello"), ("3", document("hello"))])
def test_a_comment(site: SmallSite, version: str, body: Any) -> None:
    path = f"/rest/api/{version}/issue/DEMO-3/comment"
    answer = site.ask_signed("POST", path, {"body": body})
    assert answer.status == 201
    assert answer.json["body"] == body
    assert answer.json["author"]["accountId"] == "account-my-app"
    listed = site.ask_signed("GET", path).json
    assert [comment["id"] for comment in listed["comments"]] == [answer.json["id"]]
    assert listed["total"] == 1


@pytest.mark.parametrize("body", [{}, {"body": ""}, {"body": 1}, {"body": "x" * 32_768}])
def test_a_comment_that_is_none(site: SmallSite, body: Any) -> None:
    answer = site.ask_signed("POST", "/rest/api/2/issue/DEMO-3/comment", body)
    assert answer.status == 400
    assert answer.json["errors"]["comment"]
