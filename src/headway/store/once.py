"""What counts once, for all processes on one database: used tokens, and tickets to take.

A ticket is put with a value and taken by exactly one caller; a token is first
for exactly one caller.  Both live until their time is over, and none is
dropped before it to make room.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import sqlalchemy as sa

from headway.errors import ClockBehind, ConfigurationError, ReplayCacheFull
from headway.ports import Clock, OnceOnly
from headway.store.engine import reached, writing
from headway.store.replay import LEEWAY
from headway.store.tables import once, once_state

__all__ = ["KEY_BYTES", "VALUE_BYTES_MAX", "Once", "SqlOnce", "token_key"]

KEY_BYTES = range(16, 65)
"""How long a key may be: a keyed hash of a ticket, never the ticket."""

VALUE_BYTES_MAX = 65_536
_TAKEN, _USED = b"v", b"t"  # what is to be taken, and tokens that were used, never meet


class Once(Protocol):
    """Keeps what counts once, shared by all processes; answers ``OnceOnly`` too."""

    def put(self, key: bytes, value: bytes, until: int) -> None:
        """Keep *value* under *key*, to be taken once, up to the second *until*."""

    def take(self, key: bytes) -> bytes | None:
        """The value for the one caller who is first; None for all others, and after its time."""

    def first(self, once: OnceOnly) -> bool:
        """Whether the token was never seen before; it counts as seen from now on."""


class SqlOnce:
    """:class:`Once` in a table, on SQLite or PostgreSQL.

    *capacity* bounds what lives at once; when it is full, everything is
    refused.  Synchronous, and safe to share between threads and processes.
    *value* is kept as it is given: seal it, so that a copy of the database
    gives nothing away.

    >>> from headway.store.engine import open_engine
    >>> from headway.store.migrations import upgrade
    >>> engine = open_engine(":memory:")
    >>> version = upgrade(engine)
    >>> tickets = SqlOnce(engine, clock=lambda: 1000.0)
    >>> tickets.put(bytes(32), b"sealed", until=1030)
    >>> tickets.take(bytes(32)), tickets.take(bytes(32))
    (b'sealed', None)
    >>> engine.dispose()
    """

    def __init__(
        self, engine: sa.Engine, *, capacity: int = 100_000, clock: Clock = time.time
    ) -> None:
        if capacity < 1:
            raise ConfigurationError("a memory of used tokens needs room for at least one")
        self._engine = engine
        self._capacity = capacity
        self._clock = clock

    def put(self, key: bytes, value: bytes, until: int) -> None:
        """Keep *value* under *key*, to be taken once; *until* is in seconds since 1970.

        Raises:
            ValueError: the key is not of 16 to 64 bytes or is in use, or the
                value is over 64 KiB.
            ReplayCacheFull: there is no room for one more.
            ClockBehind: the clock stands behind the latest time recorded.
            StoreUnavailable: the database does not answer.
        """
        check_sizes(key, value)
        with self._adding() as (connection, now):
            if not self._add(connection, _TAKEN + key, value, until, now):
                raise ValueError("the key is in use")

    def take(self, key: bytes) -> bytes | None:
        """What was put under *key*, for the first who asks within its time; else None.

        Raises:
            ClockBehind: the clock stands behind the latest time recorded.
            StoreUnavailable: the database does not answer.
        """
        here = once.c.key == _TAKEN + key
        with reached(), writing(self._engine).begin() as connection:
            now = _held(connection.scalar(sa.select(once_state.c.mark)), self._clock())
            # A row is deleted by one transaction alone: whoever did that has the value.
            taken = sa.delete(once).where(here).returning(once.c.value, once.c.until)
            row = connection.execute(taken).first()
        if row is None or now > row.until:
            return None
        return bytes(row.value)

    def first(self, once: OnceOnly) -> bool:
        """Whether the token was never seen before; it counts as seen from now on.

        Raises:
            ReplayCacheFull: there is no room to remember one more.
            ClockBehind: the clock stands behind the latest time recorded.
            StoreUnavailable: the database does not answer.
        """
        # The clock may go back by the leeway unrefused: so much longer is a token remembered.
        end = once.until + LEEWAY
        with self._adding() as (connection, now):
            return now <= end and self._add(connection, _USED + token_key(once), b"", end, now)

    @contextmanager
    def _adding(self) -> Iterator[tuple[sa.Connection, int]]:
        """A transaction in line with all others that add, and the time at which it happens."""
        with reached(), writing(self._engine).begin() as connection:
            mark = connection.scalar(sa.select(once_state.c.mark).with_for_update())
            now = _held(mark, self._clock())
            connection.execute(sa.update(once_state).values(mark=now))
            yield connection, now

    def _add(
        self, connection: sa.Connection, key: bytes, value: bytes, until: int, now: int
    ) -> bool:
        """Make room among what is over, and add a row; False where there is one."""
        ended = connection.execute(sa.delete(once).where(once.c.until < now)).rowcount
        held = (connection.scalar(sa.select(once_state.c.held)) or 0) - ended
        if connection.scalar(sa.select(once.c.until).where(once.c.key == key)) is not None:
            added = 0
        else:
            if held >= self._capacity:  # what was taken is counted out only here
                held = connection.scalar(sa.select(sa.func.count()).select_from(once)) or 0
            if held >= self._capacity:
                raise ReplayCacheFull(found=f"{self._capacity} live tokens")
            connection.execute(sa.insert(once).values(key=key, value=value, until=until))
            added = 1
        connection.execute(sa.update(once_state).values(held=held + added))
        return bool(added)


def check_sizes(key: bytes, value: bytes) -> None:
    """Hold what is put to its bounds; raises ValueError."""
    if len(key) not in KEY_BYTES:
        raise ValueError(f"a key has {KEY_BYTES.start} to {KEY_BYTES.stop - 1} bytes")
    if len(value) > VALUE_BYTES_MAX:
        raise ValueError(f"a value has at most {VALUE_BYTES_MAX} bytes")


def token_key(once: OnceOnly) -> bytes:
    """What a used token is kept under: a hash, with lengths so that no two share a text.

    >>> len(token_key(OnceOnly(scope="site", digest="5f70bf18", issued=1000, until=1180)))
    32
    """
    parts = (once.scope.encode(), once.digest.encode())
    text = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return hashlib.sha256(b"headway once 1" + text).digest()


def _held(mark: int | None, clock: float) -> int:
    """The latest time seen, *clock* among it; refuses where the clock is behind it."""
    if mark is None:
        raise ConfigurationError("the database has lost the mark of what counts once")
    if clock < mark - LEEWAY:
        raise ClockBehind(expected=f"{mark} or later", found=f"{clock:.0f}")
    return max(mark, int(clock))
