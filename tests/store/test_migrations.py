from __future__ import annotations

import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from headway.errors import ConfigurationError
from headway.store.engine import open_engine, writing
from headway.store.migrations import check, upgrade
from headway.store.tables import metadata


@pytest.fixture
def engine(database: Path) -> sa.Engine:
    engine = open_engine(database)
    yield engine
    engine.dispose()


def test_an_empty_database_is_brought_up(engine: sa.Engine) -> None:
    with pytest.raises(ConfigurationError, match="has version none, this release needs 0001"):
        check(engine)
    assert upgrade(engine) == "0001"
    assert check(engine) == "0001"


def test_a_second_upgrade_changes_nothing(engine: sa.Engine) -> None:
    upgrade(engine)
    with writing(engine).begin() as connection:
        connection.execute(sa.text("UPDATE clock SET mark = 7"))
    upgrade(engine)
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT id, mark FROM clock")).all() == [(1, 7)]


def test_migrations_lead_to_the_tables_that_the_code_uses(engine: sa.Engine) -> None:
    upgrade(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_a_newer_database_is_refused(engine: sa.Engine) -> None:
    upgrade(engine)
    with writing(engine).begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    for step in (check, upgrade):
        with pytest.raises(ConfigurationError, match="9999, which this release does not know"):
            step(engine)


def test_a_failed_upgrade_leaves_nothing(engine: sa.Engine) -> None:
    with writing(engine).begin() as connection:
        connection.execute(sa.text("CREATE TABLE accepted (mine TEXT)"))
    with pytest.raises(sa.exc.OperationalError, match="already exists"):
        upgrade(engine)
    assert sa.inspect(engine).get_table_names() == ["accepted"]


def test_two_upgrades_at_once(database: Path) -> None:
    engines = [open_engine(database) for _ in range(3)]
    versions: list[str] = []
    threads = [
        threading.Thread(target=lambda engine=engine: versions.append(upgrade(engine)))
        for engine in engines
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for engine in engines:
        engine.dispose()
    assert versions == ["0001"] * 3
