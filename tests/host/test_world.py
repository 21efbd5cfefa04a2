from __future__ import annotations

from collections.abc import Iterator

import pytest

from headway.host.database import open_database
from headway.host.gate import Actor
from headway.host.world import PART_BYTES, World

NOBODY = Actor(kind="anonymous")
USER = Actor(kind="user", account_id="u1")
APP = Actor(kind="app", account_id="a1", app_key="app")


@pytest.fixture
def world() -> Iterator[World]:
    with open_database(None) as database:
        made = World(database, lambda: 1000.0)
        made.add_project("DEMO", "Demonstration", public=False)
        made.add_project("PUB", "Public", public=True)
        yield made


def test_projects_and_who_may(world: World) -> None:
    assert [p.key for p in world.projects()] == ["DEMO", "PUB"]
    demo, pub = world.project("DEMO"), world.project("PUB")
    assert demo is not None
    assert pub is not None
    assert world.project("NONE") is None
    assert [world.may_see(demo, who) for who in (NOBODY, USER, APP)] == [False, True, True]
    assert [world.may_see(pub, who) for who in (NOBODY, USER, APP)] == [True, True, True]
    assert [world.may_edit(demo, who) for who in (NOBODY, USER, APP)] == [False, True, True]
    assert [world.may_edit(pub, who) for who in (NOBODY, USER, APP)] == [False, True, True]


def test_issues_are_numbered_in_their_project(world: World) -> None:
    first = world.add_issue("DEMO", "One", "text", assignee="u1")
    other = world.add_issue("PUB", "Other")
    second = world.add_issue("DEMO", "Two")
    assert [first.key, other.key, second.key] == ["DEMO-1", "PUB-1", "DEMO-2"]
    assert world.issue("DEMO-1") == world.issue(first.id) == world.issue(str(first.id)) == first
    assert [i.key for i in world.issues("DEMO")] == ["DEMO-1", "DEMO-2"]
    assert len(world.issues()) == 3
    assert first.created == first.updated == 1000


@pytest.mark.parametrize("name", ["NONE-1", "", "9" * 19, "-1", "' or 1=1 --", "٣"])
def test_an_issue_that_is_not_there(world: World, name: str) -> None:
    world.add_issue("DEMO", "One")
    assert world.issue(name) is None
    assert world.attachment(name) is None


def test_an_edit_tells_before_and_after(world: World) -> None:
    issue = world.add_issue("DEMO", "One", "text")
    before, after = world.edit_issue(issue.id, summary="New")
    assert (before.summary, after.summary, after.description) == ("One", "New", "text")
    assert world.edit_issue(issue.id, description="")[1].description == ""
    assert world.issue(issue.id) == world.edit_issue(issue.id)[1]


@pytest.mark.parametrize(
    "changes",
    [{"summary": ""}, {"summary": " "}, {"summary": "x" * 256}, {"description": "x" * 32768}],
)
def test_an_edit_is_bounded(world: World, changes: dict[str, str]) -> None:
    issue = world.add_issue("DEMO", "One")
    with pytest.raises(ValueError, match="characters"):
        world.edit_issue(issue.id, **changes)
    assert world.issue(issue.id) == issue


def test_an_edit_of_no_issue(world: World) -> None:
    with pytest.raises(LookupError):
        world.edit_issue(77, summary="x")


def test_comments(world: World) -> None:
    issue = world.add_issue("DEMO", "One")
    comment = world.add_comment(issue.id, "u1", "<b>text</b>")
    assert world.comments(issue.id) == [comment]
    assert comment.body == "<b>text</b>"
    with pytest.raises(ValueError, match="comment"):
        world.add_comment(issue.id, "u1", "")


@pytest.mark.parametrize("size", [0, 1, PART_BYTES, PART_BYTES + 1, 3 * PART_BYTES])
def test_an_attachment_comes_back_in_parts(world: World, size: int) -> None:
    issue = world.add_issue("DEMO", "One")
    data = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    made = world.add_attachment(issue.id, "a b.bin", "application/octet-stream", data, "u1")
    parts = list(world.attachment_bytes(made.id))
    assert b"".join(parts) == data
    assert all(len(part) <= PART_BYTES for part in parts)
    assert world.attachments(issue.id) == [made]
    assert world.attachment(str(made.id)) == made
    assert made.size == size


def test_no_connection_is_held_between_two_parts(world: World) -> None:
    issue = world.add_issue("DEMO", "One")
    made = world.add_attachment(issue.id, "a", "text/plain", b"x" * 2 * PART_BYTES, "u1")
    parts = world.attachment_bytes(made.id)
    next(parts)
    world.add_comment(issue.id, "u1", "in between")  # in memory there is one connection
    assert len(next(parts)) == PART_BYTES


def test_users(world: World) -> None:
    assert world.users() == []
    assert world.user("nobody") is None
