from __future__ import annotations

from collections.abc import Iterator

import pytest

from headway.host.database import open_database
from headway.host.world import World


@pytest.fixture
def world() -> Iterator[World]:
    """A private and a public project, at the second 1000."""
    with open_database(None) as database:
        made = World(database, lambda: 1000.0)
        made.tracker.add_project("DEMO", "Demonstration", public=False)
        made.tracker.add_project("PUB", "Public", public=True)
        yield made
