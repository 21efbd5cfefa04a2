from __future__ import annotations

import asyncio
import threading
from typing import Any

import asking
import pytest

from headway.errors import KeySourceFailed
from headway.gateway.decide import Gateway
from headway.gateway.decision import Ask
from headway.gateway.middleware import AsgiGateway, WsgiGateway
from headway.gateway.policy_file import read_policy
from headway.gateway.tally import Counting, Tally
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


POLICY = read_policy(b'name="a"\n[[location]]\nname="jwt"\nparameters=["jwt"]\noff=2021-01-01')


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def test_middleware_counts_what_it_decides() -> None:
    tally = Tally()
    counting = Counting(Gateway(POLICY, usage=tally.using(lambda use: None)), tally)
    for target in ("/", "/?jwt=T", "/?jwt=T&a=1"):
        assert asking.ask(AsgiGateway(app, counting), "GET", target, []).status == 200
    assert tally.decisions == {("app", "pass", ""): 1, ("app", "anonymous", "token-in-query"): 2}
    assert sum(tally.uses.values()) == 2
    assert (counting.policy, counting.verifiers) == (POLICY, {})


def test_threads_lose_no_count() -> None:
    tally = Tally()
    gateway = Gateway(POLICY, usage=tally.using(lambda use: None))
    behind = WsgiGateway(lambda environ, start: [], Counting(gateway, tally, "wsgi"))
    environ = {"REQUEST_METHOD": "GET", "RAW_URI": "/?jwt=T", "QUERY_STRING": "jwt=T"}

    def ask() -> None:
        for _ in range(250):
            behind(dict(environ), lambda *_: None)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tally.decisions == {("wsgi", "anonymous", "token-in-query"): 2000}
    assert sum(tally.uses.values()) == 2000


@pytest.mark.parametrize(
    ("raised", "why"),
    [(KeySourceFailed(), "key-source-failed"), (ZeroDivisionError(), "decision-failed")],
    ids=["refusal", "mistake"],
)
def test_what_fails_is_counted_and_goes_on(raised: Exception, why: str) -> None:
    class Fails(Gateway):
        def decide(self, ask: Ask) -> Any:
            raise raised

        async def adecide(self, ask: Ask) -> Any:
            raise raised

    tally = Tally()
    counting = Counting(Fails(POLICY), tally)
    with pytest.raises(type(raised)):
        counting.decide(Ask(method="GET", target="/"))
    with pytest.raises(type(raised)):
        asyncio.run(counting.adecide(Ask(method="GET", target="/")))
    assert tally.failures == {("app", why): 2}
    assert not tally.decisions
