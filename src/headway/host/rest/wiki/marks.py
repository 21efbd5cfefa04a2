"""Labels of content; properties of content and of spaces; restrictions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from starlette.responses import JSONResponse, Response

from headway.host.rest.call import Endpoint
from headway.host.rest.wiki.call import WikiCall, wiki
from headway.host.shapes import Json
from headway.host.world import Content, Space
from headway.host.world.marks import GROUP, Property, of_content, of_space
from headway.host.world.rows import Where

__all__ = ["ENDPOINTS"]

NO_PROPERTY = "There is no property with the key {}"
OPERATIONS = ("read", "update")

# ---- labels ---------------------------------------------------------------------------------


async def _labels(call: WikiCall) -> Response:
    content, prefix = call.content(), call.query.get("prefix")
    found = call.world.marks.labels(content.id)
    return call.page_of([call.shapes.label(x) for x in found if prefix in (None, x.prefix)])


async def _add_labels(call: WikiCall) -> Response:
    content = call.content("update")
    names = [_label(call, each) for each in await _list_of(call)]
    for prefix, name in names:
        call.world.marks.add_label(content.id, name, call.author, prefix)
    return call.page_of([call.shapes.label(x) for x in call.world.marks.labels(content.id)])


async def _list_of(call: WikiCall) -> list[Any]:
    found = await call.json()
    return found if isinstance(found, list) else [found]


def _label(call: WikiCall, given: object) -> tuple[str, str]:
    name = given.get("name") if isinstance(given, Mapping) else None
    prefix = given.get("prefix", "global") if isinstance(given, Mapping) else None
    if not isinstance(name, str) or not isinstance(prefix, str):
        raise call.no(400, "A label is an object with a prefix and a name.")
    call.world.marks.check_label(name, prefix)
    return prefix, name


async def _remove_label(call: WikiCall) -> Response:
    content = call.content("update")
    name = call.params.get("label") or call.query.get("name", "")
    if not call.world.marks.remove_label(content.id, name, call.author):
        raise call.no(404, "There is no such label on this content.")
    return Response(status_code=204)


# ---- properties -----------------------------------------------------------------------------


class _Thing(NamedTuple):
    """Content or a space, which has properties."""

    value: Content | Space
    where: Where
    ids: dict[str, int]


def _thing(call: WikiCall, *, change: bool = False) -> _Thing:
    if "space" in call.params:
        space = call.space("administer" if change else "read")
        return _Thing(space, of_space(space.id), {"space_id": space.id})
    content = call.content("update" if change else "read")
    return _Thing(content, of_content(content.id), {"content_id": content.id})


async def _properties(call: WikiCall) -> Response:
    thing, keys = _thing(call), call.query.getlist("key")
    found = call.world.marks.properties(thing.where)
    return call.page_of([_shape(call, x, thing) for x in found if not keys or x.key in keys])


async def _property(call: WikiCall) -> Response:
    thing = _thing(call)
    return call.answer(_shape(call, _found(call, thing), thing))


async def _add_property(call: WikiCall) -> Response:
    thing, body = _thing(call, change=True), await call.body()
    key = call.params.get("key") or body.get("key")
    if not isinstance(key, str) or "value" not in body:
        raise call.no(400, "A property has a key and a value.")
    made = call.world.marks.add_property(key, body["value"], **thing.ids)
    return call.answer(_shape(call, made, thing))


async def _edit_property(call: WikiCall) -> Response:
    thing, body = _thing(call, change=True), await call.body()
    version = body.get("version")
    number = version.get("number") if isinstance(version, Mapping) else None
    if "value" not in body or not isinstance(number, int):
        raise call.no(400, "A property has a value, and version.number is the latest plus one.")
    key = call.params["key"]
    before = call.world.marks.property(thing.where, key)
    if before is None and number == 1:  # the host makes one that is not there
        made = call.world.marks.add_property(key, body["value"], **thing.ids)
        return call.answer(_shape(call, made, thing))
    after = call.world.marks.edit_property(_found(call, thing), body["value"], number)
    return call.answer(_shape(call, after, thing))


async def _remove_property(call: WikiCall) -> Response:
    thing = _thing(call, change=True)
    call.world.marks.remove_property(_found(call, thing))
    return Response(status_code=204)


def _found(call: WikiCall, thing: _Thing) -> Property:
    found = call.world.marks.property(thing.where, call.params["key"])
    if found is None:
        raise call.no(404, NO_PROPERTY.format(call.params["key"][:50]))
    return found


def _shape(call: WikiCall, found: Property, thing: _Thing) -> Json:
    shape = call.shapes.property(found, thing.value)
    if isinstance(thing.value, Content):
        return shape
    version = shape.pop("version")
    return {**shape, "version": {**version, "by": call.shapes.person(thing.value.author)}}


# ---- restrictions ---------------------------------------------------------------------------


async def _restrictions(call: WikiCall) -> Response:
    return _restricted(call, call.content())


def _restricted(call: WikiCall, content: Content) -> Response:
    results = [call.shapes.restriction(content, operation) for operation in OPERATIONS]
    mark = str(content.version)
    return call.answer(call.paged(results, 0, 100, more=False, restrictionsHash=mark))


async def _by_operation(call: WikiCall) -> Response:
    content = call.content()
    return JSONResponse({name: call.shapes.restriction(content, name) for name in OPERATIONS})


async def _of_operation(call: WikiCall) -> Response:
    operation = call.params["operation"]
    if operation not in OPERATIONS:
        raise call.no(400, "operation is read or update.")
    return JSONResponse(call.shapes.restriction(call.content(), operation))


async def _set_restrictions(call: WikiCall) -> Response:
    content = call.content("update")
    for operation, accounts in (await _wanted(call)).items():
        call.world.marks.restrict(content, operation, accounts)
    return _restricted(call, content)


async def _add_restrictions(call: WikiCall) -> Response:
    content, marks = call.content("update"), call.world.marks
    for operation, accounts in (await _wanted(call)).items():
        marks.restrict(content, operation, accounts | marks.restricted_to(content.id, operation))
    return _restricted(call, content)


async def _remove_restrictions(call: WikiCall) -> Response:
    content = call.content("update")
    for operation in OPERATIONS:
        call.world.marks.restrict(content, operation, frozenset())
    return _restricted(call, content)


async def _wanted(call: WikiCall) -> dict[str, frozenset[str]]:
    """Who alone may, by operation; whoever asks is among them, so that nobody locks it away."""
    found = await call.json()
    rows = found.get("results") if isinstance(found, Mapping) else found
    if not isinstance(rows, list):
        raise call.no(400, "Restrictions are a list, or an object with results.")
    wanted: dict[str, frozenset[str]] = {}
    for row in rows:
        if not isinstance(row, Mapping) or row.get("operation") not in OPERATIONS:
            raise call.no(400, "operation is read or update.")
        given = row.get("restrictions")
        subjects = given if isinstance(given, Mapping) else {}
        groups = [_group(call, one) for one in _results(subjects.get("group"))]
        users = _results(subjects.get("user"))
        accounts = [user.get("accountId") for user in users if isinstance(user, Mapping)]
        if not all(isinstance(one, str) and not one.startswith(GROUP) for one in accounts):
            raise call.no(400, "A user is named by accountId.")
        only = frozenset([*(str(account) for account in accounts), *groups])
        wanted[row["operation"]] = only | {call.author} if only else only
    return wanted


def _group(call: WikiCall, given: object) -> str:
    """A group that a body names, by its name or its id."""
    named = given if isinstance(given, Mapping) else {}
    wanted = named.get("name") or named.get("id")
    found = call.world.people.group(wanted) if isinstance(wanted, str) else None
    if found is None:
        raise call.no(400, "A group is named by name or id, and must be there.")
    return f"{GROUP}{found.name}"


def _results(given: object) -> Iterable[Any]:
    found = given.get("results") if isinstance(given, Mapping) else given
    return found if isinstance(found, list) else ()


_OF_CONTENT = "/wiki/rest/api/content/{id}"
_LABEL, _RESTRICTION = f"{_OF_CONTENT}/label", f"{_OF_CONTENT}/restriction"
_PROPERTIES = (f"{_OF_CONTENT}/property", "/wiki/rest/api/space/{space}/property")

ENDPOINTS = (
    Endpoint("GET", _LABEL, wiki(_labels)),
    Endpoint("POST", _LABEL, wiki(_add_labels)),
    Endpoint("DELETE", _LABEL, wiki(_remove_label)),
    Endpoint("DELETE", f"{_LABEL}/{{label}}", wiki(_remove_label)),
    *(
        endpoint
        for path in _PROPERTIES
        for endpoint in (
            Endpoint("GET", path, wiki(_properties)),
            Endpoint("POST", path, wiki(_add_property)),
            Endpoint("GET", f"{path}/{{key}}", wiki(_property)),
            Endpoint("POST", f"{path}/{{key}}", wiki(_add_property)),
            Endpoint("PUT", f"{path}/{{key}}", wiki(_edit_property)),
            Endpoint("DELETE", f"{path}/{{key}}", wiki(_remove_property)),
        )
    ),
    Endpoint("GET", _RESTRICTION, wiki(_restrictions)),
    Endpoint("PUT", _RESTRICTION, wiki(_set_restrictions)),
    Endpoint("POST", _RESTRICTION, wiki(_add_restrictions)),
    Endpoint("DELETE", _RESTRICTION, wiki(_remove_restrictions)),
    Endpoint("GET", f"{_RESTRICTION}/byOperation", wiki(_by_operation)),
    Endpoint("GET", f"{_RESTRICTION}/byOperation/{{operation}}", wiki(_of_operation)),
)
