from __future__ import annotations

import asyncio
import socket
import time

import pytest
from key_server import KeyServer

from headway.errors import (
    KeyNotFound,
    KeySourceFailed,
    KeyUnusable,
    KidInvalid,
)
from headway.http import key_fetch
from headway.http.key_fetch import (
    FETCHES_MAX,
    KEY_LIFE,
    KEYS_MAX,
    MISSES_MAX,
    Fetches,
    KeyMemory,
    fetch,
    key_id_of,
    tls_settings,
)
from headway.ports import NeedKey


class Ticks:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def keys():
    server = KeyServer()
    server.page("/key-1", 200, b"a key")
    yield server
    server.close()


@pytest.fixture
def ticks():
    return Ticks()


# ---- which source ---------------------------------------------------------------------------


@pytest.mark.parametrize("key_id", ["..", "a/b", "", None, "https://evil.example", "x" * 129])
def test_an_unsafe_kid_is_refused(key_id):
    with pytest.raises(KidInvalid):
        key_id_of(NeedKey(issuer="x", symmetric=False, key_id=key_id))


def test_a_secret_is_not_asked_for_here():
    with pytest.raises(KidInvalid):
        key_id_of(NeedKey(issuer="x", symmetric=True, key_id="key-1"))


# ---- memory ---------------------------------------------------------------------------------


def test_a_key_is_known_for_a_day_and_a_miss_for_a_minute(ticks):
    memory = KeyMemory[str](ticks=ticks)
    memory.keep("key-1", "one")
    memory.miss("key-2")
    assert memory.get("key-1") == "one"
    with pytest.raises(KeyNotFound):
        memory.get("key-2")
    ticks.now += 60
    assert memory.get("key-2") is None
    ticks.now += KEY_LIFE
    assert memory.get("key-1") is None


def test_memory_is_bounded(ticks):
    memory = KeyMemory[str](ticks=ticks)
    for number in range(1000):
        memory.keep(f"key-{number}", "one")
        memory.miss(f"miss-{number}")
    assert len(memory._keys) == KEYS_MAX
    assert len(memory._misses) == MISSES_MAX
    assert memory.get("key-999") == "one"
    assert memory.get("miss-0") is None


def test_what_a_source_no_longer_names_is_withdrawn(ticks):
    memory = KeyMemory[str](ticks=ticks)
    memory.replace({"key-1": "one", "key-2": "two"})
    memory.replace({"key-2": "two"})
    assert memory.get("key-1") is None
    assert memory.get("key-2") == "two"


# ---- single flight and budget ---------------------------------------------------------------


def test_all_who_wait_share_one_fetch(ticks):
    begun = []

    async def learn():
        begun.append(1)
        await asyncio.sleep(0.01)
        return "learned"

    async def many():
        fetches = Fetches[str](ticks=ticks)
        return await asyncio.gather(*(fetches.one("set", learn) for _ in range(50)))

    assert asyncio.run(many()) == ["learned"] * 50
    assert begun == [1]


def test_a_failure_reaches_all_who_wait_and_is_not_kept(ticks):
    async def learn():
        raise KeySourceFailed(found="nothing")

    async def two():
        fetches = Fetches[str](ticks=ticks)
        return await asyncio.gather(
            *(fetches.one("set", learn) for _ in range(2)), return_exceptions=True
        ), fetches._running

    failures, running = asyncio.run(two())
    assert [type(failure) for failure in failures] == [KeySourceFailed] * 2
    assert running == {}


def test_what_fails_in_another_way_is_told_as_failed(ticks):
    told = []
    fetches = Fetches(ticks=ticks, told=lambda outcome, seconds: told.append(outcome))

    async def breaks():
        raise ValueError("a bug")

    async def works():
        return "a key"

    with pytest.raises(ValueError, match="a bug"):
        asyncio.run(fetches.one("set", breaks))
    assert asyncio.run(fetches.one("set", works)) == "a key"
    assert told == ["failed", "ok"]


def test_the_budget_is_for_all_names_together_and_grows_again(ticks):
    async def learn():
        return "learned"

    async def spend():
        fetches = Fetches[str](ticks=ticks)
        for number in range(FETCHES_MAX):
            await fetches.one(f"key-{number}", learn)
        with pytest.raises(KeySourceFailed) as caught:
            await fetches.one("one-more", learn)
        assert caught.value.status == 503
        ticks.now += 3
        assert await fetches.one("one-more", learn) == "learned"

    asyncio.run(spend())


def test_nobody_waits_and_a_failure_is_no_noise(ticks):
    async def learn():
        raise KeySourceFailed(found="nothing")

    async def begin():
        task = Fetches[str](ticks=ticks).begin("set", learn)
        await asyncio.wait({task})

    asyncio.run(begin())  # a task whose failure nobody looked at would warn


def test_a_fetch_that_the_end_of_its_loop_cancels_leaves_nothing(ticks):
    fetches = Fetches[None](ticks=ticks)

    async def begin():
        fetches.begin("set", lambda: asyncio.sleep(60))
        await asyncio.sleep(0)

    asyncio.run(begin())
    assert fetches._running == {}


# ---- one answer -----------------------------------------------------------------------------


def get(keys, path="/set", **more):
    return asyncio.run(fetch(f"{keys.address}{path}", size=1000, **more))


def test_an_answer_is_its_bytes(keys):
    keys.page("/set", 200, b"a key")
    assert get(keys) == b"a key"


def test_absent_is_what_the_source_says_it_is(keys):
    keys.page("/set", 403, b"<html>Forbidden</html>")
    with pytest.raises(KeyNotFound):
        get(keys, absent=frozenset({403}))
    with pytest.raises(KeySourceFailed, match="403"):
        get(keys)


@pytest.mark.parametrize("status", [204, 301, 302, 307, 401, 404, 429, 500, 503])
def test_any_status_but_200_is_a_failure(keys, status):
    keys.page("/set", status, b"", Location=f"{keys.address}/key-1")
    with pytest.raises(KeySourceFailed, match=str(status)) as caught:
        get(keys)
    assert caught.value.status == 503
    assert keys.asked == ["/set"]


def test_a_long_answer_is_cut_off(keys):
    keys.page("/set", 200, b"x" * 1001)
    with pytest.raises(KeyUnusable, match="1000"):
        get(keys)


def test_a_slow_answer_is_given_up(keys, monkeypatch):
    keys.pages["/set"] = lambda handler: time.sleep(0.6)
    monkeypatch.setattr(key_fetch, "FETCH_SECONDS", 0.1)
    with pytest.raises(KeySourceFailed, match="TimeoutError"):
        get(keys)


def test_nobody_there_is_a_failure():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(KeySourceFailed, match="ConnectError"):
            asyncio.run(fetch(f"http://127.0.0.1:{taken.getsockname()[1]}", size=10))


def test_no_proxy_of_the_environment_is_asked(keys, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "")
    keys.page("/set", 200, b"a key")
    assert get(keys) == b"a key"


def test_tls_settings_are_read_once():
    assert tls_settings() is tls_settings()
