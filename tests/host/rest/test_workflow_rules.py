"""An app reads, changes and deletes the rules that are its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from asking import ask

from headway.host.events.post_functions import WORKFLOW, Rule
from headway.host.world.catalog import TRANSITIONS
from host.rest.test_webhooks import Caller
from host.small_app import SmallApp, running
from host.small_stage import Stage

PATH = "/rest/api/3/workflow/rule/config"
ID = {"name": WORKFLOW, "draft": False}
FUNCTION = {"key": "notify", "name": {"value": "Notify"}, "triggered": {"url": "/triggered"}}


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = Stage()
    yield made
    asyncio.run(made.site.close())


@pytest.fixture
def app(stage: Stage) -> Iterator[SmallApp]:
    with running() as made:
        modules = {"jiraWorkflowPostFunctions": [FUNCTION]}
        stage.add(made, modules=modules, scopes=["ADMIN", "READ"])
        yield made


@pytest.fixture
def caller(stage: Stage, app: SmallApp) -> Caller:
    return Caller(stage, app)


@pytest.fixture
def rule(stage: Stage, app: SmallApp) -> Rule:
    return stage.site.post_functions.add(TRANSITIONS[0].id, "my-app", "notify", "red")


def changed(rule_id: str, value: str = "blue", workflow: Any = ID) -> dict[str, Any]:
    change = {"id": rule_id, "configuration": {"value": value}}
    return {"workflows": [{"workflowId": workflow, "postFunctions": [change]}]}


def test_an_app_reads_its_own(caller: Caller, rule: Rule) -> None:
    step = TRANSITIONS[0]
    answer = caller.ask("GET", f"{PATH}?types=postfunction,validator")
    assert answer.json["values"] == [
        {
            "workflowId": ID,
            "postFunctions": [
                {
                    "id": rule.id,
                    "key": "notify",
                    "configuration": {"value": "red", "disabled": False},
                    "transition": {"id": step.id, "name": step.name},
                }
            ],
            "conditions": [],
            "validators": [],
        }
    ]
    for narrowed in (
        "types=condition",
        "types=postfunction&keys=x",
        "types=postfunction&draft=true",
    ):
        assert caller.ask("GET", f"{PATH}?{narrowed}").json["total"] == 0


def test_it_changes_and_deletes_them(caller: Caller, stage: Stage, rule: Rule) -> None:
    answer = caller.ask("PUT", PATH, changed(rule.id))
    assert answer.json == {
        "updateResults": [{"workflowId": ID, "ruleUpdateErrors": {}, "updateErrors": []}]
    }
    assert stage.site.post_functions.all()[0].configuration == "blue"
    gone = {"workflows": [{"workflowId": ID, "workflowRuleIds": [rule.id, "x"]}]}
    (result,) = caller.ask("PUT", f"{PATH}/delete", gone).json["updateResults"]
    assert list(result["ruleUpdateErrors"]) == ["x"]
    assert stage.site.post_functions.all() == []


def test_what_is_not_there_is_told_by_rule_and_by_workflow(caller: Caller, rule: Rule) -> None:
    missing = caller.ask("PUT", PATH, changed("x")).json["updateResults"][0]
    assert missing["ruleUpdateErrors"] == {"x": ["The rule with this id does not exist: x"]}
    too_long = caller.ask("PUT", PATH, changed(rule.id, "x" * 40_000)).json["updateResults"][0]
    assert "characters" in too_long["ruleUpdateErrors"][rule.id][0]
    other = {"name": "Other", "draft": True}
    for path, body in (
        (PATH, changed(rule.id, workflow=other)),
        (f"{PATH}/delete", {"workflows": [{"workflowId": other, "workflowRuleIds": [rule.id]}]}),
    ):
        (result,) = caller.ask("PUT", path, body).json["updateResults"]
        assert result["updateErrors"] == [
            "Workflow not found: WorkflowIdBean{name=Other, draft=true}"
        ]


@pytest.mark.parametrize("query", ["", "?types=x", "?types="])
def test_the_types_are_asked_for(caller: Caller, query: str) -> None:
    assert caller.ask("GET", f"{PATH}{query}").status == 400


def test_a_bad_body_says_where(caller: Caller) -> None:
    answer = caller.ask("PUT", PATH, {"workflows": [{"workflowId": {"name": 1}}]})
    assert answer.status == 400
    assert "$.workflows[0].workflowId.name" in answer.message


def test_only_an_app_may(stage: Stage) -> None:
    target = f"{PATH}?types=postfunction"
    assert ask(stage.site.asgi(), "GET", target, [("Host", "localhost:2990")]).status == 403
