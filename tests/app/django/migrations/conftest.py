"""An empty database of Django's, migrated to one version of the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from django.core.management import call_command
from django.db import connections

from headway.store.engine import open_engine

ALIAS = "headway_version"


@pytest.fixture
def migrated(tmp_path: Path) -> Iterator[Callable[[str], sa.Inspector]]:
    """What the database has once it is migrated to a version."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    file = folder / "app.db"
    file.touch(0o600)
    told = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(file)}
    connections.settings[ALIAS] = {**connections.settings["default"], **told}
    engines: list[sa.Engine] = []

    def to(name: str) -> sa.Inspector:
        call_command("migrate", "headway", name, database=ALIAS, verbosity=0)
        engines.append(open_engine(file))
        return sa.inspect(engines[-1])

    yield to
    for engine in engines:
        engine.dispose()
    connections[ALIAS].close()
    del connections[ALIAS]
    del connections.settings[ALIAS]
