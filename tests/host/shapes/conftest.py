from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from headway.host.database import open_database
from headway.host.shapes import Shapes
from headway.host.world import World
from host.small_site import BASE

Write = Callable[..., Shapes]


@pytest.fixture
def world() -> Iterator[World]:
    """A project at 1 February 2022, with a user called uma."""
    with open_database(None) as database:
        made = World(database, lambda: 1_643_673_600.0)
        uma = made.people.add_user("uma", "Uma User", "uma@example.com")
        made.tracker.add_project("DEMO", "Demonstration", public=False, lead=uma.account_id)
        yield made


@pytest.fixture
def write(world: World) -> Write:
    """Shapes of that world."""
    return lambda version="2", sight=None, apps=None: Shapes(
        world, apps, lambda: BASE, version, sight
    )
