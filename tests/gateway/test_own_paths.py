"""What a gateway answers itself, and what it leaves to others."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from headway.errors import SignatureInvalid
from headway.gateway.decide import Gateway
from headway.gateway.decision import Ask, Outcome
from headway.gateway.own_paths import OwnPaths
from headway.gateway.policy_file import read_policy
from headway.gateway.usage.store import UsageStore, open_usage
from headway.ports import KeySource, ReplayCache
from uses import NOW, Hands, record

POLICY = b"""
name = "api"
[metadata]
resource = ["https://api.example", "https://api.example/v2"]
[usage]
own_path = "/usage"
[verify]
by = "jwks"
[[verify.issuer]]
issuer = "https://id.example"
keys = "https://id.example/keys"
audience = ["api"]
[[location]]
name = "token"
parameters = ["access_token"]
off = 2022-02-02
"""
WELL_KNOWN = "/.well-known/oauth-protected-resource"


class Proves:
    """The token ``good`` is acme's."""

    replay: ReplayCache | None = None

    def __init__(self) -> None:
        self.keys: KeySource = self

    def find(self, need: object) -> None:
        return None

    def claimed(self, token: str) -> str | None:
        return "acme"

    def proving(self, token: str, request: object, now: float) -> Any:
        yield from ()
        if token != "good":
            raise SignatureInvalid()
        return "acme"

    def close(self) -> None:
        """Nothing was opened."""


@pytest.fixture
def store() -> Iterator[UsageStore]:
    store = open_usage(":memory:")
    store.add([record("acme", location="token", count=5)], batch="1", days=["2022-02-01"])
    yield store
    store.close()


def asked(store: UsageStore | None, target: str, *headers: tuple[str, str], **more: Any) -> Any:
    method, data = more.get("method", "GET"), more.get("data", POLICY)
    gateway = Gateway(read_policy(data), verifier=Proves())
    own = OwnPaths(gateway, usage=store, clock=Hands(NOW + 60), ticks=Hands(0))
    ask = Ask(method=method, target=target, headers=headers)
    answer = own.answer(ask)
    assert answer == asyncio.run(own.aanswer(ask))
    assert answer is None or answer.outcome is Outcome.ANSWER
    return answer


def test_metadata_stand_at_the_paths_of_their_resources(store: UsageStore) -> None:
    for path, address in (("", "https://api.example"), ("/v2", "https://api.example/v2")):
        answer = asked(store, f"{WELL_KNOWN}{path}?x=1")
        told = json.loads(answer.body)
        assert (answer.status, told["resource"]) == (200, address)
        assert told["bearer_methods_supported"] == ["header", "query"]
        assert told["authorization_servers"] == ["https://id.example"]
    assert asked(store, f"{WELL_KNOWN}/v3") is None
    assert asked(store, "/rest?access_token=T") is None


def test_metadata_need_no_store_and_an_observer_says_nothing() -> None:
    assert asked(None, WELL_KNOWN).status == 200
    assert asked(None, WELL_KNOWN, data=b'mode = "observe"\n' + POLICY) is None


def test_a_client_reads_its_own(store: UsageStore) -> None:
    answer = asked(store, "/usage", ("authorization", "Bearer good"))
    assert json.loads(answer.body)["locations"][0]["count"] == 5
    assert asked(store, "/usage?access_token=good").status == 401
    assert asked(store, "/usage", ("authorization", "Bearer bad")).id == "signature-invalid"
    observes = b'mode = "observe"\n' + POLICY
    assert asked(store, "/usage", ("authorization", "Bearer good"), data=observes).status == 200


def test_without_a_store_or_a_path_it_is_somebody_elses(store: UsageStore) -> None:
    assert asked(None, "/usage") is None
    assert asked(store, "/usage", data=POLICY.replace(b'own_path = "/usage"', b"")) is None
    assert asked(store, "/usage/more") is None


@pytest.mark.parametrize("target", ["/usage", WELL_KNOWN])
def test_they_are_only_read(store: UsageStore, target: str) -> None:
    answer = asked(store, target, method="POST")
    assert (answer.status, dict(answer.answer_headers)["Allow"]) == (405, "GET, HEAD")
    assert asked(store, target, method="HEAD").status in (200, 401)
