"""Spans of OpenTelemetry without tokens in them.  Needs the extra ``metrics``.

Instrumentation of frameworks and servers writes whole addresses into spans, and
an address may hold a token.  So the exporter is wrapped: nothing leaves that
was not redacted, whoever wrote it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from headway.redact import redact, redact_values

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

__all__ = ["RedactingExporter"]


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
