"""The pages that hold nothing but apps: their own, the dashboard, administration.

An app's page is at the address that the host gives it, so that links which an
app makes to itself lead there.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from headway.descriptor import Shown
from headway.host.conditions import Asked
from headway.host.places import Entry, find, modules_for, shown
from headway.host.scene import ASKED, FREE, Scene, Unseen, scene_of
from headway.host.visit import Visit, Who, log_in_first, visited

if TYPE_CHECKING:
    from headway.host.site import Site
    from headway.host.tenant import Tenant

__all__ = ["routes"]

DASHBOARD = "10000"
"""The id of the one dashboard."""


def routes(site: Site) -> list[BaseRoute]:
    """Every page."""
    pages = (
        ("/plugins/servlet/ac/{app}/{module}", Who.ANYBODY, _app_page),
        ("/wiki/plugins/servlet/ac/{app}/{module}", Who.ANYBODY, _app_page),
        ("/dashboard", Who.USER, _dashboard),
        ("/admin", Who.ADMIN, _admin),
    )
    return [Route(path, visited(site, who, page), methods=["GET"]) for path, who, page in pages]


async def _app_page(visit: Visit) -> Response:
    """An app's page; the address names what it is about, and what the app added."""
    site, request = visit.site, visit.request
    tenant = site.confluence if request.url.path.startswith("/wiki/") else site.jira
    found = find(tenant, request.path_params["app"], request.path_params["module"])
    if found is None or found[1].row.shown not in (Shown.PAGE, Shown.LINK, Shown.PANEL):
        raise HTTPException(404, "No installed app has this page.")
    app, module = found
    query = request.query_params
    asked = {name: query[name] for name in query if name in ASKED or name.startswith(FREE)}
    try:
        scene = scene_of(site, tenant.product, asked, visit.actor, visit.user)
        if not await shown(Asked(site, tenant, app, scene, visit.actor), module):
            raise Unseen("The conditions of this page do not hold for you here.")
    except Unseen as unseen:
        if visit.user is None:  # who it may be for, once they have logged in
            return log_in_first(request)
        raise HTTPException(404, str(unseen)) from None
    context = {**scene.free, **{k: v for k, v in scene.values.items() if k in ASKED}}
    entry = Entry(app, module, tenant.product, context)
    return visit.page("app.html", frames=[app], entry=entry)


def _scene(visit: Visit, tenant: Tenant, asked: dict[str, str]) -> Scene:
    try:
        return scene_of(visit.site, tenant.product, asked, visit.actor, visit.user)
    except Unseen as unseen:
        raise HTTPException(404, str(unseen)) from None


# ---- everybody's ----------------------------------------------------------------------------


async def _dashboard(visit: Visit) -> Response:
    """One dashboard, with each item that an app has for one."""
    site = visit.site
    scene = _scene(visit, site.jira, {})
    entries = [
        entry._replace(context={**entry.context, **_item(entry)})
        for entry in await modules_for(site, site.jira, "dashboard", scene, visit)
    ]
    return visit.page("dashboard.html", frames=[entry.app for entry in entries], entries=entries)


def _item(entry: Entry) -> dict[str, str]:
    """What names an item: the same each time, and another for each module."""
    number = zlib.crc32(f"{entry.app.key}/{entry.module.key}".encode()) % 90_000 + 10_000
    return {
        "dashboard.id": DASHBOARD,
        "dashboardItem.id": str(number),
        "dashboardItem.key": entry.module.key,
        "dashboardItem.viewType": "default",
    }


async def _admin(visit: Visit) -> Response:
    """The pages that apps have for administrators, of both products."""
    site = visit.site
    places = (("admin", site.jira), ("wiki.admin", site.confluence))
    entries = [
        entry
        for place, tenant in places
        for entry in await modules_for(site, tenant, place, _scene(visit, tenant, {}), visit)
    ]
    return visit.page("admin.html", frames=[entry.app for entry in entries], entries=entries)
