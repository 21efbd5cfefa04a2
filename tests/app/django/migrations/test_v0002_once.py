from __future__ import annotations


def test_there_is_a_table_of_what_counts_once(migrated):
    assert {"once", "once_state"} <= set(migrated("v0002_once").get_table_names())
