from __future__ import annotations

from pathlib import Path

import pytest
import services
import sqlalchemy as sa

from headway.errors import (
    ConfigurationError,
    ReplayCacheFull,
    StoreUnavailable,
)
from headway.store.engine import open_engine, writing
from headway.store.migrations import upgrade
from headway.store.once import SqlOnce, token_key
from headway.store.replay import LEEWAY
from store.once_alike import KEY, NOW, OTHER, CountsOnce, Hands, race, token


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def tickets(engine: sa.Engine, clock: Hands) -> SqlOnce:
    return SqlOnce(engine, capacity=3, clock=clock)


def held(engine: sa.Engine) -> tuple[int, int]:
    """How many rows there are, and how many are counted."""
    with engine.connect() as connection:
        rows = connection.scalar(sa.text("SELECT count(*) FROM once"))
        return rows, connection.scalar(sa.text("SELECT held FROM once_state"))


# ---- tickets --------------------------------------------------------------------------------


class TestSqlOnce(CountsOnce):
    """What it does as the other does."""


def test_what_is_over_is_counted_no_more(tickets: SqlOnce, clock: Hands, engine: sa.Engine) -> None:
    for digest in "abc":
        assert tickets.first(token(digest))
    with pytest.raises(ReplayCacheFull):
        tickets.put(KEY, b"value", NOW + 30)
    assert held(engine) == (3, 3)
    clock.at = NOW + 61 + LEEWAY
    assert tickets.first(token("d", until=NOW + 300))
    assert held(engine) == (1, 1)


def test_a_clock_that_goes_back_revives_no_ticket(tickets: SqlOnce, clock: Hands) -> None:
    tickets.put(KEY, b"value", NOW + 5)
    clock.at = NOW + 6
    tickets.put(OTHER, b"value", NOW + 60)
    clock.at = NOW
    assert tickets.take(KEY) is None


# ---- used tokens ----------------------------------------------------------------------------


def test_no_two_tokens_share_a_key() -> None:
    assert token_key(token("bc", scope="a")) != token_key(token("c", scope="ab"))


def test_a_used_token_can_not_be_taken(tickets: SqlOnce) -> None:
    assert tickets.first(token("a"))
    assert tickets.take(token_key(token("a"))) is None
    assert not tickets.first(token("a"))


# ---- bounds and outages ---------------------------------------------------------------------


def test_it_needs_room(engine: sa.Engine) -> None:
    with pytest.raises(ConfigurationError, match="at least one"):
        SqlOnce(engine, capacity=0)


def test_a_lost_mark_is_not_taken_for_the_beginning_of_time(
    tickets: SqlOnce, engine: sa.Engine
) -> None:
    with writing(engine).begin() as connection:
        connection.execute(sa.text("DELETE FROM once_state"))
    with pytest.raises(ConfigurationError, match="lost the mark"):
        tickets.first(token("a"))


def test_a_database_that_is_gone_is_an_outage(postgresql: services.PostgreSQL) -> None:
    engine = open_engine(postgresql.new_database())
    upgrade(engine)
    tickets = SqlOnce(engine, clock=lambda: float(NOW))
    tickets.put(KEY, b"value", NOW + 30)
    postgresql.stop()
    try:
        for call in (
            lambda: tickets.first(token("a")),
            lambda: tickets.put(OTHER, b"value", NOW + 30),
            lambda: tickets.take(KEY),
        ):
            with pytest.raises(StoreUnavailable):
                call()
    finally:
        postgresql.start()
    assert [tickets.first(token("a")), tickets.take(KEY)] == [True, b"value"]
    engine.dispose()


# ---- at once --------------------------------------------------------------------------------


OPENS = """
from headway.store.engine import open_engine
from headway.store.once import SqlOnce
tickets = SqlOnce(open_engine(where), clock=lambda: 1_700_000_000.0)
"""


def test_of_processes_one_is_first(engine: sa.Engine, address: str) -> None:
    many = SqlOnce(engine, clock=lambda: float(NOW))
    for number in range(40):
        many.put(bytes([number] * 32), b"value", NOW + 30)
    assert race(OPENS, address, 40) == [40, 40]


# ---- at rest --------------------------------------------------------------------------------


def test_a_taken_value_leaves_no_bytes(database: Path, clock: Hands) -> None:
    engine = open_engine(database)
    upgrade(engine)
    tickets = SqlOnce(engine, clock=clock)
    tickets.put(KEY, b"a value like no other", NOW + 30)
    assert tickets.take(KEY) == b"a value like no other"
    engine.dispose()  # the last connection moves the log into the database
    kept = b"".join(path.read_bytes() for path in database.parent.glob("headway.db*"))
    assert b"a value like no other" not in kept
