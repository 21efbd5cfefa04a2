"""Progress: on a terminal alone, in numbers alone, and gone at the end."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from headway.cli.watching import EVERY, FIRST, Bar, Unit, progress_of
from headway.scan.progress import Progress
from scan.corpus import filled, secrets_in

LINE = filled("GET /a?jwt={T} HTTP/1.1\n")


class Terminal(io.StringIO):
    """Somebody watches."""

    def isatty(self) -> bool:
        return True


class Clock:
    """In the test's hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("NO_COLOR", raising=False)


def shown(err: io.StringIO) -> str:
    """What stands on the terminal since the last time, without its commands."""
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", err.getvalue())
    err.seek(0)
    err.truncate()
    return text


def test_drawn_after_a_second_now_and_then_and_taken_away() -> None:
    err, clock = Terminal(), Clock()
    bar = Bar(err, Unit.BYTES, clock=clock)
    bar.expect(1_000_000_000)
    bar.advance(100_000_000)
    assert shown(err) == "", "a short scan shows nothing"
    clock.now = FIRST
    bar.advance(150_000_000)
    text = shown(err)
    assert "25%" in text
    assert "250.0/1000.0 MB" in text or "0.2/1.0 GB" in text
    clock.now += EVERY / 2
    bar.advance(1)
    assert shown(err) == "", "not more often than anybody can read"
    bar.clear()
    bar.clear()
    assert "\r" in err.getvalue() or "\x1b[2K" in err.getvalue()
    shown(err)
    clock.now += EVERY
    bar.advance(250_000_000)
    assert "50%" in shown(err)
    bar.advance(900_000_000)
    clock.now += EVERY
    bar.advance(1)
    assert "100%" in shown(err), "a file grew: nobody is told more than all"
    bar.close()
    assert "\x1b[?25h" in err.getvalue(), "the cursor is back"
    shown(err)
    clock.now += 99
    bar.advance(5)
    bar.close()
    assert shown(err) == ""


def test_in_files_and_where_nobody_knows_how_many() -> None:
    err, clock = Terminal(), Clock()
    bar = Bar(err, Unit.FILES, clock=clock)
    clock.now = 2.0
    bar.advance(3)
    assert "3/?" in shown(err)
    bar.expect(12)
    clock.now = 3.0
    bar.reach(6)
    assert "6/12" in shown(err)
    bar.close()


def test_who_watches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_bytes(b"x" * 50)
    (tmp_path / "b").write_bytes(b"x" * 20)
    named = [str(tmp_path)]
    assert type(progress_of(named, Unit.BYTES, quiet=False)) is Progress
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert type(progress_of(named, Unit.BYTES, quiet=True)) is Progress
    bar = progress_of(named, Unit.BYTES, quiet=False)
    assert (type(bar), bar.total) == (Bar, 70)
    assert progress_of(named, Unit.FILES, quiet=False).total == 2
    for unknown in ([], ["-"], ["s3://bucket/a"]):
        assert progress_of(unknown, Unit.BYTES, quiet=False).total is None

    def gone(path: str) -> None:
        raise FileNotFoundError(2, "gone")

    with monkeypatch.context() as patched:
        patched.setattr("headway.scan.readers.files_in", lambda named, unread: iter(named))
        patched.setattr(os, "stat", gone)
        assert progress_of(named, Unit.BYTES, quiet=False).total == 0
    monkeypatch.setenv("TERM", "dumb")
    assert type(progress_of(named, Unit.BYTES, quiet=False)) is Progress


@pytest.mark.parametrize(
    ("more", "is_shown"), [([], True), (["--no-progress"], False), (["--quiet"], False)],
    ids=["shown", "no-progress", "quiet"],
)  # fmt: skip
def test_a_terminal_in_another_process(more: list[str], is_shown: bool) -> None:
    """Standard error is a terminal, standard output a pipe; nothing that was scanned is in it."""
    terminal, other = os.openpty()
    program = "from headway.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", program, "scan", "logs", "-", *more],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=other,
        env={**os.environ, "HEADWAY_SCAN_KEY": "ab" * 32, "TERM": "xterm"},
    )  # fmt: skip
    os.close(other)
    assert process.stdin is not None
    text = (LINE + b"y" * 99_999 + b"\n") * 90
    process.stdin.write(text)
    process.stdin.flush()
    time.sleep(FIRST + 0.5)  # it shows nothing before
    process.stdin.write(text)
    out, _ = process.communicate(timeout=60)
    seen = b""
    try:
        while piece := os.read(terminal, 65_536):
            seen += piece
    except OSError:  # the other end is closed
        pass
    os.close(terminal)
    assert b"more; --all shows each" in out
    assert (b"MB" in seen) is is_shown
    assert secrets_in(seen) == []
    assert b"GET" not in seen
    if not is_shown:
        assert seen == b""
