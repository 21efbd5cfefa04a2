"""Fields, and the catalog that their values are from: types, statuses, priorities, labels."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from starlette.responses import JSONResponse, Response

from headway.host.answers import api_error
from headway.host.rest.call import Call, Endpoint
from headway.host.shapes import Json, Shapes
from headway.host.world import CustomField, Project
from headway.host.world.catalog import (
    CATEGORIES,
    ISSUE_TYPES,
    PRIORITIES,
    RESOLUTIONS,
    STATUSES,
    SYSTEM_FIELDS,
    IssueType,
    SystemField,
)

__all__ = ["ENDPOINTS"]

REQUIRED = ("summary", "issuetype", "project")


# ---- fields ---------------------------------------------------------------------------------


def _every(call: Call) -> list[SystemField | CustomField]:
    return [*SYSTEM_FIELDS, *call.site.world.fields.all()]


async def _fields(call: Call) -> Response:
    return JSONResponse(call.shapes.fields())


async def _search(call: Call) -> Response:
    kinds, words, ids = call.names("type"), call.query("query").lower(), call.names("id")
    found = [
        one
        for one in _every(call)
        if (not kinds or ("custom" if isinstance(one, CustomField) else "system") in kinds)
        and words in one.name.lower()
        and (not ids or _id(one) in ids)
    ]
    return call.page(
        found,
        lambda one: {"id": _id(one), "name": one.name, "schema": call.shapes.schema(one)},
    )


def _id(field: SystemField | CustomField) -> str:
    return field.key if isinstance(field, CustomField) else field.id


async def _add(call: Call) -> Response:
    call.need("ADMINISTER")
    body = await call.body()
    given = [body.get(name) or "" for name in ("name", "type", "description")]
    if not all(isinstance(text, str) for text in given):
        return api_error(400, "name, type and description are texts.")
    try:
        made = call.site.world.fields.add(*given)
    except ValueError as error:
        return api_error(400, errors={"type": str(error)})
    return JSONResponse(call.shapes.field(made), 201)


# ---- where an issue is made -----------------------------------------------------------------


async def _create_meta(call: Call) -> Response:
    keys, ids = call.names("projectKeys"), call.names("projectIds")
    kinds, kind_ids = call.names("issuetypeNames"), call.names("issuetypeIds")
    whole = "projects.issuetypes.fields" in call.names("expand")
    projects = [
        project
        for project in call.site.rights.visible(call.actor)
        if ((not keys and not ids) or project.key in keys or str(project.id) in ids)
        and call.may("CREATE_ISSUES", project)
    ]
    rows = [
        row
        for row in ISSUE_TYPES
        if (not kinds and not kind_ids) or row.name in kinds or str(row.id) in kind_ids
    ]
    return JSONResponse(
        {
            "expand": "projects",
            "projects": [_project_meta(call, project, rows, whole=whole) for project in projects],
        }
    )


def _project_meta(call: Call, project: Project, rows: Sequence[IssueType], *, whole: bool) -> Json:
    shapes = call.shapes
    brief = shapes.project(project)
    kinds = []
    for row in rows:
        shape = shapes.issue_type(row)
        if whole:
            shape |= {"expand": "fields", "fields": _field_metas(call, project, row)}
        kinds.append(shape)
    names = ("self", "id", "key", "name", "avatarUrls")
    return {"expand": "issuetypes", **{n: brief[n] for n in names}, "issuetypes": kinds}


def _field_metas(call: Call, project: Project, row: IssueType) -> Json:
    shapes, required = call.shapes, (*REQUIRED, *(["parent"] if row.subtask else []))
    found = {}
    for one in _every(call):
        settable = isinstance(one, CustomField) or one.verbs or one.id in REQUIRED
        if settable and _id(one) not in ("comment", "worklog"):
            found[_id(one)] = {**shapes.field_meta(one, project, required)}
    found["project"] |= {"operations": ["set"], "allowedValues": [shapes.project(project)]}
    found["issuetype"]["allowedValues"] = [shapes.issue_type(row)]
    return found


async def _create_types(call: Call) -> Response:
    call.project("CREATE_ISSUES")
    start, size = call.window(50, 200)
    shown = ISSUE_TYPES[start : start + size]
    return JSONResponse(
        {
            "startAt": start,
            "maxResults": size,
            "total": len(ISSUE_TYPES),
            "issueTypes": [call.shapes.issue_type(row) for row in shown],
        }
    )


async def _create_fields(call: Call) -> Response:
    project = call.project("CREATE_ISSUES")
    row = _row(call, ISSUE_TYPES, "type")
    every = list(_field_metas(call, project, row).values())
    start, size = call.window(50, 200)
    shown = [{**one, "fieldId": one["key"]} for one in every[start : start + size]]
    return JSONResponse(
        {"startAt": start, "maxResults": size, "total": len(every), "fields": shown}
    )


# ---- the catalog ----------------------------------------------------------------------------

Shape = Callable[[Shapes, Any], Json]


def _rows(rows: Sequence[Any], shape: Shape) -> Callable[[Call], Awaitable[Response]]:
    async def answer(call: Call) -> Response:
        return JSONResponse([shape(call.shapes, row) for row in rows])

    return answer


def _one(rows: Sequence[Any], shape: Shape) -> Callable[[Call], Awaitable[Response]]:
    async def answer(call: Call) -> Response:
        return JSONResponse(shape(call.shapes, _row(call, rows, "id")))

    return answer


def _row(call: Call, rows: Sequence[Any], name: str) -> Any:
    """The row that a parameter of the path names, by its id or its name."""
    wanted = call.param(name)
    found = next((r for r in rows if wanted in (str(r.id), r.name, getattr(r, "key", ""))), None)
    if found is None:
        raise call.no(404, f"There is nothing with the id '{wanted[:20]}'.")
    return found


async def _types_of_project(call: Call) -> Response:
    call.project(wanted=call.query("projectId"))
    return JSONResponse([call.shapes.issue_type(row) for row in ISSUE_TYPES])


async def _labels(call: Call) -> Response:
    seen = [project.key for project in call.site.rights.visible(call.actor)]
    return call.page(call.site.world.tracker.labels(seen), str, 1000, 1000)


_API = "/rest/api/{version}"
_META = f"{_API}/issue/createmeta"
_CATALOG: tuple[tuple[str, Sequence[Any], Shape], ...] = (
    ("issuetype", ISSUE_TYPES, Shapes.issue_type),
    ("status", STATUSES, Shapes.status),
    ("statuscategory", CATEGORIES, Shapes.category),
    ("priority", PRIORITIES, Shapes.priority),
    ("resolution", RESOLUTIONS, Shapes.resolution),
)

ENDPOINTS = (
    Endpoint("GET", f"{_API}/field", _fields),
    Endpoint("POST", f"{_API}/field", _add),
    Endpoint("GET", f"{_API}/field/search", _search),
    Endpoint("GET", _META, _create_meta),
    Endpoint("GET", f"{_META}/{{project}}/issuetypes", _create_types),
    Endpoint("GET", f"{_META}/{{project}}/issuetypes/{{type}}", _create_fields),
    *(Endpoint("GET", f"{_API}/{name}", _rows(rows, shape)) for name, rows, shape in _CATALOG),
    *(
        Endpoint("GET", f"{_API}/{name}/{{id}}", _one(rows, shape))
        for name, rows, shape in _CATALOG
    ),
    Endpoint("GET", f"{_API}/issuetype/project", _types_of_project),
    Endpoint("GET", f"{_API}/label", _labels),
)
