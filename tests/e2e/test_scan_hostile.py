"""Files that somebody made to hurt: bounded memory and time, a clear message, nothing lost.

Each scan is a process of its own with limits on time and memory, as the command line starts it.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from backports import zstd

from headway.scan import redaction
from headway.scan.blocks import Needles
from headway.scan.redaction import redact_file
from headway.scan.writing import NotWritten
from scan.corpus import filled, secrets_in, tokens

LINE = filled('192.0.2.1 - - [01/Jan/2026:00:00:04 +0000] "GET /a?jwt={T} HTTP/1.1" 200 1\n')
TOKEN = tokens()["T"].encode()
MIB = 1 << 20
SOURCE = Path(__file__).resolve().parents[2] / "src"

# The limits: seconds of its processor, and kilobytes of memory that is written to.
SHELL = 'ulimit -t 120; ulimit -d 262144; ulimit -c 0; exec "$@"'
PROGRAM = """
import sys
from headway.cli import main
try:
    main()
finally:
    sys.stdout.flush()
    with open("/proc/self/status") as status:
        peak = next(line.split()[1] for line in status if line.startswith("VmHWM"))
    print("peak", peak, file=sys.stderr)
"""


class Ran(NamedTuple):
    """How a scan ended: exit code, what it said, and KiB of memory at its peak."""

    code: int
    out: str
    err: str
    peak: int


def scan(*arguments: object) -> Ran:
    """``headway scan logs`` with *arguments*, under limits."""
    command = [sys.executable, "-c", PROGRAM, "scan", "logs", *map(str, arguments)]
    done = subprocess.run(
        ["/bin/sh", "-c", SHELL, "sh", *command],
        check=False,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(SOURCE), "HEADWAY_SCAN_KEY": "00" * 32},
        timeout=300,
    )
    out, err = done.stdout.decode(), done.stderr.decode()
    assert "Traceback" not in err, err
    err, _, peak = err.rpartition("peak ")
    return Ran(done.returncode, out, err, int(peak))


def in_bounds(ran: Ran, mib: int = 64) -> bool:
    """Whether its memory stayed what it is for a small file, about."""
    return ran.peak < mib * 1024


# ---- long lines -----------------------------------------------------------------------------


def one_line(path: Path, size: int) -> None:
    """A line of *size* bytes without end, with a token at its start, inside and at its end."""
    filler = b"x" * MIB
    with path.open("wb") as out:
        out.write(b"?jwt=" + TOKEN + b"&")
        for number in range(size // MIB):
            out.write(filler)
            if number == size // MIB // 2:
                out.write(b"?jwt=" + TOKEN + b"&")
        out.write(b"?jwt=" + TOKEN + b"&a")


@pytest.mark.parametrize("size", [48 * MIB, pytest.param(1 << 30, marks=pytest.mark.soak)])
def test_one_line_of_a_gigabyte(tmp_path: Path, size: int) -> None:
    path, clean = tmp_path / "a.log", tmp_path / "clean.log"
    one_line(path, size)
    ran = scan(path, "--jobs", 2)
    assert (ran.code, "3 findings in 1 file" in ran.out) == (1, True)
    assert in_bounds(ran)
    ran = scan(path, "--redact", clean)
    assert (ran.code, "3 redacted" in ran.out) == (0, True)
    assert in_bounds(ran)
    assert clean.stat().st_size == path.stat().st_size - 3 * (len(TOKEN) - len(b"REDACTED"))
    assert scan(clean).code == 0


@pytest.mark.parametrize("many", [10**6, pytest.param(10**8, marks=pytest.mark.soak)])
def test_t39_what_starts_like_a_token_again_and_again_is_linear(tmp_path: Path, many: int) -> None:
    path = tmp_path / "a.log"
    with path.open("wb") as out:
        for _ in range(many // 10**6):
            out.write(b"eyJ.eyJ." * 10**6)
        out.write(b"\n" + LINE)
    began = os.times()
    ran = scan(path, "--jobs", 1)
    ended = os.times()
    assert "1 finding in" in ran.out
    assert in_bounds(ran, 80)
    # one that is not linear takes hours for the short one
    took = ended.children_user - began.children_user
    assert took < 30 + 5 * many / 10**6


def test_t39_lines_that_make_expressions_slow(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    parts = [
        b"token=", b"token%253D", b"secret_", b"a.", b"jwt", b"%3Fjwt%3D", b'"\\', b"client: a,",
        b"request: ", b'{"a":', b"[", b"referer: ", b"//", b"eyJhbGciOiJub25lIn0.", b"&",
    ]  # fmt: skip
    path.write_bytes(b"".join(part * (200_000 // len(part)) + b"\n" + LINE for part in parts))
    ran = scan(path, "--jobs", 1, "--format", "jsonl")
    assert ran.out.count('"connect-request"') >= len(parts)
    assert in_bounds(ran, 80)  # each needle of a block is kept for a moment


# ---- what is compressed ---------------------------------------------------------------------

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstd.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}


@pytest.mark.parametrize("name", PACKERS)
def test_a_bomb_breaks_off_and_what_stood_before_is_told(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.log.x"
    path.write_bytes(PACKERS[name](LINE + bytes(40 * MIB)))
    assert path.stat().st_size < MIB
    ran = scan(path, "--unpack-max", "32M")
    assert ran.code == 1
    assert "1 finding in" in ran.out
    assert "gives more than 33554432 bytes when it is unpacked; --unpack-max allows" in ran.out
    assert in_bounds(ran, 72)  # xz remembers 8 MB
    ran = scan(path, "--unpack-max", "32M", "--redact", tmp_path / "clean")
    assert (ran.code, "left as it was" in ran.err) == (2, True)
    assert [each.name for each in tmp_path.iterdir()] == ["a.log.x"]


def test_a_bomb_breaks_off_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "a.log.gz"
    part = gzip.compress(bytes(64 * MIB))
    path.write_bytes(gzip.compress(LINE) + part * 20)
    ran = scan(path)
    assert (ran.code, "1 finding in" in ran.out) == (1, True)
    assert "gives more than 1073741824 bytes" in ran.out
    assert in_bounds(ran)


@pytest.mark.parametrize("name", PACKERS)
def test_what_a_cut_file_gives_is_told_and_that_it_is_cut(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a"
    packed = PACKERS[name](LINE * 10 + os.urandom(400_000))
    path.write_bytes(packed[:-200_000] if name != "bzip2" else packed[:-10])
    ran = scan(path)
    assert "not read to its end" in ran.out
    assert "cut" in ran.out
    if name != "bzip2":  # it gives whole blocks of 900,000 bytes
        assert "10 findings" in ran.out


# ---- what is no log -------------------------------------------------------------------------


def test_a_folder_full_of_traps(tmp_path: Path) -> None:
    """A pipe that never ends, devices, links in a circle, bytes that are no text."""
    folder = tmp_path / "logs"
    (folder / "in").mkdir(parents=True)
    os.mkfifo(folder / "pipe")
    (folder / "zero").symlink_to("/dev/zero")
    (folder / "in" / "out").symlink_to(folder)
    (folder / "self").symlink_to("self")
    (folder / "gone").symlink_to("nowhere")
    (folder / "a.log").write_bytes(b"\xff\xfe\x00" + LINE + os.urandom(100_000) + b"\n" + LINE)
    ran = scan(folder)
    assert ran.code == 1
    assert "2 findings in 1 file" in ran.out
    assert "pipe: is a pipe" in ran.out
    assert ran.out.count("is a link") == 4
    ran = scan("/dev/zero", folder / "pipe", folder / "self")
    assert ran.code == 2
    assert "zero: is a device" in ran.out
    assert "self: too many levels of symbolic links" in ran.out
    ran = scan(folder, "--redact", tmp_path / "clean")
    assert (ran.code, ran.err.count("left as it was")) == (2, 5)
    assert [each.name for each in (tmp_path / "clean").iterdir()] == ["a.log"]


def test_a_terabyte_of_nothing_takes_no_time_and_no_room(tmp_path: Path) -> None:
    path, clean = tmp_path / "a.log", tmp_path / "clean.log"
    with path.open("wb") as out:
        out.write(LINE)
        out.seek(1 << 40)
        out.write(b"\n" + LINE)
        out.truncate((1 << 40) + (1 << 39))
    ran = scan(path, "--format", "jsonl")
    assert ran.out.count('"token-in-url"') == 3  # two findings, and their sum
    assert f'"offset":{(1 << 40) + 1 + LINE.index(TOKEN)}' in ran.out
    ran = scan(path, "--redact", clean)
    assert (ran.code, "2 redacted" in ran.out) == (0, True)
    assert clean.stat().st_blocks * 512 < MIB
    assert clean.stat().st_size == path.stat().st_size - 2 * (len(TOKEN) - len(b"REDACTED"))


# ---- what changes while it is read ----------------------------------------------------------


def test_a_file_that_grows_without_end_is_read_as_far_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(LINE * 1_000)
    done = threading.Event()

    def write() -> None:
        with path.open("ab") as out:
            while not done.wait(0.001):
                out.write(b"more\n" * 100_000)

    writing = threading.Thread(target=write)
    writing.start()
    try:
        found = scan(path, "--jobs", 1)
        left = scan(path, "--redact", tmp_path / "clean.log")
    finally:
        done.set()
        writing.join()
    assert "1000 findings" in found.out
    assert "was written to meanwhile" in left.err
    assert [each.name for each in tmp_path.iterdir()] == ["a.log"]


def test_a_file_that_is_made_shorter_again_and_again_breaks_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(LINE * 100_000)
    done = threading.Event()

    def write() -> None:
        size = path.stat().st_size
        while not done.wait(0.001):
            os.truncate(path, 0)
            os.truncate(path, size)

    writing = threading.Thread(target=write)
    writing.start()
    try:
        ran = scan(path, "--jobs", 1)
    finally:
        done.set()
        writing.join()
    assert ran.code in (0, 1, 2)
    assert in_bounds(ran)


def test_t26_a_file_that_becomes_a_link_meanwhile_leads_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, victim = tmp_path / "a.log", tmp_path / "victim"
    path.write_bytes(LINE)
    victim.write_bytes(b"precious")
    real = redaction.check_clean

    def swapping(*given: object) -> None:
        real(*given)  # type: ignore[arg-type]
        path.unlink()
        path.symlink_to(victim)

    monkeypatch.setattr(redaction, "check_clean", swapping)
    with pytest.raises(NotWritten, match="another file"):
        redact_file(str(path), path, Needles(), in_place=True)
    assert victim.read_bytes() == b"precious"
    assert path.is_symlink()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.log", "victim"]


# ---- what is told of it ---------------------------------------------------------------------

NASTY = "\x1b]0;owned\x07\x1b[2J%0A::stop-commands::x\r\n=cmd|' /C calc'!A0](javascript:x)<b>"


@pytest.mark.parametrize("form", ["text", "json", "jsonl", "sarif", "github", "junit", "csv"])
def test_t28_names_and_contents_do_nothing_to_who_reads_the_report(
    tmp_path: Path, form: str
) -> None:
    name = NASTY.replace("/", "")
    agent = NASTY.replace("\r\n", " ")
    line = LINE.rstrip(b"\n") + f' "-" "{agent}"\n'.encode()
    (tmp_path / name).write_bytes(line)
    ran = scan(tmp_path, "--format", form, "--by", "agent,path")
    assert ran.code == 1
    assert "\x1b" not in ran.out
    assert "\x07" not in ran.out
    assert secrets_in(ran.out.encode()) == []
    for each in ran.out.splitlines():
        assert not each.startswith(("::stop", "=cmd"))
    if form == "junit":
        assert "<b>" not in ran.out
