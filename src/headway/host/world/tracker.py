"""The issue tracker: projects, issues, comments."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import sqlalchemy as sa

from headway.host.database import Database, metadata, references
from headway.host.world.changes import Change
from headway.host.world.roles import first_actors, role_actors
from headway.host.world.rows import Rows, bounded, number, read
from headway.ports import Clock

__all__ = ["Comment", "Issue", "Project", "Tracker", "comments", "issues", "projects"]

SUMMARY_MAX = 255  # characters
TEXT_MAX = 32_767  # characters of a description or a comment

projects = sa.Table(
    "projects",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("public", sa.Boolean, nullable=False),
)

issues = sa.Table(
    "issues",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    sa.Column("project_key", sa.Text, references("projects.key"), nullable=False),
    sa.Column("summary", sa.Text, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("assignee", sa.Text),  # an account id
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("updated", sa.BigInteger, nullable=False),
)

comments = sa.Table(
    "comments",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("issue_id", sa.Integer, references("issues.id"), nullable=False, index=True),
    sa.Column("author", sa.Text, nullable=False),  # an account id: a user's or an app's
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False),
)


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


class Tracker:
    """Projects, their issues, and what is said about them.

    *now* is the real time, in seconds since 1970; *tell* hears of each change.
    """

    def __init__(self, database: Database, now: Clock, tell: Callable[[Change], None]) -> None:
        self._database = database
        self._rows = Rows(database)
        self._now = now
        self._tell = tell

    # ---- questions --------------------------------------------------------------------------

    def project(self, key: str) -> Project | None:
        """The project with this key."""
        return self._rows.one(Project, projects, projects.c.key == key)

    def projects(self) -> list[Project]:
        """Every project, by key."""
        return self._rows.all(Project, projects, sa.true(), projects.c.key)

    def issue(self, id_or_key: int | str) -> Issue | None:
        """The issue with this id or key; a text of digits is an id."""
        found = number(id_or_key)
        is_it = issues.c.key == id_or_key if found is None else issues.c.id == found
        return self._rows.one(Issue, issues, is_it)

    def issues(self, project_key: str | None = None) -> list[Issue]:
        """The issues of one project, or all; the oldest first."""
        of = sa.true() if project_key is None else issues.c.project_key == project_key
        return self._rows.all(Issue, issues, of, issues.c.id)

    def comments(self, issue_id: int) -> list[Comment]:
        """The comments on an issue, the oldest first."""
        of = comments.c.issue_id == issue_id
        return self._rows.all(Comment, comments, of, comments.c.id)

    # ---- changes ----------------------------------------------------------------------------

    def add_project(self, key: str, name: str, *, public: bool, lead: str | None = None) -> Project:
        """A new project, where every user works and *lead* (an account id) administers."""
        made = self._rows.add(Project, projects, key=key, name=name, public=public)
        with self._database.writing() as connection:
            connection.execute(role_actors.insert(), first_actors(made.id, lead))
        return made

    def add_issue(
        self,
        project_key: str,
        summary: str,
        description: str = "",
        *,
        status: str = "To Do",
        assignee: str | None = None,
        author: str | None = None,
    ) -> Issue:
        """A new issue, with the project's next number."""
        now = int(self._now())
        made = self._rows.add(
            Issue,
            issues,
            key=f"{project_key}-{len(self.issues(project_key)) + 1}",
            project_key=project_key,
            summary=bounded("summary", summary, SUMMARY_MAX, least=1),
            description=bounded("description", description, TEXT_MAX),
            status=status,
            assignee=assignee,
            created=now,
            updated=now,
        )
        self._tell(Change(event="jira:issue_created", author=author, after=made))
        return made

    def edit_issue(
        self,
        issue_id: int,
        *,
        summary: str | None = None,
        description: str | None = None,
        author: str | None = None,
    ) -> tuple[Issue, Issue]:
        """Change what is given; the issue before and after.

        Raises ValueError for an empty or too long text, LookupError where
        there is no such issue.
        """
        changes: dict[str, object] = {"updated": int(self._now())}
        if summary is not None:
            changes["summary"] = bounded("summary", summary, SUMMARY_MAX, least=1)
        if description is not None:
            changes["description"] = bounded("description", description, TEXT_MAX)
        is_it = issues.c.id == issue_id
        with self._database.writing() as connection:
            before = read(connection, Issue, issues, is_it)
            connection.execute(issues.update().where(is_it).values(changes))
            after = read(connection, Issue, issues, is_it)
        if not before:
            raise LookupError(f"there is no issue {issue_id}")
        changed = Change(
            event="jira:issue_updated", author=author, before=before[0], after=after[0]
        )
        self._tell(changed)
        return before[0], after[0]

    def add_comment(self, issue_id: int, author: str, body: str) -> Comment:
        """A new comment; raises ValueError for an empty or too long one."""
        made = self._rows.add(
            Comment,
            comments,
            issue_id=issue_id,
            author=author,
            body=bounded("comment", body, TEXT_MAX, least=1),
            created=int(self._now()),
        )
        self._tell(Change(event="comment_created", author=author, after=made))
        return made
