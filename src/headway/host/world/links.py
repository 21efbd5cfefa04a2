"""What binds issues to each other and to people: links, watchers, votes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import msgspec
import sqlalchemy as sa

from headway.host.database import Database, metadata, references
from headway.host.world.changes import Change
from headway.host.world.rows import Rows, number

__all__ = ["IssueLink", "Links", "issue_links", "votes", "watchers"]

issue_links = sa.Table(
    "issue_links",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("type", sa.Text, nullable=False),  # a name of the catalog
    sa.Column("source", sa.Integer, references("issues.id"), nullable=False, index=True),
    sa.Column("target", sa.Integer, references("issues.id"), nullable=False, index=True),
    sqlite_autoincrement=True,
)


def _followers(name: str) -> sa.Table:
    return sa.Table(
        name,
        metadata,
        sa.Column("issue_id", sa.Integer, references("issues.id"), primary_key=True),
        sa.Column("account_id", sa.Text, primary_key=True),
    )


watchers, votes = _followers("watchers"), _followers("votes")


class IssueLink(msgspec.Struct, frozen=True, kw_only=True):
    """A link: *source* does to *target* what its type's outward side says (both are ids)."""

    id: int
    type: str
    source: int
    target: int


class Links:
    """The links between issues, and who follows them.

    >>> from headway.host.database import open_database
    >>> with open_database(None) as database:
    ...     Links(database, print).watchers(1)
    []
    """

    def __init__(self, database: Database, tell: Callable[[Change], None]) -> None:
        self._database = database
        self._rows = Rows(database)
        self._tell = tell
        self._of = database.cached(self._ask_of, issue_links)
        self._watchers = database.cached(partial(self._ask_followers, watchers), watchers)
        self._votes = database.cached(partial(self._ask_followers, votes), votes)

    def of(self, issue_id: int) -> list[IssueLink]:
        """The links of an issue in either direction, the oldest first."""
        return list(self._of(issue_id))

    def _ask_of(self, issue_id: int) -> tuple[IssueLink, ...]:
        here = sa.or_(issue_links.c.source == issue_id, issue_links.c.target == issue_id)
        return tuple(self._rows.all(IssueLink, issue_links, here, issue_links.c.id))

    def link(self, link_id: int | str) -> IssueLink | None:
        """The link with this id."""
        return self._rows.one(IssueLink, issue_links, issue_links.c.id == number(link_id))

    def add(self, type_name: str, source: int, target: int, author: str | None = None) -> IssueLink:
        """A new link; the same one twice stays one.  Raises ValueError for an issue and itself."""
        if source == target:
            raise ValueError("You cannot link an issue to itself.")
        row = {"type": type_name, "source": source, "target": target}
        is_it = sa.and_(*(issue_links.c[name] == value for name, value in row.items()))
        found = self._rows.one(IssueLink, issue_links, is_it)
        if found is not None:
            return found
        made = self._rows.add(IssueLink, issue_links, **row)
        self._tell(Change(event="issuelink_created", author=author, after=made))
        return made

    def delete(self, link_id: int, author: str | None = None) -> None:
        """Forget a link; raises LookupError where there is none."""
        before = self.link(link_id)
        if before is None:
            raise LookupError(f"there is no link {link_id}")
        with self._database.writing() as connection:
            connection.execute(issue_links.delete().where(issue_links.c.id == link_id))
        self._tell(Change(event="issuelink_deleted", author=author, before=before))

    # ---- followers --------------------------------------------------------------------------

    def watchers(self, issue_id: int) -> list[str]:
        """The account ids of those who watch an issue."""
        return list(self._watchers(issue_id))

    def votes(self, issue_id: int) -> list[str]:
        """The account ids of those who voted for an issue."""
        return list(self._votes(issue_id))

    def watch(self, issue_id: int, account_id: str, *, on: bool = True) -> None:
        """Begin or cease to watch an issue."""
        self._follow(watchers, issue_id, account_id, on=on)

    def vote(self, issue_id: int, account_id: str, *, on: bool = True) -> None:
        """Vote for an issue, or take the vote back."""
        self._follow(votes, issue_id, account_id, on=on)

    def _ask_followers(self, table: sa.Table, issue_id: int) -> tuple[str, ...]:
        column = table.c.account_id
        query = sa.select(column).where(table.c.issue_id == issue_id).order_by(column)
        with self._database.reading() as connection:
            return tuple(connection.scalars(query))

    def _follow(self, table: sa.Table, issue_id: int, account_id: str, *, on: bool) -> None:
        is_it = sa.and_(table.c.issue_id == issue_id, table.c.account_id == account_id)
        with self._database.writing() as connection:
            connection.execute(table.delete().where(is_it))
            if on:
                row = {"issue_id": issue_id, "account_id": account_id}
                connection.execute(table.insert().values(row))
