"""Records of usage and the file that they travel in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headway.errors import ConfigurationError
from headway.gateway.usage.record import LINE_BYTES_MAX, Record, day_of, read_lines, write_lines

DAY_1 = 1_643_673_600


def told(**more: Any) -> dict[str, Any]:
    return {
        "day": "2022-02-01",
        "location": "jwt",
        "client": "acme",
        "verified": True,
        "outcome": "pass",
        "method": "GET",
        "route": "/rest/*",
        "count": 3,
        "first": DAY_1,
        "last": DAY_1 + 9,
        **more,
    }


def lines(*records: dict[str, Any] | bytes) -> list[bytes]:
    head = {"format": "headway-usage", "version": 1, "days": ["2022-02-01"]}
    return [r if isinstance(r, bytes) else json.dumps(r).encode() for r in (head, *records)]


def test_what_is_written_is_read() -> None:
    records = [
        Record(**told()),
        Record(**told(hours=(1,) * 3 + (0,) * 21, sample="/a?jwt=REDACTED")),
    ]
    written = list(write_lines(records, {"2022-02-02", "2022-02-01"}))
    assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in written)
    header, read = read_lines(written)
    assert header.days == ("2022-02-01", "2022-02-02")
    assert list(read) == records


def test_a_file_made_by_hand_needs_the_needed_fields_only() -> None:
    _, read = read_lines(lines(told(), b"\n"))
    (record,) = read
    assert record.hours == ()
    assert record.used
    assert not Record(**told(outcome="excepted")).used
    assert not Record(**told(outcome="token-lookalike")).used
    assert day_of(DAY_1 - 1) == "2022-01-31"


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"day": "yesterday"}, "day"),
        ({"hours": [1]}, "hours"),
        ({"hours": [1] * 24}, "hours"),
        ({"hours": [-1] * 24}, "hours"),
        ({"count": 0}, "count"),
        ({"count": -1}, "count"),
        ({"count": True}, "count"),
        ({"also_header": 4}, "count"),
        ({"from_browser": 4}, "count"),
        ({"last": 1}, "last"),
        ({"first": -1}, "first"),
        ({"client": "a\nb"}, "client"),
        ({"client": "a" * 131}, "client"),
        ({"method": "G" * 21}, "method"),
        ({"other": 1}, "other"),
        ({"verified": "yes"}, "verified"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_line_that_is_no_record_is_named(more: dict[str, Any], field: str) -> None:
    _, read = read_lines(lines(told(), told(**more)), source="old.jsonl")
    with pytest.raises(ConfigurationError, match=rf"^old\.jsonl:3: .*{field}"):
        list(read)


def test_never_a_token() -> None:
    token = "eyJhbGciOiJIUzI1NiJ9." + "eyJpc3MiOiJhIn0." + "c2lnbmF0dXJlc2lnbmF0dXJl"
    for field in ("client", "route", "sample"):
        _, read = read_lines(lines(told(**{field: token})))
        with pytest.raises(ConfigurationError, match=f"usage:2: {field}: holds a token") as error:
            list(read)
        assert token not in str(error.value)


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"{}x",
        b'{"format":"other","version":1}',
        b'{"format":"headway-usage","version":2}',
        b'{"format":"headway-usage","version":1,"days":["x"]}',
        b" " * (LINE_BYTES_MAX + 1),
    ],
    ids=["empty", "broken", "other", "newer", "day", "long"],
)
def test_a_file_of_another_kind_is_refused(first: bytes) -> None:
    with pytest.raises(ConfigurationError, match="usage:1: does not begin with"):
        read_lines([first])


def test_a_line_is_bounded() -> None:
    _, read = read_lines(lines(b" {" + b" " * LINE_BYTES_MAX))
    with pytest.raises(ConfigurationError, match="usage:2: is longer than"):
        list(read)
