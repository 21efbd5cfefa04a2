"""The site's pages: issues, logging in, installed apps and their own pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from headway.host import app_pages, inspector
from headway.host.events import page as outbox
from headway.host.events import post_functions_page
from headway.host.identity import local_path
from headway.host.pages import apps, wiki
from headway.host.places import modules_for
from headway.host.problems import errors
from headway.host.providers import page as providers
from headway.host.scene import scene_of
from headway.host.visit import (
    Visit,
    Who,
    log_in_first,
    read_form,
    see_other,
    seen_by,
    visited,
)
from headway.host.world import Issue, Project
from headway.model import Product

if TYPE_CHECKING:
    from headway.host.site import Site

__all__ = ["errors", "routes"]

STATIC = Path(__file__).parent.parent / "static"
ISSUE_PLACES = ("issue.actions", "issue.panels", "issue.contents", "issue.glances", "issue.tabs")
"""The places for apps that the page of an issue has."""


def routes(site: Site) -> list[BaseRoute]:
    """Every page and every form, and the files that pages load."""
    pages = (
        ("GET", "/", Who.ANYBODY, _issues),
        ("GET", "/browse/{key}", Who.ANYBODY, _issue),
        ("POST", "/browse/{key}/edit", Who.USER, _edit),
        ("POST", "/browse/{key}/comment", Who.USER, _comment),
        ("GET", "/login", Who.ANYBODY, _login),
        ("POST", "/logout", Who.ANYBODY, _log_out),
    )
    return [
        Route("/status", _status),
        Route("/login", _log_in(site), methods=["POST"]),
        *(Route(path, visited(site, who, page), methods=[verb]) for verb, path, who, page in pages),
        *apps.routes(site),
        *app_pages.routes(site),
        *inspector.routes(site),
        *outbox.routes(site),
        *post_functions_page.routes(site),
        *providers.routes(site),
        *wiki.routes(site),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]


async def _status(request: Request) -> Response:
    return JSONResponse({"state": "RUNNING"})


# ---- issues ---------------------------------------------------------------------------------


async def _issues(visit: Visit) -> Response:
    tracker, rights = visit.site.world.tracker, visit.site.rights
    projects = [
        (project, tracker.issues(project.key))
        for project in tracker.projects()
        if rights.may(visit.actor, "BROWSE_PROJECTS", project)
    ]
    return visit.page("issues.html", projects=projects, name_of=_name_of(visit))


async def _issue(visit: Visit) -> Response:
    found = _find(visit)
    if found is None:
        return log_in_first(visit.request)
    return await _issue_page(visit, *found)


async def _edit(visit: Visit) -> Response:
    project, issue = _found(visit)
    summary, description = visit.text("summary"), visit.text("description")
    try:
        visit.site.world.tracker.edit_issue(
            issue.id, summary=summary, description=description, author=visit.author
        )
    except ValueError as error:
        return await _issue_page(visit, project, issue, 400, edit_error=str(error))
    return see_other(f"/browse/{issue.key}")


async def _comment(visit: Visit) -> Response:
    project, issue = _found(visit)
    try:
        visit.site.world.tracker.add_comment(issue.id, visit.author, visit.text("body") or "")
    except ValueError as error:
        return await _issue_page(visit, project, issue, 400, comment_error=str(error))
    return see_other(f"/browse/{issue.key}#comments")


async def _issue_page(
    visit: Visit,
    project: Project,
    issue: Issue,
    status: int = 200,
    *,
    edit_error: str = "",
    comment_error: str = "",
) -> Response:
    world = visit.site.world
    asked = {"issue.key": issue.key}
    scene = scene_of(visit.site, Product.JIRA, asked, visit.actor, visit.user)
    places = {
        place: await modules_for(visit.site, visit.site.jira, place, scene, visit)
        for place in ISSUE_PLACES
    }
    return visit.page(
        "issue.html",
        status,
        frames=[entry.app for entries in places.values() for entry in entries],
        project=project,
        issue=issue,
        comments=world.tracker.comments(issue.id),
        attachments=world.files.of("issue", issue.id),
        name_of=_name_of(visit),
        may_edit=visit.site.rights.may(visit.actor, "EDIT_ISSUES", project),
        places=places,
        known=providers.known_of(visit.site, issue),
        designers=providers.modules_with(visit.site, providers.DESIGNS, "getEntityByUrl"),
        branchers=providers.modules_with(visit.site, "jiraDevelopmentTool", "createBranch"),
        edit_error=edit_error,
        comment_error=comment_error,
    )


def _find(visit: Visit) -> tuple[Project, Issue] | None:
    """The issue that the address names; None where the visitor may have to log in to see it.

    Whoever is nobody can not tell an issue that is not there from one that is
    not public.  Raises HTTPException where it is not there for a user.
    """
    tracker = visit.site.world.tracker
    issue = tracker.issue(visit.request.path_params["key"])
    project = tracker.project(issue.project_key) if issue else None
    if issue and project and visit.site.rights.may(visit.actor, "BROWSE_PROJECTS", project):
        return project, issue
    if visit.user is None:
        return None
    raise HTTPException(404, "There is no such issue.")


def _found(visit: Visit) -> tuple[Project, Issue]:
    found = _find(visit)
    if found is None or not visit.site.rights.may(visit.actor, "EDIT_ISSUES", found[0]):
        raise HTTPException(403, "This issue is not yours to change.")
    return found


def _name_of(visit: Visit) -> Callable[[str], str]:
    """Account ids' names, each looked up once for a page."""
    shapes = visit.site.shapes()
    return cache(lambda account_id: str(shapes.person(account_id)["displayName"]))


# ---- logging in and out ---------------------------------------------------------------------


async def _login(visit: Visit) -> Response:
    back = local_path(visit.request.query_params.get("next"))
    if visit.user is not None:
        return see_other(back)
    return visit.page("login.html", next=back, name="", error="")


def _log_in(site: Site) -> Callable[[Request], Awaitable[Response]]:
    """The form that nobody has a session for yet; the guard keeps other sites' pages away."""

    async def handle(request: Request) -> Response:
        form = await read_form(request)
        name, back = form.get("name", ""), local_path(form.get("next"))
        value = await run_in_threadpool(
            site.identity.log_in, name, form.get("password", ""), request
        )
        if value is None:
            error = "This name and this password do not belong together."
            visit = seen_by(site, request)
            return visit.page("login.html", 401, next=back, name=name, error=error)
        return see_other(back, headers={"Set-Cookie": site.identity.set_cookie(value)})

    return handle


async def _log_out(visit: Visit) -> Response:
    identity = visit.site.identity
    identity.log_out(visit.request)
    return see_other("/", headers={"Set-Cookie": identity.set_cookie()})
