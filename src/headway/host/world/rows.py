"""Between rows and frozen values: a value's fields are its table's columns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, Generic, TypeAlias, TypeVar

import msgspec
import sqlalchemy as sa

from headway.host.database import Database
from headway.host.prepared import Prepared

__all__ = ["Lookup", "Order", "Rows", "Where", "bounded", "number", "read"]

T = TypeVar("T", bound=msgspec.Struct)
Where: TypeAlias = sa.ColumnElement[bool]
Order: TypeAlias = sa.ColumnElement[Any]

_ID = re.compile(r"[0-9]{1,18}")  # what SQLite can count to


class Rows:
    """Reads and adds values of one database; each call is one transaction.

    >>> from headway.host.database import open_database
    >>> from headway.host.world.people import User, users
    >>> with open_database(None) as database:
    ...     Rows(database).all(User, users, sa.true(), users.c.name)
    []
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def all(self, kind: type[T], table: sa.Table, where: Where, order: Order) -> list[T]:
        """Every row that *where* holds for, in *order*."""
        with self.database.reading() as connection:
            return read(connection, kind, table, where, order)

    def one(self, kind: type[T], table: sa.Table, where: Where) -> T | None:
        """The row that *where* holds for."""
        with self.database.reading() as connection:
            return next(iter(read(connection, kind, table, where)), None)

    def add(self, kind: type[T], table: sa.Table, **values: object) -> T:
        """A new row."""
        with self.database.writing() as connection:
            made = connection.scalar(table.insert().values(values).returning(table.c.id))
            return read(connection, kind, table, table.c.id == made)[0]


class Lookup(Generic[T]):
    """The values of *kind* that *where* holds for, in *order*: a question that is prepared.

    What differs each time is a ``bindparam`` of *where*.

    >>> from headway.host.database import open_database
    >>> from headway.host.world.people import User, users
    >>> by_name = Lookup(User, users, users.c.name == sa.bindparam("name"))
    >>> with open_database(None) as database:
    ...     by_name.one(database, name="ada") is None
    True
    """

    def __init__(
        self, kind: type[T], table: sa.Table, where: Where, order: Order | None = None
    ) -> None:
        self._kind = kind
        self._query = Prepared(_columns(kind, table).where(where).order_by(order))

    def all(self, database: Database, **values: object) -> list[T]:
        """Every one of them."""
        return _values(self._kind, database.select(self._query, **values))

    def one(self, database: Database, **values: object) -> T | None:
        """The first of them."""
        return next(iter(self.all(database, **values)), None)

    def within(self, connection: sa.Connection, **values: object) -> list[T]:
        """Every one of them, inside a transaction that is open."""
        return _values(self._kind, self._query.within(connection, **values))


def read(
    connection: sa.Connection,
    kind: type[T],
    table: sa.Table,
    where: Where,
    order: Order | None = None,
) -> list[T]:
    """The rows as values of *kind*, inside a transaction that is open."""
    query = _columns(kind, table).where(where).order_by(order)
    return _values(kind, connection.execute(query))


def _values(kind: type[T], rows: Iterable[Sequence[Any]]) -> list[T]:
    fields = kind.__struct_fields__
    return [kind(**dict(zip(fields, row, strict=True))) for row in rows]


@cache
def _columns(kind: type[msgspec.Struct], table: sa.Table) -> sa.Select[Any]:
    """The query for a value's columns, built once: that takes longer than to run it."""
    return sa.select(*(table.c[name] for name in kind.__struct_fields__))


def number(text: int | str) -> int | None:
    """An id as a number; None for anything that no id looks like.

    >>> number("10001"), number("DEMO-1")
    (10001, None)
    """
    return int(text) if _ID.fullmatch(str(text)) else None


def bounded(what: str, text: str, most: int, least: int = 0) -> str:
    """*text*, if it has *least* to *most* characters; else raises ValueError for people."""
    if not least <= len(text.strip()) <= most:
        raise ValueError(f"a {what} has {least} to {most} characters")
    return text
