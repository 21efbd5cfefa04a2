"""Work that was done on issues."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse, Response

from headway.host.answers import api_error
from headway.host.rest.call import Call, Endpoint, Rejected
from headway.host.shapes import kept_document, plain_text
from headway.host.shapes.text import seconds
from headway.host.world import Issue, Worklog
from headway.host.world.tracker import TEXT_MAX
from headway.host.world.worklogs import seconds_of

__all__ = ["ENDPOINTS", "read_worklog"]

YEAR = 366 * 86_400  # seconds: nobody works longer at a time
NO_WORKLOG = "Cannot find worklog with id: '{}'."


def read_worklog(call: Call, given: Mapping[str, Any], *, whole: bool = True) -> dict[str, Any]:
    """What the world keeps of work that was sent; raises Rejected (400).

    Unless it is *whole*, it may have no time.
    """
    found: dict[str, Any] = {}
    try:
        if given.get("timeSpentSeconds") is not None:
            found["seconds"] = _whole(given["timeSpentSeconds"])
        elif given.get("timeSpent") is not None:
            found["seconds"] = seconds_of(given["timeSpent"])
        elif whole:
            raise ValueError("Worklog must not be null.")
        if not 60 <= found.get("seconds", 60) <= YEAR:
            raise ValueError("You must indicate the time spent working, of a minute or more.")
        if given.get("started") is not None:
            found["started"] = seconds(given["started"])
        if given.get("comment") is not None:
            text = plain_text(given["comment"])
            if len(text) > TEXT_MAX:
                raise ValueError(f"The comment has more than {TEXT_MAX} characters.")
            found |= {"comment": text, "document": kept_document(given["comment"])}
    except ValueError as error:
        raise Rejected(api_error(400, str(error))) from None
    return found


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError("timeSpentSeconds is a whole number of seconds.")
    return value


def _left(call: Call, issue: Issue, *, adding: bool) -> int | None:
    """What the parameter ``adjustEstimate`` makes of the remaining estimate; None: the usual."""
    query, left = call.request.query_params, issue.remaining_estimate or 0
    try:
        match query.get("adjustEstimate", "auto"):
            case "auto":
                return None
            case "leave":
                return left
            case "new":
                return seconds_of(query.get("newEstimate"))
            case "manual":
                name = "reduceBy" if adding else "increaseBy"
                change = seconds_of(query.get(name))
                return max(0, left - change if adding else left + change)
    except ValueError as error:
        raise Rejected(api_error(400, str(error))) from None
    raise Rejected(api_error(400, "adjustEstimate is auto, leave, new or manual."))


def _found(call: Call, issue: Issue) -> Worklog:
    wanted = call.param("worklog")
    work = call.site.world.worklogs.worklog(wanted)
    if work is None or work.issue_id != issue.id:
        raise call.unseen(NO_WORKLOG.format(wanted[:20]))
    return work


async def _list(call: Call) -> Response:
    issue = call.issue()
    start, size = call.window(5000, 5000)
    after = call.number("startedAfter", 0) / 1000
    before = call.number("startedBefore", 10**15) / 1000
    every = [w for w in call.site.world.worklogs.of(issue.id) if after <= w.started < before]
    shapes = call.shapes
    return JSONResponse(
        {
            "startAt": start,
            "maxResults": size,
            "total": len(every),
            "worklogs": [shapes.worklog(work) for work in every[start : start + size]],
        }
    )


async def _get(call: Call) -> Response:
    return JSONResponse(call.shapes.worklog(_found(call, call.issue())))


async def _add(call: Call) -> Response:
    issue = call.issue("WORK_ON_ISSUES")
    given = read_worklog(call, await call.body())
    left = _left(call, issue, adding=True)
    work = call.site.world.worklogs.add(issue.id, call.author, left=left, **given)
    return JSONResponse(call.shapes.worklog(work), 201)


async def _edit(call: Call) -> Response:
    issue = call.issue()
    work = _found(call, issue)
    _need(call, work, issue, "EDIT")
    given = read_worklog(call, await call.body(), whole=False)
    left = _left(call, issue, adding=True)
    after = call.site.world.worklogs.edit(work.id, call.author, left=left, **given)
    return JSONResponse(call.shapes.worklog(after))


async def _delete(call: Call) -> Response:
    issue = call.issue()
    work = _found(call, issue)
    _need(call, work, issue, "DELETE")
    left = _left(call, issue, adding=False)
    call.site.world.worklogs.delete(work.id, call.author, left=left)
    return Response(status_code=204)


def _need(call: Call, work: Worklog, issue: Issue, verb: str) -> None:
    own = [f"{verb}_OWN_WORKLOGS"] if work.author == call.author else []
    project = call.site.world.tracker.project(issue.project_key)
    call.need_any([*own, f"{verb}_ALL_WORKLOGS"], project)


_WORKLOGS = "/rest/api/{version}/issue/{issue}/worklog"

ENDPOINTS = (
    Endpoint("GET", _WORKLOGS, _list),
    Endpoint("POST", _WORKLOGS, _add),
    Endpoint("GET", f"{_WORKLOGS}/{{worklog}}", _get),
    Endpoint("PUT", f"{_WORKLOGS}/{{worklog}}", _edit),
    Endpoint("DELETE", f"{_WORKLOGS}/{{worklog}}", _delete),
)
