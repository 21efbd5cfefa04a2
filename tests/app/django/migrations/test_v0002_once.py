from __future__ import annotations

from headway.app.django.migrations.v0002_once import Migration


def test_there_is_a_table_of_what_counts_once(migrated):
    assert {"once", "once_state"} <= set(migrated("v0002_once").get_table_names())


def test_it_is_the_stores_own_version():
    assert [operation.revision for operation in Migration.operations] == ["0002"]
