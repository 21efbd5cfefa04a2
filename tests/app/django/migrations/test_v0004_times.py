from __future__ import annotations

from headway.app.django.migrations.v0004_times import Migration


def test_what_ends_at_a_time_has_an_index(migrated):
    indexes = migrated("v0004_times").get_indexes("accepted")
    assert "accepted_forget" in {index["name"] for index in indexes}


def test_it_is_the_stores_own_version():
    assert [operation.revision for operation in Migration.operations] == ["0004"]
