from __future__ import annotations

from typing import Any

import pytest

from headway.host.world import Change, World
from headway.host.world.catalog import TRANSITIONS


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


# ---- projects -------------------------------------------------------------------------------


def told(world: World) -> list[Change]:
    heard: list[Change] = []
    world.listeners.append(heard.append)
    return heard


def test_a_project_comes_changes_and_goes(world: World) -> None:
    heard = told(world)
    made = world.tracker.add_project("NEW", "New", public=False, author="u1", url="http://x")
    assert world.tracker.project("NEW") == world.tracker.project(made.id) == made
    after = world.tracker.edit_project(made.id, name="Newer", public=True)
    assert (after.name, after.public, after.url, after.key) == ("Newer", True, "http://x", "NEW")
    assert world.tracker.edit_project(made.id) == after
    issue = world.tracker.add_issue("NEW", "One")
    comment = world.tracker.add_comment(issue.id, "u1", "text")
    world.files.add_attachment("issue", issue.id, "a", "text/plain", b"x", "u1")
    for holder, holder_id in (("project", made.id), ("issue", issue.id), ("comment", comment.id)):
        world.properties.put(holder, str(holder_id), "k", 1)
    world.tracker.delete_project(made.id, "u1")
    assert world.tracker.project("NEW") is world.tracker.issue(issue.id) is None
    assert world.tracker.comments(issue.id) == world.files.of("issue", issue.id) == []
    assert world.properties.keys("project", str(made.id)) == []
    assert world.properties.keys("comment", str(comment.id)) == []
    names = [c.event for c in heard if c.event.startswith("project")]
    assert names == ["project_created", "project_updated", "project_updated", "project_deleted"]


@pytest.mark.parametrize(("key", "name"), [("DEMO", "x y"), ("X", "Public"), ("X", "x")])
def test_a_project_that_can_not_be(world: World, key: str, name: str) -> None:
    with pytest.raises(ValueError, match=r"exists|characters"):
        world.tracker.add_project(key, name, public=False)
    assert len(world.tracker.projects()) == 2


def test_no_project_is_changed(world: World) -> None:
    with pytest.raises(LookupError):
        world.tracker.edit_project(99, name="New")
    with pytest.raises(LookupError):
        world.tracker.delete_project(99)
    with pytest.raises(LookupError):
        world.tracker.add_issue("NONE", "One")
    with pytest.raises(ValueError, match="name"):
        world.tracker.edit_project(1, name="")


# ---- issues ---------------------------------------------------------------------------------


def test_a_number_is_not_given_twice(world: World) -> None:
    first = world.tracker.add_issue("DEMO", "One")
    world.tracker.delete_issue(first.id)
    second = world.tracker.add_issue("DEMO", "Two")
    assert (second.key, second.id != first.id) == ("DEMO-2", True)


def test_an_issue_has_what_was_said_and_else_what_is_usual(world: World) -> None:
    made = world.tracker.add_issue(
        "DEMO", "One", author="u1", issue_type="Bug", labels=["a"], custom={"customfield_1": 2}
    )
    assert (made.creator, made.reporter, made.issue_type) == ("u1", "u1", "Bug")
    assert (made.labels, made.custom, made.priority) == (["a"], {"customfield_1": 2}, "Medium")
    assert world.tracker.add_issue("DEMO", "Two", author="u1", reporter="u2").reporter == "u2"


def test_the_workflow(world: World) -> None:
    issue = world.tracker.add_issue("DEMO", "One")
    to_do, progress, done = TRANSITIONS
    _, after = world.tracker.move_issue(issue.id, progress, author="u1")
    assert (after.status, after.resolution, after.resolved) == ("In Progress", None, None)
    _, after = world.tracker.move_issue(issue.id, done, resolution="Duplicate")
    assert (after.status, after.resolution, after.resolved) == ("Done", "Duplicate", 1000)
    _, after = world.tracker.move_issue(issue.id, to_do)
    assert (after.status, after.resolution, after.resolved) == ("To Do", None, None)
    with pytest.raises(ValueError, match="does not start"):
        world.tracker.move_issue(issue.id, to_do)
    with pytest.raises(ValueError, match="does not start"):
        world.tracker.move_issue(99, to_do)
    assert world.tracker.add_issue("DEMO", "Two", status="Done").resolution == "Done"


def test_a_new_text_drops_the_document_of_the_old_one(world: World) -> None:
    document: dict[str, Any] = {"type": "doc", "content": []}
    issue = world.tracker.add_issue("DEMO", "One", "a", description_document=document)
    assert issue.description_document == document
    _, after = world.tracker.edit_issue(issue.id, summary="Two")
    assert after.description_document == document
    _, after = world.tracker.edit_issue(issue.id, description="b")
    assert after.description_document is None
    comment = world.tracker.add_comment(issue.id, "u1", "a", document=document)
    assert world.tracker.edit_comment(comment.id, "u2", visibility={"type": "role"}).document
    changed = world.tracker.edit_comment(comment.id, "u2", body="b")
    assert (changed.document, changed.author, changed.update_author) == (None, "u1", "u2")


def test_an_issue_goes_with_its_subtasks(world: World) -> None:
    parent = world.tracker.add_issue("DEMO", "One")
    child = world.tracker.add_issue("DEMO", "Two", parent_id=parent.id)
    assert world.tracker.subtasks(parent.id) == [child]
    file = world.files.add_attachment("issue", child.id, "a", "text/plain", b"x", "u1")
    said = world.tracker.add_comment(child.id, "u1", "a")
    link = world.links.add("Blocks", child.id, parent.id)
    world.properties.put("issue", str(child.id), "k", 1)
    heard = told(world)
    world.tracker.delete_issue(parent.id, "u1")
    assert world.tracker.issues() == []
    assert world.files.of("issue", child.id) == []
    assert world.properties.keys("issue", str(child.id)) == []
    assert [(c.event, c.before, c.within) for c in heard] == [
        ("jira:issue_deleted", child, None),
        ("comment_deleted", said, child),
        ("attachment_deleted", file, child),
        ("issuelink_deleted", link, child),
        ("jira:issue_deleted", parent, None),
        ("issuelink_deleted", link, parent),
    ]
    assert [c.secondary for c in heard] == [False, True, True, True, False, True]
    with pytest.raises(LookupError):
        world.tracker.delete_issue(parent.id)


def test_a_comment_goes_with_its_properties(world: World) -> None:
    issue = world.tracker.add_issue("DEMO", "One")
    comment = world.tracker.add_comment(issue.id, "u1", "a")
    world.properties.put("comment", str(comment.id), "k", 1)
    heard = told(world)
    world.tracker.edit_comment(comment.id, "u1", body="b")
    world.tracker.delete_comment(comment.id, "u1")
    assert world.tracker.comment(comment.id) is None
    assert world.properties.keys("comment", str(comment.id)) == []
    assert [c.event for c in heard] == ["comment_updated", "comment_deleted"]
    with pytest.raises(LookupError):
        world.tracker.delete_comment(comment.id)
    with pytest.raises(LookupError):
        world.tracker.edit_comment(comment.id, "u1", body="b")
    with pytest.raises(ValueError, match="comment"):
        world.tracker.edit_comment(comment.id, "u1", body="")
