"""What a project is made of: a new project, and the components and versions of one."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from headway.host.pages.fields import known_people
from headway.host.pages.project import project_for, settings_page
from headway.host.visit import Visit, Who, see_other, visited
from headway.host.world import Component, Project, Version

if TYPE_CHECKING:
    from headway.host.site import Site

__all__ = ["routes"]

KEY = re.compile(r"[A-Z][A-Z0-9_]{1,9}")
TEXT_MAX = 2_000  # characters of a description


def routes(site: Site) -> list[BaseRoute]:
    """A page for a new project; forms for its parts, which stand on its settings."""
    settings = "/projects/{key}"
    forms = (
        (f"{settings}/components", _add_component),
        (f"{settings}/components/{{id}}", _edit_component),
        (f"{settings}/components/{{id}}/delete", _delete_component),
        (f"{settings}/versions", _add_version),
        (f"{settings}/versions/{{id}}", _edit_version),
        (f"{settings}/versions/{{id}}/delete", _delete_version),
    )
    return [
        Route("/create-project", visited(site, Who.USER, _new)),
        Route("/create-project", visited(site, Who.USER, _create), methods=["POST"]),
        *(Route(path, visited(site, Who.USER, form), methods=["POST"]) for path, form in forms),
    ]


# ---- a new project --------------------------------------------------------------------------


async def _new(visit: Visit) -> Response:
    return _form(visit)


def _form(visit: Visit, status: int = 200, error: str = "") -> Response:
    if not visit.site.rights.may(visit.actor, "CREATE_PROJECT"):
        raise HTTPException(403, "Projects are created by administrators of the site.")
    return visit.page("create_project.html", status, error=error, people=known_people(visit))


async def _create(visit: Visit) -> Response:
    if not visit.site.rights.may(visit.actor, "CREATE_PROJECT"):
        return _form(visit)
    key, lead = visit.form.get("key", "").strip().upper(), visit.form.get("lead", "")
    try:
        if not KEY.fullmatch(key):
            raise ValueError("A key has 2 to 10 capital letters, digits and _, a letter first.")
        if lead not in {user.account_id for user in visit.site.world.people.users()}:
            raise ValueError("Choose who leads the project.")
        made = visit.site.world.tracker.add_project(
            key,
            visit.form.get("name", "").strip(),
            public=visit.form.get("public") == "yes",
            lead=lead,
            author=visit.author,
            description=_text(visit, "description"),
        )
    except ValueError as error:
        return _form(visit, 400, str(error))
    return see_other(f"/projects/{made.key}")


def _text(visit: Visit, name: str) -> str:
    text = (visit.text(name) or "").strip()
    if len(text) > TEXT_MAX:
        raise ValueError(f"A {name} has at most {TEXT_MAX} characters.")
    return text


# ---- components -----------------------------------------------------------------------------


def _project(visit: Visit) -> Project:
    return project_for(visit, "ADMINISTER_PROJECTS")


async def _add_component(visit: Visit) -> Response:
    project = _project(visit)
    try:
        visit.site.world.components.add_component(project.id, **_component_of_form(visit))
    except ValueError as error:
        return await settings_page(visit, project, 400, {"component": str(error)})
    return see_other(f"/projects/{project.key}/settings#components")


async def _edit_component(visit: Visit) -> Response:
    project = _project(visit)
    component = _component(visit, project)
    try:
        changes = _component_of_form(visit)
        others = visit.site.world.components.components(project.id)
        _check_free(changes["name"], component.id, others)
        visit.site.world.components.edit_component(component.id, **changes)
    except ValueError as error:
        errors = {f"component-{component.id}": str(error)}
        return await settings_page(visit, project, 400, errors)
    return see_other(f"/projects/{project.key}/settings#components")


async def _delete_component(visit: Visit) -> Response:
    project = _project(visit)
    visit.site.world.components.delete_component(_component(visit, project).id)
    return see_other(f"/projects/{project.key}/settings#components")


def _component(visit: Visit, project: Project) -> Component:
    """The component that the address names, if it is the project's."""
    found = visit.site.world.components.component(visit.request.path_params["id"])
    if found is None or found.project_id != project.id:
        raise HTTPException(404, "There is no such component, or no longer.")
    return found


def _component_of_form(visit: Visit) -> dict[str, Any]:
    lead = visit.form.get("lead") or None
    if lead is not None and visit.site.world.people.user(lead) is None:
        raise ValueError("There is no such user.")
    name = visit.form.get("name", "").strip()
    return {"name": name, "description": _text(visit, "description"), "lead": lead}


def _check_free(name: str, own: int, others: list[Component] | list[Version]) -> None:
    if any(one.name == name and one.id != own for one in others):
        raise ValueError(f"The project has {name[:50]!r} already.")


# ---- versions -------------------------------------------------------------------------------


async def _add_version(visit: Visit) -> Response:
    project = _project(visit)
    try:
        values = _version_of_form(visit)
        visit.site.world.components.add_version(project.id, author=visit.author, **values)
    except ValueError as error:
        return await settings_page(visit, project, 400, {"version": str(error)})
    return see_other(f"/projects/{project.key}/settings#versions")


async def _edit_version(visit: Visit) -> Response:
    project = _project(visit)
    version = _version(visit, project)
    try:
        changes = _version_of_form(visit)
        others = visit.site.world.components.versions(project.id)
        _check_free(changes["name"], version.id, others)
        visit.site.world.components.edit_version(version.id, author=visit.author, **changes)
    except ValueError as error:
        errors = {f"version-{version.id}": str(error)}
        return await settings_page(visit, project, 400, errors)
    return see_other(f"/projects/{project.key}/settings#versions")


async def _delete_version(visit: Visit) -> Response:
    project = _project(visit)
    visit.site.world.components.delete_version(_version(visit, project).id, visit.author)
    return see_other(f"/projects/{project.key}/settings#versions")


def _version(visit: Visit, project: Project) -> Version:
    """The version that the address names, if it is the project's."""
    found = visit.site.world.components.version(visit.request.path_params["id"])
    if found is None or found.project_id != project.id:
        raise HTTPException(404, "There is no such version, or no longer.")
    return found


def _version_of_form(visit: Visit) -> dict[str, Any]:
    form = visit.form
    return {
        "name": form.get("name", "").strip(),
        "description": _text(visit, "description"),
        "start_date": _day(form.get("start_date", "")),
        "release_date": _day(form.get("release_date", "")),
        "released": form.get("released") == "yes",
        "archived": form.get("archived") == "yes",
    }


def _day(text: str) -> str | None:
    try:
        return date.fromisoformat(text).isoformat() if text else None
    except ValueError:
        raise ValueError("A day is written as 2022-02-01.") from None
