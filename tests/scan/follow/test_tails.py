"""One file that grows."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest

from headway.scan.blocks import Needles
from headway.scan.findings import Fingerprints
from headway.scan.follow import tails
from headway.scan.follow.state import FOOT, HEAD
from headway.scan.follow.tails import Same, Tail, goes_on
from headway.scan.readers import BREAKS, opened
from scan.follow.watching import PRINTS, append, line

NEEDLES = Needles()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log with one token."""
    (tmp_path / "a.log").write_bytes(line(1))
    return tmp_path / "a.log"


def told(tail: Tail, *, finish: bool = False) -> list[str | None]:
    """Whose tokens are new."""
    return [found.hit.token.issuer for found in tail.new(NEEDLES, finish=finish)]


def test_what_is_new_and_where_it_stands(log: Path) -> None:
    tail = Tail("name", str(log))
    assert (told(tail), tail.changed) == (["n1"], False)
    append(log, 2)
    assert tail.look(log.stat())
    assert tail.changed
    (found,) = tail.new(NEEDLES)
    assert (found.path, found.line.number, found.line.offset) == ("name", 2, len(line(1)))
    assert not tail.look(log.stat())
    assert (tail.offset, tail.lines) == (len(line(1, 2)), 2)
    tail.close()


def test_the_last_line_is_waited_for_unless_nothing_follows(log: Path) -> None:
    log.write_bytes(line(1) + line(2)[:-1])
    tail = Tail("a", str(log))
    assert told(tail) == ["n1"]
    assert told(tail) == []
    assert told(tail, finish=True) == ["n2"]
    tail.close()


def test_a_line_that_is_too_long_is_parted_where_no_token_is(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tails, "LINE_WAITED_FOR", 1_000)
    log.write_bytes(b"x" * 990 + b' "' + line(7)[:-60])
    tail = Tail("a", str(log))
    assert told(tail) == []
    assert 990 <= tail.offset < log.stat().st_size
    log.write_bytes(b"x" * 990 + b' "' + line(7))
    assert told(tail) == ["n7"]
    log.write_bytes(log.read_bytes() + b"x" * 100_000)
    assert told(tail) == []
    assert tail.offset == log.stat().st_size, "there is no place to part it at"
    tail.close()


def test_after_what_is_there(log: Path) -> None:
    log.write_bytes(line(1, 2) + b"half")
    tail = Tail("a", str(log))
    tail.pass_over()
    assert (tail.offset, tail.lines) == (len(line(1, 2)), 2)
    log.write_bytes(b"half")
    tail.begin_anew()
    tail.pass_over()
    assert (tail.offset, tail.lines) == (0, 0)
    tail.close()


@pytest.mark.parametrize(
    "packed", [gzip.compress, bz2.compress, lzma.compress], ids=["gz", "bz2", "xz"]
)
def test_a_compressed_file_that_is_still_written(
    tmp_path: Path, packed: Callable[[bytes], bytes]
) -> None:
    content = b"".join(
        line(number) + bytes([65 + number % 26]) * 97 + b"\n" for number in range(3000)
    )
    whole = packed(content)
    path = tmp_path / "a"
    path.write_bytes(b"")  # it is told by its content, once there is some
    tail = Tail("a", str(path))
    assert told(tail) == []
    path.write_bytes(whole[: len(whole) // 2])
    found = []
    with pytest.raises(BREAKS):
        found += told(tail)
    assert tail.offset == content.rfind(b"\n", 0, tail.offset) + 1, "whole lines alone"
    path.write_bytes(whole)
    some, start = tail.lines // 2, tail.offset
    assert told(tail) == [f"n{number}" for number in range(some, 3000)]
    assert (start, tail.offset) == (start, len(content))
    assert tail.is_compressed
    assert tail.is_still(PRINTS)
    again = Tail("a", str(path))
    again.resume(tail.known(PRINTS))
    assert (told(again), again.lines) == ([], 6000)
    tail.close()
    again.close()


def test_a_long_line_in_a_compressed_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tails, "LINE_WAITED_FOR", 100_000)
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b"x" * 500_000 + b" " + line(3)))
    tail = Tail("a", str(path))
    assert told(tail) == ["n3"]
    tail.close()


def test_columns_that_were_named_before(tmp_path: Path) -> None:
    path, row = tmp_path / "a", b"2026-01-01\t00:00:04\tGET\n"
    path.write_bytes(b"#Fields: date time cs-method\n" + row * 900)
    tail = Tail("a", str(path))
    told(tail)
    known = tail.known(PRINTS)
    assert known.fields_at == 0
    again = Tail("a", str(path))
    again.resume(known)
    with opened(str(path)) as (raw, _):
        reading = again._primed(raw)
    assert reading.fields == b"#Fields: date time cs-method"
    packed = tmp_path / "a.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    third = Tail("a", str(packed))
    third.resume(known)
    assert told(third) == []
    assert third._reading is not None
    assert third._reading.fields == reading.fields
    for each in (tail, again, third):
        each.close()


def test_closed_and_opened_again(log: Path) -> None:
    tail = Tail("a", str(log))
    tail.close()
    assert not tail.is_open
    assert told(tail) == ["n1"]
    assert tail.is_open
    tail.close()
    log.rename(log.with_name("b"))
    append(log, 2)
    with pytest.raises(FileNotFoundError):
        told(tail)
    assert tail.is_still(PRINTS), "the next look says more"
    known = tail.known(PRINTS)
    assert known.head == PRINTS.of("head", "", b""), "nothing is known of what can not be read"
    tail.close()


def test_whether_it_is_still_the_same(log: Path) -> None:
    log.write_bytes(line(*range(1, 60)))
    tail = Tail("a", str(log))
    assert tail.is_still(PRINTS), "nothing was read of it"
    told(tail)
    known = tail.known(PRINTS)
    assert known is tail.known(PRINTS)
    append(log, 60)
    assert tail.is_still(PRINTS)
    content = log.read_bytes()
    log.write_bytes(content.replace(b"GET", b"PUT"))
    assert not tail.is_still(PRINTS)
    log.write_bytes(content[:HEAD] + content[HEAD:].replace(b"GET", b"PUT"))
    assert not tail.is_still(PRINTS)
    tail.close()


def test_what_a_file_may_be(tmp_path: Path, log: Path) -> None:
    content = line(*range(1, 200))
    log.write_bytes(content)
    tail = Tail("a", str(log))
    told(tail)
    known = tail.known(PRINTS)
    tail.close()
    other = tmp_path / "b"

    def same(found: bytes) -> Same:
        other.write_bytes(found)
        with opened(str(other)) as (raw, _):
            return goes_on(known, raw, PRINTS)

    assert same(content + b"more") is Same.YES
    assert same(b"") is same(content[:100]) is Same.NOT_YET
    assert same(content[: HEAD + FOOT]) is Same.NOT_YET
    assert same(line(9) * 200) is Same.NO
    assert same(content[:-1] + b"!") is Same.NO
    packed = gzip.compress(content + b"more")
    assert same(packed) is Same.YES
    assert same(packed[: len(packed) - 200]) is Same.NOT_YET
    assert same(gzip.compress(content[:-30])) is Same.NOT_YET
    assert same(packed[:20] + b"\xff" * 500) is Same.NO
    other_key = Fingerprints(bytes(31) + b"x")
    other.write_bytes(content)
    with opened(str(other)) as (raw, _):
        assert goes_on(known, raw, other_key) is Same.NO
