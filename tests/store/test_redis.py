from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
import redis
import services

from headway.errors import (
    ClockBehind,
    ConfigurationError,
    ReplayCacheFull,
    ReplayCacheUnavailable,
)
from headway.ports import OnceOnly, ReplayCache
from headway.store.once import VALUE_BYTES_MAX, Once
from headway.store.redis import RedisOnce
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
def space() -> str:
    return f"test {uuid4()}"


@pytest.fixture
def tickets(redis_server: services.Redis, clock: Hands, space: str) -> Iterator[RedisOnce]:
    tickets = RedisOnce(redis_server.url, space=space, capacity=3, clock=clock)
    tickets.check()
    yield tickets
    tickets.close()


def token(digest: str, until: int = NOW + 60, scope: str = "site", issued: int = NOW) -> OnceOnly:
    return OnceOnly(scope=scope, digest=digest, issued=issued, until=until)


def test_it_has_the_faces_that_it_should_have(tickets: RedisOnce) -> None:
    faces: tuple[Once, ReplayCache] = (tickets, tickets)
    assert faces


# ---- tickets --------------------------------------------------------------------------------


def test_a_ticket_is_taken_once(tickets: RedisOnce) -> None:
    tickets.put(KEY, b"value", NOW + 30)
    tickets.put(OTHER, b"", NOW + 30)
    assert [tickets.take(KEY), tickets.take(KEY), tickets.take(OTHER)] == [b"value", None, b""]
    tickets.put(KEY, b"again", NOW + 30)
    assert tickets.take(KEY) == b"again"


def test_a_ticket_ends_with_its_time(tickets: RedisOnce, clock: Hands) -> None:
    tickets.put(KEY, b"value", NOW + 30)
    tickets.put(OTHER, b"value", NOW + 30)
    tickets.put(bytes([2] * 32), b"value", NOW - 1)
    assert tickets.take(bytes([2] * 32)) is None
    clock.at = NOW + 30
    assert tickets.take(KEY) == b"value"
    clock.at = NOW + 31
    assert tickets.take(OTHER) is None


def test_a_key_and_a_value_have_bounds(tickets: RedisOnce) -> None:
    with pytest.raises(ValueError, match="16 to 64 bytes"):
        tickets.put(bytes(15), b"value", NOW + 30)
    tickets.put(KEY, bytes(VALUE_BYTES_MAX), NOW + 30)
    with pytest.raises(ValueError, match="at most 65536 bytes"):
        tickets.put(OTHER, bytes(VALUE_BYTES_MAX + 1), NOW + 30)


def test_a_live_ticket_is_not_replaced(tickets: RedisOnce) -> None:
    tickets.put(KEY, b"first", NOW + 30)
    with pytest.raises(ValueError, match="in use"):
        tickets.put(KEY, b"second", NOW + 30)
    assert tickets.take(KEY) == b"first"


# ---- used tokens ----------------------------------------------------------------------------


def test_a_token_is_first_once(tickets: RedisOnce) -> None:
    asked = [tickets.first(token("a")), tickets.first(token("a")), tickets.first(token("b"))]
    assert asked == [True, False, True]
    assert tickets.first(token("a", scope="other"))


def test_a_used_token_can_not_be_taken_and_spaces_do_not_meet(
    tickets: RedisOnce, redis_server: services.Redis, clock: Hands
) -> None:
    assert tickets.first(token("a"))
    elsewhere = RedisOnce(redis_server.url, space=f"test {uuid4()}", clock=clock)
    assert elsewhere.first(token("a"))
    elsewhere.close()


def test_a_token_is_remembered_to_the_end_of_the_leeway(tickets: RedisOnce, clock: Hands) -> None:
    assert tickets.first(token("a"))
    clock.at = NOW + 60 + LEEWAY
    assert not tickets.first(token("a"))
    clock.at += 1
    assert not tickets.first(token("a"))  # too old to be remembered: not once either


# ---- bounds and outages ---------------------------------------------------------------------


def test_when_it_is_full_nothing_is_dropped(tickets: RedisOnce, clock: Hands) -> None:
    for digest in "ab":
        assert tickets.first(token(digest))
    tickets.put(KEY, b"value", NOW + 30)
    for refused in (
        lambda: tickets.first(token("c")),
        lambda: tickets.put(OTHER, b"value", NOW + 30),
    ):
        with pytest.raises(ReplayCacheFull, match="3 live tokens"):
            refused()
    assert [tickets.first(token("a")), tickets.take(KEY)] == [False, b"value"]
    tickets.put(OTHER, b"value", NOW + 30)  # what was taken makes room
    clock.at = NOW + 62 + LEEWAY
    for digest in "efg":
        assert tickets.first(token(digest, until=NOW + 200))


def test_a_clock_behind_the_mark_promises_nothing(tickets: RedisOnce, clock: Hands) -> None:
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


def test_redis_gone_is_an_outage_and_what_it_lost_is_not_first(clock: Hands) -> None:
    server = services.Redis()
    tickets = RedisOnce(server.url, clock=clock)
    tickets.check()
    try:
        assert tickets.first(token("a"))
        tickets.put(KEY, b"value", NOW + 60)
        server.stop()
        for call in (
            lambda: tickets.first(token("a")),
            lambda: tickets.first(token("b")),
            lambda: tickets.put(OTHER, b"value", NOW + 30),
            lambda: tickets.take(KEY),
            tickets.check,
        ):
            with pytest.raises(ReplayCacheUnavailable):
                call()
        clock.at = NOW + 5
        server.start()  # and it has lost all
        for digest in "ab":
            with pytest.raises(ReplayCacheUnavailable, match="when this memory began"):
                tickets.first(token(digest))
        assert tickets.take(KEY) is None
        assert tickets.first(token("c", issued=NOW + 5))
    finally:
        tickets.close()
        server.close()


def test_a_redis_that_is_out_of_memory_is_full(clock: Hands) -> None:
    server = services.Redis()
    tickets = RedisOnce(server.url, clock=clock)
    try:
        tickets.check()
        with redis.Redis(port=server.port) as client:
            client.config_set("maxmemory", "1mb")
        with pytest.raises(ReplayCacheFull, match="memory is full"):
            tickets.put(KEY, bytes(1000), NOW + 30)
        with redis.Redis(port=server.port) as client:
            client.config_set("maxmemory-policy", "allkeys-lru")
        with pytest.raises(ConfigurationError, match="set it to noeviction"):
            tickets.check()
    finally:
        tickets.close()
        server.close()


@pytest.mark.parametrize("url", ["nonsense", "redis://me:pass word@machine:port/0", "http://x"])
def test_an_address_that_can_not_be_read(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        RedisOnce(url)
    assert "pass word" not in f"{caught.value}"


def test_it_needs_room_and_shows_no_password() -> None:
    with pytest.raises(ConfigurationError, match="at least one"):
        RedisOnce("redis://127.0.0.1:1/0", capacity=0)
    assert "hidden" not in repr(RedisOnce("redis://:hidden@127.0.0.1:1/0"))


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


def test_of_threads_one_is_first(tickets: RedisOnce) -> None:
    tickets.put(KEY, b"value", NOW + 30)
    assert sorted(outcomes([lambda: tickets.first(token("a"))] * 8)) == [False] * 7 + [True]
    taken = outcomes([lambda: tickets.take(KEY)] * 8)
    assert [value for value in taken if value is not None] == [b"value"]


RACER = """
import sys
from headway.ports import OnceOnly
from headway.store.redis import RedisOnce
url, space = sys.stdin.readline().strip().split(" ", 1)
tickets = RedisOnce(url, space=space, clock=lambda: 1_700_000_000.0)
print("ready", flush=True)
sys.stdin.readline()
won = sum(tickets.take(bytes([n] * 32)) is not None for n in range(200))
once = [OnceOnly(scope="s", digest=str(n), issued=1_700_000_000, until=1_700_000_060)
        for n in range(200)]
print(won, sum(map(tickets.first, once)), flush=True)
"""


def test_of_processes_one_is_first(redis_server: services.Redis, clock: Hands, space: str) -> None:
    many = RedisOnce(redis_server.url, space=space, clock=clock)
    for number in range(200):
        many.put(bytes([number] * 32), b"value", NOW + 30)
    many.close()
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
        racer.stdin.write(f"{redis_server.url} {space}\n")
        racer.stdin.flush()
        assert racer.stdout.readline() == "ready\n"
    counted = [racer.communicate("go\n", timeout=60)[0].split() for racer in racers]
    assert [racer.returncode for racer in racers] == [0, 0]
    assert [sum(map(int, column)) for column in zip(*counted, strict=True)] == [200, 200]
