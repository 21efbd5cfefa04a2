"""What a gateway does, as Prometheus reads it.  Needs the extra ``metrics``.

The numbers are made when somebody asks for them, of counts that are kept
anyway: the path of a request does not know of it.  No label comes from a
request, none names a client or a path; what stands in one (the names of the
policy's locations) is escaped by the library.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Protocol

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from headway.errors import registry
from headway.gateway.rules import GatewayPolicy
from headway.gateway.tally import Tally
from headway.model import Phase
from headway.ports import Clock

__all__ = ["PATH", "GatewayMetrics", "Kept", "MetricsPage", "Writes"]

PATH = "/metrics"
_OTHER = "other"
_IDS_MAX = 100
_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


class Kept(Protocol):
    """Where the policy comes from: :class:`~headway.gateway.reloading.ReloadingGateway`."""

    @property
    def policy(self) -> GatewayPolicy:
        """The policy that counts."""

    @property
    def reads(self) -> Mapping[bool, int]:
        """How often a changed file could be used, and could not."""

    @property
    def usable(self) -> bool:
        """Whether the file, as it was last looked into, can be used."""

    @property
    def age(self) -> float:
        """The seconds for which the policy has counted."""


class Writes(Protocol):
    """How counts are written: :class:`~headway.gateway.usage.counting.UsageCounter`."""

    failures: int
    batches: int
    written: int
    overflow: int

    @property
    def waiting(self) -> int:
        """How many records are in memory."""


class GatewayMetrics(Collector):
    """The metrics of *tally*, of the policy that *kept* has, and of how usage is *written*.

    *clock* gives seconds since 1970.

    >>> from headway.gateway.metrics import GatewayMetrics
    >>> registry = CollectorRegistry()
    >>> registry.register(GatewayMetrics(Tally()))
    >>> registry.get_sample_value("headway_gateway_key_fetch_seconds_total")
    0.0
    """

    def __init__(
        self,
        tally: Tally,
        kept: Kept | None = None,
        written: Writes | None = None,
        *,
        clock: Clock = time.time,
    ) -> None:
        self._tally, self._kept, self._written, self._clock = tally, kept, written, clock

    def collect(self) -> Iterable[Metric]:
        """Everything, as it is now."""
        yield from self._of_requests()
        if self._written is not None:
            yield from _of_usage(self._written)
        if self._kept is not None:
            yield from self._of_policy(self._kept)

    def _of_requests(self) -> Iterable[Metric]:
        tally, known = self._tally, _Ids()
        decisions = CounterMetricFamily(
            "headway_gateway_decisions",
            "Decisions by who asked, outcome and the id of what decided.",
            labels=("door", "outcome", "id"),
        )
        for (door, outcome, why), count in _summed(
            tally.decisions, lambda k: (*k[:2], known(k[2]))
        ):
            decisions.add_metric((door, outcome, why), count)
        yield decisions
        failures = CounterMetricFamily(
            "headway_gateway_failures",
            "Requests that there was no decision about: nobody got in.",
            labels=("door", "id"),
        )
        for labels, count in _summed(tally.failures, lambda k: (k[0], known(k[1]))):
            failures.add_metric(labels, count)
        yield failures
        uses = CounterMetricFamily(
            "headway_gateway_uses",
            "Uses of a location on its way out.",
            labels=("location", "phase", "outcome", "verified"),
        )
        for labels, count in _summed(
            tally.uses, lambda k: (*k[:2], known(k[2]), "yes" if k[3] else "no")
        ):
            uses.add_metric(labels, count)
        yield uses
        fetches = CounterMetricFamily(
            "headway_gateway_key_fetches", "Public keys asked of issuers.", labels=("outcome",)
        )
        for labels, count in _summed(tally.fetches, lambda k: (known(k),)):
            fetches.add_metric(labels, count)
        yield fetches
        yield CounterMetricFamily(
            "headway_gateway_key_fetch_seconds",
            "What fetching keys took, in seconds.",
            value=tally.fetch_seconds,
        )

    def _of_policy(self, kept: Kept) -> Iterable[Metric]:
        reads = CounterMetricFamily(
            "headway_gateway_policy_reads", "Changed policy files.", labels=("outcome",)
        )
        for good, count in kept.reads.items():
            reads.add_metric(("ok" if good else "failed",), count)
        yield reads
        yield GaugeMetricFamily(
            "headway_gateway_policy_age_seconds", "Since when the policy counts.", value=kept.age
        )
        yield GaugeMetricFamily(
            "headway_gateway_policy_usable", "Whether the file can be used.", value=kept.usable
        )
        policy, at = kept.policy, kept.policy.at(self._clock())
        phases = GaugeMetricFamily(
            "headway_gateway_phase",
            "The phase of a location for a client that is not known.",
            labels=("location", "phase"),
        )
        changes = GaugeMetricFamily(
            "headway_gateway_next_change_timestamp_seconds",
            "When somebody's phase may change; nothing where no change is to come.",
            labels=("location",),
        )
        for location in policy.locations:
            now = location.schedule.phase(at)
            for phase in Phase:
                phases.add_metric((location.name, phase.value), phase is now)
            coming = location.schedule.next_change(at)
            if coming is not None:
                changes.add_metric((location.name,), coming - policy.rehearsal.total_seconds())
        yield phases
        yield changes


def _of_usage(written: Writes) -> Iterable[Metric]:
    counters = {
        "batches": ("Batches of usage that were written.", written.batches),
        "records": ("Records of usage that were written.", written.written),
        "write_failures": ("Batches that could not be written; they wait.", written.failures),
        "overflow": ("Requests past a bound, counted as (other).", written.overflow),
    }
    for name, (told, value) in counters.items():
        yield CounterMetricFamily(f"headway_gateway_usage_{name}", told, value=value)
    yield GaugeMetricFamily(
        "headway_gateway_usage_waiting", "Records in memory.", value=written.waiting
    )


class _Ids:
    """Ids as labels: those of the registry, and few others.  A mistake of ours makes no flood."""

    def __init__(self) -> None:
        self._known, self._others = registry(), set[str]()

    def __call__(self, text: str) -> str:
        if text in self._known or text in self._others:
            return text
        if len(self._others) >= _IDS_MAX or len(text) > 64:
            return _OTHER
        self._others.add(text)
        return text


def _summed(
    counted: Mapping[Any, int], label: Callable[[Any], tuple[str, ...]]
) -> Iterable[tuple[tuple[str, ...], int]]:
    """*counted* by its labels; the whole is copied first, for a request may add to it."""
    found: dict[tuple[str, ...], int] = {}
    for key, count in list(counted.items()):
        labels = label(key)
        found[labels] = found.get(labels, 0) + count
    return found.items()


class MetricsPage:
    """An ASGI app that answers ``GET /metrics``.

    With *only_here*, the request has to name this machine: a foreign name that
    leads to loopback gets nothing.
    """

    def __init__(self, collector: Collector, *, only_here: bool = True) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(collector)
        self._only_here = only_here

    async def __call__(
        self,
        scope: Mapping[str, Any],
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        """One question (ASGI: HTTP connection scope)."""
        if scope["type"] != "http":
            return
        status, kind, body = self._answer(scope)
        headers = [
            (b"content-type", kind.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        sent = b"" if scope["method"] == "HEAD" else body
        await send({"type": "http.response.body", "body": sent})

    def _answer(self, scope: Mapping[str, Any]) -> tuple[int, str, bytes]:
        values = {name: value.decode("latin-1") for name, value in scope["headers"]}
        name = values.get(b"host", "")
        host = name if name.endswith("]") else name.rpartition(":")[0] or name
        plain = "text/plain; charset=utf-8"
        if self._only_here and host.lower() not in _NAMES:
            return 421, plain, b"This address is not served under that name.\n"
        if scope["path"] != PATH:
            return 404, plain, b"There is nothing but /metrics here.\n"
        if scope["method"] not in ("GET", "HEAD"):
            return 405, plain, b"Metrics are read.\n"
        encode, kind = choose_encoder(values.get(b"accept", ""))
        return 200, kind, encode(self._registry)
