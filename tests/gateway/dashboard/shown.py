"""The dashboard as a process of its own, by its command."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headway.cli.gateway.dashboard import PASSWORD

ROOT = Path(__file__).resolve().parents[3]


@contextmanager
def shown(folder: Path, *arguments: str, **environ: str) -> Iterator[tuple[str, str]]:
    """The running dashboard: its address, and all that it said at the start."""
    log = folder / "log"
    command = [sys.executable, "-c", "from headway.cli import main; main()", "gateway", "dashboard"]
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [*command, "--port", "0", *arguments],
            env={**os.environ, "PYTHONPATH": str(ROOT / "src"), **environ},
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
        try:
            line = told(log, "dashboard on ")
            address = line.removeprefix("dashboard on ")
            if PASSWORD not in environ and "--password-file" not in arguments:
                told(log, "password")
            yield address, log.read_text()
        finally:
            process.terminate()
            assert process.wait(20) == 0


def told(log: Path, words: str) -> str:
    """The line with *words*, once it is there."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        for line in log.read_text().splitlines():
            if words in line:
                return line
        time.sleep(0.05)
    raise AssertionError(log.read_text())
