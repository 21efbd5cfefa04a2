"""Clean copies of objects, and as objects: looked at here, sent, and read again."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from headway.scan.blocks import Needles
from headway.scan.stores import copying
from headway.scan.stores.address import Address, parse_address
from headway.scan.stores.copying import inside, redact_object, sent, target_of
from headway.scan.stores.objects import Store, Stored
from headway.scan.writing import NotWritten
from scan.corpus import filled

LINE = filled("GET /a?jwt={T} HTTP/1.1\n")
CLEAN = b"GET /a?jwt=REDACTED HTTP/1.1\n"


class Files:
    """Objects; *lies* says what one has instead of what it was given."""

    def __init__(self, **content: bytes) -> None:
        self.content = {f"bucket/{key}": value for key, value in content.items()}
        self.lies = b""
        self.error: Exception | None = None
        self.tag = "1"

    def info(self, path: str) -> dict[str, Any]:
        return {"name": path, "size": len(self.content[path]), "etag": self.tag, "type": "file"}

    def exists(self, path: str) -> bool:
        if self.error:
            raise self.error
        return path in self.content

    def cat_file(self, path: str, start: int, end: int) -> bytes:
        return self.content[path][start:end]

    def put_file(self, local: str, path: str, mode: str) -> None:
        if mode != "create" or path == "bucket/raced":
            raise FileExistsError(path)
        self.content[path] = self.lies or Path(local).read_bytes()


def stored(files: Files, key: str) -> Stored:
    """As it was listed."""
    size = len(files.content[f"bucket/{key}"])
    return Stored(f"s3://bucket/{key}", size, f"1 {size}")


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_copy_is_compressed_as_the_object_is(pack: Any, tmp_path: Path) -> None:
    files = Files(a=pack(LINE * 30))
    target = tmp_path / "copy"
    done = redact_object(Store("s3", files), stored(files, "a"), target, Needles())
    assert done.tokens == 30
    copy = target.read_bytes()
    assert (copy if pack is bytes else gzip.decompress(copy)) == CLEAN * 30
    assert target.stat().st_mode & 0o777 == 0o600


def test_what_is_not_read_whole_or_not_clean_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = Files(cut=gzip.compress(LINE * 500)[:-20], a=LINE)
    store, target = Store("s3", files), tmp_path / "copy"

    def left(key: str, why: str) -> None:
        with pytest.raises(NotWritten, match=why):
            redact_object(store, stored(files, key), target, Needles())
        assert list(tmp_path.iterdir()) == []

    left("cut", "cut: ends before its end")
    files.tag = "2"
    left("a", "changed while it was looked at")
    files.tag = "1"
    monkeypatch.setattr(copying, "copy_redacted", lambda source, c, raw, n: raw.write(LINE))
    left("a", "a second look")


@pytest.mark.parametrize(
    ("address", "key", "below"),
    [
        ("s3://bucket/logs", "logs/2026/a.log", "2026/a.log"),
        ("s3://bucket/logs/", "logs/a.log", "a.log"),
        ("s3://bucket", "logs/a.log", "logs/a.log"),
        ("s3://bucket/logs/a.log", "logs/a.log", "a.log"),
        ("s3://bucket/logs/2*/x*.gz", "logs/26/x1.gz", "26/x1.gz"),
        ("s3://bucket/l*/a", "logs/a", "logs/a"),
    ],
)
def test_where_a_copy_lies(address: str, key: str, below: str) -> None:
    assert inside(parse_address(address), Stored(f"s3://bucket/{key}", 1, "")) == below


@pytest.mark.parametrize("key", ["../../etc/passwd", "a//b", "a/./b", "/etc/x", "a\\..\\b", "x/"])
def test_a_key_that_is_no_path_leads_nowhere(key: str) -> None:
    """T26: never outside the folder that was named."""
    with pytest.raises(NotWritten, match="no path below a folder"):
        inside(parse_address("s3://bucket/logs/"), Stored(f"s3://bucket/logs/{key}", 1, ""))


@pytest.mark.parametrize(
    ("out", "alone", "key"),
    [("s3://b-1/x.log", True, "x.log"), ("s3://b-1/x.log", False, "x.log/below"),
     ("s3://b-1/x/", True, "x/below"), ("s3://b-1", True, "below"), ("s3://b-1", False, "below")],
)  # fmt: skip
def test_the_key_of_a_copy(out: str, alone: bool, key: str) -> None:
    assert target_of(parse_address(out), lambda: "below", alone=alone) == Address("s3", "b-1", key)


def send(files: Files, key: str, content: bytes = CLEAN) -> None:
    """Send *content* to *key*."""
    with sent(Store("s3", files), Address("s3", "bucket", key)) as local:
        local.write_bytes(content)


def test_what_is_sent_is_read_again() -> None:
    files = Files()
    send(files, "new")
    assert files.content == {"bucket/new": CLEAN}
    files.lies = b"other bytes"
    with pytest.raises(NotWritten, match="other bytes than it was given"):
        send(files, "newer")


@pytest.mark.parametrize("key", ["there", "raced"])
def test_nothing_is_written_over(key: str) -> None:
    files = Files(there=b"before")
    with pytest.raises(NotWritten, match=f"s3://bucket/{key}: is there already"):
        send(files, key)
    assert files.content == {"bucket/there": b"before"}


def test_a_store_that_says_no() -> None:
    files = Files()
    files.error = PermissionError("AKIASECRET")
    with pytest.raises(NotWritten, match="credentials of the environment") as told:
        send(files, "new")
    assert "AKIASECRET" not in str(told.value)


def test_nothing_is_left_on_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying.tempfile, "tempdir", str(tmp_path))
    send(Files(), "new")
    with pytest.raises(NotWritten):
        send(Files(new=b""), "new")
    assert list(tmp_path.iterdir()) == []
