"""Findings with their fixes, as reports tell them."""

from __future__ import annotations

from pathlib import Path

import pytest

from headway.scan.code.scanning import scan_code
from headway.scan.findings import Finding, Fingerprints, Fix
from headway.scan.fix.files import SUGGESTED_MAX
from headway.scan.fix.suggesting import Suggesting, fix_of
from headway.scan.report.machine import Collecting
from headway.scan.scanning import Telling
from scan.corpus import tokens

PYTHON = 'import requests\nx = "\U0001f600"; requests.get(b + "?jwt=" + t)\n'
SCRIPT = "// one\nfetch(`${b}/rest/x?jwt=${t}`,\n  { headers: { A: 'b' } });\n"


def found(*paths: Path) -> list[Finding]:
    """What a scan tells, with fixes."""
    collected = Collecting()
    report = Suggesting(collected)
    assert report.wants_more
    assert report.most is None
    scan_code(map(str, paths), Telling(report, Fingerprints(bytes(32))))
    return collected.findings


def replaced(text: str, fix: Fix) -> str:
    """*text* with the replacements of *fix*, as a viewer does it."""
    lines = text.split("\n")
    starts = [sum(len(line) + 1 for line in lines[:number]) for number in range(len(lines))]
    for each in sorted(fix.replacements, key=lambda one: (one.line, one.column), reverse=True):
        start = starts[each.line - 1] + each.column - 1
        end = starts[each.end_line - 1] + each.end_column - 1
        text = text[:start] + each.text + text[end:]
    return text


@pytest.mark.parametrize(
    ("name", "code", "header"),
    [
        ("a.py", PYTHON, 'requests.get(b, headers={"Authorization": f"JWT {t}"})'),
        ("a.js", SCRIPT, "{ A: 'b', Authorization: `JWT ${t}` }"),
    ],
)
def test_a_fix(tmp_path: Path, name: str, code: str, header: str) -> None:
    (tmp_path / name).write_text(code)
    (finding,) = found(tmp_path)
    assert finding.fix is not None
    assert finding.fix.automatic is name.endswith(".py")
    assert header in replaced(code, finding.fix)
    assert "jwt" not in replaced(code, finding.fix)
    assert finding.fix.patch.startswith("--- ")
    assert header in finding.fix.patch


def test_none_for_other_rules_and_what_needs_a_person(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(
        'def f(b, t):\n    print(b + "?jwt=" + t)\n    return b + "?jwt=" + t\n'
    )
    assert [finding.fix for finding in found(tmp_path)] == [None, None]


def test_none_for_a_file_that_says_another_thing_now(tmp_path: Path) -> None:
    path = tmp_path / "a.js"
    path.write_text(SCRIPT)
    (finding,) = found(path)
    path.write_text("//\nfetch(`${other}/rest/x?jwt=${t}`);\n")
    assert fix_of(finding) is None
    path.write_text("one")
    assert fix_of(finding) is None
    path.unlink()
    assert fix_of(finding) is None


@pytest.mark.parametrize("name", ["a.js", "a.py"])
def test_no_token_of_the_code_is_in_a_fix(tmp_path: Path, name: str) -> None:
    token = tokens()["T"]
    code = {"a.js": SCRIPT.replace("// one", f"const old = '{token}';"),
            "a.py": PYTHON.replace("x =", f"old = '{token}'; x =")}[name]  # fmt: skip
    (tmp_path / name).write_text(code)
    (finding,) = found(tmp_path)
    assert finding.fix is None


def test_many_in_one_file_have_an_end(tmp_path: Path) -> None:
    """Each suggestion is scanned once more: a file that is made of them must not take hours."""
    path = tmp_path / "a.js"
    path.write_text("fetch(`${b}/rest/x?jwt=${t}`);\n" * (SUGGESTED_MAX + 3))
    fixes = [finding.fix for finding in found(path)]
    assert [fix is not None for fix in fixes] == [True] * SUGGESTED_MAX + [False] * 3
    path.write_text("fetch(`${b}/rest/x?jwt=${t}`);\n" + "//\n" * 40_000)
    assert [finding.fix for finding in found(path)] == [None]
