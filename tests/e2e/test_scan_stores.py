"""``headway scan logs`` over object stores that nobody here wrote."""

from __future__ import annotations

import gzip
import json
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from azure.storage.blob import ContentSettings
from backports import zstd
from fsspec.asyn import sync

from e2e.stores import SECRET, STORES
from headway.cli.commands import run
from headway.scan.stores.address import parse_address
from headway.scan.stores.objects import ObjectNotRead, store_of
from scan.corpus import filled, secrets_in

pytestmark = pytest.mark.node
LINE = filled('192.0.2.1 - - [01/Jan/2026:00:00:04 +0000] "GET /a?jwt={T} HTTP/1.1" 200 1\n')


@dataclass
class Bucket:
    """A bucket, and the library that the tests fill it with."""

    scheme: str
    files: Any
    name: str = "logs-of-tests"

    def put(self, key: str, content: bytes) -> str:
        """Its address."""
        self.files.pipe_file(f"{self.name}/{key}", content)
        return f"{self.scheme}://{self.name}/{key}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.name}"


@pytest.fixture(scope="module", params=sorted(STORES))
def bucket(request: pytest.FixtureRequest) -> Iterator[Bucket]:
    """An empty bucket of each store."""
    with STORES[request.param]() as environment, pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.setenv("HEADWAY_SCAN_KEY", "ab" * 32)
        store_of.cache_clear()
        made = Bucket(request.param, store_of(request.param)._files)
        made.files.mkdir(made.name)
        yield made
        store_of.cache_clear()


def scanned(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[Any], Any]:
    """Exit code, findings and summary."""
    code = run(["scan", "logs", *arguments, "--format", "jsonl"])
    told = capsys.readouterr().out
    assert secrets_in(told.encode()) == []
    assert SECRET not in told
    *findings, last = (json.loads(line) for line in told.splitlines())
    return code, findings, last["summary"]


def test_prefixes_patterns_and_compressed_objects(
    bucket: Bucket, capsys: pytest.CaptureFixture[str]
) -> None:
    bucket.put("2026/a.log", b"first\n" + LINE)
    bucket.put("2026/b.gz", gzip.compress(LINE * 2))
    bucket.put("2026/01/c.zst", zstd.compress(LINE * 3))
    bucket.put("2026-old.log", LINE)
    # Google's emulator takes such a name apart wrongly
    odd = "odd name.log" if bucket.scheme == "gs" else "odd name;#%20+?.log"
    bucket.put(f"2026/{odd}", LINE)
    code, findings, summary = scanned(capsys, f"{bucket}/2026/")
    assert (code, summary["findings"], summary["files"]) == (1, 7, 4)
    first = next(each for each in findings if each["place"]["path"].endswith("a.log"))
    assert first["place"]["path"] == f"{bucket}/2026/a.log"
    assert (first["place"]["line"], first["place"]["offset"]) == (2, 6 + LINE.index(b"eyJ"))
    assert first["context"]["client"] == "192.0.2.1"
    assert scanned(capsys, f"{bucket}/2026/*.gz")[2]["findings"] == 2
    assert scanned(capsys, f"{bucket}/**/*.zst")[2]["findings"] == 3
    assert scanned(capsys, f"{bucket}/2026/*", f"{bucket}/2026/a.log")[2]["files"] == 3
    assert scanned(capsys, f"{bucket}/2026/a.log", "--ignore-path", "*.log")[2]["files"] == 0


def test_what_is_not_there_or_damaged_is_named(
    bucket: Bucket, capsys: pytest.CaptureFixture[str]
) -> None:
    bucket.put("bad/cut.gz", gzip.compress(b"nothing\n" * 50_000)[:-12])
    code, _, summary = scanned(capsys, f"{bucket}/bad/", f"{bucket}/none/", f"{bucket}x/a")
    assert code == 2
    cut, missing, foreign = sorted(summary["unread"], key=lambda each: each["path"])
    assert cut["path"].endswith("cut.gz")
    assert "ends before its end" in cut["why"]
    assert (missing["path"], missing["why"]) == (f"{bucket}/none/", "fits no object")
    assert foreign["path"] == f"{bucket}x/a"


def test_an_object_that_changes_meanwhile_is_told_of(
    bucket: Bucket, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put("changes/a.log", LINE)
    store = store_of(bucket.scheme)
    listed = store.found

    def then_changed(address: Any) -> Any:
        found = listed(address)
        bucket.put("changes/a.log", LINE.replace(b"192", b"193"))
        return found

    monkeypatch.setattr(store, "found", then_changed)
    code, findings, summary = scanned(capsys, f"{bucket}/changes/a.log")
    assert (code, len(findings)) == (1, 1)
    [told] = summary["unread"]
    assert "changed while it was looked at" in told["why"]
    assert told["partly"]


def test_a_content_encoding_is_part_of_what_is_stored(
    bucket: Bucket, capsys: pytest.CaptureFixture[str]
) -> None:
    """Shippers of logs set it, and clients of stores undo it: in ranges, that breaks."""
    content = gzip.compress(LINE * 50 + os.urandom(50_000) + LINE)
    files, key = bucket.files, "encoded/a.log"
    if bucket.scheme == "s3":
        files.call_s3(
            "put_object", Bucket=bucket.name, Key=key, Body=content, ContentEncoding="gzip"
        )
    elif bucket.scheme == "gs":
        path, encoding = f"{bucket.name}/{key}", {"content_encoding": "gzip"}
        files.pipe_file(path, content, fixed_key_metadata=encoding)
    else:

        async def put() -> None:
            settings = ContentSettings(content_encoding="gzip")
            async with files.service_client.get_blob_client(bucket.name, key) as blob:
                await blob.upload_blob(content, content_settings=settings)

        sync(files.loop, put)
    store = store_of(bucket.scheme)
    [stored] = store.found(parse_address(f"{bucket}/{key}"))
    assert stored.size == len(content)
    assert store.read(stored, 1_000, 2_000) == content[1_000:2_000]
    code, _, summary = scanned(capsys, f"{bucket}/encoded/")
    assert (code, summary["findings"], summary["unread"]) == (1, 51, [])


def archive(bucket: Bucket, key: str) -> None:
    """Have an object lie where it can not be read at once."""
    files = bucket.files
    if bucket.scheme == "s3":
        files.call_s3("put_object", Bucket=bucket.name, Key=key, Body=LINE, StorageClass="GLACIER")
        return

    async def archived() -> None:
        async with files.service_client.get_blob_client(bucket.name, key) as blob:
            await blob.set_standard_blob_tier("Archive")

    bucket.put(key, LINE)
    sync(files.loop, archived)


def test_what_is_archived_is_told_of(bucket: Bucket, capsys: pytest.CaptureFixture[str]) -> None:
    if bucket.scheme == "gs":
        return  # its archive is read like all else
    archive(bucket, "old/a.log")
    code, _, summary = scanned(capsys, f"{bucket}/old/")
    assert code == 2
    assert [each["why"] for each in summary["unread"]] == ["is archived: restore it first"]


def test_ranges(bucket: Bucket) -> None:
    content = bytes(range(256)) * 40
    bucket.put("ranges", content)
    store = store_of(bucket.scheme)
    [stored] = store.found(parse_address(f"{bucket}/ranges"))
    assert stored.size == len(content)
    assert store.read(stored, 1_000, 9_001) == content[1_000:9_001]


@pytest.fixture
def all_logs() -> Iterator[None]:
    """Every logger says everything, for a while."""
    loggers = [logging.getLogger(name) for name in [*logging.root.manager.loggerDict]]
    levels = [each.level for each in loggers]
    for each in loggers:
        each.setLevel(logging.DEBUG)
    yield
    for each, level in zip(loggers, levels, strict=True):
        each.setLevel(level)


@pytest.mark.usefixtures("all_logs")
def test_no_token_and_no_credential_reaches_a_log(
    bucket: Bucket, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """T23: what the libraries log, with everything on."""
    address = bucket.put("quiet.log", LINE)
    caplog.set_level(logging.DEBUG)
    assert scanned(capsys, address)[0] == 1
    assert "quiet.log" in caplog.text
    assert secrets_in(caplog.text.encode()) == []
    assert SECRET not in caplog.text


def test_clean_copies_under_new_keys(bucket: Bucket, capsys: pytest.CaptureFixture[str]) -> None:
    bucket.put("leaks/a.log", LINE * 3)
    bucket.put("leaks/deep/b.gz", gzip.compress(LINE * 2))
    assert run(["scan", "logs", f"{bucket}/leaks/", "--redact", f"{bucket}/clean/"]) == 0
    capsys.readouterr()
    assert scanned(capsys, f"{bucket}/clean/")[2]["files"] == 2
    assert scanned(capsys, f"{bucket}/clean/")[0] == 0
    copy = gzip.decompress(bucket.files.cat_file(f"{bucket.name}/clean/deep/b.gz"))
    assert copy.count(b"jwt=REDACTED") == 2
    bucket.put("clean/other.log", b"other\n")
    arguments = [f"{bucket}/leaks/a.log", "--redact", f"{bucket}/clean/other.log"]
    assert run(["scan", "logs", *arguments]) == 2
    assert "is there already" in capsys.readouterr().err
    assert bucket.files.cat_file(f"{bucket.name}/clean/other.log") == b"other\n"


def test_a_race_for_a_new_key_is_lost_by_the_second(
    bucket: Bucket, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "copy").write_bytes(b"second")
    bucket.put("race.log", b"first")
    store = store_of(bucket.scheme)
    monkeypatch.setattr(store._files, "exists", lambda path: False)
    if bucket.scheme == "gs":  # its emulator does not know the condition that is sent
        sent: list[dict[str, Any]] = []
        call = store._files._call

        async def asked(*arguments: Any, **options: Any) -> Any:
            sent.append(options)
            return await call(*arguments, **options)

        monkeypatch.setattr(store._files, "_call", asked)
        store.put_new(tmp_path / "copy", parse_address(f"{bucket}/race.log"))
        assert "0" in [each.get("ifGenerationMatch") for each in sent]
        return
    with pytest.raises(ObjectNotRead, match="is there already"):
        store.put_new(tmp_path / "copy", parse_address(f"{bucket}/race.log"))
    assert bucket.files.cat_file(f"{bucket.name}/race.log") == b"first"
