"""Requests of logs: only lines with a name are read, and of the others their number and days."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from headway.errors import ConfigurationError
from headway.scan.blocks import BLOCK, FIELDS, Needles
from headway.scan.requests import Looked, by_fields, needles_of, requests_in
from scan.corpus import filled, read

CORPUS = [
    each
    for each in read("logs/formats.toml")["format"]
    if "status" in each or each["name"] in ("sentry", "otel")
]
NAMES = Needles((*needles_of(["jwt"]), FIELDS))
LINE = b'h - - [%s/Jan/2026:10:00:00 +0000] "GET %s HTTP/1.1" 200 1\n'


def told(log: bytes, **more: Any) -> tuple[list[tuple[int, str]], Looked]:
    """Numbers and targets of the requests in *log*, and how much was looked at."""
    looked = Looked()
    found = requests_in(io.BytesIO(log), NAMES, looked, **more)
    return [(number, each.target) for number, each in found], looked


@pytest.mark.parametrize("example", CORPUS, ids=lambda example: example["name"])
def test_each_format_of_the_corpus(example: dict[str, Any]) -> None:
    log = (
        f"{example.get('header', '').strip()}\n".lstrip() + filled(example["line"]).decode() + "\n"
    )
    (((number, target),), looked) = told(log.encode())
    assert number == looked.lines == log.count("\n")
    assert f"{example['path']}?jwt=" in target
    assert looked.days == {example["at"][:10]}


def test_lines_are_numbered_and_only_those_with_a_name_are_read(tmp_path: Path) -> None:
    log = LINE % (b"01", b"/a") + b"?jwt rubbish\n" + LINE % (b"02", b"/b?Jwt=1") + LINE[:-1] % (
        b"03", b"/c?%6Awt=1",
    )  # fmt: skip
    found, looked = told(log)
    assert found == [(2, ""), (3, "/b?Jwt=1"), (4, "/c?%6Awt=1")]
    assert looked == Looked(lines=4, days={"2026-01-01", "2026-01-02", "2026-01-03"})
    assert told(b"") == ([], Looked())
    assert told(b"rubbish")[1] == Looked(lines=1)


def test_days_of_long_logs() -> None:
    lines = b"".join(
        LINE % (b"%02d" % day, b"/a" + b"x" * 900) for day in (1, 3, 4) for _ in range(900)
    )
    assert len(lines) > 3 * BLOCK
    _, looked = told(b"start\n" * 5 + lines + b"end\n" * 5)
    assert looked == Looked(lines=2710, days={"2026-01-01", "2026-01-03", "2026-01-04"})


def test_a_line_that_is_longer_than_memory_is_one_that_can_not_be_read() -> None:
    long = b"?jwt=1 " * (BLOCK // 3)
    found, looked = told(LINE % (b"01", b"/?jwt=1") + long + b"\n" + LINE % (b"01", b"/?jwt=2"))
    assert found == [(1, "/?jwt=1"), (2, ""), (3, "/?jwt=2")]
    assert looked.lines == 3


def test_columns_are_named_anywhere() -> None:
    log = b"#Version: 1.0\n#Fields: date time cs-method cs-uri-stem cs-uri-query\n"
    log += b"2026-01-01 00:00:04 GET /x jwt=1\n#Fields: cs-method cs-uri-stem cs-uri-query\n"
    log += b"GET /y jwt=2\n2026 GET /z -\n"
    found, looked = told(log)
    assert found == [(3, "/x?jwt=1"), (5, "/y?jwt=2")]
    assert looked.days == {"2026-01-01"}


def test_json_with_names_of_its_own() -> None:
    read_one = by_fields("time=at,method=m,target=to.uri,peer=,agent=ua,origin=o.x,status=s")
    record = read_one(
        b'{"at": "2026-01-01T00:00:04Z", "m": "GET", "to": {"uri": ["/a?jwt"]}, "ua": 5,'
        b'"s": "200", "status": 500, "remote_ip": "192.0.2.1"}'
    )
    assert record is not None
    assert (record.target, record.status, record.client, record.agent) == ("/a?jwt", 200, "", "")
    assert record.at == 1767225604
    for other in (b'{"at": true, "s": "x"}', b'{"at": [], "s": -1}', b'{"at": {}, "to": 5}'):
        nothing = read_one(other)
        assert nothing is not None
        assert (nothing.at, nothing.target, nothing.status) == (None, "", None)
    assert read_one(b"rubbish") is read_one(b"[" * 5000) is None
    found, _ = told(b'{"at": 1, "m": "GET", "to": {"uri": "/a?jwt"}}\njwt\n', read=read_one)
    assert found == [(1, "/a?jwt"), (2, "")]
    for wrong in ("when=ts", "time"):
        with pytest.raises(ConfigurationError, match="is none of time, method, target"):
            by_fields(wrong)


def test_needles_are_few_and_in_any_case() -> None:
    found = needles_of(["jwt", "access"])
    assert {b"jwt", b"JWT", b"jWt", b"ess", b"ESS", b"%6a", b"%256A", b"%2525"} <= set(found)
    assert b"access" not in found
    assert len(found) < 100
