"""Each log format of the corpus is recognised by itself, and read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from headway.scan.formats import FORMATS, TEXT, Columns, detect
from headway.scan.hits import hits_in
from scan.corpus import filled, read

CORPUS = read("logs/formats.toml")["format"]
RELABELLED = {"text": ["url"]}
"""Labelled as ``text`` when the corpus was written: an address in a sentence is an address."""


@pytest.mark.parametrize("example", CORPUS, ids=lambda example: example["name"])
def test_the_corpus(example: dict[str, Any]) -> None:
    header = [line.encode() for line in example.get("header", "").strip().splitlines()]
    line = filled(example["line"])
    record = detect([*header, line]).read(line)
    assert record is not None
    within = [hit.within for hit in hits_in(line, lambda: record.parts)]
    assert within == RELABELLED.get(example["name"], example["places"])
    for name in ("client", "method", "path", "status", "agent"):
        if name in example:
            assert getattr(record, name) == example[name], name
    if "at" in example:
        at = datetime.fromisoformat(example["at"])
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        assert record.at == pytest.approx(at.timestamp(), abs=1e-3)


def test_names_are_different() -> None:
    assert len({each.name for each in FORMATS}) == len(FORMATS)


def test_what_is_no_format_is_text() -> None:
    assert detect([b"hello", b""]) is TEXT
    assert detect([]) is TEXT


@pytest.mark.parametrize(
    "line",
    [
        b"{", b"{}", b'{"a": [[[[', b'{"a":"b"}', b"[1]", b'{"request": {"uri": 5}}',
        b'{"ts": "x", "status": "y"}', b"{" * 50_000, b'{"a":' * 50_000,
        b'{"level":"info","ts":1e400,"uri":"/x"}', b'"', b"\xff\xfe", b"#Fields:",
    ],
)  # fmt: skip
def test_rubbish_is_read_or_is_not(line: bytes) -> None:
    for each in FORMATS:
        each.read(line)


def test_columns_that_do_not_fit_are_no_record() -> None:
    columns = Columns(b"#Fields: date time c-ip cs-uri-query")
    assert columns.read(b"#Version: 1.0") is None
    assert columns.read(b"2026-01-01 00:00:04") is None
    record = columns.read(b"2026-01-01 00:00:04 192.0.2.1 -")
    assert record is not None
    assert (record.client, record.path, record.status) == ("192.0.2.1", "", None)


@pytest.mark.parametrize(
    ("line", "at"),
    [
        (b'{"ts": 1767225604}', 1767225604),
        (b'{"ts": 1767225604000}', 1767225604),
        (b'{"time": "1767225604000000000"}', 1767225604),
        (b'{"time": "2026-01-01T00:00:04"}', 1767225604),
        (b'{"time": "yesterday"}', None),
    ],
)
def test_times_in_json(line: bytes, at: float | None) -> None:
    record = next(each for each in FORMATS if each.name == "json").read(line)
    assert record is not None
    assert record.at == at


def test_a_mapped_address_is_the_address() -> None:
    line = b'::ffff:192.0.2.1 - - [01/Jan/2026:00:00:04 +0000] "GET /x HTTP/1.1" 200 1'
    record = detect([line]).read(line)
    assert record is not None
    assert record.client == "192.0.2.1"


def test_an_absolute_target_has_a_path() -> None:
    line = b'192.0.2.1 - - [x] "GET http://h.example/a/b?c#d HTTP/1.1" 200 1'
    record = detect([line]).read(line)
    assert record is not None
    assert (record.path, record.at) == ("/a/b", None)
