"""``--follow``, as it is called: in a process of its own, with signals, and killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headway.cli.commands import run
from headway.cli.scan import following
from scan.follow.watching import append, line, token

PATIENCE = 60.0


class Process:
    """A follower that runs."""

    def __init__(self, out: Path, *arguments: str, stdin: int | None = None) -> None:
        self.out = out
        environment = {**os.environ, "HEADWAY_SCAN_KEY": "ab" * 32}
        program = "from headway.cli import main; main()"
        command = [sys.executable, "-c", program, "scan", "logs", *arguments, "--follow"]
        with out.open("ab") as told:
            self.process = subprocess.Popen(
                [*command, "--interval", "0.05", "--format", "jsonl"],
                stdin=stdin, stdout=told, stderr=subprocess.PIPE, env=environment,
            )  # fmt: skip

    def told(self) -> list[int]:
        """The numbers of the tokens that were told, by whole lines."""
        lines = self.out.read_bytes().rpartition(b"\n")[0].splitlines()
        found = [json.loads(each) for each in lines]
        return [int(each["issuer"][1:]) for each in found if "summary" not in each]

    def until(self, what: Callable[[list[int]], bool]) -> list[int]:
        """Wait until *what* is so of the numbers that were told."""
        limit = time.monotonic() + PATIENCE
        while not what(self.told()):
            assert self.process.poll() is None, "it ended"
            assert time.monotonic() < limit, f"only {self.told()}"
            time.sleep(0.02)
        return self.told()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Tell it to stop; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        assert self.process.stderr is not None
        if not self.process.stderr.closed:
            _, self.err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Starts followers, and ends them."""
    running: list[Process] = []

    def start(*arguments: str, stdin: int | None = None) -> Process:
        running.append(Process(tmp_path / "told.jsonl", *arguments, stdin=stdin))
        return running[-1]

    yield start
    for each in running:
        each.stop(signal.SIGKILL)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["int", "term"])
def test_told_as_they_come_and_figures_at_the_end(
    tmp_path: Path, started: Callable[..., Process], number: int
) -> None:
    log = tmp_path / "a.log"
    append(log, 1)
    follower = started(str(log))
    follower.until(lambda told: told == [1])
    append(log, 2)
    follower.until(lambda told: told == [1, 2])
    assert (follower.stop(number), follower.err) == (1, b"")
    summary = json.loads(follower.out.read_bytes().splitlines()[-1])["summary"]
    assert (summary["findings"], summary["bytes"], summary["unread"]) == (2, log.stat().st_size, [])
    assert token(1).encode() not in follower.out.read_bytes()


def test_killed_again_and_again_nothing_is_lost(
    tmp_path: Path, started: Callable[..., Process]
) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    log = tmp_path / "logs" / "a.log"
    log.parent.mkdir()
    number, doubled = 0, 0
    for again in range(4):
        follower = started(f"{log}*", "--state", str(state / "offsets.json"))
        begun = number
        while number < begun + 60:
            number += 1
            append(log, number)
            if number % 25 == 0:
                log.rename(log.with_name(f"a.log.{number}"))
        wanted = begun + 20 if again < 3 else number  # killed in the middle of it
        follower.until(lambda told, wanted=wanted: max(told, default=0) >= wanted)  # type: ignore[misc]
        follower.stop(signal.SIGKILL if again < 3 else signal.SIGTERM)
    told = follower.told()
    assert sorted(set(told)) == list(range(1, number + 1)), "none is lost"
    doubled = len(told) - len(set(told))
    assert doubled <= 3 * 60, "what was told and not saved, of each kill"
    assert oct((state / "offsets.json").stat().st_mode) == "0o100600"
    assert b"eyJ" not in (state / "offsets.json").read_bytes()


def test_standard_input_as_it_comes(tmp_path: Path, started: Callable[..., Process]) -> None:
    reads, writes = os.pipe()
    follower = started("-", stdin=reads)
    os.close(reads)
    os.write(writes, line(1) + line(2)[:50])
    follower.until(lambda told: told == [1])
    os.write(writes, line(2)[50:])
    follower.until(lambda told: told == [1, 2])
    assert follower.stop() == 1
    os.close(writes)


def test_standard_input_that_ends(tmp_path: Path, started: Callable[..., Process]) -> None:
    reads, writes = os.pipe()
    follower = started("-", stdin=reads)
    os.close(reads)
    os.write(writes, line(1)[:-1])
    os.close(writes)
    assert follower.process.wait(PATIENCE) == 1
    assert follower.told() == [1]


def test_a_clean_copy_as_it_comes(tmp_path: Path) -> None:
    """What the refusal of --follow with --redact names instead: nothing waits for a full buffer."""
    program = "from headway.cli import main; main()"
    filtering = subprocess.Popen(
        [sys.executable, "-c", program, "scan", "logs", "-", "--redact", "-"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert filtering.stdin is not None
    assert filtering.stdout is not None
    for number in (1, 2):
        filtering.stdin.write(line(number))
        filtering.stdin.flush()
        assert b"GET /a?jwt=REDACTED HTTP/1.1" in filtering.stdout.readline()
    filtering.communicate(timeout=PATIENCE)
    assert filtering.returncode == 0


def test_an_idle_follower_costs_next_to_nothing(
    tmp_path: Path, started: Callable[..., Process]
) -> None:
    for number in range(20):
        append(tmp_path / f"{number}.log", number)
    follower = started(str(tmp_path / "*.log"))
    follower.until(lambda told: len(told) == 20)

    def spent() -> float:
        fields = Path(f"/proc/{follower.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    before, begun = spent(), time.monotonic()
    time.sleep(2)
    share = (spent() - before) / (time.monotonic() - begun)
    assert share < 0.2, f"20 looks a second at 20 files took {share:.0%} of a core"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["a", "--state", "x"], "--state, --from-end: go with --follow"),
        (["a", "--from-end"], "--state, --from-end: go with --follow"),
        (["a", "--follow", "--redact", "x"], "tail -F FILE | headway scan logs - --redact -"),
        (["a", "--follow", "--in-place", "--no-backup"], "what others write to is not replaced"),
        (["a", "--follow", "--write-baseline", "x"], "--follow, --write-baseline: one of them"),
        (["a", "--follow", "--format", "sarif"], "there are text, jsonl, csv, github"),
        (["a", "-", "--follow"], "is followed alone"),
        (["-", "--follow", "--state", "x"], "has no offset to be saved"),
        (["s3://bucket/a", "--follow"], "objects of stores do not grow"),
    ],
    ids=range(9),
)  # fmt: skip
def test_what_does_not_go_together(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["scan", "logs", *arguments]) == 2
    assert said in capsys.readouterr().err


@pytest.fixture
def alarmed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """SIGTERM comes to this process shortly after something was told."""
    settle = following._settle

    def settled() -> None:
        settle()
        signal.setitimer(signal.ITIMER_REAL, 0.2)

    monkeypatch.setenv("HEADWAY_SCAN_KEY", "ab" * 32)
    monkeypatch.setattr(following, "_settle", settled)
    before = signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGTERM))
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("alarmed")
def test_in_this_process(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tmp_path.chmod(0o700)
    log, before = tmp_path / "a.log", signal.getsignal(signal.SIGTERM)
    append(log, 1)
    state = ["--state", str(tmp_path / "s")]
    assert run(["scan", "logs", str(log), "--follow", "--interval", "0.1", *state]) == 1
    assert "1 finding in 1 file" in capsys.readouterr().out
    assert signal.getsignal(signal.SIGTERM) is before, "the handlers are back"
    assert run(["scan", "logs", str(log), "--follow", "--interval", "0.1", *state]) == 0


@pytest.mark.usefixtures("alarmed")
@pytest.mark.parametrize("ends", [True, False])
def test_standard_input_in_this_process(
    ends: bool, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    reads, writes = os.pipe()
    os.write(writes, line(1))
    if ends:
        os.close(writes)
    with os.fdopen(reads) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        assert run(["scan", "logs", "-", "--follow"]) == 1
    if not ends:
        os.close(writes)
    assert "1 finding in 1 file" in capfd.readouterr().out


def test_what_was_told_is_on_the_disk_before_offsets_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    with (tmp_path / "out").open("w") as out:
        monkeypatch.setattr(sys, "stdout", out)
        following._settle()
        assert synced == [out.fileno()]
    reads, writes = os.pipe()
    os.close(reads)
    with os.fdopen(writes, "w") as out:
        monkeypatch.setattr(sys, "stdout", out)
        following._settle()
    assert len(synced) == 1, "a pipe has no disk"
