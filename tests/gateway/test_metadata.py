from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headway.errors import ConfigurationError
from headway.gateway.metadata import metadata, metadata_path
from headway.gateway.rules import GatewayPolicy, RetiredLocation
from headway.gateway.verifiers.settings import TrustedIssuer, Verification, Verify
from headway.policy import Brownout, Schedule

OFF = datetime(2022, 2, 1, tzinfo=UTC)
DARK = Brownout(datetime(2022, 1, 10, tzinfo=UTC), datetime(2022, 1, 11, tzinfo=UTC))
RESOURCE = "https://api.example/v2"
SCHEDULE = Schedule(off=OFF, brownouts=(DARK,))


def said(at: datetime, policy: dict[str, Any] | None = None, **location: Any) -> Any:
    fields = {"name": "t", "parameters": ("access_token", "t"), "schedule": SCHEDULE, **location}
    made = GatewayPolicy(name="api", locations=(RetiredLocation(**fields),), **(policy or {}))
    body, headers = metadata(made, RESOURCE, at.timestamp())
    return json.loads(body), headers


def test_the_methods_follow_the_schedule() -> None:
    def methods(at: datetime, **location: Any) -> Any:
        return said(at, **location)[0]["bearer_methods_supported"]

    day = timedelta(days=1)
    assert methods(OFF - day) == ["header", "query"]
    assert methods(DARK.start) == ["header"]
    assert methods(DARK.end) == ["header", "query"]
    assert methods(OFF) == ["header"]
    assert methods(OFF - day, parameters=("t",)) == ["header"]  # RFC 6750 knows one name
    assert methods(OFF - day, scheme="JWT") == []
    assert methods(OFF - day, header="x-token") == []
    ahead, _ = said(OFF - day, {"rehearsal": 2 * day})
    assert ahead["bearer_methods_supported"] == ["header"]


def test_it_is_kept_until_it_may_change() -> None:
    minute = timedelta(minutes=1)
    assert said(OFF - minute)[1]["Cache-Control"] == "max-age=60"
    assert said(OFF + minute)[1]["Cache-Control"] == "max-age=3600"


def test_what_else_is_known() -> None:
    issuer = TrustedIssuer(
        issuer="https://id.example", keys="https://id.example/k", audience=("a",)
    )
    more = {
        "verify": Verify(by=Verification.JWKS, issuers=(issuer,)),
        "documentation": "https://docs.example/auth",
    }
    assert said(OFF, more)[0] == {
        "resource": RESOURCE,
        "bearer_methods_supported": ["header"],
        "authorization_servers": ["https://id.example"],
        "resource_documentation": "https://docs.example/auth",
    }


def test_where_it_stands() -> None:
    assert metadata_path("https://api.example") == "/.well-known/oauth-protected-resource"
    assert metadata_path("https://api.example/") == "/.well-known/oauth-protected-resource"


@pytest.mark.parametrize("resource", ["api", "https://me@h/", "https://h/?a", "https://h/#a"])
def test_what_is_no_resource(resource: str) -> None:
    with pytest.raises(ConfigurationError, match="the resource"):
        metadata_path(resource)
