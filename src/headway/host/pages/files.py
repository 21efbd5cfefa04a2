"""The files of an issue: sending them, with or without a script, and taking them away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from headway.host.pages.issue import opened
from headway.host.visit import Visit, Who, is_browser, see_other, visited

if TYPE_CHECKING:
    from headway.host.site import Site

__all__ = ["routes"]


def routes(site: Site) -> list[BaseRoute]:
    """Two forms; the page of the issue shows what became of them."""
    send = visited(site, Who.USER, _send, with_files=True)
    remove = visited(site, Who.USER, _remove)
    return [
        Route("/browse/{key}/attachments", send, methods=["POST"]),
        Route("/browse/{key}/attachments/{id}/delete", remove, methods=["POST"]),
    ]


async def _send(visit: Visit) -> Response:
    """Keep the files; a form is answered with the page, the page's script with a plain answer."""
    seen = opened(visit, "CREATE_ATTACHMENTS")
    for upload in visit.files:
        visit.site.world.files.add_attachment("issue", seen.issue.id, *upload, visit.author)
    if is_browser(visit.request):
        return see_other(f"{seen.path}#attachments")
    return Response(status_code=204)


async def _remove(visit: Visit) -> Response:
    seen = opened(visit)
    files = visit.site.world.files
    file = files.attachment(visit.request.path_params["id"])
    if file is None or (file.holder, file.holder_id) != ("issue", seen.issue.id):
        raise HTTPException(404, "There is no such file, or no longer.")
    if not seen.may("DELETE_ATTACHMENTS", file.author, visit.author):
        raise HTTPException(403, "This file was sent by somebody else.")
    files.remove_attachment(file.id, visit.author)
    return see_other(f"{seen.path}#attachments")
