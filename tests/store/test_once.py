from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import services
import sqlalchemy as sa

from headway.errors import (
    ClockBehind,
    ConfigurationError,
    ReplayCacheFull,
    StoreUnavailable,
)
from headway.ports import OnceOnly, ReplayCache
from headway.store.engine import open_engine, writing
from headway.store.migrations import upgrade
from headway.store.once import VALUE_BYTES_MAX, Once, SqlOnce, token_key
from headway.store.replay import LEEWAY

NOW = 1_700_000_000
KEY, OTHER = bytes(32), bytes([1] * 32)


class Hands:
    at: float = NOW

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def tickets(engine: sa.Engine, clock: Hands) -> SqlOnce:
    return SqlOnce(engine, capacity=3, clock=clock)


def token(digest: str, until: int = NOW + 60, scope: str = "site") -> OnceOnly:
    return OnceOnly(scope=scope, digest=digest, issued=NOW, until=until)


def held(engine: sa.Engine) -> tuple[int, int]:
    """How many rows there are, and how many are counted."""
    with engine.connect() as connection:
        rows = connection.scalar(sa.text("SELECT count(*) FROM once"))
        return rows, connection.scalar(sa.text("SELECT held FROM once_state"))


def test_it_has_the_faces_that_it_should_have(tickets: SqlOnce) -> None:
    faces: tuple[Once, ReplayCache] = (tickets, tickets)
    assert faces


# ---- tickets --------------------------------------------------------------------------------


def test_a_ticket_is_taken_once(tickets: SqlOnce) -> None:
    tickets.put(KEY, b"value", NOW + 30)
    tickets.put(OTHER, b"", NOW + 30)
    assert [tickets.take(KEY), tickets.take(KEY), tickets.take(OTHER)] == [b"value", None, b""]
    tickets.put(KEY, b"again", NOW + 30)
    assert tickets.take(KEY) == b"again"


def test_a_ticket_ends_with_its_time(tickets: SqlOnce, clock: Hands) -> None:
    tickets.put(KEY, b"value", NOW + 30)
    tickets.put(OTHER, b"value", NOW + 30)
    clock.at = NOW + 30
    assert tickets.take(KEY) == b"value"
    clock.at = NOW + 31
    assert tickets.take(OTHER) is None


def test_a_clock_that_goes_back_revives_no_ticket(tickets: SqlOnce, clock: Hands) -> None:
    tickets.put(KEY, b"value", NOW + 5)
    clock.at = NOW + 6
    tickets.put(OTHER, b"value", NOW + 60)
    clock.at = NOW
    assert tickets.take(KEY) is None


@pytest.mark.parametrize("size", [0, 15, 65])
def test_a_key_has_bounds(tickets: SqlOnce, size: int) -> None:
    with pytest.raises(ValueError, match="16 to 64 bytes"):
        tickets.put(bytes(size), b"value", NOW + 30)


def test_a_value_has_bounds(tickets: SqlOnce, engine: sa.Engine) -> None:
    tickets.put(KEY, bytes(VALUE_BYTES_MAX), NOW + 30)
    with pytest.raises(ValueError, match="at most 65536 bytes"):
        tickets.put(OTHER, bytes(VALUE_BYTES_MAX + 1), NOW + 30)
    assert held(engine) == (1, 1)


def test_a_live_ticket_is_not_replaced(tickets: SqlOnce) -> None:
    tickets.put(KEY, b"first", NOW + 30)
    with pytest.raises(ValueError, match="in use"):
        tickets.put(KEY, b"second", NOW + 30)
    assert tickets.take(KEY) == b"first"


# ---- used tokens ----------------------------------------------------------------------------


def test_a_token_is_first_once(tickets: SqlOnce) -> None:
    asked = [tickets.first(token("a")), tickets.first(token("a")), tickets.first(token("b"))]
    assert asked == [True, False, True]
    assert tickets.first(token("a", scope="other"))


def test_no_two_tokens_share_a_key() -> None:
    assert token_key(token("bc", scope="a")) != token_key(token("c", scope="ab"))


def test_a_used_token_can_not_be_taken(tickets: SqlOnce) -> None:
    assert tickets.first(token("a"))
    assert tickets.take(token_key(token("a"))) is None
    assert not tickets.first(token("a"))


def test_a_token_is_remembered_to_the_end_of_the_leeway(
    tickets: SqlOnce, clock: Hands, engine: sa.Engine
) -> None:
    assert tickets.first(token("a"))
    clock.at = NOW + 60 + LEEWAY
    assert not tickets.first(token("a"))
    clock.at += 1
    assert not tickets.first(token("a"))  # too old to be remembered: not once either
    assert tickets.first(token("b", until=NOW + 300))
    assert held(engine) == (1, 1)


# ---- bounds and outages ---------------------------------------------------------------------


def test_when_it_is_full_nothing_is_dropped(
    tickets: SqlOnce, clock: Hands, engine: sa.Engine
) -> None:
    for digest in "ab":
        assert tickets.first(token(digest))
    tickets.put(KEY, b"value", NOW + 30)
    for refused in (
        lambda: tickets.first(token("c")),
        lambda: tickets.put(OTHER, b"value", NOW + 30),
    ):
        with pytest.raises(ReplayCacheFull, match="3 live tokens"):
            refused()
    assert held(engine) == (3, 3)
    assert [tickets.first(token("a")), tickets.take(KEY)] == [False, b"value"]
    tickets.put(OTHER, b"value", NOW + 30)  # what was taken makes room
    clock.at = NOW + 61 + LEEWAY
    for digest in "efg":
        assert tickets.first(token(digest, until=NOW + 200))
    assert held(engine) == (3, 3)


def test_it_needs_room(engine: sa.Engine) -> None:
    with pytest.raises(ConfigurationError, match="at least one"):
        SqlOnce(engine, capacity=0)


def test_a_clock_behind_the_mark_promises_nothing(tickets: SqlOnce, clock: Hands) -> None:
    tickets.put(KEY, b"value", NOW + 3000)
    clock.at = NOW - LEEWAY
    assert tickets.first(token("a"))
    clock.at = NOW - LEEWAY - 1
    for call in (
        lambda: tickets.first(token("b")),
        lambda: tickets.put(OTHER, b"value", NOW + 30),
        lambda: tickets.take(KEY),
    ):
        with pytest.raises(ClockBehind):
            call()
    clock.at = NOW
    assert tickets.take(KEY) == b"value"


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


def outcomes(calls: list[Callable[[], object]]) -> list[object]:
    start, found = threading.Barrier(len(calls)), []

    def run(call: Callable[[], object]) -> None:
        start.wait()
        found.append(call())

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_of_threads_one_is_first(tickets: SqlOnce) -> None:
    tickets.put(KEY, b"value", NOW + 30)
    assert sorted(outcomes([lambda: tickets.first(token("a"))] * 8)) == [False] * 7 + [True]
    taken = outcomes([lambda: tickets.take(KEY)] * 8)
    assert [value for value in taken if value is not None] == [b"value"]


RACER = """
import sys
from headway.ports import OnceOnly
from headway.store.engine import open_engine
from headway.store.once import SqlOnce
tickets = SqlOnce(open_engine(sys.stdin.readline().strip()), clock=lambda: 1_700_000_000.0)
print("ready", flush=True)
sys.stdin.readline()
won = sum(tickets.take(bytes([n] * 32)) is not None for n in range(40))
once = [OnceOnly(scope="s", digest=str(n), issued=1_700_000_000, until=1_700_000_060)
        for n in range(40)]
print(won, sum(map(tickets.first, once)), flush=True)
"""


def test_of_processes_one_is_first(tickets: SqlOnce, engine: sa.Engine, address: str) -> None:
    many = SqlOnce(engine, clock=lambda: float(NOW))
    for number in range(40):
        many.put(bytes([number] * 32), b"value", NOW + 30)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for _ in range(2)
    ]
    for racer in racers:
        racer.stdin.write(f"{address}\n")
        racer.stdin.flush()
        assert racer.stdout.readline() == "ready\n"
    counted = [racer.communicate("go\n", timeout=60)[0].split() for racer in racers]
    assert [racer.returncode for racer in racers] == [0, 0]
    assert [sum(map(int, column)) for column in zip(*counted, strict=True)] == [40, 40]


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
