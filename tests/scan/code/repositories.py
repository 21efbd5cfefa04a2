"""Repositories of git for tests, as somebody's that no configuration of this machine reaches."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

WHO = ["-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "init.defaultBranch=main"]


def environment() -> dict[str, str]:
    """Of git, without the configuration of whoever runs the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return {**kept, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


def git(root: Path, *arguments: str) -> str:
    """Run git in *root* and give what it says."""
    done = subprocess.run(
        ["git", "-C", root, *WHO, *arguments],
        env=environment(), check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    return done.stdout.strip()


def write(root: Path, files: dict[str, str]) -> None:
    """Write *files* below *root*."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def repository(root: Path, files: dict[str, str]) -> Path:
    """A repository at *root* with one commit of *files*."""
    root.mkdir(exist_ok=True)
    git(root, "init", "--quiet")
    commit(root, files)
    return root


def commit(root: Path, files: dict[str, str]) -> str:
    """Write and commit *files*; the commit."""
    write(root, files)
    git(root, "add", "--all", "--force")
    git(root, "commit", "--quiet", "--allow-empty", "--message", "change")
    return git(root, "rev-parse", "HEAD")
