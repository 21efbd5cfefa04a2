from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from headway.host.search.fields import FIELDS, field_named
from headway.host.search.jql import QueryError, parse
from host.search.conftest import DAY, NOW

# Six issues; each test asks for some of them.
TYPES = "com.atlassian.jira.plugin.system.customfieldtypes:"
ALL = ["DEMO-1", "DEMO-2", "DEMO-3", "DEMO-4", "PUB-1", "PUB-2"]


@pytest.fixture
def filled(find: Any) -> Any:
    world, ada, uma = find.world, find.ada, find.uma
    ids = [
        find.add("DEMO", "Rotate the shared secret", 9, assignee=uma, author=ada, labels=["red"]),
        find.add(*("DEMO", "A chart", 5), priority="High", issue_type="Bug", labels=["red", "a b"]),
        find.add("DEMO", "Übersicht", 4, status="Done", assignee=ada, due_date="2022-02-10"),
        find.add("DEMO", "The secret chart", 3, status="In Progress", time_spent=7200),
        find.add("PUB", "Maintenance on Saturday", 2, description="It's a secret, no"),
        find.add("PUB", "Last", 0.01, reporter=uma, environment="On a laptop"),
    ]
    first, second, third, fourth, fifth, _ = ids
    world.tracker.add_comment(fifth, uma, "The chart is attached")
    demo, _ = find.projects
    api = world.components.add_component(demo.id, "API")
    world.components.add_component(demo.id, "UI")
    one = world.components.add_version(demo.id, "1.0")
    world.tracker.edit_issue(second, components=[api.id], fix_versions=[one.id], versions=[one.id])
    world.tracker.edit_issue(fourth, parent_id=first)
    world.links.add("Blocks", first, third)
    world.links.add("Relates", second, first)
    world.links.watch(first, uma)
    world.links.watch(first, ada)
    world.links.vote(second, uma)
    world.properties.put("issue", str(first), "my.prop", {"a": {"b": "x y"}, "n": 3})
    world.properties.put("issue", str(second), "my.prop", {"n": 10, "on": True})
    points = world.fields.add("Story Points", f"{TYPES}float")
    team = world.fields.add("Team name", f"{TYPES}textfield")
    world.tracker.edit_issue(first, custom={points.key: 3})
    world.tracker.edit_issue(second, custom={points.key: 8.5, team.key: "Blue whales"})
    find.points, find.ids = points, ids
    return find


def keys(*numbers: int) -> list[str]:
    return [ALL[number - 1] for number in numbers]


FOUND: dict[str, list[int]] = {
    "": [1, 2, 3, 4, 5, 6],
    # project
    "project = demo": [1, 2, 3, 4],
    "project != DEMO": [5, 6],
    'project in ("Public notices", 1)': [1, 2, 3, 4, 5, 6],
    "project is empty": [],
    # names of the catalog
    "status = done": [3],
    "status != 'To Do'": [3, 4],
    "status in (10001, Done)": [3, 4],
    "status not in (Done)": [1, 2, 4, 5, 6],
    "statusCategory = 'In Progress'": [4],
    "statusCategory in (new, 3)": [1, 2, 3, 5, 6],
    "statusCategory != Done": [1, 2, 4, 5, 6],
    "type = Bug": [2],
    "issuetype in (bug, 10001)": [1, 2, 3, 4, 5, 6],
    "priority = High": [2],
    "resolution = Unresolved": [1, 2, 4, 5, 6],
    "resolution is not empty": [3],
    "resolution = Done": [3],
    "resolution != Done": [],
    # people
    "assignee = uma": [1],
    'assignee = "Ada Admin"': [3],
    "assignee = 'ADA@example.com'": [3],
    "assignee in (uma, EMPTY)": [1, 2, 4, 5, 6],
    "assignee not in (uma, EMPTY)": [3],
    "assignee != uma": [3],
    "not assignee = uma": [3],
    "assignee is empty": [2, 4, 5, 6],
    "assignee is not empty": [1, 3],
    "assignee = currentUser()": [1],
    "assignee in membersOf('jira-software-users')": [1, 3],
    "reporter = uma": [6],
    "creator = ada": [1],
    "watcher = uma": [1],
    "watcher is empty": [2, 3, 4, 5, 6],
    "watcher != uma": [],
    "voter in (uma)": [2],
    "watchers >= 2": [1],
    "votes = 1": [2],
    # texts
    "summary ~ secret": [1, 4],
    "summary !~ secret": [2, 3, 5, 6],
    "summary ~ 'chart THE'": [4],
    "summary ~ '\"shared secret\"'": [1],
    "summary ~ 'über*'": [3],
    'description ~ "it\'s"': [5],
    "description is empty": [1, 2, 3, 4, 6],
    "description is not empty": [5],
    "description !~ other": [5],
    "environment ~ laptop": [6],
    "comment ~ attached": [5],
    "comment is empty": [1, 2, 3, 4, 6],
    "comment !~ attached": [],
    "text ~ chart": [2, 4, 5],
    "text ~ laptop": [6],
    # moments
    "created >= -5d": [2, 3, 4, 5, 6],
    "created < '2022-01-24'": [1],
    "created > startOfDay()": [6],
    "created = '2022-01-23 12:00'": [1],
    "updated >= now() or created in ('2022-01-23 12:00')": [1],
    "resolved <= now()": [3],
    "resolved is empty": [1, 2, 4, 5, 6],
    "due > '2022-02-09'": [3],
    "due <= 5d": [],
    "duedate is empty": [1, 2, 4, 5, 6],
    # lists
    "labels = red": [1, 2],
    "labels = Red": [],
    "labels in ('a b')": [2],
    "labels is empty": [3, 4, 5, 6],
    "labels != red": [],
    "labels not in (x)": [1, 2],
    "component = api": [2],
    "component is empty": [1, 3, 4, 5, 6],
    "fixVersion = 1.0": [2],
    "affectedVersion is not empty": [2],
    # time
    "timespent = 2h": [4],
    "timespent > 60": [4],
    "originalEstimate is empty": [1, 2, 3, 4, 5, 6],
    "remainingEstimate < 1d": [],
    # issues
    "key = DEMO-2": [2],
    "issuekey in (demo-2, PUB-1)": [2, 5],
    "key != DEMO-2": [1, 3, 4, 5, 6],
    "key > DEMO-2": [3, 4],
    "key <= DEMO-2": [1, 2],
    "issue in linkedIssues(DEMO-1)": [2, 3],
    "issue in linkedIssues(DEMO-1, blocks)": [3],
    "issue in linkedIssues(DEMO-3, 'is blocked by')": [1],
    "parent = DEMO-1": [4],
    "parent is empty": [1, 2, 3, 5, 6],
    # properties and custom fields
    "issue.property[my.prop].a.b = 'x y'": [1],
    "issue.property[my.prop].a.b ~ y": [1],
    "issue.property['my.prop'].n > 5": [2],
    "issue.property[my.prop].n in (3, 10)": [1, 2],
    "issue.property[my.prop].n != 3": [2],
    "issue.property[my.prop].on = true": [2],
    "issue.property[my.prop] is not empty": [1, 2],
    "issue.property[other].n is empty": [1, 2, 3, 4, 5, 6],
    "'Story Points' >= 3": [1, 2],
    "'story points' = 8.5": [2],
    "cf[10001] < 5": [1],
    "customfield_10001 is empty": [3, 4, 5, 6],
    "'Team name' ~ whales": [2],
    "'Team name' !~ sharks": [2],
    # together
    "project = DEMO and status = 'To Do' and labels = red": [1, 2],
    "project = PUB or key = DEMO-1": [1, 5, 6],
    "not (project = PUB or status = Done)": [1, 2, 4],
    "not (project = DEMO and not labels = red)": [1, 2, 5, 6],
    "not created >= -5d": [1],
    "not key in (DEMO-1)": [2, 3, 4, 5, 6],
}


def test_what_is_found(filled: Any) -> None:
    wrong = {}
    for jql, numbers in FOUND.items():
        found = sorted(filled(jql, filled.uma))
        if found != keys(*numbers):
            wrong[jql] = found
    assert wrong == {}


REFUSED = {
    "nothing = 1": "Field 'nothing' does not exist",
    "cf[99999] = 1": "does not exist",
    "project = NONE": "The value 'NONE' does not exist for the field 'project'.",
    "project ~ DEMO": "The operator '~' is not supported by the 'project' field.",
    "project > DEMO": "The operator '>' is not supported",
    "summary = text": "The operator '=' is not supported by the 'summary' field.",
    "summary in (a)": "The operator 'in' is not supported",
    "summary ~ empty": "The operator '~' is not supported",
    "summary ~ now()": "Unable to find JQL function 'now()'.",
    "created > empty": "The operator '>' is not supported",
    "created > soon": "Date value 'soon' for field 'created' is invalid",
    "created > currentUser()": "Unable to find JQL function 'currentUser()'.",
    "status = Never": "The value 'Never' does not exist for the field 'status'.",
    "statusCategory = Never": "does not exist for the field 'statusCategory'",
    "status = now()": "Unable to find JQL function 'now()'.",
    "assignee = nobody": "The value 'nobody' does not exist for the field 'assignee'.",
    "assignee = whoever()": "Unable to find JQL function 'whoever()'.",
    "assignee = currentUser(1)": "Unable to find JQL function",
    "assignee in membersOf(none)": "can not find the group 'none'",
    "key = DEMO-99": "An issue with key 'DEMO-99' does not exist for field 'issuekey'.",
    "key in linkedIssues()": "Unable to find JQL function",
    "key in linkedIssues(DEMO-99)": "An issue with key 'DEMO-99'",
    "component = Backend": "The value 'Backend' does not exist for the field 'component'.",
    "labels = now()": "Unable to find JQL function",
    "votes > many": "is not a number",
    "votes > now()": "is not a number",
    "timespent = soon": "is not a number",
    "issue.property[my.prop].n > a": "is not a number",
    "issue.property[my.prop].n = now()": "Unable to find JQL function",
}


@pytest.mark.parametrize("jql", REFUSED)
def test_what_is_refused(filled: Any, jql: str) -> None:
    with pytest.raises(QueryError) as refused:
        filled(jql)
    assert REFUSED[jql] in str(refused.value)


def test_nobody_is_no_current_user(filled: Any) -> None:
    assert filled("assignee = currentUser()") == []
    assert filled("assignee != currentUser()") == ["DEMO-3", "DEMO-1"]


QUOTES = ("'", '"', "';--", "%", "_", "\\", "$.x", '"] or 1=1', "\x00", "a' or '1'='1", "*", "?")


@pytest.mark.parametrize("text", QUOTES)
def test_quotes_in_every_position_are_only_text(filled: Any, text: str) -> None:
    written = json.dumps(text, ensure_ascii=False).replace("\\u0000", "\\u0000")
    for jql in (
        f"summary ~ {written}",
        f"labels = {written}",
        f"text !~ {written}",
        f"issue.property[my.prop].n = {written}",
        f"'Team name' = {written}",
    ):
        found = filled(jql)
        assert set(found) <= set(ALL)
        if jql.startswith(("labels", "'Team", "issue")):
            assert found == []
    for jql in (f"project = {written}", f"assignee = {written}", f"{written} = 1"):
        with pytest.raises(QueryError):
            filled(jql)


def test_a_property_whose_name_is_hostile(filled: Any) -> None:
    for name in ("' or 1=1", '"', "a].b", "$", "x' || 'y"):
        try:
            found = filled(f"issue.property[{name}].n = 3")
        except QueryError:
            continue
        assert found == []


def test_a_field_has_one_row_and_several_names(find: Callable[..., list[str]]) -> None:
    world = find.world  # type: ignore[attr-defined]
    assert field_named("CreatedDate", world) is FIELDS["created"]
    assert {"key", "issuekey", "issue", "id"} <= set(FIELDS)
    assert all(name == name.lower() for name in FIELDS)


def test_times_are_those_of_the_site() -> None:
    assert NOW % DAY == 43_200
    assert parse("created > -1d").where is not None
