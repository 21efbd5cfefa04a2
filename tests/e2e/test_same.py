"""One table of requests, asked of each place where the gateway stands: the same decisions."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from envoy.service.auth.v3.external_auth_pb2 import CheckRequest

import same
from headway.gateway.decide import Gateway
from headway.gateway.decision import Decision, Headers, Outcome
from headway.gateway.grpc_service import EnvoyService
from headway.gateway.middleware import AsgiGateway, WsgiGateway, answered
from headway.gateway.rules import GatewayPolicy
from headway.gateway.service import AuthorizationService, Reply
from proxy_run import running
from same import UPSTREAM_SAYS, Reached, Request, Seen


def gateway(policy: GatewayPolicy, now: float) -> Gateway:
    return Gateway(policy, clock=lambda: now)


# ---- in the application's process -----------------------------------------------------------


@contextmanager
def asgi(policy: GatewayPolicy, now: float) -> Iterator[same.Place]:
    got: list[Reached] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        path, query = scope["raw_path"].decode("latin-1"), scope["query_string"].decode("latin-1")
        headers = tuple((n.decode(), v.decode("latin-1")) for n, v in scope["headers"])
        got.append(same.reached(f"{path}?{query}" if query else path, headers))
        raw = [(n.lower().encode(), v.encode()) for n, v in UPSTREAM_SAYS]
        await send({"type": "http.response.start", "status": 200, "headers": raw})
        await send({"type": "http.response.body", "body": b""})

    guarded = AsgiGateway(app, gateway(policy, now))

    def place(request: Request) -> Seen:
        path, _, query = request.target.partition("?")
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http", "method": request.method, "raw_path": path.encode(),
            "query_string": query.encode(), "client": ("192.0.2.1", 1),
            "headers": [(n.encode(), v.encode()) for n, v in request.headers],
        }  # fmt: skip
        loop.run(guarded(scope, None, send))  # type: ignore[arg-type]
        answer = tuple((n.decode(), v.decode("latin-1")) for n, v in sent[0]["headers"])
        return Seen(
            got.pop() if got else None, sent[0]["status"], same.said(answer), same.allows(answer)
        )

    with asyncio.Runner() as loop:
        yield place


@contextmanager
def wsgi(policy: GatewayPolicy, now: float) -> Iterator[same.Place]:
    got: list[Reached] = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        told = {n[5:].lower().replace("_", "-"): v for n, v in environ.items() if "HTTP_" in n}
        got.append(same.reached(environ["RAW_URI"], tuple(told.items())))
        assert environ["QUERY_STRING"] == environ["RAW_URI"].partition("?")[2]
        start_response("200 OK", list(UPSTREAM_SAYS))
        return []

    guarded = WsgiGateway(app, gateway(policy, now))

    def place(request: Request) -> Seen:
        answer: dict[str, Any] = {}

        def start(status: str, headers: list[tuple[str, str]]) -> None:
            answer.update(status=int(status[:3]), headers=tuple(headers))

        environ = {
            "REQUEST_METHOD": request.method, "RAW_URI": request.target,
            "QUERY_STRING": request.target.partition("?")[2], "REMOTE_ADDR": "192.0.2.1",
            **{f"HTTP_{n.upper().replace('-', '_')}": v for n, v in request.headers},
        }  # fmt: skip
        list(guarded(environ, start))
        headers = answer["headers"]
        return Seen(
            got.pop() if got else None, answer["status"], same.said(headers), same.allows(headers)
        )

    yield place


# ---- behind a proxy, which carries out what it is told --------------------------------------


@contextmanager
def nginx(policy: GatewayPolicy, now: float) -> Iterator[same.Place]:
    service = AuthorizationService(gateway(policy, now), peers=["127.0.0.1"])

    def place(request: Request) -> Seen:
        asked = [("X-Original-Method", request.method), ("X-Original-URI", request.target)]
        lines = [(n.encode(), v.encode("latin-1")) for n, v in (*asked, *request.headers)]
        reply = service.ask("127.0.0.1", "GET", "/nginx", lines)
        assert isinstance(reply, Reply)
        head = [line.split(": ", 1) for line in reply.head.decode("latin-1").splitlines()]
        told = {name.lower(): value for name, value in head}
        if reply.status != 204:
            assert told["headway-body"].encode() == reply.body
            return Seen(None, reply.status, same.said(tuple(told.items())), "")
        reached = Reached(
            told["headway-target"],
            told.get("headway-set-authorization"),
            told.get("headway-set-x-api-key"),
        )
        more = tuple((name, value) for name, value in told.items() if name in same.SAID)
        decision = Decision(
            outcome=Outcome.PASS, target="", answer_headers=more,
            allow_header=told.get("headway-allow", ""),
        )  # fmt: skip
        answer = answered(decision, UPSTREAM_SAYS)
        return Seen(reached, 200, same.said(answer), same.allows(answer))

    yield place


@contextmanager
def envoy(policy: GatewayPolicy, now: float) -> Iterator[same.Place]:
    service = EnvoyService(gateway(policy, now), peers=["127.0.0.1"])

    class Context:
        def peer(self) -> str:
            return "ipv4:127.0.0.1:40000"

    def lines(options: Any) -> Headers:
        return tuple((each.header.key.lower(), each.header.value) for each in options)

    def place(request: Request) -> Seen:
        check = CheckRequest()
        asked = [(":method", request.method), (":path", request.target), *request.headers]
        for name, value in asked:
            check.attributes.request.http.header_map.headers.add(
                key=name, raw_value=value.encode("latin-1")
            )
        answer = loop.run(service.Check(check, Context()))
        if answer.status.code:
            denied = answer.denied_response
            return Seen(None, denied.status.code, same.said(lines(denied.headers)), "")
        passed = answer.ok_response
        kept = {n: v for n, v in asked if n not in passed.headers_to_remove}
        kept |= dict(lines(passed.headers))
        metadata = dict(answer.dynamic_metadata.items())
        decision = Decision(
            outcome=Outcome.PASS, target="", answer_headers=lines(passed.response_headers_to_add),
            allow_header=str(metadata.get("allow", "")),
        )  # fmt: skip
        told = answered(decision, UPSTREAM_SAYS)
        reached = same.reached(kept[":path"], tuple(kept.items()))
        return Seen(reached, 200, same.said(told), same.allows(told))

    with asyncio.Runner() as loop:
        yield place


# ---- the built-in proxy, over sockets -------------------------------------------------------


@contextmanager
def run(policy: GatewayPolicy, now: float) -> Iterator[same.Place]:
    says = "".join(f"{name}: {value}\r\n" for name, value in UPSTREAM_SAYS)
    with running(gateway=gateway(policy, now)) as proxy:
        proxy.upstream.answer = f"HTTP/1.1 200 OK\r\n{says}Content-Length: 0\r\n\r\n".encode()
        wire = proxy.wire()

        def place(request: Request) -> Seen:
            del proxy.upstream.heard[:]
            lines = "".join(f"{name}: {value}\r\n" for name, value in request.headers)
            wire.send(f"{request.method} {request.target} HTTP/1.1\r\nHost: a\r\n{lines}\r\n")
            answer = wire.told(request.method)
            headers = tuple(answer.headers)
            got = [same.reached(each.target, tuple(each.headers)) for each in proxy.upstream.heard]
            assert len(got) < 2
            reached = got[0] if got else None
            return Seen(reached, answer.status, same.said(headers), same.allows(headers))

        try:
            yield place
        finally:
            wire.close()


@pytest.mark.parametrize("opens", [asgi, wsgi, nginx, envoy, run], ids=lambda opens: opens.__name__)
def test_the_same_decisions(opens: same.Opens) -> None:
    assert same.differences(opens) == []


def test_the_table_has_every_outcome() -> None:
    """It would show a difference: every outcome and every kind of answer is in it."""
    ids: set[str] = set()
    outcomes: set[tuple[int, str | None, bool]] = set()
    for policy in same.policies():
        for now in same.MOMENTS:
            for request in same.requests():
                seen = same.decided(policy, now, request)
                ids.add(seen.said.get("headway-refusal", ""))
                outcomes.add((seen.status, seen.said.get("headway-phase"), bool(seen.allows)))
    assert {status for status, _, _ in outcomes} == {200, 401}
    assert {phase for _, phase, _ in outcomes} == {
        *(None, "announced", "warned", "brownout", "off")
    }
    assert {allowed for _, _, allowed in outcomes} == {True, False}
    assert ids >= {
        *("", "token-in-query", "token-lookalike", "token-repeated", "tokens-differ"),
        *("token-beside-authorization", "token-name-encoded", "token-malformed"),
    }
