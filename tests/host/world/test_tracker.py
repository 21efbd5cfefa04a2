from __future__ import annotations

import pytest

from headway.host.world import Change, World


def test_issues_are_numbered_in_their_project(world: World) -> None:
    first = world.tracker.add_issue("DEMO", "One", "text", assignee="u1")
    other = world.tracker.add_issue("PUB", "Other")
    second = world.tracker.add_issue("DEMO", "Two")
    assert [first.key, other.key, second.key] == ["DEMO-1", "PUB-1", "DEMO-2"]
    assert (
        world.tracker.issue("DEMO-1")
        == world.tracker.issue(first.id)
        == world.tracker.issue(str(first.id))
        == first
    )
    assert [i.key for i in world.tracker.issues("DEMO")] == ["DEMO-1", "DEMO-2"]
    assert len(world.tracker.issues()) == 3
    assert first.created == first.updated == 1000


@pytest.mark.parametrize("name", ["NONE-1", "", "9" * 19, "-1", "' or 1=1 --", "٣"])
def test_an_issue_that_is_not_there(world: World, name: str) -> None:
    world.tracker.add_issue("DEMO", "One")
    assert world.tracker.issue(name) is None
    assert world.files.attachment(name) is None


def test_an_edit_tells_before_and_after(world: World) -> None:
    issue = world.tracker.add_issue("DEMO", "One", "text")
    before, after = world.tracker.edit_issue(issue.id, summary="New")
    assert (before.summary, after.summary, after.description) == ("One", "New", "text")
    assert world.tracker.edit_issue(issue.id, description="")[1].description == ""
    assert world.tracker.issue(issue.id) == world.tracker.edit_issue(issue.id)[1]


@pytest.mark.parametrize(
    "changes",
    [{"summary": ""}, {"summary": " "}, {"summary": "x" * 256}, {"description": "x" * 32768}],
)
def test_an_edit_is_bounded(world: World, changes: dict[str, str]) -> None:
    issue = world.tracker.add_issue("DEMO", "One")
    with pytest.raises(ValueError, match="characters"):
        world.tracker.edit_issue(issue.id, **changes)
    assert world.tracker.issue(issue.id) == issue


def test_an_edit_of_no_issue(world: World) -> None:
    with pytest.raises(LookupError):
        world.tracker.edit_issue(77, summary="x")


def test_comments(world: World) -> None:
    issue = world.tracker.add_issue("DEMO", "One")
    comment = world.tracker.add_comment(issue.id, "u1", "<b>text</b>")
    assert world.tracker.comments(issue.id) == [comment]
    assert comment.body == "<b>text</b>"
    with pytest.raises(ValueError, match="comment"):
        world.tracker.add_comment(issue.id, "u1", "")


def test_changes_are_told_with_their_author(world: World) -> None:
    told: list[Change] = []
    world.listeners.append(told.append)
    issue = world.tracker.add_issue("DEMO", "One", author="u1")
    before, after = world.tracker.edit_issue(issue.id, summary="Two", author="u2")
    comment = world.tracker.add_comment(issue.id, "u3", "text")
    assert told == [
        Change(event="jira:issue_created", author="u1", after=issue),
        Change(event="jira:issue_updated", author="u2", before=before, after=after),
        Change(event="comment_created", author="u3", after=comment),
    ]
