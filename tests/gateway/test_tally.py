from __future__ import annotations

from headway.gateway.tally import Tally
from uses import use


def test_what_is_counted() -> None:
    tally, seen = Tally(), []
    for _ in range(2):
        tally.decided("nginx", "pass", "")
    tally.decided("envoy", "refuse", "token-expired")
    tally.failed("none", "peer-unknown")
    tally.fetched("ok", 0.5)
    tally.fetched("key-not-found", 0.25)
    count = tally.using(seen.append)
    count(use())
    count(use("another", verified=False, outcome="anonymous"))
    assert tally.decisions == {("nginx", "pass", ""): 2, ("envoy", "refuse", "token-expired"): 1}
    assert tally.failures == {("none", "peer-unknown"): 1}
    assert tally.fetches == {"ok": 1, "key-not-found": 1}
    assert tally.fetch_seconds == 0.75
    assert tally.uses == {
        ("jwt", "warned", "pass", True): 1,
        ("jwt", "warned", "anonymous", False): 1,
    }
    assert [each.client for each in seen] == ["acme", "another"]
