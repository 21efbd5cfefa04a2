"""Where usage is kept: a SQLite file, or PostgreSQL for many nodes.

Counts are only ever added to, by one statement for each record, so that nodes
lose nothing to each other; a batch has an id that is kept beside it, so that
one whose answer was lost can be sent again and counts once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from headway.errors import ConfigurationError
from headway.gateway.usage.record import Record
from headway.store.engine import (
    alone,
    explained,
    open_engine,
    reached,
    truncate_log,
    writing,
)

__all__ = ["UsageStore", "open_usage"]

FORMAT = 1
ROWS_AT_ONCE = 1_000

_metadata = sa.MetaData()
_HOURS = tuple(f"h{hour:02}" for hour in range(24))
_KEY = ("day", "location", "verified", "client", "outcome", "method", "route", "agent")
_SUMS = ("count", "also_header", "from_browser", *_HOURS)

_usage = sa.Table(
    "gateway_usage",
    _metadata,
    sa.Column("day", sa.Text, primary_key=True),
    sa.Column("location", sa.Text, primary_key=True),
    sa.Column("verified", sa.Boolean, primary_key=True),
    sa.Column("client", sa.Text, primary_key=True),
    sa.Column("outcome", sa.Text, primary_key=True),
    sa.Column("method", sa.Text, primary_key=True),
    sa.Column("route", sa.Text, primary_key=True),
    sa.Column("agent", sa.Text, primary_key=True),
    *(sa.Column(name, sa.BigInteger, nullable=False) for name in _SUMS),
    sa.Column("first_seen", sa.BigInteger, nullable=False),
    sa.Column("last_seen", sa.BigInteger, nullable=False),
    sa.Column("sample", sa.Text, nullable=False),
    sa.Index("gateway_usage_client", "client", "verified"),
)
_batches = sa.Table(
    "gateway_usage_batches",
    _metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("day", sa.Text, nullable=False),
)
_days = sa.Table(  # on which somebody counted, whether or not there was anything to count
    "gateway_usage_days", _metadata, sa.Column("day", sa.Text, primary_key=True)
)
_format = sa.Table(
    "gateway_usage_format", _metadata, sa.Column("format", sa.Integer, primary_key=True)
)


def open_usage(where: str | Path) -> UsageStore:
    """The store in the file, or at the address, *where*; its tables are made where they lack.

    Raises ConfigurationError: it can not be used, or a newer release wrote it.

    >>> store = open_usage(":memory:")
    >>> list(store.records())
    []
    >>> store.close()
    """
    engine = open_engine(where)
    try:
        with explained(), writing(engine).begin() as connection:
            alone(connection)
            _metadata.create_all(connection)
            found = connection.scalar(sa.select(_format.c.format))
            if found is None:
                connection.execute(_format.insert(), {"format": FORMAT})
            elif found != FORMAT:
                raise ConfigurationError(
                    f"the usage has format {found}, this release knows {FORMAT}: "
                    "a newer release wrote it"
                )
    except ConfigurationError:
        engine.dispose()
        raise
    return UsageStore(engine)


class UsageStore:
    """Adds batches of records, and reads what they came to."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._writing = writing(engine)
        self._insert = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert

    def add(self, records: Iterable[Record], *, batch: str, days: Sequence[str]) -> bool:
        """Add *records*, and at least one day on which somebody counted; False where *batch* was.

        All or nothing.  Raises :class:`~headway.errors.StoreUnavailable`; then
        the same batch may be sent again.
        """
        with reached(), self._writing.begin() as connection:
            once = self._insert(_batches).values(id=batch, day=max(days)).on_conflict_do_nothing()
            if connection.execute(once.returning(_batches.c.id)).first() is None:
                return False
            seen = self._insert(_days).on_conflict_do_nothing()
            connection.execute(seen, [{"day": day} for day in sorted(set(days))])
            merge, rows = self._merge(), []
            for record in records:
                rows.append(_row(record))
                if len(rows) == ROWS_AT_ONCE:
                    connection.execute(merge, _in_order(rows))
                    rows = []
            if rows:
                connection.execute(merge, _in_order(rows))
        return True

    def _merge(self) -> Any:
        """One record into the table: added to what stands there, in one statement."""
        insert, old = self._insert(_usage), _usage.c
        new = insert.excluded
        return insert.on_conflict_do_update(
            index_elements=list(_KEY),
            set_={
                **{name: old[name] + new[name] for name in _SUMS},
                "first_seen": _lesser(old.first_seen, new.first_seen),
                "last_seen": _lesser(new.last_seen, old.last_seen, turned=True),
                "sample": sa.case((old.sample != "", old.sample), else_=new.sample),
            },
        )

    def records(
        self,
        *,
        since: str | None = None,
        until: str | None = None,
        location: str | None = None,
        client: str | None = None,
        verified: bool | None = None,
    ) -> Iterator[Record]:
        """Records from the day *since* to the day *until*, oldest first; all of them by default."""
        wanted = [
            column == value
            for column, value in (
                (_usage.c.location, location),
                (_usage.c.client, client),
                (_usage.c.verified, verified),
            )
            if value is not None
        ]
        wanted += [_usage.c.day >= since] if since else []
        wanted += [_usage.c.day <= until] if until else []
        query = sa.select(_usage).where(*wanted).order_by(*(_usage.c[name] for name in _KEY))
        with explained(), self._engine.connect() as connection:
            for row in connection.execute(query.execution_options(yield_per=ROWS_AT_ONCE)):
                yield _record(row._mapping)

    def sizes(self, *, since: str | None = None) -> dict[str, int]:
        """How many records there are of each day, from the day *since* on."""
        query = sa.select(_usage.c.day, sa.func.count()).group_by(_usage.c.day)
        if since is not None:
            query = query.where(_usage.c.day >= since)
        with explained(), self._engine.connect() as connection:
            return {row.day: row[1] for row in connection.execute(query)}

    def days(self) -> frozenset[str]:
        """The days on which somebody counted."""
        with explained(), self._engine.connect() as connection:
            return frozenset(connection.scalars(sa.select(_days.c.day)))

    def forget(self, before: str) -> int:
        """Remove what is older than the day *before*, to its last byte; how many records."""
        kept = (date.fromisoformat(before) - timedelta(days=1)).isoformat()
        with reached(), self._writing.begin() as connection:
            gone = connection.execute(_usage.delete().where(_usage.c.day < before)).rowcount
            connection.execute(_days.delete().where(_days.c.day < before))
            connection.execute(_batches.delete().where(_batches.c.day < kept))
        if gone:
            with reached():
                truncate_log(self._engine)
        return gone

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()


def _lesser(one: Any, other: Any, *, turned: bool = False) -> Any:
    return sa.case((one > other, one) if turned else (one < other, one), else_=other)


def _in_order(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Two nodes that lock the same rows do so in the same order."""
    return sorted(rows, key=lambda row: tuple(row[name] for name in _KEY))


def _row(record: Record) -> dict[str, Any]:
    hours = record.hours or (0,) * 24
    return {
        **{name: getattr(record, name) for name in (*_KEY, "count", "also_header", "from_browser")},
        **dict(zip(_HOURS, hours, strict=True)),
        "first_seen": record.first,
        "last_seen": record.last,
        "sample": record.sample,
    }


def _record(row: Any) -> Record:
    hours = tuple(row[name] for name in _HOURS)
    return Record(
        **{name: row[name] for name in (*_KEY, "count", "also_header", "from_browser", "sample")},
        hours=hours if any(hours) else (),
        first=row["first_seen"],
        last=row["last_seen"],
    )
