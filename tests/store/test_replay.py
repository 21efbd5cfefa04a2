from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.errors import ClockBehind, ConfigurationError, ReplayCacheFull
from headway.ports import OnceOnly
from headway.store.replay import LEEWAY, MemoryReplayCache

NOW = 1_700_000_000


class Hands:
    at: float = NOW

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def cache(clock: Hands) -> MemoryReplayCache:
    return MemoryReplayCache(capacity=3, clock=clock)


def once(digest: str, until: int = NOW + 60, scope: str = "site") -> OnceOnly:
    return OnceOnly(scope=scope, digest=digest, issued=NOW, until=until)


def test_a_token_is_first_once(cache: MemoryReplayCache) -> None:
    assert [cache.first(once("a")), cache.first(once("a")), cache.first(once("b"))] == [
        True,
        False,
        True,
    ]


def test_scopes_do_not_meet(cache: MemoryReplayCache) -> None:
    assert cache.first(once("a", scope="one"))
    assert cache.first(once("a", scope="two"))


def test_a_token_is_remembered_to_the_end_of_the_leeway(
    cache: MemoryReplayCache, clock: Hands
) -> None:
    assert cache.first(once("a"))
    clock.at = NOW + 60 + LEEWAY
    assert not cache.first(once("a"))
    assert len(cache) == 1


def test_what_has_ended_makes_room_but_is_not_first_again(
    cache: MemoryReplayCache, clock: Hands
) -> None:
    for digest in "abc":
        assert cache.first(once(digest))
    clock.at = NOW + 60 + LEEWAY + 1
    assert not cache.first(once("a"))
    assert len(cache) == 0
    assert cache.first(once("d", until=NOW + 500))


def test_a_full_cache_refuses_and_keeps_what_it_has(cache: MemoryReplayCache) -> None:
    for digest in "abc":
        assert cache.first(once(digest))
    with pytest.raises(ReplayCacheFull, match="3 live tokens") as caught:
        cache.first(once("d"))
    assert caught.value.status == 503
    assert [cache.first(once(digest)) for digest in "abc"] == [False] * 3


def test_a_clock_that_goes_back_is_refused(cache: MemoryReplayCache, clock: Hands) -> None:
    assert cache.first(once("a"))
    clock.at = NOW - LEEWAY
    assert cache.first(once("b"))
    clock.at = NOW - LEEWAY - 1
    with pytest.raises(ClockBehind):
        cache.first(once("c"))
    clock.at = NOW
    assert cache.first(once("c"))


def test_there_must_be_room_for_one() -> None:
    with pytest.raises(ConfigurationError):
        MemoryReplayCache(capacity=0)


def test_one_of_many_threads_is_first(clock: Hands) -> None:
    cache = MemoryReplayCache(clock=clock)
    answers: list[bool] = []
    start = threading.Barrier(8)

    def ask() -> None:
        start.wait()
        answers.extend([cache.first(once(str(number))) for number in range(200)])

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(answers) == 200


@given(st.lists(st.tuples(st.integers(0, 20), st.sampled_from("abcdef"), st.integers(0, 50))))
def test_no_token_that_still_counts_is_first_twice(
    steps: list[tuple[int, str, int]],
) -> None:
    clock = Hands()
    cache = MemoryReplayCache(capacity=100, clock=clock)
    seen: dict[str, int] = {}
    for wait, digest, life in steps:
        clock.at += wait
        until = seen.get(digest, int(clock.at) + life)  # a token has one end
        alive = clock.at <= until + LEEWAY
        assert cache.first(once(digest, until)) == (digest not in seen and alive)
        seen[digest] = until
