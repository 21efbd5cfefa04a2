"""The reports for programs, each read back by a parser of its format."""

from __future__ import annotations

import csv
import io
import json

import msgspec
import pytest
from defusedxml.ElementTree import fromstring

from headway.scan.findings import Finding, Place, Severity, Unread
from headway.scan.report.machine import (
    AnnotationReport,
    CsvReport,
    JsonReport,
    JunitReport,
    LinesReport,
    Report,
)
from headway.scan.summary import Summary
from headway.scan.tokens import TokenKind
from scan.test_summary import finding

HOSTILE = msgspec.structs.replace(
    finding(client="=cmd|' /C calc'!A0"),
    place=Place(path="a\r\n::stop-commands::x,y.log", line=2, column=5),
    message="m\n::error::x",
    sample='<![CDATA["]]>\x1b',
    kind=TokenKind.JWT,
    until=1e300,
    severity=Severity.LOW,
)
FOUND = (msgspec.structs.replace(finding(day="2026-01-01"), until=1_643_673_600.0), HOSTILE)


def written(kind: type[Report], findings: tuple[Finding, ...] = FOUND, unread: bool = True) -> str:
    """What a report of *findings* says."""
    out, summary = io.StringIO(), Summary()
    report = kind(out)  # type: ignore[call-arg]
    report.begin()
    assert report.wants_more
    for each in findings:
        summary.add(each)
        report.add(each)
    if unread:
        summary.could_not_read(Unread("x\n", "is a pipe"))
    report.end(summary)
    return out.getvalue()


@pytest.mark.parametrize("findings", [(), FOUND])
def test_json(findings: tuple[Finding, ...]) -> None:
    document = json.loads(written(JsonReport, findings))
    assert len(document["findings"]) == len(findings) == document["summary"]["findings"]
    if findings:
        first = document["findings"][0]
        assert (first["rule"], first["until"]) == ("token-in-url", "2022-02-01T00:00:00Z")
        assert "until" not in document["findings"][1]
        assert "fix" not in first


def test_json_lines() -> None:
    *found, last = map(json.loads, written(LinesReport).splitlines())
    assert [each["message"] for each in found] == ["m", "m\n::error::x"]
    assert last["summary"]["unread"] == [{"path": "x\n", "why": "is a pipe", "partly": False}]


def test_csv() -> None:
    rows = list(csv.DictReader(io.StringIO(written(CsvReport))))
    assert rows[1]["client"] == "'=cmd|' /C calc'!A0"
    assert rows[1]["line"] == "2"
    assert rows[0]["within"] == "url"
    assert not any(value.startswith(("=", "@", "+")) for row in rows for value in row.values())


def test_annotations_are_commands_of_ours_alone() -> None:
    lines = written(AnnotationReport).splitlines()
    assert [line.split(" ")[0] for line in lines] == ["::error", "::notice", "::warning"]
    assert "%0A%3A%3Astop-commands" in lines[1]


def test_junit() -> None:
    suite = fromstring(written(JunitReport))[0]
    assert [case[0].tag for case in suite] == ["failure", "failure", "error"]
    clean = fromstring(written(JunitReport, (), unread=False))[0]
    assert [len(case) for case in clean] == [0]
