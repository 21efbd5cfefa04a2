"""``make bench ARGS=scan``: ``scan logs`` beside ``rg``, ``grep`` and ``pigz``, in one run.

One log is generated (``--mb=2000``, ``--tokens=0.001`` of its lines), so it lies in the page cache.
Each case is a process of its own, in turn with the others; CPU time is that of it and of all
that it starts; the least of ``--rounds`` rounds, because the machine may have other work.
Headway's start (imports, the command line) is measured with an empty file and shown beside.  A
peak below some 40 MiB is the benchmark's own.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from multiprocessing import Process
from pathlib import Path
from typing import NamedTuple

from headway.scan.hits import NEEDLES

TOKEN = r"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{16,}"
"""What the peers look for: Headway decodes what it finds, and finds values by name, too."""

DIFFERENT_LINES = 400_000
HEADWAY = str(Path(sys.executable).with_name("headway"))


# ---- the log --------------------------------------------------------------------------------

_PATHS = (
    "/rest/api/2/issue/{k}-{n}", "/rest/api/3/search?jql=project%3D{k}&startAt={n}",
    "/browse/{k}-{n}", "/s/{n}/{k}/_/download/batch/com.example.plugins.css",
    "/plugins/servlet/ac/{k}/{n}", "/static/app.{n}.js?v=3", "/images/icons/{k}/{n}.svg",
    "/secure/Dashboard.jspa?selectPageId={n}", "/rest/agile/1.0/board/{n}/sprint?state=active",
)  # fmt: skip
_AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0.0.0 Safari/537.36",
    "python-requests/2.32.3", "Java/17.0.9", "Apache-HttpClient/4.5.14 (Java/11.0.22)",
    "okhttp/4.12.0", "curl/8.5.0",
)  # fmt: skip
_REFERERS = ("-", "-", "https://h.example/browse/{k}-{n}", "https://h.example/jira/projects/{k}")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _token(made: random.Random) -> str:
    head = _base64(b'{"typ":"JWT","alg":"HS256"}')
    qsh = hashlib.sha256(made.randbytes(8)).hexdigest()
    claims = f'{{"iss":"jira:15489595","iat":1767225604,"exp":1767225784,"qsh":"{qsh}"}}'
    return f"{head}.{_base64(claims.encode())}.{_base64(made.randbytes(32))}"


def _line(made: random.Random, number: int, tokens: float) -> str:
    def filled(text: str) -> str:
        key = made.choice(("PROJ", "OPS", "HELP", "WEB"))
        return text.format(k=key, n=made.randrange(100_000))

    target, referer = filled(made.choice(_PATHS)), filled(made.choice(_REFERERS))
    chance = made.random()
    if chance < tokens * 0.55:
        target += ("&" if "?" in target else "?") + "jwt=" + _token(made)
    elif chance < tokens * 0.67:
        target = f"/login?next=%2Fplugins%2Fpanel%3Fjwt%3D{_token(made)}%26lic%3Dactive"
    elif chance < tokens:
        referer = f"https://h.example/plugins/servlet/ac/app/panel?jwt={_token(made)}"
    elif chance < tokens + 0.002:  # what only looks like one
        target += f"{'&' if '?' in target else '?'}atl_token=B1AS-{made.randrange(10**8)}_lin"
    elif chance < tokens + 0.0022:
        target += f"/monkeyJar/{_base64(b'{%d}' % number)}"
    client = ".".join(str(made.randrange(1, 255)) for _ in range(4))
    at = f"{made.randrange(1, 29):02}/{_MONTHS[number * 12 // DIFFERENT_LINES]}/2026"
    clock = f"{made.randrange(24):02}:{made.randrange(60):02}:{made.randrange(60):02}"
    method, status = made.choice(("GET", "GET", "GET", "POST")), made.choice((200, 200, 304, 404))
    return (
        f'{client} - - [{at}:{clock} +0000] "{method} {target} HTTP/1.1" {status} '
        f'{made.randrange(90_000)} "{referer}" "{made.choice(_AGENTS)}"\n'
    )


def write_log(path: Path, size: int, tokens: float) -> None:
    """A log of about *size* bytes: lines of nginx's, of which *tokens* (a share) have one."""
    made = random.Random(42)
    lines = min(DIFFERENT_LINES, size // 100)
    block = "".join(_line(made, number, tokens) for number in range(lines)).encode()
    with path.open("wb") as out:
        for _ in range(max(1, size // len(block))):
            out.write(block)


# ---- the cases ------------------------------------------------------------------------------


class Run(NamedTuple):
    """What a process took: seconds of its processors, of the clock, and MiB at its peak."""

    cpu: float
    wall: float
    peak: float


def timed(command: str) -> Run:
    """Run *command* by the shell, its output into a file; a missing program ends the benchmark."""
    with tempfile.TemporaryFile() as out:
        began = time.perf_counter()
        # exec: the shell is none of it where the command is one program
        with subprocess.Popen(["/bin/sh", "-c", command], stdout=out) as process:
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - began
    if process.returncode not in (0, 1):
        raise SystemExit(f"{command}: ended with {process.returncode}")
    return Run(used.ru_utime + used.ru_stime, wall, used.ru_maxrss / 1024)


def cases(log: Path, packed: Path, empty: Path, out: Path) -> Mapping[str, str]:
    """The commands, by what they are called."""
    many = " ".join(f"-e {shlex.quote(each.decode())}" for each in NEEDLES)
    mine = f"exec {HEADWAY} scan logs"
    peer = f"import python_ripgrep as p; print(len(p.search([{TOKEN!r}], [{str(log)!r}])))"
    return {
        "wc -l": f"exec wc -l {log}",
        "rg -F, .eyJ": f"exec rg -c -F .eyJ {log}",
        "grep -F, .eyJ": f"LC_ALL=C exec grep -c -F .eyJ {log}",
        "rg -F, Headway's needles": f"exec rg -c -F {many} {log}",
        "grep -F, Headway's needles": f"LC_ALL=C exec grep -c -F {many} {log}",
        "rg, the expression": f"exec rg -c {shlex.quote(TOKEN)} {log}",
        "python-ripgrep, the expression": f"exec {sys.executable} -c {shlex.quote(peer)}",
        "headway, nothing to read": f"{mine} {empty}",
        "headway, one process": f"{mine} --jobs 1 {log}",
        "headway, two processes": f"{mine} --jobs 2 {log}",
        "headway, each finding with its line": f"{mine} --jobs 1 --format jsonl {log}",
        "pigz -dc | rg -F, .eyJ": f"pigz -dc {packed} | rg -c -F .eyJ",
        "pigz -dc | rg, the expression": f"pigz -dc {packed} | rg -c {shlex.quote(TOKEN)}",
        "headway, .gz": f"{mine} --jobs 1 {packed}",
        "cp": f"rm -f {out}; cp --reflink=never {log} {out}",
        "headway, a clean copy": f"rm -f {out}; {mine} {log} --redact {out}",
    }


RATIOS = (
    ("headway, one process", "rg -F, .eyJ", "wall"),
    ("headway, two processes", "rg -F, .eyJ", "wall"),
    ("headway, one process", "rg -F, Headway's needles", "cpu"),
    ("headway, two processes", "rg -F, Headway's needles", "wall"),
    ("headway, one process", "grep -F, .eyJ", "cpu"),
    ("headway, one process", "rg, the expression", "cpu"),
    ("headway, one process", "python-ripgrep, the expression", "cpu"),
    ("headway, .gz", "pigz -dc | rg -F, .eyJ", "cpu"),
    ("headway, .gz", "pigz -dc | rg -F, .eyJ", "wall"),
    ("headway, a clean copy", "cp", "cpu"),
)
"""Who is compared with whom, by which time; over 1: Headway is faster."""


def measure(commands: Mapping[str, str], rounds: int) -> dict[str, Run]:
    """The least of each time, over rounds in which each case has its turn; the highest peak."""
    best: dict[str, Run] = {}
    for _ in range(rounds):
        for name, command in commands.items():
            run = timed(command)
            last = best.get(name, run)
            best[name] = Run(
                min(run.cpu, last.cpu), min(run.wall, last.wall), max(run.peak, last.peak)
            )
    return best


def main() -> None:
    """Measure and print."""
    said = argparse.ArgumentParser(prog="bench.scan")
    said.add_argument("--mb", type=int, default=2000)
    said.add_argument("--tokens", type=float, default=0.001)
    said.add_argument("--rounds", type=int, default=5)
    given, _ = said.parse_known_args()  # the rest is of whoever runs several
    for program in ("rg", "grep", "pigz"):
        if shutil.which(program) is None:
            raise SystemExit(f"bench.scan: {program} is missing; Debian has ripgrep and pigz")
    with tempfile.TemporaryDirectory(prefix="bench-scan-") as folder:
        log, empty = Path(folder, "access.log"), Path(folder, "empty.log")
        packed, out = Path(folder, "access.log.gz"), Path(folder, "clean.log")
        writing = Process(target=write_log, args=(log, given.mb * 1_000_000, given.tokens))
        writing.start()  # elsewhere: what this process has, its children have at their start
        writing.join()
        empty.write_bytes(b"")
        subprocess.run(["/bin/sh", "-c", f"pigz -6 -c {log} > {packed}"], check=True)
        print(
            f"{log.stat().st_size / 1e6:.0f} MB, {given.tokens:.2%} of its lines with a token, "
            f"load {os.getloadavg()[0]:.1f}"
        )
        best = measure(cases(log, packed, empty, out), given.rounds)
        show(best, log.stat().st_size / 1e9)
    print(f"load {os.getloadavg()[0]:.1f}")


def show(best: Mapping[str, Run], size: float) -> None:
    """A line for each case, *size* in GB; then the ratios, with Headway's start and without it."""
    start = best["headway, nothing to read"]
    for name, run in best.items():
        print(
            f"{name:<37}{size / run.wall:7.2f} GB/s {size / run.cpu:7.2f} GB per CPU s  "
            f"CPU {run.cpu:5.2f} s  peak {run.peak:6.1f} MiB"
        )
    taken: dict[str, Callable[[Run], float]] = {"cpu": lambda r: r.cpu, "wall": lambda r: r.wall}
    for mine, peer, by in RATIOS:
        time_of = taken[by]
        whole = time_of(best[peer]) / time_of(best[mine])
        alone = time_of(best[peer]) / max(1e-3, time_of(best[mine]) - time_of(start))
        print(f"{mine} / {peer}, {by}: {whole:.2f}; without its start {alone:.2f}")
    for name in ("headway, one process", "headway, .gz", "headway, a clean copy"):
        rate = size / max(1e-3, best[name].cpu - start.cpu)
        print(f"{name}, without its start: {rate:.2f} GB per CPU s")


if __name__ == "__main__":
    main()
