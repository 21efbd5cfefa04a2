"""The example in Node.js against a site that was started as its readers start it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from e2e.running import ROOT, headway_up

pytestmark = pytest.mark.node

EXAMPLE = ROOT / "examples" / "node"


def test_the_example_for_node(tmp_path: Path) -> None:
    with headway_up(tmp_path, "--no-demo", "--control") as up:
        told = json.loads(up.written().splitlines()[0])["control"]
        environment = {
            "PATH": os.environ["PATH"],
            "HEADWAY_CONTROL_URL": told["url"],
            "HEADWAY_CONTROL_TOKEN": told["token"],
        }
        done = subprocess.run(
            [shutil.which("node") or "node", "--test", str(EXAMPLE / "app.test.mjs")],
            env=environment, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "pass 5" in done.stdout
    assert told["token"] not in done.stdout + done.stderr


def test_without_a_site_it_says_what_to_set() -> None:
    done = subprocess.run(
        [shutil.which("node") or "node", "--test", str(EXAMPLE / "app.test.mjs")],
        env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "set HEADWAY_CONTROL_URL and HEADWAY_CONTROL_TOKEN" in done.stdout
