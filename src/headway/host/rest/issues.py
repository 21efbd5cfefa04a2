"""Issues: made, read, edited, moved on, deleted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse, Response

from headway.host.answers import api_error
from headway.host.rest.call import Call, Endpoint, Rejected
from headway.host.rest.comments import read_comment
from headway.host.rest.issue_fields import Changes, Place, read_changes
from headway.host.rest.links import add_link
from headway.host.rest.worklogs import read_worklog
from headway.host.world import Issue, Project
from headway.host.world.catalog import (
    ISSUE_TYPES,
    RESOLUTIONS,
    SYSTEM_FIELDS,
    named,
    transitions_from,
)

__all__ = ["ENDPOINTS"]

BULK_MAX = 50
HAS_SUBTASKS = (
    "The issue '{}' has subtasks. You must specify the 'deleteSubtasks' parameter to delete this"
    " issue and all its subtasks."
)


async def _get(call: Call) -> Response:
    shape = call.shapes.issue(
        call.issue(), call.query("fields"), call.names("expand"), call.names("properties")
    )
    return JSONResponse(shape)


# ---- new ones -------------------------------------------------------------------------------


async def _create(call: Call) -> Response:
    return JSONResponse(_add(call, await call.body()), 201)


async def _create_many(call: Call) -> Response:
    updates = (await call.body()).get("issueUpdates")
    if not isinstance(updates, list) or not 0 < len(updates) <= BULK_MAX:
        return api_error(400, f"issueUpdates is a list of 1 to {BULK_MAX} issues.")
    made, failed = [], []
    for number, update in enumerate(updates):
        try:
            made.append(_add(call, update if isinstance(update, Mapping) else {}))
        except Rejected as rejected:
            failed.append(_failure(number, rejected))
    return JSONResponse({"issues": made, "errors": failed}, 201 if made else 400)


def _failure(number: int, rejected: Rejected) -> Mapping[str, Any]:
    if rejected.answer.status_code == 401:
        raise rejected
    return {
        "status": rejected.answer.status_code,
        "elementErrors": json.loads(bytes(rejected.answer.body)),
        "failedElementNumber": number,
    }


def _add(call: Call, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Make one issue; raises Rejected before anything is made."""
    # (1) where?
    fields = body.get("fields")
    given = fields if isinstance(fields, Mapping) else {}
    project = _project(call, given.get("project"))
    # (2) what?
    changes = read_changes(Place(call, project), body, ("project",))
    values = dict(changes.values)
    _check_new(values, given)
    kept = call.properties(body)
    _check_added(call, project, changes)
    # (3) then all of it
    text = {"description": values.pop("description", "")}
    author = call.author
    issue = call.site.world.tracker.add_issue(
        project.key, values.pop("summary"), **text, author=author, **values
    )
    _add_beside(call, issue, changes)
    for key, value in kept.items():
        call.site.world.properties.put("issue", str(issue.id), key, value, author)
    link = call.shapes.link(f"issue/{issue.id}")
    return {"id": str(issue.id), "key": issue.key, "self": link}


def _project(call: Call, given: Any) -> Project:
    if not isinstance(given, Mapping):
        if call.actor.account_id is None:
            raise call.unseen("")
        raise Rejected(api_error(400, errors={"project": "Specify a valid project ID or key"}))
    named_by = str(given.get("key") or given.get("id") or "")
    project = call.site.world.tracker.project(named_by)
    if project is None or not call.may("CREATE_ISSUES", project):
        if call.actor.account_id is None:
            raise call.unseen("")
        raise Rejected(api_error(400, errors={"project": "valid project is required"}))
    return project


def _check_new(values: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    errors = {}
    if "summary" not in values:
        errors["summary"] = "You must specify a summary of the issue."
    kind = named(ISSUE_TYPES, {"name": values.get("issue_type")})
    if kind is None:
        errors["issuetype"] = "Specify an issue type"
    elif kind.subtask and not values.get("parent_id"):
        errors["parent"] = "Issue type is a sub-task but parent issue key or id not specified."
    if errors:
        raise Rejected(api_error(400, errors=errors))


# ---- what an edit brings beside fields ------------------------------------------------------


def _check_added(call: Call, project: Project, changes: Changes) -> None:
    if changes.comments:
        call.need("ADD_COMMENTS", project)
    if changes.worklogs:
        call.need("WORK_ON_ISSUES", project)
    if changes.links:
        call.need("LINK_ISSUES", project)
    for one in changes.comments:
        read_comment(call, one)
    for one in changes.worklogs:
        read_worklog(call, one)


def _add_beside(call: Call, issue: Issue, changes: Changes) -> None:
    world = call.site.world
    for one in changes.comments:
        world.tracker.add_comment(issue.id, call.author, **read_comment(call, one))
    for one in changes.worklogs:
        world.worklogs.add(issue.id, call.author, **read_worklog(call, one))
    for one in changes.links:
        add_link(call, one, issue)


# ---- changes --------------------------------------------------------------------------------


async def _edit(call: Call) -> Response:
    issue = call.issue("EDIT_ISSUES")
    project = _project_of(call, issue)
    body = await call.body()
    changes = read_changes(Place(call, project, issue), body)
    kept = call.properties(body)
    _check_added(call, project, changes)
    values = _with_custom(issue, changes.values)
    if values or not (changes.comments or changes.worklogs or changes.links):
        call.site.world.tracker.edit_issue(issue.id, author=call.author, **values)
    _add_beside(call, issue, changes)
    for key, value in kept.items():
        call.site.world.properties.put("issue", str(issue.id), key, value, call.author)
    return Response(status_code=204)


def _project_of(call: Call, issue: Issue) -> Project:
    project = call.site.world.tracker.project(issue.project_key)
    if project is None:
        raise call.unseen("")
    return project


def _with_custom(issue: Issue, values: Mapping[str, Any]) -> dict[str, Any]:
    """What changes, with the custom fields that do not."""
    if "custom" not in values:
        return dict(values)
    merged = {**issue.custom, **values["custom"]}
    return {**values, "custom": {key: one for key, one in merged.items() if one is not None}}


async def _assign(call: Call) -> Response:
    issue = call.issue("ASSIGN_ISSUES")
    fields = {"fields": {"assignee": await call.body()}}
    changes = read_changes(Place(call, _project_of(call, issue), issue), fields)
    call.site.world.tracker.edit_issue(issue.id, author=call.author, **changes.values)
    return Response(status_code=204)


async def _delete(call: Call) -> Response:
    issue = call.issue("DELETE_ISSUES")
    tracker = call.site.world.tracker
    if call.query("deleteSubtasks") != "true" and any(
        named(ISSUE_TYPES, {"name": child.issue_type}) == ISSUE_TYPES[-1]
        for child in tracker.subtasks(issue.id)
    ):
        return api_error(400, HAS_SUBTASKS.format(issue.key))
    tracker.delete_issue(issue.id, call.author)
    return Response(status_code=204)


# ---- the workflow ---------------------------------------------------------------------------


async def _transitions(call: Call) -> Response:
    issue = call.issue()
    wanted = call.query("transitionId")
    steps = transitions_from(issue.status) if _may_move(call, issue) else []
    shapes = [call.shapes.transition(step) for step in steps if wanted in ("", str(step.id))]
    if "transitions.fields" in call.names("expand"):
        resolution = {"resolution": _resolution_meta(call, issue)}
        shapes = [
            {**one, "fields": resolution if one["to"]["name"] == "Done" else {}} for one in shapes
        ]
    return JSONResponse({"expand": "transitions", "transitions": shapes})


def _may_move(call: Call, issue: Issue) -> bool:
    return call.may("TRANSITION_ISSUES", _project_of(call, issue))


def _resolution_meta(call: Call, issue: Issue) -> Mapping[str, Any]:
    field = next(one for one in SYSTEM_FIELDS if one.id == "resolution")
    return {**call.shapes.field_meta(field, _project_of(call, issue)), "operations": ["set"]}


async def _move(call: Call) -> Response:
    issue = call.issue("TRANSITION_ISSUES")
    body = await call.body()
    wanted = body.get("transition")
    step_id = str(wanted.get("id")) if isinstance(wanted, Mapping) else ""
    step = next((one for one in transitions_from(issue.status) if str(one.id) == step_id), None)
    if step is None:
        return api_error(400, f"Transition id '{step_id[:20]}' is not valid for this issue.")
    changes = read_changes(Place(call, _project_of(call, issue), issue), body, ("resolution",))
    values = {**_with_custom(issue, changes.values), **_resolution(body)}
    _check_added(call, _project_of(call, issue), changes)
    call.site.world.tracker.move_issue(issue.id, step, author=call.author, **values)
    _add_beside(call, issue, changes)
    return Response(status_code=204)


def _resolution(body: Mapping[str, Any]) -> dict[str, Any]:
    given = (body.get("fields") or {}).get("resolution")
    if given is None:
        return {}
    row = named(RESOLUTIONS, given) if isinstance(given, Mapping) else None
    if row is None:
        raise Rejected(api_error(400, errors={"resolution": "The resolution is invalid."}))
    return {"resolution": row.name}


# ---- what is known of an issue --------------------------------------------------------------


async def _changelog(call: Call) -> Response:
    entries = call.site.world.history.of(call.issue().id)
    return call.page(entries, call.shapes.entry, 100)


async def _edit_meta(call: Call) -> Response:
    issue = call.issue()
    if not call.may("EDIT_ISSUES", _project_of(call, issue)):
        return JSONResponse({"fields": {}})
    return JSONResponse(call.shapes.edit_meta(issue))


_ISSUE = "/rest/api/{version}/issue"

ENDPOINTS = (
    Endpoint("POST", _ISSUE, _create),
    Endpoint("POST", f"{_ISSUE}/bulk", _create_many),
    Endpoint("GET", f"{_ISSUE}/{{issue}}", _get),
    Endpoint("PUT", f"{_ISSUE}/{{issue}}", _edit),
    Endpoint("DELETE", f"{_ISSUE}/{{issue}}", _delete),
    Endpoint("PUT", f"{_ISSUE}/{{issue}}/assignee", _assign),
    Endpoint("GET", f"{_ISSUE}/{{issue}}/transitions", _transitions),
    Endpoint("POST", f"{_ISSUE}/{{issue}}/transitions", _move),
    Endpoint("GET", f"{_ISSUE}/{{issue}}/changelog", _changelog),
    Endpoint("GET", f"{_ISSUE}/{{issue}}/editmeta", _edit_meta),
)
