from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import msgspec
import pytest
from proxied import BROWNOUT, OFF, POLICY, TOKEN, WARNED

from headway.errors import ConfigurationError
from headway.gateway.decide import Gateway
from headway.gateway.decision import Use
from headway.gateway.own_paths import OwnPaths
from headway.gateway.policy_file import read_policy
from headway.gateway.service import TARGET_MAX, AuthorizationService, Peers

ORIGINAL = ("x-original-method", "x-original-uri")
FORWARDED = ("x-forwarded-method", "x-forwarded-uri")


class Service:
    """The service as a server calls it."""

    def __init__(self, now: float = WARNED, peers: tuple[str, ...] = ("127.0.0.1",)) -> None:
        gateway = Gateway(read_policy(POLICY), clock=lambda: now)
        self.app = AuthorizationService(gateway, peers=peers)

    def call(
        self, path: str, headers: list[tuple[str, str]], client: Any = ("127.0.0.1", 1)
    ) -> tuple[int, dict[str, str], bytes]:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> Any:
            raise AssertionError("a question has no body")

        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        scope = {"type": "http", "path": path, "headers": raw, "client": client}
        asyncio.run(self.app(scope, receive, send))
        told = {name.decode(): value.decode("latin-1") for name, value in sent[0]["headers"]}
        assert len(told) == len(sent[0]["headers"])
        return sent[0]["status"], told, sent[1]["body"]

    def __call__(self, target: str, *headers: tuple[str, str], proxy: str = "nginx") -> Any:
        method, uri = ORIGINAL if proxy in ("nginx", "haproxy") else FORWARDED
        return self.call(f"/{proxy}", [(method, "GET"), (uri, target), *headers])


def test_what_passes_says_all_that_a_proxy_needs() -> None:
    status, told, body = Service()(
        f"/rest?a=%2f&jwt={TOKEN}", ("x-api-key", "k"), ("x-original-peer", "192.0.2.1")
    )
    assert (status, body) == (204, b"")
    assert told["Headway-Outcome"] == "pass"
    assert told["Headway-Target"] == told["Headway-Logged"] == "/rest?a=%2f"
    assert told["Headway-Set-Authorization"] == f"JWT {TOKEN}"
    assert told["Headway-Set-X-Api-Key"] == "k"
    assert (told["Headway-Private"], told["Headway-Phase"]) == ("1", "warned")


@pytest.mark.parametrize(
    ("proxy", "reads"),
    [
        ("nginx", {"Headway-Logged", "Headway-Target"}),
        ("haproxy", {"Headway-Target"}),
        ("caddy", {"Headway-Query"}),
        ("traefik", set()),
    ],
    ids=["nginx", "haproxy", "caddy", "traefik"],
)
def test_a_proxy_is_told_what_it_reads_and_nothing_else(proxy: str, reads: set[str]) -> None:
    assert set(Service()("/rest?a", proxy=proxy)[1]) == {"Headway-Outcome", *reads}
    of_location = {"Headway-Phase", "Headway-Hint", "Deprecation", "Sunset", "Link", "Vary",
                   "Cache-Control", "Headway-Private", "Headway-Outcome"}  # fmt: skip
    header = "Authorization" if proxy == "traefik" else "Headway-Set-Authorization"
    told = Service()(f"/rest?a&jwt={TOKEN}", proxy=proxy)[1]
    assert set(told) == {*of_location, header, *reads}


def test_two_locations_have_one_line_for_each_name() -> None:
    _, told, _ = Service()(f"/rest?jwt={TOKEN}&api_key=k")
    assert told["Headway-Set-X-Api-Key"] == "k"
    assert told["Vary"] == "Authorization, X-Api-Key"
    assert told["Headway-Phase"] == "warned"


@pytest.mark.parametrize("now", [BROWNOUT, OFF])
def test_a_refusal_has_its_body_where_the_proxy_takes_it(now: float) -> None:
    service = Service(now)
    status, told, body = service(f"/rest?jwt={TOKEN}")
    assert (status, told["Headway-Decision"]) == (401, "token-in-query")
    assert json.loads(told["Headway-Body"]) == json.loads(body)
    assert told["Headway-Logged"] == "/rest"
    assert "Headway-Target" not in told
    _, to_client, _ = service(f"/rest?jwt={TOKEN}", proxy="caddy")
    assert {"Headway-Body", "Headway-Logged"} & set(to_client) == set()


def test_traefik_keeps_the_url_so_nothing_goes_on_that_would_have_to_leave_it() -> None:
    _, told, _ = Service()(f"/rest?jwt={TOKEN}", proxy="traefik")
    assert told["Authorization"] == f"JWT {TOKEN}"
    status, told, _ = Service(OFF)("/rest?api_key=secret", proxy="traefik")
    assert (status, told["Headway-Decision"]) == (403, "token-in-query")


def test_a_preflight_allows_the_header() -> None:
    asks = [("origin", "https://a.test"), ("access-control-request-method", "GET")]
    head = [("x-original-method", "OPTIONS"), ("x-original-uri", "/rest")]
    assert Service().call("/nginx", [*head, *asks])[1]["Headway-Allow"] == "authorization"


def test_a_token_that_stays_is_not_for_the_log() -> None:
    _, told, _ = Service(OFF)("/pub/x?jwt=short&a=1")
    assert told["Headway-Target"] == "/pub/x?jwt=short&a=1"
    assert told["Headway-Logged"] == "/pub/x?jwt=REDACTED&a=1"


@pytest.mark.parametrize(
    ("path", "headers", "client", "why"),
    [
        ("/nginx", [], ("192.0.2.1", 1), "peer-unknown"),
        ("/nginx", [], None, "peer-unknown"),
        ("/other", [], ("127.0.0.1", 1), "proxy-unknown"),
        ("/nginx", [], ("127.0.0.1", 1), "original-missing"),
        ("/nginx", [("x-forwarded-uri", "/a")], ("127.0.0.1", 1), "original-missing"),
        ("/caddy", [("x-original-uri", "/a")], ("127.0.0.1", 1), "original-missing"),
        ("/nginx", [("x-original-uri", "/a")] * 2, ("127.0.0.1", 1), "original-repeated"),
        ("/nginx", [("x-original-uri", "/a b")], ("127.0.0.1", 1), "target-malformed"),
        ("/nginx", [("x-original-uri", "/" + "a" * TARGET_MAX)], ("127.0.0.1", 1),
         "target-malformed"),
        ("/nginx", [("x-original-uri", "/a"), *[("authorization", "JWT a")] * 2],
         ("127.0.0.1", 1), "authorization-repeated"),
        ("/caddy", [("x-forwarded-uri", "/jwt=a?jwt=a"), ("x-forwarded-method", "GET")],
         ("127.0.0.1", 1), "query-in-path"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_is_no_question_is_a_403(path: str, headers: Any, client: Any, why: str) -> None:
    status, told, body = Service().call(path, headers, client)
    assert (status, told["Headway-Decision"], json.loads(body)["id"]) == (403, why, why)
    assert "Headway-Target" not in told


def test_an_outage_is_what_a_proxy_can_carry(monkeypatch: pytest.MonkeyPatch) -> None:
    service = Service(BROWNOUT)
    decide = service.app.gateway.current().decide

    def unavailable(ask: Any) -> Any:
        return msgspec.structs.replace(decide(ask), status=503)

    monkeypatch.setattr(service.app.gateway, "begin", unavailable)
    assert service(f"/rest?jwt={TOKEN}")[0] == 403


def broken(ask: Any) -> Any:
    raise KeyError(ask.target)


async def broken_later(ask: Any) -> Any:
    await asyncio.sleep(0)
    raise KeyError(ask.target)


@pytest.mark.parametrize("fails", [broken, broken_later])
def test_whatever_fails_lets_nobody_in(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, fails: Any
) -> None:
    service = Service()
    monkeypatch.setattr(service.app.gateway, "begin", fails)
    with caplog.at_level(logging.INFO, "headway.gateway.service"):
        status, told, _ = service("/secret-place?jwt=1")
    assert (status, told["Headway-Decision"]) == (403, "decision-failed")
    assert "KeyError" in caplog.text
    assert "secret-place" not in caplog.text


OPEN = b'failing = "open"\n' + POLICY.lstrip()


@pytest.mark.parametrize("fails", [broken, broken_later])
def test_failing_open_is_a_setting_and_lets_no_token_in(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, fails: Any
) -> None:
    service = Service()
    uses: list[Use] = []
    gateway = Gateway(read_policy(OPEN), clock=lambda: WARNED, usage=uses.append)
    service.app.gateway = gateway
    monkeypatch.setattr(gateway, "begin", fails)
    status, told, _ = service(f"/rest?a&jwt={TOKEN}&JWT=x&b=1", ("x-api-key", "own"))
    assert (status, told["Headway-Target"]) == (204, "/rest?a&b=1")
    assert told["Headway-Outcome"] == "anonymous"
    assert (told["Headway-Decision"], told["Headway-Refusal"]) == ("failed-open", "decision-failed")
    assert "Headway-Set-Authorization" not in told
    assert told["Headway-Set-X-Api-Key"] == "own"
    assert [(use.location, use.outcome) for use in uses] == [("jwt", "failed-open")]
    assert "it failed open" in caplog.text
    assert "eyJ" not in caplog.text
    # a proxy that can not take it out of the URL refuses all the same
    assert service(f"/rest?jwt={TOKEN}", proxy="traefik")[0] == 403
    # and so does everybody where not even that can be done
    monkeypatch.setattr(gateway, "failed", broken)
    assert service(f"/rest?jwt={TOKEN}")[0] == 403


def test_what_is_awaited_is_answered_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    service = Service()
    at_once = service(f"/rest?jwt={TOKEN}")
    decide = service.app.gateway.current().adecide
    monkeypatch.setattr(service.app.gateway, "begin", decide)
    assert service(f"/rest?jwt={TOKEN}") == at_once


@pytest.mark.parametrize("value", ["JWT a\r\n b", "JWT a\nX: b", "JWT \0"])
def test_t33_a_header_that_would_be_two_lines_is_no_question(value: str) -> None:
    status, told, _ = Service()("/rest", ("authorization", value))
    assert (status, told["Headway-Decision"]) == (403, "header-malformed")


def test_a_policy_that_changed_is_read_anew() -> None:
    service = Service()
    assert "Headway-Set-X-New" not in service("/rest?new=1", ("x-new", "k"))[1]
    policy = read_policy(POLICY.replace(b"api_key", b"new").replace(b"X-Api-Key", b"X-New"))
    service.app.gateway = Gateway(policy, clock=lambda: WARNED)
    assert service("/rest?new=1", ("x-new", "k"))[0] == 401
    assert service("/rest", ("x-new", "k"))[1]["Headway-Set-X-New"] == "k"


def test_its_log_has_no_address(caplog: pytest.LogCaptureFixture) -> None:
    service = Service(OFF)
    with caplog.at_level(logging.INFO, "headway.gateway.service"):
        service(f"/place?jwt={TOKEN}")
        service("/place?a=1")
    assert caplog.messages == [
        "127.0.0.1 nginx 401 refuse token-in-query",
        "127.0.0.1 nginx 204 pass -",
    ]
    caplog.clear()
    with caplog.at_level(logging.WARNING, "headway.gateway.service"):
        service("/place")
    assert caplog.messages == []


def test_it_says_that_it_lives_to_anybody_and_is_nothing_but_http() -> None:
    assert Service().call("/health", [], ("192.0.2.1", 1))[0] == 200
    asyncio.run(Service().app({"type": "lifespan"}, None, None))  # type: ignore[arg-type]


def test_what_a_proxy_hands_on_whole_is_answered_for_the_client() -> None:
    path = "/.well-known/oauth-protected-resource/v2"
    policy = read_policy(POLICY)
    gateway = Gateway(policy, clock=lambda: WARNED)
    app = AuthorizationService(gateway, peers=["127.0.0.1"], own=OwnPaths(gateway))

    def ask(path: str, method: str = "GET", client: str = "127.0.0.1") -> tuple[int, Any, bytes]:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http", "path": path, "raw_path": path.encode(), "query_string": b"a=1",
            "method": method, "headers": [(b"X-Forwarded-For", b"192.0.2.1")],
            "client": (client, 1),
        }  # fmt: skip
        asyncio.run(app(scope, None, send))  # type: ignore[arg-type]
        return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]

    status, headers, body = ask(path)
    assert (status, json.loads(body)["resource"]) == (200, "https://api.test/v2")
    assert headers[b"content-length"] == str(len(body)).encode()
    assert ask(path, "HEAD") == (200, headers, b"")
    assert ask(path, client="192.0.2.9")[0] == 403
    assert json.loads(ask("/rest")[2])["id"] == "proxy-unknown"


def test_peers() -> None:
    peers = Peers(["10.0.0.0/8", "::1", "127.0.0.1"])
    assert "10.9.9.9" in peers
    assert "::ffff:10.0.0.1" in peers
    assert "11.0.0.1" not in peers
    assert "unix" not in peers
    for wrong in (["nobody"], ["10.0.0.1/8"], []):
        with pytest.raises(ConfigurationError, match="peer: "):
            Peers(wrong)
