from __future__ import annotations

import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations

from headway.store.engine import open_engine, writing
from headway.store.migrations.versions import v0002_once


def test_one_table_and_a_count_of_nothing() -> None:
    engine = open_engine(":memory:")
    with (
        writing(engine).begin() as connection,
        Operations.context(MigrationContext.configure(connection)),
    ):
        v0002_once.upgrade()
    inspector = sa.inspect(engine)
    assert sorted(inspector.get_table_names()) == ["once", "once_state"]
    assert [index["name"] for index in inspector.get_indexes("once")] == ["once_until"]
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT * FROM once_state")).all() == [(1, 0, 0)]
    engine.dispose()
