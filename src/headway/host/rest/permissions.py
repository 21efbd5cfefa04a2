"""Who may do what, as apps ask it: of themselves, of a user, of nobody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse, Response

from headway.host.answers import api_error
from headway.host.gate import Actor
from headway.host.rest.call import Call, Endpoint
from headway.host.rights import PERMISSIONS
from headway.host.shapes import Json
from headway.host.world import Issue, Project

__all__ = ["ENDPOINTS"]

ITEMS_MAX = 1000
_IDS = {key: str(number) for number, key in enumerate(PERMISSIONS, 1)}


def _shape(key: str) -> Json:
    kind, name = PERMISSIONS[key]
    return {"key": key, "name": name, "type": kind, "description": f"{name}."}


async def _all(call: Call) -> Response:
    return JSONResponse({"permissions": {key: _shape(key) for key in PERMISSIONS}})


async def _mine(call: Call) -> Response:
    wanted = call.names("permissions")
    if not wanted:
        return api_error(400, "The query parameter 'permissions' is required.")
    unknown = [key for key in wanted if key not in PERMISSIONS]
    if unknown:
        return api_error(400, f"Unrecognized permission: {unknown[0][:50]}")
    project = _place(call)
    rights = call.site.rights
    theirs = rights.globally(call.actor)
    if project is not None:
        theirs |= rights.in_project(call.actor, project)
    else:  # somewhere is enough
        for each in rights.visible(call.actor):
            theirs |= rights.in_project(call.actor, each)
    shapes = {
        key: {"id": _IDS[key], **_shape(key), "havePermission": key in theirs} for key in wanted
    }
    return JSONResponse({"permissions": shapes})


def _place(call: Call) -> Project | None:
    issue_key = call.query("issueKey") or call.query("issueId")
    project_key = call.query("projectKey") or call.query("projectId")
    if issue_key:
        issue = call.site.world.tracker.issue(issue_key)
        if issue is None or not call.site.rights.view(call.actor).issue(issue):
            raise call.unseen("Issue does not exist or you do not have permission to see it.")
        project_key = issue.project_key
    return call.project(wanted=project_key) if project_key else None


# ---- asked of somebody ----------------------------------------------------------------------


async def _check(call: Call) -> Response:
    body = await call.body()
    account_id = body.get("accountId")
    subject = _subject(call, account_id)
    wanted = _texts(call, body.get("globalPermissions"), "globalPermissions")
    granted = [key for key in wanted if call.site.rights.may(subject, key)]
    asked = body.get("projectPermissions")
    asked = [] if asked is None else asked
    if not isinstance(asked, list) or len(asked) > ITEMS_MAX:
        return api_error(400, "projectPermissions is a list.")
    found = [grant for one in asked for grant in _grants(call, subject, one)]
    return JSONResponse({"projectPermissions": found, "globalPermissions": granted})


def _subject(call: Call, account_id: Any) -> Actor:
    """Whose permissions are asked for: an app and an administrator may ask of anybody."""
    if account_id is None or account_id == call.actor.account_id:
        return call.actor
    if not isinstance(account_id, str):
        raise call.no(400, "accountId is a text.")
    if call.actor.kind != "app":
        call.need("ADMINISTER")
    return Actor(kind="user", account_id=account_id)


def _texts(call: Call, given: Any, name: str) -> list[str]:
    found = [] if given is None else given
    if not isinstance(found, list) or len(found) > ITEMS_MAX:
        raise call.no(400, f"{name} is a list of texts.")
    for key in found:
        if not isinstance(key, str) or key not in PERMISSIONS:
            raise call.no(400, f"Unrecognized permission: {str(key)[:50]}")
    return found


def _grants(call: Call, subject: Actor, asked: Any) -> list[Json]:
    given: Mapping[str, Any] = asked if isinstance(asked, Mapping) else {}
    projects, issues = (_ids(call, given, name) for name in ("projects", "issues"))
    return [
        {"permission": key, **_where(call, subject, key, projects, issues)}
        for key in _texts(call, given.get("permissions"), "permissions")
    ]


def _ids(call: Call, given: Mapping[str, Any], name: str) -> list[int]:
    found = given.get(name) or []
    numbers = isinstance(found, list) and all(type(one) is int for one in found)
    if not numbers or len(found) > ITEMS_MAX:
        raise call.no(400, f"{name} is a list of ids.")
    return list(found)


def _where(
    call: Call, subject: Actor, key: str, project_ids: list[int], issue_ids: list[int]
) -> Json:
    tracker, rights = call.site.world.tracker, call.site.rights

    def may(project: Project | None) -> bool:
        return project is not None and rights.may(subject, key, project)

    found: list[Issue | None] = [tracker.issue(one) for one in issue_ids]
    issues = [one for one in found if one and may(tracker.project(one.project_key))]
    projects = [one for one in project_ids if may(tracker.project(one))]
    return {"issues": [issue.id for issue in issues], "projects": projects}


async def _projects(call: Call) -> Response:
    wanted = _texts(call, (await call.body()).get("permissions"), "permissions")
    found = [
        {"id": project.id, "key": project.key}
        for project in call.site.rights.visible(call.actor)
        if all(call.may(key, project) for key in wanted)
    ]
    return JSONResponse({"projects": found})


_API = "/rest/api/{version}"

ENDPOINTS = (
    Endpoint("GET", f"{_API}/permissions", _all),
    Endpoint("GET", f"{_API}/mypermissions", _mine),
    Endpoint("POST", f"{_API}/permissions/check", _check),
    Endpoint("POST", f"{_API}/permissions/project", _projects),
)
