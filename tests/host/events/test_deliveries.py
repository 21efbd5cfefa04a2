from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from headway.host.database import Database, open_database
from headway.host.events import deliveries as module
from headway.host.events.deliveries import Deliveries, Lane, Message, State, Try

MINE, OTHER = Lane("jira", "mine"), Lane("confluence", "other")
TRY = Try(time=5.0, at=50.0, status=204, said="")


@pytest.fixture
def database() -> Iterator[Database]:
    with open_database(None) as opened:
        yield opened


@pytest.fixture
def kept(database: Database) -> Deliveries:
    return Deliveries(database)


def message(lane: Lane = MINE, event: str = "e", **more: bool) -> Message:
    return Message(lane, "webhook", event, "http://127.0.0.1/", **more)  # type: ignore[arg-type]


def end(kept: Deliveries, lane: Lane = MINE, state: State = State.DELIVERED) -> None:
    found = kept.next(lane, 0.0)
    assert found is not None
    kept.tried(found[0], TRY, state)


def count(database: Database, table: str) -> int:
    with database.reading() as connection:
        return int(connection.scalar(sa.text(f"select count(*) from {table}")) or 0)  # noqa: S608


def test_the_oldest_that_is_due_is_next(kept: Deliveries) -> None:
    kept.add([message(event="one"), message(OTHER), message(event="two")], b"told", at=1.0)
    assert kept.due(0.0) == {MINE, OTHER}
    found = kept.next(MINE, 0.0)
    assert found is not None
    assert (found[0].event, found[1]) == ("one", b"told")
    kept.tried(found[0], TRY, State.PENDING, due=100.0)
    following = kept.next(MINE, 99.0)
    assert following is not None
    assert following[0].event == "two"
    kept.tried(following[0], TRY, State.DELIVERED)
    assert kept.next(MINE, 99.0) is None
    assert kept.due(99.0) == {OTHER}
    assert kept.next_date(99.0) == 100.0
    assert kept.next_date(100.0) is None
    again = kept.next(MINE, 100.0)
    assert again is not None
    assert (again[0].event, again[0].tries) == ("one", 1)


def test_a_body_is_kept_once_and_only_where_it_is_told(
    database: Database, kept: Deliveries
) -> None:
    kept.add([message(), message(OTHER), message(with_body=False)], b"told", at=1.0)
    assert count(database, "delivery_bodies") == 1
    end(kept)
    found = kept.next(MINE, 0.0)
    assert found is not None
    assert (found[0].body_id, found[1]) == (None, b"")
    kept.add([message(with_body=False)], b"told", at=1.0)
    assert count(database, "delivery_bodies") == 1


def test_what_was_tried_is_shown_the_newest_first(kept: Deliveries) -> None:
    kept.add([message(event="one"), message(event="two")], b"", at=1.0)
    end(kept)
    newest, oldest = kept.newest()
    assert (newest.delivery.event, newest.tries) == ("two", [])
    assert (oldest.delivery.event, oldest.tries) == ("one", [TRY])
    assert (oldest.delivery.ended, oldest.delivery.at) == (50.0, 1.0)
    assert [told.delivery.event for told in kept.newest(1)] == ["two"]


def test_what_was_given_up_is_listed_by_date(kept: Deliveries) -> None:
    kept.add([message(event="one"), message(OTHER), message(event="two")], b"told", at=1.0)
    end(kept, state=State.FAILED)
    end(kept, OTHER, State.FAILED)
    end(kept)
    assert [(delivery.event, body) for delivery, body in kept.failed(MINE, 49.0)] == [
        ("one", b"told")
    ]
    assert kept.failed(MINE, 50.0) == []


def test_it_can_be_sent_again(kept: Deliveries) -> None:
    kept.add([message()], b"", at=1.0)
    end(kept)
    (told,) = kept.newest()
    assert kept.send_again(told.delivery.id)
    assert not kept.send_again(99)
    assert not kept.send_again("x")
    assert kept.due(0.0) == {MINE}


def test_an_app_that_never_answers_fills_no_disk(
    database: Database, kept: Deliveries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PENDING_MAX", 3)
    monkeypatch.setattr(module, "KEPT", 2)
    for number in range(8):
        kept.add([message(event=str(number)), message(OTHER)], f"told {number}".encode(), at=1.0)
        end(kept, OTHER)
    states = [
        (told.delivery.app_key, told.delivery.event, told.delivery.state) for told in kept.newest()
    ]
    assert [row for row in states if row[2] == "pending"] == [
        ("mine", "7", "pending"),
        ("mine", "6", "pending"),
        ("mine", "5", "pending"),
    ]
    assert len([row for row in states if row[2] != "pending"]) == 2
    given_up = [told.tries[0].said for told in kept.newest() if told.delivery.state == "failed"]
    assert set(given_up) <= {"not sent: 3 newer ones wait for this app"}
    assert count(database, "delivery_bodies") <= 5
    assert count(database, "delivery_tries") == 2
