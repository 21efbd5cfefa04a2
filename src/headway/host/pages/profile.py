"""The page of a user: who they are, and what is theirs to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from headway.host.pages.issues import list_page
from headway.host.places import modules_for
from headway.host.scene import Unseen, scene_of
from headway.host.search.jql import Clause, Operand, Query
from headway.host.visit import Visit, Who, visited
from headway.model import Product

if TYPE_CHECKING:
    from headway.host.site import Site

__all__ = ["routes"]


def routes(site: Site) -> list[BaseRoute]:
    """One page, for users."""
    return [Route("/people/{account_id}", visited(site, Who.USER, _show))]


async def _show(visit: Visit) -> Response:
    """Anybody who is logged in sees everybody; the email address is their own and the admins'."""
    site, account_id = visit.site, visit.request.path_params["account_id"]
    asked = {"profileUser.accountId": account_id}
    try:
        scene = scene_of(site, Product.JIRA, asked, visit.actor, visit.user)
    except Unseen as unseen:
        raise HTTPException(404, f"{str(unseen).capitalize()}.") from None
    entries = await modules_for(site, site.jira, "profile", scene, visit)
    query = Query(where=Clause("assignee", "=", (Operand(account_id),)))
    return list_page(
        visit,
        query,
        f"/people/{account_id}",
        template="person.html",
        frames=[entry.app for entry in entries],
        who=scene.person,
        is_me=account_id == visit.author,
        groups=site.world.people.groups_of(account_id),
        entries=entries,
    )
