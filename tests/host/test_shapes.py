from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.host.database import open_database
from headway.host.identity import Identity
from headway.host.shapes import Shapes, document, moment, plain_text
from headway.host.world import World
from host.small_site import BASE, SmallApps, SmallSite


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
    assert fields["status"] == {"name": "To Do"}
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
    for fields in ("", "*all", "*navigable", "*all,summary"):
        assert set(shapes(world).issue(issue, fields)["fields"]) == everything
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


def test_the_user_that_an_app_acts_as(world: World) -> None:
    apps = SmallSite().apps
    assert isinstance(apps, SmallApps)
    site = SmallSite()
    site.add_app("my-app")
    person = shapes(world, apps=site.jira.apps).person("account-my-app")
    assert (person["accountType"], person["displayName"]) == ("app", "My-App")
    assert shapes(world, apps=site.jira.apps).person("gone")["displayName"] == "Former app"
    assert shapes(world).person("gone")["displayName"] == "Former app"


def test_a_project_that_is_gone_is_null(world: World) -> None:
    assert shapes(world)._project("NONE") is None


@given(st.text())
def test_a_text_survives_a_document(text: str) -> None:
    assert (
        plain_text(document(text)) == text.removesuffix("\n") or plain_text(document(text)) == text
    )


def test_other_editors_documents_are_read() -> None:
    item = {"type": "listItem", "content": [{"type": "paragraph", "content": [_text("item")]}]}
    heading = {"type": "heading", "attrs": {"level": 1}, "content": [_text("Head")]}
    lines = {"type": "paragraph", "content": [_text("a"), {"type": "hardBreak"}, _text("b")]}
    doc = {"type": "doc", "version": 1, "content": [heading, lines, {"type": "rule"}, item]}
    assert plain_text(doc).split("\n") == ["Head", "a", "b", "item", ""]
    assert plain_text("as it is") == "as it is"


def _text(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}


def deep(levels: int) -> dict[str, Any]:
    node: dict[str, Any] = _text("x")
    for _ in range(levels):
        node = {"type": "paragraph", "content": [node]}
    return {"type": "doc", "content": [node]}


@pytest.mark.parametrize(
    "value",
    [
        *(None, 1, [], {}, {"type": "text"}),
        {"type": "doc", "content": "text"},
        {"type": "doc", "content": ["text"]},
        deep(500),
    ],
)
def test_what_is_no_text(value: object) -> None:
    with pytest.raises(ValueError, match="document"):
        plain_text(value)


def test_dates_have_milliseconds() -> None:
    assert moment(1_643_673_600.25) == "2022-02-01T00:00:00.250+0000"
