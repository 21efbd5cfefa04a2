"""One event loop in a thread of its own, for answers that a synchronous framework waits for.

Key fetches share their work between requests and so need one loop.  It is
started by the first who needs it, so after a server has forked its workers.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable
from typing import TypeVar

__all__ = ["Background", "elsewhere", "result_of"]

T = TypeVar("T")


class Background:
    """An event loop in a daemon thread.

    >>> loop = Background()
    >>> loop.result(asyncio.sleep(0, "slept"))
    'slept'
    >>> loop.close()
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def result(self, awaitable: Awaitable[T]) -> T:
        """What *awaitable* comes to, on the loop; raises what it raises."""
        return asyncio.run_coroutine_threadsafe(_awaited(awaitable), self._running()).result()

    async def elsewhere(self, awaitable: Awaitable[T]) -> T:
        """The same for who waits on another event loop."""
        going = asyncio.run_coroutine_threadsafe(_awaited(awaitable), self._running())
        return await asyncio.wrap_future(going)

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._loop.run_forever, name="headway", daemon=True
                )
                self._thread.start()
            return self._loop

    def close(self) -> None:
        """Stop the loop and its thread; the next call starts others."""
        with self._lock:
            loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    def forget(self) -> None:
        """A forked process has the loop and not its thread: begin anew."""
        self._lock, self._loop, self._thread = threading.Lock(), None, None


async def _awaited(awaitable: Awaitable[T]) -> T:
    return await awaitable


_process = Background()
os.register_at_fork(after_in_child=_process.forget)


def result_of(awaitable: Awaitable[T]) -> T:
    """What *awaitable* comes to, on the loop of this process.

    >>> result_of(asyncio.sleep(0, 7))
    7
    """
    return _process.result(awaitable)


async def elsewhere(awaitable: Awaitable[T]) -> T:
    """The same for who waits on another event loop."""
    return await _process.elsewhere(awaitable)
