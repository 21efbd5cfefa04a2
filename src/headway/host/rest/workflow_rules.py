"""The configuration of an app's own workflow rules; of them this site has post functions."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import JSONResponse, Response

from headway.host.events.post_functions import WORKFLOW, Rule
from headway.host.rest.call import Call, Endpoint

__all__ = ["ENDPOINTS"]

TYPES = frozenset({"postfunction", "condition", "validator"})
PAGE = 10


class _WorkflowId(msgspec.Struct, frozen=True):
    name: str
    draft: bool = False


THE_WORKFLOW = _WorkflowId(WORKFLOW)


class _Configuration(msgspec.Struct, frozen=True):
    value: str
    disabled: bool = False


class _Change(msgspec.Struct, frozen=True):
    id: str
    configuration: _Configuration


class _Workflow(msgspec.Struct, frozen=True, rename="camel"):
    workflow_id: _WorkflowId
    post_functions: list[_Change] = []
    conditions: list[_Change] = []
    validators: list[_Change] = []
    workflow_rule_ids: list[str] = []


class _Asked(msgspec.Struct, frozen=True):
    workflows: list[_Workflow]


def _app(call: Call) -> str:
    if call.actor.kind != "app" or call.actor.app_key is None:
        raise call.no(403, "Only Connect apps can use this operation.")
    return call.actor.app_key


async def _get(call: Call) -> Response:
    query = call.request.query_params
    types = {kind for each in query.getlist("types") for kind in each.split(",")}
    if not types or not types <= TYPES:
        raise call.no(400, f"types is one or more of {', '.join(sorted(TYPES))}.")
    keys = {key for each in query.getlist("keys") for key in each.split(",") if key}
    found = [
        rule
        for rule in call.site.post_functions.all(_app(call))
        if "postfunction" in types and (not keys or rule.module_key in keys)
    ]
    values = [_workflow(found)] if found and query.get("draft") != "true" else []
    return JSONResponse(
        {
            "startAt": 0,
            "maxResults": PAGE,
            "total": len(values),
            "isLast": True,
            "values": values,
        }
    )


def _workflow(found: list[Rule]) -> dict[str, Any]:
    shapes = [
        {
            "id": rule.id,
            "key": rule.module_key,
            "configuration": {"value": rule.configuration, "disabled": rule.disabled},
            **({"transition": {"id": step.id, "name": step.name}} if (step := rule.step) else {}),
        }
        for rule in found
    ]
    return {
        "workflowId": msgspec.to_builtins(THE_WORKFLOW),
        "postFunctions": shapes,
        "conditions": [],
        "validators": [],
    }


async def _asked(call: Call) -> list[_Workflow]:
    try:
        return msgspec.convert(await call.body(), _Asked).workflows
    except msgspec.ValidationError as error:
        raise call.no(400, str(error)) from None


async def _put(call: Call) -> Response:
    app_key, results = _app(call), []
    for workflow in await _asked(call):
        if workflow.workflow_id != THE_WORKFLOW:
            results.append(_unknown(workflow))
            continue
        changes = [*workflow.post_functions, *workflow.conditions, *workflow.validators]
        errors: dict[str, list[str]] = {}
        for change in changes:
            wanted = change.configuration
            try:
                done = call.site.post_functions.configure(
                    change.id, app_key, wanted.value, wanted.disabled
                )
            except ValueError as error:
                errors[change.id] = [str(error)]
            else:
                errors |= {} if done else _missing(change.id)
        results.append(_result(workflow, errors))
    return JSONResponse({"updateResults": results})


async def _delete(call: Call) -> Response:
    app_key, results = _app(call), []
    for workflow in await _asked(call):
        if workflow.workflow_id != THE_WORKFLOW:
            results.append(_unknown(workflow))
            continue
        errors: dict[str, list[str]] = {}
        for rule_id in workflow.workflow_rule_ids:
            if not call.site.post_functions.remove(rule_id, app_key):
                errors |= _missing(rule_id)
        results.append(_result(workflow, errors))
    return JSONResponse({"updateResults": results})


def _missing(rule_id: str) -> dict[str, list[str]]:
    return {rule_id: [f"The rule with this id does not exist: {rule_id}"]}


def _result(workflow: _Workflow, errors: dict[str, list[str]]) -> dict[str, Any]:
    asked = msgspec.to_builtins(workflow.workflow_id)
    return {"workflowId": asked, "ruleUpdateErrors": errors, "updateErrors": []}


def _unknown(workflow: _Workflow) -> dict[str, Any]:
    name, draft = workflow.workflow_id.name, str(workflow.workflow_id.draft).lower()
    said = f"Workflow not found: WorkflowIdBean{{name={name}, draft={draft}}}"
    return {**_result(workflow, {}), "updateErrors": [said]}


_PATH = "/rest/api/{version}/workflow/rule/config"
ENDPOINTS = (
    Endpoint("GET", _PATH, _get),
    Endpoint("PUT", _PATH, _put),
    Endpoint("PUT", f"{_PATH}/delete", _delete),
)
