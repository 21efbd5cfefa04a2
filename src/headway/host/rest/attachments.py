"""Attachments of issues: what they are, and the way to their bytes."""

from __future__ import annotations

from starlette.responses import JSONResponse, RedirectResponse, Response

from headway.host.media import file_answer
from headway.host.rest.call import Call, Endpoint

__all__ = ["ENDPOINTS"]


async def _attachment(call: Call) -> Response:
    shape = call.shapes.attachment(call.attachment())
    return JSONResponse({**shape, "id": int(shape["id"])})  # a number here, a text in an issue


async def _content(call: Call) -> Response:
    attachment = call.attachment()
    if call.request.query_params.get("redirect") == "false":
        return file_answer(call.site.world.files, attachment)
    return RedirectResponse(call.site.media.url(attachment), 303)


ENDPOINTS = (
    Endpoint("GET", "/rest/api/{version}/attachment/{attachment}", _attachment),
    Endpoint("GET", "/rest/api/{version}/attachment/content/{attachment}", _content),
)
