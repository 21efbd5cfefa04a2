"""What the site's pages ask the site, and what apps get from it without logging in.

The two services under ``/svc/`` make tokens.  They answer the site's own pages
alone, and what a page says about the issue that it shows is looked up anew.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from headway.errors import BodyTooLarge, MalformedRequest
from headway.host.apps import App
from headway.host.descriptor import Module
from headway.host.gate import Actor
from headway.host.identity import CSRF_HEADER, csrf_matches
from headway.host.world import Issue, User
from headway.http.asgi import read_bounded

if TYPE_CHECKING:
    from headway.host.site import Site

__all__ = ["routes"]

QUESTION_MAX = 16_384  # bytes
CLIENT_SCRIPT = ("vendor/iframe.js", "client-shim.js")


class Question(msgspec.Struct, frozen=True, rename="camel"):
    """What a page asks for: one module of one app, in its place."""

    app_key: str
    module_key: str
    context: dict[str, str] = {}


class Place(NamedTuple):
    """A module as a user sees it, with the context that the site itself knows."""

    app: App
    module: Module
    context: dict[str, str]
    user: User


class Denied(Exception):
    """Ends a question with an answer that says no."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.answer = JSONResponse({"status": status, "detail": detail}, status)


def routes(site: Site) -> list[BaseRoute]:
    """The services, the site's public key, the client script."""

    async def module_url(request: Request) -> Response:
        try:
            place = await _place(site, request)
            url = site.jira.outgoing.module_url(*place)
        except Denied as denied:
            return denied.answer
        except MalformedRequest as refusal:
            return Denied(409, f"the module's address: {refusal.title}").answer
        is_page = place.module.type == "generalPages"
        return _told({"url": url, "options": {"isFullPage": is_page, "title": place.module.name}})

    async def context_token(request: Request) -> Response:
        try:
            place = await _place(site, request)
        except Denied as denied:
            return denied.answer
        return _told({"token": site.jira.outgoing.context_token(*place)})

    async def install_key(request: Request) -> Response:
        pem = site.keys.public_pem(str(request.path_params["kid"]))
        if pem is None:
            return PlainTextResponse("There is no such key.\n", 404)
        return Response(pem, media_type="application/x-pem-file")

    async def client_script(_: Request) -> Response:
        folder = files("headway.host") / "static"
        try:
            parts = [(folder / name).read_bytes() for name in CLIENT_SCRIPT]
        except FileNotFoundError:
            return PlainTextResponse("The iframe bridge is missing: run 'make setup'.\n", 503)
        headers = {"Cache-Control": "max-age=600", "Access-Control-Allow-Origin": "*"}
        return Response(b"\n".join(parts), media_type="text/javascript", headers=headers)

    return [
        Route("/svc/module-url", module_url, methods=["POST"]),
        Route("/svc/context-token", context_token, methods=["POST"]),
        Route("/install-keys/{kid}", install_key),
        Route("/{kid:uuid}", install_key),  # some apps drop the path of a key server's address
        # Client scripts read their data-options only under these two addresses.
        Route("/atlassian-connect/all.js", client_script),
        Route("/connect-cdn.atl-paas.net/all.js", client_script),
    ]


def _told(answer: dict[str, Any]) -> Response:
    return JSONResponse(answer, headers={"Cache-Control": "no-store"})


async def _place(site: Site, request: Request) -> Place:
    # (1) one of the site's own pages, with a user before it
    user = _user(site, request)
    # (2) a module that there is
    question = await _question(request)
    app = site.jira.apps.get(question.app_key)
    module = app.module(question.module_key) if app else None
    if app is None or module is None:
        raise Denied(404, "no installed app has this module")
    # (3) in a place that the user may see
    return Place(app, module, _context(site, question, user), user)


def _user(site: Site, request: Request) -> User:
    session = site.identity.session(request)
    user = site.world.people.user(session.account_id) if session else None
    if session is None or user is None:
        raise Denied(401, "log in first")
    own_page = request.headers.getlist("origin") == [site.base_url]
    if not own_page or not csrf_matches(session, request.headers.get(CSRF_HEADER)):
        raise Denied(403, "only the site's own pages may ask")
    return user


async def _question(request: Request) -> Question:
    try:
        body = await read_bounded(request.receive, QUESTION_MAX)
        return msgspec.json.decode(body, type=Question)
    except (msgspec.MsgspecError, BodyTooLarge, UnicodeDecodeError, RecursionError):
        raise Denied(400, "not a question for a module") from None


def _context(site: Site, question: Question, user: User) -> dict[str, str]:
    """The issue and project that the page names, as the site has them."""
    asked = question.context
    issue: Issue | None = None
    project_key = asked.get("project.key")
    if name := asked.get("issue.key") or asked.get("issue.id"):
        issue = site.world.tracker.issue(name)
        project_key = issue.project_key if issue else None
    elif not project_key:
        return {}
    project = site.world.tracker.project(project_key) if project_key else None
    actor = Actor(kind="user", account_id=user.account_id)
    if project is None or not site.rights.may(actor, "BROWSE_PROJECTS", project):
        raise Denied(404, "there is no such issue or project, or it is not to be seen")
    context = {"project.key": project.key, "project.id": str(project.id)}
    if issue is not None:
        context = {"issue.key": issue.key, "issue.id": str(issue.id), **context}
    return context
