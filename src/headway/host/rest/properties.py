"""Properties: what apps keep with an issue, a project, a comment, a worklog, a user, themselves."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Literal, NamedTuple, TypeAlias
from urllib.parse import quote

from starlette.responses import JSONResponse, Response

from headway.host.answers import api_error
from headway.host.rest.call import Call, Endpoint, Rejected
from headway.host.rest.comments import comment_of
from headway.host.world.properties import KEY_MAX

__all__ = ["ENDPOINTS"]

Aim: TypeAlias = Literal["see", "change"]

APP_KEY_MAX = 127  # characters of an app's property key
_KEY = re.compile(r"[^\x00-\x1f/]+")


class Holder(NamedTuple):
    """What properties are kept with; *path* is where in the API, ``find`` who may.

    ``find`` is told what for; it returns the id of the thing that the path
    names, or raises Rejected.
    """

    kind: str
    path: str
    find: Callable[[Call, Aim], str]


def _issue(call: Call, aim: Aim) -> str:
    return str(call.issue("EDIT_ISSUES" if aim == "change" else "BROWSE_PROJECTS").id)


def _project(call: Call, aim: Aim) -> str:
    return str(call.project("ADMINISTER_PROJECTS" if aim == "change" else "BROWSE_PROJECTS").id)


def _comment(call: Call, aim: Aim) -> str:
    comment, issue = comment_of(call)
    if aim == "change":
        own = ["EDIT_OWN_COMMENTS"] if comment.author == call.author else []
        project = call.site.world.tracker.project(issue.project_key)
        call.need_any([*own, "EDIT_ALL_COMMENTS"], project)
    return str(comment.id)


def _worklog(call: Call, aim: Aim) -> str:
    issue = call.issue()
    work = call.site.world.worklogs.worklog(call.param("worklog"))
    if work is None or work.issue_id != issue.id:
        raise call.unseen("Cannot find this worklog.")
    if aim == "change":
        own = ["EDIT_OWN_WORKLOGS"] if work.author == call.author else []
        project = call.site.world.tracker.project(issue.project_key)
        call.need_any([*own, "EDIT_ALL_WORKLOGS"], project)
    return str(work.id)


def _user(call: Call, aim: Aim) -> str:
    wanted = call.query("accountId") or call.query("userKey") or call.author
    if wanted != call.author or not wanted:
        app = call.actor.kind == "app" and aim == "see"
        call.need("USER_PICKER" if app else "ADMINISTER")
        if call.site.world.people.user(wanted) is None:
            raise call.no(404, "The user does not exist.")
    return wanted


def _app(call: Call, _: Aim) -> str:
    """Only the app itself, or its page for a user, reaches what it keeps."""
    if call.actor.app_key is None or call.actor.kind == "anonymous":
        raise _told(401, "The call is not from a Connect app.")
    if call.actor.app_key != call.param("app"):
        raise _told(404, "Add-on does not exist, or its data is not yours.")
    return f"{call.tenant.product}:{call.actor.app_key}"


def _told(status: int, message: str) -> Rejected:
    return Rejected(_message(status, message))


def _message(status: int, message: str) -> Response:
    return JSONResponse({"message": message, "statusCode": status}, status)


# ---- the same four calls for each -----------------------------------------------------------

Answer = Callable[[Call], Awaitable[Response]]


def _key(call: Call, holder: Holder) -> str:
    key = call.param("key")
    most = APP_KEY_MAX if holder.kind == "app" else KEY_MAX
    if len(key) > most or not _KEY.fullmatch(key):
        raise call.no(400, f"A property key has 1 to {most} characters.")
    return key


def _keys(holder: Holder) -> Answer:
    async def answer(call: Call) -> Response:
        found = call.site.world.properties.keys(holder.kind, holder.find(call, "see"))
        here = f"{call.site.base_url}{call.request.url.path}"
        keys = [{"self": f"{here}/{quote(key, safe='')}", "key": key} for key in found]
        return JSONResponse({"keys": keys})

    return answer


def _get(holder: Holder) -> Answer:
    async def answer(call: Call) -> Response:
        holder_id, key = holder.find(call, "see"), _key(call, holder)
        found = call.site.world.properties.get(holder.kind, holder_id, key)
        if found is None:
            return _missing(holder, key)
        return JSONResponse({"key": key, "value": found.data})

    return answer


def _missing(holder: Holder, key: str) -> Response:
    text = f"The property with key '{key[:50]}' does not exist."
    return _message(404, text) if holder.kind == "app" else api_error(404, text)


def _put(holder: Holder) -> Answer:
    async def answer(call: Call) -> Response:
        holder_id, key = holder.find(call, "change"), _key(call, holder)
        value = await call.json()
        try:
            new = call.site.world.properties.put(holder.kind, holder_id, key, value, call.author)
        except ValueError as error:
            return api_error(400, str(error))
        status = 201 if new else 200
        if holder.kind == "app":
            return _message(status, f"Property {'created' if new else 'updated'}.")
        return Response(status_code=status)

    return answer


def _delete(holder: Holder) -> Answer:
    async def answer(call: Call) -> Response:
        holder_id, key = holder.find(call, "change"), _key(call, holder)
        if not call.site.world.properties.delete(holder.kind, holder_id, key, call.author):
            return _missing(holder, key)
        return Response(status_code=204)

    return answer


_API = "/rest/api/{version}"

HOLDERS = (
    Holder("issue", f"{_API}/issue/{{issue}}/properties", _issue),
    Holder("project", f"{_API}/project/{{project}}/properties", _project),
    Holder("comment", f"{_API}/comment/{{comment}}/properties", _comment),
    Holder("worklog", f"{_API}/issue/{{issue}}/worklog/{{worklog}}/properties", _worklog),
    Holder("user", f"{_API}/user/properties", _user),
    Holder("app", "/rest/atlassian-connect/1/addons/{app}/properties", _app),
    Holder("app", "/wiki/rest/atlassian-connect/1/addons/{app}/properties", _app),
)

ENDPOINTS = tuple(
    endpoint
    for holder in HOLDERS
    for endpoint in (
        Endpoint("GET", holder.path, _keys(holder)),
        Endpoint("GET", f"{holder.path}/{{key}}", _get(holder)),
        Endpoint("PUT", f"{holder.path}/{{key}}", _put(holder)),
        Endpoint("DELETE", f"{holder.path}/{{key}}", _delete(holder)),
    )
)
