"""One authenticated route under load, beside a bare one and beside the peer.

Each server is one process with two routes that answer the same few bytes: a
bare one, and one behind the check of a context token.  They are

- Headway on Starlette and on plain ASGI, served by uvicorn;
- ``atlassian-connect-express`` with its installations in a map in memory, the
  best that a store can be; in its default store as it stands, SQLite in memory;
  and in PostgreSQL through the same.

``wrk`` asks them one after another, in rounds, so that other work on the
machine falls on all of them alike.  Requests a second are what came out; CPU
time of the server a request is what can be compared on a busy machine.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import services

from headway.app.check.actor import Actor, fetch_app
from headway.app.check.played import PlayedSite, playing

HERE = Path(__file__).resolve().parent
ACE = HERE / "ace"
SQLITE = ACE / "node_modules" / "sqlite3" / "build" / "Release" / "node_sqlite3.node"
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
SECONDS = int(os.environ.get("BENCH_SECONDS", "3"))
WARM_SECONDS = 2
CONNECTIONS = 32
TICKS = os.sysconf("SC_CLK_TCK")
SERVED = re.compile(r"(\d+) requests in")
WRONG = re.compile(r"Non-2xx or 3xx responses: (\d+)")


@dataclass
class Peer:
    """A server, and what was measured of its routes: requests a second, CPU in microseconds."""

    name: str
    url: str
    pid: int
    headers: dict[str, str] = field(default_factory=dict)
    paths: tuple[str, ...] = ("/bare", "/me")
    rates: dict[str, list[float]] = field(default_factory=dict)
    cpu: dict[str, list[float]] = field(default_factory=dict)

    def measure(self, path: str, seconds: int, *, counts: bool = True) -> None:
        """Ask *path* for so many seconds."""
        before, began = _cpu_seconds(self.pid), time.perf_counter()
        told = _wrk(f"{self.url}{path}", self.headers, seconds)
        took = time.perf_counter() - began
        spent = _cpu_seconds(self.pid) - before
        served = int(SERVED.search(told)[1])  # type: ignore[index]
        if WRONG.search(told):
            raise SystemExit(f"{self.name} {path}: {told}")
        if counts:
            self.rates.setdefault(path, []).append(served / took)
            self.cpu.setdefault(path, []).append(spent / served * 1e6)


def _wrk(url: str, headers: dict[str, str], seconds: int) -> str:
    command = [shutil.which("wrk") or "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s"]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    return subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout


def _cpu_seconds(pid: int) -> float:
    parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(parts[11]) + int(parts[12])) / TICKS


# ---- servers --------------------------------------------------------------------------------


def _free_url() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"http://127.0.0.1:{free.getsockname()[1]}"


@contextmanager
def _process(command: list[str], cwd: Path, environment: dict[str, str]) -> Iterator[int]:
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def _postgresql() -> Iterator[str | None]:
    """The address of a new database; None, and a word, where there is no PostgreSQL."""
    if services.postgresql_programs() is None:
        print("no PostgreSQL here: the peer is not asked with it")
        yield None
        return
    server = services.PostgreSQL()
    try:
        yield server.new_database()
    finally:
        server.close()


@asynccontextmanager
async def _peer(
    name: str, command: list[str], site: PlayedSite, cwd: Path, store: str
) -> AsyncIterator[Peer]:
    """The server of *name*, with one installation and the token that its route takes."""
    url = _free_url()
    command = [part.format(port=url.rpartition(":")[2]) for part in command]
    environment = {
        **site.environment,
        "BENCH_URL": url,
        "BENCH_STORE": store,
        "NODE_ENV": "production",
        "AC_LOCAL_BASE_URL": url,
    }
    with _process(command, cwd, environment) as pid:
        async with httpx.AsyncClient(trust_env=False) as http:
            app = await fetch_app(http, url, wait=30)
            actor = Actor(app, site, http)
            tenant = await actor.install()
            token = actor.call(tenant, "/me").draft.but(claims={"exp": int(time.time()) + 880})
        paths = ("/bare", "/verify", "/me") if name.startswith("headway") else ("/bare", "/me")
        yield Peer(name, url, pid, {"Authorization": f"JWT {token.text()}"}, paths)


def _uvicorn(factory: str) -> list[str]:
    options = ("--no-access-log", "--no-proxy-headers", "--log-level", "error")
    return [sys.executable, "-m", "uvicorn", "--factory", f"bench.served:{factory}",
            "--port", "{port}", *options]  # fmt: skip


async def _measure(postgresql: str | None) -> list[Peer]:
    node = [shutil.which("node") or "node", "app.js"]
    with tempfile.TemporaryDirectory() as folder:
        store = str(Path(folder) / "data" / "bench.db")
        cases = [
            ("headway, Starlette", _uvicorn("on_starlette"), HERE.parent, store),
            ("headway, ASGI", _uvicorn("on_asgi"), HERE.parent, f"{store}2"),
            ("ACE, map", node, ACE, "map"),
        ]
        if SQLITE.exists():
            cases.append(("ACE, default", node, ACE, "memory"))
        else:
            print("the peer's default store was not compiled here: it is left out")
        if postgresql is not None:
            cases.append(("ACE, PostgreSQL", node, ACE, postgresql))
        async with playing() as site, AsyncExitStack() as stack:
            peers = [
                await stack.enter_async_context(_peer(name, command, site, cwd, where))
                for name, command, cwd, where in cases
            ]
            await asyncio.to_thread(_rounds, peers)
    return peers


def _rounds(peers: list[Peer]) -> None:
    for peer in peers:
        for path in peer.paths:
            peer.measure(path, WARM_SECONDS, counts=False)
    for _ in range(ROUNDS):
        for peer in peers:
            for path in peer.paths:
                peer.measure(path, SECONDS)


def main() -> None:
    """Measure and print."""
    if shutil.which("wrk") is None:
        raise SystemExit("bench: install wrk (Debian has it)")
    with _postgresql() as address:
        peers = asyncio.run(_measure(address))
    median = statistics.median
    print(f"load {os.getloadavg()[0]:.1f} at the end")
    print(f"{'':24} {'a second':>8} {'share':>6} {'CPU us':>7} {'share':>6}")
    for peer in peers:
        bare, busy = median(peer.rates["/bare"]), median(peer.cpu["/bare"])
        for path in peer.paths:
            rate, cpu = median(peer.rates[path]), median(peer.cpu[path])
            told = f"{rate:7.0f} {rate / bare:6.2f} {cpu:7.1f} {busy / cpu:6.2f}"
            print(f"{peer.name:17} {path:7} {told}")
    for peer in peers[2:]:
        rates = median(peers[0].rates["/me"]) / median(peer.rates["/me"])
        cpus = median(peer.cpu["/me"]) / median(peers[0].cpu["/me"])
        print(f"{peers[0].name} / {peer.name}: {rates:.1f} by rate, {cpus:.1f} by CPU time")
    if "--json" in sys.argv:
        print(json.dumps([{"name": p.name, "rates": p.rates, "cpu_us": p.cpu} for p in peers]))
