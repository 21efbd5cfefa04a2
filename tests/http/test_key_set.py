from __future__ import annotations

import asyncio
import json

import pytest
from key_server import KeyServer

from headway.errors import KeyNotFound, KeySourceFailed, KeyUnusable, KidInvalid
from headway.http.key_fetch import KEY_LIFE, Fetches
from headway.http.key_set import RETRY_EVERY, SET_LIFE, SET_YOUNG, KeySet, key_name_of
from headway.ports import NeedKey

PATH = "/set"


class Ticks:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Read:
    """A set on a real server, whose keys are texts."""

    def __init__(self, keys: KeyServer) -> None:
        self.keys, self.ticks = keys, Ticks()
        self.fetches: Fetches[None] = Fetches(ticks=self.ticks)
        self.set = KeySet(
            keys.address + PATH, json.loads, size=1000, fetches=self.fetches, ticks=self.ticks
        )

    def says(self, **told: str) -> None:
        self.keys.page(PATH, 200, json.dumps(told).encode())

    def get(self, *key_ids: str) -> list[str]:
        """The keys, once what goes on behind them is done too."""

        async def ask() -> list[str]:
            try:
                return list(await asyncio.gather(*map(self.set.get, key_ids)))
            finally:
                if running := set(self.fetches._running.values()):
                    await asyncio.wait(running)

        return asyncio.run(ask())


@pytest.fixture
def read():
    server = KeyServer()
    found = Read(server)
    found.says(a="first")
    yield found
    server.close()


def test_one_reading_for_all_who_wait(read):
    read.says(a="first", b="second")
    assert read.get("a", "b", "a") == ["first", "second", "first"]
    assert read.get("b") == ["second"]
    assert read.keys.asked == [PATH]


def test_a_name_that_is_not_there_is_looked_for_once_in_a_while(read):
    read.get("a")
    for _ in range(3):
        with pytest.raises(KeyNotFound, match="read just now"):
            read.get("b")
    assert read.keys.asked == [PATH]
    read.ticks.now += SET_YOUNG
    with pytest.raises(KeyNotFound, match="does not have"):
        read.get("b")
    read.ticks.now += SET_YOUNG
    read.says(a="first", b="second")
    assert read.get("b") == ["second"]
    assert read.keys.asked == [PATH] * 3


def test_a_withdrawn_key_passes_while_the_set_is_read_again(read):
    read.get("a")
    read.says(b="second")
    read.ticks.now += SET_LIFE
    assert read.get("a") == ["first"]  # nobody waits for the reading
    with pytest.raises(KeyNotFound):
        read.get("a")
    assert read.get("b") == ["second"]


def test_an_outage_lets_known_keys_pass_for_a_day(read):
    read.get("a")
    read.keys.page(PATH, 502, b"")
    read.ticks.now += SET_LIFE
    assert read.get("a") == read.get("a") == ["first"]
    assert read.keys.asked == [PATH] * 2  # and not at each request
    read.ticks.now += RETRY_EVERY
    assert read.get("a") == ["first"]
    assert read.keys.asked == [PATH] * 3
    with pytest.raises(KeySourceFailed):
        read.get("b")
    read.ticks.now += KEY_LIFE
    with pytest.raises(KeySourceFailed):
        read.get("a")


def test_a_spent_budget_stops_no_known_key(read):
    read.get("a")
    read.ticks.now += SET_LIFE
    read.fetches._budget, read.fetches._counted_at = 0.0, read.ticks.now
    assert read.get("a") == ["first"]
    assert read.keys.asked == [PATH]


def test_a_set_without_keys_is_no_set(read):
    read.get("a")
    read.says()
    read.ticks.now += SET_YOUNG
    with pytest.raises(KeyUnusable):
        read.get("b")
    assert read.get("a") == ["first"]


@pytest.mark.parametrize("key_id", [None, "", "a b", "x" * 2000, "é", "a\n"])
def test_what_is_no_name(key_id):
    with pytest.raises(KidInvalid):
        key_name_of(NeedKey(issuer="x", symmetric=False, key_id=key_id))
    with pytest.raises(KidInvalid):
        key_name_of(NeedKey(issuer="x", symmetric=True, key_id="a"))
