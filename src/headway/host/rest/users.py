"""Users and groups."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.responses import JSONResponse, Response

from headway.host.answers import api_error
from headway.host.rest.call import Call, Endpoint
from headway.host.world import Group, User

__all__ = ["ENDPOINTS"]

NO_USER = "The user does not exist, or you are not permitted to see it."
NO_GROUP = "The group named '{}' does not exist."
IDS_MAX = 200


# ---- users ----------------------------------------------------------------------------------


def _known(call: Call, account_id: str) -> bool:
    """Whether this is the account of a user or of an installed app."""
    return call.site.world.people.user(account_id) is not None or any(
        tenant.apps.by_account(account_id) is not None for tenant in call.site.tenants
    )


def _named(call: Call) -> str:
    wanted = call.query("accountId")
    if not wanted:
        raise call.no(400, "The query parameter 'accountId' is required.")
    user = call.site.world.people.user(wanted)
    if not _known(call, wanted) or (user is not None and user.account_id != wanted):
        raise call.no(404, NO_USER)
    return wanted


async def _get(call: Call) -> Response:
    call.need("USER_PICKER")
    account_id = _named(call)
    shape = call.shapes.person(account_id)
    if "groups" in call.names("expand"):
        shape["groups"] = _listed([_group_name(call, g) for g in _groups_of(call, account_id)])
    if "applicationRoles" in call.names("expand"):
        shape["applicationRoles"] = _listed([])
    return JSONResponse({**shape, "expand": "groups,applicationRoles"})


def _listed(items: list[dict[str, str]]) -> dict[str, object]:
    return {"size": len(items), "items": items}


def _groups_of(call: Call, account_id: str) -> list[Group]:
    people = call.site.world.people
    return [g for g in map(people.group, people.groups_of(account_id)) if g is not None]


def _group_name(call: Call, group: Group) -> dict[str, str]:
    return {"name": group.name, "self": call.shapes.group(group)["self"]}


async def _add(call: Call) -> Response:
    call.need("ADMINISTER")
    body = await call.body()
    email = body.get("emailAddress")
    display = body.get("displayName") or email
    if not isinstance(email, str) or "@" not in email or not isinstance(display, str):
        return api_error(400, errors={"emailAddress": "A user has an emailAddress."})
    name = str(body.get("name") or email)
    try:
        made = call.site.world.people.add_user(name, display, email, author=call.author)
    except ValueError as error:
        return api_error(400, errors={"emailAddress": str(error)})
    call.site.identity.set_password(made.account_id)
    return JSONResponse(call.shapes.person(made.account_id), 201)


async def _delete(call: Call) -> Response:
    call.need("ADMINISTER")
    account_id = _named(call)
    if call.site.world.people.user(account_id) is None or account_id == call.author:
        return api_error(400, "This user can not be deleted.")
    call.site.world.people.delete_user(account_id, call.author)
    return Response(status_code=204)


async def _bulk(call: Call) -> Response:
    call.need("USER_PICKER")
    ids = call.names("accountId")
    if not 0 < len(ids) <= IDS_MAX:
        return api_error(400, f"accountId names 1 to {IDS_MAX} users.")
    return call.page([one for one in ids if _known(call, one)], call.shapes.person, 10, IDS_MAX)


async def _all(call: Call) -> Response:
    call.need("USER_PICKER")
    return _some(call, call.site.world.people.users())


async def _search(call: Call) -> Response:
    call.need("USER_PICKER")
    if not call.query("query") and not call.query("accountId") and not call.query("username"):
        return api_error(400, "The query parameter 'query' or 'accountId' is required.")
    return _some(call, _matching(call))


def _matching(call: Call) -> list[User]:
    users = [user for user in call.site.world.people.users() if user.active]
    if wanted := call.query("accountId"):
        return [user for user in users if user.account_id == wanted]
    words = (call.query("query") or call.query("username")).lower().split()
    return [user for user in users if all(map(_said(user).__contains__, words))]


def _said(user: User) -> str:
    """What a search looks through; not the whole of an address that is not to be seen."""
    return f"{user.name} {user.display_name}".lower()


def _some(call: Call, users: Iterable[User]) -> Response:
    start, size = call.window(50, 1000)
    shown = list(users)[start : start + size]
    return JSONResponse([call.shapes.person(user.account_id) for user in shown])


async def _assignable(call: Call) -> Response:
    call.need("USER_PICKER")
    tracker, issue_key = call.site.world.tracker, call.query("issueKey") or call.query("issueId")
    issue = tracker.issue(issue_key) if issue_key else None
    if issue is not None and not call.site.rights.view(call.actor).issue(issue):
        issue = None  # what it belongs to is not told either
    wanted = issue.project_key if issue else call.query("project")
    if not wanted:
        return api_error(400, "One of 'project', 'issueKey' or 'issueId' is required.")
    project = call.project(wanted=wanted)
    rights = call.site.rights
    may = (
        u for u in _matching(call) if "ASSIGNABLE_USER" in rights.of_account(u.account_id, project)
    )
    return _some(call, may)


async def _picker(call: Call) -> Response:
    call.need("USER_PICKER")
    start_size = call.window(50, 1000)
    found = _matching(call)
    shown = found[: start_size[1]]
    users = [
        {
            "accountId": user.account_id,
            "html": "",
            "displayName": user.display_name,
            "avatarUrl": call.shapes.picture("avatar-user"),
        }
        for user in shown
    ]
    header = f"Showing {len(shown)} of {len(found)} matching users"
    return JSONResponse({"users": users, "total": len(found), "header": header})


async def _groups(call: Call) -> Response:
    call.need("USER_PICKER")
    return JSONResponse([_group_name(call, group) for group in _groups_of(call, _named(call))])


async def _email(call: Call) -> Response:
    """An address, for apps that were granted to see them; nobody else has the scope."""
    if call.actor.app_key is None:
        call.need("ADMINISTER")
    user = call.site.world.people.user(_named(call))
    email = user.email if user else ""
    return JSONResponse({"accountId": call.query("accountId"), "email": email})


# ---- groups ---------------------------------------------------------------------------------


def _group(call: Call) -> Group:
    name = call.query("groupname") or call.query("groupId") or call.query("groupName")
    if not name:
        raise call.no(400, "The query parameter 'groupname' is required.")
    group = call.site.world.people.group(name)
    if group is None:
        raise call.no(404, NO_GROUP.format(name[:50]))
    return group


async def _group_bulk(call: Call) -> Response:
    call.need("USER_PICKER")
    wanted = {*call.names("groupId"), *call.names("groupName")}
    groups = [
        group
        for group in call.site.world.people.groups()
        if not wanted or wanted & {group.name, group.group_id}
    ]
    return call.page(groups, lambda g: {"name": g.name, "groupId": g.group_id})


async def _group_picker(call: Call) -> Response:
    words = call.query("query").lower()
    call.need("USER_PICKER")
    found = [g for g in call.site.world.people.groups() if words in g.name.lower()]
    shown = found[: call.number("maxResults", 20)]
    return JSONResponse(
        {
            "header": f"Showing {len(shown)} of {len(found)} matching groups",
            "total": len(found),
            "groups": [
                {"name": g.name, "groupId": g.group_id, "html": "", "labels": []} for g in shown
            ],
        }
    )


async def _group_members(call: Call) -> Response:
    call.need("ADMINISTER")
    everybody = call.query("includeInactiveUsers") == "true"
    members = call.site.world.people.members(_group(call).name)
    shown = [user for user in members if user.active or everybody]
    return call.page(shown, lambda user: call.shapes.person(user.account_id))


async def _group_get(call: Call) -> Response:
    call.need("ADMINISTER")
    group = _group(call)
    return JSONResponse(
        {"name": group.name, "self": call.shapes.group(group)["self"], "expand": "users"}
    )


async def _group_add(call: Call) -> Response:
    call.need("ADMINISTER")
    name = (await call.body()).get("name")
    try:
        group = call.site.world.people.add_group(name if isinstance(name, str) else "", call.author)
    except ValueError as error:
        return api_error(400, str(error))
    return JSONResponse({"name": group.name, "self": call.shapes.group(group)["self"]}, 201)


async def _group_delete(call: Call) -> Response:
    call.need("ADMINISTER")
    call.site.world.people.delete_group(_group(call).name, call.author)
    return Response(status_code=200)


async def _join(call: Call) -> Response:
    call.need("ADMINISTER")
    group = _group(call)
    account_id = (await call.body()).get("accountId")
    user = call.site.world.people.user(account_id) if isinstance(account_id, str) else None
    if user is None:
        return api_error(404, NO_USER)
    call.site.world.people.set_member(group.name, user.account_id, member=True)
    return JSONResponse({"name": group.name, "self": call.shapes.group(group)["self"]}, 201)


async def _leave(call: Call) -> Response:
    call.need("ADMINISTER")
    group, account_id = _group(call), _named(call)
    call.site.world.people.set_member(group.name, account_id, member=False)
    return Response(status_code=200)


_API = "/rest/api/{version}"

ENDPOINTS = (
    Endpoint("GET", f"{_API}/user", _get),
    Endpoint("POST", f"{_API}/user", _add),
    Endpoint("DELETE", f"{_API}/user", _delete),
    Endpoint("GET", f"{_API}/user/bulk", _bulk),
    Endpoint("GET", f"{_API}/user/search", _search),
    Endpoint("GET", f"{_API}/user/assignable/search", _assignable),
    Endpoint("GET", f"{_API}/user/picker", _picker),
    Endpoint("GET", f"{_API}/user/groups", _groups),
    Endpoint("GET", f"{_API}/user/email", _email),
    Endpoint("GET", f"{_API}/users", _all),
    Endpoint("GET", f"{_API}/users/search", _all),
    Endpoint("GET", f"{_API}/group", _group_get),
    Endpoint("POST", f"{_API}/group", _group_add),
    Endpoint("DELETE", f"{_API}/group", _group_delete),
    Endpoint("GET", f"{_API}/group/bulk", _group_bulk),
    Endpoint("GET", f"{_API}/group/member", _group_members),
    Endpoint("POST", f"{_API}/group/user", _join),
    Endpoint("DELETE", f"{_API}/group/user", _leave),
    Endpoint("GET", f"{_API}/groups/picker", _group_picker),
)
