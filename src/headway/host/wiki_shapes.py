"""What the wiki's content looks like in the JSON of Confluence's REST API, version 1.

Members that were not asked for by ``expand`` are named in ``_expandable``.
Links are relative to the product's address, as the host has them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import quote, quote_plus

import sqlalchemy as sa

from headway.host.body_view import Links
from headway.host.shapes import Json
from headway.host.world import Content, Space, World
from headway.host.world.marks import GROUP, Label, Property, of_content
from headway.host.world.rows import Where
from headway.host.world.wiki import ContentKind, Revision, Status, contents

if TYPE_CHECKING:
    from headway.host.apps import Apps

__all__ = ["Expand", "WikiShapes", "content_id", "expansions", "instant"]

Expand: TypeAlias = "dict[str, Expand]"
"""What is to be expanded, and what within it."""

EXPAND_MAX = 2_000  # characters
CHILDREN_MAX = 25
"""How many children are written within their parent."""

BODIES = ("view", "export_view", "styled_view", "storage")
VIEWS = BODIES[:3]
OPERATIONS = ("read", "update", "delete")
SPACE_PARTS = (
    *("settings", "metadata", "operations", "lookAndFeel", "permissions", "icon"),
    *("description", "theme", "history", "homepage", "identifiers"),
)


class WikiShapes:
    """Writes values as JSON for one caller, who reads what *visible* holds for.

    *may* tells what the caller may do with content; *views* has the HTML of
    bodies, by the id of content, where that was asked for.
    """

    def __init__(
        self,
        world: World,
        apps: Apps | None,
        base_url: str,
        visible: Where,
        may: Callable[[Content], frozenset[str]] = lambda _: frozenset(),
        views: Mapping[int, str] | None = None,
    ) -> None:
        self._world = world
        self._apps = apps
        self._base_url = base_url
        self._visible = visible
        self._may = may
        self.views = dict(views or {})

    # ---- people -----------------------------------------------------------------------------

    def person(self, account_id: str, operations: list[Json] | None = None) -> Json:
        """A user, or the user that an app acts as."""
        user = self._world.people.user(account_id)
        app = self._apps.by_account(account_id) if self._apps else None
        name = user.display_name if user else app.name if app else "Former user"
        shape: Json = {
            "type": "known",
            "accountId": account_id,
            "accountType": "atlassian" if user else "app",
            "email": "",
            "publicName": name,
            "displayName": name,
            "profilePicture": PICTURE,
            "isExternalCollaborator": False,
        }
        if operations is not None:
            shape["operations"] = operations
        hidden = ("personalSpace",) if operations is not None else ("operations", "personalSpace")
        links = {"self": self._self(f"user?accountId={quote_plus(account_id)}")}
        return {**shape, "_expandable": dict.fromkeys(hidden, ""), "_links": links}

    def is_app(self, account_id: str) -> bool:
        """Whether an installed app acts as this account."""
        return self._apps is not None and self._apps.by_account(account_id) is not None

    def name(self, account_id: str) -> str:
        """What somebody is called."""
        return str(self.person(account_id)["displayName"])

    # ---- content ----------------------------------------------------------------------------

    def content(
        self, content: Content, expand: Expand | None = None, revision: Revision | None = None
    ) -> Json:
        """Content, or one of its versions."""
        expand = expand or {}
        shape: Json = {
            "id": content_id(content),
            "type": content.kind,
            "status": "historical" if revision else content.status,
            "title": revision.title if revision else content.title,
            "macroRenderedOutput": {},
            "extensions": self._extensions(content, revision),
        }
        parts: Mapping[str, Callable[[Expand], Any]] = {
            "space": lambda within: self._space_of(content, within),
            "history": lambda within: self.history(content, within),
            "version": lambda _: self.version(content, revision or content),
            "ancestors": lambda within: self._ancestors(content, within),
            "container": lambda within: self._container(content, within),
            "body": lambda within: self._body(content, revision, within),
            "children": lambda within: self.children(content, within),
            "descendants": lambda within: self.descendants(content, within),
            "childTypes": lambda _: self._child_types(content),
            "metadata": lambda within: self._metadata(content, within),
            "operations": lambda _: self._operations(content),
            "restrictions": lambda within: self.restrictions(content, within),
        }
        shape |= {name: part(expand[name]) for name, part in parts.items() if name in expand}
        hidden = {name: "" for name in parts if name not in expand}
        return {**shape, "_expandable": hidden, "_links": self._content_links(content)}

    def _space_of(self, content: Content, expand: Expand) -> Json | None:
        space = self._world.spaces.space_by_id(content.space_id)
        return self.space(space, expand) if space else None

    def _extensions(self, content: Content, revision: Revision | None) -> Json:
        if content.kind is ContentKind.COMMENT:
            return {"location": "footer"}
        if content.kind is not ContentKind.ATTACHMENT:
            return {"position": "none"}
        file = self._world.wiki.file(revision or content)
        return {
            "mediaType": file.media_type if file else "",
            "fileSize": file.size if file else 0,
            "comment": revision.body if revision else content.body,
            "fileId": str(content.file_id),
            "collectionName": f"contentId-{content.container_id}",
        }

    def history(self, content: Content, expand: Expand) -> Json:
        """When content was made and changed."""
        before = self._world.wiki.revision(content.id, content.version - 1)
        editors = dict.fromkeys(r.editor for r in self._world.wiki.revisions(content.id))
        parts: Mapping[str, Any] = {
            "lastUpdated": self.version(content, content),
            "previousVersion": self.version(content, before) if before else None,
            "contributors": {
                "publishers": {
                    "users": [self.person(editor) for editor in editors],
                    "userKeys": list(editors),
                }
            },
            "nextVersion": None,
        }
        shown = {name: part for name, part in parts.items() if name in expand and part}
        return {
            "latest": True,
            "createdBy": self.person(content.author),
            "createdDate": instant(content.created),
            **shown,
            "_expandable": {name: "" for name in parts if name not in expand},
            "_links": {"self": self._self(f"content/{content_id(content)}/history")},
        }

    def version(self, content: Content, version: Content | Revision) -> Json:
        """One version of content."""
        path = f"content/{content_id(content)}/version/{version.version}"
        return {
            "by": self.person(version.editor),
            "when": instant(version.updated),
            "friendlyWhen": f"{datetime.fromtimestamp(version.updated, UTC):%b %d, %Y}",
            "message": version.message,
            "number": version.version,
            "minorEdit": version.minor,
            "_expandable": {"collaborators": "", "content": f"/rest/api/{path}"},
            "_links": {"self": self._self(path)},
        }

    def _ancestors(self, content: Content, expand: Expand) -> list[Json]:
        if content.kind is not ContentKind.PAGE:
            return []
        return [self.content(page, expand) for page in self._world.wiki.ancestors(content)]

    def _container(self, content: Content, expand: Expand) -> Json | None:
        if content.container_id is None:
            return self._space_of(content, expand)
        container = self._world.wiki.content(content.container_id)
        return self.content(container, expand) if container else None

    def _body(self, content: Content, revision: Revision | None, expand: Expand) -> Json:
        if content.kind is ContentKind.ATTACHMENT:
            return {"_expandable": dict.fromkeys(BODIES, "")}
        stored = revision.body if revision else content.body
        shape = {
            name: {
                "value": stored if name == "storage" else self.views.get(content.id, ""),
                "representation": name,
                "embeddedContent": [],
                "_expandable": {"content": f"/rest/api/content/{content_id(content)}"},
            }
            for name in BODIES
            if name in expand
        }
        hidden = {name: "" for name in BODIES if name not in expand}
        return {**shape, "_expandable": hidden}

    def children(self, content: Content, expand: Expand) -> Json:
        """What is directly below content, by kind."""
        return self._by_kind(content, expand, "child", below)

    def descendants(self, content: Content, expand: Expand) -> Json:
        """What is anywhere below content, by kind."""
        return self._by_kind(content, expand, "descendant", far_below)

    def _by_kind(
        self,
        content: Content,
        expand: Expand,
        word: str,
        inside: Callable[[Content, ContentKind], Where],
    ) -> Json:
        path = f"/rest/api/content/{content_id(content)}/{word}"
        kinds = (ContentKind.ATTACHMENT, ContentKind.COMMENT, ContentKind.PAGE)
        shape: Json = {}
        for kind in kinds:
            if kind in expand:
                where = sa.and_(inside(content, kind), self._visible)
                found = self._world.wiki.find(where, limit=CHILDREN_MAX)
                shape[kind] = {
                    "results": [self.content(child, expand[kind]) for child in found],
                    "start": 0,
                    "limit": CHILDREN_MAX,
                    "size": len(found),
                    "_links": {"self": f"{self._base_url}{path}/{kind}"},
                }
        hidden = {kind: f"{path}/{kind}" for kind in kinds if kind not in expand}
        return {**shape, "_expandable": hidden, "_links": {"self": f"{self._base_url}{path}"}}

    def _child_types(self, content: Content) -> Json:
        def has(kind: ContentKind) -> bool:
            return self._world.wiki.count(sa.and_(below(content, kind), self._visible)) > 0

        path = f"content/{content_id(content)}/child"
        kinds = (ContentKind.ATTACHMENT, ContentKind.COMMENT, ContentKind.PAGE)
        return {
            kind: {"value": has(kind), "_links": {"self": self._self(f"{path}/{kind}")}}
            for kind in kinds
        }

    def _metadata(self, content: Content, expand: Expand) -> Json:
        shape: Json = {}
        if "labels" in expand:
            shape["labels"] = self.labels(self._world.marks.labels(content.id))
        if "properties" in expand:
            wanted = expand["properties"]
            shape["properties"] = {
                found.key: self.property(found, content)
                for found in self._world.marks.properties(of_content(content.id))
                if found.key in wanted
            }
        if content.kind is ContentKind.ATTACHMENT:
            file = self._world.wiki.file(content)
            shape |= {"comment": content.body, "mediaType": file.media_type if file else ""}
        hidden = [name for name in ("labels", "properties", "currentuser") if name not in shape]
        return {**shape, "_expandable": dict.fromkeys(hidden, "")}

    def _operations(self, content: Content) -> list[Json]:
        may = self._may(content)
        return [
            {"operation": operation, "targetType": content.kind}
            for operation in OPERATIONS
            if operation in may
        ]

    def restrictions(self, content: Content, expand: Expand) -> Json:
        """Who alone may read and update content; nobody in a list is everybody."""
        wanted = [name for name in ("read", "update") if name in expand]
        path = f"content/{content_id(content)}/restriction/byOperation"
        shape: Json = {name: self.restriction(content, name) for name in wanted}
        hidden = {n: f"/rest/api/{path}/{n}" for n in ("read", "update") if n not in wanted}
        return {**shape, "_expandable": hidden, "_links": {"self": self._self(path)}}

    def restriction(self, content: Content, operation: str) -> Json:
        """Who alone may do one operation."""
        only = sorted(self._world.marks.restricted_to(content.id, operation))
        path = f"content/{content_id(content)}"
        names = [name.removeprefix(GROUP) for name in only if name.startswith(GROUP)]
        people = [
            self.person(account_id) for account_id in only if not account_id.startswith(GROUP)
        ]
        found = (self._world.people.group(name) for name in names)
        groups = [{"type": "group", "name": g.name, "id": g.group_id} for g in found if g]
        return {
            "operation": operation,
            "restrictions": {
                kind: {
                    "results": listed,
                    "start": 0,
                    "limit": max(len(listed), 100),
                    "size": len(listed),
                }
                for kind, listed in (("user", people), ("group", groups))
            },
            "_expandable": {"content": f"/rest/api/{path}"},
            "_links": {"self": self._self(f"{path}/restriction/byOperation/{operation}")},
        }

    def _content_links(self, content: Content) -> Json:
        links = {"self": self._self(f"content/{content_id(content)}"), "webui": self.page(content)}
        if content.kind is ContentKind.ATTACHMENT:
            links["download"] = self.download(content)
        return links

    def download(self, content: Content) -> str:
        """The address of a file's bytes in the API, relative to the product's."""
        path = f"content/{content.container_id}/child/attachment/{content_id(content)}"
        return f"/rest/api/{path}/download"

    def page(self, content: Content) -> str:
        """Where people look at content, relative to the product's address."""
        if content.container_id is not None:
            container = self._world.wiki.content(content.container_id)
            path = self.page(container) if container else ""
            part = "#attachments" if content.kind is ContentKind.ATTACHMENT else "#comments"
            return path + part
        space = self._world.spaces.space_by_id(content.space_id)
        key = quote(space.key, safe="~") if space else ""
        title = quote_plus(content.title, safe="")
        if content.kind is ContentKind.BLOG_POST:
            day = f"{datetime.fromtimestamp(content.created, UTC):%Y/%m/%d}"
            return f"/spaces/{key}/blog/{day}/{content.id}/{title}"
        return f"/spaces/{key}/pages/{content.id}/{title}"

    def links(self, content: Content) -> Links:
        """Where things are that the body of *content* names; they are paths of the site."""
        wiki, context = self._world.wiki, CONTEXT
        container = content
        if content.container_id is not None:
            container = wiki.content(content.container_id) or content

        def page(title: str, space_key: str | None) -> str | None:
            space_id: int | None = content.space_id
            if space_key is not None:
                space = self._world.spaces.space(space_key)
                space_id = space.id if space else None
            titled = sa.and_(contents.c.title == title, contents.c.kind == ContentKind.PAGE)
            here = sa.and_(titled, contents.c.space_id == space_id)
            current = contents.c.status == Status.CURRENT
            found = wiki.find(sa.and_(here, current, self._visible), limit=1)
            return context + self.page(found[0]) if found else None

        def file(name: str) -> str | None:
            if wiki.file_named(container, name) is None:
                return None
            return f"{context}/download/attachments/{container.id}/{quote(name, safe='')}"

        return Links(page, file, self.name)

    # ---- spaces -----------------------------------------------------------------------------

    def space(self, space: Space, expand: Expand | None = None) -> Json:
        """A space."""
        expand = expand or {}
        shape: Json = {
            "id": space.id,
            "key": space.key,
            "name": space.name,
            "type": "personal" if space.key.startswith("~") else "global",
            "status": "current",
        }
        if "homepage" in expand:
            homepage = self._world.wiki.content(space.homepage_id or 0)
            seen = homepage is not None and self._sees(homepage)
            shape["homepage"] = self.content(homepage) if homepage and seen else None
        if "description" in expand:
            shape["description"] = self._description(space, expand["description"])
        if "history" in expand:
            created = {"createdBy": self.person(space.author)}
            shape["history"] = {"createdDate": instant(space.created), **created}
        if "icon" in expand:
            shape["icon"] = PICTURE
        if "metadata" in expand:
            shape["metadata"] = {"labels": self.labels([]), "_expandable": {}}
        hidden = {name: "" for name in SPACE_PARTS if name not in shape}
        if "homepage" in hidden and space.homepage_id:
            hidden["homepage"] = f"/rest/api/content/{space.homepage_id}"
        key = quote(space.key, safe="~")
        links = {"webui": f"/spaces/{key}/overview", "self": self._self(f"space/{key}")}
        return {**shape, "_expandable": hidden, "_links": links}

    def _description(self, space: Space, expand: Expand) -> Json:
        shape: Json = {
            name: {"value": space.description, "representation": name, "embeddedContent": []}
            for name in ("plain", "view")
            if name in expand
        }
        return {**shape, "_expandable": {n: "" for n in ("plain", "view") if n not in expand}}

    def _sees(self, content: Content) -> bool:
        is_it = sa.and_(contents.c.id == content.id, self._visible)
        return self._world.wiki.count(is_it) > 0

    # ---- marks ------------------------------------------------------------------------------

    def labels(self, found: Iterable[Label]) -> Json:
        """Labels, all on one page."""
        results = [self.label(label) for label in found]
        size = len(results)
        return {"results": results, "start": 0, "limit": max(size, 200), "size": size}

    def label(self, label: Label) -> Json:
        """One label."""
        shape = {"prefix": label.prefix, "name": label.name, "id": str(label.id)}
        return {**shape, "label": label.name}

    def property(self, found: Property, thing: Content | Space) -> Json:
        """A property of content or of a space."""
        if isinstance(thing, Content):
            path, name = f"content/{content_id(thing)}", "content"
        else:
            path, name = f"space/{quote(thing.key, safe='~')}", "space"
        key = quote(found.key, safe="")
        return {
            "id": str(found.id),
            "key": found.key,
            "value": json.loads(found.value),
            "version": {
                "when": instant(found.updated),
                "message": "",
                "number": found.version,
                "minorEdit": True,
            },
            "_expandable": {name: f"/rest/api/{path}"},
            "_links": {"self": self._self(f"{path}/property/{key}")},
        }

    def _self(self, path: str) -> str:
        return f"{self._base_url}/rest/api/{path}"


CONTEXT = "/wiki"
PICTURE = {"path": "/static/logo.svg", "width": 48, "height": 48, "isDefault": True}
"""Everybody looks the same here; the path is one of the site, not of the product."""


def below(content: Content, kind: ContentKind) -> Where:
    """What of one kind is directly below content, or hangs on it."""
    columns = contents.c
    if kind is content.kind:
        here = columns.parent_id == content.id
    else:
        here = sa.and_(columns.container_id == content.id, columns.parent_id.is_(None))
    return sa.and_(here, columns.kind == kind, columns.status == Status.CURRENT)


def far_below(content: Content, kind: ContentKind) -> Where:
    """What of one kind is anywhere below content."""
    columns = contents.c
    if kind is not content.kind:
        here = columns.container_id == content.id
        return sa.and_(here, columns.kind == kind, columns.status == Status.CURRENT)
    tree = sa.select(columns.id).where(columns.parent_id == content.id).cte("tree", recursive=True)
    child = contents.alias("child")
    tree = tree.union(sa.select(child.c.id).where(child.c.parent_id == tree.c.id))
    inside = columns.id.in_(sa.select(tree.c.id))
    return sa.and_(inside, columns.kind == kind, columns.status == Status.CURRENT)


def content_id(content: Content) -> str:
    """An id as the API has it: that of a file begins with ``att``."""
    prefix = "att" if content.kind is ContentKind.ATTACHMENT else ""
    return f"{prefix}{content.id}"


def expansions(texts: Iterable[str]) -> Expand:
    """The parameter ``expand``: names with commas between them, dots within; unknown ones count.

    >>> expansions(["body.storage,version", "body.view"])
    {'body': {'storage': {}, 'view': {}}, 'version': {}}
    """
    found: Expand = {}
    for path in ",".join(texts)[:EXPAND_MAX].split(","):
        within = found
        for name in path.split(".")[:6]:
            if name.strip():
                within = within.setdefault(name.strip(), {})
    return found


def instant(seconds: float) -> str:
    """Seconds since 1970 as Confluence writes a date.

    >>> instant(0)
    '1970-01-01T00:00:00.000Z'
    """
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.000Z"
