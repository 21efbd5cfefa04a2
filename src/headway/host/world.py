"""What a site is about: users, projects, issues, comments, attachments.

Who may do what is one rule: a public project is for everybody to read,
everything else is for whoever is somebody, a user or an installed app.
"""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import msgspec
import sqlalchemy as sa

from headway.host import database as db
from headway.ports import Clock

if TYPE_CHECKING:
    from headway.host.gate import Actor

__all__ = ["Attachment", "Comment", "Issue", "Project", "User", "World"]

PART_BYTES = 65_536
"""How much of an attachment is in memory at once."""

SUMMARY_MAX = 255  # characters
TEXT_MAX = 32_767  # characters of a description or a comment


class User(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who can log in; *name* is what they log in with."""

    account_id: str
    name: str
    display_name: str
    admin: bool
    email: str


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """A set of issues; the issues of a public one can be read without logging in."""

    id: int
    key: str
    name: str
    public: bool


class Issue(msgspec.Struct, frozen=True, kw_only=True):
    """One issue; dates are real seconds since 1970, the assignee is an account id."""

    id: int
    key: str
    project_key: str
    summary: str
    description: str
    status: str
    assignee: str | None
    created: int
    updated: int


class Comment(msgspec.Struct, frozen=True, kw_only=True):
    """One comment; the author is the account id of a user or of an app."""

    id: int
    issue_id: int
    author: str
    body: str
    created: int


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """A file's description; *size* is in bytes, :meth:`World.attachment_bytes` has the bytes."""

    id: int
    issue_id: int
    filename: str
    media_type: str
    size: int
    author: str
    created: int


T = TypeVar("T", bound=msgspec.Struct)
_Where: TypeAlias = sa.ColumnElement[bool]
_Order: TypeAlias = sa.ColumnElement[Any]

_ID = re.compile(r"[0-9]{1,18}")  # what SQLite can count to


class World:
    """The site's content; *now* is the real time, in seconds since 1970.

    >>> with db.open_database(None) as database:
    ...     world = World(database)
    ...     project = world.add_project("DEMO", "Demonstration", public=False)
    ...     issue = world.add_issue(project.key, "It works", "", status="Done")
    ...     world.issue("DEMO-1") == issue
    True
    """

    def __init__(self, database: db.Database, now: Clock = time.time) -> None:
        self._database = database
        self._now = now

    # ---- who may do what --------------------------------------------------------------------

    def may_see(self, project: Project, actor: Actor) -> bool:
        """Whether *actor* may read the issues of *project*."""
        return project.public or actor.account_id is not None

    def may_edit(self, project: Project, actor: Actor) -> bool:
        """Whether *actor* may change and comment on the issues of *project*."""
        return self.may_see(project, actor) and actor.account_id is not None

    # ---- questions --------------------------------------------------------------------------

    def user(self, name: str) -> User | None:
        """The user with this account id or login name."""
        known = sa.or_(db.users.c.account_id == name, db.users.c.name == name)
        return self._one(User, db.users, known)

    def users(self) -> list[User]:
        """Every user, by login name."""
        return self._all(User, db.users, sa.true(), db.users.c.name)

    def project(self, key: str) -> Project | None:
        """The project with this key."""
        return self._one(Project, db.projects, db.projects.c.key == key)

    def projects(self) -> list[Project]:
        """Every project, by key."""
        return self._all(Project, db.projects, sa.true(), db.projects.c.key)

    def issue(self, id_or_key: int | str) -> Issue | None:
        """The issue with this id or key; a text of digits is an id."""
        number = _number(id_or_key)
        is_it = db.issues.c.key == id_or_key if number is None else db.issues.c.id == number
        return self._one(Issue, db.issues, is_it)

    def issues(self, project_key: str | None = None) -> list[Issue]:
        """The issues of one project, or all; the oldest first."""
        of = sa.true() if project_key is None else db.issues.c.project_key == project_key
        return self._all(Issue, db.issues, of, db.issues.c.id)

    def comments(self, issue_id: int) -> list[Comment]:
        """The comments on an issue, the oldest first."""
        of = db.comments.c.issue_id == issue_id
        return self._all(Comment, db.comments, of, db.comments.c.id)

    def attachments(self, issue_id: int) -> list[Attachment]:
        """The attachments of an issue, the oldest first."""
        of = db.attachments.c.issue_id == issue_id
        return self._all(Attachment, db.attachments, of, db.attachments.c.id)

    def attachment(self, attachment_id: int | str) -> Attachment | None:
        """The attachment with this id."""
        number = _number(attachment_id)
        return self._one(Attachment, db.attachments, db.attachments.c.id == number)

    def attachment_bytes(self, attachment_id: int) -> Iterator[bytes]:
        """The attachment's bytes, a part at a time; no connection is held between two."""
        parts = db.attachment_parts
        query = sa.select(parts.c.data).where(parts.c.attachment_id == attachment_id)
        for part in itertools.count():
            with self._database.reading() as connection:
                data = connection.scalar(query.where(parts.c.part == part))
            if data is None:
                return
            yield data

    # ---- changes ----------------------------------------------------------------------------

    def add_project(self, key: str, name: str, *, public: bool) -> Project:
        """A new project."""
        return self._add(Project, db.projects, key=key, name=name, public=public)

    def add_issue(
        self,
        project_key: str,
        summary: str,
        description: str = "",
        *,
        status: str = "To Do",
        assignee: str | None = None,
    ) -> Issue:
        """A new issue, with the project's next number."""
        now = int(self._now())
        return self._add(
            Issue,
            db.issues,
            key=f"{project_key}-{len(self.issues(project_key)) + 1}",
            project_key=project_key,
            summary=_bounded("summary", summary, SUMMARY_MAX, least=1),
            description=_bounded("description", description, TEXT_MAX),
            status=status,
            assignee=assignee,
            created=now,
            updated=now,
        )

    def edit_issue(
        self, issue_id: int, *, summary: str | None = None, description: str | None = None
    ) -> tuple[Issue, Issue]:
        """Change what is given; the issue before and after.

        Raises ValueError for an empty or too long text, LookupError where
        there is no such issue.
        """
        changes: dict[str, object] = {"updated": int(self._now())}
        if summary is not None:
            changes["summary"] = _bounded("summary", summary, SUMMARY_MAX, least=1)
        if description is not None:
            changes["description"] = _bounded("description", description, TEXT_MAX)
        is_it = db.issues.c.id == issue_id
        with self._database.writing() as connection:
            before = _read(connection, Issue, db.issues, is_it)
            connection.execute(db.issues.update().where(is_it).values(changes))
            after = _read(connection, Issue, db.issues, is_it)
        if not before:
            raise LookupError(f"there is no issue {issue_id}")
        return before[0], after[0]

    def add_comment(self, issue_id: int, author: str, body: str) -> Comment:
        """A new comment; raises ValueError for an empty or too long one."""
        return self._add(
            Comment,
            db.comments,
            issue_id=issue_id,
            author=author,
            body=_bounded("comment", body, TEXT_MAX, least=1),
            created=int(self._now()),
        )

    def add_attachment(
        self, issue_id: int, filename: str, media_type: str, data: bytes, author: str
    ) -> Attachment:
        """A new attachment, kept in parts."""
        made = self._add(
            Attachment,
            db.attachments,
            issue_id=issue_id,
            filename=filename,
            media_type=media_type,
            size=len(data),
            author=author,
            created=int(self._now()),
        )
        with self._database.writing() as connection:
            for part, start in enumerate(range(0, len(data), PART_BYTES)):
                piece = data[start : start + PART_BYTES]
                connection.execute(
                    db.attachment_parts.insert().values(
                        attachment_id=made.id, part=part, data=piece
                    )
                )
        return made

    # ---- rows -------------------------------------------------------------------------------

    def _all(self, kind: type[T], table: sa.Table, where: _Where, order: _Order) -> list[T]:
        with self._database.reading() as connection:
            return _read(connection, kind, table, where, order)

    def _one(self, kind: type[T], table: sa.Table, where: _Where) -> T | None:
        with self._database.reading() as connection:
            return next(iter(_read(connection, kind, table, where)), None)

    def _add(self, kind: type[T], table: sa.Table, **values: object) -> T:
        with self._database.writing() as connection:
            made = connection.scalar(table.insert().values(values).returning(table.c.id))
            return _read(connection, kind, table, table.c.id == made)[0]


def _read(
    connection: sa.Connection,
    kind: type[T],
    table: sa.Table,
    where: _Where,
    order: _Order | None = None,
) -> list[T]:
    columns = [table.c[name] for name in kind.__struct_fields__]
    query = sa.select(*columns).where(where).order_by(order)
    return [kind(**row) for row in connection.execute(query).mappings()]


def _number(text: int | str) -> int | None:
    """An id as a number; None for anything that no id looks like."""
    return int(text) if _ID.fullmatch(str(text)) else None


def _bounded(what: str, text: str, most: int, least: int = 0) -> str:
    if not least <= len(text.strip()) <= most:
        raise ValueError(f"a {what} has {least} to {most} characters")
    return text
