from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from headway.host.database import open_database
from headway.host.identity import Identity
from headway.host.shapes import Shapes, plain_text
from headway.host.world import World
from host.small_site import BASE


@pytest.fixture
def world() -> Iterator[World]:
    with open_database(None) as database:
        world = World(database, lambda: 1_643_673_600.0)
        Identity(database).add_user("user", "Uma User", "uma@example.com", admin=False)
        world.tracker.add_project("DEMO", "Demonstration", public=False)
        yield world


def shapes(world: World, version: str = "2", apps: Any = None) -> Shapes:
    return Shapes(world, apps, lambda: BASE, version)


def test_an_issue(world: World) -> None:
    uma = world.people.users()[0]
    issue = world.tracker.add_issue("DEMO", "One", "text", assignee=uma.account_id)
    world.tracker.add_comment(issue.id, uma.account_id, "hello")
    made = world.files.add_attachment(
        "issue", issue.id, "a.txt", "text/plain", b"abc", uma.account_id
    )
    shape = shapes(world).issue(issue)
    fields = shape["fields"]
    assert (shape["id"], shape["key"]) == (str(issue.id), "DEMO-1")
    assert shape["self"] == f"{BASE}/rest/api/2/issue/{issue.id}"
    assert (fields["summary"], fields["description"]) == ("One", "text")
    assert fields["status"]["statusCategory"]["key"] == "new"
    assert fields["project"]["key"] == "DEMO"
    assert fields["assignee"]["displayName"] == "Uma User"
    assert fields["assignee"]["accountType"] == "atlassian"
    assert fields["created"] == "2022-02-01T00:00:00.000+0000"
    assert fields["comment"]["total"] == 1
    assert fields["comment"]["comments"][0]["body"] == "hello"
    assert fields["attachment"][0]["filename"] == "a.txt"
    assert fields["attachment"][0]["content"] == f"{BASE}/rest/api/2/attachment/content/{made.id}"
    assert "email" not in str(shape).lower()


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ("summary,status", {"summary", "status"}),
        ("summary, nothing", {"summary"}),
        ("nothing", set()),
    ],
)
def test_only_the_fields_that_were_asked_for(world: World, fields: str, names: set[str]) -> None:
    issue = world.tracker.add_issue("DEMO", "One")
    assert set(shapes(world).issue(issue, fields)["fields"]) == names


def test_all_fields_but_some(world: World) -> None:
    issue = world.tracker.add_issue("DEMO", "One")
    everything = set(shapes(world).issue(issue)["fields"])
    for fields in ("", "*all", "*all,summary"):
        assert set(shapes(world).issue(issue, fields)["fields"]) == everything
    navigable = set(shapes(world).issue(issue, "*navigable")["fields"])
    assert everything - navigable == {"comment", "worklog", "timetracking"}
    assert set(shapes(world).issue(issue, "*navigable,worklog")["fields"]) - navigable == {
        "worklog"
    }
    for fields in ("-comment", "*all,-comment"):
        assert set(shapes(world).issue(issue, fields)["fields"]) == everything - {"comment"}


def test_version_3_writes_documents(world: World) -> None:
    issue = world.tracker.add_issue("DEMO", "One", "two\n\nparagraphs")
    empty = world.tracker.add_issue("DEMO", "Two")
    body = shapes(world, "3").issue(issue)["fields"]["description"]
    assert body["type"] == "doc"
    assert len(body["content"]) == 3
    assert plain_text(body) == "two\n\nparagraphs"
    assert shapes(world, "3").issue(empty)["fields"]["description"] is None
