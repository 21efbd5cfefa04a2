"""The outbox for people: each delivery, its tries, and a button to send it again.

For administrators only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from headway.host.visit import Visit, Who, see_other, visited

if TYPE_CHECKING:
    from headway.host.site import Site

__all__ = ["routes"]


def routes(site: Site) -> list[BaseRoute]:
    """The page and its button."""
    return [
        Route("/outbox", visited(site, Who.ADMIN, _outbox)),
        Route("/outbox/{id}/again", visited(site, Who.ADMIN, _again), methods=["POST"]),
    ]


async def _outbox(visit: Visit) -> Response:
    outbox = visit.site.outbox
    names = {
        (str(tenant.product), app.key): app.name
        for tenant in visit.site.tenants
        for app in tenant.apps.all()
    }
    return visit.page(
        "outbox.html", told=outbox.deliveries.newest(), names=names, at=visit.site.clock.at()
    )


async def _again(visit: Visit) -> Response:
    if not visit.site.outbox.send_again(visit.request.path_params["id"]):
        raise HTTPException(404, "There is no such delivery, or no longer.")
    return see_other("/outbox")
