"""Searching: a query and whoever asks -> the issues, a page at a time, and how many there are."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from headway.host.database import Database
from headway.host.search.fields import Condition, Context, field_named
from headway.host.search.jql import Clause, Negation, Node, Order, Query, QueryError, parse
from headway.host.world import Issue, Project, World
from headway.host.world.tracker import issues
from headway.ports import Clock

__all__ = ["Found", "Search"]

ORDERS_MAX = 7  # fields of one ORDER BY

OPPOSITE = {
    "=": "!=",
    "!=": "=",
    "in": "not in",
    "not in": "in",
    "~": "!~",
    "!~": "~",
    "<": ">=",
    ">=": "<",
    ">": "<=",
    "<=": ">",
}


class Found(NamedTuple):
    """One page of what was found, and how many there are in all."""

    issues: list[Issue]
    total: int


class Search:
    """Finds issues in the site's content; *now* is the real time, in seconds since 1970.

    >>> from headway.host.database import open_database
    >>> with open_database(None) as database:
    ...     world, search = World(database), Search(database, World(database), lambda: 0.0)
    ...     demo = world.tracker.add_project("DEMO", "Demonstration", public=True)
    ...     issue = world.tracker.add_issue("DEMO", "It works")
    ...     search.find(parse("summary ~ WORKS"), [demo]).total
    1
    """

    def __init__(
        self,
        database: Database,
        world: World,
        now: Clock,
        hidden: Callable[[str | None], Collection[int]] = lambda _: (),
    ) -> None:
        """*hidden* tells which comments an account (None: nobody) may not see, by their ids."""
        self._database = database
        self._world = world
        self._now = now
        self._hidden = hidden

    def find(
        self,
        query: Query,
        projects: Sequence[Project],
        asker: str | None = None,
        start: int = 0,
        limit: int = 50,
    ) -> Found:
        """The issues of *projects* that *query* asks for; raises QueryError.

        *asker* is the account id that ``currentUser()`` means.  Without an
        ORDER BY the newest comes first.
        """
        context = self._context(projects, asker)
        where = self._where(query, context)
        order = self._order(query.order)
        with self._database.reading() as connection:
            total = connection.scalar(sa.select(sa.func.count()).select_from(issues).where(where))
            columns = [issues.c[name] for name in Issue.__struct_fields__]
            chosen = sa.select(*columns).where(where).order_by(*order).offset(start).limit(limit)
            rows = connection.execute(chosen).mappings().all()
        return Found([Issue(**row) for row in rows], total or 0)

    def matching(
        self,
        query: Query,
        ids: Sequence[int],
        projects: Sequence[Project],
        asker: str | None = None,
    ) -> list[int]:
        """Which of the issues *ids* the query asks for; raises QueryError."""
        where = self._where(query, self._context(projects, asker))
        chosen = sa.select(issues.c.id).where(where, issues.c.id.in_(list(ids)))
        with self._database.reading() as connection:
            return list(connection.scalars(chosen.order_by(issues.c.id)))

    def matches(self, text: str, issue_id: int) -> bool:
        """Whether the issue is one that the query *text* asks for, whoever asks.

        This is what the filter of a webhook says.  Raises QueryError.
        """
        projects = self._world.tracker.projects()
        return bool(self.matching(parse(text), [issue_id], projects))

    def matched(self, text: str, issue: Issue) -> bool:
        """The same of an issue that is gone, by its own fields.  Raises QueryError."""
        projects = self._world.tracker.projects()
        where = self._where(parse(text), self._context(projects, None))
        with self._database.writing() as connection, connection.begin_nested() as there:
            connection.execute(issues.insert().values(msgspec.structs.asdict(issue)))
            found = connection.scalar(sa.select(issues.c.id).where(where, issues.c.id == issue.id))
            there.rollback()
        return found is not None

    def check(self, text: str) -> Query:
        """Read a query and look up all that it names; raises QueryError."""
        query = parse(text)
        self._where(query, self._context(self._world.tracker.projects(), None))
        self._order(query.order)
        return query

    # ---- from the query to SQL --------------------------------------------------------------

    def _context(self, projects: Sequence[Project], asker: str | None) -> Context:
        hidden = lambda: self._hidden(asker)  # noqa: E731 - asked for where a query needs it
        return Context(self._world, self._database, self._now(), asker, projects, hidden)

    def _where(self, query: Query, context: Context) -> Condition:
        seen = issues.c.project_key.in_([project.key for project in context.projects])
        if query.where is None:
            return seen
        return sa.and_(seen, self._condition(query.where, context, turned=False))

    def _condition(self, node: Node, context: Context, *, turned: bool) -> Condition:
        """*node*, or its opposite where it is *turned*: NOT goes down to the comparisons."""
        if isinstance(node, Negation):
            return self._condition(node.of, context, turned=not turned)
        if isinstance(node, Clause):
            operator = OPPOSITE[node.operator] if turned else node.operator
            field = field_named(node.field, self._world)
            return field.condition(Clause(node.field, operator, node.operands), context)
        parts = [self._condition(part, context, turned=turned) for part in node.of]
        return sa.and_(*parts) if node.every is not turned else sa.or_(*parts)

    def _order(self, orders: Sequence[Order]) -> list[sa.ColumnElement[Any]]:
        if len(orders) > ORDERS_MAX:
            raise QueryError(f"Error in the JQL Query: more than {ORDERS_MAX} fields in ORDER BY.")
        columns: list[sa.ColumnElement[Any]] = []
        for order in orders:
            field = field_named(order.field, self._world)
            if not field.order:
                raise QueryError(f"Field '{field.name}' does not support sorting.")
            columns += [c.desc() if order.descending else c.asc() for c in field.order]
        return [*columns, issues.c.id.desc()]
