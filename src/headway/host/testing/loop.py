"""An event loop in a thread of its own, for code that has none."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

__all__ = ["Loop"]

T = TypeVar("T")


class Loop:
    """Runs coroutines for whoever calls from another thread; close it when it is done with.

    >>> loop = Loop()
    >>> loop.run(asyncio.sleep(0, "slept")), loop.call(len, "abc")
    ('slept', 3)
    >>> loop.close()
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._turn, name="headway-site", daemon=True)
        self._thread.start()

    def _turn(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    @property
    def is_here(self) -> bool:
        """Whether the caller runs in this loop itself."""
        return threading.current_thread() is self._thread

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run *work* to its end; its exceptions are the caller's.

        Raises RuntimeError where the caller is this loop: it can not wait for itself.
        """
        if self.is_here:
            work.close()
            raise RuntimeError("the site's own thread can not wait for the site")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def call(self, function: Callable[..., T], *arguments: Any, **named: Any) -> T:
        """Call *function* in the loop's thread."""

        async def call() -> T:
            return function(*arguments, **named)

        return self.run(call())

    async def reach(self, work: Coroutine[Any, Any, T]) -> T:
        """Run *work* there, for a caller in any loop, this one too."""
        if self.is_here:
            return await work
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    def close(self) -> None:
        """Cancel what still runs, and end the thread."""
        if self._loop.is_closed():
            return
        self.run(_cancel_others())
        # In its own thread: in the caller's another loop may run, as under Playwright.
        self.run(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _cancel_others() -> None:
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
