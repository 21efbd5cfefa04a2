"""A token in a header for a URL of seconds (threat T12)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from headway.errors import ReplayCacheFull
from headway.gateway.decide import Gateway
from headway.gateway.decision import Ask, Decision, Outcome
from headway.gateway.middleware import AsgiGateway, WsgiGateway
from headway.gateway.policy_file import read_policy
from headway.gateway.tickets.trading import OwnAnswers, TicketGateway
from headway.model import TokenText
from headway.ports import KeySource, ReplayCache, Steps

NOW = 1_700_000_000.0
POLICY = b"""
name = "api"
[[location]]
name = "jwt"
parameters = ["jwt"]
scheme = "JWT"
off = 2022-02-01
[[location]]
name = "key"
parameters = ["api_key"]
header = "X-Api-Key"
scheme = ""
[tickets]
store = "tickets.db"
origins = ["https://a.example"]
"""
TOKEN = ("authorization", "JWT eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJhIn0.c2lnbmF0dXJl")
ORIGIN = ("origin", "https://a.example")


class Kept(dict[bytes, bytes]):
    full = False

    def put(self, key: bytes, value: bytes, until: int) -> None:
        if self.full:
            raise ReplayCacheFull(found="2 live tokens")
        self[key] = value

    def take(self, key: bytes) -> bytes | None:
        return self.pop(key, None)


class Both:
    """Decides at once, or on a loop: the same."""

    def __init__(self, at_once: bool, policy: bytes = POLICY, **told: Any) -> None:
        self.now = NOW
        self.at_once = at_once
        self.store: Kept | None = Kept()
        self.inner = Gateway(read_policy(policy), clock=lambda: self.now, **told)
        self.gateway = TicketGateway(self.inner, self.store, clock=lambda: self.now)

    def decide(self, ask: Ask) -> Decision:
        if self.at_once:
            return self.gateway.decide(ask)
        return asyncio.run(self.gateway.adecide(ask))

    def asks(self, target: str, *headers: tuple[str, str], method: str = "GET") -> Decision:
        return self.decide(Ask(method=method, target=target, headers=headers, peer="127.0.0.1"))

    def trade(self, target: str, *headers: tuple[str, str]) -> Decision:
        path = f"/headway/ticket?for={quote(target, safe='')}"
        return self.asks(path, *(headers or (TOKEN,)), method="POST")

    def url(self, target: str, *headers: tuple[str, str]) -> str:
        told = self.trade(target, *headers)
        assert told.status == 201, told.body
        return str(json.loads(told.body)["url"])


@pytest.fixture(params=[True, False], ids=["at once", "on a loop"])
def both(request: pytest.FixtureRequest) -> Both:
    return Both(request.param)


def test_a_token_is_traded_for_a_url_that_works_once(both: Both) -> None:
    told = both.trade("/rest/file?id=5&b=%2F", TOKEN, ORIGIN)
    assert (told.outcome, told.status) == (Outcome.ANSWER, 201)
    assert dict(told.answer_headers) == {
        "Content-Type": "application/json",
        "Cache-Control": "no-store",
        "Vary": "Origin",
        "Access-Control-Allow-Origin": "https://a.example",
    }
    answer = json.loads(told.body)
    assert answer["seconds"] == 30
    assert answer["url"].startswith("/rest/file?id=5&b=%2F&headway-ticket=")
    first = both.asks(answer["url"])
    assert first.outcome is Outcome.PASS
    assert first.target == "/rest/file?id=5&b=%2F"
    assert first.set_headers == (TOKEN,)
    assert ("Vary", "Authorization") in first.answer_headers
    assert ("Cache-Control", "private") in first.answer_headers
    assert ("Referrer-Policy", "no-referrer") in first.answer_headers
    second = both.asks(answer["url"])
    assert (second.outcome, second.status, second.id) == (Outcome.REFUSE, 401, "ticket-unknown")
    assert second.set_headers == ()


def test_a_target_without_a_query_and_another_header(both: Both) -> None:
    url = both.url("/file", ("x-api-key", "secret"))
    assert url.startswith("/file?headway-ticket=")
    told = both.asks(url)
    assert (told.target, told.set_headers) == ("/file", (("x-api-key", "secret"),))


def test_t12_a_store_dump_holds_no_token(both: Both) -> None:
    url = both.url("/rest/file?id=5")
    assert both.store is not None
    dump = b"".join(key + value for key, value in both.store.items())
    for secret in (TOKEN[1], TOKEN[1].partition(" ")[2], url.rpartition("=")[2], "/rest/file"):
        assert secret.encode() not in dump


@pytest.mark.parametrize(
    "change",
    [
        lambda url: url.replace("id=5", "id=6"),
        lambda url: url.replace("id=5", "id=%35"),
        lambda url: url.replace("/rest/file", "/rest/other"),
        lambda url: url.replace("/rest/file", "/rest/./file"),
        lambda url: url.replace("?", "?&"),
        lambda url: url + "&x=1",
    ],
    ids=["value", "escape", "path", "dot", "empty part", "more"],
)
def test_a_ticket_is_for_one_address_and_used_up_by_another(
    both: Both, change: Callable[[str], str]
) -> None:
    url = both.url("/rest/file?id=5")
    told = both.asks(change(url))
    assert (told.status, told.id) == (401, "ticket-mismatch")
    assert both.asks(url).id == "ticket-unknown"


@pytest.mark.parametrize("method", ["HEAD", "POST", "OPTIONS"])
def test_another_method_is_refused_and_keeps_the_ticket(both: Both, method: str) -> None:
    url = both.url("/rest/file")
    assert both.asks(url, method=method).id == "ticket-mismatch"
    assert both.asks(url, ("range", "bytes=0-")).outcome is Outcome.PASS


def test_a_token_beside_a_ticket_is_refused_and_keeps_it(both: Both) -> None:
    url = both.url("/rest/file")
    assert both.asks(url, TOKEN).id == "tokens-differ"
    assert both.asks(f"{url}&jwt=x").id == "tokens-differ"
    assert both.asks(url, ("x-api-key", "x")).id == "tokens-differ"
    assert both.asks(url, ("authorization", "Basic x")).outcome is Outcome.PASS


def test_seconds_and_uses(both: Both) -> None:
    url = both.url("/rest/file")
    both.now += 30
    assert both.asks(url).id == "ticket-expired"
    more = Both(both.at_once, POLICY.replace(b'"tickets.db"', b'"tickets.db"\nuses = 3'))
    url = more.url("/video")
    told = [more.asks(url, ("range", f"bytes={n}-")).outcome for n in range(4)]
    assert told == [Outcome.PASS, Outcome.PASS, Outcome.PASS, Outcome.REFUSE]


def test_t12_full_is_a_503(both: Both) -> None:
    assert both.store is not None
    both.store.full = True
    told = both.trade("/rest/file", TOKEN, ORIGIN)
    assert (told.status, told.outcome) == (503, Outcome.REFUSE)
    assert ("Access-Control-Allow-Origin", "https://a.example") in told.answer_headers


@pytest.mark.parametrize(
    "query",
    [
        "", "for=", "url=%2Fa", "for=%2Fa&x=1", "for=a", "for=%2F%2Fevil.test", "for=%2Fa+b",
        "for=%2Fa%20b", "for=https%3A%2F%2Fevil.test", "for=%2Fa%2F..%2Fb", "for=%2Fa%0D%0AX%3Ab",
        "for=%2Fa%27", "for=%2Fa%3Fb%27", "for=%2Fa%23b", "for=%2F%C3%A9", "for=%2Fa%3F",
        f"for=%2F{'a' * 8192}", "for=%2F%5Cevil", "for=%2Fa%3Bb",
    ],
)  # fmt: skip
def test_no_ticket_for_what_a_browser_asks_for_in_another_way(both: Both, query: str) -> None:
    told = both.asks(f"/headway/ticket?{query}", TOKEN, method="POST")
    assert (told.status, told.id) == (400, "ticket-target-refused")


def test_no_ticket_for_a_target_with_a_token(both: Both) -> None:
    for query in ("jwt=x", "a=1&api_key=x", "headway-ticket=x"):
        assert both.trade(f"/rest/file?{query}").id == "tokens-differ"


def test_no_ticket_without_a_token_in_the_header(both: Both) -> None:
    for headers in ([("a", "b")], [("authorization", "Basic x")], [("authorization", "")]):
        told = both.trade("/rest/file", *headers)
        assert (told.status, told.id) == (401, "token-missing")
        assert dict(told.answer_headers)["WWW-Authenticate"] == 'JWT realm="api"'
    two = both.trade("/rest/file", TOKEN, ("authorization", "JWT other"))
    assert two.status == 401
    assert both.trade("/rest/file", ("x-api-key", "x" * 16_385)).id == "tokens-differ"


def test_browsers_ask_first(both: Both) -> None:
    told = both.asks("/headway/ticket", ORIGIN, method="OPTIONS")
    headers = dict(told.answer_headers)
    assert told.status == 204
    assert headers["Access-Control-Allow-Headers"] == "authorization, x-api-key"
    assert headers["Access-Control-Allow-Methods"] == "POST"
    assert headers["Access-Control-Allow-Origin"] == "https://a.example"
    for origin in ("https://evil.example", "null", "https://a.example.evil"):
        told = both.asks("/headway/ticket", ("origin", origin), method="OPTIONS")
        assert "Access-Control-Allow-Origin" not in dict(told.answer_headers)
    told = both.asks("/headway/ticket", ORIGIN, ORIGIN, method="GET")
    assert (told.status, dict(told.answer_headers)["Allow"]) == (405, "POST, OPTIONS")
    assert "Access-Control-Allow-Origin" not in dict(told.answer_headers)


def test_where_there_are_none_the_gateway_decides_alone(both: Both) -> None:
    without = POLICY.partition(b"[tickets]")[0]
    plain = Both(both.at_once, without)
    url = both.url("/file")
    assert plain.asks(url).target == url
    assert plain.asks("/headway/ticket?for=%2Fa", TOKEN, method="POST").outcome is Outcome.PASS
    unopened = TicketGateway(both.inner, None)
    assert unopened.decide(Ask(method="GET", target=url)).target == url
    assert both.asks("/file?a=1").target == "/file?a=1"
    assert unopened.policy is both.inner.policy
    assert unopened.verifiers == both.inner.verifiers


def test_what_the_gateway_refuses_a_ticket_does_not_save() -> None:
    refusing = POLICY.replace(b"off = 2022-02-01", b'off = 2022-02-01\nlook_alikes = "refuse"')
    both = Both(True, refusing)
    url = both.url("/file?JWT=x")
    assert both.asks(url).outcome is Outcome.REFUSE


class Proves:
    """Takes a token for one target."""

    keys: KeySource = None  # type: ignore[assignment]
    replay: ReplayCache | None = None

    def claimed(self, token: str) -> str | None:
        return None

    def close(self) -> None:
        """Nothing was opened."""

    def proving(self, token: TokenText, request: Any, now: float) -> Steps[str]:
        from headway.errors import QshMismatch

        if (request.method, request.raw_path, request.raw_query) != ("GET", "/file", "id=5"):
            raise QshMismatch(expected="another request")
        return "acme"
        yield


def test_a_token_is_verified_for_the_request_that_the_ticket_is_for(both: Both) -> None:
    proved = Both(both.at_once)
    proved.gateway = TicketGateway(
        Gateway(read_policy(POLICY), verifier={"jwt": Proves()}),  # type: ignore[arg-type]
        proved.store,
        clock=lambda: NOW,
    )
    assert proved.trade("/file?id=5").status == 201
    told = proved.trade("/file?id=6")
    assert (told.status, told.id) == (401, "qsh-mismatch")


def test_who_answers_proxies_knows_tickets() -> None:
    both = Both(True)
    url = both.url("/file?id=5")
    now = both.gateway.current()
    assert now is both.gateway
    assert now.may_hold(url.partition("?")[2])
    assert now.may_hold("jwt=x")
    assert not now.may_hold("id=5")
    assert isinstance(now.begin(Ask(method="GET", target="/file?id=5")), Decision)
    later = now.begin(Ask(method="GET", target=url))
    assert not isinstance(later, Decision)
    assert asyncio.run(_awaited(later)).set_headers == (TOKEN,)
    own = OwnAnswers(both.gateway)
    assert asyncio.run(own.aanswer(Ask(method="GET", target="/file"))) is None
    asks = Ask(method="POST", target="/headway/ticket?for=%2Fa", headers=(TOKEN,))
    told = asyncio.run(own.aanswer(asks))
    assert told is not None
    assert told.status == 201
    assert now.failed(Ask(method="GET", target=url)) is None


async def _awaited(later: Any) -> Decision:
    decision: Decision = await later
    return decision


def test_a_policy_that_is_read_anew_keeps_its_tickets() -> None:
    both = Both(True)
    first, second = (Gateway(read_policy(POLICY), clock=lambda: NOW) for _ in range(2))

    class Reloads:
        policy = first.policy
        verifiers = first.verifiers
        gateway = first

        def current(self) -> Gateway:
            return self.gateway

        def decide(self, ask: Ask) -> Decision:
            return self.gateway.decide(ask)

        async def adecide(self, ask: Ask) -> Decision:
            return await self.gateway.adecide(ask)

    inner = Reloads()
    trades = TicketGateway(inner, both.store, clock=lambda: NOW)
    before = trades.current()
    assert trades.current() is before
    inner.gateway = second
    assert trades.current() is not before
    url = both.url("/file")
    assert trades.current().decide(Ask(method="GET", target=url)).set_headers == (TOKEN,)


def test_where_a_decision_failed_open_a_ticket_goes_no_further() -> None:
    both = Both(True, POLICY.replace(b'name = "api"', b'name = "api"\nfailing = "open"', 1))
    url = both.url("/file?id=5")
    told = both.gateway.failed(Ask(method="GET", target=url))
    assert told is not None
    assert told.target == "/file?id=5"


def test_tickets_in_an_applications_own_process(both: Both) -> None:
    seen: list[Any] = []
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append((scope["query_string"], dict(scope["headers"])[b"authorization"]))

    async def send(message: Any) -> None:
        sent.append(message)

    def asked(method: str, target: str, *headers: tuple[bytes, bytes]) -> None:
        path, _, query = target.encode().partition(b"?")
        scope = {
            "type": "http",
            "method": method,
            "raw_path": path,
            "query_string": query,
            "headers": list(headers),
        }
        asyncio.run(AsgiGateway(app, both.gateway)(scope, None, send))  # type: ignore[arg-type]

    token = (b"authorization", TOKEN[1].encode())
    asked("POST", "/headway/ticket?for=%2Ffile%3Fid%3D5", token)
    url = json.loads(sent[1]["body"])["url"]
    asked("GET", url)
    asked("GET", url)
    assert seen == [(b"id=5", TOKEN[1].encode())]
    assert sent[2]["status"] == 401


def test_and_by_wsgi() -> None:
    both = Both(True)
    url = both.url("/file?id=5")
    told: list[str] = []

    def app(environ: dict[str, Any], start: Any) -> list[bytes]:
        return [environ["QUERY_STRING"].encode(), environ["HTTP_AUTHORIZATION"].encode()]

    environ = {
        "REQUEST_METHOD": "GET",
        "RAW_URI": url,
        "QUERY_STRING": url.partition("?")[2],
        "SERVER_PROTOCOL": "HTTP/1.1",
    }
    gateway = WsgiGateway(app, both.gateway)
    answers = [gateway(dict(environ), lambda status, *_: told.append(status)) for _ in range(2)]
    assert list(answers[0]) == [b"id=5", TOKEN[1].encode()]
    assert told == ["401 Unauthorized"]
