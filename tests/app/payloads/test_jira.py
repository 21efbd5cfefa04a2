"""Jira's payloads, with members as the host's documents show them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headway.app.payloads import jira, read_event
from headway.app.payloads.event import Event
from headway.model import Product

ANN = {"accountId": "ann", "displayName": "Ann", "accountType": "atlassian", "active": True}
ISSUE = {"id": "10000", "key": "TWO-KEY-7", "self": "https://h/x", "fields": {"summary": "One"}}


def read(name: str, **members: Any) -> Event:
    told = {"timestamp": 1_700_000_000_000, "webhookEvent": name, **members}
    return read_event(name, Product.JIRA, json.dumps(told).encode())


def test_an_issue_that_changed() -> None:
    items = [
        {"field": "status", "fieldId": "status", "from": "1", "fromString": "To Do", "to": "3"},
        {"field": "Story points", "fieldId": "customfield_10016", "to": 3.5, "toString": "3.5"},
    ]
    event = read(
        "jira:issue_updated",
        user=ANN,
        issue=ISSUE,
        changelog={"id": "10", "items": items},
        issue_event_type_name="issue_generic",
    )
    assert isinstance(event, jira.IssueUpdated)
    assert event.user is not None
    assert (event.user.account_id, event.issue_event_type_name) == ("ann", "issue_generic")
    change = event.changed("status")
    assert change is not None
    assert (change.before, change.before_text, change.after) == ("1", "To Do", "3")
    points = event.changed("Story points")
    assert points is event.changed("customfield_10016") is not None
    assert event.changed("assignee") is None


def test_an_issue_without_a_changelog_or_a_summary() -> None:
    event = read("jira:issue_created", issue={"id": 1, "key": "A-1"})
    assert isinstance(event, jira.IssueCreated)
    assert event.changed("status") is None
    assert (event.issue.summary, event.issue.project_key) == ("", "A")


def test_an_issue_knows_its_summary_and_project() -> None:
    event = read("jira:issue_deleted", issue=ISSUE)
    assert isinstance(event, jira.IssueDeleted)
    assert (event.issue.summary, event.issue.project_key) == ("One", "TWO-KEY")


OTHERS: dict[str, dict[str, Any]] = {
    "comment_updated": {
        "comment": {"id": "5", "body": {"type": "doc"}, "author": ANN, "created": "2026-01-01"},
        "issue": ISSUE,
    },
    "worklog_created": {
        "worklog": {"id": "6", "issueId": "10000", "timeSpentSeconds": 60, "author": ANN}
    },
    "attachment_created": {
        "attachment": {"id": "7", "filename": "../a", "size": 5, "created": 1_700_000_000_000}
    },
    "project_updated": {"project": {"id": 10000, "key": "A", "name": "All"}},
    "user_deleted": {"user": {"accountId": "ann"}},
    "issuelink_created": {
        "issueLink": {"id": 8, "sourceIssueId": 1, "destinationIssueId": 2, "issueLinkType": {}}
    },
    "issue_property_set": {"property": {"key": "p", "value": [1]}, "issue": ISSUE},
    "jira:version_released": {"version": {"id": "9", "projectId": 1, "released": True}},
}


@pytest.mark.parametrize("name", OTHERS)
def test_each_other_kind_reads_what_it_is_of(name: str) -> None:
    event = read(name, **OTHERS[name])
    member = next(iter(OTHERS[name]))
    value = getattr(event, "issue_link" if member == "issueLink" else member)
    for json_name, told in OTHERS[name][member].items():
        field = "".join(f"_{c.lower()}" if c.isupper() else c for c in json_name)
        found = getattr(value, field)
        assert found == told or isinstance(found, jira.Person)
