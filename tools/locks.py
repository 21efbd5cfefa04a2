"""Resolve the Python locks: every package by exact version and hash, for every platform.

    python tools/locks.py [--upgrade]

Needs ``uv`` (any recent one); nothing else in the project does.  No address of
an index and no path stands in a lock: where packages come from is for whoever
installs them to say, what they contain is not.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMPILE = [
    *("uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11"),
    *("--generate-hashes", "--no-emit-index-url", "--no-emit-find-links"),
    # In hash mode an older pip takes a dependency's 'name[extra]' only where the lock says it too.
    "--no-strip-extras",
    *("--no-header", "--no-annotate"),
]
LOCKS = {
    "root": ["pyproject.toml"],
    "run": ["pyproject.toml", "--extra", "host", "-c", "requirements/root.txt"],
    "dev": ["pyproject.toml", "--all-extras", "--group", "dev", "-c", "requirements/run.txt"],
    "scan": ["pyproject.toml", "--extra", "scan", "-c", "requirements/dev.txt"],  # action.yml
    "build": ["--group", "build", "-c", "requirements/dev.txt"],
}


def main(arguments: list[str]) -> None:
    """Write each lock; a later one keeps to the versions of the one before."""
    for name, sources in LOCKS.items():
        target = f"requirements/{name}.txt"
        subprocess.run([*COMPILE, *sources, "-o", target, *arguments], cwd=ROOT, check=True)


if __name__ == "__main__":
    main(sys.argv[1:])
