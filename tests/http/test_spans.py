from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

from headway.http.spans import RedactingExporter
from headway.model import Secret
from headway.sign import request_token

TOKEN = request_token(
    Secret("a secret of 16 bytes or more"), issuer="site", method="GET", raw_path="/p", now=0
)


@pytest.fixture
def exported() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracer(exported: InMemorySpanExporter) -> Iterator[Any]:
    provider = TracerProvider(resource=Resource({"service.name": "app"}))
    provider.add_span_processor(SimpleSpanProcessor(RedactingExporter(exported)))
    yield provider.get_tracer("a framework's instrumentation", "1")
    provider.shutdown()


def test_nothing_leaves_with_a_token(tracer: Any, exported: InMemorySpanExporter) -> None:
    url = f"https://app.example/panel?issue=A-1&jwt={TOKEN}"
    with tracer.start_as_current_span("outer") as outer:
        link = Link(outer.get_span_context(), {"from": url})
    with tracer.start_as_current_span(f"GET {url}", kind=SpanKind.SERVER, links=[link]) as span:
        span.set_attribute("url.full", url)
        span.set_attribute("http.request.header.authorization", (f"JWT {TOKEN}",))
        span.add_event("log", {"line": url})
        span.set_status(Status(StatusCode.ERROR, f"no {url}"))
    _, span = exported.get_finished_spans()
    told = span.to_json()
    assert TOKEN not in told
    assert TOKEN.rpartition(".")[2] not in told
    assert span.attributes["url.full"] == "https://app.example/panel?issue=A-1&jwt=REDACTED"
    assert span.kind is SpanKind.SERVER
    assert span.status.status_code is StatusCode.ERROR
    assert span.resource.attributes["service.name"] == "app"
    assert span.links[0].attributes["from"].endswith("jwt=REDACTED")


def test_the_rest_is_the_inner_exporters(exported: InMemorySpanExporter) -> None:
    outer = RedactingExporter(exported)
    assert outer.force_flush()
    outer.shutdown()
    assert exported._stopped
