"""What goes wrong when it is told to, and what is then in the traffic."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from asking import Answer, ask

from headway.host.faults import Fault, Faults
from headway.host.settings import Settings
from headway.host.site import Site
from headway.http.server import HangUp
from headway.keys import RsaPublicKey
from host.small_site import BASE, MEDIA

HOST = ("Host", "localhost:2990")
MYSELF = "/rest/api/3/myself"
INFO = "/rest/api/3/serverInfo"


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site(Settings())
    made.bind_addresses(BASE, MEDIA)
    yield made
    asyncio.run(made.close())


def get(site: Site, target: str, *headers: tuple[str, str]) -> Answer:
    return ask(site.asgi(), "GET", target, [HOST, *headers])


def test_a_status_for_as_often_as_was_said(site: Site) -> None:
    site.faults.next(INFO, status=503, times=2, headers={"Retry-After": "1"}, body="busy")
    for _ in range(2):
        answer = get(site, INFO)
        assert (answer.status, answer.headers["retry-after"], answer.body) == (503, "1", b"busy")
    assert get(site, INFO).status == 200


def test_the_token_that_came_along_is_in_the_traffic(site: Site) -> None:
    token = ("Authorization", "JWT no-token")
    site.faults.next("/rest/api/*/myself", status=503)
    site.faults.next("/wiki/rest/api/*", status=504)
    assert get(site, MYSELF, token).status == 503
    assert get(site, "/wiki/rest/api/content", token).status == 504
    assert [(c.path, c.status, c.location) for c in site.traffic.all()] == [
        (MYSELF, 503, "header"),
        ("/wiki/rest/api/content", 504, "header"),
    ]


def test_methods_and_paths_that_do_not_fit_are_left_alone(site: Site) -> None:
    site.faults.next(INFO, status=503, method="post")
    site.faults.next("/rest/api/2/*", status=503)
    assert get(site, INFO).status == 200
    assert [fault.times for fault in site.faults.waiting] == [1, 1]
    site.faults.clear()
    assert site.faults.waiting == []


def test_a_slow_host_answers_in_the_end(site: Site) -> None:
    site.faults.next(INFO, seconds=0.05)
    began = time.monotonic()
    assert get(site, INFO).status == 200
    assert time.monotonic() - began >= 0.05


def test_half_a_body(site: Site) -> None:
    whole = get(site, INFO).body
    site.faults.next(INFO, bad_json=True)
    answer = get(site, INFO)
    assert answer.status == 200
    assert len(answer.body) in (len(whole) // 2, len(whole) // 2 - 1, len(whole) // 2 + 1)
    assert int(answer.headers["content-length"]) == len(answer.body)
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.body)


def test_half_of_a_body_in_parts(site: Site) -> None:
    """A file comes in pieces; the media host has faults too."""
    issue = site.world.tracker.issue("DEMO-2")
    assert issue is not None
    attachment = site.world.files.of("issue", issue.id)[0]
    site.faults.next("/file/*", bad_json=True)
    target = site.media.url(attachment).removeprefix(MEDIA)
    answer = ask(site.media_asgi(), "GET", target, [("Host", "127.0.0.1:2991")])
    assert len(answer.body) == attachment.size // 2


def test_a_connection_that_breaks(site: Site) -> None:
    site.faults.next(MYSELF, cut=True)
    with pytest.raises(HangUp):
        get(site, MYSELF, ("Authorization", "JWT no-token"))
    assert [c.path for c in site.traffic.all()] == [MYSELF]


def test_the_key_of_somebody_else(site: Site) -> None:
    kid, private = site.keys.current
    site.faults.next("/install-keys/*", wrong_key=True)
    wrong, right = (get(site, f"/install-keys/{kid}").body for _ in range(2))
    assert right == private.public_pem()
    assert wrong != right
    RsaPublicKey.from_pem(wrong)


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ({}, "says what goes wrong"),
        ({"status": 503, "cut": True}, "is one of"),
        ({"status": 99}, "from 200 to 599"),
        ({"status": 503, "times": 0}, "times is 1 or more"),
        ({"seconds": -1.0}, "seconds are 0 to"),
        ({"seconds": 1e9}, "seconds are 0 to"),
        ({"stauts": 503}, "unknown field `stauts`"),
        ({"status": "503"}, "Expected `int"),
    ],
)
def test_what_can_not_happen(what: dict[str, Any], says: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=says):
        Faults().next("/x", **what)


def test_they_are_bounded() -> None:
    faults = Faults()
    for _ in range(1000):
        faults.add(Fault(path="/x", cut=True))
    with pytest.raises(ValueError, match="1000 faults wait already"):
        faults.next("/x", cut=True)
