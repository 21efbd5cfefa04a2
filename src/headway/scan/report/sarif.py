"""SARIF 2.1.0 (OASIS): rules, results, fingerprints and suggested fixes, written as they come."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any, TextIO
from urllib.parse import quote

import msgspec

from headway.scan.findings import Finding, Fix, Severity
from headway.scan.report.escaping import as_json, for_markdown, for_terminal
from headway.scan.rules import RULES, Rule
from headway.scan.summary import Summary

__all__ = ["SarifReport"]

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Severity.HIGH: "error", Severity.MEDIUM: "warning", Severity.LOW: "note"}
_SCORES = {Severity.HIGH: "8.0", Severity.MEDIUM: "5.0", Severity.LOW: "2.0"}


class SarifReport:
    """One run in one document."""

    wants_more = True
    most = None

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._first = True
        self._index = {rule: number for number, rule in enumerate(RULES)}

    def begin(self) -> None:
        """The tool and its rules."""
        driver = {
            "name": "headway scan",
            "version": version("headway"),
            "semanticVersion": version("headway"),
            "rules": [_descriptor(rule) for rule in RULES.values()],
        }
        start = {"$schema": SCHEMA, "version": "2.1.0", "runs": [{"tool": {"driver": driver}}]}
        self._out.write(
            msgspec.json.encode(start).decode()[:-3]
            + ', "columnKind": "unicodeCodePoints", "results": ['
        )

    def add(self, finding: Finding) -> None:
        """One result."""
        self._out.write("\n" if self._first else ",\n")
        self._first = False
        self._out.write(as_json(self._result(finding)))

    def end(self, summary: Summary) -> None:
        """How it went, and what could not be read."""
        told = [
            {
                "level": "error",
                "message": {"text": for_terminal(f"{each.path}: {each.why}")},
                "locations": [{"physicalLocation": {"artifactLocation": {"uri": _uri(each.path)}}}],
            }
            for each in summary.unread
        ]
        invocation: dict[str, Any] = {"executionSuccessful": not told}
        if told:
            invocation["toolExecutionNotifications"] = told
        text = as_json([invocation])
        self._out.write(f'\n], "invocations": {text}}}]}}\n')

    def _result(self, finding: Finding) -> dict[str, Any]:
        place = finding.place
        location: dict[str, Any] = {"artifactLocation": {"uri": _uri(place.path)}}
        region = {
            "startLine": place.line,
            "startColumn": place.column,
            "endLine": place.end_line,
            "endColumn": place.end_column,
            "byteOffset": place.offset if place.line is None else None,
        }
        region = {name: value for name, value in region.items() if value is not None}
        if region.keys() - {"endLine", "endColumn"}:
            location["region"] = region
        result: dict[str, Any] = {
            "ruleId": finding.rule,
            "ruleIndex": self._index[finding.rule],
            "level": _LEVELS[finding.severity],
            "message": {"text": for_terminal(finding.message)},
            "locations": [{"physicalLocation": location}],
            "partialFingerprints": {"headway/v1": finding.fingerprint},
            "properties": {
                "confidence": str(finding.confidence),
                "within": for_terminal(place.within),
                "kind": str(finding.kind or ""),
                "sample": for_terminal(finding.sample),
                **{name: for_terminal(value) for name, value in finding.context.items()},
            },
        }
        if finding.fix is not None and finding.fix.replacements:
            result["fixes"] = [_fix(finding.fix, _uri(place.path))]
        return result


def _fix(fix: Fix, uri: str) -> dict[str, Any]:
    """A fix of SARIF's (section 3.55): replacements, file by file."""
    changes: dict[str, list[dict[str, Any]]] = {}
    for each in fix.replacements:
        region = {
            "startLine": each.line,
            "startColumn": each.column,
            "endLine": each.end_line,
            "endColumn": each.end_column,
        }
        changes.setdefault(_uri(each.path) if each.path else uri, []).append(
            {"deletedRegion": region, "insertedContent": {"text": each.text}}
        )
    text = "What is suggested" + ("; headway scan code --fix does it." if fix.automatic else ".")
    return {
        "description": {"text": text},
        "artifactChanges": [
            {"artifactLocation": {"uri": path}, "replacements": replacements}
            for path, replacements in changes.items()
        ],
    }


def _descriptor(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "name": "".join(part.title() for part in rule.id.split("-")),
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.why},
        "help": {
            "text": " ".join(rule.todo),
            "markdown": "\n".join(f"- {for_markdown(sentence)}" for sentence in rule.todo),
        },
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {"tags": ["security"], "security-severity": _SCORES[rule.severity]},
    }


def _uri(path: str) -> str:
    return quote(path.encode("utf-8", "surrogateescape"), safe="/:@!$&'()*+,;=-._~")
