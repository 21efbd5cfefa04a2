from __future__ import annotations

import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations

from headway.errors import ConfigurationError
from headway.store import migrations
from headway.store.engine import open_engine, writing
from headway.store.migrations import check, revisions, statements, upgrade
from headway.store.migrations.versions import v0001_installations
from headway.store.tables import metadata

NEWEST = "0004"


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, database: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return str(database)
    return request.getfixturevalue("postgresql").new_database()


@pytest.fixture
def engine(address: str) -> sa.Engine:
    engine = open_engine(address)
    yield engine
    engine.dispose()


def test_an_empty_database_is_brought_up(engine: sa.Engine) -> None:
    with pytest.raises(
        ConfigurationError,
        match=f"has version none, this release needs {NEWEST}: stop the app and run 'headway store",
    ):
        check(engine)
    assert upgrade(engine) == NEWEST
    assert check(engine) == NEWEST


def test_an_older_database_is_refused_and_brought_up_with_what_it_holds(
    engine: sa.Engine,
) -> None:
    with writing(engine).begin() as connection:
        context = MigrationContext.configure(connection)
        with Operations.context(context):
            v0001_installations.upgrade()
            context.stamp(migrations._scripts(), "0001")
        connection.execute(sa.text("UPDATE clock SET mark = 7"))
    with pytest.raises(ConfigurationError, match="has version 0001, this release needs"):
        check(engine)
    assert upgrade(engine) == NEWEST
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT mark FROM clock")) == 7


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
    with pytest.raises(ConfigurationError, match=r"the database says: .*already exists"):
        upgrade(engine)
    assert sa.inspect(engine).get_table_names() == ["accepted"]


def test_upgrades_at_once(address: str) -> None:
    engines = [open_engine(address) for _ in range(3)]
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
    assert versions == [NEWEST] * 3


def test_the_statements_of_each_version_lead_to_the_same_tables(engine: sa.Engine) -> None:
    with writing(engine).begin() as connection:
        for revision in revisions():
            for statement in statements(revision, engine.dialect.name):
                connection.exec_driver_sql(statement)
    assert check(engine) == revisions()[-1] == NEWEST
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        assert connection.scalar(sa.text("select mark from clock")) == 0
