from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
import redis
import services

from headway.errors import (
    ConfigurationError,
    ReplayCacheFull,
    ReplayCacheUnavailable,
)
from headway.store.redis import RedisOnce
from store.once_alike import KEY, NOW, OTHER, CountsOnce, Hands, race, token


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


# ---- used tokens ----------------------------------------------------------------------------


class TestRedisOnce(CountsOnce):
    """What it does as the other does."""


def test_spaces_do_not_meet(tickets: RedisOnce, redis_server: services.Redis, clock: Hands) -> None:
    assert tickets.first(token("a"))
    elsewhere = RedisOnce(redis_server.url, space=f"test {uuid4()}", clock=clock)
    assert elsewhere.first(token("a"))
    elsewhere.close()


# ---- bounds and outages ---------------------------------------------------------------------


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


OPENS = """
from headway.store.redis import RedisOnce
url, space = where.split(" ", 1)
tickets = RedisOnce(url, space=space, clock=lambda: 1_700_000_000.0)
"""


def test_of_processes_one_is_first(redis_server: services.Redis, clock: Hands, space: str) -> None:
    many = RedisOnce(redis_server.url, space=space, clock=clock)
    for number in range(200):
        many.put(bytes([number] * 32), b"value", NOW + 30)
    many.close()
    assert race(OPENS, f"{redis_server.url} {space}", 200) == [200, 200]
