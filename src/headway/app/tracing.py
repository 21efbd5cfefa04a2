"""What an app does, in the spans of OpenTelemetry.  Extra ``metrics``.

    app = Connect(..., instruments=[Tracing()])
    provider.add_span_processor(BatchSpanProcessor(RedactingExporter(OTLPSpanExporter())))

Instrumentation of a framework writes each address into its span, and the
address of a module's page holds a token.  So the exporter is wrapped: nothing
leaves that was not redacted, whoever wrote it.
"""

from __future__ import annotations

from opentelemetry import trace

from headway.app.instruments import HostCall, Instrument, KeyFetch
from headway.app.observation import Observation
from headway.http.spans import RedactingExporter
from headway.redact import redact

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
