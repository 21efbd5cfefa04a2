"""A query that is written once and asked often, by the driver itself.

For one row out of a small table SQLAlchemy takes ten times as long as SQLite:
it builds the query, finds its text, begins, wraps the result.  What each call of
the API asks is prepared instead; everything else stays as it is.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from headway.store.engine import driver_of

__all__ = ["Prepared", "Row"]

Row: TypeAlias = tuple[Any, ...]

_DIALECT = sqlite.dialect()


class Prepared:
    """*query* as SQLite's text; what differs each time stands in it as ``bindparam``.

    A list of values whose length differs (``IN``) can not be prepared: that
    raises ValueError.

    >>> table = sa.Table("t", sa.MetaData(), sa.Column("a", sa.Integer), sa.Column("b", sa.JSON))
    >>> query = Prepared(sa.select(table.c.b).where(table.c.a == sa.bindparam("a")))
    >>> connection = sqlite3.connect(":memory:")
    >>> for text in ("CREATE TABLE t (a, b)", "INSERT INTO t VALUES (1, '[true]')"):
    ...     done = connection.execute(text)
    >>> query.run(connection, {"a": 1}), query.run(connection, {"a": 2})
    ([([True],)], [])
    >>> connection.close()
    """

    def __init__(self, query: sa.Select[Any]) -> None:
        compiled = query.compile(dialect=_DIALECT)
        if compiled.post_compile_params:
            raise ValueError("a list of values can not be prepared")
        self._text = compiled.string
        self._names = compiled.positiontup or []
        self._fixed = {name: value for name, value in compiled.params.items() if value is not None}
        self._readers = [
            (place, reader)
            for place, column in enumerate(query.selected_columns)
            if (reader := _reader(column.type)) is not None
        ]

    def run(self, connection: sqlite3.Connection, values: Mapping[str, object]) -> list[Row]:
        """The rows, for these *values*; raises KeyError where one is missing."""
        given = {**self._fixed, **values}
        found = connection.execute(self._text, [given[name] for name in self._names]).fetchall()
        return [self._read(row) for row in found] if self._readers else found

    def within(self, connection: sa.Connection, **values: object) -> list[Row]:
        """The rows, inside a transaction that is open."""
        return self.run(driver_of(connection.connection), values)

    def _read(self, row: Row) -> Row:
        values = list(row)
        for place, reader in self._readers:
            values[place] = reader(values[place])
        return tuple(values)


def _reader(kind: sa.types.TypeEngine[Any]) -> Callable[[Any], Any] | None:
    """What makes a value of a column out of what SQLite keeps; None where it is the same."""
    return kind.dialect_impl(_DIALECT).result_processor(_DIALECT, None)
