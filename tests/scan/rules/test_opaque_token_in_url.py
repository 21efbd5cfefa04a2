"""``opaque-token-in-url`` by its own examples."""

from __future__ import annotations

import pytest

from headway.scan.rules.opaque_token_in_url import RULE
from scan.rules.examples import rules_broken_by


@pytest.mark.parametrize("token", ["{T}"])
def test_its_bad_example_is_found(token: str) -> None:
    assert rules_broken_by(RULE.bad, token) == [RULE.id] == ["opaque-token-in-url"]


def test_its_good_example_is_fine() -> None:
    assert rules_broken_by(RULE.good) == []
