"""A follower in this process, its clock in the test's hand, and lines whose tokens have numbers."""

from __future__ import annotations

import json
import os
import time
from base64 import urlsafe_b64encode
from pathlib import Path

from headway.scan.baseline import Baseline
from headway.scan.findings import Fingerprints
from headway.scan.follow.following import Follower
from headway.scan.follow.state import StateFile
from headway.scan.report.machine import Collecting
from headway.scan.scanning import Telling

RUNS: list[Watch] = []
"""All runs of a test: whatever it leaves open is closed after it."""

PRINTS = Fingerprints(bytes(32))


def token(number: int) -> str:
    """A token that says which one it is."""
    parts = [json.dumps(each).encode() for each in ({"alg": "HS256"}, {"iss": f"n{number}"})]
    return ".".join(urlsafe_b64encode(each).decode().rstrip("=") for each in (*parts, b"m" * 32))


def line(*numbers: int) -> bytes:
    """A line for each of *numbers*, as nginx writes it."""
    return b"".join(
        b'192.0.2.1 - - [01/Jan/2026:00:00:04 +0000] "GET /a?jwt=%s HTTP/1.1" 200 1\n'
        % token(each).encode()
        for each in numbers
    )


def append(path: Path, *numbers: int) -> None:
    """Write lines at the end of *path*."""
    with path.open("ab") as file:
        file.write(line(*numbers))


class Watch:
    """One run: :meth:`look` is a round, and what was told since."""

    def __init__(
        self,
        *named: object,
        state: Path | None = None,
        from_end: bool = False,
        baseline: Baseline | None = None,
    ) -> None:
        self.report = Collecting()
        self.telling = Telling(self.report, PRINTS, baseline)
        self.now = time.time()
        self.follower = Follower(
            [os.fspath(str(each)) for each in named],
            self.telling,
            clock=self._clock,
            state=StateFile(state, PRINTS.key_id) if state else None,
            from_end=from_end,
        )
        self._told = 0
        RUNS.append(self)

    def _clock(self) -> float:
        return self.now

    def look(self, seconds: float = 1.0) -> list[int]:
        """The numbers of the tokens that are told after *seconds*, as far as there is more."""
        self.now += seconds
        while self.follower.round():
            pass
        return self.told()

    def told(self) -> list[int]:
        """The numbers of what was told since the last time."""
        new = self.report.findings[self._told :]
        self._told = len(self.report.findings)
        return [int((each.issuer or "n0")[1:]) for each in new]

    def close(self) -> None:
        """Close the files, as a process does that is killed."""
        for tail in self.follower._files.tails.values():
            tail.close()

    def end(self) -> list[int]:
        """Stop, and what was told at the end."""
        self.follower.end()
        return self.told()
