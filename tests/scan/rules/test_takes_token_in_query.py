"""``takes-token-in-query`` by its own examples."""

from __future__ import annotations

from headway.scan.rules.takes_token_in_query import RULE
from scan.code.samples import seen_in


def test_its_bad_example_is_found() -> None:
    assert (
        [seen.rule for seen in seen_in("openapi", RULE.bad)]
        == [RULE.id]
        == ["takes-token-in-query"]
    )


def test_its_good_example_is_fine() -> None:
    assert seen_in("openapi", RULE.good) == []
