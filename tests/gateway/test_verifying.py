"""Questions of one decision go to whoever asks them."""

from __future__ import annotations

import pytest

from headway.gateway.verifying import Verifying
from headway.ports import Credentials, KeySource, NeedKey, OnceOnly, ReplayCache

ONCE = OnceOnly(scope="a", digest="b", issued=0, until=1)
NEED = NeedKey(issuer="a", symmetric=True)


class Knows:
    """A verifier that has keys, and may count what counts once."""

    def __init__(self, *, counts: bool) -> None:
        self.keys: KeySource = self
        self.replay: ReplayCache | None = self if counts else None

    def find(self, need: NeedKey) -> Credentials | None:
        return Credentials(keys=())

    def first(self, once: OnceOnly) -> bool:
        return once.scope == "a"


def test_the_one_that_asks_is_asked() -> None:
    keys = Verifying()
    assert keys.find(NEED) is None
    keys.verifier = Knows(counts=True)  # type: ignore[assignment]
    assert keys.find(NEED) == Credentials(keys=())
    assert keys.first(ONCE)


def test_where_nobody_counts_nothing_counts_once() -> None:
    for verifier in (None, Knows(counts=False)):
        with pytest.raises(TypeError, match="replay cache"):
            Verifying(verifier).first(ONCE)  # type: ignore[arg-type]
