"""The page of a user: who they are, and what is theirs to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from headway.host.identity import PASSWORD_MAX, PASSWORD_MIN
from headway.host.pages.issues import list_page
from headway.host.places import modules_for
from headway.host.scene import Unseen, scene_of
from headway.host.search.jql import Clause, Operand, Query
from headway.host.visit import Visit, Who, see_other, visited
from headway.model import Product

if TYPE_CHECKING:
    from headway.host.site import Site

__all__ = ["routes"]

PATH = "/people/{account_id}"


def routes(site: Site) -> list[BaseRoute]:
    """One page, for users; and a form for one's own password."""
    return [
        Route(PATH, visited(site, Who.USER, _show)),
        Route(f"{PATH}/password", visited(site, Who.USER, _password), methods=["POST"]),
    ]


async def _password(visit: Visit) -> Response:
    """Change one's own password: who does goes on in a new session, everybody else is out."""
    user, form = visit.user, visit.form
    if user is None or user.account_id != visit.request.path_params["account_id"]:
        raise HTTPException(403, "This password is somebody else's.")
    new, identity = form.get("new", ""), visit.site.identity
    if new != form.get("again"):
        return await _shown(visit, 400, "The new password was not the same both times.")
    try:
        value = await run_in_threadpool(
            identity.change_password, user.account_id, user.name, form.get("old", ""), new
        )
    except ValueError as error:
        return await _shown(visit, 400, str(error))
    path = f"/people/{user.account_id}?changed=password#password"
    return see_other(path, headers={"Set-Cookie": identity.set_cookie(value)})


async def _show(visit: Visit) -> Response:
    return await _shown(visit)


async def _shown(visit: Visit, status: int = 200, error: str = "") -> Response:
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
        status=status,
        password_error=error,
        password_changed=visit.request.query_params.get("changed") == "password",
        password_bounds=(PASSWORD_MIN, PASSWORD_MAX),
        frames=[entry.app for entry in entries],
        who=scene.person,
        is_me=account_id == visit.author,
        groups=site.world.people.groups_of(account_id),
        entries=entries,
    )
