"""Load: requests at a fixed rate over kept connections, and how long each took."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

CONNECTIONS = 16


@dataclass
class Request:
    """What is sent; a change has a body."""

    name: str
    method: str
    target: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass
class Outcome:
    """What came of it."""

    took: list[float] = field(default_factory=list)  # seconds, from when it was due
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        return len(self.took) / self.seconds

    def percentile(self, share: float) -> float:
        """Seconds within which this share of the answers came."""
        return sorted(self.took)[min(len(self.took) - 1, int(share * len(self.took)))]

    def failed(self) -> dict[tuple[str, int], int]:
        return {key: count for key, count in self.statuses.items() if key[1] >= 400}


async def load(url: str, rate: float, seconds: float, make: Callable[[int], Request]) -> Outcome:
    """Send what *make* gives for each number, so many a second, whether or not answers come."""
    outcome, due = Outcome(), asyncio.Queue[tuple[float, Request]]()
    workers = [asyncio.create_task(_work(url, due, outcome)) for _ in range(CONNECTIONS)]
    began = time.perf_counter()
    for number in range(int(rate * seconds)):
        moment = began + number / rate
        wait = moment - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        due.put_nowait((moment, make(number)))
    await due.join()
    outcome.seconds = time.perf_counter() - began
    for worker in workers:
        worker.cancel()
    await asyncio.gather(*workers, return_exceptions=True)
    return outcome


async def _work(url: str, due: asyncio.Queue[tuple[float, Request]], outcome: Outcome) -> None:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        while True:
            moment, request = await due.get()
            headers = {
                "Host": parts.netloc,
                "Content-Length": str(len(request.body)),
                **request.headers,
            }
            lines = [f"{request.method} {request.target} HTTP/1.1"]
            lines += [f"{name}: {value}" for name, value in headers.items()]
            writer.write("\r\n".join([*lines, "", ""]).encode() + request.body)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            status = int(head[9:12])
            length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
            await reader.readexactly(length)
            outcome.took.append(time.perf_counter() - moment)
            outcome.statuses[request.name, status] += 1
            due.task_done()
    finally:
        writer.close()


def memory(pid: int) -> int:
    """What the process holds, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


def as_json(body: object) -> bytes:
    return json.dumps(body).encode()
