"""Reports: who is left, the trend, who came back, and the gate."""

from __future__ import annotations

from typing import Any

import pytest

from headway.gateway.usage.record import OTHER, Record
from headway.gateway.usage.report import clients_of, gate, trend
from uses import DAY, NOW, record


def on(day: int, client: str = "acme", **more: Any) -> Record:
    return record(client, at=NOW + day * DAY, **more)


def test_who_is_left_busiest_first() -> None:
    records = [
        on(-40, "old", count=500),
        on(-10, "acme", count=5, method="POST"),
        on(0, "acme", count=2, also_header=1, from_browser=2, sample="/a", agent="python"),
        on(0, "busy", count=9, outcome="token-expired"),
        on(0, "busy", count=1, verified=False),
        on(0, "busy", count=8, outcome="excepted"),
        on(9, "future"),
    ]
    clients = clients_of(records, now=NOW, days=30)
    assert [(c.client, c.verified, c.recent) for c in clients] == [
        ("busy", True, 9),
        ("acme", True, 7),
        ("busy", False, 1),
        ("old", True, 0),
    ]
    acme, old = clients[1], clients[3]
    assert (acme.count, acme.active_days, acme.also_header, acme.from_browser) == (7, 2, 1, 2)
    assert acme.methods == ("POST", "GET")
    assert acme.agents == ("curl", "python")
    assert acme.sample == "/a"
    assert clients[0].outcomes == {"token-expired": 9}
    assert (old.before, old.first) == (500, int(NOW - 40 * DAY))
    assert clients_of(records, now=NOW, location="key") == ()


def test_the_window_ends_today() -> None:
    (client,) = clients_of([on(-2), on(-1), on(0)], now=NOW + 100, days=2)
    assert (client.recent, client.before) == (2, 1)


@pytest.mark.parametrize(
    ("days", "back"),
    [
        ((0,), None),
        ((-14, 0), None),
        ((-15, 0), "2022-02-01"),
        ((-60, -40, -1, 0), "2022-01-31"),
    ],
)
def test_who_came_back(days: tuple[int, ...], back: str | None) -> None:
    (client,) = clients_of([on(day) for day in days], now=NOW)
    assert client.came_back == back


def test_trend_by_week_with_the_empty_ones() -> None:
    records = [on(0), on(1, "b", count=4), on(2, "b", verified=False), on(21)]
    records.append(on(0, outcome="token-lookalike"))
    records.append(on(0, location="key"))
    weeks = [week for week in trend(records) if week.location == "jwt"]
    assert [(w.start, w.verified_clients, w.claimed_clients, w.requests) for w in weeks] == [
        ("2022-01-31", 2, 1, 6),
        ("2022-02-07", 0, 0, 0),
        ("2022-02-14", 0, 0, 0),
        ("2022-02-21", 1, 0, 1),
    ]
    assert len(trend(records, location="key")) == 1


WATCHED = ("2022-01-30", "2022-01-31", "2022-02-01")


def test_the_gate_is_shut_while_a_verified_client_is_left() -> None:
    shut = gate([on(-2)], location="jwt", now=NOW, days=3, watched=WATCHED)
    assert not shut.open
    assert [client.client for client in shut.left] == ["acme"]
    assert (shut.since, shut.until) == ("2022-01-30", "2022-02-01")
    assert gate([on(-3)], location="jwt", now=NOW, days=3, watched=WATCHED).open
    assert gate([on(0)], location="key", now=NOW, days=3, watched=WATCHED).open
    assert gate([on(0, outcome="excepted")], location="jwt", now=NOW, days=3, watched=WATCHED).open


def test_a_claimed_client_can_not_keep_the_gate_shut() -> None:
    """Anybody can write any name into a token: it is told, and holds nothing up."""
    records = [on(0, verified=False), on(0, OTHER, verified=False)]
    result = gate(records, location="jwt", now=NOW, days=3, watched=WATCHED)
    assert result.open
    assert result.claimed == 1
    strict = gate(records, location="jwt", now=NOW, days=3, watched=WATCHED, claimed_too=True)
    assert not strict.open


def test_days_on_which_nobody_counted_are_no_evidence() -> None:
    result = gate([on(0, location="key")], location="jwt", now=NOW, days=3, watched=WATCHED[:1])
    assert result.unwatched == ("2022-01-31",)
    assert not result.open
