"""One call of Confluence's REST API: what it names, and what its caller may see."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

import sqlalchemy as sa
from starlette.responses import JSONResponse, Response

from headway.errors import BodyTooLarge
from headway.host import macros
from headway.host.rest.call import Answering, Call, Rejected
from headway.host.shapes import Json
from headway.host.uploads import Upload, read_uploads_and_texts
from headway.host.wiki_shapes import VIEWS, Expand, WikiShapes, expansions
from headway.host.world import Content, Space
from headway.host.world.rows import Order, Where
from headway.host.world.wiki import ContentKind, Stale, Status, contents

__all__ = ["NO_CONTENT", "NO_SPACE", "WikiCall", "wiki"]

LIMIT, LIMIT_MAX = 25, 250
"""Things on a page, if nothing is said, and at most."""

NO_CHECK = frozenset({"no-check", "nocheck"})
NO_CONTENT = "No content found with id: ContentId{{id={}}}"
NO_SPACE = "No space with key : {}"
_ID = re.compile(r"(?:att)?([0-9]{1,18})")


class WikiCall:
    """One call by somebody who may make it."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self.site = call.site
        self.world = call.site.world
        self.request = call.request
        self.query = call.request.query_params
        self.params: Mapping[str, str] = call.request.path_params
        self.actor = call.actor
        self.account = call.actor.account_id
        self.author = call.author
        self.base_url = f"{call.site.base_url}/wiki"

    # ---- who sees what ----------------------------------------------------------------------

    @cached_property
    def spaces(self) -> list[Space]:
        """The spaces that the caller may read, by key."""
        return self.site.rights.spaces(self.actor)

    @cached_property
    def visible(self) -> Where:
        """What content the caller may read, as a condition."""
        return self.world.marks.visible([space.id for space in self.spaces], self.account)

    def may(self, content: Content) -> frozenset[str]:
        """What the caller may do with content."""
        return self.site.rights.on_content(self.account, content)

    @cached_property
    def shapes(self) -> WikiShapes:
        """How things are written for this caller."""
        apps = self._call.tenant.apps
        return WikiShapes(self.world, apps, self.base_url, self.visible, self.may)

    def look_again(self) -> None:
        """Forget who may see what: this call has changed it."""
        for name in ("spaces", "visible", "shapes"):
            self.__dict__.pop(name, None)

    # ---- what the path names ----------------------------------------------------------------

    def content(
        self,
        right: str = "read",
        name: str = "id",
        statuses: Collection[Status] = (Status.CURRENT,),
    ) -> Content:
        """The content that the path names, if the caller has *right* on it."""
        wanted = self.params[name]
        found = self.found(wanted, statuses)
        if found is None:
            raise self.unseen(NO_CONTENT.format(wanted[:20]))
        self.check(right, self.may(found))
        return found

    def found(
        self, wanted: object, statuses: Collection[Status] = (Status.CURRENT,)
    ) -> Content | None:
        """The content with this id, if the caller may read it."""
        matched = _ID.fullmatch(str(wanted))
        if matched is None:
            return None
        is_it = sa.and_(contents.c.id == int(matched[1]), contents.c.status.in_(statuses))
        return next(iter(self.world.wiki.find(sa.and_(is_it, self.visible), limit=1)), None)

    def space(self, right: str = "read", name: str = "space") -> Space:
        """The space that the path names, if the caller has *right* in it."""
        return self.space_with(self.params[name], right)

    def space_with(self, key: object, right: str = "read") -> Space:
        """The space with this key, if the caller has *right* in it."""
        found = next((space for space in self.spaces if space.key == key), None)
        if found is None:
            raise self.unseen(NO_SPACE.format(str(key)[:50]))
        self.check(right, self.site.rights.in_space(self.actor, found))
        return found

    def check(self, right: str, may: frozenset[str]) -> None:
        """Raises Rejected unless *right* is among what the caller may."""
        if right in may:
            return
        if self.account is None:
            raise self.unseen("")
        raise self.no(403, f"Not permitted to {right} this: {self.account}")

    # ---- saying no --------------------------------------------------------------------------

    def unseen(self, message: str) -> Rejected:
        """Not found; whoever is nobody is not even told that."""
        return self._call.unseen(message)

    def no(self, status: int, message: str) -> Rejected:
        """An answer that says no."""
        return self._call.no(status, message)

    # ---- what comes in ----------------------------------------------------------------------

    async def body(self) -> Mapping[str, Any]:
        """The request's JSON object."""
        return await self._call.body()

    async def json(self) -> Any:
        """The request's JSON, whatever it is."""
        return await self._call.json()

    async def uploads(self) -> tuple[list[Upload], dict[str, str]]:
        """The files and the texts of a form that no page of another site can have sent."""
        if self.request.headers.get("x-atlassian-token", "").lower() not in NO_CHECK:
            raise self.no(403, "XSRF check failed")
        limit = self.site.settings.upload_limit
        try:
            return await read_uploads_and_texts(self.request, limit)
        except BodyTooLarge:
            raise self.no(413, f"The files have more than {limit} bytes.") from None
        except ValueError as error:
            raise self.no(400, f"The upload is refused: {error}.") from None

    @cached_property
    def expand(self) -> Expand:
        """What is to be expanded."""
        return expansions(self.query.getlist("expand"))

    def number(self, name: str, usual: int, most: int, least: int = 0) -> int:
        """A parameter that is a number; one above *most* counts as that."""
        text = self.query.get(name) or str(usual)
        if not text.isascii() or not text.isdigit() or len(text) > 9 or int(text) < least:
            raise self.no(400, f"{name} is a number of at least {least}.")
        return min(int(text), most)

    # ---- what goes out ----------------------------------------------------------------------

    async def shown(self, found: Iterable[Content], expand: Expand | None = None) -> list[Json]:
        """Content as JSON, with the HTML of its bodies where that is asked for."""
        every, expand = list(found), self.expand if expand is None else expand
        if any(name in expand.get("body", {}) for name in VIEWS):
            for content in every:
                self.shapes.views[content.id] = await self.html(content)
        return [self.shapes.content(content, expand) for content in every]

    async def html(self, content: Content) -> str:
        """The body of content as HTML."""
        if content.kind is ContentKind.ATTACHMENT:
            return ""
        tenant, links = self._call.tenant, self.shapes.links(content)
        return await macros.body_html(tenant, self.world, content, links, self.account)

    async def one(self, content: Content, expand: Expand, status: int = 200) -> Response:
        """One content as an answer."""
        return self.answer((await self.shown([content], expand))[0], status)

    def answer(self, shape: Json, status: int = 200) -> Response:
        """JSON with the links that stand at the top of each answer."""
        top = {"base": self.base_url, "context": "/wiki", **shape.get("_links", {})}
        return JSONResponse({**shape, "_links": top}, status)

    async def page(self, where: Where, order: Collection[Order] = (contents.c.id,)) -> Response:
        """A page of the content that *where* holds for and the caller may read."""
        return self.answer(await self.page_shape(where, order))

    async def page_shape(self, where: Where, order: Collection[Order] = (contents.c.id,)) -> Json:
        """The same as JSON."""
        start, limit = self.start_and_limit()
        here = sa.and_(where, self.visible)
        found = self.world.wiki.find(here, order, start, limit + 1)
        return self.paged(await self.shown(found[:limit]), start, limit, len(found) > limit)

    def page_of(self, every: Sequence[Json]) -> Response:
        """A page of a list that is there as a whole."""
        start, limit = self.start_and_limit()
        more = len(every) > start + limit
        return self.answer(self.paged(list(every[start : start + limit]), start, limit, more))

    def start_and_limit(self) -> tuple[int, int]:
        """The first thing of a page, from 0 on, and how many it has."""
        return self.number("start", 0, 10**9), self.number("limit", LIMIT, LIMIT_MAX, 1)

    def paged(
        self, results: list[Json], start: int, limit: int, more: bool, **members: Any
    ) -> Json:
        """One page, with links to the ones beside it."""
        links = {"self": f"{self.base_url}{self._path}"}
        if more:
            links["next"] = self._beside(start + limit, limit)
        if start > 0:
            links["prev"] = self._beside(max(0, start - limit), limit)
        shape = {"results": results, "start": start, "limit": limit, "size": len(results)}
        return {**shape, **members, "_links": links}

    @property
    def _path(self) -> str:
        return self.request.url.path.removeprefix("/wiki")

    def _beside(self, start: int, limit: int) -> str:
        kept = [pair for pair in self.query.multi_items() if pair[0] not in PAGING]
        return f"{self._path}?{urlencode([*kept, ('limit', limit), ('start', start)])}"


PAGING = ("start", "limit", "cursor", "jwt")
"""Parameters that a link to another page says itself, or must not repeat."""


def wiki(answer: Callable[[WikiCall], Awaitable[Response]]) -> Answering:
    """*answer* as the table of endpoints takes it; what the world refuses is the caller's fault."""

    async def handle(call: Call) -> Response:
        try:
            return await answer(WikiCall(call))
        except Stale as error:
            raise call.no(409, str(error)) from None
        except ValueError as error:
            raise call.no(400, str(error)) from None

    return handle
