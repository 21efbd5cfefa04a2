"""Issues and what is said about them."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from headway.host.answers import api_error
from headway.host.rest.call import Call, Endpoint
from headway.host.shapes import plain_text

__all__ = ["ENDPOINTS"]


async def _get_issue(call: Call) -> Response:
    fields = ",".join(call.request.query_params.getlist("fields"))
    return JSONResponse(call.shapes.issue(call.issue(), fields))


async def _edit_issue(call: Call) -> Response:
    issue = call.issue("EDIT_ISSUES")
    fields = (await call.body()).get("fields", {})
    if not isinstance(fields, dict):
        return api_error(400, "fields is not an object.")
    errors = {
        name: f"Field '{name}' cannot be set. It is not on the appropriate screen, or unknown."
        for name in fields
        if name not in ("summary", "description")
    }
    if errors:
        return api_error(400, errors=errors)
    try:
        changes = {
            name: plain_text("" if value is None else value) for name, value in fields.items()
        }
        call.site.world.tracker.edit_issue(issue.id, author=call.author, **changes)
    except ValueError as error:
        return api_error(400, str(error))
    return Response(status_code=204)


async def _get_comments(call: Call) -> Response:
    return JSONResponse(call.shapes.comments(call.issue()))


async def _add_comment(call: Call) -> Response:
    issue = call.issue("ADD_COMMENTS")
    try:
        text = plain_text((await call.body()).get("body"))
        comment = call.site.world.tracker.add_comment(issue.id, call.author, text)
    except ValueError as error:
        return api_error(400, errors={"comment": str(error)})
    return JSONResponse(call.shapes.comment(comment), 201)


ENDPOINTS = (
    Endpoint("GET", "/rest/api/{version}/issue/{issue}", _get_issue),
    Endpoint("PUT", "/rest/api/{version}/issue/{issue}", _edit_issue),
    Endpoint("GET", "/rest/api/{version}/issue/{issue}/comment", _get_comments),
    Endpoint("POST", "/rest/api/{version}/issue/{issue}/comment", _add_comment),
)
