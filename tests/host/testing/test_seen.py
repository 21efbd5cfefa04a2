"""Assertions on what crossed, and what they say when they fail."""

from __future__ import annotations

from typing import Any

import pytest

from headway.host.testing.seen import SHOWN, Seen
from headway.host.traffic import Crossing


def crossing(**fields: Any) -> Crossing:
    known = {"time": 0.0, "at": 0.0, "policy": "mine", "method": "GET", "verdict": "accepted"}
    return Crossing(**{"direction": "app->host", "path": "/rest/a?b=c", **known, **fields})


SEEN = Seen(
    [
        crossing(location="header", status=200),
        crossing(location="query", status=401, verdict="not inspected", refusal="token-in-query"),
        crossing(direction="host->app event", path="http://127.0.0.1/hook", location="header"),
    ]
)


def test_crossings_are_picked_by_their_fields() -> None:
    assert len(SEEN.of(direction="app->host")) == 2
    assert SEEN.of(location="query")[0].status == 401
    assert [each.path for each in SEEN.of(path="/rest/*")] == ["/rest/a?b=c"] * 2
    assert len(SEEN.of(path="/rest/a")) == 2
    assert not SEEN.of(location=None)
    with pytest.raises(TypeError, match="colour is no field of a crossing; there are time"):
        SEEN.of(colour="red")


def test_none_one_and_some() -> None:
    SEEN.none(location="form")
    assert SEEN.one(location="query").refusal == "token-in-query"
    assert len(SEEN.some(location="header")) == 2


def test_a_failure_can_be_read() -> None:
    with pytest.raises(AssertionError) as caught:
        SEEN.none(location="query")
    assert "location='query'" in str(caught.value)
    assert "app->host  query     not inspected  401     token-in-query" in str(caught.value)
    with pytest.raises(AssertionError) as caught:
        SEEN.one(location="header")
    assert "2 crossings" in str(caught.value)
    with pytest.raises(AssertionError, match="nothing crossed with status=500"):
        SEEN.some(status=500)


def test_many_are_shown_from_the_end() -> None:
    shown = repr(Seen([crossing(path=f"/{n}") for n in range(SHOWN + 5)]))
    assert shown.startswith(f"<{SHOWN + 5} crossings>")
    assert "and 5 before these" in shown
    assert f"/{SHOWN + 4}" in shown
