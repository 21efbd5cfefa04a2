"""Plain counts of what a gateway does, for whoever shows them: a few additions, and no library.

No count is told apart by anything that a request says: ids, phases and outcomes
are short lists, locations are the policy's.  So nobody can make them grow.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from headway.gateway.decision import Use

__all__ = ["Tally"]


class Tally:
    """Counts of one process, from its start.

    ``decisions`` are counted by door (the proxy that asked, or ``run``), outcome
    and the id of what decided; ``failures``, where no decision came about and
    nobody got in, by door and id; ``uses`` of a location by location, phase,
    outcome and whether the client was verified; ``fetches`` of public keys by
    outcome, with the ``fetch_seconds`` that they took.

    >>> tally = Tally()
    >>> tally.decided("nginx", "pass", "")
    >>> tally.decisions["nginx", "pass", ""]
    1
    """

    __slots__ = ("decisions", "failures", "fetch_seconds", "fetches", "uses")

    def __init__(self) -> None:
        self.decisions: Counter[tuple[str, str, str]] = Counter()
        self.failures: Counter[tuple[str, str]] = Counter()
        self.uses: Counter[tuple[str, str, str, bool]] = Counter()
        self.fetches: Counter[str] = Counter()
        self.fetch_seconds = 0.0

    def decided(self, door: str, outcome: str, why: str) -> None:
        """Count one decision; *why* is the id of what decided, or ""."""
        self.decisions[door, outcome, why] += 1

    def failed(self, door: str, why: str) -> None:
        """Count one request that there was no decision about."""
        self.failures[door, why] += 1

    def fetched(self, outcome: str, seconds: float) -> None:
        """Count one fetch of public keys: ``ok``, the id of the refusal, or ``failed``."""
        self.fetches[outcome] += 1
        self.fetch_seconds += seconds

    def using(self, usage: Callable[[Use], None]) -> Callable[[Use], None]:
        """What tells *usage* of each use, and counts it."""

        def use(each: Use) -> None:
            self.uses[each.location, each.phase.value, each.outcome, each.verified] += 1
            usage(each)

        return use
