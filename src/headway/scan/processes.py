"""Work shared among processes of this machine, told in the order in which it was given.

Each process has a pipe of its own.  One that is ahead of its turn may tell a little, then it waits:
so memory is bounded however much is found.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, TypeVar

__all__ = ["Ended", "Work", "in_order", "processors"]

_FULL = 64  # messages that are kept of who is not yet asked for
_AHEAD = 4  # pieces of work for each process that may be done before their turn

T = TypeVar("T")
M = TypeVar("M")
Work = Callable[[T, Callable[[M], None]], None]
"""Does a piece of work, and tells what it finds."""


class Ended:
    """Instead of the last message: the process was ended from outside, and its work is not done."""


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def in_order(
    work: Work[T, M], pieces: Iterable[T], jobs: int, tell: Callable[[T, M | Ended], None]
) -> None:
    """Do *work* on each of *pieces* in *jobs* processes; *tell* is called here, in their order.

    Work and pieces have to be such that can be sent.  What *work* raises is raised here.

    >>> in_order(lambda piece, tell: tell(piece + 1), [1, 2], 1, lambda *said: print(said))
    (1, 2)
    (2, 3)
    """
    if jobs == 1:
        for piece in pieces:
            work(piece, lambda message, piece=piece: tell(piece, message))  # type: ignore[misc]
        return
    crew = _Crew(work, jobs)
    try:
        _shared(crew, deque(), iter(pieces), tell)
    finally:
        crew.dismiss()


class _Turn(Generic[T, M]):
    """A piece of work in somebody's hands, and what was said of it before its turn."""

    def __init__(self, piece: T, pipe: Connection) -> None:
        self.piece, self.pipe = piece, pipe
        self.said: deque[M | Ended] = deque()
        self.done = False

    def hear(self) -> BaseException | None:
        """One message more; what the work raised, if it did."""
        try:
            kind, what = self.pipe.recv()
        except (EOFError, OSError):
            kind, what = "ended", Ended()
        if kind in ("said", "ended"):
            self.said.append(what)
        self.done = kind != "said"
        return what if kind == "raised" else None


def _shared(
    crew: _Crew, turns: deque[_Turn[T, M]], pieces: Any, tell: Callable[[T, M | Ended], None]
) -> None:
    more = True
    while True:
        # (1) something to do for who has nothing
        while more and len(turns) < crew.jobs * _AHEAD and crew.has_idle:
            try:
                piece = next(pieces)
            except StopIteration:
                more = False
                break
            turns.append(_Turn(piece, crew.ask(piece)))
        if not turns:
            return
        # (2) what the first one said
        first = turns[0]
        while first.said:
            tell(first.piece, first.said.popleft())
        if first.done:
            turns.popleft()
            continue
        # (3) what the others say meanwhile, as far as there is room
        heard = {turn.pipe: turn for turn in turns if not turn.done and len(turn.said) < _FULL}
        for ready in wait(list(heard)):
            turn = heard[ready]  # type: ignore[index]
            raised = turn.hear()
            if raised is not None:
                raise raised
            if turn.done:
                crew.free(turn.pipe, lost=any(isinstance(each, Ended) for each in turn.said))


class _Crew:
    """The processes, made when there is work for them."""

    def __init__(self, work: Work[T, M], jobs: int) -> None:
        self.jobs = jobs
        self._work = work
        self._idle: list[Connection] = []
        self._processes: dict[Connection, Any] = {}
        alone = sys.platform == "linux" and threading.active_count() == 1
        self._how = multiprocessing.get_context("fork" if alone else "spawn")

    @property
    def has_idle(self) -> bool:
        """Whether one of them has nothing to do."""
        return bool(self._idle) or len(self._processes) < self.jobs

    def ask(self, piece: object) -> Connection:
        """Let one that has nothing to do work on *piece*; the pipe to it."""
        while True:
            pipe = self._idle.pop() if self._idle else self._new()
            with suppress(OSError):
                pipe.send(piece)
                return pipe
            self._end(pipe)  # somebody ended it while it had nothing to do

    def _new(self) -> Connection:
        mine, its = self._how.Pipe()
        # a forked process has what its parent has: the other ends would keep pipes open
        theirs = [mine, *self._processes] if self._how.get_start_method() == "fork" else []
        process = self._how.Process(target=_serve, args=(self._work, its, theirs), daemon=True)  # type: ignore[attr-defined]
        process.start()
        its.close()
        self._processes[mine] = process
        return mine

    def free(self, pipe: Connection, *, lost: bool = False) -> None:
        """Who is at the end of *pipe* has done its work, or is *lost*."""
        if lost:
            self._end(pipe)
        else:
            self._idle.append(pipe)

    def _end(self, pipe: Connection) -> None:
        process = self._processes.pop(pipe)
        pipe.close()
        process.terminate()
        process.join()

    def dismiss(self) -> None:
        """End all of them."""
        for pipe in list(self._processes):
            self._end(pipe)


def _serve(work: Work[Any, Any], pipe: Connection, theirs: list[Connection]) -> None:
    """What one of the processes does, until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl-C is for the one that asks
    for each in theirs:
        each.close()
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            piece = pipe.recv()
            try:
                work(piece, lambda message: pipe.send(("said", message)))
            except (BrokenPipeError, ConnectionResetError):
                return
            except Exception as error:  # noqa: BLE001 - whoever asks is told
                pipe.send(("raised", error))
            else:
                pipe.send(("done", None))
