"""``headway app check`` over every example, and over a framework that nobody here wrote.

What it finds is what docs/app-check.md says.
"""

from __future__ import annotations

import re
import shutil
import socket
from pathlib import Path

import pytest

from e2e.running import ROOT
from e2e.test_examples import SERVED
from headway.app.check import check_app

ACE = Path(__file__).resolve().parent / "ace"
PAGE = Path(__file__).resolve().parents[2] / "docs" / "app-check.md"


@pytest.mark.parametrize("served", [name for name in SERVED if name != "wsgi-wsgiref"])
def test_nothing_is_found_in_an_example(
    served: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    tmp_path.chmod(0o700)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BASE_URL", url := f"http://127.0.0.1:{port}")
    monkeypatch.setenv("PYTHONPATH", f"{ROOT / 'src'}:{ROOT / 'examples'}")
    command = [part.format(port=port) for part in SERVED[served]]
    report = check_app(url, command=command, call="/me", wait=60)
    assert {each.id for each, _ in report.failures(strict=True)} == set()


@pytest.mark.node
def test_what_a_foreign_framework_lets_pass() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    node = shutil.which("node") or "node"
    # Its standard input stays open, and it ends with it.
    script = (
        f"cd {ACE}; export NODE_ENV=production AC_LOCAL_BASE_URL={url}; "
        f"trap 'kill %2; exit' TERM; sleep 600 | exec {node} app.js & wait"
    )
    report = check_app(url, command=["bash", "-c", script], call="/context", wait=60)
    failed = {each.id for each, _ in report.failures(strict=True)}
    told = PAGE.read_text().partition("## What it found")[2].partition("## The checks")[0]
    listed = told.partition("list):")[2].partition(".\n")[0]
    assert failed == set(re.findall(r"`([a-z-]+)`", listed))
