"""What an app tells of its running: four kinds of event, none of which holds a token.

An instrument is any object with a method for each event; metrics, traces and
logs are three of them (:mod:`headway.app.metrics`, :mod:`headway.app.tracing`,
:mod:`headway.app.logs`).  It is called on the path of a request, so it must
not wait, and what it raises is logged and goes no further.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import msgspec

from headway.app.observation import Observation

__all__ = ["HostCall", "Instrument", "Instruments", "KeyFetch", "Observer"]

log = logging.getLogger(__name__)


class KeyFetch(msgspec.Struct, frozen=True):
    """Public keys were asked of *source* (``install`` or ``forge``).

    ``outcome`` is ``ok`` or the id of the refusal; ``seconds`` is what it took.
    """

    source: str
    outcome: str
    seconds: float


class HostCall(msgspec.Struct, frozen=True):
    """One request of ours to a site: the status that came, or None where none came.

    ``origin`` is the site's; ``path`` is without its query.
    """

    method: str
    origin: str
    path: str
    status: int | None
    seconds: float


class Instrument:
    """Hears of everything and does nothing: override what you want to hear."""

    def decided(self, seen: Observation) -> None:
        """A request was let in or refused."""

    def fetched_keys(self, fetch: KeyFetch) -> None:
        """A key source was asked."""

    def called_host(self, call: HostCall) -> None:
        """A site was called."""

    def looked_up(self, *, cached: bool) -> None:
        """An installation was looked up, *cached* in memory or in the database."""


class Observer(Instrument):
    """A function that is told of every decision, as an instrument."""

    def __init__(self, told: Callable[[Observation], None]) -> None:
        self._told = told

    def decided(self, seen: Observation) -> None:
        """Tell it."""
        self._told(seen)


class Instruments(Instrument):
    """Several instruments as one; what one of them raises stops neither the others nor the request.

    >>> Instruments([Instrument()]).looked_up(cached=True)
    """

    def __init__(self, several: Sequence[Instrument]) -> None:
        self._several = tuple(several)

    def __bool__(self) -> bool:
        return bool(self._several)

    def decided(self, seen: Observation) -> None:
        """Tell all."""
        self._tell(lambda each: each.decided(seen))

    def fetched_keys(self, fetch: KeyFetch) -> None:
        """Tell all."""
        self._tell(lambda each: each.fetched_keys(fetch))

    def called_host(self, call: HostCall) -> None:
        """Tell all."""
        self._tell(lambda each: each.called_host(call))

    def looked_up(self, *, cached: bool) -> None:
        """Tell all."""
        self._tell(lambda each: each.looked_up(cached=cached))

    def _tell(self, event: Callable[[Instrument], None]) -> None:
        for each in self._several:
            try:
                event(each)
            except Exception:
                log.exception("%s failed", type(each).__name__)
