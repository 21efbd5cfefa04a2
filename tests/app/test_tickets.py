"""Tickets: one route, one use, seconds to live, carrying the account (threat T12)."""

from __future__ import annotations

import base64
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from headway.app.tickets import (
    PARAMETER,
    SECONDS,
    Tickets,
    carries_ticket,
    without_ticket,
)
from headway.errors import PathNotNormal, ReplayCacheFull, TokenRepeated, TokensDiffer
from headway.model import RequestFacts
from headway.redact import redact, redact_url
from headway.refusals import TicketExpired, TicketMismatch, TicketUnknown
from headway.store.engine import open_engine
from headway.store.migrations import upgrade
from headway.store.once import SqlOnce
from headway.store.tickets import TICKET_BYTES

NOW = 1_700_000_000


class Kept:
    """A store in memory, whose contents a test may look at."""

    def __init__(self, room: int = 100) -> None:
        self.values: dict[bytes, tuple[bytes, int]] = {}
        self.room = room
        self.lock = threading.Lock()

    def put(self, key: bytes, value: bytes, until: int) -> None:
        with self.lock:
            if len(self.values) >= self.room:
                raise ReplayCacheFull(found=f"{self.room} live tokens")
            self.values[key] = value, until

    def take(self, key: bytes) -> bytes | None:
        with self.lock:
            return self.values.pop(key, (None, 0))[0]


class Clock:
    now = float(NOW)

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def store() -> Kept:
    return Kept()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tickets(store: Kept, clock: Clock) -> Tickets:
    return Tickets(store, app_key="my-app", clock=clock)


def a_link(tickets: Tickets, path: str = "/file", query: str = "id=5", **options: Any) -> str:
    told = {"client_key": "site", "account_id": "ann", "base_path": "/app"}
    return tickets.link(path, query, **{**told, **options})


def facts_of(link: str, method: str = "GET", **facts: Any) -> RequestFacts:
    path, _, query = link.partition("?")
    told = {"method": method, "raw_path": path, "raw_query": query, "base_path": "/app"}
    return RequestFacts(**{**told, **facts})


def test_a_ticket_carries_the_account_and_what_it_was_made_in(tickets: Tickets) -> None:
    link = a_link(tickets, context={"jira": {"issue": {"key": "A-1"}}})
    assert link.startswith(f"/app/file?id=5&{PARAMETER}=")
    ticket = tickets.take(facts_of(link))
    assert (ticket.client_key, ticket.account_id) == ("site", "ann")
    assert ticket.context == {"jira": {"issue": {"key": "A-1"}}}
    assert ticket.expires == NOW + SECONDS
    assert "ann" not in repr(ticket)


def test_a_link_to_an_address_without_a_query(tickets: Tickets) -> None:
    link = a_link(tickets, query="")
    assert link.startswith(f"/app/file?{PARAMETER}=")
    assert tickets.take(facts_of(link)).account_id == "ann"


def test_no_two_tickets_are_alike_and_each_has_192_bits(tickets: Tickets) -> None:
    texts = {a_link(tickets).rpartition("=")[2] for _ in range(50)}
    assert len(texts) == 50
    assert all(len(text) == 32 for text in texts)
    assert TICKET_BYTES * 8 >= 128


def test_a_ticket_works_once(tickets: Tickets) -> None:
    facts = facts_of(a_link(tickets))
    tickets.take(facts)
    with pytest.raises(TicketUnknown):
        tickets.take(facts)


def test_of_many_who_race_for_one_ticket_one_wins(tickets: Tickets) -> None:
    facts = facts_of(a_link(tickets))
    ready, won = threading.Barrier(8), []

    def race() -> None:
        ready.wait()
        with suppress(TicketUnknown):
            won.append(tickets.take(facts))

    racers = [threading.Thread(target=race) for _ in range(8)]
    for each in racers:
        each.start()
    for each in racers:
        each.join()
    assert len(won) == 1


def test_a_route_may_allow_several_uses_for_range_requests(tickets: Tickets) -> None:
    facts = facts_of(a_link(tickets, uses=3))
    for _ in range(3):
        assert tickets.take(facts, uses=3).account_id == "ann"
    with pytest.raises(TicketUnknown):
        tickets.take(facts, uses=3)


def test_several_uses_end_with_the_time(tickets: Tickets, clock: Clock) -> None:
    facts = facts_of(a_link(tickets, uses=3))
    tickets.take(facts, uses=3)
    clock.now += SECONDS
    with pytest.raises(TicketExpired):
        tickets.take(facts, uses=3)


@pytest.mark.parametrize(
    ("later", "good"), [(0, True), (SECONDS - 1, True), (SECONDS, False), (SECONDS + 600, False)]
)
def test_a_ticket_lives_for_seconds(tickets: Tickets, clock: Clock, later: int, good: bool) -> None:
    facts = facts_of(a_link(tickets))
    clock.now += later
    if good:
        assert tickets.take(facts).account_id == "ann"
    else:
        with pytest.raises(TicketExpired):
            tickets.take(facts)


OTHERS: dict[str, Callable[[str], RequestFacts]] = {
    "path": lambda link: facts_of(link.replace("/file", "/files")),
    "value": lambda link: facts_of(link.replace("id=5", "id=6")),
    "more": lambda link: facts_of(link + "&admin=1"),
    "less": lambda link: facts_of(link.replace("id=5&", "")),
}


@pytest.mark.parametrize("other", OTHERS)
def test_a_ticket_is_for_one_address_and_used_up_by_another(tickets: Tickets, other: str) -> None:
    link = a_link(tickets)
    with pytest.raises(TicketMismatch):
        tickets.take(OTHERS[other](link))
    with pytest.raises(TicketUnknown):
        tickets.take(facts_of(link))


@pytest.mark.parametrize("method", ["HEAD", "POST", "OPTIONS", "DELETE"])
def test_another_method_is_refused_and_keeps_the_ticket(tickets: Tickets, method: str) -> None:
    link = a_link(tickets)
    with pytest.raises(TicketMismatch):
        tickets.take(facts_of(link, method))
    assert tickets.take(facts_of(link)).account_id == "ann"


def test_a_ticket_beside_a_token_is_refused(tickets: Tickets) -> None:
    link = a_link(tickets)
    with pytest.raises(TokensDiffer):
        tickets.take(facts_of(link + "&jwt=x.y.z"))
    with pytest.raises(TokensDiffer):
        tickets.take(facts_of(link, authorization=("jwt x.y.z",)))
    assert tickets.take(facts_of(link, authorization=("Basic eDp5",))).account_id == "ann"


@pytest.mark.parametrize(
    "text",
    ["", "short", "a" * 31, "a" * 33, "a" * 31 + "=", "a" * 31 + "%41", "ä" * 32],
    ids=["none", "short", "31", "33", "padded", "escaped", "not ASCII"],
)
def test_what_is_no_ticket_is_unknown(tickets: Tickets, store: Kept, text: str) -> None:
    with pytest.raises(TicketUnknown):
        tickets.take(facts_of(f"/app/file?{PARAMETER}={text}"))
    with pytest.raises(TicketUnknown):
        tickets.take(facts_of("/app/file?id=5"))


def test_two_tickets_in_one_address_are_refused(tickets: Tickets) -> None:
    link = a_link(tickets)
    with pytest.raises(TokenRepeated):
        tickets.take(facts_of(f"{link}&{PARAMETER}={'a' * 32}"))


def test_a_ticket_of_another_app_is_unknown(store: Kept, clock: Clock) -> None:
    link = a_link(Tickets(store, app_key="other-app", clock=clock))
    with pytest.raises(TicketUnknown):
        Tickets(store, app_key="my-app", clock=clock).take(facts_of(link))


def test_a_link_has_one_reading(tickets: Tickets) -> None:
    with pytest.raises(PathNotNormal):
        a_link(tickets, "/file/../secret")


def test_a_full_store_refuses_new_tickets_and_drops_none(clock: Clock) -> None:
    store = Kept(room=1)
    tickets = Tickets(store, app_key="my-app", clock=clock)
    link = a_link(tickets)
    with pytest.raises(ReplayCacheFull) as refused:
        a_link(tickets)
    assert refused.value.status == 503
    assert tickets.take(facts_of(link)).account_id == "ann"


def test_a_store_dump_holds_no_ticket_and_tells_of_nobody(tickets: Tickets, store: Kept) -> None:
    link = a_link(tickets, context={"jira": {"issue": {"key": "A-1"}}})
    text = link.rpartition("=")[2].encode()
    dump = b"".join(key + value for key, (value, _) in store.values.items())
    for each in (text, base64.urlsafe_b64decode(link.rpartition("=")[2]), b"ann", b"site", b"A-1"):
        assert each not in dump
    assert len(store.values) == 1
    assert all(until == NOW + SECONDS for _, until in store.values.values())


def test_what_somebody_wrote_into_the_store_is_unknown(tickets: Tickets, store: Kept) -> None:
    one, other = a_link(tickets), a_link(tickets, query="id=6")
    (first, second) = store.values
    store.values[first], store.values[second] = store.values[second], store.values[first]
    for link in (one, other):
        with pytest.raises(TicketUnknown):
            tickets.take(facts_of(link))


def test_everything_that_redacts_knows_a_ticket(tickets: Tickets) -> None:
    link = a_link(tickets)
    text = link.rpartition("=")[2]
    assert text not in redact(f"GET {link} HTTP/1.1")
    assert text not in redact_url(f"https://app.example{link}")
    assert carries_ticket(link.partition("?")[2])
    assert without_ticket(link.partition("?")[2]) == "id=5"
    assert carries_ticket("headway%2Dticket=x")


# ---- two processes --------------------------------------------------------------------------

ROUNDS = 20


def test_two_processes_race_one_ticket_and_one_wins(tmp_path: Path) -> None:
    """T12, on the file that two processes of one machine share."""
    file = tmp_path / "app.db"
    engine = open_engine(file)
    upgrade(engine)
    tickets = Tickets(SqlOnce(engine), app_key="my-app", clock=time.time)
    command = [sys.executable, str(Path(__file__).with_name("race_ticket.py")), str(file)]
    racers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    links = []
    try:
        assert [_said(racer) for racer in racers] == ["ready"] * 2
        for number in range(ROUNDS):
            link = tickets.link("/file", f"id={number}", client_key="site", account_id="ann")
            links.append(link)
            for racer in racers:
                assert racer.stdin is not None
                racer.stdin.write(f"{link}\n")
                racer.stdin.flush()
            assert sorted(_said(racer) for racer in racers) == ["lost", "won"]
        kept = tickets.link("/file", "id=kept", client_key="site", account_id="ann")
    finally:
        for racer in racers:
            racer.communicate(timeout=30)
        engine.dispose()
    dump = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert not any(link.rpartition("=")[2].encode() in dump for link in [*links, kept])
    assert b"ann" not in dump


def _said(racer: subprocess.Popen[str]) -> str:
    assert racer.stdout is not None
    return racer.stdout.readline().strip()
