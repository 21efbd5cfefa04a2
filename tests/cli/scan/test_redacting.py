"""``headway scan logs --redact`` and ``--in-place``, as they are called."""

from __future__ import annotations

import errno
import gzip
import io
import sys
from pathlib import Path
from typing import Any

import pytest

from headway.cli.commands import run
from headway.scan import redaction
from headway.scan.stores import objects
from headway.scan.stores.objects import Store
from scan.corpus import filled, secrets_in

LINE = filled("GET /a?jwt={T} HTTP/1.1\n")


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """A folder with two logs, one of them deeper."""
    folder = tmp_path / "logs"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.log").write_bytes(LINE)
    (folder / "deep" / "b.log").write_bytes(LINE * 2)
    return folder


def test_one_file(logs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "clean.log"
    assert run(["scan", "logs", str(logs / "a.log"), "--redact", str(out)]) == 0
    assert "1 redacted" in capsys.readouterr().out
    assert out.read_bytes() == b"GET /a?jwt=REDACTED HTTP/1.1\n"
    assert run(["scan", "logs", str(logs / "a.log"), "--redact", str(out)]) == 2
    assert f"left as it was: {out}: is there already" in capsys.readouterr().err


def test_a_folder(logs: Path, tmp_path: Path) -> None:
    out = tmp_path / "clean"
    assert run(["scan", "logs", str(logs), "--redact", str(out)]) == 0
    assert run(["scan", "logs", str(out)]) == 0
    assert (out / "deep" / "b.log").read_bytes().count(b"REDACTED") == 2
    other = tmp_path / "other"
    other.mkdir()
    assert run(["scan", "logs", str(logs / "a.log"), "--redact", str(other)]) == 0
    assert (other / "a.log").exists()


def test_in_place(logs: Path) -> None:
    assert run(["scan", "logs", str(logs), "--in-place", "--backup", ".bak"]) == 0
    assert secrets_in((logs / "a.log").read_bytes()) == []
    assert secrets_in((logs / "a.log.bak").read_bytes())
    assert run(["scan", "logs", str(logs / "a.log.bak"), "--in-place", "--no-backup"]) == 0
    assert run(["scan", "logs", str(logs / "a.log.bak")]) == 0


def test_a_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(LINE)))
    monkeypatch.setattr(sys, "stdout", out)
    assert run(["scan", "logs", "-", "--redact", "-"]) == 0
    assert out.buffer.getvalue() == b"GET /a?jwt=REDACTED HTTP/1.1\n"  # type: ignore[attr-defined]


def _filtered(data: bytes, patch: pytest.MonkeyPatch) -> tuple[int, bytes]:
    out = io.TextIOWrapper(io.BytesIO())
    patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    patch.setattr(sys, "stdout", out)
    code = run(["scan", "logs", "-", "--redact", "-"])
    return code, out.buffer.getvalue()  # type: ignore[attr-defined]


def test_a_filter_of_what_is_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    code, out = _filtered(gzip.compress(LINE), monkeypatch)
    assert (code, gzip.decompress(out)) == (0, b"GET /a?jwt=REDACTED HTTP/1.1\n")


@pytest.mark.parametrize(
    ("data", "why"),
    [(gzip.compress(LINE)[:-9], "it is cut"), ("?jwt".encode("utf-16"), "is utf-16")],
    ids=["cut", "utf-16"],
)
def test_a_filter_that_breaks_off(
    data: bytes, why: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out = _filtered(data, monkeypatch)
    assert (code, secrets_in(out)) == (2, [])
    said = capsys.readouterr().err
    assert why in said
    assert said.endswith("the copy ends there\n")


def test_who_reads_the_filter_may_go(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*given: object) -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr(redaction, "redact_stream", gone)
    assert _filtered(LINE, monkeypatch) == (1, b"")


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--in-place"], "--backup ENDING"),
        (["--in-place", "--backup", ".b", "--no-backup"], "--backup ENDING"),
        (["--in-place", "--no-backup", "--redact", "x"], "one of them"),
        (["--redact", "x", "--no-backup"], "go with --in-place"),
        (["--backup", ".bak"], "go with --in-place"),
        (["--in-place", "--backup", "/x"], "an ending"),
        (["--redact", "-"], "standard input alone"),
    ],
)
def test_what_does_not_go_together(
    logs: Path, options: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["scan", "logs", str(logs), *options]) == 2
    assert why in capsys.readouterr().err
    assert secrets_in((logs / "a.log").read_bytes())


def test_standard_input_needs_standard_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["scan", "logs", "-", "--redact", str(tmp_path / "x")]) == 2
    assert "--redact -" in capsys.readouterr().err


def test_what_can_not_be_read_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["scan", "logs", str(tmp_path / "none"), "--redact", str(tmp_path / "x")]) == 2
    assert "no such file" in capsys.readouterr().err


class Files:
    """Objects in memory."""

    def __init__(self) -> None:
        self.content: dict[str, bytes] = {}

    def info(self, path: str) -> dict[str, Any]:
        if path not in self.content:
            raise FileNotFoundError(path)
        content = self.content[path]
        return {"name": path, "size": len(content), "etag": str(hash(content)), "type": "file"}

    def exists(self, path: str) -> bool:
        return path in self.content

    def find(self, path: str, *, prefix: str, detail: bool) -> dict[str, Any]:
        start = f"{path}/{prefix}"
        return {each: self.info(each) for each in self.content if each.startswith(start)}

    def cat_file(self, path: str, start: int, end: int) -> bytes:
        return self.content[path][start:end]

    def put_file(self, local: str, path: str, mode: str) -> None:
        assert mode == "create"
        self.content[path] = Path(local).read_bytes()


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> Files:
    """What lies in ``s3://bucket``: two logs, one of them deeper."""
    made = Files()
    made.content = {"bucket/logs/a.log": LINE, "bucket/logs/deep/b.gz": gzip.compress(LINE * 2)}
    monkeypatch.setattr(objects, "store_of", lambda scheme: Store(scheme, made))
    return made


def test_objects_into_a_folder(files: Files, tmp_path: Path) -> None:
    assert run(["scan", "logs", "s3://bucket/logs", "--redact", str(tmp_path / "clean")]) == 0
    assert (tmp_path / "clean/a.log").read_bytes() == b"GET /a?jwt=REDACTED HTTP/1.1\n"
    copy = gzip.decompress((tmp_path / "clean/deep/b.gz").read_bytes())
    assert copy == b"GET /a?jwt=REDACTED HTTP/1.1\n" * 2
    assert run(["scan", "logs", "s3://bucket/logs/a.log", "--redact", str(tmp_path / "one")]) == 0
    assert (tmp_path / "one").read_bytes().count(b"REDACTED") == 1


def test_objects_and_files_to_new_keys(
    files: Files, logs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = dict(files.content)
    assert run(["scan", "logs", "s3://bucket/logs", str(logs), "--redact", "s3://clean/2026/"]) == 2
    said = capsys.readouterr()
    assert "deep/b.gz: 2 redacted, written to s3://clean/2026/deep/b.gz" in said.out
    assert "s3://clean/2026/a.log: is there already" in said.err  # both have one
    assert run(["scan", "logs", str(logs / "a.log"), "--redact", "s3://clean/one.log"]) == 0
    assert run(["scan", "logs", "s3://bucket/logs/a.log", "--redact", "s3://clean"]) == 0
    assert sorted(set(files.content) - set(before)) == [
        "clean/2026/a.log", "clean/2026/deep/b.gz", "clean/2026/deep/b.log", "clean/a.log",
        "clean/one.log",
    ]  # fmt: skip
    assert {key: files.content[key] for key in before} == before
    assert (
        secrets_in(b"".join(files.content[each] for each in set(files.content) - set(before))) == []
    )


def test_an_object_is_never_written_over(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    before = dict(files.content)
    assert (
        run(["scan", "logs", "s3://bucket/logs/a.log", "--redact", "s3://bucket/logs/a.log"]) == 2
    )
    assert "left as it was: s3://bucket/logs/a.log: is there already" in capsys.readouterr().err
    assert run(["scan", "logs", "s3://bucket/logs", "--in-place", "--no-backup"]) == 2
    assert "goes with files" in capsys.readouterr().err
    assert run(["scan", "logs", "s3://bucket/none", "--redact", "x"]) == 2
    assert "fits no object" in capsys.readouterr().err
    assert files.content == before


def test_other_protocols_are_no_target(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["scan", "logs", str(logs), "--redact", "simplecache::s3://bucket/x"]) == 2
    assert "not chained" in capsys.readouterr().err
