"""Attachments at the addresses that people's links name: ``/secure/attachment...``.

A browser comes here with its session, or logs in and comes back; an app comes
with the header, or for as long as the policy says with ``?jwt=``.  The bytes
are sent by the media host.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from headway.host.answers import NOT_IN_SCOPE, api_error
from headway.host.identity import local_path
from headway.host.rest.call import METHODS, NO_ATTACHMENT, Call, Rejected, identified

if TYPE_CHECKING:
    from headway.host.site import Site

__all__ = ["routes"]

SCOPE = "READ"
"""What an app needs; other methods than GET are closed to every app."""


def routes(site: Site) -> list[BaseRoute]:
    """The two spellings of an attachment's address."""
    endpoint = identified(site, site.jira, SCOPE, _download)
    return [
        Route("/secure/attachment/{attachment}/{name}", endpoint, methods=METHODS),
        Route("/secure/attachments/{attachment}", endpoint, methods=METHODS),
    ]


async def _download(call: Call) -> Response:
    request = call.request
    if request.method not in ("GET", "HEAD"):
        return api_error(403, NOT_IN_SCOPE)
    try:
        attachment = call.attachment()
    except Rejected:
        if call.actor.account_id is None and _is_browser(request):
            return _log_in_first(request)
        raise
    if request.path_params.get("name", attachment.filename) != attachment.filename:
        return api_error(404, NO_ATTACHMENT.format(attachment.id))
    return RedirectResponse(call.site.media.url(attachment), 303)


def _is_browser(request: Request) -> bool:
    """Whether a person waits for a page; what sends credentials of its own is a client."""
    if "authorization" in request.headers:
        return False
    navigates = request.headers.get("sec-fetch-mode") == "navigate"
    return navigates or "text/html" in request.headers.get("accept", "")


def _log_in_first(request: Request) -> Response:
    """To the login page and from there back here, without the token that did not count."""
    raw_path = request.scope["raw_path"].decode("latin-1")
    raw_query = request.scope["query_string"].decode("latin-1")
    back = local_path(f"{raw_path}?{raw_query}")
    return RedirectResponse(f"/login?next={quote(back, safe='')}", 303)
