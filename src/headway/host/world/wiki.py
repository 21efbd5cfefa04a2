"""What stands in the wiki: pages, blog posts, comments on them and files that hang on them.

All four are *content* with an id, a title, a version and what came before it,
as Confluence's API has it; a comment and a file have a container.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from enum import StrEnum

import msgspec
import sqlalchemy as sa

from headway.host.database import Database, metadata, references
from headway.host.storage_format import parse, plain_text, with_macro_ids
from headway.host.world.changes import Change
from headway.host.world.files import Attachment, Files
from headway.host.world.rows import Order, Rows, Where, bounded, number
from headway.model import Product
from headway.ports import Clock

__all__ = ["Content", "ContentKind", "Revision", "Stale", "Status", "Wiki", "contents"]

TITLE_MAX = 255  # characters
BODY_MAX = 200_000

contents = sa.Table(
    "contents",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("space_id", sa.Integer, references("spaces.id"), nullable=False, index=True),
    sa.Column("container_id", sa.Integer, references("contents.id"), index=True),
    sa.Column("parent_id", sa.Integer, index=True),  # a page's page, an answer's comment
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),  # storage format; a file's is its description
    sa.Column("words", sa.Text, nullable=False),  # title and body without markup, case folded
    sa.Column("file_id", sa.Integer),  # the bytes of a file's latest version
    sa.Column("author", sa.Text, nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("editor", sa.Text, nullable=False),
    sa.Column("updated", sa.BigInteger, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("minor", sa.Boolean, nullable=False),
    sa.Index("contents_by_kind", "kind", "status"),
    sqlite_autoincrement=True,  # the id of what was removed is never another's
)

revisions = sa.Table(  # every version, the latest too
    "content_revisions",
    metadata,
    sa.Column("content_id", sa.Integer, references("contents.id"), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("file_id", sa.Integer),
    sa.Column("editor", sa.Text, nullable=False),
    sa.Column("updated", sa.BigInteger, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("minor", sa.Boolean, nullable=False),
)


class ContentKind(StrEnum):
    """The kinds of content, by the host's own names."""

    PAGE = "page"
    BLOG_POST = "blogpost"
    COMMENT = "comment"
    ATTACHMENT = "attachment"


class Status(StrEnum):
    """Whether content is there or in the bin."""

    CURRENT = "current"
    TRASHED = "trashed"


EVENTS = {
    ContentKind.PAGE: "page",
    ContentKind.BLOG_POST: "blog",
    ContentKind.COMMENT: "comment",
    ContentKind.ATTACHMENT: "attachment",
}
"""How the events of each kind begin ("Webhooks", Confluence)."""


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    """One version of content; *updated* is in real seconds since 1970."""

    version: int
    title: str
    body: str
    file_id: int | None
    editor: str
    updated: int
    message: str
    minor: bool


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """Content as it is now; dates are real seconds since 1970, people account ids.

    ``author`` made it, ``editor`` its latest version.
    """

    id: int
    kind: ContentKind
    status: Status
    space_id: int
    container_id: int | None
    parent_id: int | None
    title: str
    body: str
    file_id: int | None
    author: str
    created: int
    version: int
    editor: str
    updated: int
    message: str
    minor: bool


_COLUMNS = [contents.c[name] for name in Content.__struct_fields__]


class Stale(ValueError):
    """An edit of another version than the latest; the text is for people."""


class Wiki:
    """Pages, blog posts, comments and files of the spaces.

    *now* is the real time, in seconds since 1970; *tell* hears of each change.
    """

    def __init__(
        self, database: Database, now: Clock, tell: Callable[[Change], None], files: Files
    ) -> None:
        self._database = database
        self._rows = Rows(database)
        self._now = now
        self._tell = tell
        self._files = files

    # ---- questions --------------------------------------------------------------------------

    def content(self, content_id: int | str) -> Content | None:
        """The content with this id, whatever its status."""
        return self._one(contents.c.id == number(content_id))

    def find(
        self,
        where: Where,
        order: Collection[Order] = (contents.c.id,),
        start: int = 0,
        limit: int | None = None,
    ) -> list[Content]:
        """Content that *where* holds for, in *order*."""
        query = sa.select(*_COLUMNS).where(where).order_by(*order).offset(start).limit(limit)
        with self._database.reading() as connection:
            rows = connection.execute(query).mappings().all()
        return [_content(row) for row in rows]

    def count(self, where: Where) -> int:
        """How much content *where* holds for."""
        query = sa.select(sa.func.count()).select_from(contents).where(where)
        with self._database.reading() as connection:
            return connection.scalar(query) or 0

    def titled(self, space_id: int, title: str) -> Content | None:
        """The page of a space with this title: there is one at most."""
        page = sa.and_(contents.c.kind == ContentKind.PAGE, contents.c.title == title)
        current = contents.c.status == Status.CURRENT
        return self._one(sa.and_(page, current, contents.c.space_id == space_id))

    def ancestors(self, content: Content) -> list[Content]:
        """The pages above a page, the topmost first; for a comment those it answers."""
        found: list[Content] = []
        seen, parent_id = {content.id}, content.parent_id
        while parent_id is not None and parent_id not in seen:
            parent = self.content(parent_id)
            if parent is None:
                break
            seen.add(parent.id)
            found.insert(0, parent)
            parent_id = parent.parent_id
        return found

    def revisions(self, content_id: int) -> list[Revision]:
        """Every version, the latest first."""
        of = revisions.c.content_id == content_id
        return self._rows.all(Revision, revisions, of, revisions.c.version.desc())

    def revision(self, content_id: int, version: int) -> Revision | None:
        """One version."""
        is_it = sa.and_(revisions.c.content_id == content_id, revisions.c.version == version)
        return self._rows.one(Revision, revisions, is_it)

    def file(self, content: Content | Revision) -> Attachment | None:
        """Where the bytes of a file are kept."""
        return self._files.attachment(content.file_id) if content.file_id is not None else None

    # ---- new content ------------------------------------------------------------------------

    def add_page(
        self,
        space_id: int,
        title: str,
        body: str,
        author: str,
        *,
        kind: ContentKind = ContentKind.PAGE,
        parent: Content | None = None,
    ) -> Content:
        """A new page or blog post.

        Raises ValueError for a title that is empty, too long or taken, and for
        a body that is not well formed.
        """
        title = bounded("title", title, TITLE_MAX, least=1)
        if kind is ContentKind.PAGE:
            self._check_free(space_id, title)
        body, words = read_body(title, body)
        return self._add(
            kind,
            author,
            space_id=space_id,
            parent_id=parent.id if parent else None,
            title=title,
            body=body,
            words=words,
        )

    def add_comment(
        self, container: Content, body: str, author: str, parent: Content | None = None
    ) -> Content:
        """A new comment, an answer to *parent* where there is one; raises ValueError."""
        body, words = read_body("", bounded("comment", body, BODY_MAX, least=1))
        return self._add(
            ContentKind.COMMENT,
            author,
            space_id=container.space_id,
            container_id=container.id,
            parent_id=parent.id if parent else None,
            title=f"Re: {container.title}"[:TITLE_MAX],
            body=body,
            words=words,
        )

    def add_file(
        self,
        container: Content,
        filename: str,
        media_type: str,
        data: bytes,
        author: str,
        comment: str = "",
    ) -> Content:
        """A new file; raises ValueError where one of this name hangs there already."""
        filename = bounded("file name", filename, TITLE_MAX, least=1)
        if self.file_named(container, filename) is not None:
            raise ValueError(f"an attachment with the file name {filename} is there already")
        kept = self._files.keep("content", container.id, filename, media_type, data, author)
        return self._add(
            ContentKind.ATTACHMENT,
            author,
            space_id=container.space_id,
            container_id=container.id,
            title=filename,
            body=comment,
            words=f"{filename}\n{comment}".casefold(),
            file_id=kept.id,
        )

    def file_named(self, container: Content, filename: str) -> Content | None:
        """The file of this name that hangs on *container*."""
        named = sa.and_(contents.c.container_id == container.id, contents.c.title == filename)
        kind = contents.c.kind == ContentKind.ATTACHMENT
        return self._one(sa.and_(named, kind, contents.c.status == Status.CURRENT))

    # ---- changes ----------------------------------------------------------------------------

    def edit(
        self,
        content: Content,
        editor: str,
        *,
        version: int | None = None,
        title: str | None = None,
        body: str | None = None,
        file_id: int | None = None,
        message: str = "",
        minor: bool = False,
    ) -> Content:
        """A new version; *version* is its number, one more than the latest one's.

        Raises:
            Stale: *version* is not the next one.
            ValueError: the title or the body can not be.
        """
        title = bounded("title", title or content.title, TITLE_MAX, least=1)
        body = content.body if body is None else body
        if content.kind is ContentKind.ATTACHMENT:
            words = f"{title}\n{body}".casefold()
        else:
            body, words = read_body("" if content.kind is ContentKind.COMMENT else title, body)
        if content.kind is ContentKind.PAGE and title != content.title:
            self._check_free(content.space_id, title)
        now = int(self._now())
        revision = {
            "title": title,
            "body": body,
            "file_id": content.file_id if file_id is None else file_id,
            "editor": editor,
            "updated": now,
            "message": bounded("message", message, TITLE_MAX),
            "minor": minor,
        }
        with self._database.writing() as connection:
            before = _content_of(connection, content.id)
            if version not in (None, before.version + 1):
                raise Stale(f"Version must be incremented on update. Current version is: "
                            f"{before.version}")  # fmt: skip
            revision["version"] = before.version + 1
            is_it = contents.c.id == content.id
            connection.execute(contents.update().where(is_it).values(words=words, **revision))
            connection.execute(revisions.insert().values(content_id=content.id, **revision))
            after = _content_of(connection, content.id)
        self._told("updated", editor, before, after)
        return after

    def new_data(
        self, content: Content, media_type: str, data: bytes, editor: str, comment: str | None
    ) -> Content:
        """A new version of a file with other bytes."""
        holder = content.container_id or 0
        kept = self._files.keep("content", holder, content.title, media_type, data, editor)
        return self.edit(content, editor, body=comment, file_id=kept.id)

    def check_place(self, content: Content, title: str, parent: Content | None) -> None:
        """Raises ValueError where *content* can not stand below *parent* with this title."""
        moved = title != content.title or content.status is Status.TRASHED
        if content.kind is ContentKind.PAGE and moved:
            self._check_free(content.space_id, title)
        if parent is not None:
            above = {parent.id, *(ancestor.id for ancestor in self.ancestors(parent))}
            if content.id in above or parent.space_id != content.space_id:
                raise ValueError("a page's parent is another page of its space, not below it")

    def move(self, page: Content, parent: Content | None, editor: str) -> Content:
        """Put a page below another one, or at the top; raises ValueError for a circle."""
        self.check_place(page, page.title, parent)
        after = self._set(page.id, parent_id=parent.id if parent else None)
        self._told("moved", editor, page, after)
        return after

    def trash(self, content: Content, editor: str) -> Content:
        """Put content into the bin; pages below it move up."""
        with self._database.writing() as connection:
            below = contents.c.parent_id == content.id
            connection.execute(contents.update().where(below).values(parent_id=content.parent_id))
        after = self._set(content.id, status=Status.TRASHED)
        self._told("trashed", editor, content, after)
        return after

    def restore(self, content: Content, editor: str) -> Content:
        """Take content out of the bin; raises ValueError where its title was taken meanwhile."""
        if content.kind is ContentKind.PAGE:
            self._check_free(content.space_id, content.title)
        after = self._set(content.id, status=Status.CURRENT)
        self._told("restored", editor, content, after)
        return after

    def remove(self, content: Content, editor: str) -> None:
        """Remove content for good, with what hangs on it."""
        inside = sa.or_(contents.c.id == content.id, contents.c.container_id == content.id)
        versions = revisions.c.content_id.in_(sa.select(contents.c.id).where(inside))
        with self._database.writing() as connection:
            kept = sa.select(revisions.c.file_id).where(versions)
            files = [made for made in connection.scalars(kept) if made is not None]
            below = contents.c.parent_id == content.id
            connection.execute(contents.update().where(below).values(parent_id=content.parent_id))
            connection.execute(contents.delete().where(contents.c.id == content.id))
        self._files.drop(files)
        self._changed(content.kind, "removed", editor, content, None)

    # ---- the rows ---------------------------------------------------------------------------

    def _one(self, where: Where) -> Content | None:
        return next(iter(self.find(where, limit=1)), None)

    def _add(self, kind: ContentKind, author: str, **values: object) -> Content:
        now = int(self._now())
        latest = {"version": 1, "editor": author, "updated": now, "message": "", "minor": False}
        row = {
            "kind": kind,
            "status": Status.CURRENT,
            "author": author,
            "created": now,
            **latest,
            **values,
        }
        with self._database.writing() as connection:
            made = connection.scalar(contents.insert().values(row).returning(contents.c.id))
            content = _content_of(connection, made or 0)
            first = msgspec.structs.asdict(content)
            names = Revision.__struct_fields__
            connection.execute(
                revisions.insert().values(content_id=made, **{name: first[name] for name in names})
            )
        self._told("created", author, None, content)
        return content

    def _set(self, content_id: int, **values: object) -> Content:
        with self._database.writing() as connection:
            is_it = contents.c.id == content_id
            connection.execute(contents.update().where(is_it).values(values))
            return _content_of(connection, content_id)

    def _check_free(self, space_id: int, title: str) -> None:
        if self.titled(space_id, title) is not None:
            raise ValueError(f"A page already exists with the title {title} in this space")

    def _told(self, what: str, author: str, before: Content | None, after: Content) -> None:
        self._changed(after.kind, what, author, before, after)

    def _changed(
        self,
        kind: ContentKind,
        what: str,
        author: str,
        before: Content | None,
        after: Content | None,
    ) -> None:
        self._tell(
            Change(
                event=f"{EVENTS[kind]}_{what}",
                product=Product.CONFLUENCE,
                author=author,
                before=before,
                after=after,
            )
        )


def read_body(title: str, body: str) -> tuple[str, str]:
    r"""A body as it is kept, and the words in it for searching; raises ValueError.

    >>> read_body("Title", "<p>Some <b>Words</b></p>")
    ('<p>Some <b>Words</b></p>', 'title\nsome words')
    """
    body = with_macro_ids(bounded("body", body, BODY_MAX))
    return body, f"{title}\n{plain_text(parse(body))}".strip().casefold()


def _content(row: sa.RowMapping) -> Content:
    kinds = {"kind": ContentKind(row["kind"]), "status": Status(row["status"])}
    return Content(**{**row, **kinds})


def _content_of(connection: sa.Connection, content_id: int) -> Content:
    query = sa.select(*_COLUMNS).where(contents.c.id == content_id)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise LookupError(f"there is no content {content_id}")
    return _content(row)
