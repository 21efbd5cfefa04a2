"""The wiki's pages: the spaces, one space, a page with what hangs on it, the editor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa
from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from headway.host import macros
from headway.host.conditions import Asked
from headway.host.documents import read, write
from headway.host.documents.storage import document_of, storage_of
from headway.host.pages.fields import known_people
from headway.host.pages.texts import NOTHING, Field, Meanwhile, seal, taken
from headway.host.places import modules_for
from headway.host.places import shown as is_shown
from headway.host.scene import scene_of
from headway.host.thumbnails import can_scale
from headway.host.visit import Visit, Who, is_browser, log_in_first, see_other, visited
from headway.host.wiki_shapes import CONTEXT, WikiShapes, below
from headway.host.world import Content, Space
from headway.host.world.rows import Where
from headway.host.world.wiki import ContentKind, Stale, Status, contents
from headway.model import Product

if TYPE_CHECKING:
    from headway.descriptor import Module
    from headway.host.apps import App
    from headway.host.site import Site

__all__ = ["routes"]

SPACE_PLACES = ("space.pages", "space.tools")
PAGE_PLACES = ("page.byline", "page.actions", "page.panels")
SHOWN_MAX = 500
"""Pages of a space, children of a page, comments: no more are listed at once."""

TEXT_MAX = 50_000
"""Characters of a page that is edited as a text; a longer one is edited as it is stored."""

PAGES = (ContentKind.PAGE, ContentKind.BLOG_POST)


class Remark(NamedTuple):
    """A comment, ready to be shown."""

    comment: Content
    html: Markup


def routes(site: Site) -> list[BaseRoute]:
    """Every page and every form."""
    space, page = "/wiki/spaces/{space}", "/wiki/spaces/{space}/pages/{id}"
    pages = (
        ("GET", "/wiki", Who.ANYBODY, _to_spaces),
        ("GET", "/wiki/", Who.ANYBODY, _to_spaces),
        ("GET", "/wiki/spaces", Who.ANYBODY, _spaces),
        ("GET", space, Who.ANYBODY, _space),
        ("GET", f"{space}/overview", Who.ANYBODY, _space),
        ("GET", f"{space}/pages/create", Who.USER, _new),
        ("POST", f"{space}/pages/create", Who.USER, _create),
        ("GET", f"{space}/pages/edit-v2/{{id}}", Who.USER, _editor),
        ("POST", f"{space}/pages/edit-v2/{{id}}", Who.USER, _edit),
        ("POST", f"{page}/comment", Who.USER, _comment),
        ("POST", f"{page}/trash", Who.USER, _trash),
        ("POST", f"{page}/attachments/{{file}}/delete", Who.USER, _remove_file),
        ("GET", page, Who.ANYBODY, _page),
        ("GET", f"{page}/{{title}}", Who.ANYBODY, _page),
        ("GET", f"{space}/blog/{{y}}/{{m}}/{{d}}/{{id}}/{{title}}", Who.ANYBODY, _page),
        ("GET", "/wiki/pages/viewpage.action", Who.ANYBODY, _by_id),
    )
    send = visited(site, Who.USER, _send_files, with_files=True)
    return [
        Route(f"{page}/attachments", send, methods=["POST"]),
        *(
            Route(path, visited(site, who, answer), methods=[verb])
            for verb, path, who, answer in pages
        ),
    ]


# ---- what there is to see -------------------------------------------------------------------


def _visible(visit: Visit) -> Where:
    ids = [space.id for space in visit.site.rights.spaces(visit.actor)]
    return visit.site.world.marks.visible(ids, visit.actor.account_id)


def _shapes(visit: Visit) -> WikiShapes:
    site = visit.site
    base_url = f"{site.base_url}{CONTEXT}"
    return WikiShapes(site.world, site.confluence.apps, base_url, _visible(visit))


def _seen_space(visit: Visit) -> Space | None:
    """The space that the address names; None where the visitor may have to log in first."""
    space = visit.site.world.spaces.space(visit.request.path_params["space"])
    if space is not None and "read" in visit.site.rights.in_space(visit.actor, space):
        return space
    if visit.user is None:
        return None
    raise HTTPException(404, "There is no such space.")


def _seen(visit: Visit, wanted: str) -> Content | None:
    """The page with this id; None where the visitor may have to log in first."""
    site = visit.site
    content = site.world.wiki.content(wanted)
    there = content is not None and content.kind in PAGES and content.status is Status.CURRENT
    if content and there and "read" in site.rights.on_content(visit.actor.account_id, content):
        return content
    if visit.user is None:
        return None
    raise HTTPException(404, "There is no such page.")


def _found(visit: Visit, right: str) -> Content:
    """The page that the address names, if the visitor has *right* on it."""
    content = _seen(visit, visit.request.path_params["id"])
    if content is None or right not in visit.site.rights.on_content(visit.author, content):
        raise HTTPException(403, "This page is not yours to change.")
    return content


def _space_of(visit: Visit, content: Content) -> Space:
    space = visit.site.world.spaces.space_by_id(content.space_id)
    if space is None:
        raise HTTPException(404, "There is no such space.")
    return space


# ---- spaces ---------------------------------------------------------------------------------


async def _to_spaces(visit: Visit) -> Response:
    return see_other("/wiki/spaces")


async def _spaces(visit: Visit) -> Response:
    shown = [
        (space, visit.site.world.wiki.count(_in(visit, space)))
        for space in visit.site.rights.spaces(visit.actor)
    ]
    return visit.page("wiki_spaces.html", spaces=shown)


def _in(visit: Visit, space: Space) -> Where:
    columns = contents.c
    here = sa.and_(columns.space_id == space.id, columns.status == Status.CURRENT)
    return sa.and_(here, columns.kind.in_(PAGES), _visible(visit))


async def _space(visit: Visit) -> Response:
    space = _seen_space(visit)
    if space is None:
        return log_in_first(visit.request)
    site = visit.site
    scene = scene_of(site, Product.CONFLUENCE, {"space.key": space.key}, visit.actor, visit.user)
    places = {
        place: await modules_for(site, site.confluence, place, scene, visit)
        for place in SPACE_PLACES
    }
    order = (contents.c.kind.desc(), contents.c.title)
    return visit.page(
        "wiki_space.html",
        frames=[entry.app for entries in places.values() for entry in entries],
        space=space,
        places=places,
        pages=site.world.wiki.find(_in(visit, space), order, limit=SHOWN_MAX),
        address=_address(visit),
        may_create="create" in site.rights.in_space(visit.actor, space),
        may_administer="administer" in site.rights.in_space(visit.actor, space),
    )


def _address(visit: Visit) -> Callable[[Content], str]:
    """Where people look at content."""
    shapes = _shapes(visit)
    return lambda content: CONTEXT + shapes.page(content)


# ---- a page ---------------------------------------------------------------------------------


async def _by_id(visit: Visit) -> Response:
    content = _seen(visit, visit.request.query_params.get("pageId", ""))
    if content is None:
        return log_in_first(visit.request)
    return see_other(_address(visit)(content))


async def _page(visit: Visit) -> Response:
    content = _seen(visit, visit.request.path_params["id"])
    if content is None:
        return log_in_first(visit.request)
    return await _shown(visit, content)


async def _shown(visit: Visit, content: Content, status: int = 200, error: str = "") -> Response:
    site, wiki, shapes = visit.site, visit.site.world.wiki, _shapes(visit)
    scene = scene_of(
        site, Product.CONFLUENCE, {"content.id": str(content.id)}, visit.actor, visit.user
    )
    places = {
        place: await modules_for(site, site.confluence, place, scene, visit)
        for place in PAGE_PLACES
    }

    def hanging(kind: ContentKind) -> list[Content]:
        return wiki.find(sa.and_(below(content, kind), _visible(visit)), limit=SHOWN_MAX)

    files = [(file, wiki.file(file)) for file in hanging(ContentKind.ATTACHMENT)]
    framing = macros.frames(site.confluence, content.body)
    may = site.rights.on_content(visit.actor.account_id, content)
    return visit.page(
        "wiki_page.html",
        status,
        frames=[*framing, *(entry.app for entries in places.values() for entry in entries)],
        space=_space_of(visit, content),
        content=content,
        body=await _html(visit, shapes, content),
        above=wiki.ancestors(content),
        children=hanging(ContentKind.PAGE) if content.kind is ContentKind.PAGE else [],
        files=[(file, kept) for file, kept in files if kept is not None],
        remarks=[
            Remark(comment, await _html(visit, shapes, comment))
            for comment in hanging(ContentKind.COMMENT)
        ],
        labels=site.world.marks.labels(content.id),
        places=places,
        address=_address(visit),
        name_of=cache(shapes.name),
        may_edit="update" in may,
        may_comment="create" in may,
        may_delete="delete" in may,
        error=error,
        field=NOTHING,
        people=known_people(visit),
        pictured=lambda kept: can_scale(kept.media_type, kept.size),
        upload_limit=site.settings.upload_limit,
    )


async def _html(visit: Visit, shapes: WikiShapes, content: Content) -> Markup:
    """A body as HTML that went through the sanitiser."""
    site, links = visit.site, shapes.links(content)
    account_id = visit.actor.account_id
    html = await macros.body_html(site.confluence, site.world, content, links, account_id)
    return Markup(html)  # noqa: S704 - see body_view


# ---- changing -------------------------------------------------------------------------------


async def _comment(visit: Visit) -> Response:
    content = _found(visit, "create")
    try:
        body = storage_of(read(visit.text("body") or ""))
        visit.site.world.wiki.add_comment(content, body, visit.author)
    except ValueError as error:
        return await _shown(visit, content, 400, str(error))
    return see_other(f"{_address(visit)(content)}#comments")


async def _trash(visit: Visit) -> Response:
    content = _found(visit, "delete")
    space = _space_of(visit, content)
    visit.site.world.wiki.trash(content, visit.author)
    return see_other(f"/wiki/spaces/{space.key}")


async def _send_files(visit: Visit) -> Response:
    """Keep the files of the form; one that is there under its name gets a new version."""
    content, wiki = _found(visit, "create"), visit.site.world.wiki
    for filename, media_type, data in visit.files:
        old = wiki.file_named(content, filename)
        if old is None:
            wiki.add_file(content, filename, media_type, data, visit.author)
        else:
            wiki.new_data(old, media_type, data, visit.author, None)
    if is_browser(visit.request):
        return see_other(f"{_address(visit)(content)}#attachments")
    return Response(status_code=204)


async def _remove_file(visit: Visit) -> Response:
    content = _found(visit, "read")
    file = visit.site.world.wiki.content(visit.request.path_params["file"])
    is_there = file is not None and file.status is Status.CURRENT
    if file is None or not is_there or not _is_file_of(file, content):
        raise HTTPException(404, "There is no such file, or no longer.")
    if "delete" not in visit.site.rights.on_content(visit.author, file):
        raise HTTPException(403, "This file is not yours to delete.")
    visit.site.world.wiki.trash(file, visit.author)
    return see_other(f"{_address(visit)(content)}#attachments")


def _is_file_of(file: Content, content: Content) -> bool:
    return file.kind is ContentKind.ATTACHMENT and file.container_id == content.id


async def _new(visit: Visit) -> Response:
    return await _form(visit, _writable(visit), None)


async def _create(visit: Visit) -> Response:
    space = _writable(visit)
    wiki, parent = visit.site.world.wiki, None
    if wanted := visit.form.get("parent"):
        parent = _seen(visit, wanted)
    try:
        made = wiki.add_page(
            space.id, visit.text("title") or "", _body(visit, None) or "", visit.author,
            parent=parent if parent and parent.space_id == space.id else None,
        )  # fmt: skip
    except ValueError as error:
        return await _form(visit, space, None, 400, str(error))
    return see_other(_address(visit)(made))


def _writable(visit: Visit) -> Space:
    space = _seen_space(visit)
    if space is None or "create" not in visit.site.rights.in_space(visit.actor, space):
        raise HTTPException(403, "You may not write in this space.")
    return space


async def _editor(visit: Visit) -> Response:
    content = _found(visit, "update")
    return await _form(visit, _space_of(visit, content), content)


async def _edit(visit: Visit) -> Response:
    content, wiki = _found(visit, "update"), visit.site.world.wiki
    version = visit.form.get("version", "")
    try:
        edited = wiki.edit(
            content,
            visit.author,
            version=int(version) if version.isdigit() and len(version) < 10 else 0,
            title=visit.text("title"),
            body=_body(visit, content),
            message=visit.text("message") or "",
        )
    except (Stale, Meanwhile):
        error = "Somebody else has changed the page meanwhile. Copy your text and open it anew."
        return await _form(visit, _space_of(visit, content), content, 409, error)
    except ValueError as error:
        return await _form(visit, _space_of(visit, content), content, 400, str(error))
    return see_other(_address(visit)(edited))


async def _form(
    visit: Visit, space: Space, content: Content | None, status: int = 200, error: str = ""
) -> Response:
    """The editor: of *content*, or of a new page."""
    context = {"space.key": space.key} | ({"content.id": str(content.id)} if content else {})
    shown = None if _is_source(visit) else _field(visit, content)
    offered = await _offered(visit, context) if shown is None else []
    return visit.page(
        "wiki_edit.html",
        status,
        frames=[app for app, _ in offered],
        context=context,
        offered=[macros.offer(*each) for each in offered],
        space=space,
        content=content,
        parent=visit.form.get("parent") or visit.request.query_params.get("parent", ""),
        version=visit.form.get("version") or (content.version + 1 if content else 1),
        title=visit.text("title") or (content.title if content else ""),
        body=content.body if content and "body" not in visit.form else visit.text("body") or "",
        shown=shown,
        people=known_people(visit),
        message=visit.text("message") or "",
        back=_address(visit)(content) if content else f"/wiki/spaces/{space.key}",
        error=error,
    )


def _is_source(visit: Visit) -> bool:
    """Whether the editor is asked for, or was left, with the page as it is stored."""
    if visit.request.method == "POST":
        return visit.form.get("as") != "text"
    return visit.request.query_params.get("as") == "storage"


def _field(visit: Visit, content: Content | None) -> Field | None:
    """The page as a text; None for one that is too long for that."""
    if content is None:
        return NOTHING
    if len(content.body) > TEXT_MAX:
        return None
    document = document_of(content.body, cache(_shapes(visit).name))
    return Field(write(document), seal(content.body))


def _body(visit: Visit, content: Content | None) -> str | None:
    """The body that somebody has written, None where it stays; raises ValueError, Meanwhile."""
    if _is_source(visit):
        return visit.text("body")
    shown = _field(visit, content)
    if shown is None or (source := taken(visit, "body", shown)) is None:
        return None
    return storage_of(read(source, shown.written.kept), content.body if content else "")


async def _offered(visit: Visit, context: dict[str, str]) -> list[tuple[App, Module]]:
    """The macros of apps that this visitor may use here, by name."""
    site = visit.site
    scene = scene_of(site, Product.CONFLUENCE, context, visit.actor, visit.user)
    found = [
        (app, module)
        for app in site.confluence.apps.all()
        for module in app.modules
        if app.enabled and module.type in (macros.DYNAMIC, macros.STATIC)
    ]
    holds = await asyncio.gather(
        *(
            is_shown(Asked(site, site.confluence, app, scene, visit.actor), module)
            for app, module in found
        )
    )
    kept = [each for each, holding in zip(found, holds, strict=True) if holding]
    return sorted(kept, key=lambda each: (each[1].name, each[1].key))
