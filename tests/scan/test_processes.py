"""Work in several processes is told as if one had done it."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from operator import call, methodcaller
from pathlib import Path

import pytest

from headway.scan import processes
from headway.scan.processes import Ended, in_order, processors


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where threads of other tests still run, a new interpreter imports this file."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2]))


def squares(piece: int, tell: Callable[[int], None]) -> None:
    """Some work: the first pieces say most."""
    for number in range(max(1, 300 - 30 * piece)):
        tell(piece * 1000 + number)


def dying(piece: int, tell: Callable[[int], None]) -> None:
    """Work at whose second piece the process is ended."""
    tell(piece)
    if piece == 1:
        os.kill(os.getpid(), signal.SIGKILL)


def failing(piece: int, tell: Callable[[int], None]) -> None:
    """Work that fails."""
    raise LookupError(f"piece {piece}")


@pytest.fixture(autouse=True)
def _forks(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is defined here can not be imported by a new interpreter; other threads rest."""
    monkeypatch.setattr(processes.threading, "active_count", lambda: 1)


def told(work: Callable[..., None], jobs: int, pieces: int = 12) -> list[tuple[int, object]]:
    """What is told, in its order."""
    said: list[tuple[int, object]] = []
    in_order(work, range(pieces), jobs, lambda piece, message: said.append((piece, message)))
    return said


def is_ended(message: object) -> bool:
    """Whether it says that its process was ended."""
    return isinstance(message, Ended)


@pytest.mark.parametrize("jobs", [2, 5])
def test_the_order_is_that_of_the_pieces(jobs: int) -> None:
    assert told(squares, jobs) == told(squares, 1)
    assert multiprocessing.active_children() == []


def test_with_threads_about_nothing_is_forked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes.threading, "active_count", lambda: 2)
    said: list[object] = []
    # what a new interpreter can import: operator.call(piece, tell) is tell(number)
    pieces = [methodcaller("__call__", number) for number in range(3)]
    in_order(call, pieces, 2, lambda piece, message: said.append(message))
    assert said == [0, 1, 2]


@pytest.fixture
def interrupts() -> Iterator[None]:
    """Ctrl-C as it was."""
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interrupts")
def test_what_one_of_the_processes_does() -> None:
    mine, its = multiprocessing.Pipe()
    unused, _ = multiprocessing.Pipe()
    for piece in (9, 10):
        mine.send(piece)

    def work(piece: int, tell: Callable[[int], None]) -> None:
        if piece == 10:
            mine.send(11)
            raise LookupError("no such piece")
        if piece == 11:  # whoever asks goes away
            mine.close()
        tell(piece)

    processes._serve(work, its, [unused])
    assert unused.closed
    assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    its.close()


@pytest.mark.usefixtures("interrupts")
def test_it_says_what_it_did_and_what_went_wrong() -> None:
    mine, its = multiprocessing.Pipe()
    answers: list[tuple[str, object]] = []

    def work(piece: int, tell: Callable[[int], None]) -> None:
        if piece == 3:
            answers.extend(mine.recv() for _ in range(4))
            mine.close()
            raise EOFError
        tell(piece)
        if piece == 2:
            raise LookupError("no such piece")

    for piece in (1, 2, 3):
        mine.send(piece)
    processes._serve(work, its, [])
    assert [kind for kind, _ in answers] == ["said", "done", "said", "raised"]
    assert isinstance(answers[-1][1], LookupError)


def test_who_is_ended_from_outside_is_told_of_and_the_others_go_on() -> None:
    said = told(dying, 2, pieces=5)
    assert [piece for piece, _ in said] == [0, 1, 1, 2, 3, 4]
    assert [is_ended(message) for _, message in said] == [False, False, True, False, False, False]


def test_one_that_is_ended_while_it_has_nothing_to_do_is_replaced() -> None:
    def pieces() -> Iterator[int]:
        yield 5
        yield 6
        for child in multiprocessing.active_children():
            child.kill()
            child.join()
        yield 7

    said: list[object] = []
    in_order(squares, pieces(), 2, lambda piece, message: said.append(message))
    assert 7000 in said


def test_what_the_work_raises_is_raised_and_nobody_is_left() -> None:
    for jobs in (1, 2):
        with pytest.raises(LookupError, match=r"piece \d"):
            told(failing, jobs)
    assert multiprocessing.active_children() == []


def test_who_is_ahead_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """However much is found: what is kept of the others is bounded."""
    kept: list[int] = []

    class Turn(processes._Turn[int, int]):
        def hear(self) -> BaseException | None:
            raised = super().hear()
            kept.append(len(self.said))
            return raised

    monkeypatch.setattr(processes, "_Turn", Turn)
    told(squares, 3)
    assert max(kept) <= processes._FULL


def test_processors_are_those_that_this_process_may_use() -> None:
    assert 1 <= processors() <= (os.cpu_count() or 1)
