"""Counting: exact, bounded, apart for verified and claimed, and never in anybody's way."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import Any

import pytest

from headway.errors import StoreUnavailable
from headway.gateway.usage.counting import Bounds, UsageCounter
from headway.gateway.usage.record import OTHER, Record, day_of
from headway.gateway.usage.store import UsageStore
from headway.redact import contains_secret
from uses import DAY, NOW, Hands, use


class Kept:
    """A store that remembers what it was given, and may be down."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.batches: list[str] = []
        self.days: list[str] = []
        self.forgotten: list[str] = []
        self.down = 0
        self.loses_answers = False

    def add(self, records: list[Record], *, batch: str, days: tuple[str, ...]) -> bool:
        if self.down:
            self.down -= 1
            raise StoreUnavailable(found="down")
        new = batch not in self.batches
        if new:
            self.batches.append(batch)
            self.records += records
            self.days += days
        if self.loses_answers:
            self.loses_answers = False
            raise StoreUnavailable(found="the answer was lost")
        return new

    def forget(self, before: str) -> int:
        self.forgotten.append(before)
        return 0


def count_of(records: list[Record]) -> Counter[str]:
    total: Counter[str] = Counter()
    for record in records:
        total[record.client] += record.count
    return total


def test_one_record_says_all_that_is_counted(clock: Hands) -> None:
    kept = Kept()
    counter = UsageCounter(kept, clock=clock)
    counter(use())
    clock.at = NOW + 3 * 3600 + 5
    counter(use(also_header=True, target="/other"))
    counter(use(from_browser=True))
    assert counter.flush() == 1
    (record,) = kept.records
    assert (record.count, record.also_header, record.from_browser) == (3, 1, 1)
    assert (record.first, record.last) == (int(NOW), int(NOW) + 3 * 3600 + 5)
    assert record.hours == (1, 0, 0, 2, *[0] * 20)
    assert (record.day, record.sample) == ("2022-02-01", "/rest/1?jwt=REDACTED")
    assert record.verified
    assert counter.flush() == 0
    assert kept.days == ["2022-02-01"]


@pytest.mark.parametrize(
    "more",
    [
        {"client": "other"},
        {"verified": False},
        {"location": "key"},
        {"outcome": "refuse"},
        {"method": "POST"},
        {"route": "/x"},
        {"agent": "python"},
    ],
    ids=lambda more: next(iter(more)),
)
def test_what_tells_records_apart(clock: Hands, more: dict[str, Any]) -> None:
    kept = Kept()
    counter = UsageCounter(kept, clock=clock)
    counter(use())
    counter(use(**more))
    assert counter.flush() == 2


def test_a_clock_that_jumps_back_loses_nothing(clock: Hands) -> None:
    kept = Kept()
    counter = UsageCounter(kept, clock=clock)
    clock.at = NOW + 10
    counter(use())
    clock.at = NOW + 2
    counter(use())
    clock.at = NOW - 10
    counter(use())
    counter.flush()
    days = {record.day: record for record in kept.records}
    assert days["2022-02-01"].count == 2
    assert (days["2022-02-01"].first, days["2022-02-01"].last) == (int(NOW) + 2, int(NOW) + 10)
    assert days["2022-01-31"].count == 1


def test_a_day_on_which_nothing_came_is_a_day_on_which_somebody_counted(clock: Hands) -> None:
    kept = Kept()
    counter = UsageCounter(kept, clock=clock, keep_days=10)
    assert counter.flush() == 0
    assert counter.flush() == 0
    clock.at += DAY
    assert counter.flush() == 0
    assert kept.days == ["2022-02-01", "2022-02-02"]
    assert kept.forgotten == ["2022-01-22", "2022-01-23"]


# ---- bounds ---------------------------------------------------------------------------------


def test_100_000_claimed_clients_in_a_minute(clock: Hands) -> None:
    """They fill the records of claimed clients; verified ones are counted as if alone."""
    kept = Kept()
    bounds = Bounds(claimed=5_000)
    counter = UsageCounter(kept, clock=clock, bounds=bounds)
    for number in range(100_000):
        counter(use(f"invented-{number}", verified=False))
        if number % 10_000 == 0:
            clock.at += 5
            counter.flush()
            counter(use("acme"))
            counter(use("acme", verified=False))  # one that says it was acme
    counter.flush()
    total = count_of([record for record in kept.records if not record.verified])
    assert total.total() == 100_010  # every request is counted
    assert len(total) <= bounds.claimed + bounds.claimed // 10 + 1
    assert total[OTHER] > 90_000
    assert count_of([r for r in kept.records if r.verified]) == {"acme": 10}


def test_one_client_with_many_agents_fills_its_own_share_only(clock: Hands) -> None:
    kept = Kept()
    counter = UsageCounter(kept, clock=clock, bounds=Bounds(claimed=50, per_client=5))
    for number in range(100):
        counter(use("loud", verified=False, agent=f"agent-{number}"))
    counter(use("other", verified=False))
    counter.flush()
    loud = [record for record in kept.records if record.client == "loud"]
    assert len(loud) == 6
    (folded,) = [record for record in loud if record.agent == OTHER]
    assert (folded.route, folded.method, folded.count) == (OTHER, OTHER, 95)
    assert [r.agent for r in kept.records if r.client == "other"] == ["curl"]


def test_the_bound_is_for_a_day_whatever_is_flushed(clock: Hands) -> None:
    kept = Kept()
    counter = UsageCounter(kept, clock=clock, bounds=Bounds(verified=10, claimed=10))
    for number in range(30):
        counter(use(f"c{number}"))
        counter.flush()
    assert len(count_of(kept.records)) == 10 + 1 + 1
    assert kept.records[-1].client == OTHER
    assert kept.records[-1].sample == ""
    counter(use("c3"))
    counter.flush()
    assert kept.records[-1].client == "c3"  # known today
    clock.at += DAY
    counter(use("c29"))
    counter.flush()
    assert kept.records[-1].client == "c29"  # another day


def test_it_goes_on_with_other_settings(clock: Hands) -> None:
    kept = Kept()
    counter = UsageCounter(kept, clock=clock, bounds=Bounds(verified=100, claimed=1))
    for name in ("a", "b"):
        counter(use(name, verified=False))
    counter.settle(every=0.01, bounds=Bounds(verified=1, claimed=3, per_client=1), keep_days=2)
    for name in ("c", "d", "e"):
        counter(use(name, verified=False))
    counter.start()
    until = time.monotonic() + 30
    while not kept.records and time.monotonic() < until:
        time.sleep(0.005)
    counter.close()
    assert {each.client for each in kept.records} == {"a", "c", "d", OTHER}
    assert kept.forgotten == [day_of(clock.at - 2 * DAY)]


def test_texts_are_bounded_and_plain(clock: Hands) -> None:
    kept = Kept()
    counter = UsageCounter(kept, clock=clock)
    token = "eyJhbGciOiJIUzI1NiJ9." + "eyJpc3MiOiJhIn0." + "c2lnbmF0dXJlc2lnbmF0dXJl"
    counter(use("a\r\n\x00\ud800" + "b" * 900, agent="x" * 900, target=f"/a?jwt={token}"))
    counter.flush()
    (record,) = kept.records
    assert record.client.startswith("a" + "\N{REPLACEMENT CHARACTER}" * 4 + "bb")
    assert len(record.client) == 120
    assert not contains_secret(record.sample)


def test_a_client_that_calls_itself_by_a_token_has_no_token_in_its_record(clock: Hands) -> None:
    token = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJhIn0.c2lnbmF0dXJl"
    kept = Kept()
    counter = UsageCounter(kept, clock=clock)
    for _ in range(3):
        counter(use(token, route=f"/x/{token}", agent=token))
    counter.flush()
    (record,) = kept.records
    assert (record.count, record.client, record.route) == (3, "REDACTED", "/x/REDACTED")
    assert token[:20] not in repr(record)


# ---- the store does not answer --------------------------------------------------------------


def test_an_outage_loses_nothing(clock: Hands) -> None:
    kept = Kept()
    kept.down = 2
    counter = UsageCounter(kept, clock=clock)
    counter(use())
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            counter.flush()
        counter(use())
    assert counter.failures == 2
    assert counter.flush() == 2
    assert count_of(kept.records) == {"acme": 3}


def test_a_batch_whose_answer_was_lost_counts_once(clock: Hands) -> None:
    kept = Kept()
    kept.loses_answers = True
    counter = UsageCounter(kept, clock=clock)
    counter(use())
    with pytest.raises(StoreUnavailable):
        counter.flush()
    counter.flush()
    assert count_of(kept.records) == {"acme": 1}


def test_a_long_outage_stays_in_bounds(clock: Hands) -> None:
    kept = Kept()
    kept.down = 1
    counter = UsageCounter(kept, clock=clock, bounds=Bounds(verified=4, claimed=1))
    counter(use())
    with pytest.raises(StoreUnavailable):
        counter.flush()
    for day in range(50):
        clock.at = NOW + day * DAY
        counter(use())
    assert len(counter._open) <= 2 * (4 + 1) + 50
    assert len({key[3] for key in counter._open}) == 2
    counter.flush()
    assert count_of(kept.records).total() == 51


# ---- the thread -----------------------------------------------------------------------------


def test_batches_leave_by_themselves_and_the_last_one_at_the_end(
    clock: Hands, caplog: pytest.LogCaptureFixture
) -> None:
    kept = Kept()
    kept.down = 1
    counter = UsageCounter(kept, clock=clock, every=0.01)
    counter(use())
    counter.start()
    until = time.monotonic() + 10
    while not kept.records and time.monotonic() < until:
        time.sleep(0.005)
    assert count_of(kept.records) == {"acme": 1}
    assert "usage is kept in memory" in caplog.text
    counter(use())
    counter.close()
    assert count_of(kept.records) == {"acme": 2}


def test_threads_lose_no_count(clock: Hands, local: UsageStore) -> None:
    counter = UsageCounter(local, clock=clock)

    def work() -> None:
        for number in range(500):
            counter(use(f"c{number % 7}"))
            if number % 100 == 0:
                counter.flush()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counter.close()
    assert count_of(list(local.records())).total() == 2000


def test_what_it_tells_of_its_work(clock: Hands, local: UsageStore) -> None:
    counter = UsageCounter(local, clock=clock, bounds=Bounds(verified=1, claimed=1))
    for client in ("a", "b", "c", "c"):
        counter(use(client))
    assert (counter.waiting, counter.overflow, counter.batches) == (2, 3, 0)
    assert counter.flush() == 2
    assert (counter.waiting, counter.batches, counter.written) == (0, 1, 2)
