"""How the site's database is opened.  Each table stands beside the code that reads it.

The state of a site is made up for practice and not migrated: a database that a
newer Headway wrote is refused, and that is all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Self

import sqlalchemy as sa

from headway.errors import ConfigurationError
from headway.host.prepared import Prepared, Row
from headway.host.read_cache import EVERY_TABLE, Cached, K, Touched, V, Writes, touched_by
from headway.host.search.words import install
from headway.keys import Sealer, new_sealing_key
from headway.store.engine import (
    MEMORY,
    copy_in,
    copy_out,
    driver_of,
    open_engine,
    truncate_log,
    writing,
)
from headway.store.files import sealing_key

__all__ = ["Database", "Snapshot", "meta", "metadata", "open_database", "references"]

VERSION = 5
FILE = "site.db"
SEALED_WITH = "site"  # the id of the one sealing key

metadata = sa.MetaData()


def references(column: str) -> sa.ForeignKey:
    """A reference that goes when what it names goes."""
    return sa.ForeignKey(column, ondelete="CASCADE")


meta = sa.Table(  # what there is one of: the schema's version, the site's clientKey
    "meta",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)


class Snapshot(NamedTuple):
    """The whole of a database at one moment; what is sealed in it opens with *sealer* alone."""

    data: bytes
    sealer: Sealer

    def __repr__(self) -> str:
        return f"<snapshot of {len(self.data)} bytes>"


class Database:
    """The engine and the sealer; every reader and writer goes through its two contexts.

    In memory there is one connection: contexts are not nested.

    >>> with open_database(None) as database, database.reading() as connection:
    ...     connection.scalar(sa.select(meta.c.value).where(meta.c.name == "version"))
    '5'
    """

    def __init__(self, engine: sa.Engine, sealer: Sealer) -> None:
        self.engine = engine
        self.sealer = sealer
        self._writes = Writes()
        self._writing = writing(engine)
        sa.event.listen(self._writing, "before_cursor_execute", _note)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection that sees one state of the database."""
        with self.engine.begin() as connection:
            yield connection

    def select(self, query: Prepared, **values: object) -> list[Row]:
        """What a query finds that is prepared: one statement, a transaction by itself."""
        with closing(self.engine.raw_connection()) as connection:
            return query.run(driver_of(connection), values)

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """One transaction that holds the write lock; an exception undoes it."""
        touched: Touched = set()
        try:
            with self._writing.begin() as connection:
                yield connection.execution_options(headway_touched=touched)
        finally:
            self._writes.note(touched)

    def cached(self, ask: Callable[[K], V], *tables: sa.Table) -> Cached[K, V]:
        """A question of *tables* whose answers are kept until one of them is written.

        See :mod:`headway.host.read_cache`.
        """
        return Cached(self._writes, ask, *tables)

    def snapshot(self) -> Snapshot:
        """All that is in the database now."""
        return Snapshot(copy_out(self.engine), self.sealer)

    def restore(self, snapshot: Snapshot) -> None:
        """Be what *snapshot* was, at once; its sealer is from now on this one's."""
        try:
            copy_in(self.engine, snapshot.data)
        finally:
            self._writes.note(EVERY_TABLE)
        self.sealer = snapshot.sealer

    def close(self) -> None:
        """Empty the write-ahead log and close."""
        truncate_log(self.engine)
        self.engine.dispose()


def open_database(data: Path | None) -> Database:
    """Open the site's database in the folder *data*, or in memory; make what is not there.

    Raises:
        ConfigurationError: the folder can not be used, others may read it, or
            a newer Headway wrote the database.
    """
    if data is None:
        engine, key = open_engine(MEMORY), new_sealing_key()
    else:
        key = sealing_key({}, data)
        engine = open_engine(data / FILE)
    install(engine)
    if data is not None:
        engine.dispose()  # a connection that is open already would not know of it
    try:
        _create(engine)
    except ConfigurationError:
        engine.dispose()
        raise
    return Database(engine, Sealer({SEALED_WITH: key}, SEALED_WITH))


def _note(
    connection: sa.Connection, cursor: Any, text: str, parameters: Any, context: Any, many: bool
) -> None:
    """Put down what a statement of a transaction that writes touches."""
    touched: Touched | None = connection.get_execution_options().get("headway_touched")
    if touched is not None:
        compiled = context.compiled
        touched |= touched_by(compiled.statement if compiled is not None else text)


def _create(engine: sa.Engine) -> None:
    with writing(engine).begin() as connection:
        metadata.create_all(connection)
        found = connection.scalar(sa.select(meta.c.value).where(meta.c.name == "version"))
        if found is None:
            connection.execute(meta.insert().values(name="version", value=str(VERSION)))
        elif found != str(VERSION):
            raise ConfigurationError(
                f"{FILE}: was written by another Headway (version {found}, this one reads "
                f"{VERSION}); start with another folder"
            )
