from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from headway.errors import SignatureInvalid, StoreUnavailable
from headway.gateway.decision import EXCEPTED, Ask, Outcome
from headway.gateway.parts import (
    Part,
    answer_of,
    end_of,
    header_of,
    refused,
    shown_target,
    target_of,
    use_of,
)
from headway.gateway.rules import RetiredLocation
from headway.model import Phase
from headway.policy import Brownout, Schedule
from headway.refusals import TokenLookalike

OFF = datetime(2022, 2, 1, tzinfo=UTC)
WINDOW = Brownout(datetime(2022, 1, 10, tzinfo=UTC), datetime(2022, 1, 11, tzinfo=UTC))
LONGER = Brownout(datetime(2022, 1, 10, tzinfo=UTC), datetime(2022, 1, 12, tzinfo=UTC))
DARK = datetime(2022, 1, 10, 12, tzinfo=UTC).timestamp()
JWT = RetiredLocation(
    name="jwt",
    parameters=("jwt",),
    scheme="JWT",
    schedule=Schedule(off=OFF, brownouts=(WINDOW, LONGER)),
)
ASK = Ask(method="GET", target="/rest/1?a=%2F&jwt=T&b", headers=(("user-agent", "curl/8"),))


def part(phase: Phase = Phase.WARNED, **more: Any) -> Part:
    location = msgspec.structs.replace(JWT, **more.pop("location", {}))
    return Part(location=location, phase=phase, **{"places": (1,), "client": "c", **more})


def test_the_target_without_some_of_its_parts() -> None:
    assert target_of(ASK, [1]) == "/rest/1?a=%2F&b"
    assert target_of(ASK, [0, 1, 2]) == "/rest/1"
    assert target_of(ASK, []) == ASK.target


def test_what_the_answer_says() -> None:
    assert answer_of(part(Phase.OPEN)) == ()
    told = dict(answer_of(part(location={"link": "https://docs.example", "warning": True})))
    assert told["Sunset"] == "Tue, 01 Feb 2022 00:00:00 GMT"
    assert told["Link"] == '<https://docs.example>; rel="deprecation"'
    assert told["Warning"] == f'299 - "{told["Headway-Hint"]}"'
    assert "Headway-Refusal" not in told
    assert dict(answer_of(part(Phase.OFF, counts=False)))["Headway-Refusal"] == "token-in-query"


def test_a_brownout_ends_with_its_last_window() -> None:
    assert end_of(JWT, Phase.BROWNOUT, DARK) == LONGER.end
    assert end_of(JWT, Phase.BROWNOUT, 0) is None
    assert end_of(JWT, Phase.OFF, DARK) is None


def test_a_header_as_people_write_it() -> None:
    assert header_of("x-api-key") == "X-Api-Key"


def test_a_refusal_says_what_to_do() -> None:
    stopped = part(
        Phase.BROWNOUT, until=LONGER.end, counts=False, location={"link": "https://docs.example"}
    )
    told = refused(ASK, stopped, (("Headway-Refusal", "x"), ("Sunset", "y")), (), ", more=1")
    assert (told.outcome, told.status, told.id) == (Outcome.REFUSE, 401, "token-in-query")
    assert told.answer_headers[0] == ("WWW-Authenticate", 'JWT realm="jwt", more=1')
    assert told.answer_headers[-2:] == (("Headway-Refusal", "token-in-query"), ("Sunset", "y"))
    assert told.target == "/rest/1?a=%2F&b"
    body = json.loads(told.body)
    assert body["until"] == LONGER.end.isoformat()
    assert body["off_at"] == OFF.isoformat()
    assert (body["phase"], body["link"]) == ("brownout", "https://docs.example")


def test_a_store_that_is_down_is_no_fault_of_the_token() -> None:
    always = {"schedule": Schedule(), "scheme": ""}
    told = refused(ASK, part(refusal=StoreUnavailable(), location=always), (), (), "")
    assert told.status == 503
    assert "WWW-Authenticate" not in dict(told.answer_headers)
    assert "off_at" not in json.loads(told.body)
    told = refused(ASK, part(refusal=SignatureInvalid(), location=always), (), (), "")
    assert dict(told.answer_headers)["WWW-Authenticate"] == 'Key realm="jwt"'


@pytest.mark.parametrize(
    ("more", "stopped", "outcome"),
    [
        ({}, None, "pass"),
        ({"counts": False}, None, "anonymous"),
        ({"refusal": SignatureInvalid()}, None, "signature-invalid"),
        ({}, part(), "refuse"),
        ({"notes": (TokenLookalike.id,)}, None, TokenLookalike.id),
        ({"notes": (EXCEPTED,)}, None, EXCEPTED),
        ({"notes": ("token-in-both",)}, None, "pass"),
    ],
)
def test_what_is_counted(more: dict[str, Any], stopped: Part | None, outcome: str) -> None:
    use = use_of(ASK, part(**more), "/rest/1", stopped=stopped)
    assert (use.outcome, use.agent, use.route, use.sample) == (
        outcome,
        "curl",
        "/rest/*",
        "/rest/1",
    )
    assert use.notes == more.get("notes", ())


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/rest/api/issue", "/rest/api/issue"),
        ("/rest/api/2/issue/DEMO-1", "/rest/api/*/issue/*"),
        ("/" + "a" * 33, "/*"),
        ("/a/b/c/d/e/f/g", "/a/b/c/d/e"),
        ("/a b\x1b", "/a b\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_routes_are_few(path: str, route: str) -> None:
    assert use_of(Ask(method="GET", target=path), part(), "", stopped=None).route == route


@pytest.mark.parametrize(
    ("agent", "product"),
    [
        ("curl/8.1 (x)", "curl"),
        ("A\x1b[2J/1", "A\N{REPLACEMENT CHARACTER}[2J"),
        ("x" * 99, "x" * 40),
    ],
)
def test_agents_are_few(agent: str, product: str) -> None:
    ask = Ask(method="GET", target="/", headers=(("user-agent", agent),))
    assert use_of(ask, part(), "", stopped=None).agent == product


def test_a_sample_has_no_token() -> None:
    target = target_of(ASK, [1])
    assert shown_target(ASK, [part()], target) == "/rest/1?a=%2F&b"
    stays = part(places=(), seen=(1,))
    assert shown_target(ASK, [stays], ASK.target) == "/rest/1?a=%2F&b"
    used = use_of(ASK, stays, "/rest/1?a=%2F&b", stopped=None)
    assert (used.target, used.sample) == ("/rest/1?a=%2F&b", "/rest/1?a=%2F&b")
