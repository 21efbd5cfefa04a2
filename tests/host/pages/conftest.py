"""A person before a site in memory."""

from __future__ import annotations

import pytest

from host.person import Person


@pytest.fixture
def person() -> Person:
    return Person()
