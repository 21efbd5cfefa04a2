"""The settings of a space: what it is called, and who administers it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from headway.host.pages.fields import known_people
from headway.host.visit import Visit, Who, see_other, visited
from headway.host.world import Space

if TYPE_CHECKING:
    from headway.host.site import Site

__all__ = ["routes"]


def routes(site: Site) -> list[BaseRoute]:
    """The page and its forms; they stand before the pages of a space."""
    space = "/wiki/spaces/{space}"
    pages = (
        ("GET", f"{space}/settings", _show),
        ("POST", f"{space}/settings", _edit),
        ("POST", f"{space}/administrators", _set_administrator),
    )
    return [
        Route(path, visited(site, Who.USER, page), methods=[verb]) for verb, path, page in pages
    ]


def _space(visit: Visit) -> Space:
    """The space that the address names, for whoever administers it."""
    space = visit.site.world.spaces.space(visit.request.path_params["space"])
    may = visit.site.rights.in_space(visit.actor, space) if space else frozenset()
    if space is None or "read" not in may:
        raise HTTPException(404, "There is no such space.")
    if "administer" not in may:
        raise HTTPException(403, "You do not administer this space.")
    return space


async def _show(visit: Visit) -> Response:
    return _page(visit, _space(visit))


def _page(visit: Visit, space: Space, status: int = 200, error: str = "") -> Response:
    held = visit.site.world.spaces.administrators(space.id)
    return visit.page(
        "space_settings.html",
        status,
        space=space,
        administrators=sorted(held),
        person=visit.people(),
        people=[user for user in known_people(visit) if user.account_id not in held],
        error=error,
    )


async def _edit(visit: Visit) -> Response:
    space = _space(visit)
    try:
        visit.site.world.spaces.edit_space(
            space.id,
            visit.author,
            name=(visit.text("name") or "").strip(),
            description=(visit.text("description") or "").strip(),
        )
    except ValueError as error:
        return _page(visit, space, 400, f"{str(error)[:1].upper()}{str(error)[1:]}.")
    return see_other(f"/wiki/spaces/{space.key}")


async def _set_administrator(visit: Visit) -> Response:
    """Let somebody administer the space, or no longer; the site's administrators always do."""
    space = _space(visit)
    account_id = visit.form.get("account_id", "")
    given = visit.form.get("given") == "yes"
    user = visit.site.world.people.user(account_id)
    held = visit.site.world.spaces.administrators(space.id)
    if account_id not in held and (user is None or user.account_id != account_id):
        raise HTTPException(400, "There is no such user.")
    visit.site.world.spaces.set_administrator(space.id, account_id, given=given)
    if "administer" not in visit.site.rights.in_space(visit.actor, space):
        return see_other(f"/wiki/spaces/{space.key}")
    return see_other(f"/wiki/spaces/{space.key}/settings")
