from __future__ import annotations

import asyncio
import os
import threading

import pytest

from headway.app.background import Background, result_of


@pytest.fixture
def background():
    loop = Background()
    yield loop
    loop.close()


async def where(value):
    await asyncio.sleep(0)
    return value, threading.current_thread().name


def test_an_answer_comes_from_one_thread(background):
    assert background.result(where(1)) == (1, "headway")
    assert background.result(where(2)) == (2, "headway")
    assert sum(thread.name == "headway" for thread in threading.enumerate()) >= 1


def test_what_is_raised_there_is_raised_here(background):
    async def fails():
        raise KeyError("there")

    with pytest.raises(KeyError, match="there"):
        background.result(fails())


def test_another_loop_waits_without_standing_still(background):
    async def both():
        return await asyncio.gather(background.elsewhere(where(1)), where(2))

    there, here = asyncio.run(both())
    assert (there, here[0]) == ((1, "headway"), 2)


def test_a_loop_that_was_closed_starts_again():
    loop = Background()
    loop.close()  # nothing was started yet
    assert loop.result(where(1))[0] == 1
    loop.close()
    assert loop.result(where(2))[0] == 2
    loop.close()


def test_a_forked_process_begins_anew(background):
    assert background.result(where(1))[0] == 1
    kept = background._loop, background._thread
    background.forget()
    assert background._loop is None
    assert background.result(where(2))[0] == 2
    background.close()
    background._loop, background._thread = kept  # what the parent has goes on


def test_a_child_that_was_forked_gets_an_answer():
    assert result_of(where(1))[0] == 1
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:  # no coverage, no report: only the answer
        os.write(writing, str(result_of(where(7))[0]).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        assert answer.read() == b"7"
    assert os.waitpid(child, 0)[1] == 0
