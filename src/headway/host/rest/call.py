"""One call of a REST API: who makes it, what it names, and what it may.

An :class:`Endpoint` is a row of a table; :func:`identified` makes a handler of it.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from headway.errors import BodyTooLarge, Refusal, TokenMissing
from headway.host.access import AccessTokenInvalid
from headway.host.answers import NOT_IN_SCOPE, Writer, error_writer, host_answer
from headway.host.gate import Actor, Forbidden
from headway.host.nesting import too_deep
from headway.host.rest.limits import Limits, Verdict
from headway.host.rest.scopes import INACCESSIBLE
from headway.host.shapes import Shapes
from headway.host.tenant import Tenant
from headway.host.world import Attachment, Issue, Project
from headway.host.world.properties import as_kept
from headway.http.asgi import read_bounded
from headway.qsh import canonical_request
from headway.redact import redact_url

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

T = TypeVar("T")

BODY_MAX = 262_144  # bytes
PROPERTIES_MAX = 10  # that come along with one thing
METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]

NO_ISSUE = "Issue does not exist or you do not have permission to see it."
NO_PROJECT = "No project could be found with key or id '{}'."
NOT_PERMITTED = "You do not have the permission {} that this asks for."
TOO_LARGE = "A number in the request is too large."
INVALID = "Unexpected end of input or invalid JSON."
TOO_MANY = "Rate limit exceeded."
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

    def param(self, name: str) -> str:
        """A parameter of the path, decoded."""
        found: str = self.request.path_params[name]
        return found

    def query(self, name: str) -> str:
        """A parameter of the query; the values of a repeated one are joined by commas."""
        return ",".join(self.request.query_params.getlist(name))

    def names(self, name: str) -> list[str]:
        """A parameter of the query that is a list of names."""
        return [found for found in map(str.strip, self.query(name).split(",")) if found]

    def issue(self, permission: str = "BROWSE_PROJECTS") -> Issue:
        """The issue that the path names, if the caller has *permission* in its project."""
        issue = self.site.world.tracker.issue(self.param("issue"))
        if issue is None or not self.site.rights.view(self.actor).issue(issue):
            raise self.unseen(NO_ISSUE)
        self.need(permission, self.site.world.tracker.project(issue.project_key))
        return issue

    def project(self, permission: str = "BROWSE_PROJECTS", wanted: str | None = None) -> Project:
        """The project that the path (or *wanted*) names, if the caller has *permission* in it."""
        name = self.param("project") if wanted is None else wanted
        project = self.site.world.tracker.project(name)
        if project is None or not self.may("BROWSE_PROJECTS", project):
            raise self.unseen(NO_PROJECT.format(name[:50]))
        self.need(permission, project)
        return project

    def may(self, permission: str, project: Project | None = None) -> bool:
        """Whether the caller has *permission* in *project*, or without one on the site."""
        return self.site.rights.may(self.actor, permission, project)

    def need(self, permission: str, project: Project | None = None) -> None:
        """Raises Rejected where the caller has not *permission*: 401 for nobody, else 403."""
        if not self.may(permission, project):
            if self.actor.account_id is None:
                raise self.unseen("")
            raise self.no(403, NOT_PERMITTED.format(permission))

    def need_any(self, permissions: Iterable[str], project: Project | None) -> None:
        """Raises Rejected where the caller has none of *permissions*."""
        wanted = list(permissions)
        if not any(self.may(permission, project) for permission in wanted):
            self.need(wanted[-1], project)

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

    def window(self, usual: int = 50, most: int = 100) -> tuple[int, int]:
        """Which part of a list was asked for: ``startAt`` and ``maxResults``, bounded."""
        start = self.number("startAt", 0)
        size = self.number("maxResults", usual)
        return start, min(size, most)

    def number(self, name: str, usual: int) -> int:
        """A parameter of the query that is a whole number from 0 on."""
        text = self.request.query_params.get(name)
        if text is None or text == "":
            return usual
        if not re.fullmatch(r"[0-9]{1,15}", text):
            raise self.no(400, f"The value of {name} is not a whole number from 0 on.")
        return int(text)

    def page(
        self,
        values: Sequence[T],
        shape: Callable[[T], Any],
        usual: int = 50,
        most: int = 100,
    ) -> JSONResponse:
        """A page of *values*, as the API's newer endpoints have it."""
        start, size = self.window(usual, most)
        shown = values[start : start + size]
        raw_path, raw_query = self.request.scope["raw_path"], self.request.scope["query_string"]
        asked = b"?".join(filter(None, (raw_path, raw_query))).decode("latin-1")
        return JSONResponse(
            {
                "self": self.site.base_url + redact_url(asked),
                "maxResults": size,
                "startAt": start,
                "total": len(values),
                "isLast": start + len(shown) >= len(values),
                "values": [shape(value) for value in shown],
            }
        )

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

    async def body(self) -> Mapping[str, Any]:
        """The request's JSON object."""
        found = await self.json()
        if not isinstance(found, dict):
            raise self.no(400, INVALID)
        return found

    async def json(self) -> Any:
        """The request's JSON value: one that can be written as JSON again (RFC 8259).

        Python's own reader takes NaN, infinite numbers, half a surrogate pair.
        """
        raw = await self.raw()
        try:
            found = msgspec.json.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise self.no(400, INVALID) from None
        if too_deep(raw, found):
            raise self.no(400, INVALID)
        return found

    def properties(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """The properties that *body* brings along with a new thing, by key; checked."""
        given = body.get("properties")
        given = [] if given is None else given
        if not isinstance(given, list) or len(given) > PROPERTIES_MAX:
            raise self.no(400, f"properties is a list of at most {PROPERTIES_MAX}.")
        found = {}
        for one in given:
            key = one.get("key") if isinstance(one, Mapping) else None
            if not isinstance(key, str) or "value" not in one:
                raise self.no(400, "A property has a key and a value.")
            try:
                as_kept(key, one["value"])
            except ValueError as error:
                raise self.no(400, f"A property can not be kept: {error}.") from None
            found[key] = one["value"]
        return found

    async def raw(self) -> bytes:
        """The request's bytes, bounded."""
        try:
            return await read_bounded(self.request.receive, BODY_MAX)
        except BodyTooLarge:
            raise self.no(413, "The request body is too large.") from None


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
    limits: Limits | None = None,
) -> Callable[[Request], Awaitable[Response]]:
    """*answer*, called with whoever is calling, who must hold *scope*; None: no app's page may.

    *limits* counts the request; one that is too many is answered with 429.
    """

    async def handle(request: Request) -> Response:
        write = error_writer(request.url.path)
        try:
            # (1) who is it?
            actor = await tenant.gate.actor(request)
            # (2) may it call this at all?  One reading of the path, and a scope that covers it
            canonical_request(request.method, request.scope["raw_path"].decode("latin-1"))
            if not _in_scope(actor, scope):
                return write(403, NOT_IN_SCOPE)
            # (3) is it one too many?
            verdict = limits.count(actor) if limits else Verdict()
            if verdict.refused:
                response = write(429, TOO_MANY)
            else:
                # (4) what it asks for
                response = await answer(Call(site, tenant, request, actor, version))
            response.headers.update(verdict.headers)
            return response
        except (Refusal, Forbidden, AccessTokenInvalid) as refusal:
            return host_answer(refusal, write)
        except Rejected as rejected:
            return rejected.answer
        except OverflowError:  # more than the database can count to
            return write(400, TOO_LARGE)

    return handle


def _in_scope(actor: Actor, scope: str | None) -> bool:
    if scope is None:
        return actor.kind == "app" or not actor.app_key
    if scope == INACCESSIBLE:
        return not actor.app_key
    return actor.holds(scope)
