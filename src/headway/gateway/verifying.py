"""The question whose a token is, and who answers what it takes to find out."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol

from headway.model import RequestFacts, TokenText
from headway.ports import Credentials, KeySource, NeedKey, OnceOnly, ReplayCache, Steps

__all__ = ["Verifier", "Verifying"]


class Verifier(Protocol):
    """Says whose token it is.  ``keys`` and ``replay`` answer what its steps ask."""

    keys: KeySource
    replay: ReplayCache | None

    def claimed(self, token: str) -> str | None:
        """The client that an unverified *token* names; bounded, and proof of nothing."""

    def proving(self, token: TokenText, request: RequestFacts, now: float) -> Steps[str]:
        """The steps that prove who the client is; raise a :class:`~headway.errors.Refusal`."""

    def close(self) -> None:
        """Close what was opened for it; what has begun still ends."""


class Verifying:
    """Answers what the steps of one decision ask, by the *verifier* that asks at that moment.

    >>> from headway.ports import NeedKey
    >>> Verifying().find(NeedKey(issuer="me", symmetric=True)) is None
    True
    """

    def __init__(self, verifier: Verifier | None = None) -> None:
        self.verifier = verifier

    def find(self, need: NeedKey) -> Credentials | Awaitable[Credentials | None] | None:
        """The keys for *need*."""
        return None if self.verifier is None else self.verifier.keys.find(need)

    def first(self, once: OnceOnly) -> bool | Awaitable[bool]:
        """Whether a token was never seen before; raises TypeError where nobody counts that."""
        if self.verifier is None or self.verifier.replay is None:
            raise TypeError("a once-only token needs a replay cache")
        return self.verifier.replay.first(once)
