"""Policies and moments that notices are made of."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from headway.gateway.notice.retirement import Retirement
from headway.gateway.policy_file import load_policy, read_policy

EXAMPLES = Path(__file__).parents[1] / "examples" / "policies"
POLICY = """\
name = "api"
[[location]]
name = "jwt"
parameters = ["jwt", "access_token"]
scheme = "JWT"
announced = 2021-09-01
warned = 2021-11-01
off = 2022-02-01
link = "https://docs.example/jwt"
salt = "x"
[[location.brownout]]
start = 2022-01-11T12:00:00Z
end = 2022-01-12T00:00:00Z
share = 0.5
[[location.brownout]]
start = 2022-01-13T00:00:00Z
end = 2022-01-14T00:00:00Z
"""
EXTENSION = """\
[[location.extension]]
client = "slow"
until = 2022-03-01
owner = "ann"
reason = "a release"
"""


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def told(policy: str = POLICY, now: str = "2021-12-01", **more: Any) -> Retirement:
    read = read_policy(policy.encode())
    return Retirement(policy=read, location=read.locations[0], now=at(now), **more)


def example(name: str, now: str) -> Retirement:
    read = load_policy(EXAMPLES / f"{name}.toml")
    return Retirement(policy=read, location=read.locations[0], now=at(now))
