"""Links between issues, and who follows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse, Response

from headway.host.answers import api_error
from headway.host.rest.call import NO_ISSUE, Call, Endpoint, Rejected
from headway.host.world import Issue, IssueLink
from headway.host.world.catalog import LINK_TYPES, LinkType, named

__all__ = ["ENDPOINTS", "add_link"]

NO_LINK = "No issue link with id '{}' exists."
NO_TYPE = "No issue link type with that id or name found."


# ---- links ----------------------------------------------------------------------------------


def add_link(call: Call, given: Mapping[str, Any], here: Issue | None = None) -> IssueLink:
    """Link the two issues that *given* names; *here* is one of them where it names one only.

    The inward issue is where the link starts: it does what the outward side
    says.  Raises Rejected.
    """
    wanted = given.get("type")
    kind = named(LINK_TYPES, wanted) if isinstance(wanted, Mapping) else None
    if kind is None:
        raise Rejected(api_error(404, NO_TYPE))
    ends = [_end(call, given.get(name), here) for name in ("inwardIssue", "outwardIssue")]
    for issue in ends:
        call.need("LINK_ISSUES", call.site.world.tracker.project(issue.project_key))
    try:
        return call.site.world.links.add(kind.name, ends[0].id, ends[1].id, call.author)
    except ValueError as error:
        raise Rejected(api_error(400, str(error))) from None


def _end(call: Call, given: Any, here: Issue | None) -> Issue:
    if given is None and here is not None:
        return here
    found = given if isinstance(given, Mapping) else {}
    issue = call.site.world.tracker.issue(str(found.get("key") or found.get("id") or ""))
    if issue is None or not call.site.rights.view(call.actor).issue(issue):
        raise call.unseen(NO_ISSUE)
    return issue


async def _add(call: Call) -> Response:
    add_link(call, await call.body())
    return Response(status_code=201)


def _link(call: Call) -> tuple[IssueLink, Issue, Issue]:
    world, wanted = call.site.world, call.param("link")
    link = world.links.link(wanted)
    ends = (
        [world.tracker.issue(end) for end in (link.source, link.target)] if link else [None, None]
    )
    view = call.site.rights.view(call.actor)
    source, target = ends
    if not (link and source and target and view.issue(source) and view.issue(target)):
        raise call.unseen(NO_LINK.format(wanted[:20]))
    return link, source, target


async def _get(call: Call) -> Response:
    link, source, target = _link(call)
    shapes, kind = call.shapes, named(LINK_TYPES, {"name": link.type})
    return JSONResponse(
        {
            "id": str(link.id),
            "self": shapes.link(f"issueLink/{link.id}"),
            "type": shapes.link_type(kind) if kind else {"name": link.type},
            "inwardIssue": shapes.brief(source),
            "outwardIssue": shapes.brief(target),
        }
    )


async def _delete(call: Call) -> Response:
    link, source, _ = _link(call)
    call.need("LINK_ISSUES", call.site.world.tracker.project(source.project_key))
    call.site.world.links.delete(link.id, call.author)
    return Response(status_code=204)


async def _types(call: Call) -> Response:
    return JSONResponse({"issueLinkTypes": [call.shapes.link_type(row) for row in LINK_TYPES]})


async def _type(call: Call) -> Response:
    row: LinkType | None = named(LINK_TYPES, {"id": call.param("type")})
    if row is None:
        raise call.unseen(NO_TYPE)
    return JSONResponse(call.shapes.link_type(row))


# ---- followers ------------------------------------------------------------------------------


async def _watchers(call: Call) -> Response:
    issue, shapes = call.issue(), call.shapes
    ids = call.site.world.links.watchers(issue.id)
    shape = shapes.followers(issue, "watchers", call.author)
    return JSONResponse({**shape, "watchers": [shapes.person(one) for one in ids]})


async def _votes(call: Call) -> Response:
    issue, shapes = call.issue(), call.shapes
    ids = call.site.world.links.votes(issue.id)
    shape = shapes.followers(issue, "votes", call.author)
    return JSONResponse({**shape, "voters": [shapes.person(one) for one in ids]})


async def _watch(call: Call) -> Response:
    issue = call.issue()
    raw = (await call.raw()).decode("utf-8", "replace").strip()
    wanted = raw.removeprefix('"').removesuffix('"')  # a JSON string, or nothing for oneself
    if wanted and raw != f'"{wanted}"':
        return api_error(400, "The body is the account id of a user, as a JSON string.")
    return _follow(call, issue, wanted or call.author, on=True)


async def _unwatch(call: Call) -> Response:
    return _follow(call, call.issue(), call.query("accountId") or call.author, on=False)


def _follow(call: Call, issue: Issue, account_id: str, *, on: bool) -> Response:
    if call.actor.account_id is None:
        raise call.unseen("")
    project = call.site.world.tracker.project(issue.project_key)
    if account_id != call.author:
        call.need("MANAGE_WATCHERS", project)
    if project is None or "BROWSE_PROJECTS" not in call.site.rights.of_account(account_id, project):
        return api_error(404, "The user does not exist, or can not see this issue.")
    call.site.world.links.watch(issue.id, account_id, on=on)
    return Response(status_code=204)


async def _vote(call: Call) -> Response:
    issue = call.issue()
    if call.actor.account_id is None or issue.reporter == call.author:
        raise call.unseen("You cannot vote for an issue you have reported.")
    on = call.request.method == "POST"
    call.site.world.links.vote(issue.id, call.author, on=on)
    return Response(status_code=204)


_ISSUE = "/rest/api/{version}/issue/{issue}"

ENDPOINTS = (
    Endpoint("POST", "/rest/api/{version}/issueLink", _add),
    Endpoint("GET", "/rest/api/{version}/issueLink/{link}", _get),
    Endpoint("DELETE", "/rest/api/{version}/issueLink/{link}", _delete),
    Endpoint("GET", "/rest/api/{version}/issueLinkType", _types),
    Endpoint("GET", "/rest/api/{version}/issueLinkType/{type}", _type),
    Endpoint("GET", f"{_ISSUE}/watchers", _watchers),
    Endpoint("POST", f"{_ISSUE}/watchers", _watch),
    Endpoint("DELETE", f"{_ISSUE}/watchers", _unwatch),
    Endpoint("GET", f"{_ISSUE}/votes", _votes),
    Endpoint("POST", f"{_ISSUE}/votes", _vote),
    Endpoint("DELETE", f"{_ISSUE}/votes", _vote),
)
