"""Every token that crossed: kept for the inspector, bounded, without the tokens."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

import msgspec

__all__ = ["Crossing", "Traffic"]

KEPT = 1000  # crossings
QUEUED = 200  # crossings that wait for one slow reader


class Crossing(msgspec.Struct, frozen=True, kw_only=True):
    """One token on its way, and what was decided; or a request that lacked one.

    ``path`` and ``claims`` are redacted before they come here; there is no
    signature.  ``time`` is real, ``at`` the site's date; both in seconds since
    1970.  ``policy`` names the policy that was in force then, ``disclaimer`` is
    that policy's.  ``verdict`` is accepted, warned, not inspected, refused or sent.
    """

    time: float
    at: float
    policy: str
    disclaimer: str = ""
    direction: str
    method: str
    path: str
    verdict: str
    location: str | None = None
    kind: str | None = None
    phase: str | None = None
    claims: dict[str, Any] = {}
    verified: bool = False
    refusal: str | None = None
    hint: str | None = None
    status: int | None = None
    notes: tuple[str, ...] = ()
    explain: dict[str, Any] | None = None
    seen_by: str = "site"
    id: int = 0


class Traffic:
    """The last crossings, newest last, and whoever watches them.

    >>> traffic = Traffic()
    >>> traffic.add(Crossing(time=0, at=0, policy="mine", direction="app->host", method="GET",
    ...                      path="/", verdict="accepted")).id
    1
    """

    def __init__(self) -> None:
        self._kept: deque[Crossing] = deque(maxlen=KEPT)
        self._count = 0
        self._readers: set[asyncio.Queue[Crossing]] = set()

    def add(self, crossing: Crossing) -> Crossing:
        """Keep *crossing*, number it, tell the watchers; one that lags loses its oldest."""
        self._count += 1
        crossing = msgspec.structs.replace(crossing, id=self._count)
        self._kept.append(crossing)
        for queue in self._readers:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(crossing)
        return crossing

    def all(self) -> list[Crossing]:
        """What is kept, oldest first."""
        return list(self._kept)

    def clear(self) -> None:
        """Forget what is kept; the numbers go on."""
        self._kept.clear()

    async def follow(self, after: int = 0) -> AsyncIterator[Crossing]:
        """What is kept after the number *after*, then whatever comes."""
        queue: asyncio.Queue[Crossing] = asyncio.Queue(QUEUED)
        self._readers.add(queue)
        try:
            for crossing in self.all():
                if crossing.id > after:
                    yield crossing
                    after = crossing.id
            while True:
                crossing = await queue.get()
                if crossing.id > after:
                    yield crossing
        finally:
            self._readers.discard(queue)
