"""Driving the steps: the same generator, sync and async."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest

from headway.errors import KeyNotFound, KeySourceFailed
from headway.model import Secret
from headway.ports import Credentials, NeedKey, OnceOnly, Steps, adrive, begin, drive

NEED = NeedKey(issuer="site", symmetric=True)
ONCE = OnceOnly(scope="site", digest="d", issued=0, until=1)
KEYS = Credentials(keys=(Secret("0123456789abcdef"),))


def questions() -> Steps[tuple[Any, Any]]:
    first = yield NEED
    second = yield ONCE
    return first, second


class Here:
    def find(self, need: NeedKey) -> Credentials:
        assert need is NEED
        return KEYS

    def first(self, once: OnceOnly) -> bool:
        assert once is ONCE
        return True


class Elsewhere:
    async def find(self, need: NeedKey) -> Credentials:
        await asyncio.sleep(0)
        return KEYS

    async def first(self, once: OnceOnly) -> bool:
        return False


def test_sync_answers() -> None:
    assert drive(questions(), Here(), Here()) == (KEYS, True)


def test_async_drives_both_kinds_of_answers() -> None:
    assert asyncio.run(adrive(questions(), Elsewhere(), Elsewhere())) == (KEYS, False)
    assert asyncio.run(adrive(questions(), Here(), Here())) == (KEYS, True)


def test_what_begins_has_ended_where_nothing_is_waited_for() -> None:
    assert begin(questions(), Here(), Here()) == (KEYS, True)
    going = begin(questions(), Elsewhere(), Here())
    assert asyncio.iscoroutine(going)
    assert asyncio.run(going) == (KEYS, True)
    steps = questions()
    with pytest.raises(TypeError, match="replay cache"):
        begin(steps, Here())
    assert steps.gi_frame is None  # it is closed


def test_a_sync_driver_does_not_take_a_promise_for_an_answer() -> None:
    class Promising:
        def find(self, need: NeedKey) -> Awaitable[Credentials | None]:
            future: asyncio.Future[Credentials | None] = loop.create_future()
            return future

    loop = asyncio.new_event_loop()
    try:
        with pytest.raises(TypeError, match="use adrive"):
            drive(questions(), Promising())
    finally:
        loop.close()


def test_once_only_without_a_memory_is_an_error() -> None:
    with pytest.raises(TypeError, match="replay cache"):
        drive(questions(), Here())


def test_what_the_steps_raise_comes_out() -> None:
    def broken() -> Steps[None]:
        yield NEED
        raise LookupError

    with pytest.raises(LookupError):
        drive(broken(), Here())
    with pytest.raises(LookupError):
        asyncio.run(adrive(broken(), Here()))


class Refusing:
    """At once, and later."""

    def find(self, need: NeedKey) -> Credentials:
        raise KeyNotFound()

    async def first(self, once: OnceOnly) -> bool:
        await asyncio.sleep(0)
        raise KeySourceFailed()


def test_a_refusal_of_who_answers_is_raised_where_the_steps_asked() -> None:
    def steps(*asked: NeedKey | OnceOnly) -> Steps[list[str]]:
        heard = []
        for question in asked:
            try:
                yield question
                heard.append("answered")
            except (KeyNotFound, KeySourceFailed) as refusal:
                heard.append(refusal.id)
        return heard

    assert drive(steps(NEED, NEED), Refusing()) == ["key-not-found"] * 2
    assert begin(steps(NEED, NEED), Refusing()) == ["key-not-found"] * 2
    assert drive(steps(NEED, ONCE), Refusing(), Here()) == ["key-not-found", "answered"]
    both = ["key-not-found", "key-source-failed", "key-not-found"]
    going = begin(steps(NEED, ONCE, NEED), Refusing(), Refusing())
    assert asyncio.iscoroutine(going)
    assert asyncio.run(going) == both
    assert asyncio.run(adrive(steps(NEED, ONCE, NEED), Refusing(), Refusing())) == both
    with pytest.raises(KeySourceFailed):
        asyncio.run(adrive(questions(), Here(), Refusing()))
