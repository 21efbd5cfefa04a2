"""Post functions: an issue takes a step, and the app is called with what the step was."""

from __future__ import annotations

from typing import Any

import msgspec
import oracle
import pytest

from headway.host.events import post_functions as module
from headway.host.world.catalog import TRANSITIONS, transitions_from
from host.small_app import SmallApp
from host.small_stage import Stage

FUNCTION = {
    "key": "notify",
    "name": {"value": "Notify"},
    "triggered": {"url": "/triggered?issue={issue.key}"},
}


def function(stage: Stage, app: SmallApp, **descriptor: Any) -> Any:
    return stage.add(app, modules={"jiraWorkflowPostFunctions": [FUNCTION]}, **descriptor)


def step_of(stage: Stage) -> Any:
    return transitions_from(stage.issue.status)[0]


def test_it_runs_when_an_issue_takes_the_step(stage: Stage, app: SmallApp) -> None:
    function(stage, app)
    step = step_of(stage)
    rule = stage.site.post_functions.add(step.id, "my-app", "notify", '{"color": "red"}')
    assert stage.site.post_functions.all() == [rule]
    uma = stage.site.world.people.user("user")
    assert uma is not None
    stage.site.world.tracker.move_issue(stage.issue.id, step, author=uma.account_id)
    stage.settle()
    (got,) = app.got
    assert (got.method, got.target) == ("POST", "/triggered?issue=DEMO-1")
    secret = stage.site.jira.apps.secret("my-app").reveal()
    claims = oracle.verified_claims(got.token, "HS256", secret)
    assert claims is not None
    assert claims["qsh"] == oracle.qsh("POST", "/triggered", "issue=DEMO-1", "")
    assert got.json["transition"] == {
        "workflowId": stage.issue.id,
        "workflowName": "classic default workflow",
        "transitionId": step.id,
        "transitionName": step.name,
        "from_status": stage.issue.status,
        "to_status": step.target,
    }
    assert got.json["configuration"] == {"value": '{"color": "red"}'}
    assert got.json["issue"]["fields"]["status"]["name"] == step.target
    assert got.json["user"]["accountId"] == uma.account_id
    (crossing,) = [c for c in stage.site.traffic.all() if c.status == 204]
    assert crossing.location == "header"


def test_another_step_or_none_calls_nobody(stage: Stage, app: SmallApp) -> None:
    function(stage, app)
    step = step_of(stage)
    other = next(each for each in TRANSITIONS if each.target != step.target)
    stage.site.post_functions.add(other.id, "my-app", "notify")
    stage.edit("No step")
    stage.site.world.tracker.move_issue(stage.issue.id, step)
    stage.settle()
    assert app.got == []


def test_what_is_disabled_or_gone_is_not_called(stage: Stage, app: SmallApp) -> None:
    known = function(stage, app)
    functions, step = stage.site.post_functions, step_of(stage)
    rule = functions.add(step.id, "my-app", "notify")
    assert functions.configure(rule.id, "my-app", "x", True)
    assert not functions.configure(rule.id, "another-app", "x", False)
    move = stage.site.world.tracker.move_issue
    move(stage.issue.id, step)
    functions.configure(rule.id, "my-app", "x", False)
    apps = stage.site.jira.apps
    apps.save(msgspec.structs.replace(known, enabled=False), apps.secret("my-app"))
    stage.site.world.tracker.edit_issue(stage.issue.id, status=stage.issue.status)
    move(stage.issue.id, step)
    stage.add(app, modules={})  # installed again without the module
    stage.site.world.tracker.edit_issue(stage.issue.id, status=stage.issue.status)
    move(stage.issue.id, step)
    stage.settle()
    assert app.got == []


@pytest.mark.parametrize(
    ("transition", "key", "said"),
    [(0, "notify", "transition"), (None, "other", "No installed app"), (None, "panel", "No inst")],
)
def test_what_is_not_there_is_put_nowhere(
    stage: Stage, app: SmallApp, transition: int | None, key: str, said: str
) -> None:
    function(stage, app)
    chosen = step_of(stage).id if transition is None else transition
    with pytest.raises(ValueError, match=said):
        stage.site.post_functions.add(chosen, "my-app", key)


def test_there_are_so_many_and_no_more(
    stage: Stage, app: SmallApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RULES_MAX", 1)
    function(stage, app)
    rule = stage.site.post_functions.add(step_of(stage).id, "my-app", "notify")
    with pytest.raises(ValueError, match="1 functions at most"):
        stage.site.post_functions.add(step_of(stage).id, "my-app", "notify")
    assert stage.site.post_functions.remove(rule.id)
    assert not stage.site.post_functions.remove(rule.id)
    stage.site.post_functions.add(step_of(stage).id, "my-app", "notify")
    stage.site.post_functions.forget("my-app")
    assert stage.site.post_functions.all() == []


def test_a_transition_that_is_no_more_has_no_step() -> None:
    rule = module.Rule(
        id="x", transition=0, app_key="a", module_key="m", configuration="", disabled=False
    )
    assert rule.step is None


def test_a_rule_of_an_older_workflow_calls_nobody(stage: Stage, app: SmallApp) -> None:
    function(stage, app)
    rule = stage.site.post_functions.add(step_of(stage).id, "my-app", "notify")
    with stage.site.database.writing() as connection:
        connection.execute(module.rules.update().values(transition=0))
    assert stage.site.post_functions.all()[0].id == rule.id
    stage.site.world.tracker.move_issue(stage.issue.id, step_of(stage))
    stage.settle()
    assert app.got == []
