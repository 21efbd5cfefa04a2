from __future__ import annotations

import sys
from pathlib import Path

import pytest
from services import Redis

from headway.errors import ConfigurationError, ReplayCacheFull, TokenRepeated
from headway.refusals import TicketUnknown
from headway.store.once import OnceOnly, SqlOnce
from headway.store.tickets import (
    PARAMETER,
    TICKET_BYTES,
    TicketBox,
    carries_ticket,
    opening_once,
    ticket_in,
    without_ticket,
)

LATER = 4_000_000_000


class Kept(dict[bytes, bytes]):
    def put(self, key: bytes, value: bytes, until: int) -> None:
        self[key] = value

    def take(self, key: bytes) -> bytes | None:
        return self.pop(key, None)


def test_a_ticket_is_taken_as_often_as_it_says() -> None:
    box = TicketBox(Kept())
    once, twice = box.put(b"a", LATER), box.put(b"b", LATER, uses=2)
    assert TICKET_BYTES * 8 >= 128
    assert [box.take(once), box.take(once)] == [b"a", None]
    assert [box.take(twice, 2), box.take(twice, 2), box.take(twice, 2)] == [b"b", b"b", None]


@pytest.mark.parametrize("text", ["", "x", "x" * 31, "x" * 33, "x" * 31 + "=", "ü" * 32])
def test_what_is_no_ticket_asks_nobody(text: str) -> None:
    assert TicketBox(None).take(text) is None  # type: ignore[arg-type]


def test_tickets_of_two_kinds_never_meet() -> None:
    store = Kept()
    ticket = TicketBox(store, "one").put(b"a", LATER)
    assert TicketBox(store, "other").take(ticket) is None


def test_t12_what_is_kept_leads_nowhere_and_is_not_forged() -> None:
    store = Kept()
    box = TicketBox(store)
    ticket = box.put(b"Authorization: JWT token", LATER)
    [(key, value)] = store.items()
    assert b"token" not in value
    assert ticket.encode() not in key + value
    store[key] = value[:-1] + bytes([value[-1] ^ 1])
    assert box.take(ticket) is None


def test_the_parameter() -> None:
    ticket = "x" * 32
    assert ticket_in(f"a=1&{PARAMETER}={ticket}") == ticket
    assert without_ticket(f"a=%2F&{PARAMETER}={ticket}&&b") == "a=%2F&&b"
    assert carries_ticket(f"headway%2Dticket={ticket}")
    assert not carries_ticket("a=1&ticket=2")
    with pytest.raises(TokenRepeated):
        ticket_in(f"{PARAMETER}={ticket}&{PARAMETER}={ticket}")
    for query in ("", f"{PARAMETER}=short", f"headway%2Dticket={ticket}"):
        with pytest.raises(TicketUnknown):
            ticket_in(query)


def test_t12_memory_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="a store that all processes share"):
        opening_once(":memory:").__enter__()


def test_a_file_is_made_private_and_bounded(tmp_path: Path) -> None:
    file = tmp_path / "tickets.db"
    with opening_once(str(file), capacity=2) as store:
        box = TicketBox(store)
        kept = box.put(b"a", LATER)
        box.put(b"b", LATER)
        with pytest.raises(ReplayCacheFull):
            box.put(b"c", LATER)
        assert box.take(kept) == b"a"  # what lives is not dropped to make room
        assert isinstance(store, SqlOnce)
        assert store.first(OnceOnly(scope="a", digest="b", issued=1, until=LATER))
    assert file.stat().st_mode & 0o077 == 0


def test_redis() -> None:
    redis = Redis()
    try:
        with opening_once(redis.url) as store:
            box = TicketBox(store)
            ticket = box.put(b"a", LATER)
            assert [box.take(ticket), box.take(ticket)] == [b"a", None]
    finally:
        redis.close()


def test_redis_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "headway.store.redis", None)
    with pytest.raises(ConfigurationError, match="its extra redis"):
        opening_once("redis://127.0.0.1:1/0").__enter__()


def test_a_server_has_its_tables_from_somebody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr("headway.store.tickets.is_address", lambda where: True)
    monkeypatch.setattr("headway.store.tickets.check", lambda engine: asked.append("check"))
    monkeypatch.setattr("headway.store.tickets.open_engine", _engine)
    with opening_once("postgresql://a/b") as store:
        assert isinstance(store, SqlOnce)
    assert asked == ["check"]


def _engine(where: str) -> object:
    from headway.store.engine import open_engine

    return open_engine(":memory:")
