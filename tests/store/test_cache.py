from __future__ import annotations

import pytest

from headway.store.cache import REREAD_EVERY, UNKNOWN_LIFE, Answer, ReadThrough


class World:
    """What the database says, how often it was asked, and what time it is."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.asked: list[str] = []
        self.tick = 0.0

    def read(self, key: str) -> str | None:
        self.asked.append(key)
        return self.values.get(key)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def cache(world: World) -> ReadThrough[str]:
    return ReadThrough(world.read, size=3, life=60.0, ticks=lambda: world.tick)


def test_an_answer_is_repeated_until_its_life_is_over(
    world: World, cache: ReadThrough[str]
) -> None:
    world.values["a"] = "old"
    assert cache.find("a") == Answer("old", cached=False)
    world.values["a"] = "new"
    world.tick = 59.9
    assert cache.find("a") == Answer("old", cached=True)
    world.tick = 60.0
    assert cache.find("a") == Answer("new", cached=False)


def test_an_unknown_key_is_asked_about_again_soon(world: World, cache: ReadThrough[str]) -> None:
    assert cache.find("a") == Answer(None, cached=False)
    assert cache.find("a") == Answer(None, cached=True)
    world.values["a"] = "here"
    world.tick = UNKNOWN_LIFE
    assert cache.find("a") == Answer("here", cached=False)
    del world.values["a"]
    world.tick += 60.0
    assert cache.find("a") == Answer(None, cached=False)


def test_the_first_fresh_question_is_answered_at_once(
    world: World, cache: ReadThrough[str]
) -> None:
    world.values["a"] = "old"
    cache.find("a")
    world.values["a"] = "new"
    assert cache.find("a", fresh=True) == Answer("new", cached=False)


def test_forged_tokens_delay_a_change_by_a_second_at_most(
    world: World, cache: ReadThrough[str]
) -> None:
    world.values["a"] = "old"
    for _ in range(1000):
        cache.find("a", fresh=True)
    assert len(world.asked) == 1
    world.values["a"] = "new"
    assert cache.find("a", fresh=True) == Answer("old", cached=True)
    world.tick = REREAD_EVERY
    assert cache.find("a", fresh=True) == Answer("new", cached=False)


def test_one_key_under_attack_does_not_slow_another(world: World, cache: ReadThrough[str]) -> None:
    world.values.update(a="1", b="1")
    cache.find("b")
    for _ in range(10):
        cache.find("a", fresh=True)
    world.values["b"] = "2"
    assert cache.find("b", fresh=True) == Answer("2", cached=False)


def test_both_rooms_are_bounded_and_guesses_push_nothing_out(
    world: World, cache: ReadThrough[str]
) -> None:
    world.values.update(a="1", b="1", c="1", d="1")
    for key in "abca":
        cache.find(key)
    for number in range(100):
        cache.find(f"guess {number}")
    assert cache.find("a").cached
    cache.find("d")  # pushes out b, which was not used for longest
    assert [cache.find(key).cached for key in "acd"] == [True] * 3
    assert not cache.find("b").cached
    world.asked.clear()
    cache.find("guess 0")
    assert world.asked == ["guess 0"]


def test_a_dropped_key_is_read_again(world: World, cache: ReadThrough[str]) -> None:
    world.values["a"] = "old"
    cache.find("a")
    world.values["a"] = "new"
    cache.drop("a")
    assert cache.find("a") == Answer("new", cached=False)


def test_a_read_that_a_write_overtook_is_not_kept() -> None:
    values = {"a": "old"}

    def read(key: str) -> str:
        before = values[key]
        if before == "old":  # another thread writes between this read and its keeping
            values[key] = "new"
            cache.drop(key)
        return before

    cache = ReadThrough(read, size=3, life=60.0, ticks=lambda: 0.0)
    assert cache.find("a") == Answer("old", cached=False)
    assert cache.find("a") == Answer("new", cached=False)


def test_what_is_recalled_is_what_would_be_found_without_reading(
    world: World, cache: ReadThrough[str]
) -> None:
    world.values["a"] = "here"
    assert cache.recall("a") is None
    assert world.asked == []
    cache.find("a")
    cache.find("b")
    assert cache.recall("a") == Answer("here", cached=True)
    assert cache.recall("b") == Answer(None, cached=True)
    assert cache.recall("a", fresh=True) is None
    cache.find("a", fresh=True)
    assert cache.recall("a", fresh=True) == Answer("here", cached=True)
    world.tick = 60.0
    assert cache.recall("a") is None
    assert world.asked == ["a", "b", "a"]
