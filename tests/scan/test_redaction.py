"""A clean copy: byte for byte as it was, but for the tokens."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from headway.scan import redaction
from headway.scan.blocks import BLOCK, Needles
from headway.scan.hits import found_in_line
from headway.scan.readers import opened, source_of
from headway.scan.redaction import Redacted, redact_file, redact_stream
from headway.scan.writing import NotWritten
from scan.corpus import filled, read, secrets_in, tokens
from scan.test_readers import whole

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

NEEDLES = Needles()
CONTEXTS = read("logs/contexts.toml")["context"]
PACKERS = {"plain": bytes, "gzip": gzip.compress, "zstd": zstd.compress, "bzip2": bz2.compress,
           "xz": lzma.compress}  # fmt: skip


def redacted(data: bytes) -> tuple[bytes, Redacted]:
    """*data* without its tokens."""
    out = io.BytesIO()
    done = redact_stream(io.BytesIO(data), out, NEEDLES)
    return out.getvalue(), done


@pytest.mark.parametrize("context", CONTEXTS, ids=lambda context: context["id"])
def test_the_corpus(context: dict[str, Any]) -> None:
    text = filled(context["text"])
    out, done = redacted(text)
    assert done == Redacted(context.get("found", 0), len(text))
    assert secrets_in(out) == []
    assert redacted(out)[1].tokens == 0
    # every byte that is no token stands where it stood
    expected, at = [], 0
    for line in text.split(b"\n"):
        spans = sorted((t.start, t.end) for t, _, _ in found_in_line(line))
        last = 0
        for start, end in spans:
            expected += [line[last:start], b"REDACTED"]
            last = end
        expected += [line[last:], b"\n"]
        at += len(line) + 1
    assert out == b"".join(expected)[:-1]


@pytest.mark.parametrize("shift", range(-420, 60, 60))
def test_borders_of_blocks_lose_nothing(shift: int) -> None:
    line = filled("GET /x?jwt={T}&a=1 HTTP/1.1\n")
    filler = b"f" * 99 + b"\n"
    data = filler * ((BLOCK + shift) // 100) + line * 3 + filler * 5_000 + line
    out, done = redacted(data)
    token = tokens()["T"].encode()
    assert done.tokens == 4
    assert out == data.replace(token, b"REDACTED")


@pytest.mark.parametrize("after", [b"%23frag", b"%2523frag", b"\0\1", b":1234567", b"+1234567"])
def test_what_stands_behind_a_token_keeps_no_file_from_being_cleaned(after: bytes) -> None:
    out, _ = redacted(filled("GET /x?next=%2Fp%3Fjwt%3D{T}").rstrip() + after + b"\n")
    assert out == b"GET /x?next=%2Fp%3Fjwt%3DREDACTED" + after + b"\n"
    assert redacted(out) == (out, Redacted(0, len(out)))


@pytest.mark.parametrize("before", [0, 10, BLOCK - 20_000, BLOCK - 10, BLOCK + 300])
@pytest.mark.parametrize("size", [17_000, 40_000, 700_000])
def test_a_token_that_is_longer_than_is_read_goes_to_its_end(before: int, size: int) -> None:
    head, claims, mac = tokens()["T"].encode().split(b".")
    long = b".".join([head, claims + b"eXl5" * (size // 4), mac])
    data = b"x" * before + b"?jwt=" + long + b"&page=2" + b"y" * 300_000 + b"\n"
    out, done = redacted(data)
    assert (out, done.tokens) == (data.replace(long, b"REDACTED"), 1)
    assert redacted(out)[1].tokens == 0


def test_a_line_without_end() -> None:
    token = tokens()["T"].encode()
    data = (b"x" * 70_001 + b"?jwt=" + token + b"&") * 9
    out, done = redacted(data)
    assert done.tokens == 9
    assert out == data.replace(token, b"REDACTED")


@pytest.mark.parametrize("packer", PACKERS)
def test_a_copy_is_compressed_as_the_input_was_with_its_mode(tmp_path: Path, packer: str) -> None:
    data = (b"plain\n" * 1000 + filled("GET /x?jwt={T} HTTP/1.1\n")) * 20
    path, to = tmp_path / "in", tmp_path / "out"
    path.write_bytes(PACKERS[packer](data))
    path.chmod(0o640)
    assert redact_file(str(path), to, NEEDLES).tokens == 20
    assert stat.S_IMODE(to.stat().st_mode) == 0o640
    with opened(str(to)) as (raw, _):
        source, compression = source_of(raw)
        assert whole(source) == data.replace(tokens()["T"].encode(), b"REDACTED")
    assert (compression.name if compression else "plain") == packer
    assert path.read_bytes() == PACKERS[packer](data)


def test_in_place_with_and_without_backup(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    data = filled("GET /x?jwt={T} HTTP/1.1\n")
    path.write_bytes(data)
    redact_file(str(path), path, NEEDLES, in_place=True, backup=".bak")
    assert path.read_bytes() == b"GET /x?jwt=REDACTED HTTP/1.1\n"
    assert (tmp_path / "a.log.bak").read_bytes() == data
    path.write_bytes(data)
    redact_file(str(path), path, NEEDLES, in_place=True)
    assert secrets_in(path.read_bytes()) == []


def test_what_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(filled("GET /x?jwt={T} HTTP/1.1\n"))
    (tmp_path / "link").symlink_to(path)
    (tmp_path / "there").write_text("x")
    cut = tmp_path / "cut.gz"
    cut.write_bytes(gzip.compress(os.urandom(9_000))[:-30])

    def left(source: Path, to: Path, why: str, *, in_place: bool = False) -> None:
        before = to.read_bytes() if to.exists() else None
        with pytest.raises(NotWritten, match=why):
            redact_file(str(source), to, NEEDLES, in_place=in_place)
        assert (to.read_bytes() if to.exists() else None) == before

    left(tmp_path / "link", tmp_path / "link", "is a link", in_place=True)
    left(path, tmp_path / "there", "is there already")
    left(cut, tmp_path / "new", "cut")
    left(tmp_path / "none", tmp_path / "new", "no such file")
    os.link(path, tmp_path / "second")
    left(path, path, "2 names", in_place=True)
    (tmp_path / "second").unlink()
    # a copy that is not clean, and a file that somebody writes
    monkeypatch.setattr(
        redaction, "_copy_by_data", lambda raw, size, out, n: out.write(path.read_bytes())
    )
    left(path, tmp_path / "new", "second look")

    def growing(raw: object, size: object, out: object, n: object) -> None:
        with path.open("ab") as out:
            out.write(b"more\n")

    monkeypatch.setattr(redaction, "_copy_by_data", growing)
    left(path, tmp_path / "new", "meanwhile")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.log", "cut.gz", "link", "there"]


def test_many_tokens_in_a_block_and_short_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.writev
    monkeypatch.setattr(os, "writev", lambda fd, parts: real(fd, [b"".join(parts)[:1000]]))
    data = filled("?jwt={T}\n") * 900
    path = tmp_path / "a"
    path.write_bytes(data)
    assert redact_file(str(path), tmp_path / "b", NEEDLES).tokens == 900
    assert (tmp_path / "b").read_bytes() == b"?jwt=REDACTED\n" * 900


def test_a_copy_of_a_file_with_holes_has_them_too(tmp_path: Path) -> None:
    path, to = tmp_path / "a", tmp_path / "b"
    line = filled("GET /x?jwt={T} HTTP/1.1\n")
    with path.open("wb") as out:
        for _ in range(3):
            out.seek(8 << 20, os.SEEK_CUR)
            out.write(line)
        out.truncate(out.tell() + (8 << 20))
    assert redact_file(str(path), to, NEEDLES).tokens == 3
    assert to.stat().st_blocks * 512 < 1 << 20
    assert to.read_bytes() == path.read_bytes().replace(tokens()["T"].encode(), b"REDACTED")
