from __future__ import annotations


def test_an_installation_may_have_forges_name(migrated):
    columns = migrated("v0003_installation_id").get_columns("installations")
    assert "installation_id" in {column["name"] for column in columns}
