"""Users as Confluence's API has them: anybody, oneself, nobody."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from headway.host.rest.call import Endpoint
from headway.host.rest.wiki.call import WikiCall, wiki
from headway.host.rights import Role
from headway.host.shapes import Json
from headway.host.wiki_shapes import PICTURE

__all__ = ["ENDPOINTS"]

ADMINISTRATORS = frozenset({Role.ADMIN, Role.APP_ADMIN})
NO_USER = "No user found with account id: {}"


def _operations(call: WikiCall, account_id: str | None) -> list[Json]:
    """What somebody may do with the whole product."""
    role = call.site.rights.role(account_id)
    names = ["use"] if role is not Role.NOBODY else []
    names += ["administer"] if role in ADMINISTRATORS else []
    return [{"operation": name, "targetType": "application"} for name in names]


def _person(call: WikiCall, account_id: str) -> Response:
    wanted = "operations" in call.expand
    operations = _operations(call, account_id) if wanted else None
    return call.answer(call.shapes.person(account_id, operations))


async def _get(call: WikiCall) -> Response:
    if call.account is None:
        raise call.unseen("")
    wanted = call.query.get("accountId")
    if not wanted:
        raise call.no(400, "accountId names the user.")
    if not _known(call, wanted):
        raise call.no(404, NO_USER.format(wanted[:50]))
    return _person(call, wanted)


def _known(call: WikiCall, account_id: str) -> bool:
    user = call.world.people.user(account_id)
    return user.account_id == account_id if user else call.shapes.is_app(account_id)


async def _current(call: WikiCall) -> Response:
    return _nobody(call) if call.account is None else _person(call, call.account)


async def _anonymous(call: WikiCall) -> Response:
    return _nobody(call)


def _nobody(call: WikiCall) -> Response:
    shape: Json = {
        "type": "anonymous",
        "profilePicture": PICTURE,
        "displayName": "Anonymous",
        "isExternalCollaborator": False,
    }
    if "operations" in call.expand:
        shape["operations"] = _operations(call, None)
    else:
        shape["_expandable"] = {"operations": ""}
    return call.answer({**shape, "_links": {"self": f"{call.base_url}/rest/api/user/anonymous"}})


async def _groups(call: WikiCall) -> Response:
    if call.account is None:
        raise call.unseen("")
    wanted, people = call.query.get("accountId", ""), call.world.people
    user = people.user(wanted)
    if user is None or user.account_id != wanted:
        raise call.no(404, NO_USER.format(wanted[:50]))
    groups = (people.group(name) for name in people.groups_of(wanted))
    found = [{"type": "group", "name": g.name, "id": g.group_id} for g in groups if g]
    return call.page_of(found)


async def _email(call: WikiCall) -> Response:
    if call.account is None:
        raise call.unseen("")
    wanted = call.query.get("accountId", "")
    user = call.world.people.user(wanted)
    if user is None or user.account_id != wanted:
        raise call.no(404, NO_USER.format(wanted[:50]))
    return JSONResponse({"accountId": wanted, "email": user.email})


_V1 = "/wiki/rest/api/user"

ENDPOINTS = (
    Endpoint("GET", _V1, wiki(_get)),
    Endpoint("GET", f"{_V1}/current", wiki(_current)),
    Endpoint("GET", f"{_V1}/anonymous", wiki(_anonymous)),
    Endpoint("GET", f"{_V1}/memberof", wiki(_groups)),
    Endpoint("GET", f"{_V1}/email", wiki(_email)),
)
