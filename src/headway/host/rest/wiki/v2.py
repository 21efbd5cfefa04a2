"""Version 2 of Confluence's REST API: pages, blog posts, spaces, files, comments."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import sqlalchemy as sa
from starlette.responses import JSONResponse, RedirectResponse, Response

from headway.host.media import Box
from headway.host.rest.call import Endpoint
from headway.host.rest.wiki.call import LIMIT, LIMIT_MAX, PAGING, WikiCall, wiki
from headway.host.shapes import Json
from headway.host.thumbnails import SIZE_MAX, can_scale
from headway.host.wiki_shapes import below
from headway.host.wiki_shapes_v2 import FORMATS, WikiShapesV2
from headway.host.world import Content, Space
from headway.host.world.marks import Property, of_content
from headway.host.world.rows import Order, Where
from headway.host.world.wiki import ContentKind, Status, contents

__all__ = ["ENDPOINTS"]

ORDERS: Mapping[str, Order] = {
    "id": contents.c.id,
    "created-date": contents.c.created,
    "modified-date": contents.c.updated,
    "title": contents.c.title,
}
WRITTEN = (ContentKind.PAGE, ContentKind.BLOG_POST)


# ---- going through pages of results ---------------------------------------------------------


def _shapes(call: WikiCall) -> WikiShapesV2:
    return WikiShapesV2(call.world, call.shapes)


async def _written(call: WikiCall, content: Content, usual: str | None = None) -> Json:
    body_format = call.query.get("body-format") or usual
    if body_format in ("atlas_doc_format", "export_view", "styled_view"):
        raise call.no(501, f"This local site has bodies as {' and '.join(FORMATS)} alone.")
    if body_format == "view":
        call.shapes.views[content.id] = await call.html(content)
    return _shapes(call).content(content, body_format)


async def _page(call: WikiCall, *where: Where) -> Response:
    """A page of the content that *where* holds for and the caller may read."""
    start, limit = _start(call), call.number("limit", LIMIT, LIMIT_MAX, 1)
    here = sa.and_(*where, call.visible)
    found = call.world.wiki.find(here, _order(call), start, limit + 1)
    results = [await _written(call, content) for content in found[:limit]]
    return _paged(call, results, start + limit if len(found) > limit else None)


def _page_of(call: WikiCall, every: Sequence[Json]) -> Response:
    start, limit = _start(call), call.number("limit", LIMIT, LIMIT_MAX, 1)
    more = start + limit if len(every) > start + limit else None
    return _paged(call, list(every[start : start + limit]), more)


def _paged(call: WikiCall, results: list[Json], following: int | None) -> Response:
    """One page; the way to the *following* one stands in the body and in a header (RFC 8288)."""
    shape: Json = {"results": results, "_links": {"base": call.base_url}}
    headers = {}
    if following is not None:
        kept = [pair for pair in call.query.multi_items() if pair[0] not in PAGING]
        cursor = base64.urlsafe_b64encode(str(following).encode()).decode()
        pairs = [*kept, ("limit", call.query.get("limit", str(LIMIT))), ("cursor", cursor)]
        path = f"{call.request.url.path}?{urlencode(pairs)}"
        shape["_links"]["next"] = path
        headers["Link"] = f'<{path}>; rel="next"'
    return JSONResponse(shape, headers=headers)


def _start(call: WikiCall) -> int:
    text = call.query.get("cursor")
    if text is None:
        return 0
    try:
        return int(base64.b64decode(text.encode(), altchars=b"-_", validate=True)[:12])
    except (ValueError, binascii.Error):
        raise call.no(400, "The cursor was not made here.") from None


def _order(call: WikiCall) -> list[Order]:
    name = call.query.get("sort", "id")
    column = ORDERS.get(name.removeprefix("-"))
    if column is None:
        raise call.no(400, f"sort is one of {', '.join(ORDERS)}, with - before for descending.")
    return [column.desc() if name.startswith("-") else column, contents.c.id]


# ---- pages and blog posts -------------------------------------------------------------------


def _list(kind: ContentKind) -> Callable[[WikiCall], Awaitable[Response]]:
    async def answer(call: WikiCall) -> Response:
        where: list[Where] = [contents.c.kind == kind, contents.c.status.in_(_statuses(call))]
        if ids := _numbers(call, "id"):
            where.append(contents.c.id.in_(ids))
        if spaces := _numbers(call, "space-id"):
            where.append(contents.c.space_id.in_(spaces))
        if title := call.query.get("title"):
            where.append(contents.c.title == title)
        return await _page(call, *where)

    return answer


def _numbers(call: WikiCall, name: str) -> list[int]:
    """A parameter that is a list of ids, with commas or said more than once."""
    texts = [x for text in call.query.getlist(name) for x in text.split(",") if x]
    if not all(x.isascii() and x.isdigit() and len(x) < 19 for x in texts[:LIMIT_MAX]):
        raise call.no(400, f"{name} has ids, which are numbers.")
    return [int(x) for x in texts[:LIMIT_MAX]]


def _statuses(call: WikiCall) -> list[str]:
    wanted = [x for text in call.query.getlist("status") for x in text.split(",") if x]
    return [*Status] if "any" in wanted else wanted or [Status.CURRENT]


async def _get(call: WikiCall, content: Content) -> Response:
    return JSONResponse(await _written(call, content))


async def _create(call: WikiCall, kind: ContentKind) -> Response:
    body = await call.body()
    if body.get("status", "current") != "current":
        raise call.no(501, "This local site has no drafts: status is current.")
    space = _space(call, str(body.get("spaceId", "")), "create")
    title = body.get("title")
    if not isinstance(title, str):
        raise call.no(400, "title is a text.")
    parent = _parent(call, body.get("parentId"))
    if parent is not None and parent.space_id != space.id:
        raise call.no(400, "parentId is that of a page of another space.")
    text = _storage(call, body.get("body"), "")
    made = call.world.wiki.add_page(space.id, title, text, call.author, kind=kind, parent=parent)
    return JSONResponse(await _written(call, made, "storage"))


def _parent(call: WikiCall, wanted: object) -> Content | None:
    if wanted is None:
        return None
    parent = call.found(wanted)
    if parent is None or parent.kind is not ContentKind.PAGE:
        raise call.no(400, "parentId is that of no page.")
    return parent


def _storage(call: WikiCall, body: object, usual: str) -> str:
    """The storage format in ``body``, written there straight or below its format's name."""
    if body is None:
        return usual
    given = body.get("storage", body) if isinstance(body, Mapping) else None
    value = given.get("value") if isinstance(given, Mapping) else None
    if not isinstance(value, str) or not isinstance(given, Mapping):
        raise call.no(400, "body.storage.value is a text.")
    if given.get("representation", "storage") != "storage":
        raise call.no(501, "This local site takes bodies in the representation storage alone.")
    return value


async def _update(call: WikiCall, content: Content) -> Response:
    body = await call.body()
    version, title = body.get("version"), body.get("title")
    number = version.get("number") if isinstance(version, Mapping) else None
    if not isinstance(number, int) or not isinstance(version, Mapping):
        raise call.no(400, "version.number is the number of the latest version, plus one.")
    if not isinstance(title, str | None) or body.get("status", "current") != "current":
        raise call.no(400, "title is a text, and status is current.")
    world, parent = call.world.wiki, _parent(call, body.get("parentId"))
    world.check_place(content, title or content.title, parent)
    after = world.edit(
        content,
        call.author,
        version=number,
        title=title,
        body=_storage(call, body.get("body"), content.body),
        message=str(version.get("message") or ""),
    )
    if after.status is Status.TRASHED:
        after = world.restore(after, call.author)
    if parent is not None and parent.id != after.parent_id:
        after = world.move(after, parent, call.author)
    return JSONResponse(await _written(call, after, "storage"))


async def _remove(call: WikiCall, content: Content) -> Response:
    if content.status is Status.TRASHED or content.kind is ContentKind.COMMENT:
        call.world.wiki.remove(content, call.author)
    else:
        call.world.wiki.trash(content, call.author)
    return Response(status_code=204)


# ---- what hangs on them ---------------------------------------------------------------------


async def _children(call: WikiCall, content: Content) -> Response:
    return await _page(call, below(content, ContentKind.PAGE))


async def _ancestors(call: WikiCall, content: Content) -> Response:
    every = call.world.wiki.ancestors(content)
    return _page_of(call, [{"id": str(page.id), "type": "page"} for page in every])


async def _files(call: WikiCall, content: Content) -> Response:
    return await _page(call, below(content, ContentKind.ATTACHMENT))


async def _comments(call: WikiCall, content: Content) -> Response:
    return await _page(call, below(content, ContentKind.COMMENT))


async def _labels(call: WikiCall, content: Content) -> Response:
    found = call.world.marks.labels(content.id)
    return _page_of(call, [{"id": str(x.id), "name": x.name, "prefix": x.prefix} for x in found])


async def _versions(call: WikiCall, content: Content) -> Response:
    every = call.world.wiki.revisions(content.id)
    return _page_of(call, [_shapes(call).version(revision) for revision in every])


async def _properties(call: WikiCall, content: Content) -> Response:
    key = call.query.get("key")
    found = call.world.marks.properties(of_content(content.id))
    return _page_of(call, [_shapes(call).property(x) for x in found if key in (None, x.key)])


async def _add_property(call: WikiCall, content: Content) -> Response:
    body = await call.body()
    key = body.get("key")
    if not isinstance(key, str) or "value" not in body:
        raise call.no(400, "A property has a key and a value.")
    made = call.world.marks.add_property(key, body["value"], content_id=content.id)
    return JSONResponse(_shapes(call).property(made))


def _found_property(call: WikiCall, content: Content) -> Property:
    wanted = call.params["property"]
    for found in call.world.marks.properties(of_content(content.id)):
        if str(found.id) == wanted:
            return found
    raise call.no(404, "There is no property with this id.")


async def _property(call: WikiCall, content: Content) -> Response:
    return JSONResponse(_shapes(call).property(_found_property(call, content)))


async def _edit_property(call: WikiCall, content: Content) -> Response:
    found, body = _found_property(call, content), await call.body()
    version = body.get("version")
    number = version.get("number") if isinstance(version, Mapping) else None
    if not isinstance(number, int) or "value" not in body:
        raise call.no(400, "A property has a value, and version.number is the latest plus one.")
    after = call.world.marks.edit_property(found, body["value"], number)
    return JSONResponse(_shapes(call).property(after))


async def _remove_property(call: WikiCall, content: Content) -> Response:
    call.world.marks.remove_property(_found_property(call, content))
    return Response(status_code=204)


# ---- files by themselves --------------------------------------------------------------------


async def _thumbnail(call: WikiCall, content: Content) -> Response:
    """A small picture of a file, or of a *version* of it that was there before."""
    number = call.number("version", content.version, 10**9)
    version = call.world.wiki.revision(content.id, number)
    kept = call.world.wiki.file(version) if version else None
    if kept is None or not can_scale(kept.media_type, kept.size):
        raise call.no(404, "There is no picture of this file.")
    box = Box(*(call.number(name, usual, SIZE_MAX, 1) for name, usual in Box()._asdict().items()))
    return RedirectResponse(call.site.media.url(kept, box), 302)


# ---- comments by themselves -----------------------------------------------------------------


async def _add_comment(call: WikiCall) -> Response:
    body = await call.body()
    wanted, parent_id = body.get("pageId") or body.get("blogPostId"), body.get("parentCommentId")
    parent = call.found(parent_id) if parent_id is not None else None
    if parent is not None:
        wanted = parent.container_id
    container = call.found(wanted)
    wrong = parent_id is not None and (parent is None or parent.kind is not ContentKind.COMMENT)
    if wrong or container is None or container.kind not in WRITTEN:
        raise call.unseen("There is nothing with this id to comment on.")
    call.check("create", call.may(container))
    text = _storage(call, body.get("body"), "")
    made = call.world.wiki.add_comment(container, text, call.author, parent)
    return JSONResponse(await _written(call, made, "storage"), 201)


# ---- spaces ---------------------------------------------------------------------------------


def _space(call: WikiCall, wanted: str, right: str = "read") -> Space:
    found = next((space for space in call.spaces if str(space.id) == wanted), None)
    if found is None:
        raise call.unseen("There is no space with this id.")
    return call.space_with(found.key, right)


async def _spaces(call: WikiCall) -> Response:
    ids = _numbers(call, "ids")
    keys = [x for text in call.query.getlist("keys") for x in text.split(",") if x]
    shown = [
        _shapes(call).space(space, call.query.get("description-format"))
        for space in call.spaces
        if (not ids or space.id in ids) and (not keys or space.key in keys)
    ]
    return _page_of(call, shown)


async def _one_space(call: WikiCall) -> Response:
    space = _space(call, call.params["id"])
    return JSONResponse(_shapes(call).space(space, call.query.get("description-format")))


def _in_space(kind: ContentKind) -> Callable[[WikiCall], Awaitable[Response]]:
    async def answer(call: WikiCall) -> Response:
        space = _space(call, call.params["id"])
        current = contents.c.status == Status.CURRENT
        return await _page(call, contents.c.space_id == space.id, contents.c.kind == kind, current)

    return answer


# ---- the table ------------------------------------------------------------------------------

_Answer = Callable[[WikiCall, Content], Awaitable[Response]]
_EACH: tuple[tuple[str, str, str, _Answer], ...] = (
    ("GET", "", "read", _get),
    ("PUT", "", "update", _update),
    ("DELETE", "", "delete", _remove),
    ("GET", "/labels", "read", _labels),
    ("GET", "/versions", "read", _versions),
    ("GET", "/properties", "read", _properties),
    ("POST", "/properties", "update", _add_property),
    ("GET", "/properties/{property}", "read", _property),
    ("PUT", "/properties/{property}", "update", _edit_property),
    ("DELETE", "/properties/{property}", "update", _remove_property),
)
_WITH_BODY: tuple[tuple[str, str, str, _Answer], ...] = (
    ("GET", "/attachments", "read", _files),
    ("GET", "/footer-comments", "read", _comments),
)
_TREE: tuple[tuple[str, str, str, _Answer], ...] = (
    ("GET", "/children", "read", _children),
    ("GET", "/direct-children", "read", _children),
    ("GET", "/ancestors", "read", _ancestors),
)
_OF_FILE = (
    *(row for row in _EACH if row[0:2] != ("PUT", "")),
    ("GET", "/thumbnail/download", "read", _thumbnail),
)
_NAMES = {
    ContentKind.PAGE: ("pages", (*_EACH, *_WITH_BODY, *_TREE)),
    ContentKind.BLOG_POST: ("blogposts", (*_EACH, *_WITH_BODY)),
    ContentKind.ATTACHMENT: ("attachments", _OF_FILE),
    ContentKind.COMMENT: ("footer-comments", _EACH),
}


def _about(kind: ContentKind, method: str, right: str, answer: _Answer) -> Any:
    """*answer*, given the content of this *kind* that the path names."""

    async def handle(call: WikiCall) -> Response:
        statuses: tuple[Status, ...] = (Status.CURRENT,)
        if method == "PUT" or call.query.get("status") in ("trashed", "any"):
            statuses = tuple(Status)
        if call.query.get("purge") == "true":
            statuses = (Status.TRASHED,)
        content = call.content(right, statuses=statuses)
        if content.kind is not kind:
            raise call.unseen(f"There is no {kind} with this id.")
        return await answer(call, content)

    return wiki(handle)


def _creating(kind: ContentKind) -> Any:
    async def handle(call: WikiCall) -> Response:
        return await _create(call, kind)

    return wiki(handle)


_V2 = "/wiki/api/v2"

ENDPOINTS: tuple[Endpoint, ...] = (
    *(Endpoint("GET", f"{_V2}/{name}", wiki(_list(kind))) for kind, (name, _) in _NAMES.items()),
    *(Endpoint("POST", f"{_V2}/{_NAMES[kind][0]}", _creating(kind)) for kind in WRITTEN),
    Endpoint("POST", f"{_V2}/footer-comments", wiki(_add_comment)),
    *(
        Endpoint(method, f"{_V2}/{name}/{{id}}{path}", _about(kind, method, right, answer))
        for kind, (name, rows) in _NAMES.items()
        for method, path, right, answer in rows
    ),
    Endpoint("GET", f"{_V2}/spaces", wiki(_spaces)),
    Endpoint("GET", f"{_V2}/spaces/{{id}}", wiki(_one_space)),
    Endpoint("GET", f"{_V2}/spaces/{{id}}/pages", wiki(_in_space(ContentKind.PAGE))),
    Endpoint("GET", f"{_V2}/spaces/{{id}}/blogposts", wiki(_in_space(ContentKind.BLOG_POST))),
)
