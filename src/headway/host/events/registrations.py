"""Webhooks that apps register by a call: kept, bounded, and gone after a while."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from headway.host.database import Database, metadata
from headway.host.search.jql import Clause, Junction, Negation, Node, Query
from headway.host.world.rows import read

__all__ = ["EVENTS", "LIFE_SECONDS", "PER_APP", "Registration", "Registrations", "unsupported"]

PER_APP = 100
"""How many an app may have; the host's documents name this for Connect apps."""

LIFE_SECONDS = 30 * 86_400.0
"""After which one is gone, unless it was refreshed ("Extend webhook life")."""

EVENTS = (
    *("jira:issue_created", "jira:issue_updated", "jira:issue_deleted"),
    *("comment_created", "comment_updated", "comment_deleted"),
    *("issue_property_set", "issue_property_deleted"),
)
"""What can be registered for ("Register dynamic webhooks": ``events``)."""

FIELDS = frozenset({"issuekey", "key", "project", "issuetype", "type", "status"}) | {
    "assignee",
    "reporter",
}
OPERATORS = frozenset({"=", "!=", "in", "not in"})
"""What of JQL a filter may use ("Register dynamic webhooks": ``jqlFilter``)."""

registrations = sa.Table(
    "webhook_registrations",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("app_key", sa.Text, nullable=False, index=True),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("events", sa.JSON, nullable=False),
    sa.Column("jql", sa.Text, nullable=False),
    sa.Column("field_ids", sa.JSON, nullable=False),
    sa.Column("property_keys", sa.JSON, nullable=False),
    sa.Column("expires", sa.Float, nullable=False),  # the site's date
    sqlite_autoincrement=True,
)


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """One registered webhook; ``expires`` is a date of the site, in seconds since 1970."""

    id: int
    app_key: str
    url: str
    events: list[str]
    jql: str
    field_ids: list[str]
    property_keys: list[str]
    expires: float


class Registrations:
    """The registered webhooks of every app; what has expired is not there.

    >>> from headway.host.database import open_database
    >>> with open_database(None) as database:
    ...     Registrations(database).of("my-app", at=0.0)
    []
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._all = database.cached(self._ask_all, registrations)

    def of(self, app_key: str, at: float) -> list[Registration]:
        """Those of one app on the site's date *at*, the oldest first."""
        return [each for each in self.all(at) if each.app_key == app_key]

    def all(self, at: float) -> list[Registration]:
        """Those of every app."""
        return [each for each in self._all(None) if each.expires > at]

    def _ask_all(self, _: None) -> tuple[Registration, ...]:
        with self._database.reading() as connection:
            found = read(connection, Registration, registrations, sa.true(), registrations.c.id)
        return tuple(found)

    def add(self, app_key: str, url: str, expires: float, **values: Any) -> int:
        """Keep a new one: ``events``, ``jql``, ``field_ids``, ``property_keys``; its id."""
        row = {"app_key": app_key, "url": url, "expires": expires, **values}
        with self._database.writing() as connection:
            made: int = connection.execute(
                registrations.insert().values(row).returning(registrations.c.id)
            ).scalar_one()
        return made

    def remove(self, app_key: str, ids: Iterable[int] | None = None) -> None:
        """Forget these of an app, or all; those of others stay."""
        mine = registrations.c.app_key == app_key
        these = sa.true() if ids is None else registrations.c.id.in_(list(ids))
        with self._database.writing() as connection:
            connection.execute(registrations.delete().where(mine, these))

    def refresh(self, app_key: str, ids: Sequence[int], expires: float) -> None:
        """Let these of an app live on until *expires*."""
        these = sa.and_(registrations.c.app_key == app_key, registrations.c.id.in_(list(ids)))
        with self._database.writing() as connection:
            connection.execute(registrations.update().where(these).values(expires=expires))


def unsupported(query: Query) -> list[str]:
    """What of a filter is more than a registered webhook may use; one sentence each.

    >>> from headway.host.search.jql import parse
    >>> unsupported(parse("project = DEMO AND watchCount > 3"))
    ['The clause watchCount is unsupported']
    """
    found = ["The filter can not be ordered"] if query.order else []
    nodes: list[Node] = [query.where] if query.where is not None else []
    while nodes:
        node = nodes.pop(0)
        if isinstance(node, Clause):
            found += _unsupported(node)
        elif isinstance(node, Negation):
            nodes.append(node.of)
        elif isinstance(node, Junction):
            nodes += node.of
    return found


def _unsupported(clause: Clause) -> list[str]:
    name = clause.field.lower()
    if name not in FIELDS and not name.startswith(("issue.property", "cf[")):
        return [f"The clause {clause.field} is unsupported"]
    if clause.operator not in OPERATORS:
        return [f"The operator {clause.operator} of {clause.field} is unsupported"]
    return []
