"""Searching by CQL."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import sqlalchemy as sa
from starlette.responses import Response

from headway.host.rest.call import Endpoint
from headway.host.rest.wiki.call import WikiCall, wiki
from headway.host.search.cql import Asker, compile_query
from headway.host.shapes import Json
from headway.host.storage_format import parse, plain_text
from headway.host.wiki_shapes import instant
from headway.host.world import Content
from headway.host.world.wiki import ContentKind

__all__ = ["ENDPOINTS"]

EXCERPT_MAX = 200  # characters


async def _find(call: WikiCall) -> tuple[list[Content], Json]:
    """A page of what the query finds, and what is said about it."""
    text = call.query.get("cql", "")
    if not text.strip():
        raise call.no(400, "cql is the query.")
    found = compile_query(text, Asker(call.account, call.site.clock.now()))
    start, limit = call.start_and_limit()
    where = sa.and_(found.where, call.visible)
    total = call.world.wiki.count(where)
    page = call.world.wiki.find(where, found.order, start, limit)
    shape = call.paged([], start, limit, more=total > start + limit)
    return page, {**shape, "size": len(page), "totalSize": total, "cqlQuery": text}


async def _content_search(call: WikiCall) -> Response:
    page, shape = await _find(call)
    return call.answer({**shape, "results": await call.shown(page)})


async def _search(call: WikiCall) -> Response:
    began = time.perf_counter()
    page, shape = await _find(call)
    expand = call.expand.get("content", {})
    results = [
        _result(call, content, written)
        for content, written in zip(page, await call.shown(page, expand), strict=True)
    ]
    took = int((time.perf_counter() - began) * 1000)
    return call.answer({**shape, "results": results, "searchDuration": took})


def _result(call: WikiCall, content: Content, written: Json) -> Json:
    space = next(space for space in call.spaces if space.id == content.space_id)
    day = datetime.fromtimestamp(content.updated, UTC)
    return {
        "content": written,
        "title": content.title,
        "excerpt": _excerpt(content),
        "url": call.shapes.page(content),
        "resultGlobalContainer": {
            "title": space.name,
            "displayUrl": f"/spaces/{space.key}/overview",
        },
        "breadcrumbs": [],
        "entityType": "content",
        "iconCssClass": f"aui-icon content-type-{content.kind}",
        "lastModified": instant(content.updated),
        "friendlyLastModified": f"{day:%b %d, %Y}",
        "score": 0.0,
    }


def _excerpt(content: Content) -> str:
    if content.kind is ContentKind.ATTACHMENT:
        return content.body[:EXCERPT_MAX]
    return " ".join(plain_text(parse(content.body)).split())[:EXCERPT_MAX]


ENDPOINTS = (
    Endpoint("GET", "/wiki/rest/api/search", wiki(_search)),
    Endpoint("GET", "/wiki/rest/api/content/search", wiki(_content_search)),
)
