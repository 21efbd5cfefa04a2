"""What is said about issues."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse, Response

from headway.host.answers import api_error
from headway.host.rest.call import Call, Endpoint, Rejected
from headway.host.shapes import kept_document, plain_text
from headway.host.world import Comment, Issue
from headway.host.world.roles import ROLES
from headway.host.world.tracker import TEXT_MAX

__all__ = ["ENDPOINTS", "comment_of", "read_comment"]

IDS_MAX = 1000
NO_COMMENT = "Can not find a comment for the id: {}."
ORDERS = {"created": False, "+created": False, "-created": True, "": False}


def read_comment(call: Call, given: Mapping[str, Any], *, whole: bool = True) -> dict[str, Any]:
    """What the world keeps of a comment that was sent; raises Rejected (400).

    Unless it is *whole*, it may have no text.
    """
    found: dict[str, Any] = {}
    if whole or "body" in given:
        try:
            text = plain_text(given.get("body"))
        except ValueError as error:
            raise Rejected(api_error(400, errors={"comment": str(error)})) from None
        if not text.strip():
            raise Rejected(api_error(400, errors={"comment": "Comment body can not be empty!"}))
        if len(text) > TEXT_MAX:
            long = f"The entered text is too long. It has at most {TEXT_MAX} characters."
            raise Rejected(api_error(400, errors={"comment": long}))
        found |= {"body": text, "document": kept_document(given["body"])}
    if "visibility" in given:
        found["visibility"] = _visibility(call, given["visibility"])
    return found


def _visibility(call: Call, given: Any) -> dict[str, str] | None:
    if given is None:
        return None
    kind = given.get("type") if isinstance(given, Mapping) else None
    value = str(given.get("value") or given.get("identifier") or "") if kind else ""
    known = {name for name, _ in ROLES.values()} if kind == "role" else set()
    if kind == "group" and (group := call.site.world.people.group(value)):
        value = group.name
        known = {value}
    if value not in known:
        raise Rejected(
            api_error(400, errors={"commentLevel": "The role or group of visibility is not known."})
        )
    return {"type": str(kind), "value": value, "identifier": value}


def comment_of(call: Call, issue: Issue | None = None) -> tuple[Comment, Issue]:
    """The comment that the path names, with its issue, if the caller sees both."""
    tracker, wanted = call.site.world.tracker, call.param("comment")
    comment = tracker.comment(wanted)
    if comment is None or (issue is not None and comment.issue_id != issue.id):
        raise call.unseen(NO_COMMENT.format(wanted[:20]))
    found = issue or tracker.issue(comment.issue_id)
    view = call.site.rights.view(call.actor)
    if found is None or not view.issue(found) or not view.remark(found, comment.visibility):
        raise call.unseen(NO_COMMENT.format(wanted[:20]))
    return comment, found


async def _list(call: Call) -> Response:
    issue = call.issue()
    order = call.query("orderBy")
    if order not in ORDERS:
        return api_error(400, "orderBy is created, +created or -created.")
    shapes, (start, size) = call.shapes, call.window(5000, 5000)
    every = shapes.seen_comments(issue)
    shown = (every[::-1] if ORDERS[order] else every)[start : start + size]
    expand = call.names("expand")
    return JSONResponse(
        {
            "startAt": start,
            "maxResults": size,
            "total": len(every),
            "comments": [shapes.comment(one, expand) for one in shown],
        }
    )


async def _by_ids(call: Call) -> Response:
    ids = (await call.body()).get("ids")
    if not isinstance(ids, list) or len(ids) > IDS_MAX:
        return api_error(400, f"ids is a list of at most {IDS_MAX} numbers.")
    tracker, view, shapes = call.site.world.tracker, call.site.rights.view(call.actor), call.shapes
    found = []
    for one in ids:
        comment = tracker.comment(str(one))
        issue = tracker.issue(comment.issue_id) if comment else None
        if comment and issue and view.issue(issue) and view.remark(issue, comment.visibility):
            found.append(comment)
    return call.page(found, lambda comment: shapes.comment(comment, call.names("expand")), 1000)


async def _get(call: Call) -> Response:
    comment, _ = comment_of(call, call.issue())
    return JSONResponse(call.shapes.comment(comment, call.names("expand")))


async def _add(call: Call) -> Response:
    issue = call.issue("ADD_COMMENTS")
    body = await call.body()
    kept, world = call.properties(body), call.site.world
    comment = world.tracker.add_comment(issue.id, call.author, **read_comment(call, body))
    for key, value in kept.items():
        world.properties.put("comment", str(comment.id), key, value)
    return JSONResponse(call.shapes.comment(comment, call.names("expand")), 201)


async def _edit(call: Call) -> Response:
    comment, issue = comment_of(call, call.issue())
    _need(call, comment, issue, "EDIT")
    changes = read_comment(call, await call.body(), whole=False)
    after = call.site.world.tracker.edit_comment(comment.id, call.author, **changes)
    return JSONResponse(call.shapes.comment(after, call.names("expand")))


async def _delete(call: Call) -> Response:
    comment, issue = comment_of(call, call.issue())
    _need(call, comment, issue, "DELETE")
    call.site.world.tracker.delete_comment(comment.id, call.author)
    return Response(status_code=204)


def _need(call: Call, comment: Comment, issue: Issue, verb: str) -> None:
    own = [f"{verb}_OWN_COMMENTS"] if comment.author == call.author else []
    project = call.site.world.tracker.project(issue.project_key)
    call.need_any([*own, f"{verb}_ALL_COMMENTS"], project)


_COMMENTS = "/rest/api/{version}/issue/{issue}/comment"

ENDPOINTS = (
    Endpoint("POST", "/rest/api/{version}/comment/list", _by_ids),
    Endpoint("GET", _COMMENTS, _list),
    Endpoint("POST", _COMMENTS, _add),
    Endpoint("GET", f"{_COMMENTS}/{{comment}}", _get),
    Endpoint("PUT", f"{_COMMENTS}/{{comment}}", _edit),
    Endpoint("DELETE", f"{_COMMENTS}/{{comment}}", _delete),
)
