"""What the tests of the store share: a database file, a clock to set, events."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import services
import sqlalchemy as sa

from headway.keys import Sealer
from headway.model import Installation, Product, Secret
from headway.ports import OnceOnly
from headway.store.engine import open_engine
from headway.store.installations import Installations
from headway.store.migrations import upgrade
from headway.store.tables import metadata

NOW = 1_700_000_000


class Hands:
    """A clock that stands until it is set."""

    def __init__(self, at: float) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Hands:
    return Hands(NOW)


@pytest.fixture
def ticks() -> Hands:
    return Hands(5.0)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "data" / "headway.db"


@pytest.fixture
def sealer() -> Sealer:
    return Sealer({"k1": bytes(range(32))}, "k1")


@pytest.fixture(scope="session")
def emptied(postgresql: services.PostgreSQL) -> Iterator[Callable[[], str]]:
    """A database of PostgreSQL that is emptied before each test that asks for its address."""
    address = postgresql.new_database()
    engine = open_engine(address)
    upgrade(engine)

    def empty() -> str:
        # The server may have been restarted; a test may have dropped a trigger's function.
        with engine.begin() as connection:
            for table in metadata.sorted_tables:
                connection.execute(table.delete())
            connection.execute(sa.text("INSERT INTO clock VALUES (1, 0)"))
            connection.execute(sa.text("INSERT INTO once_state VALUES (1, 0, 0)"))
        return address

    yield empty
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, database: Path) -> str:
    """Where the database is: of both kinds, one after the other."""
    if request.param == "sqlite":
        engine = open_engine(database)
        upgrade(engine)
        engine.dispose()
        return str(database)
    return request.getfixturevalue("emptied")()


@pytest.fixture
def engine(address: str) -> Iterator[sa.Engine]:
    engine = open_engine(address)
    yield engine
    engine.dispose()


@pytest.fixture
def store(engine: sa.Engine, sealer: Sealer, clock: Hands, ticks: Hands) -> Installations:
    return Installations(engine, sealer, app_key="app", clock=clock, ticks=ticks)


@pytest.fixture
def site() -> Callable[..., Installation]:
    def make(shared: str = "first secret of the site", **values: object) -> Installation:
        base: dict[str, object] = {
            "app_key": "app",
            "client_key": "site",
            "product": Product.JIRA,
            "base_url": "https://site.example",
            "shared_secret": Secret(shared),
        }
        return Installation(**(base | values))  # type: ignore[arg-type]

    return make


@pytest.fixture
def proof() -> Callable[..., OnceOnly]:
    def make(text: str = "one token", issued: int = NOW, life: int = 180) -> OnceOnly:
        digest = hashlib.sha256(text.encode()).hexdigest()
        return OnceOnly(scope="site", digest=digest, issued=issued, until=issued + life)

    return make
