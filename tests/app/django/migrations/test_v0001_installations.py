from __future__ import annotations

from headway.app.django.migrations.v0001_installations import Migration


def test_there_are_the_first_tables(migrated):
    tables = set(migrated("v0001_installations").get_table_names())
    assert {"installations", "accepted", "clock", "alembic_version"} <= tables
    assert "once" not in tables


def test_it_is_the_stores_own_version():
    assert [operation.revision for operation in Migration.operations] == ["0001"]
