"""Orders on a cluster: what is asked of it, and when it is given up.  Real ones: tests/e2e."""

from __future__ import annotations

import sys
from typing import Any, Self

import distributed
import pytest
from distributed.scheduler import KilledWorker

from headway.errors import ConfigurationError
from headway.scan.cluster import connection
from headway.scan.cluster.connection import PATIENCE, DaskWorkers, connected
from headway.scan.cluster.order import Facts, carry_out
from headway.scan.cluster.scheduler import Scheduler, Tls
from headway.scan.cluster.sharing import Lost

HERE = Facts("1.0 abc", "abcdef01")
LOOPBACK = Scheduler("tcp://127.0.0.1:1", tls=False)


class Ticket:
    """As a future: what it gives, one thing for each time that it is asked."""

    def __init__(self, *gives: Any) -> None:
        self.gives = list(gives)
        self.is_cancelled = False

    def result(self, timeout: float) -> Any:
        assert timeout > 0
        given = self.gives.pop(0)
        if isinstance(given, BaseException):
            raise given
        return given

    def cancelled(self) -> bool:
        return self.is_cancelled


class Client:
    """As Dask's, of *threads* threads; *says* is what its workers say."""

    def __init__(self, threads: int = 2, says: Any = "") -> None:
        self.threads: Any = threads
        self.says = says
        self.submitted: list[tuple[Any, ...]] = []
        self.closed = False

    def nthreads(self) -> dict[str, int]:
        if isinstance(self.threads, Exception):
            raise self.threads
        return {"tls://w:1": self.threads} if self.threads else {}

    def submit(self, function: Any, *arguments: Any, **options: Any) -> Any:
        self.submitted.append((function, arguments, options))
        return Ticket(b"known")

    def wait_for_workers(self, count: int, timeout: float) -> None:
        if not self.threads:
            raise TimeoutError

    def run(self, function: Any, *arguments: Any, on_error: str) -> dict[str, Any]:
        return {"tls://w:1": "", "tls://w:2": self.says}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.closed = True


class Clock:
    """Seconds that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_orders_have_names_of_their_own_and_what_is_known_is_one_more() -> None:
    client = Client()
    workers = DaskWorkers(client, frozenset(["b", "a"]))
    workers.submit(b"one")
    workers.submit(b"two")
    (known, given, _), (first, arguments, options), (_, _, second) = client.submitted
    assert (known, given, first) == (frozenset, (["a", "b"],), carry_out)
    assert arguments[0] == b"one"
    assert isinstance(arguments[1], Ticket)
    assert options["key"] != second["key"]
    client = Client()
    DaskWorkers(client, frozenset()).submit(b"one")
    assert client.submitted[0][1] == (b"one", frozenset())


def test_room_follows_the_cluster() -> None:
    clock, client = Clock(), Client(threads=3)
    workers = DaskWorkers(client, frozenset(), clock=clock)
    assert workers.room == 12
    client.threads = 0
    assert workers.room == 12
    clock.now = 11
    assert workers.room == 4
    client.threads = OSError("gone")
    clock.now = 22
    assert workers.room == 4


def test_an_answer_that_takes_its_time() -> None:
    workers = DaskWorkers(Client(), frozenset())
    assert workers.answer(Ticket(TimeoutError(), TimeoutError(), b"answer")) == b"answer"


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (KilledWorker("task", None, 3), "ended, one after the other"),
        (RuntimeError("AKIASECRET"), r"could not look at it \(RuntimeError\)"),
    ],
    ids=["killed", "failed"],
)
def test_an_order_that_is_lost(error: Exception, why: str) -> None:
    workers = DaskWorkers(Client(), frozenset())
    with pytest.raises(Lost, match=why) as lost:
        workers.answer(Ticket(error))
    assert "AKIASECRET" not in str(lost.value)
    assert workers.answer(Ticket(b"the next one")) == b"the next one"


def test_a_cluster_without_workers_is_given_up_after_a_while() -> None:
    clock, client = Clock(), Client()
    workers = DaskWorkers(client, frozenset(), clock=clock)
    client.threads = 0

    class Waiting(Ticket):
        def result(self, timeout: float) -> Any:
            clock.now += PATIENCE / 2
            raise TimeoutError

    with pytest.raises(Lost, match="no workers any more"):
        workers.answer(Waiting())
    assert clock.now > PATIENCE
    with pytest.raises(Lost, match="no workers any more"):
        workers.submit(b"")
    with pytest.raises(Lost, match="no workers any more"):
        workers.answer(Ticket(b"never asked"))


def test_a_scheduler_that_is_gone() -> None:
    workers = DaskWorkers(Client(), frozenset())
    ticket = Ticket(RuntimeError("x"))
    ticket.is_cancelled = True
    with pytest.raises(Lost, match="the scheduler lost the work"):
        workers.answer(ticket)
    with pytest.raises(Lost, match="the scheduler lost the work"):
        workers.submit(b"")


def given(monkeypatch: pytest.MonkeyPatch, client: Client) -> list[dict[str, Any]]:
    """Have Dask's client be *client*; what it is made with."""
    made: list[dict[str, Any]] = []

    def make(address: str, **options: Any) -> Client:
        made.append({"address": address, **options})
        return client

    monkeypatch.setattr(distributed, "Client", make)
    return made


def test_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client()
    made = given(monkeypatch, client)
    with connected(LOOPBACK, Tls(), HERE, ("s3",), frozenset()) as workers:
        assert workers.room == 8
        assert not client.closed
    assert client.closed
    [options] = made
    assert (options["address"], options["set_as_default"]) == ("tcp://127.0.0.1:1", False)


@pytest.mark.parametrize(
    ("client", "why"),
    [
        (Client(threads=0), "it has no workers"),
        (Client(says="a worker has another key"), "worker tls://w:2: a worker has another key"),
        (Client(says=ModuleNotFoundError("headway")), "w:2: can not run Headway"),
    ],
    ids=["none", "key", "module"],
)
def test_workers_that_can_not(monkeypatch: pytest.MonkeyPatch, client: Client, why: str) -> None:
    given(monkeypatch, client)
    with (
        pytest.raises(ConfigurationError, match=why),
        connected(LOOPBACK, Tls(), HERE, (), frozenset()),
    ):
        pass
    assert client.closed


def test_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_CONNECT", 0.2)
    with (
        pytest.raises(ConfigurationError, match=r"tcp://127\.0\.0\.1:1 does not answer"),
        connected(LOOPBACK, Tls(), HERE, (), frozenset()),
    ):
        pass


def test_dask_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with (
        pytest.raises(ConfigurationError, match=r"needs distributed; .*'.\[cluster\]'"),
        connected(LOOPBACK, Tls(), HERE, (), frozenset()),
    ):
        pass
