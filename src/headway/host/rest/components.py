"""Components and versions of projects."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse, Response

from headway.host.answers import api_error
from headway.host.rest.call import Call, Endpoint, Rejected
from headway.host.rest.issue_fields import person_of
from headway.host.world import Component, Project, Version

__all__ = ["ENDPOINTS"]

TEXT_MAX = 16_384  # characters
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def _project_in(call: Call, body: Mapping[str, Any]) -> Project:
    wanted = body.get("project") or body.get("projectId")
    if wanted is None:
        raise Rejected(api_error(400, errors={"project": "The project is required."}))
    return call.project("ADMINISTER_PROJECTS", str(wanted))


def _said(body: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    found = {kept: body[name] for name, kept in names.items() if name in body}
    for name, value in found.items():
        if value is not None and (not isinstance(value, str) or len(value) > TEXT_MAX):
            raise Rejected(api_error(400, errors={name: "is a text that is not too long"}))
    return found


# ---- components -----------------------------------------------------------------------------


def _component_of(call: Call, permission: str) -> tuple[Component, Project]:
    wanted = call.param("component")
    component = call.site.world.components.component(wanted)
    if component is None:
        raise call.unseen(f"The component with id {wanted[:20]} does not exist.")
    return component, call.project(permission, str(component.project_id))


async def _components(call: Call) -> Response:
    project = call.project()
    rows = call.site.world.components.components(project.id)
    return JSONResponse([call.shapes.component(row, project) for row in rows])


async def _component_page(call: Call) -> Response:
    project = call.project()
    words = call.query("query").lower()
    rows = call.site.world.components.components(project.id)
    found = [row for row in rows if words in row.name.lower()]
    return call.page(found, lambda row: {**call.shapes.component(row, project), "issueCount": 0})


async def _component(call: Call) -> Response:
    return JSONResponse(call.shapes.component(*_component_of(call, "BROWSE_PROJECTS")))


_COMPONENT = {"name": "name", "description": "description"}


def _lead(call: Call, body: Mapping[str, Any]) -> dict[str, Any]:
    if "leadAccountId" not in body:
        return {}
    try:
        account_id = person_of(body["leadAccountId"])
    except ValueError as error:
        raise call.no(400, str(error)) from None
    if account_id and call.site.world.people.user(account_id) is None:
        raise Rejected(api_error(400, errors={"leadAccountId": "The user does not exist."}))
    return {"lead": account_id}


async def _component_add(call: Call) -> Response:
    body = await call.body()
    project = _project_in(call, body)
    values = {"name": "", **_said(body, _COMPONENT), **_lead(call, body)}
    try:
        made = call.site.world.components.add_component(project.id, **values)
    except ValueError as error:
        return api_error(400, errors={"name": str(error)})
    return JSONResponse(call.shapes.component(made, project), 201)


async def _component_edit(call: Call) -> Response:
    component, project = _component_of(call, "ADMINISTER_PROJECTS")
    body = await call.body()
    changes = {**_said(body, _COMPONENT), **_lead(call, body)}
    try:
        after = call.site.world.components.edit_component(component.id, **changes)
    except ValueError as error:
        return api_error(400, errors={"name": str(error)})
    return JSONResponse(call.shapes.component(after, project))


async def _component_delete(call: Call) -> Response:
    component, _ = _component_of(call, "ADMINISTER_PROJECTS")
    call.site.world.components.delete_component(component.id)
    return Response(status_code=204)


# ---- versions -------------------------------------------------------------------------------


def _version_of(call: Call, permission: str) -> Version:
    wanted = call.param("id")
    version = call.site.world.components.version(wanted)
    if version is None:
        raise call.unseen(f"Could not find version for id '{wanted[:20]}'")
    call.project(permission, str(version.project_id))
    return version


async def _versions(call: Call) -> Response:
    rows = call.site.world.components.versions(call.project().id)
    return JSONResponse([call.shapes.version(row) for row in rows])


async def _version_page(call: Call) -> Response:
    rows = call.site.world.components.versions(call.project().id)
    words = call.query("query").lower()
    return call.page([row for row in rows if words in row.name.lower()], call.shapes.version)


async def _version(call: Call) -> Response:
    return JSONResponse(call.shapes.version(_version_of(call, "BROWSE_PROJECTS")))


_DATES = {"startDate": "start_date", "releaseDate": "release_date"}


def _version_values(body: Mapping[str, Any]) -> dict[str, Any]:
    values = _said(body, {"name": "name", "description": "description", **_DATES})
    for name, kept in _DATES.items():
        if values.get(kept) is not None and not _DAY.fullmatch(values[kept]):
            raise Rejected(api_error(400, errors={name: "The form of a date is yyyy-MM-dd."}))
    for name in ("released", "archived"):
        if name in body:
            if not isinstance(body[name], bool):
                raise Rejected(api_error(400, errors={name: "is true or false"}))
            values[name] = body[name]
    return values


async def _version_add(call: Call) -> Response:
    body = await call.body()
    project = _project_in(call, body)
    values = {"name": "", **_version_values(body)}
    try:
        made = call.site.world.components.add_version(project.id, author=call.author, **values)
    except ValueError as error:
        return api_error(400, errors={"name": str(error)})
    return JSONResponse(call.shapes.version(made), 201)


async def _version_edit(call: Call) -> Response:
    version = _version_of(call, "ADMINISTER_PROJECTS")
    values = _version_values(await call.body())
    try:
        after = call.site.world.components.edit_version(version.id, author=call.author, **values)
    except ValueError as error:
        return api_error(400, errors={"name": str(error)})
    return JSONResponse(call.shapes.version(after))


async def _version_delete(call: Call) -> Response:
    version = _version_of(call, "ADMINISTER_PROJECTS")
    call.site.world.components.delete_version(version.id, call.author)
    return Response(status_code=204)


_API = "/rest/api/{version}"
_PROJECT = f"{_API}/project/{{project}}"

ENDPOINTS = (
    Endpoint("GET", f"{_PROJECT}/components", _components),
    Endpoint("GET", f"{_PROJECT}/component", _component_page),
    Endpoint("POST", f"{_API}/component", _component_add),
    Endpoint("GET", f"{_API}/component/{{component}}", _component),
    Endpoint("PUT", f"{_API}/component/{{component}}", _component_edit),
    Endpoint("DELETE", f"{_API}/component/{{component}}", _component_delete),
    Endpoint("GET", f"{_PROJECT}/versions", _versions),
    Endpoint("GET", f"{_PROJECT}/version", _version_page),
    Endpoint("POST", f"{_API}/version", _version_add),
    Endpoint("GET", f"{_API}/version/{{id}}", _version),
    Endpoint("PUT", f"{_API}/version/{{id}}", _version_edit),
    Endpoint("DELETE", f"{_API}/version/{{id}}", _version_delete),
)
