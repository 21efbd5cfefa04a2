from __future__ import annotations


def test_what_ends_at_a_time_has_an_index(migrated):
    indexes = migrated("v0004_times").get_indexes("accepted")
    assert "accepted_forget" in {index["name"] for index in indexes}
