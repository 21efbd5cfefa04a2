"""The rehearsal runs, and its document shows what it prints."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WAYS = 4


def test_the_document_shows_what_the_example_prints() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", str(ROOT / "examples" / "rehearsal.py")],
        env={"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    text = (ROOT / "docs" / "rehearsal.md").read_text("utf-8")
    assert f"```text\n{done.stdout.rstrip()}\n```" in text
    rows = [line.split()[-WAYS:] for line in done.stdout.splitlines() if line.startswith("20")]
    before, after = ["200"] * WAYS, ["401", "200", "200", "200"]
    assert rows == [before, before, after] * 2
