"""``proxy-logs-query`` by its own examples."""

from __future__ import annotations

from pathlib import Path

from headway.scan.rules.proxy_logs_query import RULE
from scan.rules.examples import rules_broken_by_configuration


def test_its_bad_example_is_found(tmp_path: Path) -> None:
    assert rules_broken_by_configuration(RULE.bad, tmp_path) == [RULE.id] == ["proxy-logs-query"]


def test_its_good_example_is_fine(tmp_path: Path) -> None:
    assert rules_broken_by_configuration(RULE.good, tmp_path) == []
