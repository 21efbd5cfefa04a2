from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from proxied import BROWNOUT, OFF, POLICY, TOKEN, WARNED

from headway.errors import TokenExpired
from headway.gateway.decide import Gateway
from headway.gateway.decision import Ask, Use
from headway.gateway.parameters import without
from headway.gateway.policy_file import read_policy
from headway.gateway.rules import GatewayPolicy, RetiredLocation
from headway.gateway.usual import Usual
from headway.model import Phase
from headway.policy import Brownout, Extension, Pause, Schedule
from headway.ports import Steps

KEY = bytes(32)
LOOSE = read_policy(POLICY)
ROUTED = read_policy(POLICY + b'[[client]]\nclient = "a"\nphase = "off"\nreason = "r"\n')
ALIKE = read_policy(
    b'name="a"\n[[location]]\nname="a"\nparameters=["jwt"]\n[[location]]\nname="b"\n'
    b'parameters=["JWT"]\n'
)


class Proving:
    """Whose token says that it is somebody's; a token in which an x stands proves nothing."""

    keys: Any = None
    replay = None

    def claimed(self, token: str) -> str | None:
        return token[:3]

    def proving(self, token: str, request: Any, now: float) -> Steps[str]:
        if "x" in token:
            raise TokenExpired()
        yield from ()
        return f"app-{token[:3]}-{request.raw_path}?{request.raw_query}"

    def close(self) -> None:
        """It opened nothing."""


def decided(policy: GatewayPolicy, ask: Ask, now: float, verifier: Any) -> Any:
    uses: list[Use] = []
    gateway = Gateway(policy, clock=lambda: now, hash_key=KEY, usage=uses.append, verifier=verifier)
    return gateway.decide(ask), uses


parts = st.sampled_from([
    "a=1", "b=%2F", "", "jwt=", "jwt", "JWT=y", "jwt[]=1", f"jwt={TOKEN}", "jwt=y", "jwt=x",
    "api_key=k", "api.key=k", "%6Awt=y", "jwt=y%20z", "jwt=y+z", "jwt=y;z", "a;jwt=y", "jwt=\xe9",
    "jwt=y z", "api_key=jwt", "+jwt=y", "jwt=%79", "a%5B=jwt", "a=1%26jwt",
])  # fmt: skip
headers = st.sampled_from([
    ("authorization", "JWT own"), ("authorization", "Basic own"), ("x-api-key", "k"),
    ("user-agent", "curl/8.1"), ("user-agent", "\x7f/1"), ("origin", "https://o.test"),
    ("headway-phase", "forged"), ("access-control-request-method", "GET"),
])  # fmt: skip


@settings(max_examples=400)
@given(
    query=st.lists(parts, max_size=4).map("&".join),
    lines=st.lists(headers, max_size=3).map(tuple),
    path=st.sampled_from(["/rest/api/2", "/pub/x", "/pub/../x", "/rest/issue/10"]),
    method=st.sampled_from(["GET", "POST", "OPTIONS"]),
    now=st.sampled_from([0.0, WARNED, BROWNOUT, OFF]),
    policy=st.sampled_from([LOOSE, ROUTED, ALIKE]),
    verifier=st.sampled_from([None, Proving()]),
)
@example(query="jwt=x", lines=(), path="/rest", method="GET", now=WARNED, policy=LOOSE,
         verifier=Proving())  # fmt: skip
def test_it_is_decided_as_by_all_the_rules(
    query: str, lines: Any, path: str, method: str, now: float, policy: GatewayPolicy, verifier: Any
) -> None:
    ask = Ask(method=method, target=f"{path}?{query}", headers=lines, peer="192.0.2.1")
    at_one_look = decided(policy, ask, now, verifier)
    with (
        patch.object(Usual, "find", lambda *_: None),
        patch.object(Gateway, "may_hold", lambda *_: True),
    ):
        assert decided(policy, ask, now, verifier) == at_one_look


def found(query: str, policy: GatewayPolicy = LOOSE, now: float = WARNED, **more: Any) -> Any:
    return Usual(policy).find(Ask(method="GET", target=f"/rest?{query}", **more), query, now)


def test_it_knows_what_nearly_everybody_sends() -> None:
    usual = found(f"a=%2F&jwt={TOKEN}&b")
    assert (usual.location.name, usual.rest, usual.token) == ("jwt", "a=%2F&b", TOKEN)
    for query, rest in (("jwt=a&b", "b"), ("&jwt=a", ""), ("b&&jwt=a", "b&"), ("jwt=a", "")):
        assert found(query).rest == without(query, [query.split("&").index("jwt=a")]) == rest
    assert usual.phase is Phase.WARNED
    assert found("api_key=k").phase is Phase.OPEN


@pytest.mark.parametrize(
    "query",
    ["a=1", "jwt=a&jwt=a", "jwt=a&api_key=b", "%6Awt=a", "jwt=", "jwt", "jwt=a%20b", "jwt=a;b",
     "JWT=a", "jwt=a b", "jwt=\xe9"],
)  # fmt: skip
def test_everything_else_is_not_its_own(query: str) -> None:
    assert found(query) is None


def test_neither_is_a_request_of_which_more_is_to_be_said() -> None:
    good = "jwt=a"
    assert found(good, headers=(("x-api-key", "k"),)) is not None
    assert found(good, headers=(("authorization", "Basic b"),)) is None
    assert found(good, ROUTED) is None
    assert found(good, ALIKE) is None
    assert found(good, now=BROWNOUT) is found(good, now=OFF) is None
    usual = Usual(LOOSE)
    assert usual.find(Ask(method="GET", target="/pub/x?jwt=a"), good, WARNED) is None
    assert usual.find(Ask(method="OPTIONS", target="/rest?jwt=a"), good, WARNED) is None


def test_a_phase_is_remembered_until_its_end_and_not_backwards() -> None:
    day, noon = timedelta(days=1), datetime(2022, 1, 1, 12, tzinfo=UTC)
    schedule = Schedule(
        announced=noon, warned=noon + day, off=noon + 9 * day, salt="s",
        brownouts=(
            Brownout(noon + 2 * day, noon + 3 * day),
            Brownout(noon + 4 * day, noon + 5 * day, 0.5),
        ),
        extensions=(Extension(client="a", until=noon + 20 * day, owner="o", reason="r"),),
    )  # fmt: skip
    location = RetiredLocation(name="jwt", parameters=("jwt",), schedule=schedule)
    usual = Usual(GatewayPolicy(name="a", locations=(location,)))
    ask = Ask(method="GET", target="/?jwt=a")

    def phase(days: float) -> Phase | None:
        usual_now = usual.find(ask, "jwt=a", (noon + days * day).timestamp())
        return None if usual_now is None else usual_now.phase

    seen = [phase(each / 10) for each in range(-5, 100)]
    again = [phase(each / 10) for each in reversed(range(-5, 100))]
    assert again[::-1] == seen
    for number, each in enumerate(seen):
        at = (noon + (number - 5) / 10 * day).timestamp()
        dated = schedule.phase(at)
        alike = dated not in (Phase.BROWNOUT, Phase.OFF) and not schedule.personal(at)
        assert each == (dated if alike else None)
    assert {*seen} == {None, Phase.OPEN, Phase.ANNOUNCED, Phase.WARNED}


def test_a_pause_has_no_end() -> None:
    paused = Pause(since=datetime(2022, 1, 1, tzinfo=UTC), who="ann", why="w")
    schedule = Schedule(off=datetime(2022, 2, 1, tzinfo=UTC), paused=paused)
    policy = msgspec.structs.replace(
        LOOSE, locations=(RetiredLocation(name="j", parameters=("jwt",), schedule=schedule),)
    )
    usual, ask = Usual(policy), Ask(method="GET", target="/?jwt=a")
    for now in (OFF, OFF + 1, OFF + 90_000):
        told = usual.find(ask, "jwt=a", now)
        assert told is not None
        assert told.phase is Phase.PAUSED
