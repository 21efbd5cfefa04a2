"""Users and groups, for administrators: who there is, who may log in, who is in which group.

A password is random and shown once, in the answer to whoever made it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from headway.host.visit import Visit, Who, see_other, visited
from headway.host.world import Group, User
from headway.host.world.people import ADMINS, EVERYBODY

if TYPE_CHECKING:
    from headway.host.site import Site

__all__ = ["NewPassword", "routes"]

BUILT_IN = frozenset({ADMINS, *EVERYBODY})
"""Groups that the site itself needs."""

OWN_ACCOUNT = "You can not do this to yourself: nobody might be left to undo it."


class NewPassword(NamedTuple):
    """A password to be handed over; never kept, never written anywhere but on one page."""

    user: User
    password: str

    def __repr__(self) -> str:
        return f"<a new password of {self.user.name}>"


def routes(site: Site) -> list[BaseRoute]:
    """Both pages and their forms."""
    pages = (
        ("GET", "/admin/users", _users),
        ("POST", "/admin/users", _add_user),
        ("POST", "/admin/users/{account_id}/active", _set_active),
        ("POST", "/admin/users/{account_id}/password", _set_password),
        ("GET", "/admin/groups", _groups),
        ("POST", "/admin/groups", _add_group),
        ("POST", "/admin/groups/{group_id}/delete", _delete_group),
        ("POST", "/admin/groups/{group_id}/members", _set_member),
    )
    return [
        Route(path, visited(site, Who.ADMIN, page), methods=[verb]) for verb, path, page in pages
    ]


# ---- users ----------------------------------------------------------------------------------


async def _users(visit: Visit) -> Response:
    return _users_page(visit)


def _users_page(
    visit: Visit, status: int = 200, *, error: str = "", made: NewPassword | None = None
) -> Response:
    people = visit.site.world.people
    return visit.page(
        "users.html",
        status,
        users=[(user, people.groups_of(user.account_id)) for user in people.users()],
        error=error,
        made=made,
    )


async def _add_user(visit: Visit) -> Response:
    people, form = visit.site.world.people, visit.form
    try:
        made = people.add_user(
            form.get("name", "").strip(),
            form.get("display_name", "").strip(),
            form.get("email", "").strip(),
            admin=form.get("admin") == "yes",
            author=visit.author,
        )
    except ValueError as error:
        return _users_page(visit, 400, error=str(error))
    password = visit.site.identity.set_password(made.account_id)
    return _users_page(visit, made=NewPassword(made, password))


async def _set_active(visit: Visit) -> Response:
    """Deactivate a user, whose sessions end at once, or let one in again."""
    user = _somebody_else(visit)
    active = visit.form.get("active") == "yes"
    visit.site.world.people.set_active(user.account_id, active, visit.author)
    return see_other("/admin/users")


async def _set_password(visit: Visit) -> Response:
    user = _somebody_else(visit)
    password = visit.site.identity.set_password(user.account_id)
    return _users_page(visit, made=NewPassword(user, password))


def _user(visit: Visit, account_id: str) -> User:
    user = visit.site.world.people.user(account_id)
    if user is None or user.account_id != account_id:
        raise HTTPException(404, "There is no such user.")
    return user


def _somebody_else(visit: Visit) -> User:
    """The user that the address names, who is not the visitor."""
    user = _user(visit, visit.request.path_params["account_id"])
    if user.account_id == visit.author:
        raise HTTPException(400, OWN_ACCOUNT)
    return user


# ---- groups ---------------------------------------------------------------------------------


async def _groups(visit: Visit) -> Response:
    return _groups_page(visit)


def _groups_page(visit: Visit, status: int = 200, error: str = "") -> Response:
    people = visit.site.world.people
    return visit.page(
        "groups.html",
        status,
        groups=[(group, people.members(group.name)) for group in people.groups()],
        users=people.users(),
        built_in=BUILT_IN,
        admins=ADMINS,
        error=error,
    )


async def _add_group(visit: Visit) -> Response:
    try:
        visit.site.world.people.add_group(visit.form.get("name", "").strip(), visit.author)
    except ValueError as error:
        return _groups_page(visit, 400, str(error))
    return see_other("/admin/groups")


async def _delete_group(visit: Visit) -> Response:
    group = _group(visit)
    if group.name in BUILT_IN:
        raise HTTPException(400, "The site needs this group.")
    visit.site.world.people.delete_group(group.name, visit.author)
    return see_other("/admin/groups")


async def _set_member(visit: Visit) -> Response:
    """Put a user into a group, or take one out; administrators do not demote themselves."""
    group, user = _group(visit), _user(visit, visit.form.get("account_id", ""))
    member = visit.form.get("member") == "yes"
    if group.name == ADMINS and not member and user.account_id == visit.author:
        raise HTTPException(400, OWN_ACCOUNT)
    visit.site.world.people.set_member(group.name, user.account_id, member)
    return see_other(f"/admin/groups#group-{group.group_id}")


def _group(visit: Visit) -> Group:
    group = visit.site.world.people.group(visit.request.path_params["group_id"])
    if group is None or group.group_id != visit.request.path_params["group_id"]:
        raise HTTPException(404, "There is no such group.")
    return group
