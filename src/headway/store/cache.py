"""A bounded, short-lived copy of what the database says about one key at a time.

The hot path reads here: a database costs more than the check of a signature.
Only values are kept, never verdicts.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from headway.ports import Clock

__all__ = ["Answer", "ReadThrough"]

T = TypeVar("T")

UNKNOWN_LIFE = 1.0
"""Seconds for which a "there is none" is repeated."""
REREAD_EVERY = 1.0
"""Seconds between two reads of one key that callers ask for: what forged tokens can delay."""


class Answer(NamedTuple, Generic[T]):
    """A value, or None where there is none; ``cached`` where an older answer was repeated."""

    value: T | None
    cached: bool


class _Entry(NamedTuple, Generic[T]):
    answer: Answer[T]  # as it is repeated
    read_at: float
    reread_at: float  # when a caller last asked to pass by the cache


class ReadThrough(Generic[T]):
    """Answers of *read*, at most *size* and for at most *life* seconds.

    *ticks* is a clock that never goes back.  Unknown keys have a room of their
    own, so that guesses can not push known ones out.

    >>> cache = ReadThrough({"a": 1}.get, size=10, life=60.0, ticks=lambda: 0.0)
    >>> cache.find("a"), cache.find("a")
    (Answer(value=1, cached=False), Answer(value=1, cached=True))
    """

    def __init__(
        self, read: Callable[[str], T | None], *, size: int, life: float, ticks: Clock
    ) -> None:
        self._read = read
        self._size = size
        self._life = life
        self._ticks = ticks
        self._lock = threading.Lock()
        self._known: OrderedDict[str, _Entry[T]] = OrderedDict()
        self._unknown: OrderedDict[str, _Entry[T]] = OrderedDict()
        self._generation = 0

    def find(self, key: str, *, fresh: bool = False) -> Answer[T]:
        """The value of *key*; *fresh* reads it again, unless that was just done."""
        known = self.recall(key, fresh=fresh)
        if known is not None:
            return known
        tick = self._ticks()
        with self._lock:
            entry = self._known.get(key) or self._unknown.get(key)
            if entry is not None and fresh:  # noted before the read: others need not repeat it
                self._keep(key, entry._replace(reread_at=tick))
            generation = self._generation
        value = self._read(key)
        with self._lock:
            if generation == self._generation:  # else a write came between, and this may be old
                again = Answer(value, cached=True)
                self._keep(key, _Entry(again, tick, tick if fresh else -math.inf))
        return Answer(value, cached=False)

    def recall(self, key: str, *, fresh: bool = False) -> Answer[T] | None:
        """What :meth:`find` would answer without reading; None where it would read."""
        tick = self._ticks()
        with self._lock:
            entry = self._known.get(key) or self._unknown.get(key)
            if entry is None:
                return None
            answer, read_at, reread_at = entry
            unknown = answer.value is None
            if tick - read_at >= (UNKNOWN_LIFE if unknown else self._life):
                return None
            if fresh and tick - reread_at >= REREAD_EVERY:
                return None
            if not unknown:
                self._known.move_to_end(key)
            return answer

    def drop(self, key: str) -> None:
        """Forget *key*, also for those who are reading it right now."""
        with self._lock:
            self._generation += 1
            self._known.pop(key, None)
            self._unknown.pop(key, None)

    def _keep(self, key: str, entry: _Entry[T]) -> None:
        room, other = self._known, self._unknown
        if entry.answer.value is None:
            room, other = other, room
        other.pop(key, None)
        room[key] = entry
        room.move_to_end(key)
        if len(room) > self._size:
            room.popitem(last=False)
