"""An object as a file: in order, a few ranges ahead, and no more."""

from __future__ import annotations

import bz2
import gzip
import threading
import tracemalloc

import pytest

from headway.scan.blocks import Needles
from headway.scan.logs import found_in
from headway.scan.stores import reading
from headway.scan.stores.objects import ObjectNotRead, Store, Stored
from headway.scan.stores.reading import (
    AHEAD,
    ObjectReader,
    ObjectSeeks,
    opened_object,
    source_of_object,
)
from scan.corpus import filled

LINE = filled("GET /a?jwt={T} HTTP/1.1\n")


class Files:
    """One object; counts the ranges that are on their way."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.ranges: list[tuple[int, int]] = []
        self.now = self.most = 0
        self.lock = threading.Lock()
        self.tag = "1"

    def cat_file(self, path: str, start: int, end: int) -> bytes:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
            self.ranges.append((start, end))
        data = self.content[start:end]
        with self.lock:
            self.now -= 1
        return data

    def info(self, path: str) -> dict[str, object]:
        return {"type": "file", "size": len(self.content), "etag": self.tag, "name": path}

    def of(self) -> tuple[Store, Stored]:
        """The store of it, and the object as it would be listed."""
        store = Store("s3", self, sleep=lambda seconds: None)
        return store, Stored("s3://bucket/key", len(self.content), f"1 {len(self.content)}")


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "RANGE", 100)


def test_all_of_it_in_order() -> None:
    files = Files(bytes(range(256)) * 4)
    with opened_object(*files.of()) as raw:
        assert raw.read() == files.content
    assert files.ranges == [(low, min(low + 100, 1024)) for low in range(0, 1024, 100)]
    assert files.most <= AHEAD + 1
    assert not [each for each in threading.enumerate() if each.name.startswith("range")]


def test_a_small_one_is_one_request_and_no_thread() -> None:
    files = Files(b"x" * 50)
    with opened_object(*files.of()) as raw:
        assert raw.read() == files.content
        assert not [each for each in threading.enumerate() if each.name.startswith("range")]
    assert files.ranges == [(0, 50)]


def test_an_empty_one() -> None:
    files = Files(b"")
    with opened_object(*files.of()) as raw:
        assert raw.read() == b""
    assert files.ranges == []


def test_a_part_of_it_and_no_byte_more() -> None:
    files = Files(bytes(range(250)) * 4)
    reader = ObjectReader(*files.of(), 150, 400)
    assert b"".join(iter(lambda: reader.read(50) or b"", b"")) == files.content[150:400]
    assert files.ranges == [(150, 250), (250, 350), (350, 400)]
    reader.close()


def test_here_and_there() -> None:
    files = Files(bytes(range(250)))
    seeks = ObjectSeeks(*files.of())
    buffer = memoryview(bytearray(20))
    assert (seeks.seek(100), seeks.readinto(buffer), bytes(buffer)) == (
        100, 20, files.content[100:120],
    )  # fmt: skip
    seeks.seek(245)
    assert (seeks.readinto(buffer), bytes(buffer[:5])) == (5, files.content[245:])
    assert seeks.readinto(buffer) == 0


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress], ids=["plain", "gzip", "bz2"])
def test_compressed_or_not(pack: type[bytes]) -> None:
    files = Files(pack(b"first\n" + LINE * 20))
    with opened_object(*files.of()) as raw:
        source, _ = source_of_object(raw)
        found = list(found_in(source, "s3://bucket/key", Needles()))
    assert [each.line.number for each in found] == list(range(2, 22))


def test_one_that_changes_while_it_is_read_is_told_of() -> None:
    files = Files(LINE * 50)

    def read() -> int:
        with opened_object(*files.of()) as raw:
            source, _ = source_of_object(raw)
            found = list(found_in(source, "s3://bucket/key", Needles()))
            files.tag = "2"
        return len(found)

    with pytest.raises(ObjectNotRead, match="changed"):
        read()


def test_one_that_breaks_because_it_changed_says_so() -> None:
    files = Files(gzip.compress(LINE * 5_000))
    store, stored = files.of()
    files.content, files.tag = files.content[:90], "2"

    with pytest.raises(ObjectNotRead, match="changed"), opened_object(store, stored) as raw:
        raw.read()


def test_one_that_is_damaged_is_damaged() -> None:
    files = Files(gzip.compress(LINE * 500)[:-30])
    with pytest.raises(EOFError), opened_object(*files.of()) as raw:
        list(found_in(source_of_object(raw)[0], "s3://bucket/key", Needles()))


def test_memory_is_bounded_whatever_the_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "RANGE", 2**18)
    files = Files(b"nothing to see here\n" * 800_000)
    tracemalloc.start()
    with opened_object(*files.of()) as raw:
        assert list(found_in(source_of_object(raw)[0], "s3://bucket/key", Needles())) == []
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * 2**20


def test_an_error_on_the_way_is_raised() -> None:
    files = Files(b"x" * 1_000)
    store, stored = files.of()
    files.content = b""
    files.tag = "1"
    with pytest.raises(ObjectNotRead, match="another range"):
        ObjectReader(store, stored).read(10)
