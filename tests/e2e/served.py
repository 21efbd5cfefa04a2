"""A site that runs in this process, with real sockets, on a loop of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from headway.host.serve import served
from headway.host.settings import Settings

START_SECONDS = 60.0


class Served:
    """The site, and a way to run something where it runs."""

    def __init__(self, settings: Settings) -> None:
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(settings,), daemon=True)
        self._thread.start()
        assert self._started.wait(START_SECONDS)

    def _run(self, settings: Settings) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve(settings))
        self._loop.close()

    async def _serve(self, settings: Settings) -> None:
        self._stop = asyncio.Event()
        async with served(settings) as running:
            self.running, self.site = running, running.site
            self._started.set()
            await self._stop.wait()

    def do(self, what: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """Run *what* where the site runs."""
        return asyncio.run_coroutine_threadsafe(what(), self._loop).result(START_SECONDS)

    def close(self) -> None:
        """Stop serving."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(START_SECONDS)


@contextmanager
def served_site(**settings: Any) -> Iterator[Served]:
    """A fresh site on free ports."""
    running = Served(Settings(**{"port": 0, **settings}))
    try:
        yield running
    finally:
        running.close()
