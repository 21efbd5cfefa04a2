from __future__ import annotations

from headway.host.world import World
from headway.host.world.history import change_items


def test_each_edit_leaves_an_entry(world: World) -> None:
    uma = world.people.add_user("uma", "Uma", "u@example.com")
    issue = world.tracker.add_issue("DEMO", "One")
    world.tracker.edit_issue(
        issue.id, summary="Two", assignee=uma.account_id, status="Done", author="a1"
    )
    world.tracker.edit_issue(issue.id, summary="Two")  # nothing changed
    (entry,) = world.history.of(issue.id)
    assert (entry.author, entry.created, entry.issue_id) == ("a1", 1000, issue.id)
    found = {item["field"]: item for item in entry.items}
    assert set(found) == {"summary", "assignee", "status", "resolution"}
    assert (found["status"]["from"], found["status"]["to"]) == ("10000", "10002")
    assert (found["status"]["fromString"], found["status"]["toString"]) == ("To Do", "Done")
    assert (found["assignee"]["to"], found["assignee"]["toString"]) == (uma.account_id, "Uma")
    assert (found["assignee"]["from"], found["assignee"]["fromString"]) == (None, None)
    assert found["resolution"]["toString"] == "Done"


def test_fields_of_every_kind_are_told(world: World) -> None:
    issue = world.tracker.add_issue("DEMO", "One")
    before, after = world.tracker.edit_issue(
        issue.id,
        labels=["a", "b"],
        original_estimate=60,
        due_date="2022-02-01",
        issue_type="Bug",
        reporter="gone",
        custom={"customfield_10001": 3, "customfield_10002": None},
        environment="here",
    )
    items = change_items(before, after)
    said = {item["fieldId"]: (item["from"], item["to"], item["toString"]) for item in items}
    assert said == {
        "labels": (None, None, "a b"),
        "timeoriginalestimate": (None, "60", "60"),
        "duedate": (None, None, "2022-02-01"),
        "issuetype": ("10001", "10002", "Bug"),
        "reporter": (None, "gone", "gone"),
        "environment": (None, None, "here"),
        "customfield_10001": (None, None, "3"),
    }
    assert {item["fieldtype"] for item in items} == {"jira", "custom"}
    back = {item["fieldId"]: item["toString"] for item in change_items(after, before)}
    assert back["customfield_10001"] is None
    assert back["labels"] == ""
    assert change_items(after, after) == []


def test_the_newest_entry_is_found_by_itself(world: World) -> None:
    first, other = (world.tracker.add_issue("DEMO", "It works") for _ in range(2))
    assert world.history.last_id(first.id) == 0
    for summary in ("once", "twice"):
        world.tracker.edit_issue(first.id, summary=summary)
    assert world.history.last_id(first.id) == world.history.of(first.id)[-1].id
    assert world.history.last_id(other.id) == 0
