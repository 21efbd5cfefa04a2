"""Where on the site's pages an app's modules are shown, in one table.

A page asks :func:`modules_for` for a place by its name, and gets the modules
whose conditions hold, in their order.  The locations are the product's own
("Locations", "Extension points").
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, urlencode

from headway.descriptor import Module, Shown, expand, resolve
from headway.host.conditions import Asked, hold
from headway.host.scene import ASKED, Scene
from headway.model import Product

if TYPE_CHECKING:
    from headway.host.apps import App
    from headway.host.site import Site
    from headway.host.tenant import Tenant
    from headway.host.visit import Visit

__all__ = ["PLACES", "Entry", "Place", "find", "homeless", "modules_for", "shown"]


class Place(NamedTuple):
    """One place: whose page it is on, and which modules belong there.

    *types* are shown wherever they say, or in a location that starts with one
    of ``locations``; links count by their location alone.
    """

    product: Product
    types: tuple[str, ...] = ()
    locations: tuple[str, ...] = ()


_J, _C = Product.JIRA, Product.CONFLUENCE
PLACES: Mapping[str, Place] = {
    # ---- Jira
    "header": Place(_J, ("generalPages",), ("system.top.navigation.bar", "system.user.options")),
    "issue.panels": Place(_J, locations=("atl.jira.view.issue.",)),
    "issue.contents": Place(_J, ("jiraIssueContents",)),
    "issue.glances": Place(_J, ("jiraIssueGlances", "jiraIssueContexts")),
    "issue.tabs": Place(_J, ("jiraIssueTabPanels",)),
    "issue.actions": Place(
        _J, locations=("operations-", "jira.issue.", "view.issue.opsbar", "opsbar-")
    ),
    "project.pages": Place(_J, ("jiraProjectPages",), ("jira.project.", "atl.jira.proj.")),
    "project.settings": Place(_J, ("jiraProjectAdminTabPanels",)),
    "dashboard": Place(_J, ("jiraDashboardItems",)),
    "profile": Place(_J, ("jiraProfileTabPanels",), ("system.user.profile",)),
    "admin": Place(_J, ("adminPages",), ("admin_", "system.admin")),
    # ---- Confluence
    "wiki.header": Place(_C, ("generalPages",), ("system.header", "system.help", "system.browse")),
    "wiki.admin": Place(_C, ("adminPages",), ("system.admin",)),
    "page.byline": Place(_C, ("contentBylineItems",), ("page.metadata.banner",)),
    "page.actions": Place(_C, locations=("system.content.", "page.view.selection")),
    "page.panels": Place(
        _C, ("contextPane",), ("atl.general", "atl.page.", "atl.editor", "atl.footer")
    ),
    "space.pages": Place(_C, ("spacePages",), ("system.space.sidebar", "atl.space")),
    "space.tools": Place(_C, ("spaceToolsTabs",), ("system.space.tools", "system.space.admin")),
}
"""Every place of the site's pages."""

LOCATED = frozenset({"webPanels", "webItems", "webSections"})
"""The types that a location alone places."""


class Entry(NamedTuple):
    """A module in its place.  *href* is where a link leads, empty for what the bridge opens.

    ``section`` is the heading of an app's own over it.
    """

    app: App
    module: Module
    product: Product
    context: Mapping[str, str]
    href: str = ""
    section: str = ""

    @property
    def icon(self) -> str:
        """The address of its icon, where that is the app's own; the page loads no others."""
        if not self.module.icon:
            return ""
        try:
            return resolve(self.app.base_url, expand(self.module.icon, {}))
        except ValueError:
            return ""

    @property
    def opens(self) -> str:
        """The key of the module that its dialog shows, empty where it opens none."""
        if self.module.target == "dialogmodule":
            return str(self.module.options.get("key", ""))
        return self.module.key if self.module.row.shown is Shown.LINK and not self.href else ""


async def modules_for(
    site: Site, tenant: Tenant, location: str, scene: Scene, visitor: Visit
) -> list[Entry]:
    """The modules at the place named *location*, as far as *visitor* may see them, in order."""
    place = PLACES[location]
    found = [
        (app, module, section)
        for app in tenant.apps.all()
        if app.enabled
        for module, section in _placed(app, place)
    ]
    visible = await asyncio.gather(
        *(shown(Asked(site, tenant, app, scene, visitor.actor), module) for app, module, _ in found)
    )
    entries = [
        Entry(
            app=app,
            module=module,
            product=tenant.product,
            context={k: v for k, v in scene.variables.items() if k in ASKED},
            href=_href(tenant, app, module, scene),
            section=section,
        )
        for (app, module, section), is_shown in zip(found, visible, strict=True)
        if is_shown
    ]
    return sorted(entries, key=lambda e: (e.module.weight, e.app.key, e.module.key))


async def shown(asked: Asked, module: Module) -> bool:
    """Whether a module belongs to the product, and its conditions hold."""
    if asked.tenant.product not in module.row.products:
        return False
    return await hold(module.conditions, asked)


def find(tenant: Tenant, app_key: str, module_key: str) -> tuple[App, Module] | None:
    """An enabled app's module, by the keys that a page or an app's page names."""
    app = tenant.apps.get(app_key)
    module = app.module(module_key.removeprefix(f"{app_key}__")) if app and app.enabled else None
    return (app, module) if app and module else None


def homeless(app: App, product: Product) -> list[Module]:
    """The modules of an app that no page of this site shows; for its administrator."""
    placed = {
        module.key
        for place in PLACES.values()
        if place.product is product
        for module, _ in _placed(app, place)
    }
    return [
        module
        for module in app.modules
        if module.type in LOCATED - {"webSections"} and module.key not in placed
    ]


def _placed(app: App, place: Place) -> Iterator[tuple[Module, str]]:
    """The app's modules that belong to *place*, each with the heading over it."""
    sections = {
        name: module.name
        for module in app.modules
        if module.type == "webSections" and module.location.startswith(place.locations)
        for name in (module.key, f"{app.key}__{module.key}")
    }
    for module in app.modules:
        if module.type in place.types:
            yield module, ""
        elif module.type in LOCATED - {"webSections"}:
            if place.locations and module.location.startswith(place.locations):
                yield module, ""
            elif module.location in sections:
                yield module, sections[module.location]


def _href(tenant: Tenant, app: App, module: Module, scene: Scene) -> str:
    """Where a module's link leads; empty for a frame, and for what the bridge opens."""
    if module.row.shown is Shown.LINK:
        if module.target != "page":
            return ""
        if module.context == "web":
            return expand(module.url, scene.variables)
        if module.context != "addon":
            return _within(tenant, module, scene)
    elif module.row.shown is not Shown.PAGE:
        return ""
    names = {k: v for k, v in scene.variables.items() if k in ASKED}
    path = f"{tenant.base_path}/plugins/servlet/ac/{quote(app.key, '')}/{quote(module.key, '')}"
    return f"{path}?{urlencode(names)}" if names else path


def _within(tenant: Tenant, module: Module, scene: Scene) -> str:
    """An address of the site itself; one that is relative to the page stays so."""
    url = expand(module.url, scene.variables)
    if module.context == "page":
        return url
    return f"{tenant.base_path}/{url.lstrip('/')}"
