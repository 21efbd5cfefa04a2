from __future__ import annotations

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations

from headway.store.engine import open_engine, writing
from headway.store.migrations.versions import v0001_installations, v0003_installation_id

ROW = "INSERT INTO installations VALUES ('app', :key, 'b', 'jira', x'00', NULL, 0, 1, 0, {}, {})"


def row(name: str) -> sa.TextClause:
    return sa.text(ROW.format("NULL, NULL, NULL, NULL", name))


def test_an_installation_id_names_at_most_one_and_old_rows_have_none() -> None:
    engine = open_engine(":memory:")
    with (
        writing(engine).begin() as connection,
        Operations.context(MigrationContext.configure(connection)),
    ):
        v0001_installations.upgrade()
        old = ROW.format("NULL, NULL, NULL", "NULL")
        connection.execute(sa.text(old), {"key": "old"})
        v0003_installation_id.upgrade()
        connection.execute(row("NULL"), {"key": "1"})
        connection.execute(row("'id'"), {"key": "2"})
        with pytest.raises(sa.exc.IntegrityError):
            connection.execute(row("'id'"), {"key": "3"})
        found = connection.execute(sa.text("SELECT client_key, installation_id FROM installations"))
        assert sorted(found.all()) == [("1", None), ("2", "id"), ("old", None)]
    engine.dispose()
