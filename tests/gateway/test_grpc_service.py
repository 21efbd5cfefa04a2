from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import grpc
import pytest
from envoy.service.auth.v3.external_auth_pb2 import CheckRequest
from envoy.service.auth.v3.external_auth_pb2_grpc import AuthorizationStub
from proxied import BROWNOUT, OFF, POLICY, TOKEN, WARNED

from headway.errors import ConfigurationError
from headway.gateway.decide import Gateway
from headway.gateway.grpc_service import EnvoyService, serving_grpc
from headway.gateway.policy_file import read_policy
from headway.http.server import listen


class Context:
    def __init__(self, peer: str) -> None:
        self._peer = peer

    def peer(self) -> str:
        return self._peer


class Asked:
    """The service as Envoy calls it, with the clock at *now*."""

    def __init__(self, now: float = WARNED) -> None:
        gateway = Gateway(read_policy(POLICY), clock=lambda: now)
        self.service = EnvoyService(gateway, peers=["127.0.0.1", "::1"])

    def raw(self, lines: list[tuple[str, bytes]], peer: str = "ipv4:127.0.0.1:40000") -> Any:
        request = CheckRequest()
        for name, value in lines:
            request.attributes.request.http.header_map.headers.add(key=name, raw_value=value)
        return asyncio.run(self.service.Check(request, Context(peer)))

    def __call__(self, target: str, *more: tuple[str, bytes], **options: Any) -> Any:
        return self.raw(
            [(":method", b"GET"), (":path", target.encode("latin-1")), *more], **options
        )


def lines(options: Any) -> dict[str, str]:
    return {each.header.key: each.header.value for each in options}


def test_a_token_moves() -> None:
    answer = Asked()(f"/rest?a=%2f&jwt={TOKEN}", ("headway-phase", b"forged"))
    assert answer.status.code == 0
    assert lines(answer.ok_response.headers) == {
        ":path": "/rest?a=%2f",
        "authorization": f"JWT {TOKEN}",
    }
    gone = ["headway-phase", "referer", "x-envoy-auth-failure-mode-allowed"]
    assert list(answer.ok_response.headers_to_remove) == gone
    told = lines(answer.ok_response.response_headers_to_add)
    assert (told["Headway-Phase"], told["Cache-Control"]) == ("warned", "private")
    assert answer.dynamic_metadata["logged"] == "/rest?a=%2f"


def test_nothing_changes_where_there_is_nothing() -> None:
    answer = Asked()("/rest?a")
    assert answer.status.code == 0
    assert not answer.ok_response.headers


@pytest.mark.parametrize("now", [BROWNOUT, OFF])
def test_a_refusal_has_its_body(now: float) -> None:
    answer = Asked(now)(f"/rest?jwt={TOKEN}")
    assert (answer.status.code, answer.denied_response.status.code) == (7, 401)
    assert json.loads(answer.denied_response.body)["id"] == "token-in-query"
    assert lines(answer.denied_response.headers)["Headway-Refusal"] == "token-in-query"
    assert answer.dynamic_metadata["logged"] == "/rest"


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ([], "original-missing"),
        ([(":path", b"/a")], "original-missing"),
        ([(":path", b"/a"), (":path", b"/b")], "original-repeated"),
        ([(":path", b"/\xe9"), (":method", b"GET")], "target-malformed"),
        ([(":path", b"/a b"), (":method", b"GET")], "target-malformed"),
        ([(":path", b"/a"), (":method", b"GET"), *[("authorization", b"JWT a")] * 2],
         "authorization-repeated"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_is_no_question_is_a_403(lines: Any, why: str) -> None:
    denied = Asked().raw(lines).denied_response
    assert (denied.status.code, json.loads(denied.body)["id"]) == (403, why)


@pytest.mark.parametrize(
    ("peer", "known"),
    [("ipv4:127.0.0.1:1", True), ("ipv6:[::1]:1", True), ("ipv6:%5B::1%5D:1", True),
     ("ipv4:192.0.2.1:1", False), ("unix:", False), ("", False)],
)  # fmt: skip
def test_only_peers_that_are_named_are_believed(peer: str, known: bool) -> None:
    answer = Asked()("/rest", peer=peer)
    assert (answer.status.code == 0) is known


def test_whatever_fails_lets_nobody_in(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked = Asked()

    def broken(ask: Any) -> Any:
        raise KeyError(ask.target)

    monkeypatch.setattr(asked.service.gateway, "begin", broken)
    answer = asked("/secret-place?jwt=1")
    assert json.loads(answer.denied_response.body)["id"] == "decision-failed"
    assert "secret-place" not in caplog.text


def test_failing_open_is_a_setting_and_lets_no_token_in(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked()
    policy = read_policy(b'failing = "open"\n' + POLICY.lstrip())
    asked.service.gateway = gateway = Gateway(policy, clock=lambda: WARNED)

    def broken(ask: Any) -> Any:
        raise KeyError(ask.target)

    monkeypatch.setattr(gateway, "begin", broken)
    answer = asked(f"/rest?a&jwt={TOKEN}")
    assert answer.status.code == 0
    assert lines(answer.ok_response.headers) == {":path": "/rest?a"}
    assert lines(answer.ok_response.response_headers_to_add)["Headway-Refusal"] == "decision-failed"


def test_its_log_has_no_address(caplog: pytest.LogCaptureFixture) -> None:
    asked = Asked(OFF)
    with caplog.at_level(logging.INFO, "headway.gateway.service"):
        asked(f"/place?jwt={TOKEN}")
        asked("/place?a=1")
        asked.raw([])
    told = [r.getMessage() for r in caplog.records if r.name == "headway.gateway.service"]
    assert told == [
        "127.0.0.1 envoy refuse token-in-query",
        "127.0.0.1 envoy pass -",
        "127.0.0.1 envoy refuse -",
    ]
    caplog.clear()
    with caplog.at_level(logging.WARNING, "headway.gateway.service"):
        asked("/place")
    assert not [r for r in caplog.records if r.name == "headway.gateway.service"]


def test_a_port_that_is_taken_is_said() -> None:
    [taken] = listen(0, ["127.0.0.1"])

    async def started() -> None:
        async with serving_grpc(Asked().service, f"127.0.0.1:{taken.getsockname()[1]}"):
            raise AssertionError("it has no port")

    with taken, pytest.raises(ConfigurationError, match="can not be had"):
        asyncio.run(started())


def test_it_is_asked_over_a_socket() -> None:
    async def ask() -> Any:
        request = CheckRequest()
        headers = request.attributes.request.http.header_map.headers
        headers.add(key=":method", raw_value=b"GET")
        headers.add(key=":path", raw_value=b"/rest")
        async with (
            serving_grpc(Asked().service, "127.0.0.1:0") as port,
            grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
        ):
            return await AuthorizationStub(channel).Check(request, timeout=20)

    assert asyncio.run(ask()).status.code == 0
