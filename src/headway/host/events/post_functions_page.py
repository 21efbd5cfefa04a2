"""Post functions for administrators: which app's function is on which transition."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from headway.host.visit import Visit, Who, see_other, visited
from headway.host.world.catalog import TRANSITIONS

if TYPE_CHECKING:
    from headway.host.site import Site

__all__ = ["routes"]

PATH = "/post-functions"


def routes(site: Site) -> list[BaseRoute]:
    """The page and its forms."""
    return [
        Route(PATH, visited(site, Who.ADMIN, _show)),
        Route(PATH, visited(site, Who.ADMIN, _add), methods=["POST"]),
        Route(f"{PATH}/{{id}}/remove", visited(site, Who.ADMIN, _remove), methods=["POST"]),
    ]


async def _show(visit: Visit) -> Response:
    return _page(visit)


def _page(visit: Visit, status: int = 200, error: str = "") -> Response:
    functions = visit.site.post_functions
    offered = functions.offered()
    names = {(app.key, module.key): module.name for app, module in offered}
    return visit.page(
        "post_functions.html",
        status,
        error=error,
        offered=offered,
        names=names,
        rules=functions.all(),
        transitions=TRANSITIONS,
    )


async def _add(visit: Visit) -> Response:
    app_key, _, module_key = visit.form.get("function", "").partition(" ")
    transition = visit.form.get("transition", "")
    number = int(transition) if transition.isascii() and transition.isdigit() else 0
    try:
        visit.site.post_functions.add(
            number, app_key, module_key, visit.text("configuration") or ""
        )
    except ValueError as error:
        return _page(visit, 400, str(error))
    return see_other(PATH)


async def _remove(visit: Visit) -> Response:
    if not visit.site.post_functions.remove(visit.request.path_params["id"]):
        raise HTTPException(404, "There is no such function, or no longer.")
    return see_other(PATH)
