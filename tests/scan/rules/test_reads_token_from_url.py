"""``reads-token-from-url`` by its own examples."""

from __future__ import annotations

from headway.scan.rules.reads_token_from_url import RULE
from scan.code.samples import seen_in


def test_its_bad_example_is_found() -> None:
    assert (
        [seen.rule for seen in seen_in("javascript", RULE.bad)]
        == [RULE.id]
        == ["reads-token-from-url"]
    )


def test_its_good_example_is_fine() -> None:
    assert seen_in("javascript", RULE.good) == []
