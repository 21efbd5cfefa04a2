"""The issue tracker: projects, issues, comments."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import msgspec
import sqlalchemy as sa

from headway.host.database import Database, metadata, references
from headway.host.world.catalog import DONE, RESOLUTIONS, Transition
from headway.host.world.changes import Change
from headway.host.world.files import Attachment, attachments
from headway.host.world.history import change_items, history, names_in
from headway.host.world.links import IssueLink, issue_links
from headway.host.world.properties import properties
from headway.host.world.roles import first_actors, role_actors
from headway.host.world.rows import Lookup, Rows, bounded, number, read
from headway.ports import Clock

__all__ = ["Comment", "Issue", "Project", "Tracker", "comments", "issues", "projects"]

SUMMARY_MAX = 255  # characters
TEXT_MAX = 32_767  # characters of a description or a comment
NAME_MAX = 80  # characters of a project's name

Document = dict[str, Any]
"""A text in the Atlassian Document Format, kept beside the text that it says."""


def _json(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.JSON(none_as_null=True))


projects = sa.Table(
    "projects",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("public", sa.Boolean, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("lead", sa.Text),  # an account id
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("assignee_type", sa.Text, nullable=False),
    sa.Column("last_number", sa.Integer, nullable=False),  # of its issues; none is given twice
    sqlite_autoincrement=True,
)

issues = sa.Table(
    "issues",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    sa.Column("project_key", sa.Text, references("projects.key"), nullable=False, index=True),
    sa.Column("issue_type", sa.Text, nullable=False),
    sa.Column("summary", sa.Text, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    _json("description_document"),
    sa.Column("status", sa.Text, nullable=False, index=True),
    sa.Column("priority", sa.Text, nullable=False),
    sa.Column("resolution", sa.Text),
    sa.Column("resolved", sa.BigInteger),
    sa.Column("assignee", sa.Text, index=True),  # an account id, as are the next two
    sa.Column("reporter", sa.Text),
    sa.Column("creator", sa.Text),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("updated", sa.BigInteger, nullable=False, index=True),
    sa.Column("due_date", sa.Text),  # 2022-02-01
    _json("labels"),
    _json("components"),
    _json("fix_versions"),
    _json("versions"),
    sa.Column("environment", sa.Text, nullable=False),
    sa.Column("parent_id", sa.Integer, references("issues.id"), index=True),
    sa.Column("original_estimate", sa.Integer),  # seconds, as are the next two
    sa.Column("remaining_estimate", sa.Integer),
    sa.Column("time_spent", sa.Integer),
    _json("custom"),
    sqlite_autoincrement=True,
)

comments = sa.Table(
    "comments",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("issue_id", sa.Integer, references("issues.id"), nullable=False, index=True),
    sa.Column("author", sa.Text, nullable=False),  # an account id: a user's or an app's
    sa.Column("body", sa.Text, nullable=False),
    _json("document"),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("update_author", sa.Text, nullable=False),
    sa.Column("updated", sa.BigInteger, nullable=False),
    _json("visibility"),
    sqlite_autoincrement=True,
)


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """A set of issues; the issues of a public one can be read without logging in."""

    id: int
    key: str
    name: str
    public: bool
    description: str = ""
    lead: str | None = None
    url: str = ""
    assignee_type: str = "UNASSIGNED"


class Issue(msgspec.Struct, frozen=True, kw_only=True):
    """One issue.

    Dates are real seconds since 1970 (``due_date`` is a day as text), estimates
    and time spent are seconds, people are account ids.  Type, status, priority
    and resolution are names of the catalog; components and versions are ids.
    """

    id: int
    key: str
    project_key: str
    issue_type: str = "Task"
    summary: str
    description: str
    description_document: Document | None = None
    status: str
    priority: str = "Medium"
    resolution: str | None = None
    resolved: int | None = None
    assignee: str | None
    reporter: str | None = None
    creator: str | None = None
    created: int
    updated: int
    due_date: str | None = None
    labels: list[str] = []
    components: list[int] = []
    fix_versions: list[int] = []
    versions: list[int] = []
    environment: str = ""
    parent_id: int | None = None
    original_estimate: int | None = None
    remaining_estimate: int | None = None
    time_spent: int | None = None
    custom: dict[str, Any] = {}


class Comment(msgspec.Struct, frozen=True, kw_only=True):
    """One comment; its people are account ids of users or of apps."""

    id: int
    issue_id: int
    author: str
    body: str
    document: Document | None = None
    created: int
    update_author: str = ""
    updated: int = 0
    visibility: dict[str, str] | None = None


_ISSUE = Lookup(Issue, issues, issues.c.id == sa.bindparam("issue_id"))
_ISSUE_BY_KEY = Lookup(Issue, issues, issues.c.key == sa.bindparam("key"))
_SUBTASKS = Lookup(Issue, issues, issues.c.parent_id == sa.bindparam("issue_id"), issues.c.id)
_COMMENTS = Lookup(
    Comment, comments, comments.c.issue_id == sa.bindparam("issue_id"), comments.c.id
)
_ADD_ENTRY = history.insert()

_FIRST: Mapping[str, Any] = {
    "issue_type": "Task",
    "description_document": None,
    "priority": "Medium",
    "resolution": None,
    "reporter": None,
    "due_date": None,
    "labels": [],
    "components": [],
    "fix_versions": [],
    "versions": [],
    "environment": "",
    "parent_id": None,
    "original_estimate": None,
    "remaining_estimate": None,
    "time_spent": None,
    "custom": {},
}
"""What a new issue has where nothing is said."""

_BOUNDS = {"summary": (SUMMARY_MAX, 1), "description": (TEXT_MAX, 0), "environment": (TEXT_MAX, 0)}


class Tracker:
    """Projects, their issues, and what is said about them.

    *now* is the real time, in seconds since 1970; *tell* hears of each change.
    """

    def __init__(self, database: Database, now: Clock, tell: Callable[[Change], None]) -> None:
        self._database = database
        self._rows = Rows(database)
        self._now = now
        self._tell = tell
        self._project = database.cached(self._ask_project, projects)
        self._projects = database.cached(self._ask_projects, projects)

    # ---- questions --------------------------------------------------------------------------

    def project(self, id_or_key: int | str) -> Project | None:
        """The project with this id or key; a text of digits is an id."""
        return self._project(str(id_or_key))

    def _ask_project(self, id_or_key: str) -> Project | None:
        found = number(id_or_key)
        is_it = projects.c.key == id_or_key if found is None else projects.c.id == found
        return self._rows.one(Project, projects, is_it)

    def projects(self) -> list[Project]:
        """Every project, by key."""
        return list(self._projects(None))

    def _ask_projects(self, _: None) -> tuple[Project, ...]:
        return tuple(self._rows.all(Project, projects, sa.true(), projects.c.key))

    def issue(self, id_or_key: int | str) -> Issue | None:
        """The issue with this id or key; a text of digits is an id."""
        found = number(id_or_key)
        if found is None:
            return _ISSUE_BY_KEY.one(self._database, key=id_or_key)
        return _ISSUE.one(self._database, issue_id=found)

    def issues(self, project_key: str | None = None) -> list[Issue]:
        """The issues of one project, or all; the oldest first."""
        of = sa.true() if project_key is None else issues.c.project_key == project_key
        return self._rows.all(Issue, issues, of, issues.c.id)

    def labels(self, project_keys: Collection[str]) -> list[str]:
        """The labels that the issues of some projects have, sorted."""
        each = sa.func.json_each(issues.c.labels).table_valued("value", name="each")
        query = (
            sa.select(each.c.value)
            .select_from(issues.join(each, sa.true()))
            .where(issues.c.project_key.in_(project_keys))
        )
        with self._database.reading() as connection:
            return list(connection.scalars(query.distinct().order_by(each.c.value)))

    def subtasks(self, issue_id: int) -> list[Issue]:
        """The issues whose parent this is, the oldest first."""
        return _SUBTASKS.all(self._database, issue_id=issue_id)

    def comments(self, issue_id: int) -> list[Comment]:
        """The comments on an issue, the oldest first."""
        return _COMMENTS.all(self._database, issue_id=issue_id)

    def comment(self, comment_id: int | str) -> Comment | None:
        """The comment with this id."""
        return self._rows.one(Comment, comments, comments.c.id == number(comment_id))

    # ---- projects ---------------------------------------------------------------------------

    def add_project(
        self,
        key: str,
        name: str,
        *,
        public: bool,
        lead: str | None = None,
        author: str | None = None,
        **values: str,
    ) -> Project:
        """A new project, where every user works and *lead* (an account id) administers.

        Raises ValueError where key or name is taken or bad.
        """
        first = {"description": "", "url": "", "assignee_type": "UNASSIGNED", "last_number": 0}
        row = {"key": key, "name": name, "public": public, "lead": lead, **first, **values}
        bounded("project name", name, NAME_MAX, least=2)
        with self._database.writing() as connection:
            taken = sa.or_(projects.c.key == key, projects.c.name == name)
            if connection.scalar(sa.select(projects.c.id).where(taken)):
                raise ValueError(f"a project with the key {key!r} or the name {name!r} exists")
            made_id = connection.scalar(projects.insert().values(row).returning(projects.c.id))
            made = read(connection, Project, projects, projects.c.id == made_id)[0]
            connection.execute(role_actors.insert(), first_actors(made.id, lead))
        self._tell(Change(event="project_created", author=author, after=made))
        return made

    def edit_project(
        self, project_id: int, *, author: str | None = None, **changes: Any
    ) -> Project:
        """Change what is given, of a project's fields but its key; raises LookupError."""
        is_it = projects.c.id == project_id
        if "name" in changes:
            bounded("project name", changes["name"], NAME_MAX, least=2)
        with self._database.writing() as connection:
            before = read(connection, Project, projects, is_it)
            if before and changes:
                connection.execute(projects.update().where(is_it).values(changes))
            after = read(connection, Project, projects, is_it)
        if not before:
            raise LookupError(f"there is no project {project_id}")
        self._tell(Change(event="project_updated", author=author, before=before[0], after=after[0]))
        return after[0]

    def delete_project(self, project_id: int, author: str | None = None) -> None:
        """Forget a project with all that is in it; raises LookupError where there is none."""
        is_it = projects.c.id == project_id
        with self._database.writing() as connection:
            before = read(connection, Project, projects, is_it)
            if before:
                _forget_issues(connection, issues.c.project_key == before[0].key)
                connection.execute(
                    properties.delete().where(
                        properties.c.holder == "project", properties.c.holder_id == str(project_id)
                    )
                )
                connection.execute(projects.delete().where(is_it))
        if not before:
            raise LookupError(f"there is no project {project_id}")
        self._tell(Change(event="project_deleted", author=author, before=before[0]))

    # ---- issues -----------------------------------------------------------------------------

    def add_issue(
        self,
        project_key: str,
        summary: str,
        description: str = "",
        *,
        status: str = "To Do",
        assignee: str | None = None,
        author: str | None = None,
        **values: Any,
    ) -> Issue:
        """A new issue, with the project's next number; *values* are other fields of it.

        Raises ValueError for a text that is too long or empty, LookupError
        where there is no such project.
        """
        now = int(self._now())
        fields = {"summary": summary, "description": description, "status": status, **values}
        fields = {**_FIRST, **fields, "assignee": assignee}
        fields |= {"creator": author, "reporter": fields["reporter"] or author}
        fields |= {"created": now, "updated": now, **_ended(status, fields, now)}
        _check(fields)
        counting = projects.update().where(projects.c.key == project_key)
        counting = counting.values(last_number=projects.c.last_number + 1)
        with self._database.writing() as connection:
            found = connection.scalar(counting.returning(projects.c.last_number))
            if found is None:
                raise LookupError(f"there is no project {project_key}")
            row = {**fields, "key": f"{project_key}-{found}", "project_key": project_key}
            made_id = connection.scalar(issues.insert().values(row).returning(issues.c.id))
            made = read(connection, Issue, issues, issues.c.id == made_id)[0]
        self._tell(Change(event="jira:issue_created", author=author, after=made))
        return made

    def edit_issue(
        self, issue_id: int, *, author: str | None = None, **changes: Any
    ) -> tuple[Issue, Issue]:
        """Change what is given; the issue before and after.

        A summary or a description that is None stays as it is.  Raises
        ValueError for an empty or too long text, LookupError where there is no
        such issue.
        """
        now = int(self._now())
        changes = {
            name: value
            for name, value in changes.items()
            if value is not None or name not in ("summary", "description")
        }
        _check(changes)
        if "description" in changes:
            changes.setdefault("description_document", None)
        is_it = issues.c.id == issue_id
        with self._database.writing() as connection:
            before = _ISSUE.within(connection, issue_id=issue_id)
            if not before:
                raise LookupError(f"there is no issue {issue_id}")
            if changes.get("status", before[0].status) != before[0].status:
                changes |= _ended(changes["status"], changes, now)
            values = {**changes, "updated": now}
            connection.execute(issues.update().where(is_it).values(values))
            after = _ISSUE.within(connection, issue_id=issue_id)
            items = change_items(before[0], after[0], names_in(connection))
            if items:
                entry = {"issue_id": issue_id, "author": author, "created": now, "items": items}
                connection.execute(_ADD_ENTRY, entry)
        changed = Change(
            event="jira:issue_updated", author=author, before=before[0], after=after[0]
        )
        self._tell(changed)
        return before[0], after[0]

    def move_issue(
        self, issue_id: int, step: Transition, *, author: str | None = None, **changes: Any
    ) -> tuple[Issue, Issue]:
        """Take an issue a step on in its workflow; raises ValueError where it does not lead on."""
        issue = self.issue(issue_id)
        if issue is None or issue.status not in step.sources:
            raise ValueError(f"the transition {step.id} does not start where the issue is")
        return self.edit_issue(issue_id, author=author, status=step.target, **changes)

    def delete_issue(self, issue_id: int, author: str | None = None) -> None:
        """Forget an issue, its subtasks and all that hangs on them; raises LookupError."""
        here = sa.or_(issues.c.id == issue_id, issues.c.parent_id == issue_id)
        with self._database.writing() as connection:
            gone = read(connection, Issue, issues, here, issues.c.id.desc())
            if all(issue.id != issue_id for issue in gone):
                raise LookupError(f"there is no issue {issue_id}")
            hanging = {issue.id: _hanging_on(connection, issue) for issue in gone}
            _forget_issues(connection, here)
            connection.execute(issues.delete().where(here))
        for issue in gone:
            self._tell(Change(event="jira:issue_deleted", author=author, before=issue))
            for event, thing in hanging[issue.id]:
                change = Change(event=event, author=author, before=thing, within=issue)
                self._tell(msgspec.structs.replace(change, secondary=True))

    # ---- comments ---------------------------------------------------------------------------

    def restricted_comments(self) -> list[tuple[int, str, dict[str, str]]]:
        """Those that are for some only: id, the key of the project, and for whom."""
        columns = comments.c.id, issues.c.project_key, comments.c.visibility
        here = comments.c.issue_id == issues.c.id
        with self._database.reading() as connection:
            query = sa.select(*columns).where(here, comments.c.visibility.is_not(None))
            return [tuple(row) for row in connection.execute(query)]

    def add_comment(
        self,
        issue_id: int,
        author: str,
        body: str,
        *,
        document: Document | None = None,
        visibility: dict[str, str] | None = None,
    ) -> Comment:
        """A new comment; raises ValueError for an empty or too long one."""
        now = int(self._now())
        made = self._rows.add(
            Comment,
            comments,
            issue_id=issue_id,
            author=author,
            body=bounded("comment", body, TEXT_MAX, least=1),
            document=document,
            created=now,
            update_author=author,
            updated=now,
            visibility=visibility,
        )
        self._tell(Change(event="comment_created", author=author, after=made))
        return made

    def edit_comment(self, comment_id: int, author: str, **changes: Any) -> Comment:
        """Change a comment's ``body`` and ``document``, or its ``visibility``.

        Raises ValueError for an empty or too long text, LookupError where there
        is no such comment.
        """
        if "body" in changes:
            bounded("comment", changes["body"], TEXT_MAX, least=1)
            changes.setdefault("document", None)
        before = self.comment(comment_id)
        if before is None:
            raise LookupError(f"there is no comment {comment_id}")
        is_it = comments.c.id == comment_id
        values = {**changes, "update_author": author, "updated": int(self._now())}
        with self._database.writing() as connection:
            connection.execute(comments.update().where(is_it).values(values))
            after = read(connection, Comment, comments, is_it)[0]
        self._tell(Change(event="comment_updated", author=author, before=before, after=after))
        return after

    def delete_comment(self, comment_id: int, author: str | None = None) -> None:
        """Forget a comment and its properties; raises LookupError where there is none."""
        before = self.comment(comment_id)
        if before is None:
            raise LookupError(f"there is no comment {comment_id}")
        theirs = sa.and_(
            properties.c.holder == "comment", properties.c.holder_id == str(comment_id)
        )
        with self._database.writing() as connection:
            connection.execute(comments.delete().where(comments.c.id == comment_id))
            connection.execute(properties.delete().where(theirs))
        self._tell(Change(event="comment_deleted", author=author, before=before))


def _check(fields: Mapping[str, Any]) -> None:
    for name, (most, least) in _BOUNDS.items():
        if name in fields:
            bounded(name, fields[name], most, least)


def _ended(status: str, given: Mapping[str, Any], now: int) -> dict[str, Any]:
    """What an issue that comes to *status* gets along: in the end a resolution, else none."""
    if status not in DONE:
        return {"resolution": None, "resolved": None}
    return {"resolution": given.get("resolution") or RESOLUTIONS[0].name, "resolved": now}


def _hanging_on(connection: sa.Connection, issue: Issue) -> list[tuple[str, Any]]:
    """What goes with an issue, and the events of it ("Webhooks": ``Secondary``)."""
    files = sa.and_(attachments.c.holder == "issue", attachments.c.holder_id == issue.id)
    links = sa.or_(issue_links.c.source == issue.id, issue_links.c.target == issue.id)
    said = read(connection, Comment, comments, comments.c.issue_id == issue.id)
    return [
        *(("comment_deleted", comment) for comment in said),
        *(
            ("attachment_deleted", each)
            for each in read(connection, Attachment, attachments, files)
        ),
        *(("issuelink_deleted", each) for each in read(connection, IssueLink, issue_links, links)),
    ]


def _forget_issues(connection: sa.Connection, here: sa.ColumnElement[bool]) -> None:
    """Remove what refers to issues without a foreign key."""
    ids = sa.select(issues.c.id).where(here)
    theirs = sa.select(comments.c.id).where(comments.c.issue_id.in_(ids))
    connection.execute(
        attachments.delete().where(
            attachments.c.holder == "issue", attachments.c.holder_id.in_(ids)
        )
    )
    for holder, found in (("issue", ids), ("comment", theirs)):
        texts = sa.select(sa.cast(found.subquery().c.id, sa.Text))
        connection.execute(
            properties.delete().where(
                properties.c.holder == holder, properties.c.holder_id.in_(texts)
            )
        )
