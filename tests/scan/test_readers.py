"""Files, folders and standard input: what is opened, what is not, and what is told of it."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import socket
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from backports import zstd

from headway.scan.findings import Unread
from headway.scan.readers import (
    BREAKS,
    COMPRESSIONS,
    UNPACK_VARIABLE,
    Reads,
    broken_off,
    compression_of,
    files_in,
    opened,
    source_of,
    standard_input,
    unpack_max,
)

PLAIN = b"a line\n" * 100_000
PACKED = {
    "gzip": gzip.compress(PLAIN),
    "zstd": zstd.compress(PLAIN),
    "bzip2": bz2.compress(PLAIN),
    "xz": lzma.compress(PLAIN),
}


def whole(source: Reads) -> bytes:
    """All that *source* gives."""
    buffer, got = bytearray(65_536), bytearray()
    while size := source.readinto(memoryview(buffer)):
        got += buffer[:size]
    return bytes(got)


def listed(*named: object, follow: bool = False) -> tuple[list[str], list[Unread]]:
    """What *named* means, and what could not be read."""
    unread: list[Unread] = []
    return list(files_in(map(str, named), unread.append, follow=follow)), unread


@pytest.mark.parametrize("name", PACKED)
def test_what_a_file_is_its_first_bytes_say(tmp_path: Path, name: str) -> None:
    path = tmp_path / "no-ending"
    path.write_bytes(PACKED[name])
    with opened(str(path)) as (raw, _):
        source, compression = source_of(raw)
        assert whole(source) == PLAIN
    assert compression is not None
    assert compression.name == name


def test_plain_bytes_are_read_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "a.log.gz"
    path.write_bytes(PLAIN)
    with opened(str(path)) as (raw, found):
        source, compression = source_of(raw)
        assert (whole(source), compression, found.st_size) == (PLAIN, None, len(PLAIN))


@pytest.mark.parametrize("several", ["gzip", "zstd", "bzip2", "xz"])
def test_parts_in_one_file_are_all_read(tmp_path: Path, several: str) -> None:
    path = tmp_path / "x"
    path.write_bytes(PACKED[several] * 2)
    with opened(str(path)) as (raw, _):
        assert whole(source_of(raw)[0]) == PLAIN * 2


@pytest.mark.parametrize("each", COMPRESSIONS, ids=lambda each: each.name)
def test_what_is_written_reads_back(tmp_path: Path, each: object) -> None:
    compression = next(c for c in COMPRESSIONS if c is each)
    path = tmp_path / "x"
    with path.open("wb") as raw, compression.writer(raw) as out:
        out.write(PLAIN)
    assert compression_of(path.read_bytes()[:6]) is compression
    with opened(str(path)) as (raw, _):
        assert whole(source_of(raw)[0]) == PLAIN


@pytest.mark.parametrize("name", PACKED)
def test_a_cut_file_breaks_and_says_why(tmp_path: Path, name: str) -> None:
    path = tmp_path / "cut"
    path.write_bytes(PACKED[name][: len(PACKED[name]) // 2])
    with opened(str(path)) as (raw, _), pytest.raises(BREAKS) as caught:
        whole(source_of(raw)[0])
    assert "cut" in broken_off(caught.value)


def test_gzip_that_is_damaged_at_its_first_block_breaks(tmp_path: Path) -> None:
    path = tmp_path / "damaged"
    path.write_bytes(PACKED["gzip"][:12] + b"\xff" * 500)
    with opened(str(path)) as (raw, _), pytest.raises(BREAKS) as caught:
        source_of(raw)[0].readinto(memoryview(bytearray(100)))
    assert broken_off(caught.value).startswith("is damaged")


@pytest.mark.parametrize("name", PACKED)
def test_a_damaged_file_breaks_and_says_why(tmp_path: Path, name: str) -> None:
    damaged = bytearray(PACKED[name])
    damaged[len(damaged) // 2 :] = b"\xff" * (len(damaged) - len(damaged) // 2)
    path = tmp_path / "damaged"
    path.write_bytes(damaged)
    with opened(str(path)) as (raw, _), pytest.raises(BREAKS) as caught:
        whole(source_of(raw)[0])
    assert broken_off(caught.value)


@pytest.mark.parametrize("name", PACKED)
def test_a_bomb_breaks_off_and_what_allows_more_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = tmp_path / "bomb"
    path.write_bytes(PACKED[name])
    monkeypatch.setenv(UNPACK_VARIABLE, str(len(PLAIN) - 1))
    with opened(str(path)) as (raw, _), pytest.raises(OSError) as caught:  # noqa: PT011
        whole(source_of(raw)[0])
    assert broken_off(caught.value) == (
        "gives more than 699999 bytes when it is unpacked; --unpack-max allows more"
    )
    monkeypatch.setenv(UNPACK_VARIABLE, str(len(PLAIN)))
    with opened(str(path)) as (raw, _):
        assert whole(source_of(raw)[0]) == PLAIN


def test_how_much_a_file_may_give() -> None:
    assert unpack_max(100, {}) == unpack_max(0, {UNPACK_VARIABLE: "x"}) == 1 << 30
    assert unpack_max(1 << 30, {}) == 200 << 30
    assert unpack_max(1 << 30, {UNPACK_VARIABLE: "7"}) == 7


def test_xz_and_zstd_get_no_more_memory_than_others(tmp_path: Path) -> None:
    # a frame says how much its decoder has to remember: here 256 MiB
    frame = b"\x28\xb5\x2f\xfd" + b"\x00" + bytes([(28 - 10) << 3]) + b"\x01\x00\x00"
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 28}]
    for data in (lzma.compress(PLAIN, filters=filters), frame):
        path = tmp_path / "wide"
        path.write_bytes(data)
        with opened(str(path)) as (raw, _), pytest.raises(BREAKS) as caught:
            whole(source_of(raw)[0])
        assert broken_off(caught.value) == "wants more than 128 MiB of memory to be unpacked"


def test_xz_with_zeros_between_streams_is_read_and_rubbish_is_not(tmp_path: Path) -> None:
    path = tmp_path / "a.xz"
    packed = lzma.compress(PLAIN)
    path.write_bytes(packed + bytes(200_000) + packed + bytes(8))
    with opened(str(path)) as (raw, _):
        assert whole(source_of(raw)[0]) == PLAIN * 2
    path.write_bytes(packed + b"rubbish, or a part of a log")
    with opened(str(path)) as (raw, _), pytest.raises(lzma.LZMAError):
        whole(source_of(raw)[0])


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "pipe", tmp_path / "folder", Path("/dev/null"), tmp_path / "none"):
        with pytest.raises(OSError), opened(str(path)):  # noqa: PT011 - of any sort
            pass


def test_folders_give_their_files_in_order_each_once(tmp_path: Path) -> None:
    for name in ("b", "a", "deep/er/c", ".hidden"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    os.link(tmp_path / "a", tmp_path / "same")
    files, unread = listed(tmp_path, tmp_path / "a")
    assert [Path(file).name for file in files] == [".hidden", "a", "b", "c"]
    assert unread == []


def test_what_is_no_file_is_told_of(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/etc/passwd")
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(tmp_path / "s"))
    files, unread = listed(tmp_path, tmp_path / "none", "/dev/null", str(tmp_path / "*.log"))
    server.close()
    assert files == []
    assert {Path(each.path).name: each.why for each in unread} == {
        "pipe": "is a pipe", "link": "is a link", "s": "is a socket", "null": "is a device",
        "none": "no such file or directory", "*.log": "fits no file",
    }  # fmt: skip


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file").write_text("x")
    (tmp_path / "a" / "again").symlink_to(tmp_path)
    files, _ = listed(tmp_path, follow=True)
    assert [Path(file).name for file in files] == ["file"]


def test_a_named_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    assert listed(tmp_path / "link") == ([str(tmp_path / "link")], [])


def test_patterns_and_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.log", "b.log", "c.txt"):
        (tmp_path / name).write_text("x")
    files, unread = listed("-", str(tmp_path / "*.log"))
    assert ([Path(file).name for file in files], unread) == (["-", "a.log", "b.log"], [])
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"abc")))
    assert whole(standard_input()[0]) == b"abc"


class _Slow(io.RawIOBase):
    """Gives one byte at a time."""

    def __init__(self, data: bytes) -> None:
        self._left = data

    def read(self, size: int = -1) -> bytes:
        data, self._left = self._left[:1], self._left[1:]
        return data

    def readinto(self, buffer: Any) -> int:
        data = self.read()
        buffer[: len(data)] = data
        return len(data)


def _given(data: io.RawIOBase | io.BytesIO, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sys, "stdin", SimpleNamespace(buffer=SimpleNamespace(raw=data)))


@pytest.mark.parametrize("name", PACKED)
def test_standard_input_is_unpacked(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _given(io.BytesIO(PACKED[name]), monkeypatch)
    source, compression = standard_input()
    assert (whole(source), compression and compression.name) == (PLAIN, name)
    _given(_Slow(PACKED[name]), monkeypatch)
    assert whole(standard_input()[0]) == PLAIN


@pytest.mark.parametrize("data", [b"", b"\x1f", b"BZ is no magic", b"\xfd7zX", b"a\nb\n"])
def test_standard_input_that_is_not_packed(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    for source in (io.BytesIO(data), _Slow(data)):
        _given(source, monkeypatch)
        got, compression = standard_input()
        assert (whole(got), compression) == (data, None)


def test_a_bomb_on_standard_input_breaks_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWAY_SCAN_UNPACK_MAX", "1000")
    _given(io.BytesIO(PACKED["gzip"]), monkeypatch)
    with pytest.raises(OSError, match="gives more than 1000 bytes"):
        whole(standard_input()[0])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_text_that_is_not_read_is_named(
    encoding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = "\ufeff?jwt=".encode("utf-16-be") if encoding == "utf-16-be" else "?jwt".encode(encoding)
    path = tmp_path / "powershell.log"
    path.write_bytes(data)
    with (
        opened(str(path)) as (raw, _),
        pytest.raises(OSError, match="UTF-16, which is not read; iconv"),
    ):
        source_of(raw)
    _given(io.BytesIO(data), monkeypatch)
    with pytest.raises(OSError, match="UTF-16"):
        standard_input()


def test_names_that_are_no_text(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/\xff.log"
    with open(name, "wb") as out:  # noqa: PTH123 - a name that is no text
        out.write(b"x")
    files, _ = listed(tmp_path)
    with opened(files[0]) as (raw, _):
        assert raw.read() == b"x"


def test_a_folder_that_can_not_be_read_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refused)
    assert listed(tmp_path) == ([], [Unread(str(tmp_path), "permission denied")])
