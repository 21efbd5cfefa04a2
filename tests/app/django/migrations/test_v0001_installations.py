from __future__ import annotations


def test_there_are_the_first_tables(migrated):
    tables = set(migrated("v0001_installations").get_table_names())
    assert {"installations", "accepted", "clock", "alembic_version"} <= tables
    assert "once" not in tables
