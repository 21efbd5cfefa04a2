"""The paths that a gateway answers itself: resource metadata, and a client's own record.

Both are switched on in the policy file.  Whoever stands in front of an API
(middleware, proxy, authorization service) asks :class:`OwnPaths` first, and
the gateway where it answers None.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from headway.gateway.decision import Ask, Decision, Outcome
from headway.gateway.metadata import metadata, resource_at
from headway.gateway.rules import GatewayPolicy
from headway.gateway.usage.own import OwnUsage, PerMinute
from headway.gateway.verifying import Verifier
from headway.ports import Clock

if TYPE_CHECKING:
    from headway.gateway.usage.store import UsageStore

__all__ = ["OwnPaths"]

_READS = ("GET", "HEAD")


class Verifies(Protocol):
    """A :class:`~headway.gateway.decide.Gateway`, or one that reloads."""

    @property
    def policy(self) -> GatewayPolicy:
        """By what it decides."""

    @property
    def verifiers(self) -> Mapping[str, Verifier]:
        """Who proves whose a token is, by the names of locations."""


class OwnPaths:
    """Answers for *gateway* what is its own; *usage* is where records of clients are read.

    Without *usage* there is no client's record.  An answer's outcome is
    ``answer``: it goes to the client as it stands, status, headers and the
    body's length; the body too, but for HEAD.

    >>> from headway.gateway.decide import Gateway
    >>> from headway.gateway.resource import ProtectedResource
    >>> from headway.gateway.rules import RetiredLocation
    >>> policy = GatewayPolicy(name="api",
    ...     locations=(RetiredLocation(name="t", parameters=("access_token",)),),
    ...     resources=(ProtectedResource("https://api.example"),))
    >>> own = OwnPaths(Gateway(policy))
    >>> own.answer(Ask(method="GET", target="/.well-known/oauth-protected-resource")).status
    200
    >>> own.answer(Ask(method="GET", target="/rest")) is None
    True
    """

    def __init__(
        self,
        gateway: Verifies,
        *,
        usage: UsageStore | None = None,
        clock: Clock = time.time,
        ticks: Clock = time.monotonic,
    ) -> None:
        self._gateway, self._usage, self._clock = gateway, usage, clock
        self._counts = PerMinute(ticks=ticks)

    def answer(self, ask: Ask) -> Decision | None:
        """The answer to *ask*, or None where it is for somebody else; waits for the store."""
        record = self._record(ask)
        public = self._public(ask, record is not None)
        return record.answer(ask) if public is None and record is not None else public

    async def aanswer(self, ask: Ask) -> Decision | None:
        """As :meth:`answer`; keys are awaited, and the store is read in a thread."""
        record = self._record(ask)
        public = self._public(ask, record is not None)
        return await record.aanswer(ask) if public is None and record is not None else public

    def _public(self, ask: Ask, is_record: bool) -> Decision | None:
        """What needs nobody's proof: the metadata, and that a path has no such method."""
        policy = self._gateway.policy
        resource = resource_at(policy, ask.raw_path) if policy.resources else None
        if resource is None and not is_record:
            return None
        if ask.method not in _READS:
            allowed = (("Allow", ", ".join(_READS)), ("Content-Type", "text/plain"))
            return _answer(ask, 405, allowed, b"GET or HEAD\n")
        if resource is None:
            return None
        body, headers = metadata(policy, resource, self._clock())
        return _answer(ask, 200, tuple(headers.items()), body)

    def _record(self, ask: Ask) -> OwnUsage | None:
        """Who answers where a client asks for its own record; None where it does not."""
        policy = self._gateway.policy
        path = policy.usage.own_path
        if self._usage is None or not path or ask.raw_path != path:
            return None
        verifiers = self._gateway.verifiers
        return OwnUsage(self._usage, policy, verifiers, counts=self._counts, clock=self._clock)


def _answer(ask: Ask, status: int, headers: tuple[tuple[str, str], ...], body: bytes) -> Decision:
    return Decision(
        outcome=Outcome.ANSWER,
        target=ask.target,
        answer_headers=headers,
        status=status,
        body=body,
    )
