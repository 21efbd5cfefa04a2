from __future__ import annotations

from typing import Any

import pytest

from headway.errors import ConfigurationError
from headway.gateway.decision import Decision, Outcome
from headway.gateway.proxy.answers import Unserved
from headway.gateway.proxy.forwarding import Forwarder, returned
from headway.gateway.proxy.head import Incoming
from headway.gateway.proxy.settings import Forwarding, ProxySettings, Style
from proxy_run import running

PASS = Decision(outcome=Outcome.PASS, target="/")
FORGED = (
    ("x-forwarded-for", "6.6.6.6"), ("x-forwarded-proto", "https"), ("x-forwarded-host", "evil"),
    ("x-forwarded-prefix", "/evil"), ("forwarded", "for=6.6.6.6"), ("x-real-ip", "6.6.6.6"),
    ("x_forwarded_for", "6.6.6.6"), ("x-original-uri", "/evil"), ("x_original_method", "GET"),
    ("x-rewrite-url", "/evil"), ("headway-outcome", "pass"), ("headway_phase", "open"),
    ("true-client-ip", "6.6.6.6"),
)  # fmt: skip


def asks(*headers: tuple[str, str], nominated: frozenset[str] = frozenset()) -> Incoming:
    lines = (("host", "api.test"), *headers)
    return Incoming(
        method="GET",
        target="/",
        host="api.test",
        headers=lines,
        version="1.1",
        nominated=nominated,
    )


def sent(settings: Forwarding, *headers: tuple[str, str], peer: str = "203.0.113.9") -> Any:
    forwarder = Forwarder(settings, "https")
    return dict(forwarder.headers(asks(*headers), PASS, peer, "up.test:80"))


def test_t24_nothing_that_a_client_says_of_itself_is_believed() -> None:
    told = sent(Forwarding(), *FORGED)
    assert told == {
        "host": "up.test:80",
        "x-forwarded-for": "203.0.113.9",
        "x-forwarded-proto": "https",
        "x-forwarded-host": "api.test",
        "via": told["via"],
    }
    assert told["via"].startswith("1.1 headway-")
    assert set(sent(Forwarding(style=Style.NONE, via=""), *FORGED)) == {"host"}


def test_what_a_proxy_of_ours_says_is_believed() -> None:
    settings = Forwarding(believed=("10.0.0.0/8",), via="")
    told = sent(settings, *FORGED[:4], peer="10.0.0.1")
    assert told["x-forwarded-for"] == "6.6.6.6, 10.0.0.1"
    assert (told["x-forwarded-proto"], told["x-forwarded-host"]) == ("https", "evil")
    assert "x-forwarded-prefix" not in told
    forwarder = Forwarder(settings, "http")
    line = ("x-forwarded-for", "6.6.6.6, 203.0.113.9, 10.0.0.2")
    assert forwarder.client(asks(line), "10.0.0.1") == "203.0.113.9"
    assert forwarder.client(asks(line), "198.51.100.1") == "198.51.100.1"
    assert sent(settings, peer="10.0.0.1")["x-forwarded-proto"] == "https"


def test_rfc_7239() -> None:
    style = Style.FORWARDED
    assert sent(Forwarding(style=style))["forwarded"] == (
        'for=203.0.113.9;host="api.test";proto=https'
    )
    told = sent(Forwarding(style=style), *FORGED, peer="2001:db8::1")
    assert told["forwarded"] == 'for="[2001:db8::1]";host="api.test";proto=https'
    assert "x-forwarded-for" not in told
    believed = Forwarding(style=style, believed=("127.0.0.1",))
    assert sent(believed, ("forwarded", "for=a"), peer="127.0.0.1")["forwarded"].startswith(
        "for=a, for=127.0.0.1;"
    )


@pytest.mark.parametrize(
    ("host", "told"), [("upstream", "up.test:80"), ("keep", "api.test"), ("x.test", "x.test")]
)
def test_the_host_is_the_one_that_is_set(host: str, told: str) -> None:
    assert sent(Forwarding(host=host))["host"] == told


def test_this_hops_headers_end_here() -> None:
    forwarder = Forwarder(Forwarding(style=Style.NONE, via=""), "http")
    lines = [(name, "x") for name in (
        "connection", "keep-alive", "proxy-connection", "proxy-authorization", "te", "trailer",
        "transfer-encoding", "upgrade", "http2-settings", "x-hop",
    )]  # fmt: skip
    incoming = asks(*lines, ("a", "1"), ("a", "2"), nominated=frozenset({"x-hop"}))
    assert forwarder.headers(incoming, PASS, "", "up") == [("host", "up"), ("a", "1"), ("a", "2")]


def test_a_request_that_goes_in_a_circle_is_stopped() -> None:
    forwarder = Forwarder(Forwarding(), "http")
    once = dict(forwarder.headers(asks(("via", "1.0 other")), PASS, "", "up"))
    assert once["via"].startswith("1.0 other, 1.1 headway-")
    with pytest.raises(Unserved, match="upstream-loop"):
        forwarder.headers(asks(("via", once["via"])), PASS, "", "up")


def test_a_proxy_in_front_of_itself_says_508() -> None:
    with running() as first, running(instead=[f"http://{first.address}"]) as second:
        first.upstreams.all[0].port = int(second.address.rpartition(":")[2])
        assert first.ask("/").status == 508


def test_what_is_believed_is_a_network() -> None:
    with pytest.raises(ConfigurationError):
        Forwarder(Forwarding(believed=("everybody",)), "http")


def test_a_decision_changes_headers_both_ways() -> None:
    decision = Decision(
        outcome=Outcome.PASS,
        target="/",
        set_headers=(("authorization", "JWT t"),),
        remove_headers=("headway-phase",),
        answer_headers=(("Vary", "Authorization"), ("Cache-Control", "private")),
    )
    forwarder = Forwarder(Forwarding(style=Style.NONE, via=""), "http")
    lines = asks(("authorization", "Basic x"), ("headway-phase", "open"))
    assert forwarder.headers(lines, decision, "", "up") == [
        ("host", "up"),
        ("authorization", "JWT t"),
    ]
    told = (
        ("Connection", "X-Hop, Content-Length"), ("X-Hop", "1"), ("Content-Length", "2"),
        ("Cache-Control", "public, max-age=9"), ("Headway-Set-Cookie", "a"),
    )  # fmt: skip
    assert returned(decision, told) == (
        ("Content-Length", "2"),
        ("Vary", "Authorization"),
        ("Cache-Control", "max-age=9, private"),
    )


def test_upstream_sees_the_settings() -> None:
    settings = ProxySettings(forwarding=Forwarding(host="keep", via="edge"))
    with running(settings=settings) as proxy:
        got = proxy.got("/", "X-Forwarded-For: 6.6.6.6", "Via: 1.1 before")
        assert got.all("host") == ["api.test"]
        assert got.all("x-forwarded-for") == ["127.0.0.1"]
        assert got.all("via")[0].startswith("1.1 before, 1.1 edge-")
