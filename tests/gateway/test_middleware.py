from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from headway.errors import ConfigurationError
from headway.gateway.decide import Gateway
from headway.gateway.decision import Decision, Outcome
from headway.gateway.middleware import AsgiGateway, WsgiGateway, answered
from headway.gateway.resource import ProtectedResource
from headway.gateway.rules import GatewayPolicy, OffMeans, RetiredLocation
from headway.gateway.usage.settings import UsageSettings
from headway.gateway.usage.store import open_usage
from headway.gateway.verifiers.jwks import JwksVerifier
from headway.gateway.verifiers.settings import TrustedIssuer, Verification, Verify
from headway.policy import Schedule
from uses import record

OFF = datetime(2022, 2, 1, tzinfo=UTC)
BEFORE, AFTER = OFF.timestamp() - 1, OFF.timestamp() + 1
ANNOUNCED = datetime(2021, 1, 1, tzinfo=UTC)
TRUSTED = TrustedIssuer(issuer="a", keys="http://127.0.0.1:1/k", audience=("api",))


def gateway(now: float = BEFORE, verify: Any = None, verifier: Any = None, **more: Any) -> Gateway:
    location = RetiredLocation(
        name="jwt", parameters=("jwt",), scheme="JWT",
        schedule=Schedule(announced=ANNOUNCED, off=OFF), **more,
    )  # fmt: skip
    policy = GatewayPolicy(name="api", locations=(location,), verify=verify or Verify())
    return Gateway(policy, clock=lambda: now, verifier=verifier)


class Seen:
    """An application, ASGI and WSGI in one, that keeps what it is asked."""

    def __init__(self, **headers: str) -> None:
        self.told = [(name.replace("_", "-"), value) for name, value in headers.items()]
        self.query = self.target = ""
        self.headers: dict[str, str] = {}

    async def asgi(self, scope: Any, receive: Any, send: Any) -> None:
        self.query = scope["query_string"].decode()
        self.headers = {n.decode(): v.decode() for n, v in scope["headers"]}
        raw = [(n.encode(), v.encode()) for n, v in self.told]
        await send({"type": "http.response.start", "status": 200, "headers": raw})
        await send({"type": "http.response.body", "body": b"the app's"})

    def wsgi(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        self.query, self.target = environ["QUERY_STRING"], environ["RAW_URI"]
        self.headers = {
            n[5:].lower().replace("_", "-"): v for n, v in environ.items() if n[:5] == "HTTP_"
        }
        start_response("200 OK", list(self.told))
        return [b"the app's"]


def through_asgi(seen: Seen, to: Gateway, method: str, url: str, headers: dict[str, str]) -> Any:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=AsgiGateway(seen.asgi, to))  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://h") as client:
            return await client.request(method, url, headers=headers)

    return asyncio.run(ask())


def through_wsgi(seen: Seen, to: Gateway, method: str, url: str, headers: dict[str, str]) -> Any:
    answer: dict[str, Any] = {}

    def start(status: str, told: list[tuple[str, str]]) -> None:
        answer.update(status_code=int(status[:3]), headers=httpx.Headers(told))

    environ = {
        "REQUEST_METHOD": method, "RAW_URI": url, "QUERY_STRING": url.partition("?")[2],
        "REMOTE_ADDR": "192.0.2.1",
        **{f"HTTP_{n.upper().replace('-', '_')}": v for n, v in headers.items()},
    }  # fmt: skip
    body = b"".join(WsgiGateway(seen.wsgi, to)(environ, start))
    return httpx.Response(**answer, content=body)


WAYS = pytest.mark.parametrize("through", [through_asgi, through_wsgi])


@WAYS
def test_a_token_is_moved(through: Any) -> None:
    seen = Seen(headway_phase="forged", Cache_Control="public, max-age=60", deprecation="@1")
    answer = through(
        seen, gateway(), "GET", "/r?a=%2F&jwt=T&b", {"Headway-Phase": "forged", "X-A": "1"}
    )
    assert (answer.status_code, answer.content) == (200, b"the app's")
    assert seen.query == "a=%2F&b"
    assert seen.target in ("", "/r?a=%2F&b")
    assert seen.headers["authorization"] == "JWT T"
    assert seen.headers["x-a"] == "1"
    assert "headway-phase" not in seen.headers
    assert answer.headers.get_list("headway-phase") == ["announced"]
    assert answer.headers.get_list("cache-control") == ["max-age=60, private"]
    assert answer.headers.get_list("deprecation") == ["@1609459200"]
    assert answer.headers["vary"] == "Authorization"


@WAYS
def test_off_goes_on_without_credentials(through: Any) -> None:
    seen = Seen()
    answer = through(seen, gateway(AFTER), "GET", "/r?jwt=T", {})
    assert (answer.status_code, seen.query) == (200, "")
    assert "authorization" not in seen.headers
    assert answer.headers["headway-refusal"] == "token-in-query"


@WAYS
def test_a_refusal_is_the_gateways(through: Any) -> None:
    seen = Seen()
    answer = through(seen, gateway(AFTER, off_means=OffMeans.REFUSE), "GET", "/r?jwt=T", {})
    assert (answer.status_code, seen.headers) == (401, {})
    assert json.loads(answer.content)["id"] == "token-in-query"
    assert answer.headers["www-authenticate"].startswith("JWT ")
    assert answer.headers["content-length"] == str(len(answer.content))


@WAYS
def test_a_request_without_a_token_is_left_alone(through: Any) -> None:
    seen = Seen(Cache_Control="public", headway_outcome="forged")
    answer = through(seen, gateway(), "GET", "/r", {"Authorization": "JWT H"})
    assert (seen.query, seen.headers["authorization"]) == ("", "JWT H")
    assert answer.headers["cache-control"] == "public"
    assert "headway-outcome" not in answer.headers


# ---- CORS -----------------------------------------------------------------------------------

PREFLIGHT = {"Origin": "https://a.example", "Access-Control-Request-Method": "GET"}


@WAYS
def test_t32_a_header_is_allowed_where_the_app_allowed_the_origin(through: Any) -> None:
    allowing = Seen(access_control_allow_origin="*", access_control_allow_headers="X-A, X-B")
    answer = through(allowing, gateway(), "OPTIONS", "/r?jwt=T", PREFLIGHT)
    assert answer.headers.get_list("access-control-allow-headers") == ["X-A, X-B, authorization"]
    again = Seen(access_control_allow_origin="*", access_control_allow_headers="Authorization")
    answer = through(again, gateway(), "OPTIONS", "/r", PREFLIGHT)
    assert answer.headers["access-control-allow-headers"] == "Authorization"
    answer = through(Seen(), gateway(), "OPTIONS", "/r", PREFLIGHT)
    assert "access-control-allow-headers" not in answer.headers
    overridden = {**PREFLIGHT, "X-HTTP-Method-Override": "GET"}
    answer = through(allowing, gateway(AFTER), "OPTIONS", "/r?jwt=T", overridden)
    assert answer.headers["access-control-allow-headers"] == "X-A, X-B"


@pytest.mark.parametrize(
    ("before", "after"),
    [("", "private"), ("no-store", "no-store"), ("Private, max-age=1", "Private, max-age=1"),
     ("s-maxage=9, max-age=1", "max-age=1, private")],
)  # fmt: skip
def test_t6_no_shared_cache_keeps_what_a_token_made_private(before: str, after: str) -> None:
    moved = Decision(
        outcome=Outcome.PASS, target="/", answer_headers=(("Cache-Control", "private"),)
    )
    assert answered(moved, (("Cache-Control", before),)) == (("Cache-Control", after),)


# ---- what only one of the two has -----------------------------------------------------------


def test_a_websocket() -> None:
    messages: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert dict(scope["headers"])[b"authorization"] == b"JWT T"
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close"})

    async def send(message: Any) -> None:
        messages.append(message)

    scope = {
        "type": "websocket", "raw_path": b"/ws", "query_string": b"jwt=T", "headers": [],
        "client": ("192.0.2.1", 1),
    }  # fmt: skip
    asyncio.run(AsgiGateway(app, gateway())(scope, None, send))  # type: ignore[arg-type]
    assert (b"headway-phase", b"announced") in messages[0]["headers"]
    messages.clear()
    refusing = gateway(AFTER, off_means=OffMeans.REFUSE)
    asyncio.run(AsgiGateway(app, refusing)(scope, None, send))  # type: ignore[arg-type]
    assert messages == [{"type": "websocket.close", "code": 1008}]


def test_what_is_no_request_passes() -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    asyncio.run(AsgiGateway(app, gateway())({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert seen == ["lifespan"]


def test_key_sets_are_fetched_on_a_loop_of_its_own() -> None:
    to = gateway(
        verify=Verify(by=Verification.JWKS, issuers=(TRUSTED,)), verifier=JwksVerifier([TRUSTED])
    )
    for _ in range(2):
        answer = through_wsgi(Seen(), to, "GET", "/r?jwt=T", {})
        assert answer.status_code == 401


def test_a_server_without_raw_targets_is_told() -> None:
    with pytest.raises(ConfigurationError):
        WsgiGateway(Seen().wsgi, gateway())({"REQUEST_METHOD": "GET"}, lambda *_: None)


def test_a_request_uri_is_changed_too() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        return [environ["REQUEST_URI"].encode()]

    environ = {"REQUEST_METHOD": "GET", "REQUEST_URI": "/r?jwt=T&a", "QUERY_STRING": "jwt=T&a"}
    assert WsgiGateway(app, gateway())(environ, lambda *_: None) == [b"/r?a"]


WELL_KNOWN = "/.well-known/oauth-protected-resource"


@pytest.mark.parametrize("through", [through_asgi, through_wsgi])
def test_metadata_are_answered_here(through: Any) -> None:
    seen = Seen()
    resources = (ProtectedResource("https://api.example"),)
    policy = GatewayPolicy(name="api", locations=gateway().policy.locations, resources=resources)
    to = Gateway(policy, clock=lambda: BEFORE)
    answer = through(seen, to, "GET", WELL_KNOWN, {})
    assert (answer.status_code, answer.json()["resource"]) == (200, "https://api.example")
    assert answer.headers["content-length"] == str(len(answer.content))
    bare = through(seen, to, "HEAD", WELL_KNOWN, {})
    assert (bare.status_code, bare.content) == (200, b"")
    assert bare.headers["content-length"] == answer.headers["content-length"]
    assert through(seen, to, "DELETE", WELL_KNOWN, {}).status_code == 405
    assert through(seen, gateway(), "GET", WELL_KNOWN, {}).content == b"the app's"


class Proves:
    """Any token is acme's."""

    def __init__(self) -> None:
        self.keys, self.replay = self, None

    def find(self, need: object) -> None:
        return None

    def proving(self, token: str, request: object, now: float) -> Any:
        yield from ()
        return "acme"


def test_a_client_reads_its_own_record_there() -> None:
    """The token is moved for the application, and has to stand in the header here."""
    usage = UsageSettings(own_path="/usage")
    issuers = Verify(by=Verification.JWKS, issuers=(TRUSTED,))
    connect = Verify(by=Verification.CONNECT, installations="a.json", client_key="site")
    store = open_usage(":memory:")
    store.add([record("acme", at=time.time(), count=3)], batch="1", days=["2022-02-01"])
    told: list[Any] = []
    for verify in (issuers, connect):  # awaited on a loop of its own, and not
        policy = GatewayPolicy(
            name="api", locations=gateway().policy.locations, usage=usage, verify=verify
        )
        app = WsgiGateway(Seen().wsgi, Gateway(policy, verifier=Proves()), usage=store)
        environ = {"REQUEST_METHOD": "GET", "RAW_URI": "/usage", "QUERY_STRING": ""}
        signed = {**environ, "HTTP_AUTHORIZATION": "JWT T"}
        body = b"".join(app(signed, lambda status, headers: told.append(status)))
        assert json.loads(body)["locations"][0]["count"] == 3
        app({**environ, "RAW_URI": "/usage?jwt=T"}, lambda status, headers: told.append(status))
    assert told == ["200 OK", "401 Unauthorized"] * 2
    store.close()
