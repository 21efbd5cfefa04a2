from __future__ import annotations

import msgspec
from prometheus_client import CollectorRegistry, generate_latest

from app.observed import CALL, SEEN, tell
from headway.app.metrics import Metrics


def test_what_is_counted() -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    tell(metrics)
    refused = msgspec.structs.replace(
        SEEN, verified=False, refusal="qsh-mismatch", route="/panel", location="query",
        kind="request", claims={"iss": "whoever writes here"},
    )  # fmt: skip
    metrics.decided(refused)
    metrics.decided(msgspec.structs.replace(refused, verified=True, refusal=None))
    metrics.called_host(msgspec.structs.replace(CALL, status=None))
    metrics.looked_up(cached=True)
    text = generate_latest(registry).decode()
    direction = "host->app module"
    for kind, location, route, verdict in (
        ("none", "none", "none", "ok"),
        ("none", "query", "/panel", "qsh-mismatch"),
        ("request", "query", "/panel", "ok"),
    ):
        assert (
            f'headway_requests_total{{direction="{direction}",kind="{kind}",'
            f'location="{location}",route="{route}",verdict="{verdict}"}} 1.0'
        ) in text, text
    for line in (
        'headway_key_fetches_total{outcome="ok",source="install"} 1.0',
        'headway_host_call_seconds_count{method="GET",status="200"} 1.0',
        'headway_host_call_seconds_count{method="GET",status="none"} 1.0',
        'headway_lookups_total{cached="yes"} 1.0',
        'headway_lookups_total{cached="no"} 1.0',
    ):
        assert line in text, text
    assert "whoever" not in text


def test_requests_make_no_series() -> None:
    """What an unproved token claims is no label: nobody can fill the memory with it."""
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    for number in range(50):
        metrics.decided(
            msgspec.structs.replace(
                SEEN,
                verified=False,
                refusal="issuer-unknown",
                kind=f"{number}",
                claims={"iss": f"{number}"},
                path=f"/{number}",
                client=f"{number}",
            )
        )
    assert generate_latest(registry).decode().count("headway_requests_total{") == 1
