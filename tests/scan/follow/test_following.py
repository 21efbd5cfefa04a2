"""Files that grow, are rotated, cut, compressed, vanish and come back: each token is told once."""

from __future__ import annotations

import gzip
import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from headway.scan.baseline import Baseline
from headway.scan.follow import following, register, tails
from headway.scan.follow.following import GRACE, LOOK_EVERY, follow, follow_input
from headway.scan.report.machine import Collecting
from headway.scan.scanning import Telling
from headway.scan.since import Times
from scan.follow.watching import PRINTS, RUNS, Watch, append, line, token


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while RUNS:
        RUNS.pop().close()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log with one token."""
    path = tmp_path / "a.log"
    path.write_bytes(line(1))
    return path


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Where the state goes."""
    (tmp_path / "state").mkdir(mode=0o700)
    return tmp_path / "state" / "offsets.json"


# ---- growing --------------------------------------------------------------------------------


def test_what_is_there_and_what_is_new_with_its_place(log: Path) -> None:
    watch = Watch(log)
    assert watch.look() == [1]
    append(log, 2, 3)
    assert watch.look() == [2, 3]
    assert watch.look() == []
    found = watch.report.findings[-1]
    assert (found.place.path, found.place.line) == (str(log), 3)
    assert found.place.offset == log.read_bytes().index(token(3).encode())
    assert watch.follower.end().bytes == log.stat().st_size


def test_a_half_written_line_is_waited_for(log: Path) -> None:
    watch = Watch(log)
    assert watch.look() == [1]
    with log.open("ab") as file:
        file.write(line(2)[:-120])
    assert watch.look() == watch.look() == []
    with log.open("ab") as file:
        file.write(line(2)[-120:] + line(3)[:-1])
    assert watch.look() == [2]
    assert not watch.report.findings[-1].rule.startswith("token-cut")
    assert watch.end() == [3], "nobody goes on after it"


def test_with_a_state_the_next_run_reads_the_half_line(log: Path, state: Path) -> None:
    log.write_bytes(line(1) + line(2)[:-1])
    first = Watch(log, state=state)
    assert (first.look(), first.end()) == ([1], [])
    append(log)
    with log.open("ab") as file:
        file.write(b"\n")
    second = Watch(log, state=state)
    assert second.look() == [2]
    assert second.report.findings[0].place.line == 2


def test_from_the_end(log: Path) -> None:
    log.write_bytes(line(1) + line(2)[:-9])
    watch = Watch(log, from_end=True)
    assert watch.look() == []
    with log.open("ab") as file:
        file.write(line(2)[-9:])
    assert watch.look() == [2]
    assert watch.report.findings[0].place.line == 2


def test_a_long_line_is_read_in_pieces_and_no_token_is_parted(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tails, "LINE_WAITED_FOR", 2_000)
    watch = Watch(log)
    watch.look()
    for number in range(2, 40):
        with log.open("ab") as file:
            file.write(b" ?jwt=" + token(number).encode())
        watch.look()
    assert watch.end()[-1:] == [39]
    numbers = [int((each.issuer or "n0")[1:]) for each in watch.report.findings]
    assert numbers == list(range(1, 40))
    assert not [each for each in watch.report.findings if each.rule == "token-cut-off"]


def test_more_than_one_round(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tails, "ROUND", 1_000)
    log.write_bytes(line(*range(1, 50)))
    watch = Watch(log)
    assert watch.follower.round()
    assert 0 < len(watch.told()) < 10
    assert watch.look()[-1] == 49
    log.write_bytes(b"")
    watch.look()
    append(log, *range(50, 90))
    watch.follower.round()
    summary = watch.follower.end()
    assert [each.why for each in summary.unread] == ["is longer: it was told to stop"]


def test_columns_that_a_line_long_before_names(tmp_path: Path, state: Path) -> None:
    log = tmp_path / "u_ex.log"
    log.write_bytes(b"#Fields: date time cs-method cs-uri-stem cs-uri-query c-ip\n")
    first = Watch(log, state=state)
    first.look()
    with log.open("ab") as file:
        file.write(b"2026-01-01 00:00:04 GET /x a=1 192.0.2.7\n" * 200)
    first.look()
    first.end()
    with log.open("ab") as file:
        file.write(b"2026-01-01 00:00:04 GET /x jwt=%s 192.0.2.7\n" % token(5).encode())
    second = Watch(log, state=state)
    assert second.look() == [5]
    context = second.report.findings[0].context
    assert (context["client"], context["route"], context["day"]) == (
        "192.0.2.7",
        "/x",
        "2026-01-01",
    )


# ---- rotation -------------------------------------------------------------------------------


def test_renamed_and_made_anew_and_written_to_under_its_old_name(log: Path) -> None:
    watch = Watch(log)
    watch.look()
    old = log.with_name("a.log.1")
    log.rename(old)
    append(old, 2)  # by a server that has not opened the new one
    append(log, 3)
    assert sorted(watch.look()) == [2, 3]
    append(old, 4)
    assert watch.look(GRACE / 2) == [4]
    with old.open("ab") as file:
        file.write(line(5)[:-1])
    assert watch.look() == []
    assert watch.look(GRACE) == [5], "nothing follows its last line"
    append(old, 6)
    assert watch.look() == []
    append(log, 7)
    assert watch.look() == [7]


@pytest.mark.parametrize("named", ["a.log", "*"])
def test_copied_and_cut(tmp_path: Path, log: Path, named: str) -> None:
    watch = Watch(tmp_path / named)
    watch.look()
    append(log, 2)  # between the last look and the copy
    copy = tmp_path / "a.log.1"
    shutil.copy(log, copy)
    log.write_bytes(b"")
    append(log, 3)
    assert sorted(watch.look(LOOK_EVERY)) == [2, 3]
    assert watch.look(LOOK_EVERY) == watch.look(GRACE) == []


def test_a_copy_that_is_seen_before_the_cut(tmp_path: Path, log: Path) -> None:
    watch = Watch(tmp_path)
    watch.look()
    shutil.copy(log, tmp_path / "a.log.1")
    assert watch.look(LOOK_EVERY) == []
    append(log, 2)
    shutil.copy(log, tmp_path / "a.log.1")
    log.write_bytes(line(3))
    assert sorted(watch.look()) == [2, 3]
    assert watch.look(LOOK_EVERY + GRACE) == []


def test_cut_and_longer_than_before_at_the_next_look(log: Path) -> None:
    watch = Watch(log)
    watch.look()
    log.write_bytes(line(2, 3, 4))
    assert watch.look() == [2, 3, 4]


def test_a_rotated_file_is_compressed(tmp_path: Path, log: Path) -> None:
    watch = Watch(tmp_path / "a.log*")
    watch.look()
    log.rename(tmp_path / "a.log.1")
    append(log, 2)
    assert watch.look(LOOK_EVERY) == [2]
    append(tmp_path / "a.log.1", 3)
    assert watch.look(LOOK_EVERY) == [3]
    packed = gzip.compress((tmp_path / "a.log.1").read_bytes())
    new = tmp_path / "a.log.1.gz"
    new.write_bytes(b"")
    assert watch.look(LOOK_EVERY) == []
    new.write_bytes(packed[:-30])
    assert watch.look(LOOK_EVERY) == []
    new.write_bytes(packed)
    (tmp_path / "a.log.1").unlink()
    for _ in range(4):
        assert watch.look(LOOK_EVERY) == []
    assert watch.follower.end().unread == []


def test_a_new_compressed_file_is_read_once_it_is_whole(tmp_path: Path, log: Path) -> None:
    watch = Watch(tmp_path)
    watch.look()
    packed = gzip.compress(line(*range(2, 3_000)))
    (tmp_path / "b.gz").write_bytes(packed[: len(packed) // 2])
    some = watch.look(LOOK_EVERY)
    assert watch.look(LOOK_EVERY) == []
    (tmp_path / "b.gz").write_bytes(packed)
    assert sorted(some + watch.look(LOOK_EVERY)) == list(range(2, 3_000))
    assert watch.follower.end().unread == []


def test_a_compressed_file_that_stays_cut_is_named(tmp_path: Path, log: Path) -> None:
    (tmp_path / "b.gz").write_bytes(gzip.compress(line(*range(2, 3_000)))[:-20])
    watch = Watch(tmp_path)
    watch.look()
    (unread,) = watch.follower.end().unread
    assert (unread.path, unread.partly) == (str(tmp_path / "b.gz"), True)


def test_it_vanishes_and_comes_back(tmp_path: Path, log: Path) -> None:
    watch = Watch(log)
    watch.look()
    log.rename(tmp_path / "away")
    assert watch.look() == watch.look(GRACE + 1) == []
    (tmp_path / "away").rename(log)  # the same one
    append(log, 2)
    assert watch.look() == [2]
    log.unlink()
    assert watch.look() == []
    append(log, 3)  # another one
    assert watch.look() == [3]
    log.unlink()
    watch.look()
    assert [each.why for each in watch.follower.end().unread] == ["is not there"]


def test_a_link_that_leads_elsewhere(tmp_path: Path, log: Path) -> None:
    link = tmp_path / "current"
    link.symlink_to(log)
    watch = Watch(link)
    assert watch.look() == [1]
    append(log, 2)
    append(tmp_path / "b.log", 3)
    link.unlink()
    link.symlink_to(tmp_path / "b.log")
    assert sorted(watch.look()) == [2, 3]
    assert {each.place.path for each in watch.report.findings} == {str(link)}


# ---- which files ----------------------------------------------------------------------------


def test_a_folder_with_new_files_and_what_is_no_file(tmp_path: Path, log: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(log)
    watch = Watch(tmp_path)
    assert watch.look() == [1]
    append(tmp_path / "new.log", 2)
    assert watch.look(LOOK_EVERY) == [2]
    summary = watch.follower.end()
    assert {(Path(each.path).name, each.why) for each in summary.unread} == {
        ("pipe", "is a pipe"), ("link", "is a link"),
    }  # fmt: skip
    assert summary.files == 2


def test_what_is_never_there_or_no_file_is_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_bytes(b"")
    watch = Watch(tmp_path / "none.log", tmp_path / "pipe", tmp_path / "no*", tmp_path / "file/x")
    watch.look()
    summary = watch.follower.end()
    assert {(Path(each.path).name, each.why) for each in summary.unread} == {
        ("none.log", "is not there"), ("pipe", "is no file"), ("no*", "fits no file"),
        ("x", "is not there"),
    }  # fmt: skip
    assert summary.exit_code == 2


def test_what_can_not_be_opened_is_tried_again(
    tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(path: str) -> os.stat_result:
        raise PermissionError(13, "Permission denied")

    watch = Watch(log)
    with monkeypatch.context() as patched:
        patched.setattr(tails, "opened", refuses)
        assert watch.look() == []
    with monkeypatch.context() as patched:
        patched.setattr(os, "stat", refuses)
        assert watch.look() == []
    assert watch.follower._failed == {str(log): "permission denied"}
    assert watch.look() == [1]
    assert watch.follower.end().unread == []


def test_paths_that_are_held_back(tmp_path: Path, log: Path) -> None:
    append(tmp_path / "b.log", 2)
    watch = Watch(tmp_path, baseline=Baseline(paths=["*/b.log"]))
    assert watch.look() == [1]


def test_one_file_too_many(tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "FILES_MAX", 1)
    append(tmp_path / "b.log", 2)
    watch = Watch(tmp_path)
    assert watch.look() == [1]
    assert [each.why for each in watch.follower.end().unread] == [
        "has over 1 files below: the others are not followed"
    ]
    watch = Watch(log, tmp_path / "b.log")
    assert watch.look() == [1]
    assert [each.why for each in watch.follower.end().unread] == ["is one file too many to follow"]


def test_many_files_are_closed_and_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "OPEN_MAX", 2)
    logs = [tmp_path / f"{number}.log" for number in range(1, 9)]
    for number, log in enumerate(logs, 1):
        append(log, number)
    watch = Watch(tmp_path)
    assert sorted(watch.look()) == list(range(1, 9))
    assert not any(tail.is_open for tail in watch.follower._files.tails.values())
    append(logs[0], 11)
    append(logs[1], 12)
    logs[1].rename(tmp_path / "2.log.1")  # with a line that nobody saw
    append(logs[1], 13)
    assert sorted(watch.look()) == [11, 13]
    assert watch.look(LOOK_EVERY) == [12]
    logs[2].unlink()
    assert watch.look() == watch.look(GRACE + 1) == []


def test_a_closed_file_that_was_renamed_is_found_beside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "OPEN_MAX", 0)
    log = tmp_path / "a.log"
    append(log, 1)
    watch = Watch(log)
    assert watch.look() == [1]
    append(log, 2)
    log.rename(tmp_path / "a.log.1")
    append(log, 3)
    assert watch.look() == [3]
    assert watch.look(GRACE) == [2]
    (tmp_path / "a.log").unlink()
    assert watch.look() == watch.look(GRACE + 1) == []


# ---- from one run to the next ---------------------------------------------------------------


def test_a_next_run_goes_on(log: Path, state: Path) -> None:
    first = Watch(log, state=state)
    assert first.look() == [1]
    first.end()
    append(log, 2)
    assert Watch(log, state=state).look() == [2]
    assert oct(state.stat().st_mode) == "0o100600"
    assert token(1).encode() not in state.read_bytes()
    assert b"eyJ" not in state.read_bytes()


def test_t25_a_path_with_a_token_in_it_is_in_no_state(tmp_path: Path, state: Path) -> None:
    log = tmp_path / f"jwt={token(7)}.log"
    append(log, 1)
    assert Watch(log, state=state).look() == [1]
    assert token(7).encode() not in state.read_bytes()
    append(log, 2)
    assert Watch(log, state=state).look() == [2], "it is known by its content"


def test_rotated_while_nobody_looked(tmp_path: Path, log: Path, state: Path) -> None:
    Watch(log, state=state).look()
    append(log, 2)
    log.rename(tmp_path / "a.log.3")
    later = (tmp_path / "a.log.3").stat().st_mtime
    append(tmp_path / "a.log.2", 3)
    (tmp_path / "a.log.1.gz").write_bytes(gzip.compress(line(4)))
    append(tmp_path / "a.log.md", 5)
    append(log, 6)
    os.utime(tmp_path / "a.log.2", (later + 5, later + 5))
    os.utime(tmp_path / "a.log.1.gz", (later + 9, later + 9))
    watch = Watch(log, state=state)
    assert sorted(watch.look()) == [2, 3, 4, 6]
    assert watch.look(GRACE + 1) == []
    assert Watch(log, state=state).look() == []


@pytest.mark.parametrize("how", ["compressed", "copied"])
def test_what_is_left_of_a_file_is_in_a_copy(
    tmp_path: Path, log: Path, state: Path, how: str
) -> None:
    Watch(log, state=state).look()
    append(log, 2)
    if how == "compressed":
        (tmp_path / "a.log.1.gz").write_bytes(gzip.compress(log.read_bytes()))
        log.unlink()
    else:
        shutil.copy(log, tmp_path / "a.log.1")
        log.write_bytes(b"")
    append(log, 3)
    watch = Watch(log, state=state)
    assert sorted(watch.look()) == [2, 3]
    assert watch.look(GRACE + 1) == Watch(log, state=state).look() == []


def test_what_was_read_and_rotated_is_not_read_again(
    tmp_path: Path, log: Path, state: Path
) -> None:
    first = Watch(tmp_path / "a.log*", state=state)
    first.look()
    log.rename(tmp_path / "a.log.1")
    append(log, 2)
    first.look(LOOK_EVERY)
    first.look(GRACE + 1)
    first.end()
    (tmp_path / "a.log.1").rename(tmp_path / "a.log.2")
    log.rename(tmp_path / "a.log.1")
    append(log, 3)
    assert Watch(tmp_path / "a.log*", state=state).look() == [3]


def test_what_was_told_and_not_saved_is_told_again_and_nothing_is_lost(
    log: Path, state: Path
) -> None:
    watch = Watch(log, state=state)
    watch.look()
    saved = state.read_bytes()
    append(log, 2)
    assert watch.look() == [2]
    state.write_bytes(saved)  # as if it had been killed right after it told
    append(log, 3)
    assert Watch(log, state=state).look() == [2, 3]


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("named", ["a.log", "a.log*"])
def test_whatever_happens_each_is_told_once(
    tmp_path: Path, state: Path, seed: int, named: str
) -> None:
    """Writes, halves, rotations of each kind and new runs, in any order."""
    chance = random.Random(seed)
    log, number, rotations, half = tmp_path / "logs" / "a.log", 0, 0, b""
    log.parent.mkdir()
    log.write_bytes(b"")
    watch, told = Watch(log.with_name(named), state=state), []
    begun = watch.now
    told += watch.look()
    for _ in range(40):
        what = chance.choice(["write", "write", "half", "rename", "cut", "pack", "run"])
        number += 1
        with log.open("ab") as file:
            file.write(half)
            half = b""
            if what == "half":
                file.write(line(number)[:60])
                half = line(number)[60:]
            else:
                file.write(line(number))
        rotated = log.with_name(f"a.log.{1000 - rotations}")
        if what in ("rename", "cut"):
            rotations += 1
            if what == "rename":
                log.rename(rotated)
                log.write_bytes(b"")
            else:
                shutil.copy(log, rotated)
                log.write_bytes(b"")
                os.utime(rotated, (begun + number, begun + number))
            os.utime(log, (begun + number, begun + number))  # clocks of files are coarse
        elif what == "pack":
            for each in sorted(log.parent.glob("a.log.*[0-9]")):
                told += watch.look(GRACE + 1)
                packed = gzip.compress(each.read_bytes())
                each.with_name(each.name + ".gz").write_bytes(packed)
                each.unlink()
        elif what == "run":
            told += watch.end()
            watch = Watch(log.with_name(named), state=state)
        told += watch.look(LOOK_EVERY)
    with log.open("ab") as file:
        file.write(half)
    told += watch.look(GRACE + LOOK_EVERY)
    told += watch.look(GRACE + LOOK_EVERY)
    assert sorted(told) == list(range(1, number + 1))


# ---- the loop -------------------------------------------------------------------------------


def test_it_goes_on_until_it_is_told(log: Path) -> None:
    watch, waited = Watch(log), []

    def wait(seconds: float) -> bool:
        waited.append(seconds)
        watch.now += seconds
        append(log, len(waited) + 1)
        return len(waited) == 3

    summary = follow(watch.follower, wait, interval=0.5)
    assert (summary.total, waited) == (4, [0.5] * 3)


def test_offsets_are_saved_in_a_long_round(
    tmp_path: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 6):
        append(tmp_path / f"{number}.log", number)
    saved: list[int] = []
    watch = Watch(tmp_path / "*.log", state=state)
    assert watch.follower._state is not None
    monkeypatch.setattr(watch.follower._state, "save", lambda files: saved.append(len(files)))
    monkeypatch.setattr(watch.follower, "_clock", lambda: float(len(watch.report.findings)))
    watch.follower.round()
    assert len(saved) >= 4


def test_standard_input(tmp_path: Path) -> None:
    import io

    report = Collecting()
    summary = follow_input(io.BytesIO(line(1, 2)), Telling(report, PRINTS))
    assert (summary.total, summary.files, len(report.findings)) == (2, 1, 2)
    packed = follow_input(io.BytesIO(gzip.compress(line(1, 2))), Telling(report, PRINTS))
    assert (packed.total, packed.exit_code) == (2, 1)
    other = follow_input(io.BytesIO("?jwt=".encode("utf-16")), Telling(report, PRINTS))
    assert ([each.path for each in other.unread], other.exit_code) == (["-"], 2)


def test_text_that_is_not_read_is_named(log: Path) -> None:
    log.write_bytes(line(1).decode().encode("utf-16"))
    watch = Watch(log)
    assert watch.look() == []
    summary = watch.follower.end()
    assert ([each.why[:9] for each in summary.unread], summary.exit_code) == (["is utf-16"], 2)


def test_requests_of_another_time_are_counted_and_not_told(log: Path) -> None:
    watch = Watch(log)
    watch.telling.times = Times(0.0, 5.0)
    assert watch.look() == []
    assert watch.follower.end().suppressed == 1


def test_what_was_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = tmp_path / "away"
    state.mkdir()
    monkeypatch.setattr(register, "KNOWN_MAX", register.FILES_MAX + 2)
    watch = Watch(tmp_path / "[0-9]")
    for number in range(1, 6):
        append(tmp_path / f"{number}", number)
        watch.look(LOOK_EVERY)
        (tmp_path / f"{number}").rename(state / f"{number}")  # none has the number of another
        watch.look(GRACE + 1)
        watch.look(GRACE + 1)
    assert len(watch.follower._files.left) == 2
    assert len(watch.follower._files._series) == 2
