"""Finding issues: the old search with its total, the new one with its page tokens, and counts."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from starlette.responses import JSONResponse, Response

from headway.host.answers import api_error
from headway.host.rest.call import Call, Endpoint, Rejected
from headway.host.search.engine import Found
from headway.host.search.jql import Query, QueryError, parse
from headway.host.world import Issue, Project

__all__ = ["ENDPOINTS"]

PAGE = 50  # issues, where the caller asks for no number
PAGE_MAX = 100
T = TypeVar("T", int, str)

IDS_MAX = 1000
"""Issues and queries of one match."""

UNBOUNDED = (
    "Unbounded JQL queries are not allowed here. Please add a search restriction to your query."
)
LENIENT = frozenset({"warn", "none", "false"})
"""What ``validateQuery`` says where a value that is not there shall only find nothing."""


class Asked(NamedTuple):
    """A search as it was asked for, in an address or in a body."""

    jql: str
    fields: str
    expand: str
    start: int
    limit: int
    validate: str
    token: str


# ---- reading --------------------------------------------------------------------------------


async def _asked(call: Call) -> Asked:
    given: Mapping[str, Any]
    if call.request.method == "POST":
        given = await call.body()
    else:
        query = call.request.query_params
        given = {**query, "fields": query.getlist("fields"), "expand": query.getlist("expand")}
    return Asked(
        jql=_text(given, "jql"),
        fields=_listed(given, "fields"),
        expand=_listed(given, "expand"),
        start=_number(given, "startAt", 0, 2**31),
        limit=_number(given, "maxResults", PAGE, PAGE_MAX),
        validate=str(given.get("validateQuery", "strict")).lower(),
        token=_text(given, "nextPageToken"),
    )


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name) or ""
    if not isinstance(value, str):
        raise Rejected(api_error(400, f"{name} is not a text."))
    return value


def _listed(given: Mapping[str, Any], name: str) -> str:
    """A list of names as one text with commas, however it was sent."""
    value = given.get(name) or ""
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
        raise Rejected(api_error(400, f"{name} is not a list of names."))
    return ",".join(values)


def _number(given: Mapping[str, Any], name: str, usual: int, most: int) -> int:
    value = given.get(name, usual)
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        raise Rejected(api_error(400, f"{name} is not a whole number.")) from None
    if number < 0 and name == "startAt":
        raise Rejected(api_error(400, f"{name} is not a whole number from 0 on."))
    return usual if number < 0 else min(number, most)


# ---- searching ------------------------------------------------------------------------------


def _seen(call: Call) -> list[Project]:
    projects = call.site.world.tracker.projects()
    return [p for p in projects if call.site.rights.may(call.actor, "BROWSE_PROJECTS", p)]


def _parsed(jql: str) -> Query:
    try:
        return parse(jql)
    except QueryError as error:
        raise Rejected(api_error(400, str(error))) from None


def _find(call: Call, query: Query, start: int, limit: int) -> Found:
    return call.site.search.find(query, _seen(call), call.actor.account_id, start, limit)


def _shapes(call: Call, found: Sequence[Issue], asked: Asked) -> list[dict[str, Any]]:
    shapes, expand = call.shapes, asked.expand.split(",")
    return [shapes.issue(issue, asked.fields, expand) for issue in found]


async def _search(call: Call) -> Response:
    """The search with ``startAt`` and ``total``."""
    asked = await _asked(call)
    query, warnings = _parsed(asked.jql), []
    try:
        found = _find(call, query, asked.start, asked.limit)
    except QueryError as error:
        if asked.validate not in LENIENT:
            return api_error(400, str(error))
        found = Found([], 0)
        warnings = [str(error)] if asked.validate == "warn" else []
    answer = {
        "expand": "names,schema",
        "startAt": asked.start,
        "maxResults": asked.limit,
        "total": found.total,
        "issues": _shapes(call, found.issues, asked),
    }
    return JSONResponse(answer | ({"warningMessages": warnings} if warnings else {}))


async def _search_jql(call: Call) -> Response:
    """The search with ``nextPageToken``: bounded queries only, and fields only where asked for."""
    asked = await _asked(call)
    query = _parsed(asked.jql)
    if query.where is None:
        return api_error(400, UNBOUNDED)
    start = _start_of(asked.token)
    try:
        found = _find(call, query, start, asked.limit or PAGE)
    except QueryError as error:
        return api_error(400, str(error))
    asked = asked._replace(fields=asked.fields or "id")
    end = start + len(found.issues)
    last = end >= found.total
    answer = {"issues": _shapes(call, found.issues, asked), "isLast": last}
    return JSONResponse(answer | ({} if last else {"nextPageToken": _token_of(end)}))


def _token_of(start: int) -> str:
    return base64.urlsafe_b64encode(f"start={start}".encode()).decode()


def _start_of(token: str) -> int:
    """Where the next page starts, out of what an answer said."""
    if not token:
        return 0
    try:
        name, _, number = base64.urlsafe_b64decode(token).decode("ascii").partition("=")
        start = int(number) if name == "start" and len(number) < 10 else -1
    except (binascii.Error, ValueError):
        start = -1
    if start < 0:
        raise Rejected(api_error(400, "The nextPageToken is not one that this site gave."))
    return start


async def _count(call: Call) -> Response:
    query = _parsed(_text(await call.body(), "jql"))
    if query.where is None:
        return api_error(400, UNBOUNDED)
    try:
        return JSONResponse({"count": _find(call, query, 0, 0).total})
    except QueryError as error:
        return api_error(400, str(error))


async def _match(call: Call) -> Response:
    """Which of the issues each query finds."""
    body = await call.body()
    ids, queries = _list_of(int, body, "issueIds"), _list_of(str, body, "jqls")
    return JSONResponse({"matches": [_matched(call, text, ids) for text in queries]})


def _list_of(kind: type[T], body: Mapping[str, Any], name: str) -> list[T]:
    """The member *name* of a body, whose every element is exactly of one *kind*."""
    value = body.get(name)
    if not isinstance(value, list) or not all(type(each) is kind for each in value):
        raise Rejected(api_error(400, f"{name} is not a list as it should be."))
    if len(value) > IDS_MAX:
        raise Rejected(api_error(400, f"{name} has more than {IDS_MAX} elements."))
    return value


def _matched(call: Call, text: str, ids: Sequence[int]) -> dict[str, Any]:
    try:
        found = call.site.search.matching(parse(text), ids, _seen(call), call.actor.account_id)
    except QueryError as error:
        return {"matchedIssues": [], "errors": [str(error)]}
    return {"matchedIssues": found, "errors": []}


async def _parse(call: Call) -> Response:
    """Whether queries can be answered; their structure is not given."""
    body, strict = await call.body(), call.request.query_params.get("validation") != "none"
    results = []
    for text in _list_of(str, body, "queries"):
        try:
            query = parse(text)
            if strict:
                call.site.search.find(query, _seen(call), call.actor.account_id, 0, 0)
        except QueryError as error:
            results.append({"query": text, "errors": [str(error)]})
        else:
            results.append({"query": text})
    return JSONResponse({"queries": results})


_PATH = "/rest/api/{version}"

ENDPOINTS = (
    Endpoint("GET", f"{_PATH}/search", _search),
    Endpoint("POST", f"{_PATH}/search", _search),
    Endpoint("GET", f"{_PATH}/search/jql", _search_jql),
    Endpoint("POST", f"{_PATH}/search/jql", _search_jql),
    Endpoint("POST", f"{_PATH}/search/approximate-count", _count),
    Endpoint("POST", f"{_PATH}/jql/match", _match),
    Endpoint("POST", f"{_PATH}/jql/parse", _parse),
)
