"""All rules: each has all that its page in the documentation says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from headway.scan.rules import RULES
from headway.scan.rules.rule import Rule

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_a_rule_says_what_why_and_what_to_do(rule: Rule) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)+", rule.id)
    assert all(text.strip() == text for text in (rule.title, rule.why, rule.bad, rule.good))
    assert rule.why.endswith(".")
    assert not rule.title.endswith(".")
    assert rule.todo
    assert all(sentence.endswith(".") for sentence in rule.todo)


def test_ids_are_the_names_of_their_files() -> None:
    for rule in RULES.values():
        module = __import__(f"headway.scan.rules.{rule.id.replace('-', '_')}", fromlist=["RULE"])
        assert module.RULE is rule


def test_a_rule_can_not_be_changed() -> None:
    with pytest.raises(AttributeError):
        next(iter(RULES.values())).id = "x"  # type: ignore[misc]
    assert msgspec.structs.asdict(next(iter(RULES.values())))


def test_the_documentation_has_each_rule_as_the_code_has_it() -> None:
    made = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "scan_rules.py")],
        capture_output=True,
        text=True,
        check=True,
    )
    text = (ROOT / "docs" / "scan-rules.md").read_text(encoding="utf-8")
    assert made.stdout == text, "run: .venv/bin/python tools/scan_rules.py > docs/scan-rules.md"
