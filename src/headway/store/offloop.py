"""Answers for an event loop: from memory at once, and what needs a database from a thread.

A database on another machine takes milliseconds, or seconds when it is ill.
An event loop that waited for it would keep everybody waiting.
"""

from __future__ import annotations

import asyncio
import os
import weakref
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore
from typing import Protocol, TypeVar

from headway.errors import StoreUnavailable
from headway.ports import Credentials, KeySource, NeedKey, OnceOnly, ReplayCache

__all__ = ["OffLoop"]

Asked = TypeVar("Asked")
T = TypeVar("T")
THREADS = 15
"""As many as there are connections to the database at most: more would wait for each other."""

WAITING_MAX = 500
"""Questions that wait at once; while a database hangs, further ones are refused at once."""


class Recalls(KeySource, ReplayCache, Protocol):
    """A store that can say what it would answer from memory."""

    def find(self, need: NeedKey) -> Credentials | None:
        """The keys, read where they are not remembered."""

    def recall(self, need: NeedKey) -> tuple[Credentials | None] | None:
        """What ``find`` would answer without reading; None where it would read."""

    def first(self, once: OnceOnly) -> bool:
        """Whether the token was never seen before."""


class OffLoop:
    """The faces of *store* for an event loop; its own threads, so that nobody else's fill up.

    What is awaited raises what the store raises, and StoreUnavailable where
    too many wait already.

    >>> class Store:
    ...     def recall(self, need): return None
    ...     def find(self, need): return "read in a thread"
    ...     def first(self, once): return True
    >>> need = NeedKey(issuer="site", symmetric=True)
    >>> async def ask(): return await OffLoop(Store()).find(need)
    >>> asyncio.run(ask())
    'read in a thread'
    """

    def __init__(self, store: Recalls) -> None:
        self._store = store
        self._start()
        kept = weakref.WeakMethod(self._start)
        # A process that is forked off has none of the threads, and none of those who wait.
        os.register_at_fork(after_in_child=lambda: (start := kept()) and start())

    def _start(self) -> None:
        self._room = BoundedSemaphore(WAITING_MAX)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="headway-store")

    def find(self, need: NeedKey) -> Credentials | Awaitable[Credentials | None] | None:
        """The keys at once where they are remembered, else an awaitable of them."""
        known = self._store.recall(need)
        if known is not None:
            return known[0]
        return self._run(self._store.find, need)

    def first(self, once: OnceOnly) -> Awaitable[bool]:
        """Whether the token was never seen before, to be awaited."""
        return self._run(self._store.first, once)

    def close(self) -> None:
        """Let the threads end; what runs is finished."""
        self._threads.shutdown(wait=False)

    async def _run(self, call: Callable[[Asked], T], question: Asked) -> T:
        if not self._room.acquire(blocking=False):
            raise StoreUnavailable(found=f"{WAITING_MAX} questions that wait")
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, call, question)
        finally:
            self._room.release()
