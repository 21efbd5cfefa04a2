from __future__ import annotations

import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations

from headway.store.engine import open_engine, writing
from headway.store.migrations.versions import v0001_installations


def test_three_tables_and_a_clock_that_has_seen_nothing() -> None:
    engine = open_engine(":memory:")
    with (
        writing(engine).begin() as connection,
        Operations.context(MigrationContext.configure(connection)),
    ):
        v0001_installations.upgrade()
    inspector = sa.inspect(engine)
    assert sorted(inspector.get_table_names()) == ["accepted", "clock", "installations"]
    assert [index["name"] for index in inspector.get_indexes("accepted")] == ["accepted_digest"]
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT id, mark FROM clock")).all() == [(1, 0)]
    engine.dispose()
