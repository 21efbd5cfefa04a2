"""Work that waits in this process: bounded, fair, retried, worked off at the end."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from headway.app import queue as module
from headway.app.delivery import Delivery
from headway.app.queue import MemoryQueue
from headway.errors import ConfigurationError
from headway.refusals import QueueFull


def delivery(tenant: str = "site", body: bytes = b"", event: str = "page_created") -> Delivery:
    return Delivery(
        event=event, path="/p", app_key="my-app", client_key=tenant, received=1.0, body=body
    )


class Worker:
    """Works when it is let; fails as often as it is told."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.open.set()
        self.failures: list[BaseException] = []
        self.seen: list[Delivery] = []
        self.times: list[float] = []
        self.threads: set[str] = set()

    async def __call__(self, given: Delivery) -> None:
        self.open.wait(10)
        self.seen.append(given)
        self.times.append(time.monotonic())
        self.threads.add(threading.current_thread().name)
        if self.failures:
            raise self.failures.pop(0)


@pytest.fixture
def worker() -> Worker:
    return Worker()


@pytest.fixture
def opened(worker: Worker) -> Iterator[Any]:
    made: list[MemoryQueue] = []

    def open_queue(**options: Any) -> MemoryQueue:
        queue = MemoryQueue(**options)
        queue.serve(worker)
        made.append(queue)
        return queue

    yield open_queue
    worker.open.set()
    for queue in made:
        queue.close(5)


@pytest.fixture(autouse=True)
def short_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DELAYS", (0.02, 0.05))


def test_put_returns_before_the_work_is_done(opened: Any, worker: Worker) -> None:
    worker.open.clear()
    queue = opened()
    queue.put(delivery())
    assert (worker.seen, len(queue)) == ([], 1)
    worker.open.set()
    assert queue.drain(5)
    assert worker.seen == [delivery()]
    assert len(queue) == 0


def test_no_thread_begins_before_there_is_work(opened: Any) -> None:
    before = threading.active_count()
    queue = opened(workers=2)
    assert threading.active_count() == before
    for _ in range(5):
        queue.put(delivery())
    assert queue.drain(5)
    assert threading.active_count() == before + 2


def test_several_workers_work_at_once(opened: Any) -> None:
    meeting = threading.Barrier(3)
    queue = opened(workers=3)

    async def meet(_: Delivery) -> None:
        meeting.wait(5)

    queue.serve(meet)
    for _ in range(3):
        queue.put(delivery())
    assert queue.drain(5)
    assert not meeting.broken


def test_each_worker_has_an_event_loop_of_its_own(opened: Any) -> None:
    queue, done = opened(workers=1), []

    async def sleep(_: Delivery) -> None:
        await asyncio.sleep(0)
        done.append(asyncio.get_running_loop())

    queue.serve(sleep)
    queue.put(delivery())
    queue.put(delivery())
    assert queue.drain(5)
    assert done[0] is done[1]


# ---- bounds ---------------------------------------------------------------------------------


def test_a_full_queue_says_so_and_takes_again_when_there_is_room(
    opened: Any, worker: Worker
) -> None:
    worker.open.clear()
    queue = opened(waiting_max=2, share=1.0)
    queue.put(delivery("a"))
    queue.put(delivery("b"))
    with pytest.raises(QueueFull) as full:
        queue.put(delivery("c"))
    assert full.value.status == 503
    worker.open.set()
    assert queue.drain(5)
    queue.put(delivery("c"))


def test_a_flood_from_one_site_shuts_nobody_else_out(opened: Any, worker: Worker) -> None:
    worker.open.clear()
    queue = opened(waiting_max=8, share=0.25)
    for _ in range(2):
        queue.put(delivery("a"))
    with pytest.raises(QueueFull, match="of one"):
        queue.put(delivery("a"))
    queue.put(delivery("b"))


def test_the_bytes_of_all_bodies_are_bounded(opened: Any, worker: Worker) -> None:
    worker.open.clear()
    queue = opened(bytes_max=100, share=0.5)
    queue.put(delivery("a", b"x" * 50))
    with pytest.raises(QueueFull):
        queue.put(delivery("a", b"x"))
    queue.put(delivery("b", b"x" * 50))
    with pytest.raises(QueueFull, match="of all sites"):
        queue.put(delivery("c", b"x"))


@pytest.mark.parametrize(
    "bounds", [{"workers": 0}, {"waiting_max": 0}, {"tries": 0}, {"share": 0}, {"share": 1.5}]
)
def test_bounds_that_can_not_work_are_refused(bounds: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="queue"):
        MemoryQueue(**bounds)


def test_a_queue_that_nothing_serves_takes_nothing() -> None:
    with pytest.raises(ConfigurationError, match="serve"):
        MemoryQueue().put(delivery())


# ---- failures -------------------------------------------------------------------------------


def test_what_fails_is_tried_again_after_a_pause(opened: Any, worker: Worker) -> None:
    worker.failures = [RuntimeError(), RuntimeError()]
    queue = opened(workers=1)
    queue.put(delivery())
    assert queue.drain(5)
    assert len(worker.seen) == 3
    first, second, third = worker.times
    assert second - first >= 0.02
    assert third - second >= 0.05


def test_what_waits_for_its_next_try_holds_up_nothing_else(opened: Any, worker: Worker) -> None:
    worker.failures = [RuntimeError()]
    queue = opened(workers=1)
    queue.put(delivery("a"))
    queue.put(delivery("b"))
    assert queue.drain(5)
    assert [each.client_key for each in worker.seen] == ["a", "b", "a"]


def test_what_fails_each_time_is_given_up_and_said(
    opened: Any, worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    worker.failures = [RuntimeError("the payload said hunter2")] * 3
    queue = opened()
    with caplog.at_level(logging.DEBUG):
        queue.put(delivery(body=b'{"password": "hunter2"}'))
        assert queue.drain(5)
    assert len(worker.seen) == 3
    ours = [record for record in caplog.records if record.name == module.log.name]
    assert [record.levelname for record in ours] == ["WARNING", "WARNING", "ERROR"]
    assert "page_created from site failed, try 3 of 3, given up: RuntimeError" in caplog.text
    assert "test_queue.py" in caplog.text
    assert "hunter2" not in caplog.text
    assert not any(record.exc_info for record in ours)


def test_a_handler_that_would_end_the_process_ends_no_worker(opened: Any, worker: Worker) -> None:
    worker.failures = [SystemExit(), asyncio.CancelledError()]
    queue = opened(workers=1)
    queue.put(delivery())
    assert queue.drain(5)
    assert len(worker.seen) == 3


# ---- the end --------------------------------------------------------------------------------


def test_at_the_end_nothing_more_is_taken_and_what_waits_is_worked_on(
    opened: Any, worker: Worker
) -> None:
    worker.open.clear()
    queue = opened(workers=1, share=1.0)
    for _ in range(5):
        queue.put(delivery())
    closing = threading.Thread(target=queue.close)
    closing.start()
    while not queue._closing:
        time.sleep(0.001)
    with pytest.raises(QueueFull, match="going down"):
        queue.put(delivery())
    worker.open.set()
    closing.join(5)
    assert len(worker.seen) == 5
    assert len(queue) == 0


def test_at_the_end_the_next_try_comes_at_once(
    opened: Any, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DELAYS", (60.0,))
    worker.failures = [RuntimeError(), RuntimeError()]
    queue = opened()
    queue.put(delivery())
    while not worker.seen:
        time.sleep(0.001)
    assert queue.close(5) == 0
    assert len(worker.seen) == 3


def test_what_is_not_done_in_time_is_left_and_counted(
    opened: Any, worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    worker.open.clear()
    queue = opened(workers=1, drain_seconds=0.05)
    for _ in range(3):
        queue.put(delivery())
    assert queue.close() == 3
    assert not queue.drain(0.01)
    assert "3 events not worked on" in caplog.text
    worker.open.set()


def test_a_child_process_begins_with_nothing(opened: Any, worker: Worker) -> None:
    worker.open.clear()
    queue = opened()
    queue.put(delivery())
    threads = list(queue._threads)
    with suppress(AssertionError):
        module._fork_all()
    assert len(queue) == 0
    worker.open.set()
    queue.put(delivery("b"))
    assert queue.drain(5)
    assert delivery("b") in worker.seen
    assert threads != queue._threads


def test_what_was_closed_may_be_opened_again(opened: Any, worker: Worker) -> None:
    queue = opened()
    queue.put(delivery("a"))
    queue.reopen()
    assert queue.close(5) == 0
    queue.reopen()
    queue.put(delivery("b"))
    assert queue.drain(5)
    assert [each.client_key for each in worker.seen] == ["a", "b"]


def test_every_queue_is_closed_together(opened: Any) -> None:
    queue = opened()
    module._close_all()
    with pytest.raises(QueueFull):
        queue.put(delivery())


SCRIPT = """
import asyncio
from headway.app.delivery import Delivery
from headway.app.queue import MemoryQueue

async def work(delivery):
    await asyncio.sleep(0.1)
    await asyncio.get_running_loop().getaddrinfo("127.0.0.1", 1)  # needs the loop's thread pool
    print(delivery.client_key, flush=True)

queue = MemoryQueue(workers=1)
queue.serve(work)
for name in "abc":
    queue.put(Delivery(event="e", path="/p", app_key="x", client_key=name, received=1.0))
"""


def test_a_process_that_ends_works_off_what_waits() -> None:
    """Whatever the framework: nobody has to call anything."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout.split() == ["a", "b", "c"], done.stderr
