"""The database engine: SQLite in a private file, or PostgreSQL by its address.

Every statement that only one of the two knows stands in this module.
"""

from __future__ import annotations

import os
import re
import sqlite3
import weakref
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DatabaseError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from headway.errors import ConfigurationError, StoreUnavailable
from headway.store.files import private_directory, private_file

__all__ = [
    "MEMORY",
    "alone",
    "copy_in",
    "copy_out",
    "driver_of",
    "is_address",
    "leaves_the_process",
    "open_engine",
    "order_later",
    "reached",
    "shown_address",
    "truncate_log",
    "writing",
]

MEMORY: Final = ":memory:"
BUSY_SECONDS = 5
POOL_SECONDS = 10
"""How long a caller waits for a connection that others use, before it is an outage."""

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_SCHEMES = ("postgresql", "postgres")
_SESSION = (  # of every connection to PostgreSQL, whatever the role's own settings are
    "-c default_transaction_isolation=read\\ committed "  # after the queue, what others committed
    "-c synchronous_commit=on "  # an acknowledged install survives a power cut
    f"-c lock_timeout={BUSY_SECONDS}s "
    "-c statement_timeout=30s "
    "-c idle_in_transaction_session_timeout=60s"
)
_NETWORK = {  # libpq: a peer that is gone is noticed, at connecting and later
    "connect_timeout": BUSY_SECONDS,
    "keepalives_idle": 30,
    "tcp_user_timeout": 10_000,
    "application_name": "headway",
    "client_encoding": "utf8",
}
_UPGRADE_LOCK = 0x68656164  # a number of our own among advisory locks

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
    """Open the SQLite database at *path*, one in memory for ``":memory:"``, or PostgreSQL.

    The file is made with mode 0600 in a directory of mode 0700.  PostgreSQL is
    named by its address, ``postgresql://user@machine/database``, in the form of
    libpq's connection URIs ("Connection Strings" in its manual).  A process
    that is forked off opens connections of its own; a database in memory is the
    parent's alone.

    Raises:
        ConfigurationError: the path can not be used, others may read it, the
            file is not a database, or the server can not be reached.

    >>> engine = open_engine(":memory:")
    >>> with engine.connect() as connection:
    ...     connection.scalar(sa.text("select 1 + 1"))
    2
    >>> engine.dispose()
    """
    if path == MEMORY:
        # One connection, lent to one thread at a time: a second one would be another database.
        return _engine(MEMORY, pool_size=1, max_overflow=0)
    if isinstance(path, str) and is_address(path):
        return _postgresql(path)
    try:
        is_directory = Path(path).is_dir()
    except OSError as error:
        raise ConfigurationError(f"{str(path)[:80]}: {error.strerror}") from None
    if is_directory:
        raise ConfigurationError(f"{path}: is a directory; name a file in it, such as headway.db")
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
    _start_anew_after_a_fork(engine)
    return engine


def is_address(text: str) -> bool:
    """Whether *text* names a database server and not a file.

    >>> is_address("postgresql:///headway"), is_address("data/headway.db")
    (True, False)
    """
    return _ADDRESS.match(text) is not None


def shown_address(text: str) -> str:
    """A server's address as it may be shown: without user, password and options.

    >>> shown_address("postgresql://me:secret@machine:5433/headway?sslmode=require")
    'postgresql://machine:5433/headway'
    """
    url = _parsed(text)
    return sa.URL.create(
        "postgresql", host=url.host, port=url.port, database=url.database
    ).render_as_string()


def leaves_the_process(engine: sa.Engine) -> bool:
    """Whether a query waits for another process: then it is kept off an event loop."""
    return engine.dialect.name != "sqlite"


@contextmanager
def reached() -> Iterator[None]:
    """Turn a database that does not answer into a refusal: an outage is a 503.

    Raises:
        StoreUnavailable: connecting failed or took too long, the connection
            broke, the server stops, starts or takes no writes, a lock was not
            had in time, or the disk is full.
    """
    try:
        yield
    except (
        sa.exc.OperationalError,
        sa.exc.InterfaceError,
        sa.exc.InternalError,  # a standby that takes no writes, a session that was ended
        sa.exc.TimeoutError,
    ) as error:
        # Of the driver's error only its type: its text may repeat what stands in a row.
        raise StoreUnavailable(found=type(getattr(error, "orig", error)).__name__) from None


@contextmanager
def explained() -> Iterator[None]:
    """Turn what a database says at start, or to a command, into one clear line.

    Raises:
        ConfigurationError: it refused what it was asked, or could not be asked.
    """
    try:
        yield
    except sa.exc.DBAPIError as error:
        # The first line says what is wrong; further ones may show a row.
        lines = str(error.orig).strip().splitlines() or [type(error.orig).__name__]
        raise ConfigurationError(f"the database says: {lines[0]}") from None


def alone(connection: sa.Connection) -> None:
    """Hold off every other upgrade until this transaction ends; SQLite's write lock does already.

    PostgreSQL has no row to lock in an empty database.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_UPGRADE_LOCK)))


def writing(engine: sa.Engine) -> sa.Engine:
    """*engine*, whose transactions take SQLite's write lock when they begin.

    A transaction that reads before it writes would else fail half-way where
    another process wrote in between.  On PostgreSQL a transaction gets the same
    by locking one row first, which each table's module names.
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
            driver_of(connection).backup(copy)
        data = bytearray(copy.serialize())
    data[_VERSIONS] = _NO_LOG  # a copy has no write-ahead log
    return bytes(data)


def copy_in(engine: sa.Engine, data: bytes) -> None:
    """Put what :func:`copy_out` gave in place of the whole database, at once."""
    with closing(sqlite3.connect(MEMORY)) as copy:
        copy.deserialize(data)
        with closing(engine.raw_connection()) as connection:
            copy.backup(driver_of(connection))


def order_later(connection: sa.Connection) -> None:
    """Look at references when the transaction ends: rows may come in any order."""
    connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")


def driver_of(connection: sa.PoolProxiedConnection) -> sqlite3.Connection:
    """The driver's own connection; raises ConfigurationError where it is not SQLite's."""
    driver = connection.driver_connection
    if not isinstance(driver, sqlite3.Connection):
        raise ConfigurationError("this needs a SQLite database")
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


def _postgresql(address: str) -> sa.Engine:
    url = _parsed(address)
    settings: dict[str, Any] = {**_NETWORK, "options": _SESSION}
    if isinstance(own := url.query.get("options"), str):
        settings["options"] += f" {own}"
    try:
        engine = sa.create_engine(
            url.set(drivername="postgresql+psycopg"),
            hide_parameters=True,
            pool_size=5,
            max_overflow=10,
            pool_timeout=POOL_SECONDS,
            pool_pre_ping=True,  # after a restart, no call fails for an old connection
            connect_args=settings,
        )
    except ModuleNotFoundError as missing:
        raise ConfigurationError(
            f"PostgreSQL needs {missing.name}: install Headway with its extra postgresql"
        ) from None
    try:
        engine.connect().close()
    except sa.exc.DBAPIError as error:
        engine.dispose()
        why = " ".join(str(error.orig).split())
        raise ConfigurationError(f"{shown_address(address)}: {why}") from None
    _start_anew_after_a_fork(engine)
    return engine


def _start_anew_after_a_fork(engine: sa.Engine) -> None:
    """Let a child process open connections of its own: two on one socket would mix their answers.

    A server that loads the app before it forks its workers needs nothing else.
    """
    kept = weakref.ref(engine)

    def start_anew() -> None:
        inherited = kept()
        if inherited is not None:
            inherited.dispose(close=False)  # the parent goes on with them

    os.register_at_fork(after_in_child=start_anew)


def _parsed(address: str) -> sa.URL:
    """A server's address; what is wrong with it is said without repeating it."""
    if address.partition("://")[0].lower() not in _SCHEMES:
        raise ConfigurationError(
            "a store is a file, or a server at postgresql://...; the address given is of neither"
        )
    if address.count("@") > 1:  # else the rest of a password is taken for the machine, and shown
        raise ConfigurationError(
            "the address of the database has two @: one in a user, a password or an option is "
            "written %40 there"
        )
    try:
        return sa.make_url(address)
    except (ArgumentError, ValueError):
        raise ConfigurationError(
            "the address of the database can not be read; it has the form "
            "postgresql://user@machine:5432/database"
        ) from None


def _set_up(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # the driver would begin transactions too late
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _begin(connection: sa.Connection) -> None:
    write = connection.get_execution_options().get("headway_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
