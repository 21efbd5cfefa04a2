"""For programs: JSON, JSON Lines, CSV, JUnit, and annotations of GitHub's; written as they come."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from typing import Protocol, TextIO
from xml.sax.saxutils import escape, quoteattr

import msgspec

from headway.scan.findings import Finding, Severity
from headway.scan.report.escaping import (
    as_json,
    for_annotation,
    for_cell,
    for_property,
    for_xml,
)
from headway.scan.summary import Summary

__all__ = [
    "AnnotationReport",
    "Collecting",
    "CsvReport",
    "JsonReport",
    "JunitReport",
    "LinesReport",
    "Report",
]


class Report(Protocol):
    """How findings are told: each as it is found, then the figures."""

    @property
    def wants_more(self) -> bool:
        """Whether the next finding is told; if not, nobody needs to make it."""

    @property
    def most(self) -> int | None:
        """How many findings more are told at most; None for each that there is."""

    def begin(self) -> None:
        """Before the first finding."""

    def add(self, finding: Finding) -> None:
        """One finding."""

    def end(self, summary: Summary) -> None:
        """After the last one."""


class _Each:
    """Reports that tell every finding."""

    wants_more = True
    most = None

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._first = True

    def begin(self) -> None:
        """Nothing stands before the first one."""

    def end(self, summary: Summary) -> None:
        """Nothing stands after the last one."""


class Collecting:
    """Keeps findings: for a baseline, and for whoever calls the scan from Python."""

    wants_more = True
    most = None

    def __init__(self) -> None:
        self.findings: list[Finding] = []

    def begin(self) -> None:
        """Nothing is there yet."""

    def add(self, finding: Finding) -> None:
        """One more."""
        self.findings.append(finding)

    def end(self, summary: Summary) -> None:
        """Nothing is left to do."""


def _data(finding: Finding) -> dict[str, object]:
    data: dict[str, object] = msgspec.to_builtins(finding)
    if finding.until is not None:
        data["until"] = _moment(finding.until)
    return {name: value for name, value in data.items() if value not in (None, "", {})}


def _moment(at: float) -> str | None:
    try:
        return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
    except (OverflowError, OSError, ValueError):
        return None


class LinesReport(_Each):
    """A line of JSON for each finding, and one with ``summary`` at the end."""

    def add(self, finding: Finding) -> None:
        """One line."""
        self._out.write(as_json(_data(finding)) + "\n")

    def end(self, summary: Summary) -> None:
        """The last line."""
        self._out.write(as_json({"summary": summary.as_data()}) + "\n")


class JsonReport(_Each):
    """One document: ``findings``, and ``summary``."""

    def begin(self) -> None:
        """Open the list."""
        self._out.write('{"findings": [')

    def add(self, finding: Finding) -> None:
        """One element."""
        self._out.write("\n" if self._first else ",\n")
        self._first = False
        self._out.write(as_json(_data(finding)))

    def end(self, summary: Summary) -> None:
        """Close the list."""
        text = as_json(summary.as_data())
        self._out.write(f'\n], "summary": {text}}}\n')


class CsvReport(_Each):
    """A row for each finding."""

    columns = ("rule", "severity", "confidence", "path", "line", "column", "within", "kind",
               "issuer", "until", "client", "route", "day", "fingerprint",
               "message", "sample")  # fmt: skip

    def begin(self) -> None:
        """The names of the columns."""
        self._rows = csv.writer(self._out, lineterminator="\n")
        self._rows.writerow(self.columns)

    def add(self, finding: Finding) -> None:
        """One row."""
        data = _data(finding)
        place = msgspec.to_builtins(finding.place)
        values = {**finding.context, **place, **data}
        self._rows.writerow(for_cell(str(values.get(name) or "")) for name in self.columns)


class AnnotationReport(_Each):
    """Workflow commands of GitHub's: they stand beside the line in a pull request."""

    def add(self, finding: Finding) -> None:
        """One command."""
        level = {Severity.HIGH: "error", Severity.MEDIUM: "warning"}.get(finding.severity, "notice")
        place = finding.place
        numbers = {"line": place.line, "endLine": place.end_line, "col": place.column}
        properties = [f"file={for_property(place.path)}"]
        properties += [f"{name}={value}" for name, value in numbers.items() if value is not None]
        properties.append(f"title={for_property(finding.rule)}")
        message = for_annotation(f"{finding.message} [{finding.fingerprint}]")
        self._out.write(f"::{level} {','.join(properties)}::{message}\n")

    def end(self, summary: Summary) -> None:
        """What could not be read is a warning."""
        for unread in summary.unread:
            text = for_annotation(f"not read: {unread.path}: {unread.why}")
            self._out.write(f"::warning title=not read::{text}\n")


class JunitReport(_Each):
    """A failed test for each finding; what could not be read is an error."""

    def begin(self) -> None:
        """Open the suite; its counts would need all findings at once, and are optional."""
        self._out.write('<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n')
        self._out.write('<testsuite name="headway scan">\n')

    def add(self, finding: Finding) -> None:
        """One test."""
        name = quoteattr(for_xml(f"{finding.rule} {finding.place}"))
        message = quoteattr(for_xml(finding.message))
        sample = escape(for_xml(finding.sample))
        self._out.write(
            f"<testcase classname={quoteattr(for_xml(finding.place.path))} name={name}>"
            f"<failure type={quoteattr(finding.rule)} message={message}>{sample}</failure>"
            "</testcase>\n"
        )

    def end(self, summary: Summary) -> None:
        """Close the suite."""
        for unread in summary.unread:
            path, why = quoteattr(for_xml(unread.path)), quoteattr(for_xml(unread.why))
            self._out.write(
                f'<testcase classname={path} name="readable"><error message={why}/></testcase>\n'
            )
        if not (summary.total or summary.unread):
            self._out.write('<testcase classname="headway scan" name="clean"/>\n')
        self._out.write("</testsuite>\n</testsuites>\n")
