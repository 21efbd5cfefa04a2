"""Projects, and who is what in them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from starlette.responses import JSONResponse, Response

from headway.host.answers import api_error
from headway.host.rest.call import Call, Endpoint
from headway.host.rest.issue_fields import person_of
from headway.host.world import Project
from headway.host.world.catalog import ISSUE_TYPES, STATUSES
from headway.host.world.roles import ADDONS, ROLES

__all__ = ["ENDPOINTS"]

_KEY = re.compile(r"[A-Z][A-Z0-9]{1,9}", re.ASCII)
BAD_KEY = "Project keys start with an uppercase letter, and have 2 to 10 of these and digits."
ORDERS = {"key": "key", "name": "name"}
Holders = list[tuple[Literal["user", "group"], str]]


async def _list(call: Call) -> Response:
    expand = call.names("expand")
    projects = call.site.rights.visible(call.actor)
    return JSONResponse([call.shapes.project(project, expand) for project in projects])


async def _search(call: Call) -> Response:
    words, order = call.query("query").lower(), call.query("orderBy") or "key"
    if order.lstrip("+-") not in ORDERS:
        return api_error(400, "orderBy is key or name, with + or - before it.")
    wanted = {*call.names("keys"), *call.names("id")}
    found = [
        project
        for project in call.site.rights.visible(call.actor)
        if words in f"{project.key} {project.name}".lower()
        and (not wanted or wanted & {project.key, str(project.id)})
    ]
    found.sort(key=lambda p: getattr(p, order.lstrip("+-")).lower(), reverse=order[0] == "-")
    expand = call.names("expand")
    return call.page(found, lambda project: call.shapes.project(project, expand))


async def _get(call: Call) -> Response:
    project = call.project()
    shape = call.shapes.whole_project(project)
    if wanted := call.names("properties"):
        kept = call.site.world.properties.all("project", str(project.id))
        shape["properties"] = {p.key: p.data for p in kept if "*all" in wanted or p.key in wanted}
    return JSONResponse(shape)


# ---- changes --------------------------------------------------------------------------------


async def _add(call: Call) -> Response:
    call.need("CREATE_PROJECT")
    body = await call.body()
    key, name, errors = body.get("key"), body.get("name"), {}
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        errors["projectKey"] = BAD_KEY
    if not isinstance(name, str) or not name.strip():
        errors["projectName"] = "You must specify a valid project name."
    lead = _lead(call, body, errors)
    if lead is None:
        errors.setdefault("projectLead", "You must specify a valid project lead.")
    if errors:
        return api_error(400, errors=errors)
    try:
        made = call.site.world.tracker.add_project(
            str(key), str(name), public=False, lead=lead, author=call.author, **_texts(call, body)
        )
    except ValueError as error:
        return api_error(400, errors={"projectKey": str(error)})
    link = call.shapes.link(f"project/{made.id}")
    return JSONResponse({"self": link, "id": made.id, "key": made.key}, 201)


async def _edit(call: Call) -> Response:
    project = call.project("ADMINISTER_PROJECTS")
    body = await call.body()
    errors: dict[str, str] = {}
    changes: dict[str, Any] = _texts(call, body)
    if body.get("key", project.key) != project.key:
        errors["projectKey"] = "This site does not change the key of a project."
    if "leadAccountId" in body or "lead" in body:
        changes["lead"] = _lead(call, body, errors)
    if "name" in body:
        changes["name"] = body["name"]
        if not isinstance(body["name"], str):
            errors["projectName"] = "You must specify a valid project name."
    if errors:
        return api_error(400, errors=errors)
    try:
        call.site.world.tracker.edit_project(project.id, author=call.author, **changes)
    except ValueError as error:
        return api_error(400, errors={"projectName": str(error)})
    return await _get(call)


def _texts(call: Call, body: Mapping[str, Any]) -> dict[str, str]:
    names = {"description": "description", "url": "url", "assigneeType": "assignee_type"}
    found = {kept: body[name] for name, kept in names.items() if body.get(name) is not None}
    if not all(isinstance(text, str) and len(text) <= 2000 for text in found.values()):
        raise call.no(400, "description, url and assigneeType are texts.")
    if found.get("assignee_type", "UNASSIGNED") not in ("UNASSIGNED", "PROJECT_LEAD"):
        raise call.no(400, "assigneeType is PROJECT_LEAD or UNASSIGNED.")
    return found


def _lead(call: Call, body: Mapping[str, Any], errors: dict[str, str]) -> str | None:
    try:
        account_id = person_of(body.get("leadAccountId") or body.get("lead"))
    except ValueError:
        account_id = ""
    user = call.site.world.people.user(account_id) if account_id else None
    if account_id is not None and user is None:
        errors["projectLead"] = "The user does not exist."
    return user.account_id if user else None


async def _delete(call: Call) -> Response:
    project = call.project("ADMINISTER_PROJECTS")
    call.need("ADMINISTER")
    call.site.world.tracker.delete_project(project.id, call.author)
    return Response(status_code=204)


# ---- what is known of a project -------------------------------------------------------------


async def _statuses(call: Call) -> Response:
    call.project()
    shapes = call.shapes
    statuses = [shapes.status(row) for row in STATUSES]
    return JSONResponse(
        [
            {
                "self": shapes.link(f"issuetype/{row.id}"),
                "id": str(row.id),
                "name": row.name,
                "subtask": row.subtask,
                "statuses": statuses,
            }
            for row in ISSUE_TYPES
        ]
    )


async def _types(call: Call) -> Response:
    shape = {
        "key": "software",
        "formattedKey": "Software",
        "descriptionI18nKey": "jira.project.type.software.description",
        "icon": "",
        "color": "#1f5fbf",
    }
    return JSONResponse([shape])


# ---- roles ----------------------------------------------------------------------------------


async def _roles(call: Call) -> Response:
    project = call.project()
    return JSONResponse(call.shapes.whole_project(project)["roles"])


async def _all_roles(call: Call) -> Response:
    call.need("ADMINISTER")
    return JSONResponse(
        [
            {
                "self": call.shapes.link(f"role/{role}"),
                "name": name,
                "id": role,
                "description": description,
            }
            for role, (name, description) in ROLES.items()
        ]
    )


def _role(call: Call) -> int:
    wanted = call.param("role")
    if not wanted.isascii() or not wanted.isdigit() or int(wanted[:9]) not in ROLES:
        raise call.no(404, f"Can not retrieve a role actor for a null project role: {wanted[:20]}")
    return int(wanted)


async def _role_get(call: Call) -> Response:
    project = call.project()
    return JSONResponse(call.shapes.role(_role(call), project))


async def _role_add(call: Call) -> Response:
    project, role = _own_role(call)
    body = await call.body()
    return _give(call, project, role, _holders(call, body.get("user"), _groups(body)))


async def _role_set(call: Call) -> Response:
    project, role = _own_role(call)
    given = (await call.body()).get("categorisedActors")
    if not isinstance(given, Mapping):
        return api_error(400, "categorisedActors is an object.")
    users, groups = (given.get(f"atlassian-{kind}-role-actor") for kind in ("user", "group"))
    groups = given.get("atlassian-group-role-actor-id") or groups
    wanted = _holders(call, users, groups)
    for actor in call.site.world.roles.actors(project.id, role):
        call.site.world.roles.set(project.id, role, actor.kind, actor.holder, given=False)
    return _give(call, project, role, wanted)


async def _role_take(call: Call) -> Response:
    project, role = _own_role(call)
    query = call.request.query_params
    group = query.get("group") or query.get("groupId")
    wanted = _holders(call, query.getlist("user"), [group] if group else [])
    if not wanted:
        return api_error(400, "A user or a group is named.")
    for kind, holder in wanted:
        call.site.world.roles.set(project.id, role, kind, holder, given=False)
    return Response(status_code=204)


def _own_role(call: Call) -> tuple[Project, int]:
    project, role = call.project("ADMINISTER_PROJECTS"), _role(call)
    if role == ADDONS:
        raise call.no(400, "Only the site itself changes this role.")
    return project, role


def _groups(body: Mapping[str, Any]) -> Any:
    return body.get("groupId") or body.get("group")


def _holders(call: Call, users: Any, groups: Any) -> Holders:
    """Who is named, all of whom there must be; groups by name or id."""
    people = call.site.world.people
    found: Holders = []
    for kind, names in (("user", users or []), ("group", groups or [])):
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise call.no(400, f"{kind} is a list of texts.")
        for name in names:
            user, group = people.user(name), people.group(name)
            if (user if kind == "user" else group) is None:
                raise call.no(404, f"There is no {kind} '{name[:50]}'.")
            if kind == "user" and user:
                found.append(("user", user.account_id))
            elif group:
                found.append(("group", group.name))
    return found


def _give(call: Call, project: Project, role: int, holders: Holders) -> Response:
    for kind, holder in holders:
        call.site.world.roles.set(project.id, role, kind, holder)
    return JSONResponse(call.shapes.role(role, project))


_PROJECT = "/rest/api/{version}/project"
_ROLE = f"{_PROJECT}/{{project}}/role/{{role}}"

ENDPOINTS = (
    Endpoint("GET", _PROJECT, _list),
    Endpoint("POST", _PROJECT, _add),
    Endpoint("GET", f"{_PROJECT}/search", _search),
    Endpoint("GET", f"{_PROJECT}/type", _types),
    Endpoint("GET", f"{_PROJECT}/{{project}}", _get),
    Endpoint("PUT", f"{_PROJECT}/{{project}}", _edit),
    Endpoint("DELETE", f"{_PROJECT}/{{project}}", _delete),
    Endpoint("GET", f"{_PROJECT}/{{project}}/statuses", _statuses),
    Endpoint("GET", "/rest/api/{version}/role", _all_roles),
    Endpoint("GET", f"{_PROJECT}/{{project}}/role", _roles),
    Endpoint("GET", _ROLE, _role_get),
    Endpoint("POST", _ROLE, _role_add),
    Endpoint("PUT", _ROLE, _role_set),
    Endpoint("DELETE", _ROLE, _role_take),
)
