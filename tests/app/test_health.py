from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from headway.app.health import Readiness


def test_a_store_that_answers() -> None:
    assert Readiness(lambda: "something").ready()


def test_a_store_that_fails_and_comes_back() -> None:
    works = [False, True]

    def asks() -> None:
        if not works.pop(0):
            raise OSError("a password may stand here")

    readiness = Readiness(asks)
    assert not readiness.ready()
    assert readiness.ready()


def test_a_store_that_hangs_holds_one_thread() -> None:
    go, asked = threading.Event(), []

    def asks() -> None:
        asked.append(1)
        go.wait(10)

    readiness = Readiness(asks, seconds=0.05)
    began = time.perf_counter()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: readiness.ready(), range(4)))
    assert answers == [False] * 4
    assert asked == [1]
    assert time.perf_counter() - began < 5
    go.set()
    time.sleep(0.05)
    assert readiness.ready()


def test_two_who_ask_at_once_get_one_answer() -> None:
    asked = []

    def asks() -> None:
        asked.append(1)
        time.sleep(0.1)

    readiness = Readiness(asks, seconds=5)
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(lambda _: readiness.ready(), range(4)))
    assert len(asked) == 1
