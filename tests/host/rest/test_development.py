"""Development information: a repository and what it lists."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from headway.host.providers import provided as limits
from host.rest.test_webhooks import Caller
from host.small_app import SmallApp, running
from host.small_stage import Stage

PATH = "/rest/devinfo/0.10"


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = Stage()
    yield made
    asyncio.run(made.site.close())


@pytest.fixture
def app(stage: Stage) -> Iterator[SmallApp]:
    modules = {"jiraDevelopmentTool": {"key": "tool", "name": {"value": "Tool"}}}
    with running() as made:
        stage.add(made, modules=modules, scopes=["READ", "WRITE", "DELETE"])
        yield made


@pytest.fixture
def caller(stage: Stage, app: SmallApp) -> Caller:
    return Caller(stage, app)


def thing(name: str, *issues: str, sequence: int = 1) -> dict[str, Any]:
    keys = list(issues or ("DEMO-1",))
    return {"id": name, "updateSequenceId": sequence, "issueKeys": keys, "name": name}


def repository(**members: Any) -> dict[str, Any]:
    return {"id": "r1", "name": "repo", "url": "https://x", "updateSequenceId": 1, **members}


def submit(caller: Caller, *repositories: Any, **more: Any) -> Any:
    return caller.ask("POST", f"{PATH}/bulk", {"repositories": list(repositories), **more})


def test_a_repository_is_taken_with_all_that_it_lists(caller: Caller, stage: Stage) -> None:
    answer = submit(
        caller,
        repository(
            branches=[thing("main")], commits=[thing("c1"), thing("c2")], pullRequests=[thing("p1")]
        ),
    )
    assert answer.status == 202
    assert answer.json["acceptedDevinfoEntities"] == {
        "r1": {"branches": ["main"], "commits": ["c1", "c2"], "pullRequests": ["p1"]}
    }
    assert answer.json["failedDevinfoEntities"] == {}
    kinds = [each.kind for each in stage.site.provided.of_issue(stage.issue.id)]
    assert kinds == ["branch", "commit", "commit", "pull_request"]
    found = caller.ask("GET", f"{PATH}/repository/r1").json
    assert (found["name"], [each["id"] for each in found["commits"]]) == ("repo", ["c1", "c2"])


def test_what_fails_is_told_in_its_place(caller: Caller) -> None:
    answer = submit(
        caller,
        repository(
            branches=[thing("main"), {"id": "b"}, "rubbish"], commits=[thing("c1", "NONE-1")]
        ),
        {"name": "no id"},
        "rubbish",
    )
    assert answer.json["acceptedDevinfoEntities"] == {"r1": {"branches": ["main"]}}
    failed = answer.json["failedDevinfoEntities"]
    assert [each["id"] for each in failed["r1"]["branches"]] == ["b", ""]
    assert "about no issue" in failed["r1"]["commits"][0]["errorMessages"][0]["message"]
    assert failed[""]["errorMessages"]
    assert answer.json["unknownIssueKeys"] == ["NONE-1"]


def test_what_does_not_fit_is_told(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PER_APP", 2)
    answer = submit(caller, repository(commits=[thing("c1"), thing("c2")]))
    assert answer.json["acceptedDevinfoEntities"] == {"r1": {"commits": ["c1"]}}
    other = submit(caller, repository() | {"id": "r2"})
    assert "at most" in other.json["failedDevinfoEntities"]["r2"]["errorMessages"][0]["message"]


def test_parts_and_wholes_are_deleted(caller: Caller) -> None:
    submit(caller, repository(branches=[thing("main")], commits=[thing("c1")]))
    assert caller.ask("DELETE", f"{PATH}/repository/r1/tag/main").status == 400
    assert caller.ask("DELETE", f"{PATH}/repository/r1/branch/main").status == 202
    found = caller.ask("GET", f"{PATH}/repository/r1").json
    assert (found["branches"], len(found["commits"])) == ([], 1)
    assert caller.ask("DELETE", f"{PATH}/repository/r1").status == 202
    assert caller.ask("GET", f"{PATH}/repository/r1").status == 404


def test_it_is_found_and_deleted_by_its_properties(caller: Caller) -> None:
    submit(caller, repository(commits=[thing("c1")]), properties={"installationId": "1"})
    exists = f"{PATH}/existsByProperties"
    assert caller.ask("GET", f"{exists}?fakeProperty=1").json == {
        "hasDataMatchingProperties": False
    }
    assert caller.ask("GET", f"{exists}?installationId=1").json == {
        "hasDataMatchingProperties": True
    }
    assert caller.ask("GET", exists).status == 400
    assert caller.ask("DELETE", f"{PATH}/bulkByProperties?installationId=1").status == 202
    assert caller.ask("GET", f"{PATH}/repository/r1").status == 404


def test_the_module_is_needed(stage: Stage) -> None:
    with running() as other:
        stage.add(other, modules={}, scopes=["READ", "WRITE", "DELETE"])
        assert submit(Caller(stage, other), repository()).status == 403
