"""What an app does, in the spans of OpenTelemetry; and spans without tokens.  Extra ``metrics``.

    app = Connect(..., instruments=[Tracing()])
    provider.add_span_processor(BatchSpanProcessor(RedactingExporter(OTLPSpanExporter())))

Instrumentation of a framework writes each address into its span, and the
address of a module's page holds a token.  So the exporter is wrapped: nothing
leaves that was not redacted, whoever wrote it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from opentelemetry import trace

from headway.app.instruments import HostCall, Instrument, KeyFetch
from headway.app.observation import Observation
from headway.redact import redact, redact_values

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

__all__ = ["RedactingExporter", "Tracing"]


class Tracing(Instrument):
    """Notes on the current span what was decided, fetched and called.

    >>> Tracing().looked_up(cached=True)  # outside a span it goes nowhere
    """

    def decided(self, seen: Observation) -> None:
        """The verdict and its reasons, as attributes of the request's span."""
        span = trace.get_current_span()
        told = {
            "headway.route": seen.route,
            "headway.direction": seen.direction,
            "headway.kind": seen.kind if seen.verified else None,
            "headway.location": seen.location,
            "headway.phase": seen.phase,
            "headway.verdict": seen.refusal or "ok",
        }
        span.set_attributes({name: str(value) for name, value in told.items() if value is not None})

    def fetched_keys(self, fetch: KeyFetch) -> None:
        """An event on the span: which source, what came, and how long it took."""
        told: dict[str, str | float] = {
            "source": fetch.source,
            "outcome": fetch.outcome,
            "seconds": fetch.seconds,
        }
        trace.get_current_span().add_event("headway.key_fetch", told)

    def called_host(self, call: HostCall) -> None:
        """An event on the span: the call, without its query."""
        told: dict[str, str | float] = {
            "http.request.method": call.method,
            "url.full": redact(call.origin + call.path),
            "http.response.status_code": call.status or 0,
            "seconds": call.seconds,
        }
        trace.get_current_span().add_event("headway.host_call", told)


class RedactingExporter:
    """A span exporter that hands redacted spans to *inner* (OpenTelemetry: ``SpanExporter``).

    Redacted are the name, attributes, events, links and the status of every
    span; the resource is the operator's own and stays.
    """

    def __init__(self, inner: SpanExporter) -> None:
        self._inner = inner

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export *spans* without tokens."""
        return self._inner.export([_redacted(span) for span in spans])

    def shutdown(self) -> None:
        """Shut the inner exporter down."""
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flush the inner exporter."""
        return self._inner.force_flush(timeout_millis)


def _redacted(span: ReadableSpan) -> ReadableSpan:
    from opentelemetry.sdk.trace import Event, ReadableSpan
    from opentelemetry.trace import Link
    from opentelemetry.trace.status import Status

    status = span.status
    if status.description:
        status = Status(status.status_code, redact(status.description))
    return ReadableSpan(
        name=redact(span.name),
        context=span.get_span_context(),
        parent=span.parent,
        resource=span.resource,
        attributes=_clean(span.attributes),
        events=[
            Event(redact(event.name), _clean(event.attributes), event.timestamp)
            for event in span.events
        ],
        links=[Link(link.context, _clean(link.attributes)) for link in span.links],
        kind=span.kind,
        instrumentation_scope=span.instrumentation_scope,
        status=status,
        start_time=span.start_time,
        end_time=span.end_time,
    )


def _clean(attributes: Mapping[str, Any] | None) -> dict[str, Any]:
    cleaned: dict[str, Any] = redact_values(dict(attributes or {}))
    return cleaned
