from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from headway.errors import KeySourceFailed, SignatureInvalid, StoreUnavailable
from headway.gateway.decide import Gateway
from headway.gateway.decision import Ask, Decision, Outcome
from headway.gateway.policy_file import read_policy
from headway.gateway.service import AuthorizationService
from headway.gateway.tracing import TracedGateway
from headway.model import RequestFacts, Secret, TokenText
from headway.ports import Credentials, NeedKey, Steps
from headway.sign import request_token
from uses import Hands

POLICY = b"""
name = "api"
[[location]]
name = "jwt"
parameters = ["jwt"]
announced = 2021-09-01
off = 2022-06-01
[[location]]
name = "key"
parameters = ["key"]
[[route]]
path = "/pub/*"
reason = "frames"
"""
TOKEN = request_token(
    Secret("a secret of 16 bytes or more"), issuer="site", method="GET", raw_path="/p", now=0
)
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    yield kept
    provider.shutdown()


class Proves:
    """A verifier whose key has to be awaited; what it *raises*, the source or the check does."""

    replay = None

    def __init__(self, raises: Exception | None = None) -> None:
        self.keys, self.raises = self, raises

    async def find(self, need: NeedKey) -> Credentials:
        await asyncio.sleep(0)
        if isinstance(self.raises, KeySourceFailed | ZeroDivisionError):
            raise self.raises
        return Credentials(keys=())

    def claimed(self, token: str) -> str | None:
        return "acme"

    def proving(self, token: TokenText, request: RequestFacts, now: float) -> Steps[str]:
        yield NeedKey(issuer="acme", symmetric=True)
        if self.raises is not None:
            raise self.raises
        return "acme"

    def close(self) -> None:
        pass


def made(verifier: Any = None) -> TracedGateway:
    return TracedGateway(read_policy(POLICY), verifier=verifier, clock=Hands())


def ask(target: str, **more: Any) -> Ask:
    return Ask(method="GET", target=target, **more)


def test_a_decision_is_a_span_without_a_token(exported: InMemorySpanExporter) -> None:
    decision = made().decide(ask(f"/rest?a=1&jwt={TOKEN}&key=short"))
    [span] = exported.get_finished_spans()
    assert (span.name, span.kind) == ("headway.gateway.decision", SpanKind.SERVER)
    assert span.attributes == {
        "http.request.method": "GET",
        "url.path": "/rest",
        "url.query": "a=1&jwt=REDACTED&key=REDACTED",
        "headway.outcome": decision.outcome,
        "headway.id": decision.id,
        "headway.locations": ("jwt", "key"),
        "headway.phases": ("announced", "open"),
        "headway.verified": False,
    }
    assert "site" not in span.to_json()  # who the client is stands in no span


def test_what_stays_in_the_url_is_redacted_too(exported: InMemorySpanExporter) -> None:
    decision = made().decide(ask("/pub/x?key=short&other=eyJhbGciOiJIUzI1NiJ9.eyJ4IjoxfQ.c2ln"))
    assert "key=short" in decision.target
    [span] = exported.get_finished_spans()
    assert span.attributes is not None
    assert span.attributes["url.query"] == "key=REDACTED&other=REDACTED"


def test_every_question_has_a_span_and_the_same_answer(exported: InMemorySpanExporter) -> None:
    plain = Gateway(read_policy(POLICY), clock=Hands())
    targets = ["/", "/rest?a=1", "/rest?jwt=T", "/rest?jwt=A&jwt=B", "/pub/?jwt=T"]
    for gateway in (plain, made()):
        service = AuthorizationService(gateway, peers=["127.0.0.1"])
        lines = [(b"X-Original-Method", b"GET")]
        told = [
            service.ask("127.0.0.1", "GET", "/nginx", [*lines, (b"X-Original-URI", t.encode())])
            for t in targets
        ]
        if gateway is plain:
            expected = told
    assert told == expected
    assert len(exported.get_finished_spans()) == len(targets)


def test_it_is_a_child_of_the_requests_own_span(exported: InMemorySpanExporter) -> None:
    made().decide(ask("/", headers=(("traceparent", PARENT), ("x", "y"))))
    made().decide(ask("/", headers=(("traceparent", "rubbish"),)))
    child, alone = exported.get_finished_spans()
    assert child.parent is not None
    assert f"{child.parent.span_id:x}" == "b7ad6b7169203331"
    assert alone.parent is None


@pytest.mark.parametrize("way", ["begin", "adecide"])
def test_a_decision_that_waits_for_a_key(exported: InMemorySpanExporter, way: str) -> None:
    """What fetches the key is inside the span."""
    inside: list[Any] = []

    class Seen(Proves):
        async def find(self, need: NeedKey) -> Credentials:
            inside.append(trace.get_current_span().get_span_context().span_id)
            return await super().find(need)

    decided = getattr(made(Seen()), way)(ask(f"/rest?jwt={TOKEN}"))
    assert not exported.get_finished_spans()
    assert asyncio.run(decided).outcome is Outcome.PASS
    [span] = exported.get_finished_spans()
    assert span.attributes is not None
    assert span.attributes["headway.verified"] is True
    assert span.context is not None
    assert inside == [span.context.span_id]


def test_a_source_that_is_down_is_an_error_of_the_span(exported: InMemorySpanExporter) -> None:
    decision = asyncio.run(made(Proves(KeySourceFailed())).adecide(ask(f"/rest?jwt={TOKEN}")))
    assert decision.status == 503
    [span] = exported.get_finished_spans()
    assert span.status.description == "key-source-failed"
    assert span.status.status_code is StatusCode.ERROR


def test_a_refusal_is_no_error_of_ours(exported: InMemorySpanExporter) -> None:
    decision = asyncio.run(made(Proves(SignatureInvalid())).adecide(ask(f"/rest?jwt={TOKEN}")))
    assert decision.outcome is Outcome.REFUSE
    [span] = exported.get_finished_spans()
    assert span.status.status_code is StatusCode.UNSET
    assert span.attributes is not None
    assert span.attributes["headway.id"] == decision.id


def test_a_store_that_is_down_is_an_error(exported: InMemorySpanExporter) -> None:
    asyncio.run(made(Proves(StoreUnavailable())).adecide(ask(f"/rest?jwt={TOKEN}")))
    [span] = exported.get_finished_spans()
    assert span.status.status_code is StatusCode.ERROR


def test_what_is_a_mistake_ends_the_span_and_tells_nothing(exported: InMemorySpanExporter) -> None:
    class Broken(Proves):
        def proving(self, token: TokenText, request: RequestFacts, now: float) -> Steps[str]:
            raise ZeroDivisionError(token)

    for way in ("decide", "begin"):
        with pytest.raises(ZeroDivisionError):
            getattr(made(Broken()), way)(ask(f"/rest?jwt={TOKEN}"))
    with pytest.raises(ZeroDivisionError):
        asyncio.run(made(Proves(ZeroDivisionError(TOKEN))).adecide(ask(f"/rest?jwt={TOKEN}")))
    spans = exported.get_finished_spans()
    assert len(spans) == 3
    for span in spans:
        assert span.status.status_code is StatusCode.ERROR
        assert TOKEN not in span.to_json()
        assert TOKEN.rpartition(".")[2] not in span.to_json()


def test_without_a_provider_nothing_happens() -> None:
    assert isinstance(made().begin(ask("/rest?jwt=T")), Decision)


def test_a_method_that_nobody_knows(exported: InMemorySpanExporter) -> None:
    made().decide(Ask(method="X" * 500, target="/"))
    [span] = exported.get_finished_spans()
    assert span.attributes is not None
    assert span.attributes["http.request.method"] == "_OTHER"
