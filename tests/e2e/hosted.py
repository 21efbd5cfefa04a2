"""``headway host run`` as a process of its own, driven by its control API."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "the control token of these tests"
COMMAND = [sys.executable, "-c", "from headway.cli import main; main()", "host", "run"]


class Hosted:
    """A site that runs, and a client of it that holds the control token."""

    def __init__(self, *arguments: str) -> None:
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT / "src"),
            "HEADWAY_CONTROL_TOKEN": TOKEN,
        }
        self.process = subprocess.Popen(
            [*COMMAND, "--port", "0", "--control", "--json", *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(self.process.communicate()[1])
        told = json.loads(line)
        self.url, self.control_url = told["site"], told["control"]["url"]
        self.http = httpx.Client(base_url=self.url, trust_env=False, timeout=30)

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the control API; what it says no to fails."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        answer = self.http.request(method, self.control_url + path, json=body, headers=headers)
        assert answer.status_code < 300, (path, answer.text)
        return answer.json() if answer.content else None

    def session(self, user: str = "admin") -> dict[str, str]:
        """Headers that make a request one of this user's."""
        made = self.control("POST", "/sessions", {"user": user})
        cookie = f"{made['cookie']['name']}={made['cookie']['value']}"
        return {"Cookie": cookie, "X-Headway-CSRF": made["csrf"]}

    def kill(self) -> None:
        """End it without a word: SIGKILL."""
        self.process.kill()
        self.process.communicate()
        self.http.close()

    def close(self) -> None:
        """End it as ctrl-C does."""
        self.process.terminate()
        said = self.process.communicate(timeout=30)
        self.http.close()
        assert self.process.returncode == 0, said


@contextmanager
def hosted(*arguments: str) -> Iterator[Hosted]:
    """The site, for the block."""
    site = Hosted(*arguments)
    try:
        yield site
    finally:
        if site.process.poll() is None:
            site.close()
