from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from headway.host.database import Database, open_database
from headway.host.search.engine import Search
from headway.host.search.jql import parse
from headway.host.world import World

NOW = datetime(2022, 2, 1, 12, 0, tzinfo=UTC).timestamp()
DAY = 86_400


class Found:
    """A world with six issues in two projects, and what a query finds in it."""

    def __init__(self, database: Database) -> None:
        self.time = NOW - 10 * DAY
        self.world = World(database, lambda: self.time)
        self.search = Search(database, self.world, lambda: NOW)
        self.ada = self.world.people.add_user("ada", "Ada Admin", "ada@example.com").account_id
        self.uma = self.world.people.add_user("uma", "Uma User", "uma@example.com").account_id
        self.projects = [
            self.world.tracker.add_project("DEMO", "Demonstration", public=False),
            self.world.tracker.add_project("PUB", "Public notices", public=True),
        ]

    def add(self, key: str, summary: str, days_ago: float = 5, **fields: object) -> int:
        """An issue that was made some days ago; its id."""
        self.time = NOW - days_ago * DAY
        return self.world.tracker.add_issue(key, summary, **fields).id  # type: ignore[arg-type]

    def __call__(self, jql: str, asker: str | None = None) -> list[str]:
        found = self.search.find(parse(jql), self.projects, asker)
        assert found.total == len(found.issues)
        return [issue.key for issue in found.issues]


@pytest.fixture
def database() -> Iterator[Database]:
    with open_database(None) as opened:
        yield opened


@pytest.fixture
def find(database: Database) -> Callable[[str], list[str]]:
    return Found(database)
