from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from headway.errors import ConfigurationError
from headway.ports import NeedKey
from headway.store.engine import open_engine
from headway.store.installations import Installations
from headway.store.migrations import upgrade
from headway.store.offloop import OffLoop
from headway.store.opening import open_sealer, open_store

KEYS = {"HEADWAY_STORE_KEY": base64.b64encode(bytes(range(32))).decode()}
NEED = NeedKey(issuer="site", symmetric=True)


def test_in_development_a_file_upgrades_itself_and_makes_up_a_key(database: Path) -> None:
    store = open_store(database, app_key="app", environ={}, development=True)
    assert store.installations.find(NEED) is None
    assert store.answers is store.installations
    store.engine.dispose()
    assert (database.parent / "store.key").exists()


def test_in_production_nothing_is_made_up(database: Path) -> None:
    with pytest.raises(ConfigurationError, match="no key to seal"):
        open_store(database, app_key="app", environ={})
    assert not database.parent.exists()
    with pytest.raises(ConfigurationError, match=r"version none, .*'headway store upgrade'"):
        open_store(database, app_key="app", environ=KEYS)
    engine = open_engine(database)
    upgrade(engine)
    engine.dispose()
    store = open_store(str(database), app_key="app", environ=KEYS)
    assert store.installations.list() == ()
    store.engine.dispose()


def test_tables_may_be_left_to_whoever_else_makes_them(database: Path) -> None:
    with pytest.raises(ConfigurationError, match="version none"):
        open_store(database, app_key="app", environ={}, development=True, upgrades=False)
    open_store(database, app_key="app", environ={}, development=True).engine.dispose()
    store = open_store(database, app_key="app", environ={}, development=True, upgrades=False)
    store.engine.dispose()


@pytest.mark.parametrize("version", ["0001", "9999"])
@pytest.mark.parametrize("development", [False, True])
def test_another_version_of_a_server_is_not_touched(
    emptied: Callable[[], str], version: str, development: bool
) -> None:
    address = emptied()
    engine = open_engine(address)

    def stamp(value: str) -> str:
        with engine.begin() as connection:
            found = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
            connection.execute(sa.text("UPDATE alembic_version SET version_num = :v"), {"v": value})
        return found

    newest = stamp(version)
    try:
        with pytest.raises(ConfigurationError, match=version):
            open_store(address, app_key="app", environ=KEYS, development=development)
    finally:
        assert stamp(newest) == version
    engine.dispose()


def test_a_server_is_asked_off_the_loop(emptied: Callable[[], str]) -> None:
    address = emptied()
    with pytest.raises(ConfigurationError, match="no key to seal"):
        open_store(address, app_key="app", environ={}, development=True)
    store = open_store(address, app_key="app", environ=KEYS)
    assert isinstance(store.answers, OffLoop)
    assert store.once.take(bytes(32)) is None
    store.answers.close()
    store.engine.dispose()


def test_memory_needs_nothing() -> None:
    store = open_store(":memory:", app_key="app", environ={})
    assert isinstance(store.answers, Installations)
    store.engine.dispose()
    one, other = (open_sealer(":memory:", {}) for _ in range(2))
    with pytest.raises(ConfigurationError):
        other.open(one.seal(b"x", []), [])
