"""The database engine: SQLite, opened so that nothing readable is left behind.

Every statement that only SQLite knows stands in this module.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from headway.errors import ConfigurationError
from headway.store.files import private_directory, private_file

__all__ = [
    "MEMORY",
    "copy_in",
    "copy_out",
    "open_engine",
    "order_later",
    "truncate_log",
    "writing",
]

MEMORY: Final = ":memory:"
BUSY_SECONDS = 5

_PRAGMAS = (
    f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}",  # first: the next one may have to wait
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # an acknowledged install survives a power cut
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = ON",  # freed content is overwritten with zeros
    "PRAGMA trusted_schema = OFF",
)
_VERSIONS, _NO_LOG = slice(18, 20), b"\x01\x01"  # SQLite: "Database File Format" section 1.3.3
_BESIDE = ("-wal", "-shm", "-journal")  # what SQLite keeps next to a database


def open_engine(path: str | Path) -> sa.Engine:
    """Open the SQLite database at *path*, or one in memory for ``":memory:"``.

    The file is made with mode 0600 in a directory of mode 0700.  Open it after
    a process forks, not before.

    Raises:
        ConfigurationError: the path can not be used, others may read it, or the
            file is not a database.

    >>> engine = open_engine(":memory:")
    >>> with engine.connect() as connection:
    ...     connection.scalar(sa.text("select 1 + 1"))
    2
    >>> engine.dispose()
    """
    if path == MEMORY:
        # One connection, lent to one thread at a time: a second one would be another database.
        return _engine(MEMORY, pool_size=1, max_overflow=0)
    file = private_directory(Path(path).parent) / Path(path).name
    private_file(file)
    for suffix in _BESIDE:
        private_file(file.with_name(file.name + suffix), create=False)
    engine = _engine(str(file), pool_size=5, max_overflow=10)
    try:
        engine.connect().close()
    except DatabaseError as error:
        engine.dispose()
        raise ConfigurationError(f"{file}: {error.orig}") from None
    return engine


def writing(engine: sa.Engine) -> sa.Engine:
    """*engine*, whose transactions take the write lock when they begin.

    A transaction that reads before it writes would else fail half-way where
    another process wrote in between.
    """
    return engine.execution_options(headway_write=True)


def truncate_log(engine: sa.Engine) -> None:
    """Move SQLite's write-ahead log into the database and empty it.

    The log keeps old pages, also those of deleted rows, until then.  Where a
    reader stands in the way, the next call does it.
    """
    if engine.dialect.name != "sqlite":
        return
    with closing(engine.raw_connection()) as connection:  # not inside a transaction
        cursor = connection.cursor()
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        cursor.close()


def copy_out(engine: sa.Engine) -> bytes:
    """The whole database as it is now, for :func:`copy_in`; it holds what is sealed, sealed.

    >>> engine = open_engine(MEMORY)
    >>> copy_out(engine)[:15]
    b'SQLite format 3'
    >>> engine.dispose()
    """
    with closing(sqlite3.connect(MEMORY)) as copy:
        with closing(engine.raw_connection()) as connection:
            _driver(connection).backup(copy)
        data = bytearray(copy.serialize())
    data[_VERSIONS] = _NO_LOG  # a copy has no write-ahead log
    return bytes(data)


def copy_in(engine: sa.Engine, data: bytes) -> None:
    """Put what :func:`copy_out` gave in place of the whole database, at once."""
    with closing(sqlite3.connect(MEMORY)) as copy:
        copy.deserialize(data)
        with closing(engine.raw_connection()) as connection:
            copy.backup(_driver(connection))


def order_later(connection: sa.Connection) -> None:
    """Look at references when the transaction ends: rows may come in any order."""
    connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")


def _driver(connection: sa.PoolProxiedConnection) -> sqlite3.Connection:
    driver = connection.driver_connection
    if not isinstance(driver, sqlite3.Connection):
        raise ConfigurationError("only a SQLite database can be copied")
    return driver


def _engine(database: str, *, pool_size: int, max_overflow: int) -> sa.Engine:
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=database),
        hide_parameters=True,
        poolclass=QueuePool,
        pool_size=pool_size,
        max_overflow=max_overflow,
        connect_args={"check_same_thread": False, "timeout": BUSY_SECONDS},
    )
    sa.event.listen(engine, "connect", _set_up)
    sa.event.listen(engine, "begin", _begin)
    return engine


def _set_up(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # the driver would begin transactions too late
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _begin(connection: sa.Connection) -> None:
    write = connection.get_execution_options().get("headway_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
