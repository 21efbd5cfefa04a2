"""A client's own record: by its own token, in the header, and nobody else's."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import pytest

from headway.errors import SignatureInvalid
from headway.gateway.decision import Ask, Decision, Outcome
from headway.gateway.policy_file import read_policy
from headway.gateway.usage.own import OwnUsage
from headway.gateway.usage.store import UsageStore, open_usage
from headway.model import RequestFacts, TokenText
from headway.ports import KeySource, NeedKey, ReplayCache, Steps
from uses import DAY, NOW, Hands, record

POLICY = b"""
name = "api"
[[location]]
name = "jwt"
parameters = ["jwt"]
scheme = "JWT"
[[location]]
name = "key"
parameters = ["api_key"]
header = "X-Api-Key"
scheme = ""
"""


class Proves:
    """A token ``name.good`` is that of the client *name*."""

    def __init__(self) -> None:
        self.replay: ReplayCache | None = None
        self.keys: KeySource = self

    def find(self, need: NeedKey) -> None:
        return None

    def claimed(self, token: str) -> str | None:
        raise AssertionError("what is claimed tells nobody anything")

    def proving(self, token: TokenText, request: RequestFacts, now: float) -> Steps[str]:
        yield NeedKey(issuer="x", symmetric=True)
        name, _, proof = token.partition(".")
        if proof != "good":
            raise SignatureInvalid
        return name


@pytest.fixture
def own() -> Iterator[OwnUsage]:
    store: UsageStore = open_usage(":memory:")
    records = [
        record("acme", count=5, sample="/a"),
        record("acme", count=900, verified=False),
        record("acme", at=NOW - 500 * DAY),
        record("other", count=7),
    ]
    store.add(records, batch="1", days=["2022-02-01"])
    yield OwnUsage(store, read_policy(POLICY), Proves(), clock=Hands(NOW + 60))
    store.close()


def asked(own: OwnUsage, *headers: tuple[str, str], query: str = "") -> Decision:
    ask = Ask(method="GET", target=f"/usage{query}", headers=headers)
    decision = own.answer(ask)
    assert decision == asyncio.run(own.aanswer(ask))
    return decision


def test_its_own_verified_record(own: OwnUsage) -> None:
    answer = asked(own, ("authorization", "JWT acme.good"))
    assert (answer.outcome, answer.status) == (Outcome.PASS, 200)
    assert ("Cache-Control", "no-store") in answer.answer_headers
    told = json.loads(answer.body)
    assert told["client"] == "acme"
    assert [(each["location"], each["count"]) for each in told["locations"]] == [("jwt", 5)]
    assert json.loads(asked(own, ("x-api-key", "nobody.good")).body)["locations"] == []
    assert json.loads(asked(own, ("x-api-key", "other.good")).body)["client"] == "other"


@pytest.mark.parametrize(
    ("headers", "query", "refusal"),
    [
        ((), "", "token-missing"),
        ((("authorization", "JWT acme.bad"),), "", "signature-invalid"),
        ((), "?jwt=acme.good", "token-missing"),
        ((("authorization", "JWT"),), "", "authorization-malformed"),
    ],
    ids=["nothing", "forged", "query", "malformed"],
)
def test_nobody_else_is_told(
    own: OwnUsage, headers: tuple[tuple[str, str], ...], query: str, refusal: str
) -> None:
    answer = asked(own, *headers, query=query)
    assert answer.outcome is Outcome.REFUSE
    assert b"acme" not in answer.body
    assert dict(answer.answer_headers)["Content-Type"] == "application/problem+json"
    assert answer.id == dict(answer.answer_headers)["Headway-Refusal"] == refusal
    assert answer.status in (400, 401)
