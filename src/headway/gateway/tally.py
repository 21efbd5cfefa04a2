"""Plain counts of what a gateway does, for whoever shows them: a few additions, and no library.

No count is told apart by anything that a request says: ids, phases and outcomes
are short lists, locations are the policy's.  So nobody can make them grow.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from headway.errors import Refusal
from headway.gateway.decision import Ask, Decision, Use
from headway.gateway.middleware import Decides
from headway.gateway.rules import GatewayPolicy
from headway.gateway.verifying import Verifier

__all__ = ["Counting", "Tally"]


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

    __slots__ = ("_lock", "decisions", "failures", "fetch_seconds", "fetches", "uses")

    def __init__(self) -> None:
        self._lock = threading.Lock()
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
            with self._lock:
                self.uses[each.location, each.phase.value, each.outcome, each.verified] += 1
            usage(each)

        return use

    @property
    def lock(self) -> threading.Lock:
        """What whoever counts from several threads holds meanwhile."""
        return self._lock


class Counting:
    r"""*gateway*, whose decisions are counted in *tally*: for middleware, in threads too.

    *door* is what the counts call it.

    >>> from headway.gateway.decide import Gateway
    >>> from headway.gateway.policy_file import read_policy
    >>> policy = read_policy(b'name="a"\n[[location]]\nname="jwt"\nparameters=["jwt"]')
    >>> gateway = Gateway(policy)
    >>> tally = Tally()
    >>> Counting(gateway, tally).decide(Ask(method="GET", target="/?jwt=T")).target
    '/'
    >>> tally.decisions["app", "pass", ""]
    1
    """

    def __init__(self, gateway: Decides, tally: Tally, door: str = "app") -> None:
        self._gateway, self._tally, self._door = gateway, tally, door

    @property
    def policy(self) -> GatewayPolicy:
        """By what it decides."""
        return self._gateway.policy

    @property
    def verifiers(self) -> Mapping[str, Verifier]:
        """Who proves whose a token is, by the names of locations."""
        return self._gateway.verifiers

    def decide(self, ask: Ask) -> Decision:
        """Decide at once."""
        with self._failing():
            return self._counted(self._gateway.decide(ask))

    async def adecide(self, ask: Ask) -> Decision:
        """Decide, awaiting what has to be awaited."""
        with self._failing():
            return self._counted(await self._gateway.adecide(ask))

    def _counted(self, decision: Decision) -> Decision:
        with self._tally.lock:
            self._tally.decided(self._door, decision.outcome.value, decision.id)
        return decision

    @contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except Exception as failure:
            why = failure.public.id if isinstance(failure, Refusal) else "decision-failed"
            with self._tally.lock:
                self._tally.failed(self._door, why)
            raise
