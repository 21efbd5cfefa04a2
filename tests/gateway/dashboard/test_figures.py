from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.dashboard.boards import POLICY
from headway.gateway.dashboard.figures import (
    CLIENTS_MAX,
    READ_DAYS,
    SHOWN_DAYS,
    WEEKS,
    figures,
    since,
)
from headway.gateway.policy_file import read_policy
from headway.gateway.rules import GatewayPolicy
from headway.gateway.usage.record import Record, day_of
from headway.gateway.usage.store import UsageStore, open_usage
from headway.model import Phase
from uses import DAY, NOW, record


def policy(text: str = POLICY) -> GatewayPolicy:
    return read_policy(text.encode())


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# ---- where a location stands ----------------------------------------------------------------


def test_the_spans_of_a_location_are_its_phases_one_after_the_other() -> None:
    jwt, key = figures(policy(), [], watched=[], now=NOW).retirements
    assert (jwt.phase, jwt.next) == (Phase.WARNED, moment("2022-02-10T06:00:00"))
    assert [(span.phase, span.start, span.now) for span in jwt.spans] == [
        (Phase.OPEN, moment("2021-08-02"), False),  # a month before all dates
        (Phase.ANNOUNCED, moment("2021-09-01"), False),
        (Phase.WARNED, moment("2021-11-01"), True),
        (Phase.BROWNOUT, moment("2022-02-10T06:00:00"), False),
        (Phase.WARNED, moment("2022-02-10T18:00:00"), False),
        (Phase.OFF, moment("2022-06-01"), False),
    ]
    assert [span.end for span in jwt.spans] == [*(span.start for span in jwt.spans[1:]), None]
    assert (key.phase, key.next, key.instead) == (Phase.OPEN, None, "X-Api-Key: ...")
    assert [(span.phase, span.end) for span in key.spans] == [(Phase.OPEN, None)]
    assert jwt.instead == "Authorization: JWT ..."


def test_a_rehearsal_shows_when_it_happens_here() -> None:
    told = figures(policy(f'rehearsal = "14d"\n{POLICY}'), [], watched=[], now=NOW)
    jwt = told.retirements[0]
    assert jwt.phase is Phase.WARNED  # the brownout of 10 February was on 27 January
    assert jwt.next == moment("2022-05-18")
    assert [span.phase for span in jwt.spans if span.now] == [Phase.WARNED]
    assert told.windows[-1].start == moment("2022-05-18")


def test_a_shared_brownout_says_for_how_many_and_an_extension_for_whom() -> None:
    more = '[[location.extension]]\nclient = "slow"\nuntil = 2022-07-01\nowner = "ann"\n'
    text = POLICY.replace("share = 1.0\n", f'share = 0.25\n\n{more}reason = "a release"\n')
    jwt = figures(policy(text), [], watched=[], now=NOW).retirements[0]
    assert [span.share for span in jwt.spans if span.phase is Phase.BROWNOUT] == [0.25]
    assert [(each.client, each.owner) for each in jwt.extensions] == [("slow", "ann")]


def test_a_pause_ends_the_time_line() -> None:
    pause = '[location.paused]\nsince = 2022-01-15\nwho = "ann"\nwhy = "a week"\n'
    text = POLICY.replace("[[location.brownout]]", f"{pause}\n[[location.brownout]]")
    told = figures(policy(text), [], watched=[], now=NOW)
    jwt = told.retirements[0]
    assert (jwt.phase, jwt.next, jwt.paused and jwt.paused.who) == (Phase.PAUSED, None, "ann")
    assert [span.phase for span in jwt.spans][-2:] == [Phase.WARNED, Phase.PAUSED]
    assert jwt.spans[-1].now
    assert told.next_brownout is None
    assert told.windows == ()


# ---- what was counted -----------------------------------------------------------------------


def steady(client: str, days: int = 28, count: int = 24, **more: object) -> list[Record]:
    return [
        record(client, at=NOW - n * DAY, count=count, hours=(count // 24,) * 24, **more)
        for n in range(1, days + 1)
    ]


def test_requests_by_location_and_day() -> None:
    records = [
        record(at=NOW, count=3),
        record(at=NOW - DAY, count=4, location="key"),
        record(at=NOW - DAY, count=5, outcome="excepted"),  # no use of it
        record(at=NOW - 2 * DAY, count=6, location="of another policy"),
        record(at=NOW - SHOWN_DAYS * DAY, count=7),
    ]
    days = figures(policy(), records, watched=["2022-01-29"], now=NOW).days
    assert len(days) == SHOWN_DAYS
    assert (days[0].day, days[-1].day) == (day_of(NOW - (SHOWN_DAYS - 1) * DAY), "2022-02-01")
    assert [(day.requests, day.watched) for day in days[-5:]] == [
        ((0, 0), False),  # nobody counted, which is not nothing
        ((0, 0), True),
        ((0, 0), True),
        ((0, 4), True),
        ((3, 0), True),
    ]


def test_clients_left_who_came_back_and_who_is_silent() -> None:
    records = [
        *steady("acme"),
        record("old", at=NOW - 40 * DAY),
        record("again", at=NOW - 50 * DAY),
        record("again", at=NOW - DAY),
    ]
    told = figures(policy(), records, watched=[], now=NOW)
    assert [(client.client, client.came_back) for client in told.left] == [
        ("acme", None),
        ("again", "2022-01-31"),
    ]
    assert [client.client for client in told.silent] == ["old"]
    many = [record(f"client-{n}", at=NOW - DAY) for n in range(CLIENTS_MAX + 2)]
    told = figures(policy(), many, watched=[], now=NOW)
    assert (len(told.clients), told.more_clients) == (CLIENTS_MAX, 2)


def test_weeks_are_the_last_ones() -> None:
    old = record(at=NOW - 7 * (WEEKS + 1) * DAY)
    told = figures(policy(), [old, record(at=NOW)], watched=[], now=NOW)
    assert [(week.start, week.verified_clients) for week in told.weeks] == [("2022-01-31", 1)]


def test_what_became_of_requests_by_id_with_what_it_means() -> None:
    records = [
        record(count=3, outcome="token-expired"),
        record("b", count=2, outcome="token-expired", verified=False),
        record(outcome="anonymous", count=9),
        record(outcome="refuse"),
        record(outcome="failed-open", count=2),
        record(outcome="of-a-later-release", count=4),
        record(outcome="pass"),
        record(outcome="excepted"),
        record(outcome="token-repeated", at=NOW - 30 * DAY),
    ]
    told = figures(policy(), records, watched=[], now=NOW).results
    assert [(each.id, each.requests, each.clients, each.verified) for each in told] == [
        ("anonymous", 9, 1, 1),
        ("token-expired", 5, 2, 1),
        ("of-a-later-release", 4, 1, 1),
        ("failed-open", 2, 1, 1),
        ("refuse", 1, 1, 1),
    ]
    assert told[0].title == "went on without credentials"
    assert told[1].title == "the token has expired"
    assert told[1].hint
    assert told[2].title == ""


def test_the_next_brownout_is_the_plans() -> None:
    told = figures(policy(), [*steady("acme"), *steady("b", verified=False)], watched=[], now=NOW)
    brownout = told.next_brownout
    assert brownout is not None
    assert [(each.client, each.requests) for each in brownout.clients] == [("acme", 12), ("b", 12)]
    assert [window.kind for window in told.windows] == ["brownout", "off"]
    several = "".join(
        f"[[location.brownout]]\nstart = 2022-03-{n:02}\nend = 2022-03-{n:02}T12:00:00Z\n\n"
        for n in range(1, 15)
    )
    text = POLICY.replace("[[location.brownout]]", f"{several}[[location.brownout]]", 1)
    told = figures(policy(text), [], watched=[], now=NOW)
    assert (len(told.windows), told.more_windows) == (12, 4)


# ---- of a real store ------------------------------------------------------------------------


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[UsageStore]:
    where = str(tmp_path / "data" / "usage.db")
    if request.param == "postgresql":
        where = request.getfixturevalue("postgresql").new_database()
    opened = open_usage(where)
    yield opened
    opened.close()


def test_the_numbers_of_a_real_store(store: UsageStore) -> None:
    """Two nodes counted: what is shown is their sum, in both databases."""
    for node in ("one", "two"):
        records = [
            *steady("acme"),
            *steady("left", days=READ_DAYS + 20)[40:],
            record("bad", at=NOW - DAY, outcome="token-expired", count=7),
        ]
        store.add(records, batch=node, days=sorted({each.day for each in records}))
    read = list(store.records(since=since(NOW)))
    assert min(each.day for each in read) == day_of(NOW - READ_DAYS * DAY)
    assert sum(store.sizes(since=since(NOW)).values()) == len(read)
    assert sum(store.sizes().values()) > len(read)
    told = figures(policy(), read, watched=store.days(), now=NOW)
    assert [(client.client, client.recent) for client in told.left] == [
        ("acme", 28 * 48),
        ("bad", 14),
    ]
    assert [client.client for client in told.silent] == ["left"]
    assert told.days[-2].requests == (48 + 14, 0)
    assert [(each.id, each.requests) for each in told.results] == [("token-expired", 14)]
    brownout = told.next_brownout
    assert brownout is not None
    assert [(each.client, each.requests) for each in brownout.clients] == [("acme", 24)]
