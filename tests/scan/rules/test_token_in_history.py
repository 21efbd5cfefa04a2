"""``token-in-history`` by its own examples."""

from __future__ import annotations

from headway.scan.hits import hits_in
from headway.scan.rules.token_in_history import RULE
from scan.corpus import filled


def test_its_bad_example_is_found() -> None:
    assert len([*hits_in(filled(RULE.bad.replace("TOKEN", "{T}")))]) == 1


def test_its_good_example_is_fine() -> None:
    assert [*hits_in(RULE.good.encode())] == []
