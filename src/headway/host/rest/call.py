"""One call of a REST API: who makes it, what it names, and what it may.

An :class:`Endpoint` is a row of a table; :func:`identified` makes a handler of it.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from headway.errors import BodyTooLarge, Refusal, TokenMissing
from headway.host.access import AccessTokenInvalid
from headway.host.answers import NOT_IN_SCOPE, Writer, error_writer, host_answer
from headway.host.gate import Actor, Forbidden
from headway.host.rest.scopes import INACCESSIBLE
from headway.host.shapes import Shapes
from headway.host.tenant import Tenant
from headway.host.world import Attachment, Issue
from headway.http.asgi import read_bounded
from headway.qsh import canonical_request

if TYPE_CHECKING:
    from headway.host.site import Site

__all__ = [
    "METHODS",
    "NO_ATTACHMENT",
    "NO_ISSUE",
    "Answering",
    "Call",
    "Endpoint",
    "Rejected",
    "identified",
]

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
    """One call of the API by somebody who may make it; *version* is that of the API."""

    site: Site
    tenant: Tenant
    request: Request
    actor: Actor
    version: str

    @property
    def shapes(self) -> Shapes:
        """How this version of the API writes things, as far as the caller sees them."""
        return self.site.shapes(self.version, self.site.rights.view(self.actor))

    @property
    def author(self) -> str:
        """The account that a change is made by; :meth:`issue` lets nobody else change."""
        return self.actor.account_id or ""

    def issue(self, permission: str = "BROWSE_PROJECTS") -> Issue:
        """The issue that the path names, if the caller has *permission* in its project."""
        tracker = self.site.world.tracker
        issue = tracker.issue(self.request.path_params["issue"])
        project = tracker.project(issue.project_key) if issue else None
        if issue and project and self.site.rights.may(self.actor, permission, project):
            return issue
        raise self.unseen(NO_ISSUE)

    def attachment(self) -> Attachment:
        """The attachment that the path names, if the caller may see what it hangs on."""
        world, wanted = self.site.world, self.request.path_params["attachment"]
        attachment = world.files.attachment(wanted)
        if attachment is None or attachment.holder != "issue":
            raise self.unseen(NO_ATTACHMENT.format(wanted[:20]))
        issue = world.tracker.issue(attachment.holder_id)
        project = world.tracker.project(issue.project_key) if issue else None
        if project and self.site.rights.may(self.actor, "BROWSE_PROJECTS", project):
            return attachment
        raise self.unseen(NO_ATTACHMENT.format(wanted[:20]))

    def unseen(self, message: str) -> Rejected:
        """Not found; whoever is nobody is not even told that."""
        if self.actor.account_id is None:
            return Rejected(host_answer(self.actor.refusal or TokenMissing(), self._write))
        return self.no(404, message)

    def no(self, status: int, message: str) -> Rejected:
        """An answer that says no, in the shape of the API that was asked."""
        return Rejected(self._write(status, message))

    @property
    def _write(self) -> Writer:
        return error_writer(self.request.url.path)

    async def json(self) -> Any:
        """The request's JSON, whatever it is."""
        try:
            return json.loads(await read_bounded(self.request.receive, BODY_MAX))
        except BodyTooLarge:
            raise self.no(413, "The request body is too large.") from None
        except (ValueError, RecursionError):
            raise self.no(400, "Unexpected end of input or invalid JSON.") from None

    async def body(self) -> Mapping[str, Any]:
        """The request's JSON object."""
        found = await self.json()
        if not isinstance(found, dict):
            raise self.no(400, "Unexpected end of input or invalid JSON.")
        return found


Answering = Callable[[Call], Awaitable[Response]]


class Endpoint(NamedTuple):
    """One row of the table; *path* may hold ``{version}``, and starts with its product's path.

    The scope that it asks of an app stands in ``scopes``.
    """

    method: str
    path: str
    answer: Answering


def identified(
    site: Site,
    tenant: Tenant,
    scope: str | None,
    answer: Answering,
    version: str = "2",
) -> Callable[[Request], Awaitable[Response]]:
    """*answer*, called with whoever is calling, who must hold *scope*; None: no app's page may."""

    async def handle(request: Request) -> Response:
        write = error_writer(request.url.path)
        try:
            # (1) who is it?
            actor = await tenant.gate.actor(request)
            # (2) may it call this at all?  One reading of the path, and a scope that covers it
            canonical_request(request.method, request.scope["raw_path"].decode("latin-1"))
            if not _in_scope(actor, scope):
                return write(403, NOT_IN_SCOPE)
            # (3) what it asks for
            return await answer(Call(site, tenant, request, actor, version))
        except (Refusal, Forbidden, AccessTokenInvalid) as refusal:
            return host_answer(refusal, write)
        except Rejected as rejected:
            return rejected.answer

    return handle


def _in_scope(actor: Actor, scope: str | None) -> bool:
    if scope is None:
        return actor.kind == "app" or not actor.app_key
    if scope == INACCESSIBLE:
        return not actor.app_key
    return actor.holds(scope)
