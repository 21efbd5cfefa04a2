"""A client's own record: by its own token, in the header, and nobody else's."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import pytest

from headway.errors import KeyNotFound, KeySourceFailed, Refusal, SignatureInvalid, StoreUnavailable
from headway.gateway.decision import Ask, Decision, Outcome
from headway.gateway.policy_file import read_policy
from headway.gateway.usage.own import OwnUsage, PerMinute
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

    def close(self) -> None:
        """Nothing was opened."""


@pytest.fixture
def store() -> Iterator[UsageStore]:
    store: UsageStore = open_usage(":memory:")
    records = [
        record("acme", count=5, sample="/a"),
        record("acme", count=900, verified=False),
        record("acme", at=NOW - 500 * DAY),
        record("other", count=7),
    ]
    store.add(records, batch="1", days=["2022-02-01"])
    yield store
    store.close()


def made(store: UsageStore, policy: bytes = POLICY, counts: PerMinute | None = None) -> OwnUsage:
    read = read_policy(policy)
    verifiers = {each.name: Proves() for each in read.locations}
    return OwnUsage(store, read, verifiers, counts=counts, clock=Hands(NOW + 60))


@pytest.fixture
def own(store: UsageStore) -> OwnUsage:
    return made(store)


def asked(own: OwnUsage, *headers: tuple[str, str], query: str = "", peer: str = "") -> Decision:
    ask = Ask(method="GET", target=f"/usage{query}", headers=headers, peer=peer)
    decision = own.answer(ask)
    assert decision == asyncio.run(own.aanswer(ask))
    return decision


def test_its_own_verified_record(own: OwnUsage) -> None:
    answer = asked(own, ("authorization", "JWT acme.good"))
    assert (answer.outcome, answer.status) == (Outcome.ANSWER, 200)
    assert ("Cache-Control", "no-store") in answer.answer_headers
    told = json.loads(answer.body)
    assert told["client"] == "acme"
    assert [(each["location"], each["count"]) for each in told["locations"]] == [("jwt", 5)]
    assert told["locations"][0]["by_day"] == {"2022-02-01": 5}
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
    assert answer.outcome is Outcome.ANSWER
    assert b"acme" not in answer.body
    assert dict(answer.answer_headers)["Content-Type"] == "application/problem+json"
    assert answer.id == dict(answer.answer_headers)["Headway-Refusal"] == refusal
    assert answer.status in (400, 401)


def test_what_the_policy_says_of_it(store: UsageStore) -> None:
    dated = POLICY.replace(
        b'scheme = "JWT"\n',
        b"""scheme = "JWT"
announced = 2021-01-01
off = 2022-03-01
link = "https://docs.example/jwt"
[[location.extension]]
client = "acme"
until = 2022-04-01
owner = "ann"
reason = "a release"
""",
        1,
    ).replace(b'name = "api"\n', b'name = "api"\nrehearsal = "2d"\n', 1)
    told = json.loads(asked(made(store, dated), ("authorization", "JWT acme.good")).body)
    assert {key: told["locations"][0][key] for key in ("phase", "send", "link")} == {
        "phase": "announced",
        "send": "Send 'Authorization: JWT <token>'.",
        "link": "https://docs.example/jwt",
    }
    assert told["locations"][0]["off_at"] == "2022-02-27T00:00:00Z"  # two days early, here
    assert told["locations"][0]["extended_until"] == "2022-03-30T00:00:00Z"
    further = dated + b'[[client]]\nclient = "acme"\nphase = "off"\nreason = "asked"\n'
    told = json.loads(asked(made(store, further), ("authorization", "JWT acme.good")).body)
    assert told["locations"][0]["phase"] == "off"


def test_a_client_is_answered_so_often(store: UsageStore) -> None:
    ticks, good = Hands(0), ("authorization", "JWT acme.good")
    limited = b"usage.own_per_minute = 4\n" + POLICY
    own = made(store, limited, PerMinute(ticks=ticks))
    assert [asked(own, good).status for _ in range(2)] == [200, 200]  # two each: sync and async
    ticks.at = 12
    stopped = asked(own, good)
    assert (stopped.status, stopped.id) == (429, "asked-too-often")
    assert dict(stopped.answer_headers)["Retry-After"] == "48"
    assert b"acme" not in stopped.body
    assert asked(own, ("authorization", "JWT other.good")).status == 200
    ticks.at = 60
    assert asked(own, good).status == 200


def test_who_proves_nothing_is_not_listened_to_for_long(store: UsageStore) -> None:
    limited = b"usage.own_per_minute = 4\n" + POLICY
    own = made(store, limited, PerMinute(ticks=Hands(0)))
    bad, good = ("authorization", "JWT acme.bad"), ("authorization", "JWT acme.good")
    assert [asked(own, bad, peer="192.0.2.1").status for _ in range(3)] == [401, 401, 429]
    assert asked(own, good, peer="192.0.2.1").status == 429
    assert asked(own, good, peer="192.0.2.2").status == 200


def test_names_are_bounded_and_the_rest_share_one_count() -> None:
    counts = PerMinute(ticks=Hands(0), names_max=2)
    for name in ("a", "b", "c", "d"):
        counts.add(name)
    assert [counts.over(name, 2) for name in ("a", "c", "d", "e")] == [False, True, True, True]


def test_a_location_that_verifies_nobody_tells_nobody(store: UsageStore) -> None:
    own = OwnUsage(store, read_policy(POLICY), {"key": Proves()}, clock=Hands(NOW))
    assert asked(own, ("authorization", "JWT acme.good")).id == "token-missing"
    assert asked(own, ("x-api-key", "acme.good")).status == 200


def test_a_store_that_is_down_is_said(store: UsageStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(**_: object) -> None:
        raise StoreUnavailable()

    monkeypatch.setattr(store, "records", down)
    answer = asked(made(store), ("authorization", "JWT acme.good"))
    assert (answer.status, answer.id) == (503, "store-unavailable")


@pytest.mark.parametrize(
    ("says", "statuses"),
    [(KeySourceFailed(), [503] * 4), (KeyNotFound(), [401, 401, 429, 429])],
    ids=["down", "unknown"],
)
def test_a_source_of_keys_that_is_down_is_nobodys_fault(
    store: UsageStore, says: Refusal, statuses: list[int]
) -> None:
    class Says(Proves):
        def find(self, need: NeedKey) -> None:
            raise says

    policy = read_policy(b"usage.own_per_minute = 4\n" + POLICY)
    counts = PerMinute(ticks=Hands(0))
    own = OwnUsage(store, policy, {"jwt": Says()}, counts=counts, clock=Hands(NOW))
    header = ("authorization", "JWT acme.good")
    assert [asked(own, header, peer="192.0.2.1").status for _ in range(4)] == statuses
