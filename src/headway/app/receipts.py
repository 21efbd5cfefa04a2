"""Which deliveries were taken: a host sends one again until it hears that it was.

A delivery is *claimed* before it is queued and *confirmed* after.  A claim that
nobody confirms (the queue was full, the process died) ends by itself, so that
the next try counts; and while it lasts, a second copy of the same delivery is
told to come again later.  So a delivery is queued once, unless what remembers
it forgets; and it is never taken for known because of somebody else's.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Any, Protocol

from headway.app.delivery import Receipt
from headway.app.wanted import Wanted, hold, number
from headway.errors import ConfigurationError, ReplayCacheUnavailable
from headway.ports import Clock

__all__ = ["CLAIM_SECONDS", "TAKEN_SECONDS", "Claim", "MemoryReceipts", "Receipts", "RedisReceipts"]

CLAIM_SECONDS = 30
"""How long a claim lasts that is not confirmed: longer than a queue needs, shorter than a retry."""

TAKEN_SECONDS = 86_400
"""How long a delivery is remembered.  A host tries for about half an hour ("Webhooks", Jira)."""


class Claim(StrEnum):
    """What became of a claim."""

    NEW = "new"  # it is this caller's to queue
    PENDING = "pending"  # somebody else is queueing it now
    TAKEN = "taken"  # it was queued before


class Receipts(Protocol):
    """Remembers deliveries.  Calls may wait for a network: they come from a thread that may."""

    def claim(self, receipt: Receipt) -> Claim:
        """Claim a delivery; of two callers at once, one gets NEW."""

    def confirm(self, receipt: Receipt) -> None:
        """It is queued: every later claim gets TAKEN."""

    def release(self, receipt: Receipt) -> None:
        """It is not queued: the next claim gets NEW."""


_SETTINGS = {
    "capacity": Wanted("a number", number),
    "taken_seconds": Wanted("a number of seconds", number),
    "clock": Wanted("a function that gives seconds since 1970", callable),
}


class MemoryReceipts:
    """Remembers in this process, at most *capacity* deliveries, each for *taken_seconds*.

    When it is full, the oldest makes room: of the site that adds one, where
    that has a hundredth of all, else of all.  So one site's flood makes
    nobody else's deliveries count twice.

    >>> receipts, one = MemoryReceipts(), Receipt("site", "/hook", "1")
    >>> receipts.claim(one), receipts.claim(one)
    (<Claim.NEW: 'new'>, <Claim.PENDING: 'pending'>)
    >>> receipts.confirm(one)
    >>> receipts.claim(one), receipts.claim(Receipt("another site", "/hook", "1"))
    (<Claim.TAKEN: 'taken'>, <Claim.NEW: 'new'>)
    """

    def __init__(
        self,
        *,
        capacity: int = 100_000,
        taken_seconds: int = TAKEN_SECONDS,
        clock: Clock = time.time,
    ) -> None:
        hold(_SETTINGS, locals(), "receipts: ")
        if capacity < 100:
            raise ConfigurationError("receipts: needs room for 100 deliveries at least")
        self._taken_seconds = _remembered(taken_seconds)
        self._capacity = capacity
        self._clock = clock
        self._lock = threading.Lock()
        self._ends: OrderedDict[Receipt, tuple[Claim, float]] = OrderedDict()
        self._of: dict[str, OrderedDict[Receipt, None]] = {}

    def __len__(self) -> int:
        return len(self._ends)

    def claim(self, receipt: Receipt) -> Claim:
        """Claim a delivery."""
        with self._lock:
            now = self._clock()
            state, end = self._ends.get(receipt, (Claim.NEW, 0.0))
            if now < end:
                return state
            self._forget(receipt)
            self._make_room(receipt.tenant)
            self._remember(receipt, Claim.PENDING, now + CLAIM_SECONDS)
            return Claim.NEW

    def confirm(self, receipt: Receipt) -> None:
        """It is queued."""
        with self._lock:
            self._forget(receipt)
            self._remember(receipt, Claim.TAKEN, self._clock() + self._taken_seconds)

    def release(self, receipt: Receipt) -> None:
        """It is not queued."""
        with self._lock:
            self._forget(receipt)

    def _remember(self, receipt: Receipt, state: Claim, end: float) -> None:
        self._ends[receipt] = state, end
        self._of.setdefault(receipt.tenant, OrderedDict())[receipt] = None

    def _forget(self, receipt: Receipt) -> None:
        if self._ends.pop(receipt, None) is None:
            return
        own = self._of[receipt.tenant]
        del own[receipt]
        if not own:
            del self._of[receipt.tenant]

    def _make_room(self, tenant: str) -> None:
        if len(self._ends) < self._capacity:
            return
        own = self._of.get(tenant, ())
        oldest = next(iter(own if len(own) >= self._capacity // 100 else self._ends))
        self._forget(oldest)


class RedisReceipts:
    """Remembers in a Redis, for all processes: *client* is a ``redis.Redis`` of the app's own.

    Keys begin with *prefix* and hold a hash: no site's name, nothing of a
    payload.  A Redis that does not answer leaves a delivery unclaimed, or
    claimed for 30 seconds; every call then raises
    :class:`~headway.errors.ReplayCacheUnavailable`, so the host sends again.
    """

    def __init__(
        self,
        client: Any,
        *,
        prefix: str = "headway:receipt:",
        taken_seconds: int = TAKEN_SECONDS,
    ) -> None:
        self._taken_seconds = _remembered(taken_seconds)
        self._client = client
        self._prefix = prefix

    def claim(self, receipt: Receipt) -> Claim:
        """Claim a delivery (Redis: SET with NX and EX is one step)."""
        key = self._key(receipt)
        with _reached():
            if self._client.set(key, Claim.PENDING.value, nx=True, ex=CLAIM_SECONDS):
                return Claim.NEW
            state = self._client.get(key)
        taken = state in (Claim.TAKEN.value, Claim.TAKEN.value.encode())
        return Claim.TAKEN if taken else Claim.PENDING

    def confirm(self, receipt: Receipt) -> None:
        """It is queued."""
        with _reached():
            self._client.set(self._key(receipt), Claim.TAKEN.value, ex=self._taken_seconds)

    def release(self, receipt: Receipt) -> None:
        """It is not queued."""
        with _reached():
            self._client.delete(self._key(receipt))

    def _key(self, receipt: Receipt) -> str:
        return self._prefix + receipt.digest


def _remembered(seconds: int) -> int:
    hold(_SETTINGS, {"taken_seconds": seconds}, "receipts: ")
    if seconds < CLAIM_SECONDS:
        raise ConfigurationError(f"receipts: taken_seconds is at least {CLAIM_SECONDS}")
    return seconds


@contextmanager
def _reached() -> Iterator[None]:
    """Turn a Redis that does not answer into a refusal: an outage is a 503."""
    try:
        yield
    except Exception as error:  # noqa: BLE001  the client is the app's own, and so its errors
        raise ReplayCacheUnavailable(found=type(error).__name__) from None
