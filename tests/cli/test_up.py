"""``headway up`` in its own process: what it needs, what it says, what it leaves."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
import pytest

from headway.app.connect import Observation
from headway.cli import host, tour
from headway.cli import up as module
from headway.cli.commands import run
from headway.cli.demo import Demo
from headway.host.apps import Apps
from headway.host.clock import SiteClock
from headway.host.database import open_database
from headway.host.site import Site
from headway.host.traffic import Traffic
from headway.host.world import Issue, World
from headway.model import Direction, Phase
from headway.policy import REHEARSAL
from host import small_app

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
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["up", "--port", "0", "--no-demo", *arguments]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("headway: ")
    assert says in err


def test_options_that_contradict(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["up", "--at", "tomorrow"]) == 2
    assert run(["up", "--tour", "--no-demo"]) == 2
    err = capsys.readouterr().err
    assert "2022-02-01" in err
    assert "--tour" in err


def test_a_taken_port(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert run(["up", "--port", str(taken.getsockname()[1])]) == 2
    assert "can not be had" in capsys.readouterr().err


# ---- while it runs --------------------------------------------------------------------------


@contextlib.contextmanager
def running(folder: Path, *arguments: str, how: int = signal.SIGTERM) -> Iterator[dict[str, Any]]:
    """What ``headway up --json`` tells while it runs; it then ends on *how*, without a word."""
    with subprocess.Popen(
        [*COMMAND, "--port", "0", "--json", *arguments],
        cwd=folder,
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.send_signal(how)
            said = process.communicate(timeout=30)
    assert (process.returncode, said) == (0, ("", ""))


def free(url: str) -> bool:
    parts = urlsplit(url)
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", parts.port or 0)) != 0


def test_sigterm_ends_it_quietly_while_somebody_watches(tmp_path: Path) -> None:
    with httpx.Client(trust_env=False) as client, running(tmp_path) as told:
        client.base_url = told["site"]
        fields = {"name": "admin", "password": told["users"]["admin"]}
        answer = client.post("/login", data=fields, headers={"Origin": told["site"]})
        cookie = answer.headers["set-cookie"].partition(";")[0]
        watched = client.build_request("GET", "/inspector/events", headers={"Cookie": cookie})
        stream = client.send(watched, stream=True)
        assert next(stream.iter_lines())
    assert free(told["site"])
    assert free(told["media"])


def demo_issue(world: World) -> Issue:
    issue = world.tracker.issue("DEMO-1")
    assert issue is not None
    return issue


def edit(data: Path, summary: str) -> None:
    with open_database(data) as database:
        world = World(database)
        world.tracker.edit_issue(demo_issue(world).id, summary=summary)


def test_what_is_in_the_folder_outlives_a_restart(tmp_path: Path) -> None:
    data = tmp_path / "data"
    asked = ["--data", str(data)]
    with small_app.running() as app:
        with running(tmp_path, *asked, "--app", app.descriptor_url, how=signal.SIGINT) as before:
            edit(data, summary="Still there")
        with running(tmp_path, *asked, "--no-demo") as after:
            assert after["apps"] == ["my-app"]  # nobody would answer for the demo app
            assert after["users"] == before["users"]
        assert app.callbacks()[:2] == ["installed", "enabled"]  # the webhook may be there, too
    with open_database(data) as database:
        assert demo_issue(World(database)).summary == "Still there"


def test_an_app_that_declines_stops_all_and_is_not_installed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    with small_app.running() as app:
        app.status["installed"] = 500
        asked = ["--port", "0", "--no-demo", "--data", str(data), "--app", app.descriptor_url]
        assert run(["up", *asked]) == 2
    err = capsys.readouterr().err
    assert err.startswith("headway: my-app: The app host returned HTTP response code 500")
    assert err.count("\n") == 1
    with open_database(data) as database:
        assert Apps(database).all() == []


@pytest.mark.parametrize("raw", [b"no JSON", b"{}", b"\xff"])
def test_an_invalid_descriptor_is_one_clear_line(
    raw: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    with small_app.running() as app:
        app.raw_descriptor = raw
        assert run(["up", "--port", "0", "--no-demo", "--app", app.descriptor_url]) == 2
        err = capsys.readouterr().err
        assert err.startswith(f"headway: {app.descriptor_url}: ")
        assert err.count("\n") == 1


def test_ctrl_c_while_an_app_is_waited_for(tmp_path: Path) -> None:
    with small_app.running() as app:
        app.silent.add("installed")
        with subprocess.Popen(
            [*COMMAND, "--port", "0", "--no-demo", "--app", app.descriptor_url],
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            until = time.monotonic() + 30
            while "installed" not in app.callbacks() and time.monotonic() < until:
                time.sleep(0.02)
            began = time.monotonic()
            process.send_signal(signal.SIGINT)
            said = process.communicate(timeout=30)
    assert (process.returncode, said) == (130, (b"", b""))
    assert time.monotonic() - began < 5


# ---- what the app saw ------------------------------------------------------------------------

SEEN = Observation(
    time=1.0, direction=Direction.MODULE, method="GET", path="/panel", verified=True, policy="mine"
)


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, "accepted"),
        ({"phase": Phase.WARNED}, "warned"),
        ({"phase": Phase.PAUSED}, "warned"),
        ({"verified": False, "refusal": "token-missing"}, "refused"),
        ({"refusal": "install-stale"}, "refused"),  # the token was good
        ({"verified": False, "refusal": "token-in-query"}, "not inspected"),
    ],
)
def test_what_the_app_decided_is_a_crossing(changes: dict[str, Any], verdict: str) -> None:
    explained = {"ours": "GET&/&", "theirs": None, "cause": "unknown", "advice": ""}
    more = {**changes, "disclaimer": "Not the vendor's.", "explain": explained}
    traffic = Traffic()
    site: Any = SimpleNamespace(traffic=traffic, clock=SiteClock(2.0))
    module._observe(site, msgspec.structs.replace(SEEN, **more))
    (seen,) = traffic.all()
    assert (seen.verdict, seen.seen_by, seen.refusal) == (verdict, "app", changes.get("refusal"))
    assert (seen.policy, seen.disclaimer) == ("mine", "Not the vendor's.")
    assert seen.explain == explained
    module._observe(site, SEEN)
    assert traffic.all()[-1].explain is None


# ---- in this process ------------------------------------------------------------------------


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """As soon as it has said where it is, SIGTERM comes."""
    say = host.say

    def said(*arguments: Any, **options: Any) -> None:
        say(*arguments, **options)
        asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(host, "say", said)


def test_what_it_says(ends: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["up", "--port", "0", "--policy", "rehearsal", "--at", "2021-12-01"]) == 0
    out = capsys.readouterr().out
    for said in ("Site        http://localhost:", "headway-demo", "Log in as   admin", "Try: "):
        assert said in out
    for name in (
        "DEVELOPMENT=1",
        "INSTALL_KEYS=http://localhost:",
        "CLIENT_SCRIPT=http://localhost:",
    ):
        assert f"HEADWAY_{name}" in out
    assert out.endswith("\nstopped\n")
    assert REHEARSAL.disclaimer in out


def test_without_the_demo(ends: None, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    arguments = ["up", "--port", "0", "--data", str(tmp_path / "data")]
    assert run([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["apps"] == ["headway-demo"]
    assert run([*arguments, "--no-demo"]) == 0
    out = capsys.readouterr().out
    assert "none yet; install one at http://localhost:" in out
    assert "Try: " not in out


@pytest.mark.parametrize(("ok", "code"), [(True, 0), (False, 1)])
def test_the_verdict_of_the_tour_is_the_exit_code(
    ok: bool, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def played(site: Site, demo: Demo) -> tour.Result:
        return tour.Result([tour.Check("a", ok=ok, expected="", found="")], site.traffic.all())

    monkeypatch.setattr(tour, "play", played)
    with small_app.running() as app:
        asked = ["up", "--port", "0", "--tour", "--json", "--app", app.descriptor_url]
        assert run(asked) == code
        assert app.callbacks()[:2] == ["installed", "enabled"]  # the webhook may be there, too
    told = json.loads(capsys.readouterr().out)
    assert told["ok"] is ok
    seen = [c for c in told["crossings"] if c["seen_by"] == "app"]
    assert {c["verdict"] for c in seen} == {"accepted"}


def test_ctrl_c_in_the_tour(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    async def played(site: Site, demo: Demo) -> tour.Result:
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(30)
        pytest.fail("it goes on")

    monkeypatch.setattr(tour, "play", played)
    assert run(["up", "--port", "0", "--tour"]) == 130
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("at", ["rubbish", "2022-13-01", "0001-01-01T00:00+14:00", "2100-01-01"])
def test_a_date_that_is_none(at: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["up", "--at", at]) == 2
    err = capsys.readouterr().err
    assert err.startswith("headway: --at: ")
    assert err.count("\n") == 1


def test_a_folder_that_others_may_enter(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    assert run(["up", "--port", "0", "--data", str(data)]) == 2
    assert "chmod 700" in capsys.readouterr().err
    assert list(data.iterdir()) == []


def test_a_file_in_the_place_of_the_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data").write_text("")
    assert run(["up", "--port", "0", "--data", str(tmp_path / "data")]) == 2
    assert "is not a directory" in capsys.readouterr().err
