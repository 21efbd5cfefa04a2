from __future__ import annotations

from typing import Any

import pytest

from headway.host.shapes import document
from headway.host.world.fields import KINDS
from host.rest.conftest import Asker
from host.small_site import SmallSite

AREA = next(key for key in KINDS if key.endswith(":textarea"))
FLOAT = next(key for key in KINDS if key.endswith(":float"))
ISSUE = "issue/DEMO-1"


@pytest.fixture(autouse=True)
def _parts(site: SmallSite) -> None:
    project = site.world.tracker.project("DEMO")
    assert project is not None
    site.world.components.add_component(project.id, "Back end")
    site.world.components.add_component(project.id, "Front end")
    site.world.components.add_version(project.id, "1.0")
    site.world.fields.add("Points", FLOAT)
    site.world.fields.add("Notes", AREA)


GOOD: list[tuple[str, Any, Any]] = [
    ("summary", "New", "New"),
    ("description", "text", "text"),
    ("description", document("text"), "text"),
    ("description", None, None),
    ("environment", "here", "here"),
    ("labels", ["b", "a", "a"], ["a", "b"]),
    ("labels", [], []),
    ("duedate", "2022-02-01", "2022-02-01"),
    ("duedate", None, None),
    ("assignee", None, None),
    ("assignee", {"accountId": "-1"}, None),
    ("parent", None, None),
    ("customfield_10001", 3, 3),
    ("customfield_10002", document("note"), "note"),
    ("customfield_10002", None, None),
]


@pytest.mark.parametrize(("field", "value", "kept"), GOOD)
def test_a_field_that_is_set(ask: Asker, field: str, value: Any, kept: Any) -> None:
    ask("PUT", ISSUE, {"fields": {field: value}}, 204)
    assert ask("GET", f"{ISSUE}?fields={field}")["fields"][field] == kept


NAMED: list[tuple[str, Any, str]] = [
    ("issuetype", {"name": "Bug"}, "Bug"),
    ("issuetype", {"id": "10002"}, "Bug"),
    ("priority", {"id": "1"}, "Highest"),
    ("priority", {"name": "Low"}, "Low"),
]


@pytest.mark.parametrize(("field", "value", "name"), NAMED)
def test_a_field_that_names_something(ask: Asker, field: str, value: Any, name: str) -> None:
    ask("PUT", ISSUE, {"fields": {field: value}}, 204)
    assert ask("GET", f"{ISSUE}?fields={field}")["fields"][field]["name"] == name


def test_people(ask: Asker, uma: str) -> None:
    for given in ({"accountId": uma}, {"id": uma}, uma):
        ask("PUT", ISSUE, {"fields": {"assignee": given, "reporter": given}}, 204)
    fields = ask("GET", ISSUE)["fields"]
    assert fields["assignee"]["accountId"] == fields["reporter"]["accountId"] == uma
    ask("PUT", ISSUE, {"fields": {"assignee": {"accountId": "account-my-app"}}}, 204)
    assert ask("GET", ISSUE)["fields"]["assignee"]["accountType"] == "app"
    errors = ask("PUT", ISSUE, {"fields": {"reporter": {"accountId": uma}}}, 400, "user")
    assert "permission" in errors["errors"]["reporter"]


def test_parts_and_time(ask: Asker) -> None:
    fields = {
        "components": [{"name": "Back end"}, {"id": "2"}],
        "versions": [{"name": "1.0"}],
        "timetracking": {"originalEstimate": "1d", "remainingEstimate": "4h"},
    }
    ask("PUT", ISSUE, {"fields": fields}, 204)
    found = ask("GET", ISSUE)["fields"]
    assert [one["name"] for one in found["components"]] == ["Back end", "Front end"]
    assert [one["name"] for one in found["versions"]] == ["1.0"]
    assert found["timetracking"]["remainingEstimate"] == "4h"
    ask("PUT", ISSUE, {"update": {"timetracking": [{"edit": {"originalEstimate": "2h"}}]}}, 204)
    assert ask("GET", ISSUE)["fields"]["timetracking"]["remainingEstimate"] == "2h"


BAD: list[tuple[str, Any]] = [
    *(("summary", value) for value in ("", " ", 1, None, "x" * 256, "a\nb")),
    *(("description", value) for value in (1, {"type": "text"}, "x" * 32_768)),
    *(("issuetype", value) for value in ("Bug", {"name": "x"}, {"id": "1"})),
    *(("priority", value) for value in ("High", {"name": "x"}, {})),
    *(("assignee", value) for value in ({"accountId": "none"}, {"accountId": 1}, 1)),
    *(("reporter", value) for value in (None, {"accountId": "none"})),
    *(("labels", value) for value in ("a", [1], ["a b"], [""], ["x"] * 101)),
    *(("duedate", value) for value in (1, "soon", "2022-02-30")),
    *(("parent", value) for value in ("DEMO-2", {"key": "DEMO-1"}, {"key": "PUB-1"}, {})),
    *(("components", value) for value in ({}, [{"name": "x"}], [{"id": "99"}], ["Back end"])),
    *(("timetracking", value) for value in ("1d", {"originalEstimate": "x"})),
    *(("customfield_10001", value) for value in ("3", True)),
    *((name, "x") for name in ("customfield_99999", "status", "nothing", "created")),
]


@pytest.mark.parametrize(("field", "value"), BAD)
def test_a_field_that_can_not_be_set(ask: Asker, site: SmallSite, field: str, value: Any) -> None:
    before = site.world.tracker.issue("DEMO-1")
    body = {"fields": {"labels": ["x"], field: value}}
    assert set(ask("PUT", ISSUE, body, 400)["errors"]) == {field}
    assert site.world.tracker.issue("DEMO-1") == before


UPDATES: list[tuple[str, Any, list[str]]] = [
    ("labels", [{"add": "c"}], ["a", "b", "c"]),
    ("labels", [{"remove": "a"}], ["b"]),
    ("labels", [{"remove": "a"}, {"add": "d"}], ["b", "d"]),
    ("labels", [{"set": ["x"]}, {"add": "y"}], ["x", "y"]),
    ("labels", [{"add": "a"}], ["b", "a"]),
]


@pytest.mark.parametrize(("field", "operations", "kept"), UPDATES)
def test_an_update(ask: Asker, field: str, operations: Any, kept: list[str]) -> None:
    ask("PUT", ISSUE, {"fields": {"labels": ["a", "b"]}}, 204)
    ask("PUT", ISSUE, {"update": {field: operations}}, 204)
    assert ask("GET", ISSUE)["fields"][field] == kept


def test_an_update_of_parts(ask: Asker) -> None:
    ask("PUT", ISSUE, {"update": {"components": [{"add": {"name": "Back end"}}]}}, 204)
    ask("PUT", ISSUE, {"update": {"components": [{"add": {"id": "2"}}]}}, 204)
    assert len(ask("GET", ISSUE)["fields"]["components"]) == 2
    ask("PUT", ISSUE, {"update": {"components": [{"remove": {"id": "1"}}]}}, 204)
    assert [one["id"] for one in ask("GET", ISSUE)["fields"]["components"]] == ["2"]


@pytest.mark.parametrize(
    "update",
    [
        {"labels": {"add": "x"}},
        {"labels": [{"add": "x", "remove": "y"}]},
        {"labels": [{"add": "a b"}]},
        {"labels": [{"turn": "x"}]},
        {"summary": [{"add": "x"}]},
        {"comment": [{"set": {}}]},
        {"comment": [{"add": "text"}]},
        {"nothing": [{"set": "x"}]},
        {"components": [{"add": {"name": "x"}}]},
    ],
)
def test_an_update_that_is_none(ask: Asker, update: Any) -> None:
    assert set(ask("PUT", ISSUE, {"update": update}, 400)["errors"]) == set(update)


def test_what_is_no_object(ask: Asker) -> None:
    for body in ({"fields": []}, {"update": "x"}, {"fields": 1}):
        ask("PUT", ISSUE, body, 400)
    ask("PUT", ISSUE, {"fields": None, "update": None}, 204)
