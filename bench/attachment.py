"""``make bench ARGS=attachment``: a file of 1 GiB through Headway, beside ``curl``, in one run.

A file of random bytes lies behind a server that does nothing but ``sendfile``:
a site that redirects (303) to the file, as a host does.  In turn it is fetched
by ``curl``, by Headway's client with an event loop and by the one without, each
a process of its own, into ``/dev/null`` and onto the disk.  The throughput of
the download alone (not of starting Python), the ratios, and what each process
took in CPU time and memory at its peak are printed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

PATH = "/rest/api/3/attachment/content/7"
MIB = 1 << 20
SECRET = "a secret of the benchmark, 32 bytes"


# ---- a host that costs as little as can be --------------------------------------------------


def _answer(connection: socket.socket, file: Path, port: int) -> None:
    with connection, connection.makefile("rb") as asked:
        while line := asked.readline():
            while asked.readline() not in (b"\r\n", b""):
                pass
            if line.startswith(f"GET {PATH}".encode()):
                place = f"Location: http://127.0.0.1:{port}/file\r\n"
                connection.sendall(f"HTTP/1.1 303 x\r\n{place}Content-Length: 0\r\n\r\n".encode())
                continue
            size = file.stat().st_size
            head = f'HTTP/1.1 200 OK\r\nETag: "e"\r\nContent-Length: {size}\r\n\r\n'
            connection.sendall(head.encode())
            with file.open("rb") as data:
                connection.sendfile(data)


@contextmanager
def serving(file: Path) -> Iterator[str]:
    """The host and its media host, in a process of their own."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=64)
    port = listening.getsockname()[1]
    child = os.fork()
    if child == 0:
        while True:
            connection, _ = listening.accept()
            threading.Thread(target=_answer, args=(connection, file, port), daemon=True).start()
    listening.close()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)


# ---- who fetches ----------------------------------------------------------------------------


def fetch(kind: str, address: str, target: str) -> None:
    """Fetch as this process's only work."""
    import asyncio

    from headway.app.client import HostClient, SyncHostClient
    from headway.model import Installation, Product, Secret

    site = Installation(
        app_key="bench",
        client_key="site",
        base_url=address,
        product=Product.JIRA,
        shared_secret=Secret(SECRET),
    )

    place = Path(target)
    to_disk = target != os.devnull

    async def loop() -> None:
        async with (
            HostClient(site, development=True) as host,
            host.attachments.download("7") as file,
        ):
            if to_disk:
                await file.save_to(place.parent, name=place.name, overwrite=True)
                return
            async for _ in file.chunks():
                pass

    def wait() -> None:
        with (
            SyncHostClient(site, development=True) as host,
            host.attachments.download("7") as file,
        ):
            if to_disk:
                file.save_to(place.parent, name=place.name, overwrite=True)
                return
            for _ in file.chunks():
                pass

    begin = time.perf_counter()
    if kind == "headway":
        asyncio.run(loop())
    else:
        wait()
    print(time.perf_counter() - begin)


def curl(address: str, target: str) -> list[str]:
    """What a person would type."""
    found = shutil.which("curl")
    if found is None:
        raise SystemExit("there is no curl on this machine")
    return [found, "-sSfL", "-w", "%{time_total}", "-o", target, f"{address}{PATH}"]


def timed(command: list[str]) -> tuple[float, float, float]:
    """Seconds of the download as the process itself says; CPU seconds and peak memory (MiB)."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        said = process.stdout.read() if process.stdout else ""
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[0]} failed: {process.returncode}")
    return float(said), used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main() -> None:
    """Measure and print."""
    said = argparse.ArgumentParser(prog="bench.attachment")
    said.add_argument("--mib", type=int, default=1024)
    said.add_argument("--rounds", type=int, default=5)
    said.add_argument("--json", action="store_true")
    said.add_argument("--fetch", nargs=3, help=argparse.SUPPRESS)
    given, _ = said.parse_known_args()  # the rest is of whoever runs several
    if given.fetch:
        fetch(*given.fetch)
        return
    print(f"Python {platform.python_version()}, {given.mib} MiB, {given.rounds} rounds")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "file"
        with file.open("wb") as out:
            block = os.urandom(MIB)
            for _ in range(given.mib):
                out.write(block)
        with serving(file) as address:
            results = measure(address, folder, given.rounds)
    report = {name: summary(rows, given.mib) for name, rows in results.items()}
    for name, row in report.items():
        print(
            f"{name:<28} {row['mib_per_second']:8.0f} MiB/s  CPU {row['cpu_seconds']:6.2f} s  "
            f"peak {row['peak_mib']:6.1f} MiB"
        )
    ratios = {
        f"{name} / curl": report[name]["mib_per_second"] / report[f"curl{target}"]["mib_per_second"]
        for target in (", to nowhere", ", to disk")
        for name in (f"headway{target}", f"headway, sync{target}")
    }
    for name, ratio in ratios.items():
        print(f"{name:<40} {ratio:5.2f}")
    if given.json:
        print(json.dumps({"results": report, "ratios": ratios}))


def measure(address: str, folder: str, rounds: int) -> dict[str, list[tuple[float, float, float]]]:
    """Each case in turn; a first round, which does not count, warms the file's cache."""
    own = [sys.executable, "-m", "bench.attachment", "--fetch"]
    cases: dict[str, Callable[[str], list[str]]] = {
        "curl": lambda target: curl(address, target),
        "headway": lambda target: [*own, "headway", address, target],
        "headway, sync": lambda target: [*own, "sync", address, target],
    }
    targets = {", to nowhere": os.devnull, ", to disk": str(Path(folder) / "copy")}
    results: dict[str, list[tuple[float, float, float]]] = {}
    for number in range(rounds + 1):
        for kind, target in targets.items():
            names = list(cases)
            for name in (
                names[number % 3 :] + names[: number % 3]
            ):  # whoever is last pays for others
                os.sync()
                row = timed(cases[name](target))
                Path(folder, "copy").unlink(missing_ok=True)
                if number:
                    results.setdefault(name + kind, []).append(row)
    return {name + kind: results[name + kind] for kind in targets for name in cases}


def summary(rows: list[tuple[float, float, float]], mib: int) -> dict[str, float]:
    """The median throughput, and the highest peak."""
    seconds = sorted(row[0] for row in rows)[len(rows) // 2]
    return {
        "mib_per_second": mib / seconds,
        "cpu_seconds": sorted(row[1] for row in rows)[len(rows) // 2],
        "peak_mib": max(row[2] for row in rows),
    }


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
