"""``headway up`` in its own process: what it needs, what it says, what it leaves."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from headway.cli.commands import run

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-c", "from headway.cli import main; main()", "up"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "src")}


def up(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, "--port", "0", *arguments], cwd=folder, env=ENVIRONMENT, capture_output=True,
        text=True, timeout=120, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def test_the_whole_tour(tmp_path: Path) -> None:
    done = up("--tour", "--json", folder=tmp_path)
    told = json.loads(done.stdout)
    assert [check for check in told["checks"] if not check["ok"]] == []
    assert (done.returncode, told["ok"], done.stderr) == (0, True, "")
    assert len(told["checks"]) > 30
    assert "eyJ" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--app", "http://127.0.0.1:9/atlassian-connect.json"], "127.0.0.1:9"),
        (["--app", "rubbish"], "no plain http or https"),
        (["--policy", "none"], "policy"),
        (["--data", "/proc/nowhere"], "/proc/nowhere"),
    ],
)
def test_what_can_not_work_is_one_clear_line(
    tmp_path: Path, arguments: list[str], says: str
) -> None:
    done = up("--no-demo", *arguments, folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("headway: ")
    assert done.stderr.count("\n") == 1
    assert says in done.stderr


def test_options_that_contradict(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["up", "--at", "tomorrow"]) == 2
    assert run(["up", "--tour", "--no-demo"]) == 2
    assert "2021-12-01" in capsys.readouterr().err


def test_a_taken_port(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert run(["up", "--port", str(taken.getsockname()[1])]) == 2
    assert "can not be had" in capsys.readouterr().err


def test_ctrl_c_stops_all_and_the_data_stay(tmp_path: Path) -> None:
    first, second = (started_and_stopped(tmp_path) for _ in range(2))
    assert first["users"] == second["users"]
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", urlsplit(str(second["site"])).port or 0)) != 0


def started_and_stopped(folder: Path) -> dict[str, object]:
    command = [*COMMAND, "--port", "0", "--json", "--data", str(folder / "data")]
    with subprocess.Popen(
        command, cwd=folder, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        told: dict[str, object] = json.loads(process.stdout.readline())
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) in (0, 130)
    return told
