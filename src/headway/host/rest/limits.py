"""How many requests a caller may make in a minute, where that is limited at all."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

from headway.host.gate import Actor
from headway.host.shapes import moment
from headway.ports import Clock

__all__ = ["WINDOW", "Limits", "Verdict"]

WINDOW = 60
"""Seconds in which a caller's requests are counted."""

CALLERS_MAX = 10_000
"""Callers that are counted at once; whoever comes after them is counted together."""


class Verdict(NamedTuple):
    """Whether a request is too many, and what the answer's headers say of it."""

    refused: bool = False
    headers: Mapping[str, str] = {}


class Limits:
    """Counts requests by caller, in windows of a minute of real time.

    *most* says how many there may be; 0 is any number.

    >>> limits = Limits(lambda: 1, lambda: 61.0)
    >>> nobody = Actor(kind="anonymous")
    >>> limits.count(nobody).refused, limits.count(nobody).headers["Retry-After"]
    (False, '59')
    """

    def __init__(self, most: Callable[[], int], now: Clock) -> None:
        self._most = most
        self._now = now
        self._window = 0
        self._counts: dict[str, int] = {}

    def count(self, actor: Actor) -> Verdict:
        """Count one request of *actor*."""
        most = self._most()
        if most <= 0:
            return Verdict()
        now = self._now()
        window = int(now // WINDOW)
        if window != self._window:
            self._window, self._counts = window, {}
        caller = actor.account_id or ""
        if caller not in self._counts and len(self._counts) >= CALLERS_MAX:
            caller = ""
        made = self._counts[caller] = self._counts.get(caller, 0) + 1
        ends = (window + 1) * WINDOW
        headers = {
            "X-RateLimit-Limit": str(most),
            "X-RateLimit-Remaining": str(max(0, most - made)),
            "X-RateLimit-Reset": moment(ends),
        }
        if made > most:
            headers["Retry-After"] = str(math.ceil(ends - now))
        return Verdict(made > most, headers)
