"""``headway up`` as a person starts it: a process of its own, on free ports."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60.0
TOLD = ("site", "media", "users", "apps", "tls", "development")
STOP_SECONDS = 20.0


@dataclass
class Up:
    """A site that runs: where, for whom, and what it has written so far."""

    site: str
    media: str
    users: dict[str, str]
    log: Path
    apps: list[str] = field(default_factory=list)
    tls: str | None = None
    development: dict[str, Any] = field(default_factory=dict)

    def written(self) -> str:
        """All that the process has written: both its streams."""
        return self.log.read_text("utf-8", "replace")


@contextmanager
def headway_up(folder: Path, *arguments: str) -> Iterator[Up]:
    """Start ``headway up --port 0 --json`` and stop it by its pid."""
    log = folder / "headway.log"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-c", "from headway.cli import main; main()"]
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [*command, "up", "--port", "0", "--json", *arguments],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
        try:
            yield Up(log=log, **_first_line(process, log))
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise
    assert process.returncode == 0, log.read_text()


def _first_line(process: subprocess.Popen[bytes], log: Path) -> dict[str, object]:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        for line in log.read_text("utf-8", "replace").splitlines():
            if line.startswith("{"):
                told = json.loads(line)
                return {name: told[name] for name in TOLD}
        time.sleep(0.05)
    raise AssertionError(f"the site did not start: {log.read_text()}")
