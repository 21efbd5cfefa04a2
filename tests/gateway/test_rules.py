from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from proxied import PATHS

from headway.errors import ConfigurationError, TokenInBoth
from headway.gateway.parameters import DIALECTS
from headway.gateway.rules import (
    DIRECTION,
    ClientRule,
    GatewayPolicy,
    Identity,
    RetiredLocation,
    RouteRule,
    facts,
    is_normal,
)
from headway.gateway.verifiers.settings import Verification, Verify
from headway.model import Location, Phase
from headway.policy import Outcome, Schedule

OFF = Schedule(off=datetime(2022, 2, 1, tzinfo=UTC))


def location(**changes: object) -> RetiredLocation:
    fields = {"name": "jwt", "parameters": ("jwt", "token"), "schedule": OFF, **changes}
    return RetiredLocation(**fields)  # type: ignore[arg-type]


def test_what_replaces_a_parameter() -> None:
    assert location(scheme="JWT").in_header("T") == ("authorization", "JWT T")
    bare = location(header="x-api-key", scheme="")
    assert bare.in_header("T") == ("x-api-key", "T")
    assert bare.header_values(("a", "b")) == ("Key a", "Key b")
    assert location().header_values(("Bearer a",)) == ("Bearer a",)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"parameters": ()}, "parameters"),
        ({"dialect": "cobol"}, "dialect"),
        ({"parameters": ("a b",)}, "is no word of A-Z"),
        ({"scheme": "two words"}, "scheme"),
        ({"conflicts": {TokenInBoth: Outcome.ACCEPT}}, "token-in-both"),
    ],
)
def test_what_can_not_work(changes: dict[str, object], why: str) -> None:
    with pytest.raises(ConfigurationError, match=why):
        location(**changes)


def test_a_policy_by_dates_or_in_one_phase() -> None:
    late, early = (datetime(y, 1, 1, tzinfo=UTC).timestamp() for y in (2023, 2021))
    one = location()

    def phase(policy: object, at: float) -> Phase:
        schedule = policy.row(DIRECTION, Location.QUERY).schedule  # type: ignore[attr-defined]
        return schedule.phase(at)

    assert [phase(one.policy("jwt"), at) for at in (early, late)] == [Phase.OPEN, Phase.OFF]
    for fixed in (Phase.OPEN, Phase.ANNOUNCED, Phase.WARNED, Phase.OFF):
        assert phase(one.policy("token", fixed), early) is fixed


VECTORS = Path(__file__).parents[2] / "vectors" / "gateway" / "paths.json"


def test_t7_what_everybody_reads_alike() -> None:
    told = {row["raw_path"]: row["normal"] for row in json.loads(VECTORS.read_bytes())}
    assert len(told) == 57
    assert {path: is_normal(path) for path in told} == told
    assert set(PATHS) <= told.keys()  # what is asked behind each proxy


def test_routes() -> None:
    embed = RouteRule(path="/embed/*", reason="frames", methods=frozenset({"GET"}))
    exact = RouteRule(path="/download", reason="links", location="jwt", phase=Phase.WARNED)
    policy = GatewayPolicy(name="api", locations=(location(),), routes=(embed, exact))
    assert policy.rule("GET", "/embed/x", "jwt") is embed
    assert policy.rule("POST", "/embed/x", "jwt") is None
    assert policy.rule("GET", "/download", "jwt") is exact
    assert policy.rule("GET", "/download", "other") is None
    assert policy.rule("GET", "/download/x", "jwt") is None
    assert policy.rule("GET", "/embed/../api", "jwt") is None
    assert policy.rule("GET", "/embed/%2e%2e/api", "jwt") is None
    with pytest.raises(ConfigurationError, match="read in more than one way"):
        RouteRule(path="/a/../b", reason="x")
    with pytest.raises(ConfigurationError, match="phase"):
        RouteRule(path="/a", reason="x", phase=Phase.PAUSED)


def test_clients_and_the_sandbox() -> None:
    further = ClientRule(client="a", phase=Phase.OFF, reason="done")
    policy = GatewayPolicy(
        name="api", locations=(location(),), clients=(further,), rehearsal=timedelta(days=14)
    )
    assert policy.client_rule("a", "jwt") is further
    assert policy.client_rule("b", "jwt") is None
    assert policy.at(1000.0) == 1000.0 + 14 * 86400
    assert policy.location("jwt") is policy.locations[0]
    assert policy.location("x") is None
    with pytest.raises(ConfigurationError, match="more time is an extension"):
        ClientRule(client="a", phase=Phase.OPEN, reason="x")


def test_who_may_have_more_time() -> None:
    assert {i for i in Identity if i.earns_leniency} == {Identity.TOKEN, Identity.SUBJECT}


def test_facts() -> None:
    assert facts("GET", "/a", "b=c", ("JWT x",)).authorization == ("JWT x",)


def test_what_a_location_says_of_itself() -> None:
    key = location(name="key", parameters=("k",), header="x-api-key", scheme="")
    assert (key.shown_header, key.instead) == ("X-Api-Key", "Send 'X-Api-Key: <token>'.")
    assert (key.names, key.reads) == (frozenset({"k"}), DIALECTS["any"])
    for wrong in ({"header": "a b"}, {"scheme": "a b"}):
        with pytest.raises(ConfigurationError, match=r"header|scheme"):
            location(**wrong)


def test_a_location_may_have_a_verifier_of_its_own() -> None:
    connect = Verify(by=Verification.CONNECT, store="s.db", client_key="site")
    policy = GatewayPolicy(
        name="api", locations=(location(), location(name="b", parameters=("b",), verify=connect))
    )
    assert policy.verifies
    assert policy.verifications == (Verify(), connect)
    leniency = [policy.earns_leniency(each) for each in policy.locations]
    assert leniency == [True, False]


def test_a_rule_for_a_client_is_never_milder_than_the_dates() -> None:
    warned = ClientRule(client="a", phase=Phase.WARNED, reason="r")
    off = ClientRule(client="a", phase=Phase.OFF, reason="r")
    further = {phase for phase in Phase if warned.is_further(phase)}
    assert further == {Phase.OPEN, Phase.ANNOUNCED}
    assert all(off.is_further(phase) for phase in Phase)


def test_an_overridden_method_has_no_rule_for_a_method() -> None:
    rule = RouteRule(path="/a", reason="r", methods=frozenset({"GET"}))
    policy = GatewayPolicy(name="api", locations=(location(),), routes=(rule,))
    assert policy.rule("GET", "/a", "jwt") is rule
    assert policy.rule("GET", "/a", "jwt", overridden=True) is None


def test_the_phase_for_a_client() -> None:
    rule = ClientRule(client="ahead", phase=Phase.OFF, reason="done")
    policy = GatewayPolicy(name="api", locations=(location(),), clients=(rule,))
    (jwt,), before = policy.locations, OFF.off.timestamp() - 1 if OFF.off else 0
    assert policy.phase(jwt, before, None) is policy.phase(jwt, before, "other") is Phase.OPEN
    assert policy.phase(jwt, before, "ahead") is Phase.OFF
