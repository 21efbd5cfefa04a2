from __future__ import annotations

from headway.app.django.migrations.v0003_installation_id import Migration


def test_an_installation_may_have_forges_name(migrated):
    columns = migrated("v0003_installation_id").get_columns("installations")
    assert "installation_id" in {column["name"] for column in columns}


def test_it_is_the_stores_own_version():
    assert [operation.revision for operation in Migration.operations] == ["0003"]
