"""Counting: a few additions in memory for each use; written in batches by a thread.

What is told apart is bounded, and apart for verified and for claimed clients:
whoever invents names fills the claimed ones and nothing else.  Past a bound,
requests are still counted, in a record that says ``(other)``.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections import Counter
from typing import Protocol

from headway.errors import StateUnavailable
from headway.gateway.decision import Use
from headway.gateway.usage.record import DAY, OTHER, Record, day_of
from headway.gateway.usage.settings import Bounds
from headway.ports import Clock
from headway.redact import redact

__all__ = ["Bounds", "UsageCounter"]

_log = logging.getLogger(__name__)


class Sink(Protocol):
    """Where batches go: :class:`~headway.gateway.usage.store.UsageStore`."""

    def add(self, records: list[Record], *, batch: str, days: tuple[str, ...]) -> bool:
        """Add all of *records*, or raise StateUnavailable."""

    def forget(self, before: str) -> int:
        """Remove what is older than the day *before*."""


_Key = tuple[int, str, bool, str, str, str, str, str]


class _Entry:
    __slots__ = ("also_header", "count", "first", "from_browser", "hours", "last", "sample")

    def __init__(self, now: int, sample: str) -> None:
        self.count = self.also_header = self.from_browser = 0
        self.hours = [0] * 24
        self.first = self.last = now
        self.sample = sample


class _Budget:
    """What is told apart today, of the verified or of the claimed clients."""

    def __init__(self, most: int, per_client: int) -> None:
        self.most, self.per_client = most, per_client
        self.clear()

    def clear(self) -> None:
        self._known: set[_Key] = set()
        self._folded: set[str] = set()
        self._of_client: Counter[str] = Counter()

    def key(self, key: _Key) -> _Key:
        """*key*, or what stands for it."""
        day, location, verified, client, outcome, *_ = key
        plain: _Key = (0, *key[1:])  # the budget is a day's; a clock that went back opens no other
        if plain in self._known:
            return key
        if len(self._known) < self.most and self._of_client[client] < self.per_client:
            self._known.add(plain)
            self._of_client[client] += 1
            return key
        if client in self._folded or len(self._folded) < self.most // 10:
            self._folded.add(client)
            return (day, location, verified, client, outcome, OTHER, OTHER, OTHER)
        return (day, location, verified, OTHER, outcome, OTHER, OTHER, OTHER)


class UsageCounter:
    """Counts each :class:`~headway.gateway.decision.Use` that it is called with.

    *store* gets a batch every *every* seconds once :meth:`start` was called, and
    a last one at :meth:`close`.  A process that is killed loses what it counted
    since its last batch.  While the store does not answer, counts stay in memory
    within *bounds*, and go out once it does.  Records older than *keep_days* are
    removed once a day.

    >>> from headway.gateway.usage.store import open_usage
    >>> from headway.model import Phase
    >>> store = open_usage(":memory:")
    >>> count = UsageCounter(store, clock=lambda: 1_643_673_600)
    >>> count(Use(location="jwt", phase=Phase.WARNED, client="acme", verified=True,
    ...     outcome="pass", method="GET", route="/rest"))
    >>> count.flush()
    1
    >>> [(each.client, each.count) for each in store.records()]
    [('acme', 1)]
    >>> store.close()
    """

    def __init__(
        self,
        store: Sink,
        *,
        clock: Clock = time.time,
        every: float = 5.0,
        bounds: Bounds | None = None,
        keep_days: int = 800,
    ) -> None:
        self._store, self._clock, self._every, self._keep = store, clock, every, keep_days
        bounds = bounds or Bounds()
        self._budgets = {
            True: _Budget(bounds.verified, bounds.per_client),
            False: _Budget(bounds.claimed, bounds.per_client),
        }
        self._open_max = 2 * (bounds.verified + bounds.claimed)
        self._lock = threading.Lock()
        self._writes = threading.Lock()
        self._open: dict[_Key, _Entry] = {}
        self._day = 0
        self._told = ""  # the last day that the store knows somebody counted on
        self._pending: tuple[str, list[Record], tuple[str, ...]] | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.failures = 0
        """How often a batch could not be written; it is sent again, and counts once."""
        self.batches = self.written = 0
        """How many batches were written, and how many records in them."""
        self.overflow = 0
        """How many requests are counted in a record that says ``(other)``."""

    def settle(self, *, every: float, bounds: Bounds, keep_days: int) -> None:
        """Count on with other settings; what is told apart today already stays so."""
        with self._lock:
            self._every, self._keep = every, keep_days
            self._budgets[True].most, self._budgets[False].most = bounds.verified, bounds.claimed
            for budget in self._budgets.values():
                budget.per_client = bounds.per_client
            self._open_max = 2 * (bounds.verified + bounds.claimed)

    def __call__(self, use: Use) -> None:
        """Count *use* now; it waits for nobody."""
        now = int(self._clock())
        day = now // DAY
        what = (use.outcome, use.method, use.route, use.agent)
        key = (day, use.location, use.verified, use.client, *what)
        with self._lock:
            entry = self._open.get(key)
            if entry is None:
                entry = self._entry(key, use, now)
            entry.count += 1
            entry.also_header += use.also_header
            entry.from_browser += use.from_browser
            entry.hours[now % DAY // 3600] += 1
            if now > entry.last:
                entry.last = now
            elif now < entry.first:
                entry.first = now

    def _entry(self, key: _Key, use: Use, now: int) -> _Entry:
        day = key[0]
        if day > self._day:
            self._day = day
            for budget in self._budgets.values():
                budget.clear()
        wanted = _cleaned(key)
        admitted = self._budgets[use.verified].key(wanted)
        if admitted not in self._open and len(self._open) >= self._open_max:
            # the store has not answered for days
            rest = (use.outcome, OTHER, OTHER, OTHER)
            admitted = (self._day, use.location, use.verified, OTHER, *rest)
        self.overflow += admitted != wanted
        if (entry := self._open.get(admitted)) is None:
            folded = admitted[3] == OTHER
            sample = "" if folded else _plain(redact(use.sample), 260)
            entry = self._open[admitted] = _Entry(now, sample)
        return entry

    @property
    def waiting(self) -> int:
        """How many records are in memory."""
        pending = self._pending
        return len(self._open) + (len(pending[1]) if pending is not None else 0)

    def flush(self) -> int:
        """Write what was counted; how many records that were.

        Raises StateUnavailable where the store does not answer: nothing is lost,
        the next call sends the same batch first.
        """
        with self._writes:
            written = self._send()
            with self._lock:
                taken, self._open = self._open, {}
            today = day_of(self._clock())
            if taken or today != self._told:
                records = [_record(key, entry) for key, entry in taken.items()]
                self._pending = (secrets.token_hex(16), records, (today,))
                written += self._send()
            return written

    def _send(self) -> int:
        if self._pending is None:
            return 0
        batch, records, days = self._pending
        try:
            self._store.add(records, batch=batch, days=days)
            self._pending = None
            self.batches, self.written = self.batches + 1, self.written + len(records)
            if days[-1] != self._told:
                self._told = days[-1]
                self._store.forget(day_of(max(0.0, self._clock() - self._keep * DAY)))
        except StateUnavailable:
            self.failures += 1
            raise
        return len(records)

    def start(self) -> None:
        """Write batches from a thread of its own; call it after a server has forked."""
        self._thread = threading.Thread(target=self._run, name="headway-usage", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(self._every):
            self._try()

    def _try(self) -> None:
        try:
            self.flush()
        except StateUnavailable as error:
            _log.warning("usage is kept in memory: %s", error)

    def close(self) -> None:
        """Stop the thread, and write what is left."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self._try()


def _cleaned(key: _Key) -> _Key:
    day, location, verified, client, outcome, method, route, agent = key
    texts = _plain(method, 20), _plain(redact(route), 260), _plain(redact(agent), 60)
    return (day, location, verified, _plain(redact(client), 120), outcome, *texts)


def _plain(text: str, most: int) -> str:
    if text.isprintable():
        return text[:most]
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[:most])


def _record(key: _Key, entry: _Entry) -> Record:
    day, location, verified, client, outcome, method, route, agent = key
    return Record(
        day=day_of(day * DAY),
        location=location,
        client=client,
        verified=verified,
        outcome=outcome,
        method=method,
        route=route,
        agent=agent,
        count=entry.count,
        hours=tuple(entry.hours),
        also_header=entry.also_header,
        from_browser=entry.from_browser,
        first=entry.first,
        last=entry.last,
        sample=entry.sample,
    )
