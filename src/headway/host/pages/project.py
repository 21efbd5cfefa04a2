"""A project: its issues, its apps, and for who administers it, who is what in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from headway.host.pages.issues import list_page
from headway.host.places import Entry, modules_for
from headway.host.scene import scene_of
from headway.host.search.jql import Clause, Operand, Query
from headway.host.visit import Visit, Who, log_in_first, see_other, visited
from headway.host.world import Project
from headway.host.world.roles import ADMINISTRATORS, ROLES, USERS
from headway.model import Product

if TYPE_CHECKING:
    from headway.host.site import Site

__all__ = ["project_for", "routes", "settings_page"]

SHOWN = (ADMINISTRATORS, USERS)
"""The roles that people and groups are put into."""


def routes(site: Site) -> list[BaseRoute]:
    """The page, its settings, and the form on them."""
    pages = (
        ("GET", "/projects/{key}", Who.ANYBODY, _show),
        ("GET", "/projects/{key}/settings", Who.USER, _settings),
        ("POST", "/projects/{key}/roles", Who.USER, _set_role),
    )
    return [
        Route(path, visited(site, who, page), methods=[verb]) for verb, path, who, page in pages
    ]


def _seen(visit: Visit, permission: str) -> Project | None:
    project = visit.site.world.tracker.project(visit.request.path_params["key"])
    if project is not None and visit.site.rights.may(visit.actor, permission, project):
        return project
    return None


def project_for(visit: Visit, permission: str) -> Project:
    """The project that the address names, for a visitor who has *permission* in it."""
    if (project := _seen(visit, permission)) is None:
        raise HTTPException(404, "There is no such project.")
    return project


async def _entries(visit: Visit, project: Project, place: str) -> list[Entry]:
    site = visit.site
    asked = {"project.key": project.key}
    scene = scene_of(site, Product.JIRA, asked, visit.actor, visit.user)
    return await modules_for(site, site.jira, place, scene, visit)


async def _show(visit: Visit) -> Response:
    if visit.user is None and _seen(visit, "BROWSE_PROJECTS") is None:
        return log_in_first(visit.request)
    project = project_for(visit, "BROWSE_PROJECTS")
    entries = await _entries(visit, project, "project.pages")
    query = Query(where=Clause("project", "=", (Operand(project.key),)))
    path = f"/projects/{project.key}"
    return list_page(
        visit,
        query,
        path,
        template="project.html",
        frames=[entry.app for entry in entries],
        project=project,
        entries=entries,
        lead=visit.people()(project.lead) if project.lead else None,
        rights=visit.site.rights.in_project(visit.actor, project),
    )


# ---- settings -------------------------------------------------------------------------------


async def _settings(visit: Visit) -> Response:
    return await settings_page(visit, project_for(visit, "ADMINISTER_PROJECTS"))


async def settings_page(
    visit: Visit, project: Project, status: int = 200, errors: Mapping[str, str] | None = None
) -> Response:
    """The settings; *errors* holds a text for each form that was refused, by the form's name."""
    world = visit.site.world
    people, roles = world.people, world.roles
    return visit.page(
        "settings.html",
        status,
        errors=errors or {},
        components=world.components.components(project.id),
        versions=world.components.versions(project.id),
        project=project,
        entries=await _entries(visit, project, "project.settings"),
        roles=[(role, *ROLES[role], roles.actors(project.id, role)) for role in SHOWN],
        person=visit.people(),
        users=people.users(),
        groups=people.groups(),
    )


async def _set_role(visit: Visit) -> Response:
    """Give somebody a role in the project, or take it: ``user:{account id}``, ``group:{name}``."""
    project = project_for(visit, "ADMINISTER_PROJECTS")
    role = visit.form.get("role", "")
    if role not in map(str, SHOWN):
        raise HTTPException(400, "Choose a role of the project.")
    kind, holder = _holder(visit)
    given = visit.form.get("given") == "yes"
    visit.site.world.roles.set(project.id, int(role), kind, holder, given=given)
    return see_other(f"/projects/{project.key}/settings")


def _holder(visit: Visit) -> tuple[Literal["user", "group"], str]:
    kind, _, holder = visit.form.get("holder", "").partition(":")
    people = visit.site.world.people
    if kind == "user" and (user := people.user(holder)) and user.account_id == holder:
        return "user", holder
    if kind == "group" and (group := people.group(holder)) and group.name == holder:
        return "group", holder
    raise HTTPException(400, "There is no such user, and no such group.")
