"""Stores on both databases, and a clock to set."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from headway.gateway.usage.store import UsageStore, open_usage
from uses import Hands


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a store is: a new file, and a new database of a real server."""
    if request.param == "sqlite":
        return str(tmp_path / "data" / "usage.db")
    return str(request.getfixturevalue("postgresql").new_database())


@pytest.fixture
def store(address: str) -> Iterator[UsageStore]:
    opened = open_usage(address)
    yield opened
    opened.close()


@pytest.fixture
def local(tmp_path: Path) -> Iterator[UsageStore]:
    opened = open_usage(tmp_path / "own" / "usage.db")
    yield opened
    opened.close()
