"""SARIF: valid by its schema, and what viewers of it need."""

from __future__ import annotations

import io
import json
from typing import Any

import msgspec
import pytest

from headway.scan.findings import Finding, Fix, Place, Replacement
from headway.scan.report.sarif import SarifReport
from headway.scan.rules import RULES
from scan.report.test_machine import FOUND, written
from scan.test_summary import finding

OFFSET = msgspec.structs.replace(finding(), place=Place(path="b/ö.har", offset=7))


def run(*findings: Finding, unread: bool = True) -> dict[str, Any]:
    """The one run of the document."""
    document = json.loads(written(SarifReport, findings, unread))  # type: ignore[arg-type]
    assert document["version"] == "2.1.0"
    found: dict[str, Any] = document["runs"][0]
    return found


def test_every_rule_is_described() -> None:
    rules = run()["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == list(RULES)
    assert all(rule["help"]["text"] and rule["fullDescription"]["text"] for rule in rules)


def test_a_result_names_its_rule_place_and_fingerprint() -> None:
    result, hostile, at = run(*FOUND, OFFSET)["results"]
    assert result["ruleId"] == list(RULES)[result["ruleIndex"]] == "token-in-url"
    region = hostile["locations"][0]["physicalLocation"]["region"]
    assert region == {"startLine": 2, "startColumn": 5}
    assert "\n" not in hostile["message"]["text"]
    location = at["locations"][0]["physicalLocation"]
    assert location == {
        "artifactLocation": {"uri": "b/%C3%B6.har"}, "region": {"byteOffset": 7},
    }  # fmt: skip
    assert "headway/v1" in at["partialFingerprints"]


@pytest.mark.parametrize("unread", [True, False])
def test_what_could_not_be_read_is_told(unread: bool) -> None:
    (invocation,) = run(*FOUND, unread=unread)["invocations"]
    assert invocation["executionSuccessful"] is not unread
    assert ("toolExecutionNotifications" in invocation) is unread


def test_it_is_written_as_it_comes() -> None:
    out = io.StringIO()
    report = SarifReport(out)
    report.begin()
    report.add(FOUND[0])
    assert '"ruleId":"token-in-url"' in out.getvalue()


@pytest.mark.parametrize("automatic", [True, False])
def test_a_fix_is_told_as_replacements(automatic: bool) -> None:
    replacement = Replacement(line=2, column=5, end_line=3, end_column=1, text="x\ny")
    fix = Fix(patch="-a\n+b\n", replacements=(replacement,), automatic=automatic)
    (result,) = run(msgspec.structs.replace(OFFSET, fix=fix))["results"]
    (told,) = result["fixes"]
    assert ("--fix does it" in told["description"]["text"]) is automatic
    assert told["artifactChanges"] == [
        {
            "artifactLocation": {"uri": "b/%C3%B6.har"},
            "replacements": [
                {
                    "deletedRegion": {
                        "startLine": 2, "startColumn": 5, "endLine": 3, "endColumn": 1,
                    },
                    "insertedContent": {"text": "x\ny"},
                }
            ],
        }
    ]  # fmt: skip
