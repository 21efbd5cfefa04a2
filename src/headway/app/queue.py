"""Work that waits in this process: bounded, retried, and worked off before the process ends.

A few threads take deliveries in turn, each with an event loop of its own: so it
is the same under ASGI and WSGI, and a slow handler holds up no request.  What is
full says so at once, and the host sends again later.  What waits here is lost
with a process that is killed; an app that can not bear that uses a task queue
(:class:`Queue` is all that one has to be).
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures.thread  # noqa: F401  its own exit must come after ours
import heapq
import itertools
import logging
import os
import threading
import time
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeAlias
from weakref import WeakSet

import msgspec

from headway.app.delivery import Delivery
from headway.app.wanted import Wanted, hold, number
from headway.errors import ConfigurationError
from headway.refusals import QueueFull

__all__ = ["MemoryQueue", "Queue", "Work"]

log = logging.getLogger(__name__)

Work: TypeAlias = Callable[[Delivery], Awaitable[object]]
"""Works on one delivery; what it raises means that it is to be tried again."""

DELAYS = (1.0, 10.0)  # seconds before the second and the third try


class Queue(Protocol):
    """Keeps deliveries until they are worked on."""

    def put(self, delivery: Delivery) -> None:
        """Keep *delivery*; when this returns, the host is told that it was taken.

        Raises :class:`~headway.refusals.QueueFull` where there is no room: the
        host sends it again.  Anything else that is raised means the same.
        """


class _Item(msgspec.Struct):
    """A delivery in its line: when it is due, in the order of coming; which try is next."""

    due: float
    number: int
    made: int
    delivery: Delivery

    def __lt__(self, other: _Item) -> bool:
        return (self.due, self.number) < (other.due, other.number)


_SETTINGS = dict.fromkeys(
    ("workers", "waiting_max", "bytes_max", "share", "tries", "drain_seconds"),
    Wanted("a number", number),
)


class MemoryQueue:
    """Keeps at most *waiting_max* deliveries and *bytes_max* bytes of their bodies.

    No site may have more than *share* (0 to 1) of either, so that a flood from
    one does not shut out the others.  *workers* threads work on them; a
    delivery that fails is tried *tries* times in all, after 1 and 10 seconds,
    then given up and logged, without anything of what it told.  At the end of
    the process it takes nothing more, works off what waits for *drain_seconds*,
    and says how much it left.  Raises ConfigurationError for bounds that can
    not work.

    >>> queue = MemoryQueue()
    >>> seen = []
    >>> async def work(delivery):
    ...     seen.append(delivery.event)
    >>> queue.serve(work)
    >>> queue.put(Delivery(event="page_created", path="/p", app_key="my-app", client_key="site",
    ...                    received=1.0))
    >>> queue.close(), seen
    (0, ['page_created'])
    """

    def __init__(
        self,
        *,
        workers: int = 4,
        waiting_max: int = 1000,
        bytes_max: int = 64 * 1024 * 1024,
        share: float = 0.25,
        tries: int = 3,
        drain_seconds: float = 10.0,
    ) -> None:
        hold(_SETTINGS, locals(), "queue: ")
        for name, least in {"workers": workers, "waiting_max": waiting_max, "tries": tries}.items():
            if least < 1:
                raise ConfigurationError(f"queue: {name} is at least 1")
        if not 0 < share <= 1:
            raise ConfigurationError("queue: share is more than 0 and at most 1")
        self._workers = workers
        self._most = waiting_max, bytes_max
        self._share = share
        self._tries = tries
        self._drain_seconds = drain_seconds
        self._work: Work | None = None
        self._empty()
        _QUEUES.add(self)

    def _empty(self) -> None:
        self._changed = threading.Condition()
        self._line: list[_Item] = []
        self._numbers = itertools.count()
        self._counts: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()
        self._threads: list[threading.Thread] = []
        self._closing = False
        self._left = False

    def serve(self, work: Work) -> None:
        """Let *work* work on every delivery; the threads begin with the first one."""
        self._work = work

    def __len__(self) -> int:
        """How many deliveries wait or are worked on."""
        return self._counts.total()

    # ---- coming in --------------------------------------------------------------------------

    def put(self, delivery: Delivery) -> None:
        """Keep *delivery*; raises :class:`~headway.refusals.QueueFull`."""
        if self._work is None:
            raise ConfigurationError("queue: nothing serves it; call serve() first")
        with self._changed:
            self._check_room(delivery)
            self._count(delivery, 1)
            heapq.heappush(self._line, _Item(0.0, next(self._numbers), 0, delivery))
            if len(self._threads) < self._workers:
                self._begin()
            self._changed.notify()

    def _check_room(self, delivery: Delivery) -> None:
        if self._closing:
            raise QueueFull(found="the app is going down")
        size, tenant = len(delivery.body), delivery.client_key
        mine = self._counts[tenant] + 1, self._bytes[tenant] + size
        every = self._counts.total() + 1, self._bytes.total() + size
        for have, own, most in zip(every, mine, self._most, strict=True):
            if have > most:
                raise QueueFull(expected=f"at most {most}", found="more, of all sites")
            if own > max(most * self._share, 1):
                raise QueueFull(expected=f"at most {most * self._share:.0f}", found="more, of one")

    def _count(self, delivery: Delivery, one: int) -> None:
        tenant = delivery.client_key
        self._counts[tenant] += one
        self._bytes[tenant] += one * len(delivery.body)
        if not self._counts[tenant]:
            del self._counts[tenant], self._bytes[tenant]

    # ---- the work ---------------------------------------------------------------------------

    def _begin(self) -> None:
        name = f"headway-queue-{len(self._threads)}"
        thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _run(self) -> None:
        with asyncio.Runner() as runner:
            while (item := self._next()) is not None:
                self._try(item, runner)

    def _next(self) -> _Item | None:
        """The next delivery that is due; None when there will be none."""
        with self._changed:
            while not self._left:
                now = time.monotonic()
                if self._line and (self._closing or self._line[0].due <= now):
                    return heapq.heappop(self._line)
                if self._closing and not self._counts:
                    return None
                self._changed.wait(self._line[0].due - now if self._line else None)
        return None

    def _try(self, item: _Item, runner: asyncio.Runner) -> None:
        failure: BaseException | None = None
        try:
            runner.run(_awaited(self._work, item.delivery))
        except BaseException as error:  # noqa: BLE001  a handler may raise SystemExit, too
            failure = error
        made = item.made + 1
        again = failure is not None and made < self._tries
        if failure is not None:
            _tell(item.delivery, failure, made, self._tries)
        with self._changed:
            if again:
                due = time.monotonic() + DELAYS[min(made, len(DELAYS)) - 1]
                heapq.heappush(self._line, _Item(due, item.number, made, item.delivery))
            else:
                self._count(item.delivery, -1)
            self._changed.notify_all()

    # ---- the end ----------------------------------------------------------------------------

    def drain(self, seconds: float = 10.0) -> bool:
        """Wait until nothing waits and nothing is worked on; False when that takes longer."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._counts, seconds)

    def close(self, seconds: float | None = None) -> int:
        """Take nothing more, and work off what waits, without pauses; how many were left.

        A delivery that waits for its next try is tried at once.  *seconds* is
        ``drain_seconds`` where nothing else is said.
        """
        end = time.monotonic() + (self._drain_seconds if seconds is None else seconds)
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._counts, end - time.monotonic())
            left = self._counts.total()
            self._left = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
        if left:
            log.error("the app ends with %d events not worked on: the host does not know", left)
        return left

    def reopen(self) -> None:
        """Take deliveries again after :meth:`close`: the next life of an app in one process."""
        with self._changed:
            if self._closing:
                self._closing = self._left = False
                self._threads = []

    def forked(self) -> None:
        """A child process begins with nothing: what waits belongs to its parent, as the threads."""
        self._empty()


async def _awaited(work: Work | None, delivery: Delivery) -> None:
    if work is not None:
        await work(delivery)


def _tell(delivery: Delivery, error: BaseException, made: int, tries: int) -> None:
    """Log where a handler failed, and not what it said: that may repeat what the site told."""
    frames = traceback.extract_tb(error.__traceback__)
    where = " <- ".join(
        f"{frame.name} ({frame.filename}:{frame.lineno})" for frame in frames[:-6:-1]
    )
    level, end = (logging.ERROR, "given up") if made >= tries else (logging.WARNING, "again later")
    log.log(
        level,
        "%s from %s failed, try %d of %d, %s: %s in %s",
        *(delivery.event, delivery.client_key, made, tries, end, type(error).__name__, where),
    )


_QUEUES: WeakSet[MemoryQueue] = WeakSet()


def _close_all() -> None:
    for queue in list(_QUEUES):
        queue.close()


def _fork_all() -> None:
    for queue in list(_QUEUES):
        queue.forked()


# At the interpreter's end no thread pool takes work any more, not even for a host name's
# address, unless we come before concurrent.futures, which ends its pools in this same way.
_at_exit: Callable[[Callable[[], Any]], Any] = getattr(
    threading, "_register_atexit", atexit.register
)
_at_exit(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_fork_all)
