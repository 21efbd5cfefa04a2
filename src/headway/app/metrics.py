"""What an app does, as Prometheus counts it.  Needs the extra ``metrics``.

    app = Connect(..., instruments=[Metrics()])

No label comes from a request: routes are those that the app declared, the
rest are short lists.  So nobody can make a counter grow another series, and no
label holds a token.  Where the numbers are shown is the app's to say:
``prometheus_client.make_asgi_app()`` on a port of its own, never on the one
that the world can reach.
"""

from __future__ import annotations

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram

from headway.app.instruments import HostCall, Instrument, KeyFetch
from headway.app.observation import Observation

__all__ = ["Metrics"]

_NONE = "none"
_CALL_SECONDS = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics(Instrument):
    """Counts into *registry*; make one for each registry.

    ``headway_requests_total`` has the labels route, direction, kind, location
    and verdict (``ok`` or the id of the refusal); ``headway_key_fetches_total``
    source and outcome; ``headway_lookups_total`` cached;
    ``headway_host_call_seconds`` method and status.

    >>> metrics = Metrics(CollectorRegistry())
    >>> metrics.looked_up(cached=True)
    """

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._requests = Counter(
            "headway_requests",
            "Requests by what was decided about their token.",
            ("route", "direction", "kind", "location", "verdict"),
            registry=registry,
        )
        self._fetches = Counter(
            "headway_key_fetches",
            "Public keys asked of their source.",
            ("source", "outcome"),
            registry=registry,
        )
        self._lookups = Counter(
            "headway_lookups",
            "Installations looked up, in memory or in the database.",
            ("cached",),
            registry=registry,
        )
        self._calls = Histogram(
            "headway_host_call_seconds",
            "Calls to sites, in seconds.",
            ("method", "status"),
            registry=registry,
            buckets=_CALL_SECONDS,
        )

    def decided(self, seen: Observation) -> None:
        """Count one request."""
        proved = seen.verified
        self._requests.labels(
            seen.route or _NONE,
            seen.direction,
            (seen.kind if proved else None) or _NONE,
            seen.location or _NONE,
            seen.refusal or "ok",
        ).inc()

    def fetched_keys(self, fetch: KeyFetch) -> None:
        """Count one fetch."""
        self._fetches.labels(fetch.source, fetch.outcome).inc()

    def called_host(self, call: HostCall) -> None:
        """Count one call, and how long it took."""
        status = _NONE if call.status is None else str(call.status)
        self._calls.labels(call.method, status).observe(call.seconds)

    def looked_up(self, *, cached: bool) -> None:
        """Count one look-up."""
        self._lookups.labels("yes" if cached else "no").inc()
