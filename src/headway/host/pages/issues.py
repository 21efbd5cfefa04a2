"""Finding issues, and making new ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from headway.host.pages.fields import choices, known_people, read_fields
from headway.host.pages.texts import NOTHING
from headway.host.search.jql import Query, QueryError, parse
from headway.host.visit import Link, Visit, Who, see_other, visited
from headway.host.world import Project

if TYPE_CHECKING:
    from headway.host.site import Site

__all__ = ["PAGE", "Paging", "list_page", "routes"]

PAGE = 25
"""Issues on one page."""

START_DIGITS = 7

TRIES = (
    ("Everything", ""),
    ("Assigned to me", "assignee = currentUser() ORDER BY updated"),
    ("Not done yet", "statusCategory != Done"),
    ("Changed this week", "updated >= -7d ORDER BY updated DESC"),
)
"""Queries to begin with, for whoever does not know the language."""


class Paging(NamedTuple):
    """Where a page lies among all: of *total* things it shows those from *first* to *last*.

    The addresses are empty where there is nothing in that direction.
    """

    first: int
    last: int
    total: int
    before: str = ""
    after: str = ""


def routes(site: Site) -> list[BaseRoute]:
    """The list, and the form for a new issue."""
    pages = (
        ("GET", "/", Who.ANYBODY, _list),
        ("GET", "/create", Who.USER, _form),
        ("POST", "/create", Who.USER, _create),
    )
    return [
        Route(path, visited(site, who, page), methods=[verb]) for verb, path, who, page in pages
    ]


# ---- the list -------------------------------------------------------------------------------


async def _list(visit: Visit) -> Response:
    """The issues that a query asks for; without one, all that the visitor may see."""
    jql = visit.request.query_params.get("jql", "").strip()
    projects = visit.site.rights.visible(visit.actor)
    values: dict[str, Any] = {
        "jql": jql,
        "projects": projects,
        "tries": [Link(name, _address("/", jql)) for name, jql in _tries(visit)],
        "may_create_project": visit.site.rights.may(visit.actor, "CREATE_PROJECT"),
        "may_create": bool(_creatable(visit, projects)),
    }
    try:
        return list_page(visit, parse(jql), "/", jql, template="issues.html", error="", **values)
    except QueryError as error:
        paging, nobody = Paging(0, 0, 0), visit.people()
        return visit.page(
            "issues.html", 400, error=str(error), issues=[], paging=paging, person=nobody, **values
        )


def list_page(
    visit: Visit, query: Query, path: str, asked: str = "", *, template: str, **values: Any
) -> Response:
    """A page with the issues of *query* that the visitor may see; raises QueryError.

    The address of each further page is *path* with the query as it was *asked*.
    """
    start = _number(visit.request.query_params.get("start", ""))
    site, projects = visit.site, visit.site.rights.visible(visit.actor)
    found = site.search.find(query, projects, visit.actor.account_id, start, PAGE)
    last = start + len(found.issues)
    further = bool(found.issues) and last < found.total
    paging = Paging(
        first=start + 1 if found.issues else 0,
        last=last if found.issues else 0,
        total=found.total,
        before=_address(path, asked, max(0, start - PAGE)) if start and found.total else "",
        after=_address(path, asked, last) if further else "",
    )
    values |= {"issues": found.issues, "paging": paging, "person": visit.people()}
    return visit.page(template, **values)


def _tries(visit: Visit) -> Sequence[tuple[str, str]]:
    """Nothing is assigned to nobody."""
    known = visit.user is not None
    return TRIES if known else [(name, jql) for name, jql in TRIES if "currentUser" not in jql]


def _address(path: str, jql: str, start: int = 0) -> str:
    asked = {name: value for name, value in (("jql", jql), ("start", start)) if value}
    return f"{path}?{urlencode(asked)}" if asked else path


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= START_DIGITS else 0


# ---- a new one ------------------------------------------------------------------------------


def _creatable(visit: Visit, projects: Sequence[Project] | None = None) -> list[Project]:
    """The projects in which the visitor may make issues."""
    if projects is None:
        projects = visit.site.rights.visible(visit.actor)
    return [p for p in projects if visit.site.rights.may(visit.actor, "CREATE_ISSUES", p)]


async def _form(visit: Visit) -> Response:
    return _form_page(visit, _project(visit, visit.request.query_params.get("project", "")))


def _project(visit: Visit, key: str) -> Project:
    """The project named *key*, or the first; raises HTTPException where there is none for them."""
    projects = _creatable(visit)
    if not projects:
        raise HTTPException(403, "There is no project in which you may create an issue.")
    return next((project for project in projects if project.key == key), projects[0])


def _form_page(visit: Visit, project: Project, status: int = 200, error: str = "") -> Response:
    return visit.page(
        "create.html",
        status,
        project=project,
        projects=_creatable(visit),
        choices=choices(visit.site, project),
        description=NOTHING,
        people=known_people(visit),
        error=error,
    )


async def _create(visit: Visit) -> Response:
    key = visit.form.get("project", "")
    project = _project(visit, key)
    if project.key != key:
        raise HTTPException(403, "You may not create an issue in this project.")
    try:
        fields = read_fields(visit, project)
        summary = fields.pop("summary", "")
        made = visit.site.world.tracker.add_issue(
            project.key, summary, author=visit.author, **fields
        )
    except ValueError as error:
        return _form_page(visit, project, 400, str(error))
    return see_other(f"/browse/{made.key}")
