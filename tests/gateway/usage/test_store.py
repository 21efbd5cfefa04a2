"""The store of usage on SQLite and PostgreSQL: counters merge, and none is lost."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
import services
import sqlalchemy as sa

from headway.errors import ConfigurationError, StoreUnavailable
from headway.gateway.usage.counting import UsageCounter
from headway.gateway.usage.store import UsageStore, open_usage
from headway.store.engine import open_engine
from uses import DAY, NOW, Hands, record, use

TODAY = ["2022-02-01"]
NODE = Path(__file__).with_name("counts.py")


def count_of(store: UsageStore) -> Counter[str]:
    total: Counter[str] = Counter()
    for each in store.records():
        total[each.client] += each.count
    return total


def test_records_merge(store: UsageStore) -> None:
    early = record(count=2, hours=(2, *[0] * 23), first=int(NOW), last=int(NOW) + 5)
    late = record(
        count=3,
        hours=(0, 3, *[0] * 22),
        also_header=1,
        from_browser=2,
        first=int(NOW) + 4,
        last=int(NOW) + 9,
        sample="/a",
    )
    assert store.add([late], batch="1", days=TODAY)
    assert store.add([early, record("other", verified=False)], batch="2", days=TODAY)
    acme, other = store.records()
    acme, other = (acme, other) if acme.verified else (other, acme)
    assert acme.count == 5
    assert acme.hours == (2, 3, *[0] * 22)
    assert (acme.also_header, acme.from_browser, acme.sample) == (1, 2, "/a")
    assert (acme.first, acme.last) == (int(NOW), int(NOW) + 9)
    assert other == record("other", verified=False)


def test_a_batch_that_is_sent_again_counts_once(store: UsageStore) -> None:
    assert store.add([record()], batch="1", days=TODAY)
    assert not store.add([record()], batch="1", days=TODAY)
    assert count_of(store) == {"acme": 1}


def test_verified_and_claimed_are_two_records(store: UsageStore) -> None:
    """Whoever writes somebody else's name into a token changes no verified figure."""
    store.add([record(count=7)], batch="1", days=TODAY)
    store.add([record(count=1000, verified=False)], batch="2", days=TODAY)
    (verified,) = store.records(verified=True, client="acme")
    assert verified.count == 7
    (claimed,) = store.records(verified=False, client="acme")
    assert claimed.count == 1000


def test_what_is_asked_for(store: UsageStore) -> None:
    for day in range(3):
        at = NOW + day * DAY
        some = record(at=at), record(at=at, location="key")
        store.add(some, batch=f"{day}", days=[some[0].day])
    assert len(list(store.records(since="2022-02-02"))) == 4
    assert len(list(store.records(since="2022-02-02", until="2022-02-02"))) == 2
    assert len(list(store.records(location="key"))) == 3
    assert list(store.records(client="nobody")) == []
    assert store.days() == {"2022-02-01", "2022-02-02", "2022-02-03"}


def test_retention(store: UsageStore) -> None:
    for day in range(3):
        store.add([record(at=NOW + day * DAY)], batch=f"{day}", days=[f"2022-02-0{day + 1}"])
    assert store.forget("2022-02-03") == 2
    assert [each.day for each in store.records()] == ["2022-02-03"]
    assert store.days() == {"2022-02-03"}


def test_a_large_batch_is_all_or_nothing(store: UsageStore) -> None:
    many = [record(f"c{number}") for number in range(2_500)]
    store.add(many, batch="1", days=TODAY)
    assert len(count_of(store)) == 2_500

    def broken() -> object:
        yield from many
        raise RuntimeError

    with pytest.raises(RuntimeError):
        store.add(broken(), batch="2", days=TODAY)  # type: ignore[arg-type]
    assert count_of(store).total() == 2_500
    assert store.add(many, batch="2", days=TODAY)  # its id was not kept either


def test_a_store_is_opened_again(address: str) -> None:
    first = open_usage(address)
    first.add([record()], batch="1", days=TODAY)
    first.close()
    second = open_usage(address)
    assert count_of(second) == {"acme": 1}
    second.close()


def test_three_nodes_and_one_is_killed(address: str) -> None:
    """What was written is there, once, whatever happens to who wrote it."""
    open_usage(address).close()
    path = os.pathsep.join([*sys.path])
    nodes = {
        name: subprocess.Popen(
            [sys.executable, str(NODE), address, name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
        )
        for name in "abc"
    }
    said: dict[str, int] = {}
    for name, node in nodes.items():
        assert node.stdout is not None
        said[name] = int(node.stdout.readline())
    time.sleep(0.5)
    nodes["c"].kill()
    time.sleep(0.3)
    for name, node in nodes.items():
        rest, _ = node.communicate(timeout=30)  # the end of its input stops it
        said[name] = int([str(said[name]).encode(), *rest.split()][-1])
    assert [nodes[name].returncode == 0 for name in "abc"] == [True, True, False]
    store = open_usage(address)
    total = count_of(store)
    store.close()
    assert total["own-a"] == said["a"] / 2
    assert total["own-b"] == said["b"] / 2
    written = 2 * total["own-c"]  # a batch that it had no time to tell may be there, whole
    assert written - said["c"] in (0, 100)
    shared = {total[f"shared-{number}"] for number in range(50)}
    assert shared == {(said["a"] + said["b"] + written) // 100}


def test_postgresql_down_is_an_outage_and_nothing_is_lost(clock: Hands) -> None:
    if services.postgresql_programs() is None:
        pytest.skip("no PostgreSQL programs on this machine")
    server = services.PostgreSQL()
    try:
        store = open_usage(server.new_database())
        counter = UsageCounter(store, clock=clock)
        counter(use())
        counter.flush()
        server.stop()
        counter(use())
        with pytest.raises(StoreUnavailable):
            counter.flush()
        counter(use())  # counting goes on
        server.start()
        counter.flush()
        assert count_of(store) == {"acme": 3}
        store.close()
    finally:
        server.close()


# ---- files ----------------------------------------------------------------------------------


def test_t25_a_file_is_private(tmp_path: Path) -> None:
    file = tmp_path / "data" / "usage.db"
    old = os.umask(0)
    try:
        open_usage(file).close()
    finally:
        os.umask(old)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_t25_what_is_forgotten_is_in_no_file(tmp_path: Path) -> None:
    store = open_usage(tmp_path / "data" / "usage.db")
    old = [record(client=f"forgotten-{n}", day="2021-01-01") for n in range(50)]
    store.add([*old, record(client="remembered")], batch="1", days=["2022-02-01"])

    def at_rest() -> bytes:
        return b"".join(file.read_bytes() for file in (tmp_path / "data").iterdir())

    assert b"forgotten-7" in at_rest()
    assert store.forget("2021-06-01") == 50
    assert b"forgotten" not in at_rest()
    assert b"remembered" in at_rest()
    store.close()


def test_what_a_newer_release_wrote_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "data" / "usage.db"
    open_usage(file).close()
    engine = open_engine(file)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE gateway_usage_format SET format = 2"))
    engine.dispose()
    with pytest.raises(ConfigurationError, match="a newer release wrote it"):
        open_usage(file)


def test_how_much_there_is_of_each_day(store: UsageStore) -> None:
    records = [record(), record("b"), record(at=NOW - DAY)]
    store.add(records, batch="one", days=TODAY)
    assert store.sizes() == {"2022-01-31": 1, "2022-02-01": 2}
    assert store.sizes(since="2022-02-01") == {"2022-02-01": 2}
