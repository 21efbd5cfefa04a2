from __future__ import annotations

from typing import Any

from headway.host.shapes.text import document, plain_text
from headway.host.world import Issue, World
from headway.host.world.catalog import TRANSITIONS
from headway.host.world.fields import KINDS
from host.shapes.conftest import Write

PREFIX = next(iter(KINDS)).rpartition(":")[0]


class Blind:
    """Sees one issue, and what is for everybody."""

    def __init__(self, seen: Issue) -> None:
        self.seen = seen

    def issue(self, issue: Issue) -> bool:
        return issue.id == self.seen.id

    def remark(self, issue: Issue, visibility: dict[str, str] | None) -> bool:
        return not visibility


def everything(world: World) -> Issue:
    """An issue that has something in each field."""
    (uma,) = world.people.users()
    project = world.tracker.projects()[0]
    component = world.components.add_component(project.id, "Back end")
    version = world.components.add_version(project.id, "1.0")
    points = world.fields.add("Points", f"{PREFIX}:float")
    notes = world.fields.add("Notes", f"{PREFIX}:textarea")
    parent = world.tracker.add_issue("DEMO", "Parent", issue_type="Epic")
    made = world.tracker.add_issue(
        "DEMO",
        "All",
        "text",
        author=uma.account_id,
        assignee=uma.account_id,
        issue_type="Bug",
        priority="High",
        labels=["a"],
        components=[component.id, 999],
        versions=[version.id],
        fix_versions=[version.id, 999],
        due_date="2022-02-01",
        environment="here",
        parent_id=parent.id,
        original_estimate=7200,
        remaining_estimate=7200,
        custom={points.key: 3, notes.key: "note"},
    )
    world.tracker.add_issue("DEMO", "Child", issue_type="Sub-task", parent_id=made.id)
    world.links.add("Blocks", made.id, parent.id)
    world.worklogs.add(made.id, uma.account_id, 3600, comment="worked")
    world.worklogs.add(made.id, uma.account_id, 60)
    world.tracker.add_comment(made.id, uma.account_id, "said")
    world.files.add_attachment("issue", made.id, "a.png", "image/png", b"abc", uma.account_id)
    world.links.watch(made.id, uma.account_id)
    world.tracker.move_issue(made.id, TRANSITIONS[2], author=uma.account_id)
    found = world.tracker.issue(made.id)
    assert found is not None
    return found


def test_every_field_of_an_issue_that_has_all(world: World, write: Write) -> None:
    issue = everything(world)
    fields = write().issue(issue)["fields"]
    assert [name for name, value in fields.items() if value in (None, [], {}, "")] == []
    assert [one["name"] for one in fields["components"]] == ["Back end"]
    assert [one["name"] for one in fields["fixVersions"]] == ["1.0"]
    assert fields["timetracking"]["timeSpent"] == "1h 1m"
    assert fields["timetracking"]["remainingEstimateSeconds"] == 3540
    assert fields["worklog"]["total"] == 2
    assert fields["worklog"]["worklogs"][0]["comment"] == "worked"
    assert "comment" not in fields["worklog"]["worklogs"][1]
    assert (fields["parent"]["key"], fields["parent"]["fields"]["summary"]) == ("DEMO-1", "Parent")
    assert [one["key"] for one in fields["subtasks"]] == ["DEMO-3"]
    assert fields["issuelinks"][0]["outwardIssue"]["key"] == "DEMO-1"
    assert (fields["watches"]["watchCount"], fields["votes"]["votes"]) == (1, 0)
    assert fields["resolution"]["name"] == "Done"
    assert fields["attachment"][0]["thumbnail"]
    assert [value for name, value in fields.items() if name.startswith("custom")] == [3, "note"]


def test_an_issue_that_has_nothing(world: World, write: Write) -> None:
    issue = world.tracker.add_issue("DEMO", "One", status="Made up")
    fields = write("3").issue(issue)["fields"]
    assert fields["status"] == {"name": "Made up"}
    assert write().brief(issue)["fields"]["status"] == {"name": "Made up"}
    for name in ("description", "environment", "assignee", "parent", "resolution", "duedate"):
        assert fields[name] is None
    assert fields["timetracking"] == {}


def test_texts_in_version_3(world: World, write: Write) -> None:
    issue = everything(world)
    fields = write("3").issue(issue)["fields"]
    notes = [value for name, value in fields.items() if name.startswith("custom")][1]
    for text in (fields["description"], fields["environment"], notes):
        assert plain_text(text)
    kept = document("kept") | {"extra": 1}
    _, issue = world.tracker.edit_issue(issue.id, description="kept", description_document=kept)
    assert write("3").issue(issue)["fields"]["description"] == kept
    assert write("2").issue(issue)["fields"]["description"] == "kept"


def test_what_may_be_added(world: World, write: Write) -> None:
    issue = everything(world)
    world.properties.put("issue", str(issue.id), "k", {"a": 1})
    expand = ("names", "schema", "renderedFields", "transitions", "editmeta", "changelog")
    shape = write().issue(issue, "*all", expand, ("k",))
    assert shape["names"]["summary"] == "Summary"
    assert shape["schema"]["labels"]["type"] == "array"
    assert shape["renderedFields"]["description"] == "<p>text</p>"
    assert shape["renderedFields"]["comment"]["comments"][0]["body"] == "<p>said</p>"
    assert {one["to"]["name"] for one in shape["transitions"]} == {"To Do", "In Progress"}
    assert shape["editmeta"]["fields"]["summary"]["required"]
    histories = shape["changelog"]["histories"]
    assert histories[0]["items"][0]["field"] == "status"
    assert shape["changelog"]["total"] == len(histories) == 3
    assert shape["properties"] == {"k": {"a": 1}}
    assert write().issue(issue, "summary", ("names", "renderedFields"))["names"] == {
        "summary": "Summary"
    }
    assert write().issue(issue, "summary", (), ("*all",))["properties"] == {"k": {"a": 1}}
    nobody: dict[str, Any] = write().entry(world.history.of(issue.id)[0])
    assert nobody["author"]["displayName"] == "Uma User"
    world.tracker.edit_issue(issue.id, summary="by a script")
    assert "author" not in write().entry(world.history.of(issue.id)[-1])


def test_what_is_not_to_be_seen_is_not_written(world: World, write: Write) -> None:
    issue = everything(world)
    (uma,) = world.people.users()
    for_some = {"type": "role", "value": "Administrators"}
    comment = world.tracker.add_comment(issue.id, uma.account_id, "for some", visibility=for_some)
    blind = write(sight=Blind(issue)).issue(issue)["fields"]
    assert (blind["comment"]["total"], blind["issuelinks"]) == (1, [])
    assert write().issue(issue)["fields"]["comment"]["total"] == 2
    assert write().comment(comment)["visibility"] == for_some


def test_a_comment_with_more(world: World, write: Write) -> None:
    issue = everything(world)
    (comment,) = world.tracker.comments(issue.id)
    world.properties.put("comment", str(comment.id), "k", 1)
    shape = write().comment(comment, ("renderedBody", "properties"))
    assert shape["renderedBody"] == "<p>said</p>"
    assert shape["properties"] == [{"key": "k", "value": 1}]


def test_a_project_or_parent_that_is_gone_is_null(write: Write) -> None:
    issue = Issue(
        id=1, key="GONE-1", project_key="GONE", summary="x", description="", status="Done",
        assignee=None, created=0, updated=0, parent_id=99,
    )  # fmt: skip
    fields = write().issue(issue, "project,parent")["fields"]
    assert fields == {"project": None, "parent": None}
    assert write().edit_meta(issue) == {"fields": {}}


def test_links_from_the_other_end(world: World, write: Write) -> None:
    issue = everything(world)
    parent = world.tracker.issue("DEMO-1")
    assert parent is not None
    assert write().issue(parent)["fields"]["issuelinks"][0]["inwardIssue"]["id"] == str(issue.id)
    world.links.add("Made up", parent.id, issue.id)
    assert len(write().issue(parent)["fields"]["issuelinks"]) == 1
