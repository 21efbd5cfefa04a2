"""What the wiki's content looks like in the JSON of version 2 of Confluence's REST API.

Version 2 is newer than the published description that this site has: names and
shapes are those of the vendor's reference pages (see docs/fidelity.md).
"""

from __future__ import annotations

import json

from headway.host.shapes import Json
from headway.host.wiki_shapes import WikiShapes, content_id, instant
from headway.host.world import Content, Space, World
from headway.host.world.marks import Property
from headway.host.world.wiki import ContentKind, Revision

__all__ = ["WikiShapesV2"]

FORMATS = ("storage", "view")
"""What ``body-format`` may ask for here."""


class WikiShapesV2:
    """Writes values for one caller; *first* writes them as version 1 does."""

    def __init__(self, world: World, first: WikiShapes) -> None:
        self._world = world
        self._first = first

    def content(self, content: Content, body_format: str | None = None) -> Json:
        """A page, a blog post, a comment or a file."""
        shape: Json = {
            "id": content_id(content),
            "status": content.status,
            "title": content.title,
            "createdAt": instant(content.created),
            "version": self.version(content),
            **self._of_kind(content),
            "_links": self._links(content),
        }
        if content.kind is not ContentKind.ATTACHMENT:
            shape["body"] = self._body(content, body_format)
        return shape

    def _of_kind(self, content: Content) -> Json:
        space_id = str(content.space_id)
        if content.kind is ContentKind.BLOG_POST:
            return {"spaceId": space_id, "authorId": content.author}
        parent = None if content.parent_id is None else str(content.parent_id)
        if content.kind is ContentKind.PAGE:
            return {
                "spaceId": space_id,
                "authorId": content.author,
                "ownerId": content.author,
                "lastOwnerId": None,
                "parentId": parent,
                "parentType": "page" if parent else None,
                "position": content.id,
            }
        place = self._place(content)
        if content.kind is ContentKind.COMMENT:
            return {**place, **({"parentCommentId": parent} if parent else {})}
        file = self._world.wiki.file(content)
        links = self._links(content)
        return {
            **place,
            "mediaType": file.media_type if file else "",
            "mediaTypeDescription": "",
            "comment": content.body,
            "fileId": str(content.file_id),
            "fileSize": file.size if file else 0,
            "webuiLink": links["webui"],
            "downloadLink": links["download"],
        }

    def _place(self, content: Content) -> Json:
        container = self._world.wiki.content(content.container_id or 0)
        is_post = container is not None and container.kind is ContentKind.BLOG_POST
        return {"blogPostId" if is_post else "pageId": str(content.container_id)}

    def _body(self, content: Content, body_format: str | None) -> Json:
        if body_format not in FORMATS:
            return {}
        stored = body_format == "storage"
        value = content.body if stored else self._first.views.get(content.id, "")
        return {body_format: {"representation": body_format, "value": value}}

    def version(self, version: Content | Revision) -> Json:
        """The latest version of content, or one before."""
        return {
            "createdAt": instant(version.updated),
            "message": version.message,
            "number": version.version,
            "minorEdit": version.minor,
            "authorId": version.editor,
        }

    def _links(self, content: Content) -> Json:
        links = {"webui": self._first.page(content)}
        if content.kind is ContentKind.ATTACHMENT:
            links["download"] = self._first.download(content)
        return links

    def space(self, space: Space, description_format: str | None = None) -> Json:
        """A space."""
        shape: Json = {
            "id": str(space.id),
            "key": space.key,
            "name": space.name,
            "type": "personal" if space.key.startswith("~") else "global",
            "status": "current",
            "authorId": space.author,
            "createdAt": instant(space.created),
            "homepageId": None if space.homepage_id is None else str(space.homepage_id),
            "description": None,
            "icon": None,
            "_links": {"webui": f"/spaces/{space.key}"},
        }
        if description_format in ("plain", "view"):
            text = {"representation": description_format, "value": space.description}
            shape["description"] = {description_format: text}
        return shape

    def property(self, found: Property) -> Json:
        """A property of content or of a space."""
        version = {"number": found.version, "createdAt": instant(found.updated), "message": ""}
        value = json.loads(found.value)
        return {"id": str(found.id), "key": found.key, "value": value, "version": version}
