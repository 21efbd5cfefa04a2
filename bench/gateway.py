"""A proxy alone, one that asks a service which only says yes, and one that asks Headway.

The same proxy, the same upstream, the printed configuration for all services;
``wrk`` asks them one after another, in rounds, so that other work on the machine
falls on all alike.  CPU time of proxy and service a request is what can be
compared on a busy machine, and of the rounds the least, because other work only
adds; requests a second are the most that came out.  Where tokens
are verified each of them is for another request, and comes again some hundred
requests later: nothing of it is kept.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from bench.app import SERVED, TICKS, WRONG
from headway import sign
from headway.gateway.config.envoy import envoy
from headway.gateway.config.nginx import nginx
from headway.gateway.config.values import Values
from headway.gateway.policy_file import read_policy
from headway.http.server import listen
from headway.model import Secret

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
VERIFY = b'[verify]\nby = "connect"\ninstallations = "apps.json"\nclient_key = "site"\n'
SECRET = "a secret of thirty-two bytes, or so"
TOKEN = "eyJhbGciOiJIUzI1NiJ9." + "e" * 200 + "." + "c" * 43
NO_TOKEN, MOVES, VERIFIED = "no token", "a token moves", "HS256 with hash"
LOCATION_ONLY = (NO_TOKEN, MOVES)
KINDS = (*LOCATION_ONLY, VERIFIED)
HEADWAY = [sys.executable, "-c", "from headway.cli import main; main()", "gateway", "serve"]
WRK = """
local paths, at = {}, 0
for line in io.lines("%s") do paths[#paths + 1] = line end
request = function() at = at %% #paths + 1; return wrk.format("GET", paths[at]) end
"""


def _paths(kind: str) -> list[str]:
    if kind == NO_TOKEN:
        return [f"/rest/api/x?a={n}&b=%2F" for n in range(300)]
    if kind == MOVES:
        return [f"/rest/api/x?a={n}&jwt={TOKEN}&b=%2F" for n in range(300)]
    return [f"/rest/api/x?a={n}&jwt={_signed(f'a={n}&b=%2F')}&b=%2F" for n in range(300)]


def _signed(query: str) -> str:
    return sign.request_token(
        Secret(SECRET),
        issuer="app",
        method="GET",
        raw_path="/rest/api/x",
        raw_query=query,
        now=time.time(),
        life=3600,
    )


@dataclass
class Case:
    """A way to be asked, the processes that it takes, and what was measured: by kind of request."""

    name: str
    address: str
    pids: list[int]  # the proxy's first
    kinds: tuple[str, ...] = KINDS
    rates: dict[str, list[float]] = field(default_factory=dict)
    cpu: dict[str, list[float]] = field(default_factory=dict)
    proxy: dict[str, list[float]] = field(default_factory=dict)

    def measure(self, script: Path, kind: str, seconds: int, *, counts: bool = True) -> None:
        """Ask for so many seconds."""
        before, began = [_spent(pid) for pid in self.pids], time.perf_counter()
        command = [shutil.which("wrk") or "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s"]
        command += ["-s", str(script), f"http://{self.address}"]
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


# ---- proxies --------------------------------------------------------------------------------


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


def _nginx_alone(folder: Path, listens: str, upstream: str) -> list[str]:
    text = (
        f"upstream up {{ server {upstream}; keepalive 32; }} server {{ listen {listens};"
        "location / { proxy_http_version 1.1; proxy_set_header Connection ''; "
        "proxy_pass http://up; } }"
    )
    return _nginx(folder, "alone", text)


def _nginx_asks(folder: Path, name: str, values: Values) -> list[str]:
    return _nginx(folder, name, nginx(values, access_log="/dev/null", error_log="/dev/null"))


def _envoy(folder: Path, name: str, text: str) -> list[str]:
    file = folder / f"{name}.yaml"
    file.write_text(text)
    program = str(Path(sys.executable).parent / "envoy")
    return [program, "-c", str(file), "--disable-hot-restart", "--concurrency", "1"]


def _envoy_alone(folder: Path, listens: str, upstream: str) -> list[str]:
    values = Values(policy=read_policy(POLICY), listen=listens, upstream=upstream, service=upstream)
    text = envoy(values, access_log="/dev/null")
    begins = text.index("          - name: envoy.filters.http.ext_authz")
    ends = text.index("          # A cache filter goes here")
    return _envoy(folder, "envoy-alone", text[:begins] + text[ends:])


def _envoy_asks(folder: Path, name: str, values: Values) -> list[str]:
    return _envoy(folder, f"envoy-{name}", envoy(values, access_log="/dev/null"))


def _services(folder: Path, *kinds: str, port: str) -> list[tuple[str, list[str], tuple[str, ...]]]:
    """What is asked: its name, its command up to the port, and for which kinds of request."""
    yes = [sys.executable, "-m", "bench.yes_sayers"]
    names = {"http": "a yes-sayer", "grpc": "a yes-sayer", "uvicorn": "one on uvicorn"}
    said = [(names[kind], [*yes, kind], KINDS) for kind in kinds]
    only = [*HEADWAY, "--policy", str(folder / "policy.toml"), *port.split()]
    checks = [*HEADWAY, "--policy", str(folder / "verify.toml"), *port.split()]
    return [*said, ("Headway", only, LOCATION_ONLY), ("Headway verifies", checks, (VERIFIED,))]


@contextmanager
def _cases(
    folder: Path,
    alone: Callable[[Path, str, str], list[str]],
    asks: Callable[[Path, str, Values], list[str]],
    services: list[tuple[str, list[str], tuple[str, ...]]],
) -> Iterator[list[Case]]:
    with ExitStack() as stack:
        upstream, address = _free(), _free()
        static = f"server {{ listen {upstream}; location / {{ return 200 ok; }} }}"
        stack.enter_context(_process(_nginx(folder, "upstream", static), upstream))
        pid = stack.enter_context(_process(alone(folder, address, upstream), address))
        cases = [Case("the proxy alone", address, [pid])]
        for name, command, kinds in services:
            service, address = _free(), _free()
            values = Values(
                policy=read_policy(POLICY), listen=address, upstream=upstream, service=service
            )
            asked = stack.enter_context(_process([*command, service.rpartition(":")[2]], service))
            config = asks(folder, name.replace(" ", "-"), values)
            front = stack.enter_context(_process(config, address))
            cases.append(Case(name, address, [front, asked], kinds))
        if alone is _nginx_alone:
            cases += _built_in(folder, upstream, stack)
        yield cases


def _built_in(folder: Path, upstream: str, stack: ExitStack) -> Iterator[Case]:
    """Headway's own proxy, in place of nginx and of the service."""
    for name, policy, kinds in (
        ("the built-in proxy", "policy.toml", LOCATION_ONLY),
        ("the built-in proxy verifies", "verify.toml", (VERIFIED,)),
    ):
        address = _free()
        options = ["--policy", str(folder / policy), "--upstream", f"http://{upstream}", "--port"]
        command = [*HEADWAY[:-1], "run", *options, address.rpartition(":")[2]]
        yield Case(name, address, [stack.enter_context(_process(command, address))], kinds)


# ---- what is measured -----------------------------------------------------------------------


def _measure(cases: list[Case], scripts: dict[str, Path]) -> None:
    for seconds in (1, *[SECONDS] * ROUNDS):
        for case in cases:
            for kind in case.kinds:
                case.measure(scripts[kind], kind, seconds, counts=seconds == SECONDS)


def _print(proxy: str, cases: list[Case]) -> None:
    for kind in KINDS:
        print(f"{proxy}, {kind:24} {'a second':>9} {'CPU us':>7} {'/ yes':>6} {'proxy':>6}")
        yes = min(cases[1].cpu[kind])
        for case in cases:
            if kind in case.kinds:
                cpu, rate = min(case.cpu[kind]), max(case.rates[kind])
                own = min(case.proxy[kind])
                print(f"  {case.name:28} {rate:9.0f} {cpu:7.1f} {cpu / yes:6.2f} {own:6.1f}")


def main() -> None:
    """Measure and print."""
    for program in ("wrk", "nginx"):
        if shutil.which(program) is None:
            raise SystemExit(f"bench: install {program} (Debian has it)")
    measured = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "policy.toml").write_bytes(POLICY)
        (folder / "verify.toml").write_bytes(POLICY + VERIFY)
        apps = folder / "apps.json"
        apps.touch(0o600)
        app = {"key": "app", "clientKey": "site", "sharedSecret": SECRET}
        apps.write_bytes(msgspec.json.encode([app]))
        scripts = {}
        for number, kind in enumerate(KINDS):
            scripts[kind] = folder / f"{number}.lua"
            (folder / f"{number}.txt").write_text("\n".join(_paths(kind)))
            scripts[kind].write_text(WRK % (folder / f"{number}.txt"))
        for proxy, alone, asks, services in (
            ("nginx", _nginx_alone, _nginx_asks, ("--port", "http", "uvicorn")),
            ("Envoy", _envoy_alone, _envoy_asks, ("--port 0 --grpc-port", "grpc")),
        ):
            port, *yes = services
            with _cases(folder, alone, asks, _services(folder, *yes, port=port)) as cases:
                _measure(cases, scripts)
                _print(proxy, cases)
                measured[proxy] = cases
    if "--json" in sys.argv:
        told = {
            proxy: [{"name": c.name, "rates": c.rates, "cpu_us": c.cpu} for c in cases]
            for proxy, cases in measured.items()
        }
        print(json.dumps(told))
