"""Attachments of issues: what they are, the way to their bytes, new ones."""

from __future__ import annotations

from starlette.responses import JSONResponse, RedirectResponse, Response

from headway.errors import BodyTooLarge
from headway.host.answers import api_error
from headway.host.media import Box, file_answer, picture_answer
from headway.host.rest.call import Call, Endpoint, Rejected
from headway.host.thumbnails import can_scale
from headway.host.uploads import read_uploads
from headway.host.world import Attachment

__all__ = ["ENDPOINTS"]

NO_CHECK = frozenset({"no-check", "nocheck"})
"""What ``X-Atlassian-Token`` says where a request is no browser's form."""

NOT_YOURS = "You do not have permission to delete this attachment."
NO_THUMBNAIL = "The attachment with id '{}' has no thumbnail"


async def _get(call: Call) -> Response:
    shape = call.shapes.attachment(call.attachment())
    return JSONResponse({**shape, "id": int(shape["id"])})  # a number here, a text in an issue


async def _content(call: Call) -> Response:
    attachment = call.attachment()
    if call.request.query_params.get("redirect") == "false":
        return file_answer(call.site.world.files, attachment, call.request.headers)
    return RedirectResponse(call.site.media.url(attachment), 303)


async def _thumbnail(call: Call) -> Response:
    attachment, query = call.attachment(), call.request.query_params
    box = Box(
        *(_pixels(query.get(name), usual) for name, usual in zip(Box._fields, Box(), strict=True))
    )
    if not can_scale(attachment.media_type, attachment.size):
        return api_error(404, NO_THUMBNAIL.format(attachment.id))
    if query.get("redirect") == "false":
        answer = await picture_answer(call.site.world.files, attachment, box)
        if answer.status_code == 404:
            return api_error(404, NO_THUMBNAIL.format(attachment.id))
        return answer
    return RedirectResponse(call.site.media.url(attachment, box), 303)


def _pixels(text: str | None, usual: int) -> int:
    if text is None:
        return usual
    if not text.isascii() or not text.isdigit() or not 0 < len(text) <= 5 or int(text) == 0:
        raise Rejected(api_error(400, "A width and a height are whole numbers of pixels."))
    return int(text)


async def _meta(call: Call) -> Response:
    limit = call.site.settings.upload_limit
    return JSONResponse({"enabled": True, "uploadLimit": limit})


async def _add(call: Call) -> Response:
    # (1) no page of another site may send this: the host asks for a header that no form has
    if call.request.headers.get("x-atlassian-token", "").lower() not in NO_CHECK:
        return api_error(403, "XSRF check failed")
    issue = call.issue("CREATE_ATTACHMENTS")
    # (2) all files, or none
    try:
        uploads = await read_uploads(call.request, call.site.settings.upload_limit)
    except BodyTooLarge:
        limit = call.site.settings.upload_limit
        return api_error(413, f"The files have more than {limit} bytes.")
    except ValueError as error:
        return api_error(400, f"The upload is refused: {error}.")
    files = call.site.world.files
    made = [files.add_attachment("issue", issue.id, *upload, call.author) for upload in uploads]
    return JSONResponse([call.shapes.attachment(attachment) for attachment in made])


async def _remove(call: Call) -> Response:
    attachment = call.attachment()
    own = attachment.author == call.author
    permissions = ["DELETE_ALL_ATTACHMENTS", *(["DELETE_OWN_ATTACHMENTS"] if own else [])]
    if not any(_may(call, permission, attachment) for permission in permissions):
        return api_error(403, NOT_YOURS)
    call.site.world.files.remove_attachment(attachment.id, call.author)
    return Response(status_code=204)


def _may(call: Call, permission: str, attachment: Attachment) -> bool:
    tracker = call.site.world.tracker
    issue = tracker.issue(attachment.holder_id)
    project = tracker.project(issue.project_key) if issue else None
    return project is not None and call.site.rights.may(call.actor, permission, project)


ENDPOINTS = (
    Endpoint("GET", "/rest/api/{version}/attachment/meta", _meta),
    Endpoint("GET", "/rest/api/{version}/attachment/{attachment}", _get),
    Endpoint("DELETE", "/rest/api/{version}/attachment/{attachment}", _remove),
    Endpoint("GET", "/rest/api/{version}/attachment/content/{attachment}", _content),
    Endpoint("GET", "/rest/api/{version}/attachment/thumbnail/{attachment}", _thumbnail),
    Endpoint("POST", "/rest/api/{version}/issue/{issue}/attachments", _add),
)
