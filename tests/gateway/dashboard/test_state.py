from __future__ import annotations

import signal
import threading
from pathlib import Path

import pytest
import services

from gateway.dashboard.boards import POLICY, Counted
from headway.errors import ConfigurationError, StoreUnavailable
from headway.gateway.dashboard import state
from headway.gateway.dashboard.state import State
from headway.gateway.usage.record import Record
from headway.gateway.usage.store import open_usage
from uses import DAY, NOW, Hands, record


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "policy.toml"
    path.write_text(POLICY)
    return path


def test_a_file_that_can_not_be_used_at_the_start(file: Path) -> None:
    file.write_text("name = ")
    with pytest.raises(ConfigurationError):
        State(file, Counted())
    file.unlink()
    with pytest.raises(ConfigurationError, match="No such file"):
        State(file, Counted())


def test_a_changed_file_counts_at_once_and_a_broken_one_keeps_the_old(file: Path) -> None:
    board = State(file, Counted(), clock=Hands(), ticks=Hands(0.0))
    assert board.look().figures.policy.name == "api"
    file.write_text(POLICY.replace('"api"', '"new"'))
    assert board.look().figures.policy.name == "new"
    for broken in ('name = "half', POLICY.replace("2022-06-01", "soon")):
        file.write_text(broken)
        seen = board.look()
        assert seen.figures.policy.name == "new"
        assert [text.endswith("shown is the policy as it was") for text in seen.complaints] == [
            True
        ]
    file.unlink()
    assert "No such file" in board.look().complaints[0]
    file.write_text(POLICY)
    seen = board.look()
    assert (seen.figures.policy.name, seen.complaints) == ("api", ())


def test_usage_is_read_again_only_when_it_is_time(file: Path) -> None:
    counted, ticks, clock = Counted([record()]), Hands(0.0), Hands(NOW + 60)
    board = State(file, counted, clock=clock, ticks=ticks)
    first = board.look().figures
    assert board.look().figures is first
    assert counted.reads == 1
    counted.kept.append(record("b"))
    ticks.at, clock.at = 14.9, NOW + 70
    assert len(board.look().figures.clients) == 1
    ticks.at = 15
    told = board.look().figures
    assert (len(told.clients), told.at, counted.reads) == (2, NOW + 70, 2)


def test_reading_takes_at_most_a_tenth_of_the_time(file: Path) -> None:
    ticks = Hands(0.0)

    class Slow(Counted):
        def records(self, *, since: str | None = None) -> list:
            ticks.at += 8
            return super().records(since=since)

    counted = Slow()
    board = State(file, counted, clock=Hands(), ticks=ticks)
    board.look()
    ticks.at = 8 + 79
    board.look()
    assert counted.reads == 1
    ticks.at = 8 + 80
    board.look()
    assert counted.reads == 2


def test_a_store_that_is_down_leaves_what_was_read(file: Path) -> None:
    counted, ticks = Counted([record()]), Hands(0.0)
    counted.failure = StoreUnavailable(found="OperationalError")
    board = State(file, counted, clock=Hands(), ticks=ticks)
    seen = board.look()
    assert seen.figures.clients == ()
    assert "usage can not be read" in seen.complaints[0]
    assert board.look().complaints == seen.complaints  # told also while nothing is read again
    for failure, clients in ((None, 1), (ConfigurationError("the database says: no"), 1)):
        counted.failure = failure
        ticks.at += 15
        seen = board.look()
        assert (len(seen.figures.clients), bool(seen.complaints)) == (clients, failure is not None)


def test_many_looks_at_once_read_once(file: Path) -> None:
    counted = Counted([record()])
    board = State(file, counted, clock=Hands(), ticks=Hands(0.0))
    threads = [threading.Thread(target=board.look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counted.reads == 1


def test_so_much_usage_that_only_the_newest_is_looked_at(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names that somebody invents fill no memory; what is left out is said."""
    monkeypatch.setattr(state, "RECORDS_MAX", 30)
    flood = [record(f"made-up-{n}", at=NOW - DAY, verified=False) for n in range(25)]
    newest = [record(f"{n}") for n in range(4)]
    counted = Counted([record("old", at=NOW - 3 * DAY), *flood, *newest])
    seen = State(file, counted, clock=Hands(), ticks=Hands(0.0)).look()
    assert seen.complaints == ()  # 30 of them
    counted.kept.append(record("one more"))
    seen = State(file, counted, clock=Hands(), ticks=Hands(0.0)).look()
    assert seen.complaints == ("there is much usage: it is looked at from 2022-01-31 on",)
    assert "old" not in {client.client for client in seen.figures.clients}
    assert len(seen.figures.clients) == 30
    counted.kept += [record(f"today-{n}") for n in range(40)]
    seen = State(file, counted, clock=Hands(), ticks=Hands(0.0)).look()
    assert len(seen.figures.clients) == 45  # the last day is always looked at


class Hanging(Counted):
    """A database that does not answer until it is let go."""

    def __init__(self, *records: Record) -> None:
        super().__init__(records)
        self.asked, self.go = threading.Event(), threading.Event()

    def records(self, *, since: str | None = None) -> list[Record]:
        self.asked.set()
        assert self.go.wait(30)
        return super().records(since=since)


def test_a_database_that_hangs_holds_up_one_and_not_all(file: Path) -> None:
    counted, ticks = Hanging(record()), Hands(0.0)
    counted.go.set()
    board = State(file, counted, clock=Hands(), ticks=ticks)
    assert len(board.look().figures.clients) == 1
    counted.go.clear()
    counted.asked.clear()
    counted.kept.append(record("b"))
    ticks.at = 15
    waits = threading.Thread(target=board.look)
    waits.start()
    assert counted.asked.wait(30)
    file.write_text(POLICY.replace('"api"', '"new"'))
    seen = board.look().figures  # the policy as it is now, usage as it was
    assert (seen.policy.name, len(seen.clients)) == ("new", 1)
    counted.go.set()
    waits.join()
    assert len(board.look().figures.clients) == 2


def test_whoever_comes_first_waits_a_little(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "FIRST_SECONDS", 0.01)
    counted = Hanging(record())
    board = State(file, counted, clock=Hands(), ticks=Hands(0.0))
    waits = threading.Thread(target=board.look)
    waits.start()
    assert counted.asked.wait(30)
    seen = board.look()
    assert (seen.figures.clients, seen.complaints) == ((), ("usage is still being read",))
    counted.go.set()
    waits.join()
    assert board.look().complaints == ()


def test_a_postgresql_that_goes_down_and_comes_back(file: Path) -> None:
    if services.postgresql_programs() is None:
        pytest.skip("no PostgreSQL programs on this machine")
    cluster, ticks = services.PostgreSQL(), Hands(0.0)
    try:
        store = open_usage(cluster.new_database())
        store.add([record(count=3)], batch="one", days=["2022-02-01"])
        board = State(file, store, clock=Hands(), ticks=ticks)
        assert [client.count for client in board.look().figures.clients] == [3]
        cluster.stop(signal.SIGQUIT)
        ticks.at += 15
        seen = board.look()
        assert [client.count for client in seen.figures.clients] == [3]
        [complaint] = seen.complaints
        assert "usage can not be read" in complaint
        assert cluster.password not in complaint
        cluster.start()
        ticks.at += 15
        assert board.look().complaints == ()
        store.close()
    finally:
        cluster.close()
