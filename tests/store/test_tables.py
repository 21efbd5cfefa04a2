"""The tables: what is kept, and that no secret is kept in the open."""

from headway.store import tables


def test_every_table_has_a_key() -> None:
    assert tables.metadata.tables
    for table in tables.metadata.tables.values():
        assert list(table.primary_key), table.name


def test_secrets_have_sealed_columns_only() -> None:
    names = {column.name for table in tables.metadata.tables.values() for column in table.columns}
    secret = {name for name in names if "secret" in name}
    assert secret
    plain = [
        column.name
        for table in tables.metadata.tables.values()
        for column in table.columns
        if "secret" in column.name and str(column.type) not in ("BLOB", "LargeBinary")
    ]
    assert plain == []
