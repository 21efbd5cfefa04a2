from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from headway.gateway.metadata import metadata, own_paths, pointer, resource_at
from headway.gateway.resource import ProtectedResource
from headway.gateway.rules import GatewayPolicy, Mode, RetiredLocation
from headway.gateway.usage.settings import UsageSettings
from headway.gateway.verifiers.settings import TrustedIssuer, Verification, Verify
from headway.policy import Brownout, Schedule

OFF = datetime(2022, 2, 1, tzinfo=UTC)
DARK = Brownout(datetime(2022, 1, 10, tzinfo=UTC), datetime(2022, 1, 11, tzinfo=UTC))
RESOURCE = "https://api.example/v2"
SCHEDULE = Schedule(off=OFF, brownouts=(DARK,))


def said(at: datetime, policy: dict[str, Any] | None = None, **location: Any) -> Any:
    fields = {"name": "t", "parameters": ("access_token", "t"), "schedule": SCHEDULE, **location}
    made = GatewayPolicy(name="api", locations=(RetiredLocation(**fields),), **(policy or {}))
    body, headers = metadata(made, ProtectedResource(RESOURCE), at.timestamp())
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


def at_paths(mode: Mode = Mode.ENFORCE, *addresses: str) -> GatewayPolicy:
    location = RetiredLocation(name="t", parameters=("t",))
    resources = tuple(ProtectedResource(each) for each in addresses)
    return GatewayPolicy(name="api", locations=(location,), mode=mode, resources=resources)


def test_which_resource_a_path_asks_for() -> None:
    both = at_paths(Mode.ENFORCE, "https://api.example/", "https://api.example/v2")
    well_known = "/.well-known/oauth-protected-resource"

    def found(path: str, policy: GatewayPolicy = both) -> Any:
        return getattr(resource_at(policy, path), "address", None)

    assert found(well_known) == "https://api.example/"
    assert found(f"{well_known}/v2") == "https://api.example/v2"
    assert found(f"{well_known}/v3") is None
    assert found(well_known, at_paths(Mode.OBSERVE, "https://api.example/")) is None


def test_a_challenge_points_to_the_nearest() -> None:
    both = at_paths(Mode.ENFORCE, "https://api.example/", "https://api.example/v2")
    well_known = "https://api.example/.well-known/oauth-protected-resource"
    assert pointer(both, "/rest") == f', resource_metadata="{well_known}"'
    assert pointer(both, "/v2/rest") == f', resource_metadata="{well_known}/v2"'
    assert pointer(both, "/v20") == f', resource_metadata="{well_known}"'
    assert pointer(at_paths(), "/rest") == ""
    assert pointer(at_paths(Mode.ENFORCE, "https://api.example/v2"), "/v3") == ""


def test_all_paths_of_the_gateways_own() -> None:
    both = at_paths(Mode.ENFORCE, "https://api.example/", "https://api.example/v2")
    well_known = "/.well-known/oauth-protected-resource"
    assert own_paths(both) == (well_known, f"{well_known}/v2")
    usage = UsageSettings(own_path="/usage")
    assert own_paths(msgspec.structs.replace(both, usage=usage))[-1] == "/usage"
    observes = msgspec.structs.replace(both, usage=usage, mode=Mode.OBSERVE)
    assert own_paths(observes) == ("/usage",)
    assert own_paths(at_paths()) == ()
