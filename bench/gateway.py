"""nginx alone, nginx that asks a service which only says yes, and nginx that asks Headway.

The same nginx, the same upstream, the printed configuration for both services;
``wrk`` asks them one after another, in rounds, so that other work on the machine
falls on all alike.  CPU time of nginx and the service a request is what can be
compared on a busy machine; requests a second are what came out.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.app import SERVED, TICKS, WRONG
from headway.gateway.config.nginx import nginx
from headway.gateway.config.values import Values
from headway.gateway.policy_file import read_policy
from headway.http.server import listen

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
SECONDS = int(os.environ.get("BENCH_SECONDS", "3"))
CONNECTIONS = 32
POLICY = b"""
name = "bench"
[[location]]
name = "jwt"
parameters = ["jwt"]
scheme = "JWT"
announced = 2021-01-01
link = "https://docs.example/jwt"
"""
TOKEN = "eyJhbGciOiJIUzI1NiJ9." + "e" * 200 + "." + "c" * 43
PATHS = {"no token": "/rest/api/x?a=1&b=%2F", "token": f"/rest/api/x?a=1&jwt={TOKEN}&b=%2F"}

YES = """
import asyncio, sys
from headway.gateway.http_service import serving_http
from headway.gateway.service import Reply
from headway.http.server import listen

class Yes:
    def ask(self, peer, method, target, headers):
        for key, value in headers:
            if key == b"X-Original-URI":
                return Reply(204, b"Headway-Target: " + value + b"\\r\\n")

async def main():
    async with serving_http(Yes(), listen(int(sys.argv[1]), ["127.0.0.1"])):
        await asyncio.Event().wait()

asyncio.run(main())
"""

YES_UVICORN = """
import asyncio, sys
from headway.http.server import listen, serving

async def app(scope, receive, send):
    target = dict(scope["headers"]).get(b"x-original-uri", b"/")
    head = {"type": "http.response.start", "status": 204, "headers": [(b"headway-target", target)]}
    await send(head)
    await send({"type": "http.response.body", "body": b""})

async def main():
    async with serving(app, listen(int(sys.argv[1]), ["127.0.0.1"])):
        await asyncio.Event().wait()

asyncio.run(main())
"""


@dataclass
class Case:
    """A way to be asked, the processes that it takes, and what was measured: by kind of request."""

    name: str
    address: str
    pids: list[int]
    rates: dict[str, list[float]] = field(default_factory=dict)
    cpu: dict[str, list[float]] = field(default_factory=dict)
    proxy: dict[str, list[float]] = field(default_factory=dict)

    def measure(self, kind: str, seconds: int, *, counts: bool = True) -> None:
        """Ask for so many seconds."""
        before, began = [_spent(pid) for pid in self.pids], time.perf_counter()
        url = f"http://{self.address}{PATHS[kind]}"
        command = [shutil.which("wrk") or "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", url]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        took = time.perf_counter() - began
        spent = [_spent(pid) - then for pid, then in zip(self.pids, before, strict=True)]
        if WRONG.search(told):
            raise SystemExit(f"{self.name} {kind}: {told}")
        served = int(SERVED.search(told)[1])  # type: ignore[index]
        if counts:
            self.rates.setdefault(kind, []).append(served / took)
            self.cpu.setdefault(kind, []).append(sum(spent) / served * 1e6)
            self.proxy.setdefault(kind, []).append(spent[0] / served * 1e6)


def _spent(pid: int) -> float:
    """The CPU time of a process, in seconds."""
    parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(parts[11]) + int(parts[12])) / TICKS


def _free() -> str:
    [opened] = listen(0, ["127.0.0.1"])
    with opened:
        return f"127.0.0.1:{opened.getsockname()[1]}"


@contextmanager
def _process(command: list[str], address: str) -> Iterator[int]:
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        host, _, port = address.rpartition(":")
        until = time.monotonic() + 30
        while process.poll() is None and time.monotonic() < until:
            try:
                socket.create_connection((host, int(port)), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        yield process.pid
    finally:
        process.terminate()
        process.wait(10)


def _nginx(folder: Path, name: str, http: str) -> list[str]:
    file = folder / f"{name}.conf"
    temporary = "".join(
        f"{kind}_temp_path {folder}/{name}-{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    file.write_text(
        f"daemon off; master_process off; pid {folder}/{name}.pid; error_log stderr crit;"
        f"events {{}} http {{ {temporary} access_log off; keepalive_requests 1000000;\n{http} }}"
    )
    return [shutil.which("nginx") or "/usr/sbin/nginx", "-c", str(file), "-e", "stderr"]


@contextmanager
def _cases(folder: Path) -> Iterator[list[Case]]:
    (folder / "policy.toml").write_bytes(POLICY)
    with ExitStack() as stack:
        upstream = _free()
        static = f"server {{ listen {upstream}; location / {{ return 200 ok; }} }}"
        stack.enter_context(_process(_nginx(folder, "upstream", static), upstream))
        alone = _free()
        plain = (
            f"upstream up {{ server {upstream}; keepalive 32; }} server {{ listen {alone};"
            "location / { proxy_http_version 1.1; proxy_set_header Connection ''; "
            "proxy_pass http://up; } }"
        )
        pid = stack.enter_context(_process(_nginx(folder, "alone", plain), alone))
        cases = [Case("nginx alone", alone, [pid])]
        serve = "from headway.cli import main; main()"
        for name, command in (
            ("a yes-sayer", [sys.executable, "-c", YES]),
            ("the same on uvicorn", [sys.executable, "-c", YES_UVICORN]),
            ("Headway", [sys.executable, "-c", serve, "gateway", "serve", "--policy",
                         str(folder / "policy.toml"), "--port"]),
        ):  # fmt: skip
            service, address = _free(), _free()
            values = Values(
                policy=read_policy(POLICY), listen=address, upstream=upstream, service=service
            )
            text = nginx(values, access_log="/dev/null", error_log="/dev/null")
            asked = stack.enter_context(_process([*command, service.rpartition(":")[2]], service))
            config = _nginx(folder, name.replace(" ", "-"), text)
            front = stack.enter_context(_process(config, address))
            cases.append(Case(name, address, [front, asked]))
        yield cases


def main() -> None:
    """Measure and print."""
    for program in ("wrk", "nginx"):
        if shutil.which(program) is None:
            raise SystemExit(f"bench: install {program} (Debian has it)")
    with tempfile.TemporaryDirectory() as name, _cases(Path(name)) as cases:
        for case in cases:
            for kind in PATHS:
                case.measure(kind, 1, counts=False)
        for _ in range(ROUNDS):
            for case in cases:
                for kind in PATHS:
                    case.measure(kind, SECONDS)
    median = statistics.median
    for kind in PATHS:
        print(f"{kind:22} {'a second':>9} {'CPU us':>7} {'/ yes':>6} {'proxy':>6}")
        yes = median(cases[1].cpu[kind])
        for case in cases:
            cpu, proxy = median(case.cpu[kind]), median(case.proxy[kind])
            rate = median(case.rates[kind])
            print(f"  {case.name:20} {rate:9.0f} {cpu:7.1f} {cpu / yes:6.2f} {proxy:6.1f}")
    if "--json" in sys.argv:
        print(json.dumps([{"name": c.name, "rates": c.rates, "cpu_us": c.cpu} for c in cases]))
