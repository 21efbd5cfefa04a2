"""The judge of the answers: the host's published description, and what its clients read."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from asking import Answer

from headway.host.rest import (
    attachments,
    comments,
    components,
    fields,
    issues,
    links,
    permissions,
    projects,
    properties,
    search,
    server,
    users,
    worklogs,
)
from headway.host.rest.scopes import INACCESSIBLE, OWN, SCOPES, template
from headway.host.rest.table import ENDPOINTS
from headway.host.shapes import document
from headway.host.world.fields import KINDS
from host.rest.described import Description
from host.small_site import SmallSite

DESCRIPTION = Description(Path(__file__).parent / "jira_v3.json")
NUMBER = next(key for key in KINDS if key.endswith(":float"))
ADF = document("a text")
EXPAND = "names,schema,transitions,editmeta,changelog,renderedFields"
API = "/rest/api/3"
APP = "/rest/atlassian-connect/1/addons/my-app/properties"

JUDGED = (
    *(server, users, projects, components, fields, issues, comments, worklogs),
    *(links, properties, permissions, attachments, search),
)

# Each row is a call: method, path, body, status, and the name that its answer is kept under.
Row = tuple[Any, ...]
SCENARIO: list[Row] = [
    # ---- the site
    *(("GET", f"{API}/{path}", b"", 200) for path in (
        "serverInfo", "myself", "configuration", "application-properties",
        "permissions", "mypermissions?permissions=BROWSE_PROJECTS,ADMINISTER",
        "issuetype", "issuetype/10001", "status", "status/10001", "statuscategory",
        "statuscategory/new", "priority", "priority/1", "resolution", "resolution/10000",
        "issueLinkType", "issueLinkType/10000", "project/type", "role", "attachment/meta",
    )),
    ("GET", f"{API}/statuscategory/2", b"", 200),
    # ---- people
    ("POST", f"{API}/user", {"emailAddress": "n@example.com", "displayName": "New"}, 201, "user"),
    *(("GET", f"{API}/{path}", b"", 200) for path in (
        "user?accountId={user[accountId]}&expand=groups,applicationRoles",
        "user/bulk?accountId={user[accountId]}", "user/search?query=new", "users", "users/search",
        "user/assignable/search?project=DEMO", "user/picker?query=new",
        "user/groups?accountId={user[accountId]}", "groups/picker?query=jira", "group/bulk",
        "user/email?accountId={user[accountId]}",
    )),
    ("POST", f"{API}/group", {"name": "writers"}, 201),
    ("POST", f"{API}/group/user?groupname=writers", {"accountId": "{user[accountId]}"}, 201),
    ("GET", f"{API}/group/member?groupname=writers", b"", 200),
    ("GET", f"{API}/group?groupname=writers", b"", 200),
    # ---- a project
    ("POST", f"{API}/project",
     {"key": "NEW", "name": "New one", "leadAccountId": "{user[accountId]}",
      "projectTypeKey": "software"}, 201, "project"),
    ("PUT", f"{API}/project/NEW", {"description": "text", "url": "http://example.com"}, 200),
    ("GET", f"{API}/project/NEW", b"", 200),
    ("GET", f"{API}/project?expand=lead,description", b"", 200),
    ("GET", f"{API}/project/search?query=new&expand=lead,issueTypes", b"", 200),
    ("GET", f"{API}/project/NEW/statuses", b"", 200),
    ("GET", f"{API}/issuetype/project?projectId={{project[id]}}", b"", 200),
    ("GET", f"{API}/project/NEW/role", b"", 200),
    ("GET", f"{API}/project/NEW/role/10002", b"", 200),
    ("POST", f"{API}/project/NEW/role/10002", {"group": ["writers"]}, 200),
    ("PUT", f"{API}/project/NEW/role/10002",
     {"categorisedActors": {"atlassian-user-role-actor": ["{user[accountId]}"]}}, 200),
    ("DELETE", f"{API}/project/NEW/role/10002?user={{user[accountId]}}", b"", 204),
    ("POST", f"{API}/component",
     {"project": "NEW", "name": "Back end", "leadAccountId": "{user[accountId]}"}, 201, "part"),
    ("PUT", f"{API}/component/{{part[id]}}", {"description": "text"}, 200),
    ("GET", f"{API}/component/{{part[id]}}", b"", 200),
    ("GET", f"{API}/project/NEW/components", b"", 200),
    ("GET", f"{API}/project/NEW/component", b"", 200),
    ("POST", f"{API}/version",
     {"projectId": "{project[id]}", "name": "1.0", "releaseDate": "2022-02-01"}, 201, "release"),
    ("PUT", f"{API}/version/{{release[id]}}", {"released": True}, 200),
    ("GET", f"{API}/version/{{release[id]}}", b"", 200),
    ("GET", f"{API}/project/NEW/versions", b"", 200),
    ("GET", f"{API}/project/NEW/version", b"", 200),
    # ---- fields
    ("POST", f"{API}/field", {"name": "Points", "type": NUMBER}, 201, "points"),
    ("GET", f"{API}/field", b"", 200),
    ("GET", f"{API}/field/search", b"", 200),
    # ---- issues
    ("GET", f"{API}/issue/createmeta?projectKeys=NEW&expand=projects.issuetypes.fields", b"", 200),
    ("POST", f"{API}/issue",
     {"fields": {
         "project": {"key": "NEW"}, "summary": "One", "issuetype": {"name": "Bug"},
         "description": ADF, "labels": ["a"], "priority": {"name": "High"},
         "components": [{"id": "{part[id]}"}], "fixVersions": [{"name": "1.0"}],
         "assignee": {"accountId": "{user[accountId]}"}, "duedate": "2022-02-01",
         "timetracking": {"originalEstimate": "1d"}},
      "properties": [{"key": "k", "value": {"a": 1}}]}, 201, "issue"),
    ("POST", f"{API}/issue/bulk",
     {"issueUpdates": [
         {"fields": {"project": {"id": "{project[id]}"}, "summary": "Two",
                     "issuetype": {"id": "10001"}}},
         {"fields": {"project": {"key": "NEW"}, "issuetype": {"id": "10001"}}}]}, 201, "many"),
    ("PUT", f"{API}/issue/{{issue[key]}}",
     {"fields": {"summary": "New"}, "update": {"labels": [{"add": "b"}],
                                               "comment": [{"add": {"body": ADF}}]}}, 204),
    ("PUT", f"{API}/issue/{{issue[key]}}/assignee", {"accountId": None}, 204),
    ("GET", f"{API}/label", b"", 200),
    ("GET", f"{API}/issue/{{issue[key]}}/transitions?expand=transitions.fields", b"", 200),
    ("POST", f"{API}/issue/{{issue[key]}}/transitions",
     {"transition": {"id": "31"}, "fields": {"resolution": {"name": "Duplicate"}}}, 204),
    ("GET", f"{API}/issue/{{issue[key]}}/editmeta", b"", 200),
    ("GET", f"{API}/issue/{{issue[key]}}/changelog", b"", 200),
    ("GET", f"{API}/issue/{{issue[key]}}?properties=*all&expand={EXPAND}", b"", 200),
    # ---- what hangs on them
    ("POST", f"{API}/issue/{{issue[key]}}/comment?expand=renderedBody",
     {"body": ADF, "visibility": {"type": "role", "value": "atlassian-addons-project-access"}},
     201, "comment"),
    ("PUT", f"{API}/issue/{{issue[key]}}/comment/{{comment[id]}}", {"body": ADF}, 200),
    ("GET", f"{API}/issue/{{issue[key]}}/comment/{{comment[id]}}", b"", 200),
    ("GET", f"{API}/issue/{{issue[key]}}/comment?expand=properties&orderBy=-created", b"", 200),
    ("POST", f"{API}/comment/list?expand=properties", {"ids": ["{comment[id]}"]}, 200),
    ("POST", f"{API}/issue/{{issue[key]}}/worklog",
     {"timeSpent": "3h 20m", "comment": ADF, "started": "2022-02-01T00:00:00.000+0000"},
     201, "work"),
    ("PUT", f"{API}/issue/{{issue[key]}}/worklog/{{work[id]}}", {"timeSpentSeconds": 60}, 200),
    ("GET", f"{API}/issue/{{issue[key]}}/worklog/{{work[id]}}", b"", 200),
    ("GET", f"{API}/issue/{{issue[key]}}/worklog", b"", 200),
    ("POST", f"{API}/issueLink",
     {"type": {"name": "Blocks"}, "inwardIssue": {"key": "{issue[key]}"},
      "outwardIssue": {"key": "{many[issues][0][key]}"}}, 201),
    ("GET", f"{API}/issue/{{issue[key]}}?fields=issuelinks", b"", 200, "linked"),
    ("GET", f"{API}/issueLink/{{linked[fields][issuelinks][0][id]}}", b"", 200),
    ("POST", f"{API}/issue/{{issue[key]}}/watchers", b"", 204),
    ("GET", f"{API}/issue/{{issue[key]}}/watchers", b"", 200),
    ("DELETE", f"{API}/issue/{{issue[key]}}/watchers?accountId=account-all", b"", 204),
    ("POST", f"{API}/issue/DEMO-1/votes", b"", 204),
    ("GET", f"{API}/issue/DEMO-1/votes", b"", 200),
    ("DELETE", f"{API}/issue/DEMO-1/votes", b"", 204),
    ("POST", f"{API}/jql/parse", {"queries": ["project = NEW"]}, 200),
    ("GET", f"{API}/search?jql=project%3DNEW", b"", 200),
    ("POST", f"{API}/search", {"jql": "project = NEW"}, 200),
    # ---- properties
    *((method, f"{API}/{path}", body, status)
      for path in ("issue/{issue[key]}/properties", "project/NEW/properties",
                   "comment/{comment[id]}/properties",
                   "issue/{issue[key]}/worklog/{work[id]}/properties")
      for method, path, body, status in (
          ("PUT", f"{path}/p", {"a": 1}, 201), ("PUT", f"{path}/p", {"a": 2}, 200),
          ("GET", path, b"", 200), ("GET", f"{path}/p", b"", 200),
          ("DELETE", f"{path}/p", b"", 204))),
    *((method, f"{API}/user/properties{path}?accountId={{user[accountId]}}", body, status)
      for method, path, body, status in (
          ("PUT", "/p", 1, 201), ("GET", "", b"", 200), ("GET", "/p", b"", 200),
          ("DELETE", "/p", b"", 204))),
    # ---- rights
    ("POST", f"{API}/permissions/check",
     {"accountId": "{user[accountId]}", "globalPermissions": ["ADMINISTER"],
      "projectPermissions": [
          {"projects": ["{project[id]}"], "permissions": ["EDIT_ISSUES"]}]}, 200),
    ("POST", f"{API}/permissions/project", {"permissions": ["EDIT_ISSUES"]}, 200),
    # ---- and all of it goes
    ("DELETE", f"{API}/issueLink/{{linked[fields][issuelinks][0][id]}}", b"", 204),
    ("DELETE", f"{API}/issue/{{issue[key]}}/worklog/{{work[id]}}", b"", 204),
    ("DELETE", f"{API}/issue/{{issue[key]}}/comment/{{comment[id]}}", b"", 204),
    ("DELETE", f"{API}/issue/{{issue[key]}}", b"", 204),
    ("DELETE", f"{API}/version/{{release[id]}}", b"", 204),
    ("DELETE", f"{API}/component/{{part[id]}}", b"", 204),
    ("DELETE", f"{API}/project/NEW", b"", 204),
    ("DELETE", f"{API}/group/user?groupname=writers&accountId={{user[accountId]}}", b"", 200),
    ("DELETE", f"{API}/group?groupname=writers", b"", 200),
    ("DELETE", f"{API}/user?accountId={{user[accountId]}}", b"", 204),
]  # fmt: skip

ELSEWHERE = {
    "DELETE /rest/api/{version}/attachment/{}",
    "GET /rest/api/{version}/attachment/content/{}",
    "GET /rest/api/{version}/attachment/thumbnail/{}",
    "GET /rest/api/{version}/attachment/{}",
    "POST /rest/api/{version}/issue/{}/attachments",
    "POST /rest/api/{version}/jql/match",
}
"""Operations whose answers are bytes, or which their own tests call."""


def filled(value: Any, kept: dict[str, Any]) -> Any:
    """*value* with what earlier answers said."""
    if isinstance(value, str):
        return value.format_map(kept) if "{" in value else value
    if isinstance(value, dict):
        return {name: filled(each, kept) for name, each in value.items()}
    if isinstance(value, list):
        return [
            int(f) if each == "{project[id]}" else f for each in value for f in [filled(each, kept)]
        ]
    return value


def operation(method: str, path: str) -> str | None:
    """The described operation that a path is a call of."""
    return DESCRIPTION.operation(method, path.replace(API, "/rest/api/{version}"))


def ask(site: SmallSite, method: str, path: str, body: Any) -> Answer:
    """Ask as an app with every scope, or as an administrator what no app may ask."""
    if path.startswith(APP):
        return site.ask_signed(method, path, body, "my-app")
    known = operation(method, path) or ""
    verb, _, place = known.partition(" ")
    if SCOPES.get((verb, place)) != INACCESSIBLE:
        return site.ask_signed(method, path, body, "all")
    cookie, session = site.log_in("admin")
    return site.ask(method, path, {"Cookie": cookie, "X-Headway-CSRF": session.csrf}, body)


def test_every_answer_is_what_the_description_says(capsys: pytest.CaptureFixture[str]) -> None:
    site = SmallSite()
    site.add_app("all", "ADMIN", "ACCESS_EMAIL_ADDRESSES")
    site.add_app("my-app", "NONE")
    kept: dict[str, Any] = {}
    wrong: list[str] = []
    called: set[str] = set()
    apps = [
        ("PUT", f"{APP}/p", {"a": 1}, 201), ("PUT", f"{APP}/p", 2, 200), ("GET", APP, b"", 200),
        ("GET", f"{APP}/p", b"", 200), ("DELETE", f"{APP}/p", b"", 204),
    ]  # fmt: skip
    for method, path, body, status, *name in (*SCENARIO, *apps):
        path = filled(path, kept)
        answer = ask(site, method, path, filled(body, kept))
        assert answer.status == status, (method, path, answer.status, answer.body[:500])
        if name:
            kept[name[0]] = answer.json
        known = operation(method, path)
        assert known, (method, path)
        called.add(known)
        shape = answer.json if answer.body else None
        wrong += [f"{known}: {fault}" for fault in DESCRIPTION.faults(known, status, shape)]
    assert wrong == []
    assert set(DESCRIPTION.operations) - called == ELSEWHERE & set(DESCRIPTION.operations)
    rows = {(e.method, template(e.path)) for e in ENDPOINTS if e.path.startswith("/rest/")}
    with capsys.disabled():
        sys.stdout.write(
            f"\nJira's REST API: {len(called)} operations validated against the description of"
            f" January 2022; {len(rows) - len(called)} against what clients expect\n"
        )


def test_every_endpoint_of_these_kinds_is_in_the_facts() -> None:
    own = {(fact.method, template(fact.path)) for fact in OWN}
    rows = {(e.method, template(e.path)) for kind in JUDGED for e in kind.ENDPOINTS}
    described = {(m, path) for m, path in rows - own if path.startswith("/rest/")}
    assert {f"{method} {path}" for method, path in described} <= set(DESCRIPTION.operations)


def test_the_judge_sees_what_is_wrong() -> None:
    def faults(value: Any, kind: Any) -> list[str]:
        return list(DESCRIPTION.of_type(value, kind))

    comment = {"id": "1", "body": ADF}
    assert faults(comment, "Comment") == []
    assert faults({"id": 1}, "Comment") == ["$<Comment>.id: 1 is no string"]
    assert faults([], "Comment")
    assert faults({}, ["string"])
    assert faults([True], ["integer"])
    assert faults(1, {"*": "string"})
    assert faults({"a": 1}, {"*": "string"})
    assert faults({"x": 1}, "ProjectIdentifiers")
    assert DESCRIPTION.faults(operation("GET", f"{API}/myself") or "", 201, {})
    assert all(json.dumps(kind) for kind in DESCRIPTION.types.values())
