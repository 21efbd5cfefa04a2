"""The REST API: one table of endpoints, each with the scope that it asks of an app.

``{version}`` is 2, 3 or latest.  What is not in the table is answered with 501,
so that nobody takes a gap of this site for a rule of the host.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from headway.errors import BodyTooLarge, Refusal, TokenMissing
from headway.host.answers import NOT_IN_SCOPE, api_error, host_answer
from headway.host.gate import Actor, Forbidden
from headway.host.media import file_answer
from headway.host.shapes import Shapes, moment, plain_text
from headway.host.world import Attachment, Issue
from headway.http.asgi import read_bounded
from headway.qsh import canonical_request

if TYPE_CHECKING:
    from headway.host.site import Site

__all__ = ["ENDPOINTS", "Call", "Endpoint", "Rejected", "identified", "routes"]

VERSIONS = ("2", "3", "latest")
BODY_MAX = 262_144  # bytes
METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]

NO_ISSUE = "Issue does not exist or you do not have permission to see it."
NO_ATTACHMENT = "The attachment with id '{}' does not exist"


class Rejected(Exception):
    """Ends a call with an answer that says no."""

    def __init__(self, answer: Response) -> None:
        super().__init__(answer.status_code)
        self.answer = answer


class Call(NamedTuple):
    """One call of the API by somebody who may make it."""

    site: Site
    request: Request
    actor: Actor
    version: str

    @property
    def shapes(self) -> Shapes:
        """How this version of the API writes things."""
        return self.site.shapes(self.version)

    @property
    def author(self) -> str:
        """The account that a change is made by; :meth:`issue` lets nobody else change."""
        return self.actor.account_id or ""

    def issue(self, *, edit: bool = False) -> Issue:
        """The issue that the path names, if the caller may see it, or *edit* it."""
        world = self.site.world
        issue = world.issue(self.request.path_params["issue"])
        project = world.project(issue.project_key) if issue else None
        may = world.may_edit if edit else world.may_see
        if issue is None or project is None or not may(project, self.actor):
            raise self._unseen(NO_ISSUE)
        return issue

    def attachment(self) -> Attachment:
        """The attachment that the path names, if the caller may see its issue."""
        world, wanted = self.site.world, self.request.path_params["attachment"]
        attachment = world.attachment(wanted)
        issue = world.issue(attachment.issue_id) if attachment else None
        project = world.project(issue.project_key) if issue else None
        if attachment is None or project is None or not world.may_see(project, self.actor):
            raise self._unseen(NO_ATTACHMENT.format(wanted[:20]))
        return attachment

    def _unseen(self, message: str) -> Rejected:
        """Not found; whoever is nobody is not even told that."""
        if self.actor.account_id is None:
            return Rejected(host_answer(self.actor.refusal or TokenMissing()))
        return Rejected(api_error(404, message))

    async def body(self) -> Mapping[str, Any]:
        """The request's JSON object."""
        try:
            found = json.loads(await read_bounded(self.request.receive, BODY_MAX))
        except BodyTooLarge:
            raise Rejected(api_error(413, "The request body is too large.")) from None
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise Rejected(api_error(400, "Unexpected end of input or invalid JSON."))
        return found


class Endpoint(NamedTuple):
    """One row of the table; *path* is relative to ``/rest/api/{version}``."""

    method: str
    path: str
    scope: str
    answer: Callable[[Call], Awaitable[Response]]


# ---- the endpoints --------------------------------------------------------------------------


async def _server_info(call: Call) -> Response:
    now = call.site.clock.now()
    return JSONResponse(
        {
            "baseUrl": call.site.base_url,
            "version": "1001.0.0-SNAPSHOT",
            "versionNumbers": [1001, 0, 0],
            "deploymentType": "Cloud",
            "serverTime": moment(now),
            "serverTitle": "Headway",
        }
    )


async def _myself(call: Call) -> Response:
    if call.actor.account_id is None:
        return host_answer(call.actor.refusal or TokenMissing())
    person = call.shapes.person(call.actor.account_id)
    user = call.site.world.user(call.actor.account_id)
    if user is not None and call.actor.app_key is None:
        person["emailAddress"] = user.email
    return JSONResponse(person)


async def _get_issue(call: Call) -> Response:
    fields = ",".join(call.request.query_params.getlist("fields"))
    return JSONResponse(call.shapes.issue(call.issue(), fields))


async def _edit_issue(call: Call) -> Response:
    issue = call.issue(edit=True)
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
        before, after = call.site.world.edit_issue(issue.id, **changes)
    except ValueError as error:
        return api_error(400, str(error))
    task = BackgroundTask(call.site.issue_updated, before, after, call.author)
    return Response(status_code=204, background=task)


async def _get_comments(call: Call) -> Response:
    return JSONResponse(call.shapes.comments(call.issue()))


async def _add_comment(call: Call) -> Response:
    issue = call.issue(edit=True)
    try:
        text = plain_text((await call.body()).get("body"))
        comment = call.site.world.add_comment(issue.id, call.author, text)
    except ValueError as error:
        return api_error(400, errors={"comment": str(error)})
    return JSONResponse(call.shapes.comment(comment), 201)


async def _attachment(call: Call) -> Response:
    shape = call.shapes.attachment(call.attachment())
    return JSONResponse({**shape, "id": int(shape["id"])})  # a number here, a text in an issue


async def _content(call: Call) -> Response:
    attachment = call.attachment()
    if call.request.query_params.get("redirect") == "false":
        return file_answer(call.site.world, attachment)
    return RedirectResponse(call.site.media.url(attachment), 303)


# The scopes are those that the host's published OpenAPI description names.
ENDPOINTS = (
    Endpoint("GET", "/serverInfo", "READ", _server_info),
    Endpoint("GET", "/myself", "READ", _myself),
    Endpoint("GET", "/issue/{issue}", "READ", _get_issue),
    Endpoint("PUT", "/issue/{issue}", "WRITE", _edit_issue),
    Endpoint("GET", "/issue/{issue}/comment", "READ", _get_comments),
    Endpoint("POST", "/issue/{issue}/comment", "WRITE", _add_comment),
    Endpoint("GET", "/attachment/{attachment}", "READ", _attachment),
    Endpoint("GET", "/attachment/content/{attachment}", "READ", _content),
)


# ---- their routes ---------------------------------------------------------------------------


def routes(site: Site) -> list[BaseRoute]:
    """Every endpoint in every version, and an answer for what is none."""
    table: list[BaseRoute] = [
        Route(
            f"/rest/api/{version}{endpoint.path}",
            identified(site, endpoint.scope, endpoint.answer, version),
            methods=[endpoint.method],
        )
        for version in VERSIONS
        for endpoint in ENDPOINTS
    ]
    return [*table, Route("/rest/{path:path}", identified(site, None, _not_built), methods=METHODS)]


def identified(
    site: Site,
    scope: str | None,
    answer: Callable[[Call], Awaitable[Response]],
    version: str = VERSIONS[0],
) -> Callable[[Request], Awaitable[Response]]:
    """*answer*, called with whoever is calling, who must hold *scope*; None: no app's page may."""

    async def handle(request: Request) -> Response:
        try:
            # (1) who is it?
            actor = await site.gate.actor(request)
            # (2) may it call this at all?  One reading of the path, and a scope that covers it
            canonical_request(request.method, request.scope["raw_path"].decode("latin-1"))
            if not (actor.holds(scope) if scope else actor.kind == "app" or not actor.app_key):
                return api_error(403, NOT_IN_SCOPE)
            # (3) what it asks for
            return await answer(Call(site, request, actor, version))
        except (Refusal, Forbidden) as refusal:
            return host_answer(refusal)
        except Rejected as rejected:
            return rejected.answer

    return handle


async def _not_built(call: Call) -> Response:
    return api_error(501, f"This local site does not have {call.request.method} on this address.")
