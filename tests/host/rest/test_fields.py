from __future__ import annotations

from headway.host.world.catalog import SYSTEM_FIELDS
from headway.host.world.fields import KINDS
from host.rest.conftest import Asker

FLOAT = next(key for key in KINDS if key.endswith(":float"))


def test_fields(ask: Asker) -> None:
    body = {"name": "Points", "type": FLOAT, "description": "How large."}
    ask("POST", "field", body, 403, "user")
    made = ask("POST", "field", body, 201)
    ask("POST", "field", {"name": "x", "type": "x"}, 400)
    ask("POST", "field", {"name": 1, "type": FLOAT}, 400)
    every = ask("GET", "field", who="nobody")
    assert {one["id"] for one in every} == {*(f.id for f in SYSTEM_FIELDS), made["id"]}
    custom = ask("GET", "field/search?type=custom&query=POI")["values"]
    assert [one["id"] for one in custom] == [made["id"]]
    assert ask("GET", "field/search?id=summary")["total"] == 1
    assert ask("GET", "field/search?type=system")["total"] == len(SYSTEM_FIELDS)


def test_what_a_new_issue_takes(ask: Asker) -> None:
    brief = ask("GET", "issue/createmeta?projectKeys=DEMO", who="user")
    (project,) = brief["projects"]
    assert "fields" not in project["issuetypes"][0]
    query = f"projectIds={project['id']}&issuetypeNames=Sub-task&expand=projects.issuetypes.fields"
    (kind,) = ask("GET", f"issue/createmeta?{query}")["projects"][0]["issuetypes"]
    required = {name for name, one in kind["fields"].items() if one["required"]}
    assert required == {"summary", "issuetype", "project", "parent"}
    assert [one["name"] for one in kind["fields"]["issuetype"]["allowedValues"]] == ["Sub-task"]
    assert ask("GET", "issue/createmeta?issuetypeIds=10001")["projects"][0]["issuetypes"]
    assert ask("GET", "issue/createmeta", who="nobody")["projects"] == []  # may not create there


def test_the_newer_questions_for_a_new_issue(ask: Asker) -> None:
    kinds = ask("GET", "issue/createmeta/DEMO/issuetypes?maxResults=2")
    assert (kinds["total"], len(kinds["issueTypes"])) == (5, 2)
    one = ask("GET", f"issue/createmeta/DEMO/issuetypes/{kinds['issueTypes'][0]['id']}")
    assert {"summary", "project"} <= {field["fieldId"] for field in one["fields"]}
    ask("GET", "issue/createmeta/DEMO/issuetypes/1", status=404)
    ask("GET", "issue/createmeta/NONE/issuetypes", status=404)


def test_the_catalog(ask: Asker) -> None:
    for name, one in (
        *(("issuetype", "10002"), ("status", "Done"), ("priority", "1")),
        *(("resolution", "10000"), ("statuscategory", "done")),
    ):
        every = ask("GET", name)
        assert ask("GET", f"{name}/{one}") in every
        ask("GET", f"{name}/0", status=404)
    assert len(ask("GET", "issuetype/project?projectId=1")) == 5
    ask("GET", "issuetype/project?projectId=99", status=404)


def test_labels_of_what_may_be_seen(ask: Asker) -> None:
    ask("PUT", "issue/DEMO-1", {"fields": {"labels": ["b", "a"]}}, 204)
    ask("PUT", "issue/PUB-1", {"fields": {"labels": ["a", "c"]}}, 204)
    assert ask("GET", "label")["values"] == ["a", "b", "c"]
    assert ask("GET", "label", who="nobody")["values"] == ["a", "c"]
