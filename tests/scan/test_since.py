"""Moments, as people write them."""

from __future__ import annotations

import pytest

from headway.errors import ConfigurationError
from headway.scan.since import moment

NOW = 1_000_000.0


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("90min", NOW - 5_400), ("12h", NOW - 43_200), ("7d", NOW - 604_800),
        ("2w", NOW - 1_209_600),
        ("2026-11-01", 1_793_491_200.0), ("2026-11-01T12:00Z", 1_793_534_400.0),
        ("2026-11-01T12:00:00+02:00", 1_793_527_200.0), ("2026-11-01 12:00", 1_793_534_400.0),
    ],
)  # fmt: skip
def test_moments(text: str, at: float) -> None:
    assert moment(text, NOW) == at


@pytest.mark.parametrize("text", ["", "soon", "7", "7m", "-7d", "9999999d", "2026-13-01", "HEAD~1"])
def test_what_is_none(text: str) -> None:
    with pytest.raises(ConfigurationError, match="--since"):
        moment(text, NOW)
