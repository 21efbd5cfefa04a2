from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading

import pytest

from headway.errors import StoreUnavailable
from headway.model import Secret
from headway.ports import Credentials, NeedKey, OnceOnly
from headway.store import offloop
from headway.store.offloop import OffLoop

NEED = NeedKey(issuer="site", symmetric=True)
ONCE = OnceOnly(scope="site", digest="d", issued=0, until=1)
FOUND = Credentials(keys=(Secret("at least 16 bytes"),))


class Slow:
    """A store whose database answers when it is let."""

    def __init__(self) -> None:
        self.known: tuple[Credentials | None] | None = None
        self.gate = threading.Event()
        self.threads: set[str] = set()

    def recall(self, need: NeedKey) -> tuple[Credentials | None] | None:
        return self.known

    def find(self, need: NeedKey) -> Credentials | None:
        self.threads.add(threading.current_thread().name)
        assert self.gate.wait(10)
        return FOUND

    def first(self, once: OnceOnly) -> bool:
        self.threads.add(threading.current_thread().name)
        raise StoreUnavailable


@pytest.mark.parametrize("known", [(FOUND,), (None,)])
def test_what_is_remembered_is_answered_at_once(known: tuple[Credentials | None]) -> None:
    store = Slow()
    store.known = known
    assert OffLoop(store).find(NEED) is known[0]
    assert store.threads == set()


def test_the_loop_runs_while_the_database_is_asked() -> None:
    store = Slow()
    answers = OffLoop(store)

    async def ask() -> object:
        waiting = asyncio.ensure_future(answers.find(NEED))
        await asyncio.sleep(0)  # the loop's turn comes, with the database still silent
        assert not waiting.done()
        store.gate.set()
        return await waiting

    assert asyncio.run(ask()) is FOUND
    assert all(name.startswith("headway-store") for name in store.threads)
    answers.close()


def test_an_outage_arrives_where_it_is_awaited() -> None:
    answers = OffLoop(Slow())

    async def ask() -> bool:
        return await answers.first(ONCE)

    with pytest.raises(StoreUnavailable):
        asyncio.run(ask())
    answers.close()


def test_a_database_that_hangs_keeps_a_bounded_number_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(offloop, "WAITING_MAX", 3)
    store = Slow()
    answers = OffLoop(store)

    async def ask() -> list[object]:
        waiting = [asyncio.ensure_future(answers.find(NEED)) for _ in range(5)]
        await asyncio.sleep(0)
        refused = [each.exception() for each in waiting if each.done()]
        assert [type(each) for each in refused] == [StoreUnavailable] * 2
        store.gate.set()
        found = [await each for each in waiting if not each.done() or not each.exception()]
        return [*found, await answers.find(NEED)]  # and there is room again

    assert asyncio.run(ask()) == [FOUND] * 4
    answers.close()


FORKS = r"""
import asyncio, os
from headway.ports import NeedKey
from headway.store.offloop import OffLoop

class Store:
    def recall(self, need): return None
    def find(self, need): return "found"
    def first(self, once): return True

async def ask(answers):
    return await answers.find(NeedKey(issuer="site", symmetric=True))

answers, gone = OffLoop(Store()), OffLoop(Store())
assert asyncio.run(ask(answers)) == "found"  # its threads run from now on
del gone
child = os.fork()
if child == 0:
    assert asyncio.run(asyncio.wait_for(ask(answers), 10)) == "found"
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
assert asyncio.run(ask(answers)) == "found"
"""


def test_a_forked_process_has_threads_of_its_own() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORKS],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
