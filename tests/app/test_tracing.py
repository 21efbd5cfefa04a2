from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from app.observed import CALL, SEEN, tell
from headway.app.tracing import RedactingExporter, Tracing


@pytest.fixture
def exported() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracer(exported: InMemorySpanExporter) -> Iterator[Any]:
    provider = TracerProvider(resource=Resource({"service.name": "app"}))
    provider.add_span_processor(SimpleSpanProcessor(RedactingExporter(exported)))
    yield provider.get_tracer("a framework's instrumentation", "1")
    provider.shutdown()


def test_what_is_noted_on_the_span(tracer: Any, exported: InMemorySpanExporter) -> None:
    with tracer.start_as_current_span("GET /panel"):
        tell(Tracing())
        Tracing().decided(msgspec.structs.replace(SEEN, refusal="qsh-mismatch", route="/panel"))
        Tracing().called_host(msgspec.structs.replace(CALL, status=None))
    (span,) = exported.get_finished_spans()
    assert span.attributes == {
        "headway.route": "/panel",
        "headway.direction": "host->app module",
        "headway.verdict": "qsh-mismatch",
    }
    assert [event.name for event in span.events] == [
        "headway.key_fetch", "headway.host_call", "headway.host_call",
    ]  # fmt: skip
    assert span.events[1].attributes["url.full"] == "https://x.example/rest"
    assert span.events[2].attributes["http.response.status_code"] == 0
