"""The tutorial's own blocks, put together and run as its reader would."""

from __future__ import annotations

import ast
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "tutorial.md").read_text()
PYTHON = re.compile(r"```python\n# (\w+\.py)\n(.*?)```", re.DOTALL)
SHELL = re.compile(r"```sh\n(.*?)```", re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, code in PYTHON.findall(PAGE):
        with (tmp_path / name).open("a") as file:
            file.write(code + "\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return tmp_path


HEADWAY = "import sys; from headway.cli import main; sys.argv[0] = 'headway'; sys.exit(main())"


def run(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), **more}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_its_tests_pass(folder: Path) -> None:
    done = run(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_app.py")
    assert done.returncode == 0, done.stdout + done.stderr
    written = ast.parse((folder / "test_app.py").read_text()).body
    tests = [node for node in written if getattr(node, "name", "").startswith("test_")]
    assert f"{len(tests)} passed" in done.stdout


def test_the_app_withstands_the_check(folder: Path) -> None:
    command = next(block for block in SHELL.findall(PAGE) if "app check" in block)
    assert "--call /files?issue=X -- python app.py" in command
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    url = f"http://127.0.0.1:{port}"
    done = run(
        folder, "-c", HEADWAY, "app", "check", url, "--call", "/files?issue=X",
        "--port", "0", "--", sys.executable, "app.py", BASE_URL=url, PORT=port,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_its_commands_are_commands(folder: Path) -> None:
    for line in filter(None, "\n".join(SHELL.findall(PAGE)).splitlines()):
        assert line.split()[0] in ("export", "headway", "python", "pytest"), line
    assert run(folder, "-c", HEADWAY, "host", "run", "--help").returncode == 0
