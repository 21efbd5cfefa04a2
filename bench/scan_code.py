"""A scan of 10,000 files of code: the first one, a second one that remembers, and of a change.

The repository is made here, by dice with a fixed seed: modules of ten languages with imports,
classes, functions, comments and texts, 8 KB each on average; a fifth of them mentions tokens in
one of the ways of real code, most of them harmless, and one in a hundred keeps a parameter's name
in a constant that others import.  Each run is a process of its own, as a person starts it,
so that its start counts.  Times are by the clock, and the processor's beside them: on a
machine with other work the first is what was waited for, and the second what it cost.
"""

from __future__ import annotations

import os
import random
import resource
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

FILES = int(os.environ.get("BENCH_FILES", "10000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
FIRST_MAX, SECOND_MAX = 20.0, 3.0  # seconds, for 10,000 files on two cores
BYTES = 8_000
HEADWAY = [sys.executable, "-c", "from headway.cli import main; main()", "scan", "code"]

TEMPLATES = tomllib.loads((Path(__file__).parent / "scan_code.toml").read_text())
WORDS: list[str] = TEMPLATES.pop("words").split()


def repository(root: Path, files: int) -> int:
    """Write *files* files of code below *root*; how many bytes they have."""
    dice = random.Random(2022)  # a fixed seed: the same repository each time
    kinds = list(TEMPLATES)
    shares = [TEMPLATES[each]["share"] for each in kinds]
    written = 0
    for number in range(files):
        kind = dice.choices(kinds, shares)[0]
        folder = root / dice.choice(WORDS) / dice.choice(WORDS)
        folder.mkdir(parents=True, exist_ok=True)
        text = source(dice, kind)
        name = f"{dice.choice(WORDS)}_{number}.{kind}"
        if kind == "py" and number % 40 == 0:
            name, text = f"{dice.choice(WORDS)}.py", 'PARAM = "access_token"\n' + text
        (folder / name).write_text(text)
        written += len(text)
    (root / ".gitignore").write_text("*.pyc\n__pycache__/\n/build/\nnode_modules\n.env\n*.log\n")
    return written


def source(dice: random.Random, kind: str) -> str:
    """One file of *kind*; every fifth mentions a token."""
    of = TEMPLATES[kind]
    size = dice.lognormvariate(0, 0.7) * BYTES * 0.78  # the mean of it is BYTES

    def filled(template: str) -> str:
        return template.format(**dict(zip("abcd", dice.sample(WORDS, 4), strict=True)))

    parts = [filled(of["head"])]
    length = 0
    while length < size:
        parts.append(filled(of["function"]))
        length += len(parts[-1])
    if dice.random() < 0.2:
        at = dice.randrange(1, len(parts) + 1)
        parts.insert(at, filled(dice.choice(of["mentions"])))
    return "".join(parts)


def timed(root: Path, cache: Path, *options: str) -> tuple[float, float]:
    """Seconds by the clock, and of processors, of one scan of *root*."""
    environment = {
        **os.environ, "XDG_CACHE_HOME": str(cache), "HEADWAY_SCAN_KEY": "ab" * 32,
    }  # fmt: skip
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    done = subprocess.run(
        [*HEADWAY, ".", *options],
        cwd=root, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    elapsed = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode in (0, 1), done.stderr
    timed.said = done.stdout.strip().splitlines()[-1]  # type: ignore[attr-defined]
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return elapsed, used


def git(root: Path, *arguments: str) -> None:
    """Run git in *root*, as somebody."""
    who = ["-c", "user.name=bench", "-c", "user.email=bench@example.org"]
    subprocess.run(["git", "-C", root, *who, *arguments], check=True, capture_output=True)  # noqa: S607


def main() -> None:
    """Print a table of the best of a few rounds."""
    with tempfile.TemporaryDirectory() as folder:
        root, cache = Path(folder) / "repository", Path(folder) / "cache"
        size = repository(root, FILES)
        git(root, "init", "--quiet")
        git(root, "add", "--all")
        git(root, "commit", "--quiet", "--message", "all of it")
        changed = sorted(root.rglob("*.py"))[:50]
        for path in changed:
            path.write_text(path.read_text() + 'get(base + "?jwt=" + t)\n')
        print(f"{FILES} files, {size / 1e6:.0f} MB, {os.cpu_count()} processors, "
              f"load {os.getloadavg()[0]:.1f}")  # fmt: skip
        rows = (
            ("one process, no cache", ("--no-cache", "--jobs", "1")),
            ("all processors, no cache", ("--no-cache",)),
            ("all processors, first", ()),
            ("second, with the cache", ()),
            ("--diff HEAD, 50 files changed", ("--diff", "HEAD")),
        )
        limits = {"all processors, first": FIRST_MAX, "second, with the cache": SECOND_MAX}
        best: dict[str, tuple[float, float]] = {}
        for _ in range(ROUNDS):
            for file in cache.glob("*/*"):
                file.unlink()
            for name, options in rows:
                took = timed(root, cache, *options)
                best[name] = min(best.get(name, took), took)
                print(f"  {name}: {took[0]:.2f} s, load {os.getloadavg()[0]:.1f}", flush=True)
        for name, _ in rows:
            clock, used = best[name]
            limit = f"  aim: under {limits[name]:.0f} s" if name in limits else ""
            print(f"{name:<32}{clock:7.2f} s by the clock {used:7.2f} s of processors{limit}")
        print(f"{timed.said}")  # type: ignore[attr-defined]
        print(f"cache: {sum(f.stat().st_size for f in cache.glob('*/*')) / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
