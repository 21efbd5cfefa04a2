"""A loop in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from headway.host.testing.loop import Loop


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


async def here() -> str:
    return threading.current_thread().name


def test_work_is_done_there(loop: Loop) -> None:
    assert loop.run(here()) == "headway-site"
    assert loop.call(threading.current_thread).name == "headway-site"
    assert not loop.is_here


def test_an_exception_is_the_callers(loop: Loop) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        loop.call(int, "x")


def test_it_is_reached_from_another_loop_and_from_itself(loop: Loop) -> None:
    assert asyncio.run(loop.reach(here())) == "headway-site"

    async def within() -> str:
        return await loop.reach(here())

    assert loop.run(within()) == "headway-site"


def test_it_does_not_wait_for_itself(loop: Loop) -> None:
    async def within() -> None:
        with pytest.raises(RuntimeError, match="can not wait for the site"):
            loop.run(here())

    loop.run(within())


def test_closing_cancels_what_runs_and_ends_the_thread() -> None:
    loop, ended = Loop(), threading.Event()

    async def long() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    loop.call(lambda: asyncio.ensure_future(long()))
    loop.run(asyncio.sleep(0))
    loop.close()
    loop.close()  # a second time does nothing
    assert ended.is_set()
    assert not loop._thread.is_alive()


def test_it_closes_where_another_loop_runs() -> None:
    """As in a test that uses Playwright, whose loop counts as running in the test's thread."""

    async def close() -> None:
        made = Loop()
        made.run(asyncio.to_thread(threading.current_thread))  # there is an executor to end
        made.close()

    asyncio.run(close())
