"""Tokens that count once, remembered in this process.

Good for one process and for tokens that live shorter than it.  Lifecycle
events are not among them: their tokens are recorded with the installation,
in one transaction (:mod:`headway.store.installations`).
"""

from __future__ import annotations

import heapq
import threading
import time

from headway.errors import ClockBehind, ConfigurationError, ReplayCacheFull
from headway.ports import Clock, OnceOnly

__all__ = ["LEEWAY", "MemoryReplayCache"]

LEEWAY = 30
"""Seconds by which clocks may differ (RFC 7519 section 4.1.4 leaves the size to us)."""


class MemoryReplayCache:
    """Remembers each token until it is refused for its age anyway.

    *capacity* bounds the tokens that live at once.  A live one is never
    dropped to make room: when it is full, everything is refused.

    >>> cache = MemoryReplayCache(clock=lambda: 1000.0)
    >>> once = OnceOnly(scope="site", digest="5f70bf18", issued=1000, until=1180)
    >>> cache.first(once), cache.first(once)
    (True, False)
    """

    def __init__(self, *, capacity: int = 100_000, clock: Clock = time.time) -> None:
        if capacity < 1:
            raise ConfigurationError("a replay cache needs room for at least one token")
        self._capacity = capacity
        self._clock = clock
        self._lock = threading.Lock()
        self._mark = 0.0
        self._seen: set[tuple[str, str]] = set()
        self._ends: list[tuple[int, tuple[str, str]]] = []  # a heap: the first to end on top

    def __len__(self) -> int:
        return len(self._seen)

    def first(self, once: OnceOnly) -> bool:
        """Whether the token was never seen before; it counts as seen from now on.

        Raises:
            ClockBehind: "once" can not be promised, because the clock went
                back by more than the leeway.
            ReplayCacheFull: there is no room to remember one more.
        """
        # The clock may go back by the leeway unrefused: so much longer is a token remembered.
        token, end = (once.scope, once.digest), once.until + LEEWAY
        with self._lock:
            now = self._clock()
            if now < self._mark - LEEWAY:
                raise ClockBehind(expected=f"{self._mark:.0f} or later", found=f"{now:.0f}")
            self._mark = max(self._mark, now)
            while self._ends and self._ends[0][0] < self._mark:
                self._seen.discard(heapq.heappop(self._ends)[1])
            if token in self._seen or end < self._mark:  # too old to be remembered: not once either
                return False
            if len(self._seen) >= self._capacity:
                raise ReplayCacheFull(found=f"{self._capacity} live tokens")
            self._seen.add(token)
            heapq.heappush(self._ends, (end, token))
            return True
