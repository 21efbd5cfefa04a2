"""Attachments of both products, in both generations of their APIs.

Which address is asked for what is a table (``PLACES``); how files are
described is read by one function for each shape.  A file's name comes from
whoever uploaded it: it is data, and nothing here makes a path of it.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeAlias, Unpack
from urllib.parse import quote, urlsplit

import msgspec

from headway.app.asks import Give, Steps
from headway.app.caller import Caller
from headway.app.downloads import Bounds, Download, SyncDownload, Transfer, Wanted
from headway.app.drivers import AsyncDriver, SyncDriver
from headway.app.failures import AnswerUnusable
from headway.app.pagination import Site, items_of, json_object, path_below, walk
from headway.app.uploads import Multipart, Progress, Source, file_of
from headway.http.answers import origin_of
from headway.model import Product
from headway.qsh import canonical_request

__all__ = ["PLACES", "Attachment", "Attachments", "Places", "SyncAttachments", "browser_address"]

_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
_HOLDER = re.compile(r"[A-Za-z0-9_-]{1,128}")
NO_CHECK = {"X-Atlassian-Token": "no-check"}
"""What says that an upload is no browser's form (the published OpenAPI documents)."""


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """A file on a site, as the host describes it.

    ``name`` is what whoever uploaded it called it; ``size`` is in bytes;
    ``holder`` is the key or id of what it hangs on, where that is known;
    ``created`` is the host's text for the time.
    """

    id: str
    name: str
    size: int
    media_type: str
    holder: str | None = None
    created: str | None = None
    version: int | None = None
    download: str | None = None


class Places(msgspec.Struct, frozen=True):
    """Where one generation of an API has attachments; *version* is what it is called."""

    version: int
    one: str
    many: str
    content: str
    thumbnail: str
    upload: str


_WIKI_THUMBNAIL = "/api/v2/attachments/{id}/thumbnail/download"
_WIKI_FILES = "/rest/api/content/{holder}/child/attachment"

PLACES: Mapping[Product, tuple[Places, ...]] = {
    Product.JIRA: tuple(
        Places(
            version,
            one=f"/rest/api/{version}/attachment/{{id}}",
            many=f"/rest/api/{version}/issue/{{holder}}?fields=attachment",
            content=f"/rest/api/{version}/attachment/content/{{id}}",
            thumbnail=f"/rest/api/{version}/attachment/thumbnail/{{id}}",
            upload=f"/rest/api/{version}/issue/{{holder}}/attachments",
        )
        for version in (3, 2)
    ),
    Product.CONFLUENCE: (
        Places(
            2,
            one="/api/v2/attachments/{id}",
            many="/api/v2/pages/{holder}/attachments",
            content="",  # where the file's own description says
            thumbnail=_WIKI_THUMBNAIL,
            upload=_WIKI_FILES,  # version 2 has none
        ),
        Places(
            1,
            one="/rest/api/content/{id}?expand=version,container",
            many=f"{_WIKI_FILES}?expand=version,container",
            content=f"{_WIKI_FILES}/{{id}}/download",
            thumbnail=_WIKI_THUMBNAIL,  # version 1 has none
            upload=_WIKI_FILES,
        ),
    ),
}
"""Each product's generations, the usual one first; paths are below the base URL."""


# ---- what a host says of a file -------------------------------------------------------------


Shape: TypeAlias = Callable[[Any, str | None], "Attachment"]


def _read(told: Any, holder: str | None, shape: Shape) -> Attachment:
    try:
        found = shape(told, holder)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise AnswerUnusable("the host describes an attachment in another way") from None
    if not _ID.fullmatch(found.id):
        raise AnswerUnusable("the host gave an attachment an id that is none")
    return found


def _of_jira(told: Any, holder: str | None) -> Attachment:
    return Attachment(
        id=str(told["id"]),
        name=str(told["filename"]),
        size=int(told["size"]),
        media_type=str(told.get("mimeType") or ""),
        holder=holder,
        created=told.get("created"),
    )


def _of_wiki_1(told: Any, holder: str | None) -> Attachment:
    more, links = told.get("extensions") or {}, told.get("_links") or {}
    container, version = told.get("container") or {}, told.get("version") or {}
    return Attachment(
        id=str(told["id"]),
        name=str(told["title"]),
        size=int(more["fileSize"]),
        media_type=str(more.get("mediaType") or ""),
        holder=str(container["id"]) if "id" in container else holder,
        created=version.get("when"),
        version=version.get("number"),
        download=links.get("download"),
    )


def _of_wiki_2(told: Any, holder: str | None) -> Attachment:
    version = told.get("version") or {}
    found = told.get("pageId") or told.get("blogPostId") or holder
    return Attachment(
        id=str(told["id"]),
        name=str(told["title"]),
        size=int(told["fileSize"]),
        media_type=str(told.get("mediaType") or ""),
        holder=None if found is None else str(found),
        created=told.get("createdAt"),
        version=version.get("number"),
        download=told.get("downloadLink"),
    )


_SHAPES: Mapping[tuple[Product, int], Shape] = {
    (Product.JIRA, 2): _of_jira,
    (Product.JIRA, 3): _of_jira,
    (Product.CONFLUENCE, 1): _of_wiki_1,
    (Product.CONFLUENCE, 2): _of_wiki_2,
}


def browser_address(base_url: str, product: Product, attachment: Attachment) -> str:
    """Where a user's own browser gets *attachment*: on the installation's origin, always.

    The user's session there counts; whoever has none logs in first.  No token
    is in it.  Raises a leaf of :class:`~headway.errors.MalformedRequest` for a
    name that has no one reading in an address, and ValueError where the host
    did not say what a page's file hangs on.

    >>> file = Attachment(id="7", name="a b.txt", size=1, media_type="text/plain")
    >>> browser_address("https://x.atlassian.net", Product.JIRA, file)
    'https://x.atlassian.net/secure/attachment/7/a%20b.txt'
    """
    _checked(_ID, attachment.id, "an attachment's id")
    name = quote(attachment.name, safe="")
    if product is Product.JIRA:
        path = f"/secure/attachment/{attachment.id}/{name}"
    else:
        holder = _checked(_HOLDER, attachment.holder or "", "the id of what a file hangs on")
        path = f"/download/attachments/{holder}/{name}"
    canonical_request("GET", path)
    # The base URL was checked when the site installed the app; a display URL was not.
    return origin_of(base_url) + urlsplit(base_url).path + path


def _checked(pattern: re.Pattern[str], text: str, what: str) -> str:
    if not pattern.fullmatch(text):
        raise ValueError(f"{what} is letters, digits and hyphens")
    return text


# ---- the steps ------------------------------------------------------------------------------


class _Files:
    """What both clients do, as steps."""

    def __init__(self, caller: Caller, version: int | None) -> None:
        product = caller.installation.product
        known = PLACES[product]
        found = next((p for p in known if version in (None, p.version)), None)
        if found is None:
            versions = " and ".join(str(p.version) for p in known)
            raise ValueError(f"attachments of {product} are in versions {versions} of its API")
        self._caller = caller
        self.product = product
        self._places = found
        self._shape = _SHAPES[product, found.version]

    def _path(self, form: str, attachment_id: str = "", holder: str = "") -> str:
        return form.format(id=attachment_id, holder=holder)

    def get(self, attachment_id: str) -> Steps[Attachment]:
        _checked(_ID, attachment_id, "an attachment's id")
        out = self._caller.outgoing("GET", self._path(self._places.one, attachment_id), {})
        answer = yield from self._caller.call(out)
        return _read(json_object(answer), None, self._shape)

    def list(self, holder: str, *, blog_post: bool = False) -> Steps[None]:
        _checked(_HOLDER, holder, "the key or id of what files hang on")
        path = self._path(self._places.many, holder=holder)
        if blog_post:
            path = path.replace("/pages/", "/blogposts/")
        out = self._caller.outgoing("GET", path, {})
        if self.product is Product.JIRA:
            return self._of_issue(out, holder)
        return self._of_page(out, holder)

    def _of_issue(self, out: Any, holder: str) -> Steps[None]:
        answer = yield from self._caller.call(out)
        fields = json_object(answer).get("fields")
        for told in items_of(fields if isinstance(fields, dict) else {}, "attachment"):
            yield Give(_read(told, holder, self._shape))

    def _of_page(self, out: Any, holder: str) -> Steps[None]:
        site = Site(self._caller.installation.base_url, self._caller.address, self._caller.call)
        return walk(
            out, site, lambda page: [_read(told, holder, self._shape) for told in items_of(page)]
        )

    def content(self, file: Attachment | str, wanted: Wanted) -> Steps[Transfer]:
        """The download of *file*, begun."""
        attachment_id = file if isinstance(file, str) else file.id
        _checked(_ID, attachment_id, "an attachment's id")
        if self.product is Product.JIRA:
            path = self._path(self._places.content, attachment_id)
        else:
            if isinstance(file, str):
                file = yield from self.get(file)
            path = self._content_of(file)
        return (yield from self._begun(path, wanted))

    def _content_of(self, file: Attachment) -> str:
        if self._places.content:
            holder = _checked(_HOLDER, file.holder or "", "the id of what a file hangs on")
            return self._path(self._places.content, file.id, holder)
        if file.download is None:
            raise AnswerUnusable("the host does not say where the file is")
        return path_below(self._caller.installation.base_url, file.download)

    def thumbnail(
        self, file: Attachment | str, width: int | None, height: int | None, wanted: Wanted
    ) -> Steps[Transfer]:
        attachment_id = file if isinstance(file, str) else file.id
        _checked(_ID, attachment_id, "an attachment's id")
        sizes = {"width": width, "height": height}
        query = "&".join(f"{name}={int(n)}" for name, n in sizes.items() if n is not None)
        path = self._path(self._places.thumbnail, attachment_id)
        return (yield from self._begun(f"{path}?{query}" if query else path, wanted))

    def _begun(self, path: str, wanted: Wanted) -> Steps[Transfer]:
        transfer = Transfer(self._caller, self._caller.address(path), wanted)
        yield from transfer.begin()
        return transfer

    def upload(
        self, holder: str, body: Multipart, content: Any, *, replace: bool
    ) -> Steps[Attachment]:
        _checked(_HOLDER, holder, "the key or id of what files hang on")
        if replace and self.product is Product.JIRA:
            raise ValueError("Jira replaces no attachment: each upload is a new one")
        out = self._caller.outgoing(
            "PUT" if replace else "POST",
            self._path(self._places.upload, holder=holder),
            {"content": content, "headers": {**NO_CHECK, **body.headers}},
        )
        answer = yield from self._caller.call(out)
        try:
            told = msgspec.json.decode(answer.content)
        except (msgspec.DecodeError, RecursionError):
            told = None
        found = told.get("results") if isinstance(told, dict) else told
        if not isinstance(found, list) or len(found) != 1:
            raise AnswerUnusable("the host did not say what became of the file")
        shape = _of_jira if self.product is Product.JIRA else _of_wiki_1
        return _read(found[0], holder, shape)


def _wanted(file: Attachment | str, bounds: Bounds) -> Wanted:
    said: Bounds = {} if isinstance(file, str) else {"size": file.size}
    return Wanted(**(said | bounds))


def _fields(comment: str | None, product: Product) -> dict[str, str]:
    if comment is None:
        return {}
    if product is Product.JIRA:
        raise ValueError("Jira takes no comment with a file")
    return {"comment": comment}


# ---- for whoever calls ----------------------------------------------------------------------


class Attachments:
    """The attachments of one site: ``host.attachments``.

    A file is an :class:`Attachment`, or its id.
    """

    def __init__(self, caller: Caller, version: int | None = None) -> None:
        self._caller = caller
        self._files = _Files(caller, version)

    def version(self, version: int) -> Attachments:
        """The same in another generation of the API: 2 or 3 in Jira, 1 or 2 in Confluence."""
        return Attachments(self._caller, version)

    async def get(self, attachment_id: str) -> Attachment:
        """What the host says of one."""
        async with AsyncDriver(self._caller.shared.connections) as driver:
            return await driver.run(self._files.get(attachment_id))

    async def list(self, holder: str, *, blog_post: bool = False) -> AsyncIterator[Attachment]:
        """Those of an issue (key or id), or of a page (id); *blog_post* says which it is."""
        async with AsyncDriver(self._caller.shared.connections) as driver:
            async for found in driver.stream(self._files.list(holder, blog_post=blog_post)):
                yield found

    @asynccontextmanager
    async def download(
        self, file: Attachment | str, **bounds: Unpack[Bounds]
    ) -> AsyncIterator[Download]:
        """The file as a stream; *bounds* are those of :class:`~headway.app.downloads.Wanted`.

        Raises :class:`~headway.app.failures.DownloadFailed` unless it begins.
        """
        async with AsyncDriver(self._caller.shared.connections) as driver:
            steps = self._files.content(file, _wanted(file, bounds))
            transfer = await driver.run(steps)
            yield Download(transfer, driver, None if isinstance(file, str) else file.name)

    @asynccontextmanager
    async def thumbnail(
        self,
        file: Attachment | str,
        *,
        width: int | None = None,
        height: int | None = None,
        **bounds: Unpack[Bounds],
    ) -> AsyncIterator[Download]:
        """A small picture of it, at most *width* by *height* pixels."""
        async with AsyncDriver(self._caller.shared.connections) as driver:
            steps = self._files.thumbnail(file, width, height, Wanted(**bounds))
            yield Download(await driver.run(steps), driver, None)

    async def upload(
        self,
        holder: str,
        source: Source,
        *,
        name: str | None = None,
        media_type: str | None = None,
        size: int | None = None,
        comment: str | None = None,
        replace: bool = False,
        progress: Progress | None = None,
    ) -> Attachment:
        """Attach *source* to an issue or a page; it is streamed, and tried once.

        In Confluence a *comment* may come along, and *replace* makes a new
        version of a file of this name.  *size* are the bytes of an iterator,
        where they are known.
        """
        file = file_of(source, name, media_type, size)
        body = Multipart(file, _fields(comment, self._files.product), progress)
        async with AsyncDriver(self._caller.shared.connections) as driver:
            steps = self._files.upload(holder, body, body.ablocks(), replace=replace)
            return await driver.run(steps)

    def send_user_to(self, file: Attachment) -> str:
        """Where to redirect a user's browser for it; see :func:`browser_address`."""
        installation = self._caller.installation
        return browser_address(installation.base_url, installation.product, file)


class SyncAttachments:
    """The same for code that waits; see :class:`Attachments`."""

    def __init__(self, caller: Caller, version: int | None = None) -> None:
        self._caller = caller
        self._files = _Files(caller, version)

    def version(self, version: int) -> SyncAttachments:
        """The same in another generation of the API; see :meth:`Attachments.version`."""
        return SyncAttachments(self._caller, version)

    def get(self, attachment_id: str) -> Attachment:
        """What the host says of one."""
        with SyncDriver(self._caller.shared.connections) as driver:
            return driver.run(self._files.get(attachment_id))

    def list(self, holder: str, *, blog_post: bool = False) -> Iterator[Attachment]:
        """Those of an issue or a page; see :meth:`Attachments.list`."""
        with SyncDriver(self._caller.shared.connections) as driver:
            yield from driver.stream(self._files.list(holder, blog_post=blog_post))

    @contextmanager
    def download(self, file: Attachment | str, **bounds: Unpack[Bounds]) -> Iterator[SyncDownload]:
        """The file as a stream; see :meth:`Attachments.download`."""
        with SyncDriver(self._caller.shared.connections) as driver:
            steps = self._files.content(file, _wanted(file, bounds))
            transfer = driver.run(steps)
            yield SyncDownload(transfer, driver, None if isinstance(file, str) else file.name)

    @contextmanager
    def thumbnail(
        self,
        file: Attachment | str,
        *,
        width: int | None = None,
        height: int | None = None,
        **bounds: Unpack[Bounds],
    ) -> Iterator[SyncDownload]:
        """A small picture of it; see :meth:`Attachments.thumbnail`."""
        with SyncDriver(self._caller.shared.connections) as driver:
            steps = self._files.thumbnail(file, width, height, Wanted(**bounds))
            yield SyncDownload(driver.run(steps), driver, None)

    def upload(
        self,
        holder: str,
        source: Source,
        *,
        name: str | None = None,
        media_type: str | None = None,
        size: int | None = None,
        comment: str | None = None,
        replace: bool = False,
        progress: Progress | None = None,
    ) -> Attachment:
        """Attach *source* to an issue or a page; see :meth:`Attachments.upload`."""
        file = file_of(source, name, media_type, size)
        body = Multipart(file, _fields(comment, self._files.product), progress)
        with SyncDriver(self._caller.shared.connections) as driver:
            steps = self._files.upload(holder, body, body.blocks(), replace=replace)
            return driver.run(steps)

    def send_user_to(self, file: Attachment) -> str:
        """Where to redirect a user's browser for it; see :func:`browser_address`."""
        installation = self._caller.installation
        return browser_address(installation.base_url, installation.product, file)
