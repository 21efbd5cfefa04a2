"""Make what a target of the Makefile needs; what is there already is left alone.

    python3 tools/setup.py run      what 'make up' needs: packages, Headway, what browsers get
    python3 tools/setup.py check    the same, and the linter and type checker
    python3 tools/setup.py test     the same, and what the tests run against
    python3 tools/setup.py bench    the same, and the peers of the benchmarks

Standard library only: it runs before anything is installed.  A step that was
done leaves the hash of its inputs in ``.venv``, so a second run takes no time
and a changed lock is noticed.  Every Python package is checked against the
hash in its lock, and no script of an npm package ever runs.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
VENDOR = ROOT / "src" / "headway" / "host" / "static" / "vendor"
CHARTS = ROOT / "src" / "headway" / "gateway" / "dashboard" / "static" / "vendor"
E2E = ROOT / "tests" / "e2e"
FOREIGN = {
    "ace": "a foreign Connect framework for the tests, from npm",
    "axe": "an accessibility checker for the tests, from npm",
    "azurite": "Azure's emulator of its object store for the tests, from npm",
    "forge_manifest": "Forge's own check of manifests for the tests, from npm",
    "jirajs": "a foreign client for the tests, from npm",
    "sarif": "the schema of SARIF for the tests, from npm",
}
"""Folders of ``tests/e2e`` with npm packages of their own."""

OPTIONAL = {
    "chromium chromium-browser google-chrome": (
        "chromium",
        "Chromium is missing",
        "marked 'browser'",
    ),
    "postgres": (
        "postgresql",
        "PostgreSQL is missing",
        "of the store on PostgreSQL",
    ),
    **{
        program: (program, f"{name} is missing", f"of the gateway behind {name}")
        for program, name in {"nginx": "nginx", "haproxy": "HAProxy", "caddy": "Caddy"}.items()
    },
    "php": ("php-cli", "PHP is missing", "of what PHP reads in a query"),
    "ruby": ("ruby ruby-rack", "Ruby is missing", "of what Ruby reads in a query"),
    "redis-server": ("redis-server", "Redis is missing", "of the replay cache in Redis"),
    "apache2": ("apache2", "Apache httpd is missing", "of the scan of its configuration"),
    "logrotate": ("logrotate", "logrotate is missing", "of logs that are rotated by it"),
    "firefox-esr": ("firefox-esr", "Firefox is missing", "of the scan of its profile"),
}
"""Programs that some tests run, each with its Debian package."""

DEBIAN = Path("/usr/lib/postgresql")  # off the path: one folder for each version
HEADERS = Path("/usr")  # where Debian's libnode-dev puts what native modules are compiled with
OLDEST = (3, 11)


@dataclass(frozen=True)
class Step:
    """Something to make: *says* tells the person, *inputs* are what makes it stale."""

    name: str
    level: int
    says: str
    inputs: Sequence[Path]
    outputs: Sequence[Path]
    make: Callable[[], None]


class CannotSetUp(Exception):
    """The machine lacks something that only a person can install."""


def main(wanted: str) -> None:
    """Run the steps up to the level *wanted*, in order."""
    for step in STEPS:
        if step.level > LEVELS[wanted]:
            continue
        stamp, state = VENV / f".made-{step.name}", digest(step.inputs)
        if stamp.exists() and stamp.read_text() == state and all(p.exists() for p in step.outputs):
            continue
        print(f"setup: {step.says}", flush=True)
        step.make()
        stamp.write_text(state)
    if LEVELS[wanted] >= LEVELS["test"]:
        for program, (packages, why, who) in OPTIONAL.items():
            optional(program, packages, why, who)
    if wanted == "bench":
        optional("wrk", "wrk", "wrk is missing", "that put an app under load")
        for program, package in {"rg": "ripgrep", "pigz": "pigz"}.items():
            optional(program, package, f"{program} is missing", "of the scan's speed")


def digest(paths: Sequence[Path]) -> str:
    """One hash over the contents of *paths* and the interpreter's version."""
    whole = hashlib.sha256(repr((sys.version_info[:3], sys.base_prefix)).encode())
    for path in paths:
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


# ---- the steps ------------------------------------------------------------------------------


def environment() -> None:
    """The virtual environment; Debian keeps ``ensurepip`` in a package of its own."""
    if not find_spec("ensurepip"):
        install("python3-venv", "Python's venv module is missing")
    run(sys.executable, "-m", "venv", VENV)


def locked(name: str) -> Callable[[], None]:
    """Install a lock: exactly its versions, and only files whose hash it holds."""
    lock = ROOT / "requirements" / f"{name}.txt"
    return lambda: pip("--require-hashes", "-r", lock)


def headway() -> None:
    """Headway itself, editable, built with the locked build tools and nothing else."""
    pip("--no-deps", "--no-build-isolation", "--editable", ROOT)


def vendored() -> None:
    """The host's iframe bridge and the dashboard's charts, from npm into the package."""
    npm(ROOT)
    run(PYTHON, ROOT / "tools" / "vendored.py")


def npm_of(name: str) -> None:
    """The npm packages of one folder of end-to-end tests."""
    npm(E2E / name)


def npm_native(folder: Path, module: str) -> None:
    """The npm packages of *folder*, of which *module* is compiled against Debian's Node.js.

    It would fetch a binary of its own elsewhere; where it can not be compiled, the
    benchmark says so and goes on without it.
    """
    npm(folder)
    try:
        if not (HEADERS / "include" / "node" / "node_api.h").exists():
            install("libnode-dev g++ make", "Node.js has no headers")
        gyp = folder / "node_modules" / "node-gyp" / "bin" / "node-gyp.js"
        where = folder / "node_modules" / module
        run("node", gyp, "rebuild", "--silent", "--directory", where, "--nodedir", HEADERS)
    except (CannotSetUp, subprocess.CalledProcessError) as missing:
        print(f"setup: {missing}; the benchmark does without {module}", flush=True)


def there(program: str) -> bool:
    """Whether a program is on the path, or where Debian keeps PostgreSQL's."""
    return bool(shutil.which(program)) or any(DEBIAN.glob(f"*/bin/{program}"))


def optional(programs: str, packages: str, why: str, who: str) -> None:
    """Debian's *packages* where they may be installed; else the tests that need them are skipped.

    Of *programs*, one that is there will do.
    """
    if any(map(there, programs.split())):
        return
    try:
        install(packages, why)
    except CannotSetUp as missing:
        print(f"setup: {missing}; tests {who} will be skipped", flush=True)


LEVELS = {"run": 0, "check": 1, "test": 2, "bench": 3}
LOCKS = ROOT / "requirements"
STEPS = (
    Step("venv", 0, "a virtual environment in .venv", [], [PYTHON], environment),
    Step("build", 0, "build tools", [LOCKS / "build.txt"], [], locked("build")),
    Step("packages", 0, "Python packages", [LOCKS / "run.txt"], [], locked("run")),
    Step("headway", 0, "headway, editable", [ROOT / "pyproject.toml"], [], headway),
    Step(
        "vendored",
        0,
        "the host's iframe bridge and the dashboard's charts, from npm",
        [ROOT / "package-lock.json", ROOT / "tools" / "vendored.py", ROOT / "LICENSE"],
        [
            *(VENDOR / name for name in ("iframe.js", "xdm-host.js", "LICENSES.txt")),
            *(CHARTS / name for name in ("chart.js", "LICENSES.txt")),
        ],
        vendored,
    ),
    Step("dev", 1, "linter, type checker, test tools", [LOCKS / "dev.txt"], [], locked("dev")),
    *(
        Step(
            name,
            2,
            says,
            [E2E / name / "package-lock.json"],
            [E2E / name / "node_modules"],
            partial(npm_of, name),
        )
        for name, says in FOREIGN.items()
    ),
    Step(
        "bench-ace",
        3,
        "a foreign Connect framework for the benchmark, from npm",
        [ROOT / "bench" / "ace" / "package-lock.json"],
        [ROOT / "bench" / "ace" / "node_modules"],
        lambda: npm_native(ROOT / "bench" / "ace", "sqlite3"),
    ),
)

# ---- the tools ------------------------------------------------------------------------------


def run(*command: str | Path, cwd: Path = ROOT) -> None:
    """Run *command* without standard input; its failure ends the set-up."""
    subprocess.run([str(c) for c in command], cwd=cwd, check=True, stdin=subprocess.DEVNULL)


def pip(*arguments: str | Path) -> None:
    """``pip install`` in the virtual environment."""
    run(PYTHON, "-m", "pip", "install", "-qq", "--disable-pip-version-check", *arguments)


def npm(folder: Path) -> None:
    """Exactly the locked packages; ``--ignore-scripts``: nothing of theirs runs here."""
    if not shutil.which("npm"):
        install("nodejs npm", "npm is missing (Node.js 18 or newer)")
    run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", cwd=folder)


def install(packages: str, why: str) -> None:
    """Debian *packages*, where root runs on Debian; else say what a person has to install."""
    if not shutil.which("apt-get") or os.geteuid() != 0:
        raise CannotSetUp(f"{why}: install {packages}")
    print(f"setup: {why}: apt-get install {packages}", flush=True)
    os.environ["DEBIAN_FRONTEND"] = "noninteractive"
    os.environ["RUNLEVEL"] = "1"  # what is installed is not started: the tests start their own
    try:
        run("apt-get", "-qq", "update")
        run("apt-get", "-qq", "install", "--no-install-recommends", "--yes", *packages.split())
    except subprocess.CalledProcessError as error:
        raise CannotSetUp(f"{why}, and apt-get could not install {packages}") from error


if __name__ == "__main__":
    if sys.version_info < OLDEST:
        sys.exit("setup: Python 3.11 or newer is needed; name it with 'make PYTHON=...'")
    try:
        main(sys.argv[1])
    except CannotSetUp as missing:
        sys.exit(f"setup: {missing}")
    except subprocess.CalledProcessError as failed:
        sys.exit(f"setup: failed: {' '.join(failed.cmd)}")
