"""Workers (:mod:`headway.scan.code.worker`), as many as there are processors, and their ends.

Texts go to a worker in bundles, and it has one bundle at a time.  Where a worker ends
before it answers, its bundle is tried again text by text: the one that ends a worker
alone is told of, and the others lose nothing.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from types import TracebackType
from typing import BinaryIO, Protocol, Self, cast

import msgspec

from headway.errors import HeadwayError
from headway.scan.code.worker import Answer, Hello, Task, Worker, frame

__all__ = ["Answers", "Here", "Pool", "WorkersFailed"]

BUNDLE_TASKS = 64
BUNDLE_BYTES = 512 * 1024
PATIENCE = 120.0
"""Seconds that a worker may take for one text by the clock; its processor time is limited, too."""

COMMAND = (sys.executable, "-P", "-m", "headway.scan.code.worker")

_START = 60.0  # seconds until a worker has said hello
_READ = 1 << 20


class WorkersFailed(HeadwayError):
    """The processes that parse could not be started; nothing was looked at."""


class Answers(Protocol):
    """Who answers tasks."""

    def answers(self, tasks: Iterable[Task]) -> Iterator[Answer]:
        """An answer to each of *tasks*, as they come."""


class Here:
    """Answers in this process: for code that one trusts, and for tests."""

    def __init__(self, key: bytes) -> None:
        self._worker = Worker(key)

    def answers(self, tasks: Iterable[Task]) -> Iterator[Answer]:
        """An answer to each of *tasks*, in their order."""
        return map(self._worker.answer, tasks)


class _Process:
    """One worker, and what it is at."""

    def __init__(self, hello: Hello) -> None:
        self._process = subprocess.Popen(
            COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",  # and -P: what is scanned is never where a module is looked for
            env=_environment(),
            bufsize=0,
        )
        self._in = cast("BinaryIO", self._process.stdin)
        self._out = cast("BinaryIO", self._process.stdout)
        self._buffer = bytearray()
        self.bundle: list[Task] = []
        self.ready = False
        self.due = time.monotonic() + _START
        self._send(frame(hello))

    def fileno(self) -> int:
        return self._out.fileno()

    def _send(self, data: bytes) -> None:
        view = memoryview(data)
        with suppress(BrokenPipeError):  # its output ends, too, and that is looked at
            while view:
                view = view[self._in.write(view) or 0 :]

    def give(self, bundle: list[Task]) -> None:
        """Send *bundle*; the worker waits for one."""
        self.bundle = bundle
        self.due = time.monotonic() + PATIENCE * len(bundle)
        self._send(frame(bundle))

    def receive(self) -> bytes | None:
        """What came: a whole message, b"" for a part of one, None at the end."""
        data = os.read(self.fileno(), _READ)
        if not data:
            return None
        self._buffer += data
        if len(self._buffer) < 4:
            return b""
        size = int.from_bytes(self._buffer[:4], "big")
        if len(self._buffer) < 4 + size:
            return b""
        message = bytes(self._buffer[4 : 4 + size])
        del self._buffer[: 4 + size]
        return message

    def end(self) -> int:
        """End it; its exit code, or minus the signal that ended it before."""
        code = self._process.poll()
        if code is None:
            self._process.kill()
        self._in.close()
        self._out.close()
        return self._process.wait() if code is None else code


class Pool:
    """At most *jobs* workers, started as they are needed, ended with the context."""

    def __init__(self, jobs: int, hello: Hello) -> None:
        self._jobs, self._hello = max(jobs, 1), hello
        self._workers: list[_Process] = []
        self._waits = selectors.DefaultSelector()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for worker in self._workers:
            worker.end()
        self._workers.clear()
        self._waits.close()

    def answers(self, tasks: Iterable[Task]) -> Iterator[Answer]:
        """An answer to each of *tasks*, as they come; one that ended a worker says so.

        Raises WorkersFailed.
        """
        bundles = _bundles(iter(tasks))
        again: deque[list[Task]] = deque()
        while True:
            # (1) give what there is to whoever waits, and start who is missing
            while (worker := self._idle()) is not None:
                bundle = again.popleft() if again else next(bundles, None)
                if bundle is None:
                    break
                if worker.ready:
                    worker.give(bundle)
                else:
                    again.appendleft(bundle)
                    break
            if not again:  # one more while they are at it
                again.extend(islice(bundles, 1))
            if not any(each.bundle for each in self._workers) and not again:
                return
            # (2) wait for one of them
            for worker in self._heard():
                yield from self._answered(worker, again)

    def _idle(self) -> _Process | None:
        """A worker without a bundle; a new one where all have one, and more may be started."""
        free = [each for each in self._workers if not each.bundle]
        if free:
            return next((each for each in free if each.ready), free[0])
        if len(self._workers) < self._jobs:
            worker = _Process(self._hello)
            self._workers.append(worker)
            self._waits.register(worker, selectors.EVENT_READ)
            return worker
        return None

    def _heard(self) -> list[_Process]:
        """The workers that said something, ended, or took too long."""
        now = time.monotonic()
        busy = [each for each in self._workers if each.bundle or not each.ready]
        left = min((each.due for each in busy), default=now) - now
        heard = [key.fileobj for key, _ in self._waits.select(max(0.0, left))]
        return [
            each for each in self._workers if each in heard or (each in busy and each.due <= now)
        ]

    def _answered(self, worker: _Process, again: deque[list[Task]]) -> Iterator[Answer]:
        late = worker.due <= time.monotonic()
        message = None if late else worker.receive()
        if message == b"":
            return
        if message is None:
            yield from self._ended(worker, again, late)
        elif not worker.ready:
            worker.ready = True
        else:
            worker.bundle = []
            yield from msgspec.msgpack.decode(message, type=list[Answer])

    def _ended(self, worker: _Process, again: deque[list[Task]], late: bool) -> Iterator[Answer]:
        self._waits.unregister(worker)
        self._workers.remove(worker)
        code = worker.end()
        if not worker.ready:
            raise WorkersFailed(
                f"the process that reads code could not be started (exit code {code})"
            )
        if len(worker.bundle) == 1:
            yield Answer(worker.bundle[0].number, _why(code, late))
        else:
            again.extend([each] for each in worker.bundle)


def _environment() -> dict[str, str]:
    """Of this process; where modules are looked for, no name depends on the folder."""
    environment = dict(os.environ)
    folders = environment.pop("PYTHONPATH", "").split(os.pathsep)
    if any(folders):
        absolute = (os.path.abspath(each) for each in folders if each)  # noqa: PTH100
        environment["PYTHONPATH"] = os.pathsep.join(absolute)
    return environment


def _bundles(tasks: Iterator[Task]) -> Iterator[list[Task]]:
    bundle: list[Task] = []
    size = 0
    for task in tasks:
        bundle.append(task)
        size += len(task.source)
        if len(bundle) >= BUNDLE_TASKS or size >= BUNDLE_BYTES:
            yield bundle
            bundle, size = [], 0
    if bundle:
        yield bundle


def _why(code: int, late: bool) -> str:
    if late or -code in (signal.SIGPROF, signal.SIGXCPU):
        return "takes too long to be read"
    if -code in (signal.SIGABRT, signal.SIGKILL):
        return "takes too much memory"
    return "ends the parser"
