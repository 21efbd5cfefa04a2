"""Attachments at the addresses that people's links name: ``/secure/attachment...``.

Those of the wiki's pages are at ``/wiki/download/attachments/...``.

A browser comes here with its session, or logs in and comes back; an app comes
with the header, or for as long as the policy says with ``?jwt=``.  The bytes
are sent by the media host.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from headway.host.answers import NOT_IN_SCOPE, api_error
from headway.host.archive import zipped
from headway.host.media import Box, disposition
from headway.host.rest.call import (
    METHODS,
    NO_ATTACHMENT,
    Answering,
    Call,
    Rejected,
    identified,
)
from headway.host.rest.wiki.call import WikiCall
from headway.host.thumbnails import can_scale
from headway.host.visit import is_browser, log_in_first
from headway.host.world import Attachment

if TYPE_CHECKING:
    from headway.host.site import Site

__all__ = ["routes"]

SCOPE = "READ"
"""What an app needs; other methods than GET are closed to every app."""


def routes(site: Site) -> list[BaseRoute]:
    """The spellings of an attachment's address, of its picture's, and of an issue's zip."""
    table = {
        "/secure/attachment/{attachment}/{name}": _download,
        "/secure/attachments/{attachment}": _download,
        "/secure/thumbnail/{attachment}/{name}": _picture,
        "/secure/issueAttachments/{issue}.zip": _archive,
    }
    on_page = identified(site, site.confluence, SCOPE, _for_browsers(_download_of_page))
    return [
        *(
            Route(path, identified(site, site.jira, SCOPE, _for_browsers(answer)), methods=METHODS)
            for path, answer in table.items()
        ),
        Route("/wiki/download/attachments/{id}/{name}", on_page, methods=METHODS),
    ]


def _for_browsers(answer: Answering) -> Answering:
    """*answer*, for reading only; a browser that nobody is logged in to goes to log in first."""

    async def handle(call: Call) -> Response:
        if call.request.method not in ("GET", "HEAD"):
            raise call.no(403, NOT_IN_SCOPE)
        try:
            return await answer(call)
        except Rejected:
            # What sends credentials of its own is a client.
            waits = is_browser(call.request) and "authorization" not in call.request.headers
            if call.actor.account_id is None and waits and call.request.method == "GET":
                return log_in_first(call.request)
            raise

    return handle


async def _download(call: Call) -> Response:
    return RedirectResponse(call.site.media.url(_named(call)), 303)


async def _download_of_page(call: Call) -> Response:
    """A file of a page by its name; ``?version=`` asks for one that was there before."""
    wanted, wiki = WikiCall(call), call.site.world.wiki
    name = call.request.path_params["name"]
    file = wiki.file_named(wanted.content(), name)
    if file is None:
        raise call.unseen(f"There is no file {name[:50]} on this page.")
    number = wanted.number("version", file.version, 10**9)
    version = wiki.revision(file.id, number)
    kept = wiki.file(version) if version else None
    if kept is None:
        raise call.no(404, f"There is no version {number} of this file.")
    return RedirectResponse(call.site.media.url(kept), 303)


async def _picture(call: Call) -> Response:
    attachment = _named(call)
    if not can_scale(attachment.media_type, attachment.size):
        raise Rejected(api_error(404, NO_ATTACHMENT.format(attachment.id)))
    return RedirectResponse(call.site.media.url(attachment, Box()), 303)


async def _archive(call: Call) -> Response:
    """Every attachment of an issue; the zip is only ever a download, so the site may send it."""
    issue, files = call.issue(), call.site.world.files
    headers = {"Content-Disposition": disposition(f"{issue.key}.zip")}
    body = zipped(files, files.of("issue", issue.id))
    return StreamingResponse(body, headers=headers, media_type="application/zip")


def _named(call: Call) -> Attachment:
    """The attachment that the address names, by id and, where it has one, by name."""
    attachment = call.attachment()
    if call.request.path_params.get("name", attachment.filename) != attachment.filename:
        raise Rejected(api_error(404, NO_ATTACHMENT.format(attachment.id)))
    return attachment
