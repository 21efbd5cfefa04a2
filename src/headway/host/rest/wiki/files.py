"""Files that hang on pages: list, upload, other data, description, the way to the bytes."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa
from starlette.responses import RedirectResponse, Response

from headway.host.rest.call import Endpoint
from headway.host.rest.wiki.call import NO_CONTENT, WikiCall, wiki
from headway.host.uploads import filename_of
from headway.host.wiki_shapes import below, expansions
from headway.host.world import Content
from headway.host.world.files import attachments
from headway.host.world.rows import Where
from headway.host.world.wiki import ContentKind, contents

__all__ = ["ENDPOINTS"]

WRITTEN = expansions(["version,container,metadata"])
HOLDERS = (ContentKind.PAGE, ContentKind.BLOG_POST)


def _file(call: WikiCall, right: str = "read") -> Content:
    """The file that the path names, which hangs on the content that it names."""
    container, file = call.content(), call.content(right, name="attachment")
    if file.kind is not ContentKind.ATTACHMENT or file.container_id != container.id:
        raise call.unseen(NO_CONTENT.format(call.params["attachment"][:20]))
    return file


async def _list(call: WikiCall) -> Response:
    where: list[Where] = [below(call.content(), ContentKind.ATTACHMENT)]
    if name := call.query.get("filename"):
        where.append(contents.c.title == name)
    if wanted := call.query.get("mediaType"):
        of_type = sa.select(attachments.c.id).where(attachments.c.media_type == wanted)
        where.append(contents.c.file_id.in_(of_type))
    return await call.page(sa.and_(*where))


async def _create(call: WikiCall) -> Response:
    return await _upload(call, again=False)


async def _create_or_update(call: WikiCall) -> Response:
    return await _upload(call, again=True)


async def _upload(call: WikiCall, *, again: bool) -> Response:
    container = call.content("create")
    if container.kind not in HOLDERS:
        raise call.no(400, "Files hang on pages and blog posts.")
    uploads, texts = await call.uploads()
    wiki_, comment = call.world.wiki, texts.get("comment", "")
    there = [wiki_.file_named(container, upload.filename) for upload in uploads]
    if any(there) and not again:
        names = ", ".join(upload.filename for upload in uploads)
        raise call.no(400, f"Cannot add a new attachment with same file name as: {names}")
    made = [
        wiki_.new_data(old, media_type, data, call.author, comment or None)
        if old
        else wiki_.add_file(container, filename, media_type, data, call.author, comment)
        for old, (filename, media_type, data) in zip(there, uploads, strict=True)
    ]
    shapes = await call.shown(made, call.expand or WRITTEN)
    return call.answer(call.paged(shapes, 0, max(len(shapes), 1), more=False))


async def _new_data(call: WikiCall) -> Response:
    file = _file(call, "update")
    uploads, texts = await call.uploads()
    if len(uploads) != 1:
        raise call.no(400, "One file is the new data.")
    _, media_type, data = uploads[0]
    comment = texts.get("comment")
    after = call.world.wiki.new_data(file, media_type, data, call.author, comment)
    return await call.one(after, call.expand or WRITTEN)


async def _update(call: WikiCall) -> Response:
    file, body = _file(call, "update"), await call.body()
    version, metadata = body.get("version"), body.get("metadata")
    number = version.get("number") if isinstance(version, Mapping) else None
    comment = metadata.get("comment") if isinstance(metadata, Mapping) else None
    title = body.get("title")
    if not isinstance(number, int):
        raise call.no(400, "version.number is the number of the latest version, plus one.")
    if not isinstance(title, str | None) or not isinstance(comment, str | None):
        raise call.no(400, "title and metadata.comment are texts.")
    title = filename_of(title) if title is not None else None
    renamed = title is not None and title != file.title
    container = call.content()
    if renamed and call.world.wiki.file_named(container, title or "") is not None:
        raise call.no(400, "A file of this name is there already.")
    after = call.world.wiki.edit(file, call.author, version=number, title=title, body=comment)
    return await call.one(after, call.expand or WRITTEN)


async def _download(call: WikiCall) -> Response:
    file = _file(call)
    number = call.number("version", file.version, 10**9)
    version = call.world.wiki.revision(file.id, number or file.version)
    kept = call.world.wiki.file(version) if version else None
    if kept is None:
        raise call.no(404, f"There is no version {number} of this file.")
    return RedirectResponse(call.site.media.url(kept), 302)


_FILES = "/wiki/rest/api/content/{id}/child/attachment"

ENDPOINTS = (
    Endpoint("GET", _FILES, wiki(_list)),
    Endpoint("POST", _FILES, wiki(_create)),
    Endpoint("PUT", _FILES, wiki(_create_or_update)),
    Endpoint("PUT", f"{_FILES}/{{attachment}}", wiki(_update)),
    Endpoint("POST", f"{_FILES}/{{attachment}}/data", wiki(_new_data)),
    Endpoint("GET", f"{_FILES}/{{attachment}}/download", wiki(_download)),
)
