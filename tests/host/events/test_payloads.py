"""The bodies, event by event, as the host's documents have them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from headway.host.events.payloads import JIRA, Occasion, Telling
from headway.host.world import Change
from host.small_app import SmallApp
from host.small_stage import Stage


def occasion(stage: Stage, event: str, **change: Any) -> Occasion:
    telling = Telling(stage.site.world, stage.site.shapes(), "http://localhost:2990/wiki")
    return JIRA[event](telling, Change(event=event, **change))


@pytest.fixture
def uma(stage: Stage) -> str:
    user = stage.site.world.people.user("user")
    assert user is not None
    return user.account_id


def test_an_issue_was_changed(stage: Stage, uma: str) -> None:
    before, after = stage.site.world.tracker.edit_issue(stage.issue.id, summary="New")
    told = occasion(stage, "jira:issue_updated", author=uma, before=before, after=after)
    assert set(told.body) == {"user", "issue_event_type_name", "issue", "changelog"}
    assert told.body["user"]["accountId"] == uma
    assert told.body["issue_event_type_name"] == "issue_updated"
    assert told.body["issue"]["fields"]["summary"] == "New"
    assert told.body["changelog"]["items"] == [
        {
            "field": "summary",
            "fieldtype": "jira",
            "fieldId": "summary",
            "from": None,
            "fromString": before.summary,
            "to": None,
            "toString": "New",
        }
    ]
    assert told.variables["issue.key"] == "DEMO-1"
    assert set(told.variables) == {"issue.key", "issue.id", "project.key", "project.id"}
    assert (told.issue, list(told.fields)) == (after, ["summary"])


def test_a_transition_and_an_assignment(stage: Stage, uma: str) -> None:
    after = msgspec.structs.replace(stage.issue, status="Nowhere", assignee=uma)
    before = msgspec.structs.replace(stage.issue, assignee=None)
    told = occasion(stage, "jira:issue_updated", before=before, after=after)
    assert "user" not in told.body
    assert told.body["issue_event_type_name"] == "issue_generic"
    status, assignee = told.body["changelog"]["items"]
    assert (status["fromString"], status["toString"]) == (before.status, "Nowhere")
    assert (assignee["from"], assignee["fromString"]) == (None, None)
    assert (assignee["to"], assignee["toString"]) == (uma, "Uma User")


@pytest.mark.parametrize(
    ("event", "place"), [("jira:issue_created", "after"), ("jira:issue_deleted", "before")]
)
def test_an_issue_came_or_went(stage: Stage, event: str, place: str) -> None:
    told = occasion(stage, event, **{place: stage.issue})
    assert told.body["issue_event_type_name"] == event.removeprefix("jira:")
    assert told.body["issue"]["id"] == str(stage.issue.id)
    assert "changelog" not in told.body


def test_something_was_said(stage: Stage, uma: str) -> None:
    comment = stage.site.world.tracker.add_comment(stage.issue.id, uma, "Well said")
    told = occasion(stage, "comment_created", after=comment)
    assert told.body["comment"]["body"] == "Well said"
    assert told.body["issue"]["key"] == "DEMO-1"
    assert {"summary", "status", "project", "assignee"} <= set(told.body["issue"]["fields"])
    assert "comment" not in told.body["issue"]["fields"]
    assert told.issue == stage.issue


def test_a_file_came(stage: Stage, uma: str) -> None:
    add = stage.site.world.files.add_attachment
    attachment = add("issue", stage.issue.id, "a.txt", "text/plain", b"abc", uma)
    told = occasion(stage, "attachment_created", after=attachment)
    assert list(told.body) == ["attachment"]
    assert told.body["attachment"]["filename"] == "a.txt"
    assert told.variables["issue.key"] == "DEMO-1"


def test_what_hangs_on_nothing_of_jira_has_no_issue(stage: Stage, uma: str) -> None:
    add = stage.site.world.files.add_attachment
    attachment = add("page", 1, "a.txt", "text/plain", b"abc", uma)
    told = occasion(stage, "attachment_created", after=attachment)
    assert (told.issue, told.variables) == (None, {})


def test_a_comment_whose_issue_is_gone(stage: Stage, uma: str) -> None:
    comment = stage.site.world.tracker.add_comment(stage.issue.id, uma, "Well said")
    gone = msgspec.structs.replace(comment, issue_id=99_999)
    told = occasion(stage, "comment_deleted", before=gone)
    assert (list(told.body), told.issue) == (["comment"], None)


def test_an_issue_of_a_project_that_is_gone(stage: Stage) -> None:
    gone = msgspec.structs.replace(stage.issue, project_key="GONE")
    told = occasion(stage, "jira:issue_deleted", before=gone)
    assert "project.id" not in told.variables


def test_two_issues_were_linked(stage: Stage) -> None:
    other = stage.site.world.tracker.add_issue("DEMO", "Another")
    link = stage.site.world.links.add("Blocks", stage.issue.id, other.id)
    told = occasion(stage, "issuelink_created", after=link)
    assert told.body["issueLink"]["sourceIssueId"] == stage.issue.id
    assert told.body["issueLink"]["destinationIssueId"] == other.id
    assert told.body["issueLink"]["issueLinkType"]["name"] == "Blocks"
    other_kind = msgspec.structs.replace(link, type="Somehow")
    told = occasion(stage, "issuelink_deleted", before=other_kind)
    assert "issueLinkType" not in told.body["issueLink"]


def test_work_a_project_and_a_version(stage: Stage, uma: str) -> None:
    """Each as the world itself tells of it, so that the names of the events agree."""
    changes: list[Change] = []
    stage.site.world.listeners.append(changes.append)
    work = stage.site.world.worklogs.add(stage.issue.id, uma, seconds=60, started=0.0)
    project = stage.site.world.tracker.add_project("NEW", "New", public=False)
    version = stage.site.world.components.add_version(project.id, "1.0")
    telling = Telling(stage.site.world, stage.site.shapes(), "")
    told = {change.event: JIRA[change.event](telling, change) for change in changes}
    assert told["worklog_created"].body["worklog"]["id"] == str(work.id)
    assert told["worklog_created"].variables["issue.key"] == "DEMO-1"
    assert told["project_created"].body["project"]["key"] == "NEW"
    assert told["project_created"].variables["project.id"] == str(project.id)
    assert told["jira:version_created"].body["version"]["name"] == "1.0"
    assert told["jira:version_created"].variables["version.id"] == str(version.id)


def test_a_property_was_set_and_deleted(stage: Stage, uma: str) -> None:
    properties = stage.site.world.properties
    properties.put("issue", str(stage.issue.id), "color", {"name": "blue"})
    kept = properties.get("issue", str(stage.issue.id), "color")
    told = occasion(stage, "issue_property_set", after=kept, author=uma)
    assert told.body["property"] == {"key": "color", "value": {"name": "blue"}}
    assert told.body["issue"]["key"] == "DEMO-1"
    assert told.body["user"]["accountId"] == uma
    assert (told.property_key, told.variables["property.key"]) == ("color", "color")
    gone = occasion(stage, "issue_property_deleted", before=kept)
    assert gone.body["property"] == {"key": "color"}


@pytest.mark.parametrize(
    ("event", "place"),
    [("user_created", "after"), ("user_updated", "after"), ("user_deleted", "before")],
)
def test_somebody_came_or_went(stage: Stage, uma: str, event: str, place: str) -> None:
    told = occasion(stage, event, **{place: stage.site.world.people.user(uma)})
    assert (told.body["user"]["accountId"], told.body["user"]["displayName"]) == (uma, "Uma User")
    assert told.variables == {"modifiedUser.accountId": uma}


def test_an_app_hears_of_itself_alone(stage: Stage, app: SmallApp) -> None:
    made = stage.add(app)
    told = occasion(stage, "connect_addon_enabled", after=made)
    assert (told.body, told.only) == ({"key": "my-app"}, "my-app")
