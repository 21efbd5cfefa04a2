"""Where another framework keeps its tenants, opened to read: SQLite, PostgreSQL, Redis, CSV.

A file is opened read-only, a server's transaction is read-only.  Nothing that
stands in a row is ever in a message.
"""

from __future__ import annotations

import csv
import sqlite3
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from headway.errors import ConfigurationError
from headway.store.engine import is_address, open_engine

__all__ = ["Row", "has_password", "is_readable_by_others", "redis_values", "rows"]

Row = Mapping[str, Any]
_SERVERS = ("postgresql://", "postgres://")
SCAN = 500  # keys of one answer


def has_password(source: str) -> bool:
    """Whether an address holds a password, which a process list would show.

    >>> has_password("postgresql://me:secret@machine/db"), has_password("tenants.db")
    (True, False)
    """
    if not is_address(source):
        return False
    try:
        url = sa.make_url(source)
    except (SQLAlchemyError, ValueError):
        return True  # it can not be told: better to warn
    return bool(url.password or "password" in url.query)


def is_readable_by_others(source: str) -> bool:
    """Whether *source* is a file that others may read: it holds every secret in the open."""
    path = Path(source)
    return (
        not is_address(source)
        and path.is_file()
        and bool(stat.S_IMODE(path.stat().st_mode) & 0o077)
    )


def rows(source: str, tables: Sequence[str]) -> Iterator[tuple[str, Row]]:
    """Every row of the first of *tables* that is there, with its place; names in lower case.

    Names of tables are matched without regard to case.  A CSV file is one table.

    Raises:
        ConfigurationError: the source can not be opened, or has none of the tables.
    """
    if not is_address(source) and source.lower().endswith(".csv"):
        yield from _csv(Path(source))
        return
    with _opened(source) as engine:
        table = _table(engine, source, tables)
        try:
            with engine.connect() as connection:
                # As the driver gives them: what a column promises may not be what is in it.
                raw = [sa.type_coerce(column, sa.types.NullType()) for column in table.c]
                found = connection.execute(sa.select(*raw)).mappings().all()
        except DBAPIError as error:
            raise ConfigurationError(
                f"the table {table.name} can not be read: {type(error.orig).__name__}"
            ) from None
    for number, row in enumerate(found, 1):
        yield f"{table.name} row {number}", {k.lower(): v for k, v in row.items()}


def redis_values(url: str, pattern: str) -> Iterator[tuple[str, str]]:
    """Every text value of Redis whose key matches *pattern*, with its key.

    Raises:
        ConfigurationError: the server can not be asked.
    """
    import redis

    try:
        with redis.Redis.from_url(url, socket_timeout=10, decode_responses=True) as client:
            for key in sorted(client.scan_iter(match=pattern, count=SCAN)):
                value = client.get(key)
                if isinstance(value, str):
                    yield key, value
    except (redis.RedisError, ValueError, OSError) as error:
        raise ConfigurationError(f"Redis can not be asked: {type(error).__name__}") from None


@contextmanager
def _opened(source: str) -> Iterator[sa.Engine]:
    engine = _server(source) if is_address(source) else _file(Path(source))
    try:
        yield engine
    finally:
        engine.dispose()


def _server(source: str) -> sa.Engine:
    if not source.startswith(_SERVERS):
        raise ConfigurationError(
            "the source: a SQLite file, postgresql://, redis:// (ace alone), a CSV or a dump is "
            "read; write the table of another database as a CSV"
        )
    engine = open_engine(source)
    return engine.execution_options(postgresql_readonly=True)


def _file(path: Path) -> sa.Engine:
    if path.is_dir():
        raise ConfigurationError(f"{path}: is a directory; name a file in it")
    if not path.is_file():
        raise ConfigurationError(f"{path}: there is no such file")
    address = f"{path.resolve().as_uri()}?mode=ro"
    engine = sa.create_engine(
        "sqlite://",
        creator=lambda: _read_only(address),
        hide_parameters=True,
    )
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("SELECT count(*) FROM sqlite_master")
    except DBAPIError as error:
        raise ConfigurationError(f"{path}: {error.orig}") from None
    return engine


def _read_only(address: str) -> sqlite3.Connection:
    connection = sqlite3.connect(address, uri=True, check_same_thread=False)
    connection.execute("PRAGMA trusted_schema = OFF")  # somebody else made this file
    return connection


def _table(engine: sa.Engine, source: str, tables: Sequence[str]) -> sa.Table:
    there = {name.lower(): name for name in sa.inspect(engine).get_table_names()}
    for name in tables:
        if name.lower() in there:
            return sa.Table(there[name.lower()], sa.MetaData(), autoload_with=engine)
    place = "the server" if is_address(source) else source
    raise ConfigurationError(f"{place}: has no table {' or '.join(tables)}; name one with --table")


def _csv(path: Path) -> Iterator[tuple[str, Row]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for number, row in enumerate(csv.DictReader(file), 2):
                yield f"line {number}", {k.lower(): v for k, v in row.items() if k is not None}
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from None
    except (ValueError, csv.Error):
        raise ConfigurationError(f"{path}: is no CSV in UTF-8") from None
