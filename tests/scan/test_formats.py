"""Each log format of the corpus is recognised by itself, and read."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest

from headway.scan.formats import FORMATS, Columns, Record, known_columns, record_of
from headway.scan.hits import hits_in
from scan.corpus import filled, read

CORPUS = read("logs/formats.toml")["format"]
RELABELLED = {"text": ["url"]}
"""Labelled as ``text`` when the corpus was written: an address in a sentence is an address."""


@pytest.mark.parametrize("example", CORPUS, ids=lambda example: example["name"])
def test_the_corpus(example: dict[str, Any]) -> None:
    line = filled(example["line"])
    fields = [
        each.encode() for each in example.get("header", "").splitlines() if each.startswith("#F")
    ]
    record = Columns(fields[0]).read(line) if fields else record_of(line)
    assert record is not None
    if fields:
        assert record_of(line) == Record()
    within = [hit.within for hit in hits_in(line, lambda: record.parts)]
    assert within == RELABELLED.get(example["name"], example["places"])
    if example["name"] == "nginx-error":
        assert record.target == "", "the log of requests has it, too"
    elif "method" in example:
        said = filled(f"{example['path']}?jwt={{T}}").decode()
        cut = example.get("kind") == "truncated"
        target = f"/{record.target.partition('://')[2].partition('/')[2]}"
        target = target if "://" in record.target else record.target
        assert target.partition("&")[0] == (said[: len(target)] if cut else said)
    for name in ("client", "method", "path", "status", "agent"):
        if name in example:
            assert getattr(record, name) == example[name], name
    if "at" in example:
        at = datetime.fromisoformat(example["at"])
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        assert record.at == pytest.approx(at.timestamp(), abs=1e-3)


def test_names_are_different() -> None:
    assert len({each.name for each in FORMATS}) == len(FORMATS)


def test_no_line_of_a_format_is_one_of_another() -> None:
    for example in CORPUS:
        line = filled(example["line"])
        assert sum(each.read(line) is not None for each in FORMATS) <= 1, example["name"]


def test_what_is_of_no_format_says_nothing() -> None:
    assert record_of(b"hello") == record_of(b"") == Record()


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
    record = record_of(line)
    assert record.client == "192.0.2.1"


def test_an_absolute_target_has_a_path() -> None:
    line = b'192.0.2.1 - - [x] "GET http://h.example/a/b?c#d HTTP/1.1" 200 1'
    record = record_of(line)
    assert (record.path, record.at) == ("/a/b", None)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("01/Jan/2026:00:00:04 +0000", 1767225604),
        ("01/Jan/2026:01:00:04 +0100", 1767225604),
        ("31/Dec/2025:18:30:04 -0530", 1767225604),
        ("01/Jan/2026:00:00:04.000", 1767225604),
        ("2026/01/01 00:00:04", 1767225604),
        ("01/Foo/2026:00:00:04 +0000", None),
        ("32/Jan/2026:00:00:04 +0000", None),
    ],
)
def test_times_of_web_servers(text: str, at: float | None) -> None:
    line = f'192.0.2.1 - - [{text}] "GET /x HTTP/1.1" 200 1'.encode()
    assert record_of(line).at == at


def test_of_a_line_that_names_columns_nothing_but_known_names_is_handed_on() -> None:
    assert known_columns(b"") == known_columns(b"#Fields") == b""
    fields = known_columns(b"#Fields: date secret eyJhbGciOiJub25lIn0.e30. c-ip time\r")
    assert fields == b"#Fields: date - - c-ip time"
    record = Columns(fields).read(b"2026-01-01 x y 192.0.2.1 00:00:00")
    assert record is not None
    assert (record.client, record.at) == ("192.0.2.1", 1767225600.0)


@pytest.mark.parametrize("status", ["9" * 5_000, "\u00b2", "-", "", "12345"])
def test_what_is_no_status_is_none_and_breaks_nothing(status: str) -> None:
    columns = Columns(b"#Fields: c-ip sc-status").read(f"192.0.2.1 {status or '-'}".encode())
    assert columns is not None
    assert columns.status is None
    line = f'{{"status": "{status}", "uri": "/x"}}'.encode()
    assert record_of(line).status is None
    heroku = f'2026-01-01T00:00:04+00:00 heroku[router]: method=GET path="/x" status={status}'
    assert record_of(heroku.encode()).status is None


def test_a_line_of_nearly_the_longest_takes_no_time() -> None:
    """Each reader is linear: what makes one of its parts fit again and again does not."""
    for part in (b"client: a,", b"request: ", b"method=GET path=", b'"a" ', b"\\", b'"\\', b"- ",
                 b"x ", b'[{"a":', b"haproxy[1]: ", b"upstream: "):  # fmt: skip
        for start in (b"", b"2026/01/01 00:00:00 [error] ", b"https x ", b"a heroku[router]: ",
                      b'192.0.2.1 - - [x] "GET ', b"f" * 64 + b" b [x] "):  # fmt: skip
            line = start + part * (250_000 // len(part))
            began = time.process_time()
            record_of(line)
            assert time.process_time() - began < 1, (start, part)
