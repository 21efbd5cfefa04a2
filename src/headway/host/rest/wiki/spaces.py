"""Spaces, and what is in them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from starlette.responses import JSONResponse, Response

from headway.host.rest.call import Endpoint
from headway.host.rest.wiki.call import WikiCall, wiki
from headway.host.wiki_shapes import expansions
from headway.host.world.rows import Where
from headway.host.world.wiki import ContentKind, Status, contents

__all__ = ["ENDPOINTS"]

WRITTEN = expansions(["description.plain,homepage"])


async def _list(call: WikiCall) -> Response:
    keys, kind = call.query.getlist("spaceKey"), call.query.get("type")
    found = [
        call.shapes.space(space, call.expand)
        for space in call.spaces
        if (not keys or space.key in keys)
        and kind in (None, "", "personal" if space.key.startswith("~") else "global")
    ]
    return call.page_of(found)


async def _get(call: WikiCall) -> Response:
    return call.answer(call.shapes.space(call.space(), call.expand))


async def _create(call: WikiCall) -> Response:
    if call.account is None:
        raise call.unseen("")
    body = await call.body()
    key, name = body.get("key"), body.get("name")
    if not isinstance(key, str) or not isinstance(name, str):
        raise call.no(400, "key and name are texts.")
    spaces, description = call.world.spaces, _description(call, body) or ""
    space = spaces.add_space(key, name, call.author, description=description)
    homepage = call.world.wiki.add_page(space.id, f"{name} Home"[:255], "", call.author)
    space = spaces.edit_space(space.id, call.author, homepage_id=homepage.id)
    call.look_again()  # there is one more
    return call.answer(call.shapes.space(space, WRITTEN))


def _description(call: WikiCall, body: Mapping[str, Any]) -> str | None:
    given = body.get("description")
    if given is None:
        return None
    plain = given.get("plain") if isinstance(given, Mapping) else None
    value = plain.get("value") if isinstance(plain, Mapping) else None
    if not isinstance(value, str):
        raise call.no(400, "description.plain.value is a text.")
    return value


async def _update(call: WikiCall) -> Response:
    space, body = call.space("administer"), await call.body()
    name, homepage = body.get("name"), body.get("homepage")
    if not isinstance(name, str | None):
        raise call.no(400, "name is a text.")
    wanted = homepage.get("id") if isinstance(homepage, Mapping) else None
    page = call.found(wanted) if wanted is not None else None
    if wanted is not None and (page is None or page.space_id != space.id):
        raise call.no(400, "homepage.id names no page of this space.")
    after = call.world.spaces.edit_space(
        space.id,
        call.author,
        name=name,
        description=_description(call, body),
        homepage_id=page.id if page else None,
    )
    return call.answer(call.shapes.space(after, WRITTEN))


async def _delete(call: WikiCall) -> Response:
    call.world.spaces.remove_space(call.space("administer"), call.author)
    task = str(uuid.uuid4())  # it is done already; who asks for the task is told that it is gone
    return JSONResponse({"id": task, "links": {"status": f"/rest/api/longtask/{task}"}}, 202)


async def _content(call: WikiCall) -> Response:
    space = call.space()
    kinds = (ContentKind.PAGE, ContentKind.BLOG_POST)
    return call.answer({kind: await call.page_shape(_in(space.id, kind)) for kind in kinds})


async def _content_of_kind(call: WikiCall) -> Response:
    space, kind = call.space(), call.params["type"]
    if kind not in (ContentKind.PAGE, ContentKind.BLOG_POST):
        raise call.no(400, "type is page or blogpost.")
    return await call.page(_in(space.id, ContentKind(kind)))


def _in(space_id: int, kind: ContentKind) -> Where:
    columns = contents.c
    here = sa.and_(columns.space_id == space_id, columns.kind == kind)
    return sa.and_(here, columns.status == Status.CURRENT)


_V1 = "/wiki/rest/api/space"

ENDPOINTS = (
    Endpoint("GET", _V1, wiki(_list)),
    Endpoint("POST", _V1, wiki(_create)),
    Endpoint("GET", f"{_V1}/{{space}}", wiki(_get)),
    Endpoint("PUT", f"{_V1}/{{space}}", wiki(_update)),
    Endpoint("DELETE", f"{_V1}/{{space}}", wiki(_delete)),
    Endpoint("GET", f"{_V1}/{{space}}/content", wiki(_content)),
    Endpoint("GET", f"{_V1}/{{space}}/content/{{type}}", wiki(_content_of_kind)),
)
