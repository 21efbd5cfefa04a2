"""Uses, records and a clock to set: what the tests of the gateway's usage are made of."""

from __future__ import annotations

from typing import Any

from headway.gateway.decision import Use
from headway.gateway.usage.record import Record, day_of
from headway.model import Phase

NOW = 1_643_673_600.0  # 1 February 2022, midnight UTC
DAY = 86_400


class Hands:
    """A clock that stands until it is set."""

    def __init__(self, at: float = NOW) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at


def use(client: str = "acme", **more: Any) -> Use:
    told = {
        "location": "jwt",
        "phase": Phase.WARNED,
        "client": client,
        "verified": True,
        "outcome": "pass",
        "method": "GET",
        "route": "/rest/*",
        "agent": "curl",
        "target": "/rest/1?jwt=REDACTED",
    }
    return Use(**{**told, **more})


def record(client: str = "acme", at: float = NOW, **more: Any) -> Record:
    told = {
        "day": day_of(at),
        "location": "jwt",
        "client": client,
        "verified": True,
        "outcome": "pass",
        "method": "GET",
        "route": "/rest/*",
        "agent": "curl",
        "count": 1,
        "first": int(at),
        "last": int(at),
    }
    return Record(**{**told, **more})
