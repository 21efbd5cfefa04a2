"""A span of OpenTelemetry for each decision, without a token in it.  Needs the extra ``metrics``.

Which spans are kept, and where they go, is set up by the process, as by
``opentelemetry-instrument``; without that nothing happens.  What instrumentation
of a server writes into spans of its own is redacted by
:class:`headway.http.spans.RedactingExporter`.
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry import propagate, trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from headway.errors import Refusal
from headway.gateway.decide import TRACE_HEADERS, Gateway
from headway.gateway.decision import Ask, Decision
from headway.gateway.rules import GatewayPolicy
from headway.gateway.service import logged

__all__ = ["TracedGateway"]

NAME = "headway.gateway.decision"
_METHODS = frozenset(
    {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"}
)


class TracedGateway(Gateway):
    """A gateway each of whose decisions is a span, a child of the request's own where it names one.

    Attributes are ``http.request.method``, ``url.path`` and ``url.query`` (redacted;
    OpenTelemetry: "HTTP spans"), ``headway.outcome``, ``headway.id``, and of
    the locations that were used ``headway.locations``, ``headway.phases`` and
    ``headway.verified``.  No client is named.
    """

    def may_hold(self, raw_query: str) -> bool:
        """Always: what passes without a look has a span as well."""
        return True

    def decide(self, ask: Ask) -> Decision:
        """As :meth:`Gateway.decide`."""
        with _current(_started(self.policy, ask)) as span:
            return _noted(span, super().decide(ask))

    async def adecide(self, ask: Ask) -> Decision:
        """As :meth:`Gateway.adecide`."""
        with _current(_started(self.policy, ask)) as span:
            return _noted(span, await super().adecide(ask))

    def begin(self, ask: Ask) -> Decision | Coroutine[Any, Any, Decision]:
        """As :meth:`Gateway.begin`."""
        span = _started(self.policy, ask)
        with _current(span, ends=False):
            decided = super().begin(ask)
        if isinstance(decided, Decision):
            _noted(span, decided)
            span.end()
            return decided
        return _later(span, decided)


async def _later(span: Span, decided: Coroutine[Any, Any, Decision]) -> Decision:
    with _current(span):
        return _noted(span, await decided)


@contextmanager
def _current(span: Span, *, ends: bool = True) -> Iterator[Span]:
    """*span* as the current one.  What is raised ends it, and is told by its type alone."""
    try:
        with trace.use_span(span, record_exception=False, set_status_on_exception=False):
            yield span
    except BaseException as failure:
        what = failure.id if isinstance(failure, Refusal) else type(failure).__name__
        span.set_status(Status(StatusCode.ERROR, what))
        span.end()
        raise
    if ends:
        span.end()


def _started(policy: GatewayPolicy, ask: Ask) -> Span:
    carrier = {name: value for name, value in ask.headers if name in TRACE_HEADERS}
    names = {name for location in policy.locations for name in location.names}
    path, _, query = logged(names, ask.target).partition("?")
    told = {
        "http.request.method": ask.method if ask.method in _METHODS else "_OTHER",
        "url.path": path,
    }
    if query:
        told["url.query"] = query
    return trace.get_tracer("headway.gateway").start_span(
        NAME, propagate.extract(carrier), SpanKind.SERVER, told
    )


def _noted(span: Span, decision: Decision) -> Decision:
    span.set_attribute("headway.outcome", decision.outcome.value)
    if decision.id:
        span.set_attribute("headway.id", decision.id)
    if decision.uses:
        span.set_attribute("headway.locations", [use.location for use in decision.uses])
        span.set_attribute("headway.phases", [use.phase.value for use in decision.uses])
        span.set_attribute("headway.verified", any(use.verified for use in decision.uses))
    if decision.status >= 500:
        span.set_status(Status(StatusCode.ERROR, decision.id))
    return decision
