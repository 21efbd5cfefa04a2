"""Pages, blog posts and comments: list, create, get, change, remove; what is below them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from starlette.responses import JSONResponse, Response

from headway.host.macros import macro_hash
from headway.host.rest.call import Endpoint
from headway.host.rest.wiki.call import NO_CONTENT, WikiCall, wiki
from headway.host.storage_format import macros, parse
from headway.host.wiki_shapes import below, expansions, far_below
from headway.host.world import Content
from headway.host.world.rows import Order, Where
from headway.host.world.wiki import ContentKind, Status, contents

__all__ = ["ENDPOINTS", "storage_of"]

WRITTEN = expansions(["body.storage,space,history,version,ancestors,container"])
"""What is expanded in the answer to a change."""

READ = expansions(["space,history,version"])
"""What is expanded where nothing is said."""

STATUSES: Mapping[str, Collection[Status]] = {
    "current": (Status.CURRENT,),
    "trashed": (Status.TRASHED,),
    "any": tuple(Status),
}
ORDERS: Mapping[str, Order] = {
    "createddate": contents.c.created,
    "history.createddate": contents.c.created,
    "modifieddate": contents.c.updated,
    "title": contents.c.title,
    "id": contents.c.id,
}


# ---- one ------------------------------------------------------------------------------------


async def _list(call: WikiCall) -> Response:
    query = call.query
    kind = query.get("type") or ContentKind.PAGE
    if kind not in (ContentKind.PAGE, ContentKind.BLOG_POST):
        raise call.no(400, f"type is page or blogpost, not {kind[:20]}.")
    where: list[Where] = [contents.c.kind == kind, contents.c.status.in_(_statuses(call))]
    if key := query.get("spaceKey"):
        where.append(contents.c.space_id == call.space_with(key).id)
    if title := query.get("title"):
        where.append(contents.c.title == title)
    if day := query.get("postingDay"):
        where.append(_on(call, day))
    return await call.page(sa.and_(*where), _order(call))


def _statuses(call: WikiCall) -> Collection[Status]:
    wanted = call.query.getlist("status") or ["current"]
    known = [STATUSES[name] for name in wanted if name in STATUSES]
    if len(known) < len(wanted):
        raise call.no(400, f"status is one of {', '.join(STATUSES)} on this site.")
    return [status for statuses in known for status in statuses]


def _order(call: WikiCall) -> list[Order]:
    words = call.query.get("orderby", "id").lower().split()
    if not words or words[0] not in ORDERS or words[1:] not in ([], ["asc"], ["desc"]):
        raise call.no(400, f"orderby is one of {', '.join(ORDERS)}, then asc or desc.")
    column = ORDERS[words[0]]
    return [column.desc() if words[1:] == ["desc"] else column, contents.c.id]


def _on(call: WikiCall, day: str) -> Where:
    try:
        begin = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise call.no(400, "postingDay is a date, such as 2022-02-01.") from None
    return sa.and_(contents.c.created >= begin, contents.c.created < begin + 86_400)


async def _get(call: WikiCall) -> Response:
    statuses = STATUSES["any"] if "version" in call.query else _statuses(call)
    content = call.content(statuses=statuses)
    expand = call.expand or READ
    if "version" not in call.query:
        return await call.one(content, expand)
    number = call.number("version", content.version, 10**9)
    if number in (0, content.version):
        return await call.one(content, expand)
    revision = call.world.wiki.revision(content.id, number)
    if revision is None:
        raise call.no(404, NO_CONTENT.format(f"{content.id}, version {number}"))
    return call.answer(call.shapes.content(content, expand, revision))


async def _create(call: WikiCall) -> Response:
    body = await call.body()
    kind = body.get("type")
    if kind == ContentKind.COMMENT:
        return await _create_comment(call, body)
    if kind not in (ContentKind.PAGE, ContentKind.BLOG_POST):
        raise call.no(400, "type is page, blogpost or comment; files are uploaded to their page.")
    if body.get("status", "current") != "current":
        raise call.no(501, "This local site has no drafts: status is current.")
    named, title = body.get("space"), body.get("title")
    if not isinstance(title, str):
        raise call.no(400, "title is a text.")
    parent = _parent(call, body.get("ancestors"))
    if isinstance(named, Mapping) and "key" in named:
        space = call.space_with(named["key"], "create")
    elif parent is not None:
        space = next(s for s in call.spaces if s.id == parent.space_id)
        call.check("create", call.site.rights.in_space(call.actor, space))
    else:
        raise call.no(400, "space.key names the space of the new content.")
    if parent is not None and parent.space_id != space.id:
        raise call.no(400, "The ancestor is a page of another space.")
    made = call.world.wiki.add_page(
        space.id,
        title,
        storage_of(call, body.get("body"), ""),
        call.author,
        kind=ContentKind(kind),
        parent=parent,
    )
    return await call.one(made, call.expand or WRITTEN)


async def _create_comment(call: WikiCall, body: Mapping[str, Any]) -> Response:
    named = body.get("container")
    wanted = named.get("id") if isinstance(named, Mapping) else None
    container = call.found(wanted)
    if container is None or container.kind not in (ContentKind.PAGE, ContentKind.BLOG_POST):
        raise call.unseen(NO_CONTENT.format(str(wanted)[:20]))
    call.check("create", call.may(container))
    parent = _parent(call, body.get("ancestors"), ContentKind.COMMENT)
    if parent is not None and parent.container_id != container.id:
        raise call.no(400, "The ancestor is a comment on something else.")
    text = storage_of(call, body.get("body"), "")
    made = call.world.wiki.add_comment(container, text, call.author, parent)
    return await call.one(made, call.expand or WRITTEN)


def _parent(
    call: WikiCall, ancestors: object, kind: ContentKind = ContentKind.PAGE
) -> Content | None:
    """The last of a body's ``ancestors``: the one directly above."""
    if not ancestors:
        return None
    last = ancestors[-1] if isinstance(ancestors, list) else None
    wanted = last.get("id") if isinstance(last, Mapping) else None
    parent = call.found(wanted)
    if parent is None or parent.kind is not kind:
        raise call.no(400, f"ancestors names no {kind} that there is: {str(wanted)[:20]}")
    return parent


def storage_of(call: WikiCall, body: object, usual: str) -> str:
    """The storage format in a body's ``body``, or *usual* where it says nothing."""
    if body is None or body == {}:
        return usual
    if not isinstance(body, Mapping):
        raise call.no(400, "body is an object.")
    if "storage" not in body:
        raise call.no(501, "This local site takes bodies as body.storage alone.")
    storage = body["storage"]
    value = storage.get("value") if isinstance(storage, Mapping) else None
    if not isinstance(value, str):
        raise call.no(400, "body.storage.value is a text.")
    if storage.get("representation", "storage") != "storage":
        raise call.no(501, "This local site takes bodies in the representation storage alone.")
    return value


async def _update(call: WikiCall) -> Response:
    # (1) what it is about
    content = call.content("update", statuses=STATUSES["any"])
    body = await call.body()
    version = body.get("version")
    number = version.get("number") if isinstance(version, Mapping) else None
    if not isinstance(number, int) or not isinstance(version, Mapping):
        raise call.no(400, "Must supply an incremented version when updating content.")
    if body.get("type", content.kind) != content.kind:
        raise call.no(400, "Content keeps its type.")
    title = body.get("title")
    if title is not None and not isinstance(title, str):
        raise call.no(400, "title is a text.")
    if body.get("status", "current") != "current":
        raise call.no(400, "status can be set to current; DELETE puts content into the bin.")
    # (2) all of it can be, or nothing is done
    wiki, parent = call.world.wiki, _parent(call, body.get("ancestors"))
    wiki.check_place(content, title or content.title, parent)
    edited = wiki.edit(
        content,
        call.author,
        version=number,
        title=title,
        body=storage_of(call, body.get("body"), content.body),
        message=str(version.get("message") or ""),
        minor=version.get("minorEdit") is True,
    )
    if edited.status is Status.TRASHED:
        edited = wiki.restore(edited, call.author)
    if parent is not None and parent.id != edited.parent_id:
        edited = wiki.move(edited, parent, call.author)
    return await call.one(edited, call.expand or WRITTEN)


async def _delete(call: WikiCall) -> Response:
    purge = call.query.get("status") == "trashed"
    content = call.content("delete", statuses=STATUSES["trashed" if purge else "current"])
    if purge or content.kind is ContentKind.COMMENT:
        call.world.wiki.remove(content, call.author)
    else:
        call.world.wiki.trash(content, call.author)
    return Response(status_code=204)


async def _move(call: WikiCall) -> Response:
    page, target = call.content("update"), call.content("create", name="target")
    if call.params["position"] != "append":
        raise call.no(501, "This local site keeps no order of pages: position is append.")
    call.world.wiki.move(page, target, call.author)
    return JSONResponse({"pageId": str(page.id)})


# ---- around it ------------------------------------------------------------------------------


async def _children(call: WikiCall) -> Response:
    return call.answer(call.shapes.children(call.content(), call.expand))


async def _children_of_kind(call: WikiCall) -> Response:
    return await call.page(below(call.content(), _kind(call)))


async def _descendants(call: WikiCall) -> Response:
    return call.answer(call.shapes.descendants(call.content(), call.expand))


async def _descendants_of_kind(call: WikiCall) -> Response:
    return await call.page(far_below(call.content(), _kind(call)))


def _kind(call: WikiCall) -> ContentKind:
    kinds = [ContentKind.PAGE, ContentKind.COMMENT, ContentKind.ATTACHMENT]
    if (name := call.params.get("type", "comment")) not in kinds:
        raise call.no(400, f"type is one of {', '.join(kinds)}, not {name[:20]}.")
    return ContentKind(name)


async def _history(call: WikiCall) -> Response:
    expand = call.expand or expansions(["lastUpdated,previousVersion,nextVersion"])
    return call.answer(call.shapes.history(call.content(), expand))


async def _versions(call: WikiCall) -> Response:
    content = call.content()
    every = call.world.wiki.revisions(content.id)
    return call.page_of([call.shapes.version(content, revision) for revision in every])


async def _version(call: WikiCall) -> Response:
    content = call.content()
    number = call.params["version_number"]
    revision = call.world.wiki.revision(content.id, int(number)) if number.isdigit() else None
    if revision is None:
        raise call.no(404, f"There is no version {number[:20]} of this content.")
    return call.answer(call.shapes.version(content, revision))


async def _macro_by_id(call: WikiCall) -> Response:
    return _macro(call, lambda macro: macro.id == call.params["macro"])


async def _macro_by_hash(call: WikiCall) -> Response:
    return _macro(call, lambda macro: macro_hash(macro) == call.params["macro"])


def _macro(call: WikiCall, is_it: Any) -> Response:
    content, number = call.content(), call.params["version_number"]
    revision = call.world.wiki.revision(content.id, int(number)) if number.isdigit() else None
    body = content.body if number == "0" else revision.body if revision else ""
    found = next(filter(is_it, macros(parse(body))), None)
    if found is None:
        raise call.no(404, "There is no such macro in this version of the content.")
    parameters = {name: {"value": value} for name, value in found.parameters.items()}
    return call.answer({"name": found.name, "body": found.body, "parameters": parameters})


async def _may(call: WikiCall) -> Response:
    content, body = call.content(), await call.body()
    subject, operation = body.get("subject"), body.get("operation")
    if operation not in ("read", "update", "delete"):
        raise call.no(400, "operation is read, update or delete.")
    if not isinstance(subject, Mapping) or subject.get("type") not in ("user", "group"):
        raise call.no(400, "subject is an object with a type, user or group, and an identifier.")
    identifier = subject.get("identifier")
    if not isinstance(identifier, str):
        raise call.no(400, "subject.identifier is a text.")
    if subject["type"] == "group":
        raise call.no(501, "This local site checks permissions of users, not of groups.")
    may = call.site.rights.on_content(identifier, content)
    return call.answer({"hasPermission": operation in may, "errors": []})


_V1 = "/wiki/rest/api/content"
_MACRO = f"{_V1}/{{id}}/history/{{version_number}}/macro"

ENDPOINTS = (
    Endpoint("GET", _V1, wiki(_list)),
    Endpoint("POST", _V1, wiki(_create)),
    Endpoint("GET", f"{_V1}/{{id}}", wiki(_get)),
    Endpoint("PUT", f"{_V1}/{{id}}", wiki(_update)),
    Endpoint("DELETE", f"{_V1}/{{id}}", wiki(_delete)),
    Endpoint("PUT", f"{_V1}/{{id}}/move/{{position}}/{{target}}", wiki(_move)),
    Endpoint("GET", f"{_V1}/{{id}}/child", wiki(_children)),
    Endpoint("GET", f"{_V1}/{{id}}/child/comment", wiki(_children_of_kind)),
    Endpoint("GET", f"{_V1}/{{id}}/child/{{type}}", wiki(_children_of_kind)),
    Endpoint("GET", f"{_V1}/{{id}}/descendant", wiki(_descendants)),
    Endpoint("GET", f"{_V1}/{{id}}/descendant/{{type}}", wiki(_descendants_of_kind)),
    Endpoint("GET", f"{_V1}/{{id}}/history", wiki(_history)),
    Endpoint("GET", f"{_V1}/{{id}}/version", wiki(_versions)),
    Endpoint("GET", f"{_V1}/{{id}}/version/{{version_number}}", wiki(_version)),
    Endpoint("GET", f"{_MACRO}/id/{{macro}}", wiki(_macro_by_id)),
    Endpoint("GET", f"{_MACRO}/hash/{{macro}}", wiki(_macro_by_hash)),
    Endpoint("POST", f"{_V1}/{{id}}/permission/check", wiki(_may)),
)
