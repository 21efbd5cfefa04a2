from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h11
import pytest

from headway.gateway.proxy.answers import ANSWERS, Unserved
from headway.gateway.proxy.head import check_bytes, read_head
from headway.gateway.proxy.settings import Limits, ProxySettings, Timeouts
from proxy_run import Running, running, until

FORMS: list[dict[str, Any]] = tomllib.loads(
    Path(__file__).with_name("smuggling.toml").read_text("utf-8")
)["form"]
HOST = b"Host: api.test\r\n"


def read(head: bytes, limits: Limits | None = None) -> Any:
    return read_head(head, h11.Connection(h11.SERVER), limits or Limits(), {"authorization"})


@pytest.fixture(scope="module")
def proxy() -> Iterator[Running]:
    settings = ProxySettings(timeouts=Timeouts(body=0.3))
    with running(settings=settings) as opened:
        yield opened


def test_t24_the_corpus_is_one() -> None:
    assert len(FORMS) >= 40
    assert len({form["name"] for form in FORMS}) == len(FORMS)


@pytest.mark.parametrize("form", FORMS, ids=[form["name"].replace(" ", "-") for form in FORMS])
def test_t24_a_request_with_two_readings_goes_nowhere(proxy: Running, form: dict[str, Any]) -> None:
    del proxy.upstream.heard[:]
    with proxy.wire() as wire:
        wire.send(form["send"])
        told = [wire.told() for _ in form["answers"]]
        assert [each.status for each in told] == form["answers"]
        if "id" in form:
            # Refused: with the id that says why, and nothing more is read on the connection.
            assert f'"id": "{form["id"]}"'.encode() in told[0].body
            assert told[0].all("connection") == ["close"]
            assert wire.rest() == b""
            assert form["upstream"] == []
        else:
            # Taken: the connection stands where the client thinks it does.
            last = wire.send("GET /last HTTP/1.1\r\nHost: api.test\r\nConnection: close\r\n\r\n")
            assert last.told().status == 200
            assert wire.rest() == b""
    expected = [*form["upstream"], *([] if "id" in form else [["GET", "/last", ""]])]
    got = [[each.method, each.target, each.body.decode("latin-1")] for each in proxy.upstream.heard]
    assert got == expected
    for each in proxy.upstream.heard:
        assert len(each.all("host")) == 1
        assert each.all("authorization") == each.all("upgrade-insecure") == []
        assert not {"trailer", "te", "http2-settings"} & {name for name, _ in each.headers}


def test_t24_what_is_refused_is_known_by_its_id() -> None:
    assert {form["id"] for form in FORMS if "id" in form} <= set(ANSWERS)


@pytest.mark.parametrize(
    ("head", "wrong"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r", None),  # the LF may still come
        (b"GET / HTTP/1.1\r\nHost: a\rb", "line-end-malformed"),
        (b"GET / HTTP/1.1\nHost", "line-end-malformed"),
        (b"GET / HTTP/1.1\r\n Host", "header-folded"),
        (b"\x16\x03\x01\x02\x00", "control-character"),  # TLS where none is spoken
    ],
)
def test_what_is_wrong_is_known_before_the_head_is_whole(head: bytes, wrong: str | None) -> None:
    if wrong is None:
        check_bytes(head)
        return
    with pytest.raises(Unserved, match=wrong):
        check_bytes(head)


def test_a_request_is_read() -> None:
    head = b"PUT /a?b=%2F HTTP/1.1\r\nHost: API.test:8080\r\nContent-Length: 2\r\n"
    got = read(head + b"Expect: 100-continue\r\nConnection: x-hop, close\r\n\r\n")
    assert (got.method, got.target, got.host) == ("PUT", "/a?b=%2F", "API.test:8080")
    assert got.has_body
    assert got.awaits_continue
    assert not got.websocket
    assert got.nominated == {"x-hop", "close"}
    assert repr(got) == "<PUT /a>"
    old = read(b"POST / HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n")
    assert not old.awaits_continue
    assert read(b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n").target == "*"


def test_a_websocket_is_told_from_every_other_upgrade() -> None:
    key = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    asks = b"GET / HTTP/1.1\r\n" + HOST + b"Connection: keep-alive, Upgrade\r\n" + key
    assert read(asks + b"Upgrade: WebSocket\r\n\r\n").websocket
    assert not read(asks + b"Upgrade: h2c\r\n\r\n").websocket
    assert not read(asks.replace(b", Upgrade", b"") + b"Upgrade: websocket\r\n\r\n").websocket


def test_limits_hold() -> None:
    limits = Limits(headers=2, target=10, body=5)
    assert read(b"GET /23456789 HTTP/1.1\r\n" + HOST + b"A: b\r\n\r\n", limits).target
    for head, wrong in (
        (b"GET /2345678901 HTTP/1.1\r\n" + HOST + b"\r\n", "target-too-long"),
        (b"GET / HTTP/1.1\r\n" + HOST + b"A: b\r\nA: c\r\n\r\n", "head-too-large"),
        (b"PUT / HTTP/1.1\r\n" + HOST + b"Content-Length: 6\r\n\r\n", "body-too-large"),
    ):
        with pytest.raises(Unserved, match=wrong):
            read(head, limits)


def test_half_a_head_is_none() -> None:
    with pytest.raises(Unserved, match="request-malformed"):
        read(b"GET / HTTP/1.1\r\nHost: a\r\n")


def test_t24_the_head_of_megabytes_is_refused_before_it_is_there() -> None:
    with running() as proxy:
        before = proxy.upstream.connections
        for head, status in (
            (b"GET /?" + b"a" * (1 << 20), 414),  # a query of 1 MB
            (b"GET / HTTP/1.1\r\n" + HOST + b"A: " + b"b" * (1 << 20), 431),  # a header of 1 MB
            (b"GET / HTTP/1.1\r\n" + HOST + b"A: b\r\n" * 200_000, 431),  # and a bomb of them
            (b"GET / HTTP/1.1\r\n" + HOST + b"A: b\r\n" * 200 + b"\r\n", 431),
        ):
            with proxy.wire() as wire:
                wire.send(head[:200_000])
                assert wire.told().status == status
        assert proxy.upstream.connections == before
        until(lambda: proxy.ask("/").status == 200)
