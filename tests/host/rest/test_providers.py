"""Bulk submissions: each kind is taken, read back, found on its issue, and deleted."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from asking import ask

from headway.host.providers import provided as limits
from headway.host.providers.kinds import KINDS, Kind
from headway.host.rest.providers import ONLY_UNKNOWN
from host.rest.test_webhooks import Caller
from host.small_app import SmallApp, running
from host.small_stage import Stage

ALL = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
SCOPES = ["READ", "WRITE", "DELETE"]
LINKED = "/rest/security/1.0/linkedWorkspaces"


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = Stage()
    yield made
    asyncio.run(made.site.close())


@pytest.fixture
def app(stage: Stage) -> Iterator[SmallApp]:
    modules = {kind.module: {"key": kind.name, "name": {"value": "P"}} for kind in KINDS}
    with running() as made:
        stage.add(made, modules=modules, scopes=SCOPES)
        yield made


@pytest.fixture
def caller(stage: Stage, app: SmallApp) -> Caller:
    return Caller(stage, app)


def entity(kind: Kind, name: str = "one", sequence: int = 1, *issues: str) -> dict[str, Any]:
    made: dict[str, Any] = {kind.sequence: sequence, "displayName": "D"}
    for steps in kind.key.values():
        place = made
        for step in steps[:-1]:
            place = place.setdefault(step, {})
        place[steps[-1]] = 7 if steps[-1].endswith("Number") else name
    issues = issues or ("DEMO-1",)
    made["associations"] = [{"associationType": "issueIdOrKeys", "values": list(issues)}]
    return made


def one(kind: Kind, name: str = "one") -> str:
    path = kind.one
    for part in kind.key:
        path = path.replace(f"{{{part}}}", "7" if part.endswith("Number") else name)
    return f"{kind.path}{path}"


def submit(caller: Caller, kind: Kind, *entities: Any, **more: Any) -> Any:
    body = {kind.member: list(entities), **more}
    return caller.ask("POST", f"{kind.path}/bulk", body)


@ALL
def test_it_is_taken_read_and_deleted(caller: Caller, stage: Stage, kind: Kind) -> None:
    sent = entity(kind)
    answer = submit(caller, kind, sent)
    assert answer.status == 202
    key = kind.key_of(sent)
    assert answer.json[kind.accepted] == [key if kind.listed else "one"]
    assert not answer.json[kind.rejected]
    assert answer.json["unknownIssueKeys"] == []
    assert caller.ask("GET", one(kind)).json == sent
    assert len(stage.site.provided.of_issue(stage.issue.id)) == 1
    assert caller.ask("DELETE", f"{one(kind)}?_updateSequenceNumber=0").status == 202
    assert caller.ask("GET", one(kind)).status == 200
    assert caller.ask("DELETE", one(kind)).status == 202
    assert caller.ask("GET", one(kind)).status == 404


@ALL
def test_what_is_wrong_is_rejected_one_by_one(caller: Caller, kind: Kind) -> None:
    answer = submit(
        caller, kind, entity(kind), {}, "rubbish", entity(kind, "two", 1, "NONE-1", "DEMO-1")
    )
    assert len(answer.json[kind.accepted]) == 2
    rejected = answer.json[kind.rejected]
    errors = [each["errors"] for each in rejected] if kind.listed else list(rejected.values())
    assert "is missing" in errors[0][0]["message"] or "is not an object" in errors[0][0]["message"]
    assert answer.json["unknownIssueKeys"] == ["NONE-1"]


@ALL
def test_what_is_about_no_issue_is_kept_where_it_may(caller: Caller, kind: Kind) -> None:
    answer = submit(caller, kind, entity(kind, "one", 1, "NONE-1"))
    assert bool(answer.json[kind.accepted]) is kind.alone
    if not kind.alone:
        assert ONLY_UNKNOWN in str(answer.json[kind.rejected])


@ALL
def test_an_older_one_is_accepted_and_left_aside(caller: Caller, kind: Kind) -> None:
    submit(caller, kind, entity(kind, sequence=5))
    older = entity(kind, sequence=4) | {"displayName": "Older"}
    assert submit(caller, kind, older).json[kind.accepted]
    assert caller.ask("GET", one(kind)).json["displayName"] == "D"


@ALL
def test_they_are_deleted_by_their_properties(caller: Caller, kind: Kind) -> None:
    submit(caller, kind, entity(kind, "one"), properties={"account": "1", "repo": "a"})
    submit(caller, kind, entity(kind, "two"), properties={"account": "1"})
    path = f"{kind.path}/bulkByProperties"
    assert caller.ask("DELETE", path).status == 400
    assert caller.ask("DELETE", f"{path}?account=1&_updateSequenceId=x").status == 400
    assert caller.ask("DELETE", f"{path}?account=1&repo=a").status == 202
    assert caller.ask("GET", one(kind)).status == 404
    assert caller.ask("GET", one(kind, "two")).status == 200
    caller.ask("DELETE", f"{path}?account=1")
    assert caller.ask("GET", one(kind, "two")).status == 404


def test_issues_are_added_and_removed(caller: Caller, stage: Stage) -> None:
    kind = next(kind for kind in KINDS if kind.name == "designs")
    base = {"id": "one", "updateSequenceNumber": 1}
    pair = [{"associationType": "issueKeys", "values": ["DEMO-1", "DEMO-2"]}]
    submit(caller, kind, base | {"addAssociations": pair})
    gone = [{"associationType": "issueKeys", "values": ["DEMO-1", "NONE-1"]}]
    submit(caller, kind, base | {"updateSequenceNumber": 2, "removeAssociations": gone})
    other = stage.site.world.tracker.issue("DEMO-2")
    assert other is not None
    assert stage.site.provided.issues_of("my-app", "designs", ["one"]) == [other.id]


def test_what_is_no_association_with_an_issue_is_told(caller: Caller) -> None:
    kind = next(kind for kind in KINDS if kind.name == "deployments")
    service = {"associationType": "serviceIdOrKeys", "values": ["s"]}
    sent = entity(kind)
    sent["associations"].append(service)
    assert submit(caller, kind, sent).json["unknownAssociations"] == [service]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"builds": []},
        {"builds": "x"},
        {"builds": [{}] * 1001},
        {"builds": [{}], "properties": []},
        {"builds": [{}], "properties": dict.fromkeys("abcdef", "1")},
        {"builds": [{}], "properties": {"_a": "1"}},
    ],
)
def test_a_bad_submission_is_refused_whole(caller: Caller, body: Any) -> None:
    assert caller.ask("POST", "/rest/builds/0.1/bulk", body).status == 400


def test_an_app_has_so_many(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PER_APP", 1)
    answer = submit(caller, KINDS[0], entity(KINDS[0], "one"), entity(KINDS[0], "two"))
    assert len(answer.json["acceptedBuilds"]) == 1
    assert "at most" in answer.json["rejectedBuilds"][0]["errors"][0]["message"]


@ALL
def test_only_an_app_with_the_module_may(stage: Stage, caller: Caller, kind: Kind) -> None:
    headers = [("Host", "localhost:2990")]
    assert ask(stage.site.asgi(), "GET", one(kind), headers).status == 403
    with running() as other:
        stage.add(other, key="other-app", modules={}, scopes=SCOPES)
        theirs = Caller(stage, other, "other-app")
        answer = submit(theirs, kind, entity(kind))
        assert answer.status == 403
        assert kind.module in answer.message


def test_no_app_reaches_what_another_has(stage: Stage, caller: Caller) -> None:
    kind = KINDS[0]
    submit(caller, kind, entity(kind))
    with running() as other:
        modules = {kind.module: {"key": "p", "name": {"value": "P"}}}
        stage.add(other, key="other-app", modules=modules, scopes=SCOPES)
        theirs = Caller(stage, other, "other-app")
        assert theirs.ask("GET", one(kind)).status == 404
        assert theirs.ask("DELETE", one(kind)).status == 202
    assert caller.ask("GET", one(kind)).status == 200


def test_a_scope_is_needed(stage: Stage) -> None:
    with running() as reader:
        modules = {KINDS[0].module: {"key": "p", "name": {"value": "P"}}}
        stage.add(reader, modules=modules, scopes=["READ"])
        answer = submit(Caller(stage, reader), KINDS[0], entity(KINDS[0]))
        assert answer.status == 403
        assert "scope" in answer.message


def test_all_of_it_goes_with_the_app(stage: Stage, caller: Caller) -> None:
    submit(caller, KINDS[0], entity(KINDS[0]))
    asyncio.run(stage.site.jira.installer.uninstall("my-app"))
    assert stage.site.provided.of_issue(stage.issue.id) == []


def test_workspaces_are_linked(caller: Caller) -> None:
    assert caller.ask("POST", f"{LINKED}/bulk", {"workspaceIds": ["a", "b"]}).status == 202
    assert caller.ask("GET", LINKED).json == {"workspaceIds": ["a", "b"]}
    assert caller.ask("GET", f"{LINKED}/a").json == {"workspaceId": "a"}
    assert caller.ask("DELETE", f"{LINKED}/bulk").status == 400
    assert caller.ask("DELETE", f"{LINKED}/bulk?workspaceIds=a,x").status == 202
    assert caller.ask("GET", f"{LINKED}/a").status == 404
    assert caller.ask("GET", LINKED).json == {"workspaceIds": ["b"]}


def test_nothing_holds_up_a_deployment(caller: Caller) -> None:
    kind = next(kind for kind in KINDS if kind.name == "deployments")
    path = f"{one(kind)}/gating-status"
    assert caller.ask("GET", path).status == 404
    sent = {**entity(kind), "lastUpdated": "2022-01-01T00:00:00Z"}
    assert caller.ask("POST", f"{kind.path}/bulk", {"deployments": [sent]}).status == 202
    answer = caller.ask("GET", path)
    assert answer.status == 200
    assert answer.json["gatingStatus"] == "allowed"
    assert answer.json["details"] == []
    assert answer.json["updatedTimestamp"] == "2022-01-01T00:00:00Z"
    assert answer.json.keys() >= {"pipelineId", "environmentId", "deploymentSequenceNumber"}
