from __future__ import annotations

import pytest

from headway.errors import ConfigurationError
from headway.gateway.decide import Gateway
from headway.gateway.decision import Ask, Outcome
from headway.gateway.policy_file import read_policy
from headway.gateway.relay.policy import moving, moving_by
from headway.gateway.rules import Mode

FILE = read_policy(b"""
name = "api"
mode = "observe"
[verify]
by = "connect"
store = "a.db"
client_key = "k"
[[location]]
name = "jwt"
parameters = ["jwt"]
scheme = "JWT"
off = 2022-02-01
warning = true
[location.conflicts]
tokens-differ = "header"
[[location]]
name = "key"
parameters = ["api_key"]
header = "X-Api-Key"
scheme = ""
[[route]]
path = "/embed/*"
reason = "frames"
location = "jwt"
[[route]]
path = "/old"
reason = "warned"
phase = "warned"
[[client]]
client = "c"
phase = "off"
reason = "asked"
""")


def test_a_location_that_is_off_is_moved_all_the_same() -> None:
    policy = moving_by(FILE)
    assert (policy.mode, policy.clients, policy.verifies) == (Mode.OBSERVE, (), False)
    enforced = moving_by(read_policy(b'name="a"\n[[location]]\nname="jwt"\nparameters=["jwt"]\n'
                                     b'off=2022-02-01\noff_means="refuse"\n'))  # fmt: skip
    decision = Gateway(enforced).decide(Ask(method="GET", target="/a?jwt=T&JWT=x"))
    assert (decision.outcome, decision.target) == (Outcome.PASS, "/a?JWT=x")
    assert decision.set_headers == (("authorization", "Bearer T"),)
    assert {name for name, _ in decision.answer_headers} == {"Vary", "Cache-Control"}


def test_only_what_is_named() -> None:
    policy = moving_by(FILE, ["key"])
    assert [each.name for each in policy.locations] == ["key"]
    assert policy.routes == ()
    assert [rule.path for rule in moving_by(FILE).routes] == ["/embed/*"]
    with pytest.raises(ConfigurationError, match="there is no location 'nobody'"):
        moving_by(FILE, ["nobody"])


def test_by_flags() -> None:
    policy = moving(["token", "t"], header="X-Key", scheme="")
    assert policy.locations[0].in_header("T") == ("x-key", "T")
    with pytest.raises(ConfigurationError, match="a parameter"):
        moving(["a b"], header="A", scheme="B")
    with pytest.raises(ConfigurationError, match="there is none"):
        moving([], header="A", scheme="B")
    with pytest.raises(ConfigurationError, match="no name of a header"):
        moving(["jwt"], header="A: b\r\nC", scheme="B")
    with pytest.raises(ConfigurationError, match="scheme"):
        moving(["jwt"], header="A", scheme="B\r\nC: d")
