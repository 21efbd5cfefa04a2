from __future__ import annotations

import uuid

import msgspec
import pytest

from headway.host.gate import Actor
from headway.host.rest import limits as module
from headway.host.rest.limits import WINDOW, Limits
from host.small_site import SmallSite

NOBODY = Actor(kind="anonymous")
UMA = Actor(kind="user", account_id="uma")


class Time:
    now = WINDOW * 10.0

    def __call__(self) -> float:
        return self.now


def test_each_caller_has_a_minute_of_their_own() -> None:
    time = Time()
    limits = Limits(lambda: 2, time)
    assert [limits.count(UMA).refused for _ in range(3)] == [False, False, True]
    assert not limits.count(NOBODY).refused
    time.now += 1.5
    verdict = limits.count(UMA)
    assert (verdict.refused, verdict.headers["Retry-After"]) == (True, "59")
    assert verdict.headers["X-RateLimit-Remaining"] == "0"
    time.now += WINDOW
    verdict = limits.count(UMA)
    assert (verdict.refused, verdict.headers["X-RateLimit-Remaining"]) == (False, "1")
    assert "Retry-After" not in verdict.headers


def test_no_limit_counts_nothing() -> None:
    limits = Limits(lambda: 0, Time())
    assert all(limits.count(UMA) == (False, {}) for _ in range(100))
    assert limits._counts == {}


def test_callers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CALLERS_MAX", 2)
    limits = Limits(lambda: 1, Time())
    callers = [Actor(kind="user", account_id=str(number)) for number in range(4)]
    assert [limits.count(one).refused for one in callers] == [False, False, False, True]
    assert len(limits._counts) == 3


def test_too_many_requests(site: SmallSite) -> None:
    site.settings = msgspec.structs.replace(site.settings, rate_limit=2)
    answers = [site.ask_signed("GET", "/rest/api/2/serverInfo") for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert answers[2].message == "Rate limit exceeded."
    assert 0 < int(answers[2].headers["retry-after"]) <= WINDOW
    assert answers[0].headers["x-ratelimit-remaining"] == "1"
    assert site.ask_signed("GET", "/rest/api/2/serverInfo", app="reader").status == 200


def test_each_answer_has_an_id(site: SmallSite) -> None:
    ids = {
        site.ask("GET", path).headers["x-arequestid"]
        for path in ("/rest/api/2/serverInfo", "/rest/api/2/myself", "/rest/api/2/nothing")
    }
    assert len({uuid.UUID(one) for one in ids}) == 3
    site.settings = msgspec.structs.replace(site.settings, request_id_header="")
    assert "x-arequestid" not in site.ask("GET", "/rest/api/2/serverInfo").headers
