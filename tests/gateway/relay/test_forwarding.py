from __future__ import annotations

import h11
import pytest

from headway.gateway.decision import Decision, Outcome
from headway.gateway.relay.doors import BaseUrl, Place, Proxy
from headway.gateway.relay.forwarding import Forwarding
from headway.gateway.relay.refusals import Turned
from headway.gateway.relay.sites import read_site
from headway.gateway.wire import Ambiguous

SITE = read_site("https://site.example")
PLACE = Place(SITE, "/a")
PASS = Decision(outcome=Outcome.PASS, target="/a")
MOVED = Decision(
    outcome=Outcome.PASS, target="/a", set_headers=(("x-api-key", "T"),),
    remove_headers=("headway-phase",),
    answer_headers=(("Vary", "X-Api-Key"), ("Cache-Control", "private")),
)  # fmt: skip
BASE = BaseUrl(SITE, 8509)


def asked(*headers: tuple[bytes, bytes]) -> h11.Request:
    host = (b"host", b"SITE.example:443")
    return h11.Request(method=b"GET", target=b"/a?jwt=T", headers=[host, *headers])


def answer(*headers: tuple[bytes, bytes], status: int = 200) -> h11.Response:
    return h11.Response(status_code=status, headers=list(headers))


def test_a_request_has_the_moved_header_and_the_sites_name() -> None:
    forwarding = Forwarding(["x-api-key"])
    made = forwarding.request(
        asked((b"X-API-Key", b"old"), (b"Headway-Phase", b"off"), (b"Via", b"1.0 a"), (b"B", b"1")),
        PLACE, MOVED,
    )  # fmt: skip
    assert made.target == b"/a"
    assert list(made.headers.raw_items()) == [
        (b"Host", b"site.example"), (b"B", b"1"), (b"X-Api-Key", b"T"),
        (b"Via", b"1.0 a, 1.1 " + forwarding.name.encode()),
    ]  # fmt: skip


def test_what_connection_can_not_take_away() -> None:
    forwarding = Forwarding(["x-api-key"])
    for name in (b"x-api-key", b"Authorization", b"host"):
        with pytest.raises(Ambiguous):
            forwarding.request(asked((b"Connection", name)), PLACE, MOVED)


@pytest.mark.parametrize("name", [b"Authorization", b"X-API-Key"])
def test_t24_credentials_stand_once(name: bytes) -> None:
    with pytest.raises(Ambiguous, match="there twice"):
        Forwarding(["x-api-key"]).request(asked((name, b"1"), (name.lower(), b"2")), PLACE, PASS)


def test_a_circle_is_seen_and_another_relay_is_none() -> None:
    one, other = Forwarding([]), Forwarding([])
    first = one.request(asked(), PLACE, PASS)
    second = other.request(first, PLACE, PASS)
    for forwarding in (one, other):
        with pytest.raises(Turned, match="loop"):
            forwarding.request(second, PLACE, PASS)


def test_an_answer_to_a_moved_token_is_for_nobody_else() -> None:
    """T6: what was private by its address stays so."""
    forwarding = Forwarding([])
    via = (b"Via", b"1.1 " + forwarding.name.encode())
    shared = answer((b"Cache-Control", b"public, max-age=60"), (b"Connection", b"close"))
    assert forwarding.answer(shared, MOVED, PLACE, Proxy([SITE])) == [
        (b"Vary", b"X-Api-Key"), (b"Cache-Control", b"max-age=60, private"), via
    ]  # fmt: skip
    assert forwarding.answer(shared, PASS, PLACE, Proxy([SITE])) == [
        (b"Cache-Control", b"public, max-age=60"), via
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("location", "told"),
    [
        (b"https://site.example/b?jwt=x#y", b"http://127.0.0.1:8509/b?jwt=x#y"),
        (b"HTTPS://Site.example", b"http://127.0.0.1:8509"),
        (b"https://site.example?a", b"http://127.0.0.1:8509?a"),
        (b"https://site.example.evil.example/", None),
        (b"https://site.example:8443/", None),
        (b"https://site.example@evil.example/", None),
        (b"http://site.example/", None),
        (b"/b", None),
        (b"https://media.example/?token=x", None),
    ],
)
def test_only_the_sites_own_address_becomes_the_base_url(
    location: bytes, told: bytes | None
) -> None:
    redirect = answer((b"Location", location), status=302)
    forwarding = Forwarding([])
    assert forwarding.answer(redirect, PASS, PLACE, BASE)[0] == (b"Location", told or location)
    assert forwarding.answer(redirect, PASS, PLACE, Proxy([SITE]))[0] == (b"Location", location)


def test_a_websocket_is_asked_for_and_agreed_on() -> None:
    """``Upgrade`` is of one connection; it is said anew on the next."""
    forwarding = Forwarding([])
    lines = ((b"Upgrade", b"websocket"), (b"Connection", b"keep-alive, Upgrade"))
    made = forwarding.request(asked(*lines), PLACE, PASS)
    upgrade = [(b"Connection", b"Upgrade"), (b"Upgrade", b"websocket")]
    assert list(made.headers.raw_items())[-2:] == upgrade
    agreed = h11.InformationalResponse(status_code=101, headers=[(b"A", b"1"), *lines])
    assert forwarding.answer(agreed, MOVED, PLACE, BASE) == [(b"A", b"1"), *upgrade]
