"""A Dask cluster on this machine: a scheduler and workers, each a process of its own."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60.0
KEY = "ab" * 32


class Cluster:
    """Starts what it is asked to, with *environment*; ``tls`` are arguments for both sorts."""

    def __init__(self, folder: Path, environment: dict[str, str], tls: Sequence[str] = ()) -> None:
        self._folder, self._tls = folder, tls
        self._environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(str(ROOT / each) for each in ("src", "tests")),
            "HEADWAY_SCAN_KEY": KEY,
            **environment,
        }
        self.workers: list[subprocess.Popen[bytes]] = []
        self._scheduler, said = self._started("scheduler", r"Scheduler at:\s+(\S+)", "--port", "0")
        self.address = said

    def _started(self, what: str, says: str, *arguments: str, **environment: str) -> Any:
        log = self._folder / f"{what}{len(self.workers)}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [
                    sys.executable, "-m", f"distributed.cli.dask_{what}", *arguments,
                    *("--host", "127.0.0.1", "--no-dashboard"), *self._tls,
                ],
                cwd=self._folder,
                env={**self._environment, **environment},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )  # fmt: skip
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and process.poll() is None:
            if found := re.search(says, log.read_text("utf-8", "replace")):
                return process, found[1] if found.groups() else ""
            time.sleep(0.02)
        process.kill()
        raise AssertionError(f"dask {what} did not start: {log.read_text()[-2000:]}")

    def worker(self, **environment: str) -> tuple[subprocess.Popen[bytes], str]:
        """One more, with one thread: its process and its address."""
        process, address = self._started(
            "worker",
            r"(?s)Start worker at:\s+(\S+).*Starting established connection",
            *(self.address, "--no-nanny", "--nthreads", "1"),
            **environment,
        )
        self.workers.append(process)
        return process, address

    def stop(self) -> None:
        """End all of it, at once."""
        for process in (*self.workers, self._scheduler):
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()


@contextmanager
def cluster(
    folder: Path, environment: dict[str, str], tls: Sequence[str] = ()
) -> Iterator[Cluster]:
    """A scheduler without workers."""
    made = Cluster(folder, environment, tls)
    try:
        yield made
    finally:
        made.stop()


def orders_of(dask_scheduler: Any) -> bytes:
    """All that a scheduler has of the tasks that it was given, as it would send it on."""
    from distributed.protocol import dumps
    from distributed.protocol.serialize import ToPickle

    frames = []
    for task in dask_scheduler.tasks.values():
        frames += dumps(ToPickle(task.run_spec))
    return b"".join(map(bytes, frames))


class Killing(threading.Thread):
    """Stops *victim* while it works, looks at what it has, and kills it without a word."""

    def __init__(self, client: Any, victim: subprocess.Popen[bytes], address: str) -> None:
        super().__init__()
        self._client, self._victim, self._address = client, victim, address
        self.held: tuple[str, ...] = ()
        self.sent = b""

    def _has(self) -> tuple[str, ...]:
        return tuple(self._client.processing([self._address]).get(self._address, ()))

    def run(self) -> None:
        """Wait for work on it, then end it."""
        until = time.monotonic() + START_SECONDS
        while not self._has() and time.monotonic() < until:
            time.sleep(0.005)
        self._victim.send_signal(signal.SIGSTOP)  # whatever it works on now, it never ends
        self.held = self._has()
        self.sent = self._client.run_on_scheduler(orders_of)
        self._victim.send_signal(signal.SIGKILL)
        self._victim.wait()
