"""Tables by ``manage.py migrate`` and by ``headway store upgrade`` are the same tables."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from django.core.management import call_command
from django.db.migrations.loader import MigrationLoader

from headway.app.django.versions import StoreVersion
from headway.errors import ConfigurationError
from headway.store.engine import open_engine
from headway.store.migrations import check, revisions, upgrade


def schema(engine):
    """Everything that the database says of its tables, Django's own table aside."""
    found = {}
    inspector = sa.inspect(engine)
    for table in sorted(set(inspector.get_table_names()) - {"django_migrations"}):
        found[table] = (
            [(c["name"], str(c["type"]), c["nullable"]) for c in inspector.get_columns(table)],
            inspector.get_pk_constraint(table)["constrained_columns"],
            sorted(
                (str(i["name"]), tuple(i["column_names"]), bool(i["unique"]))
                for i in inspector.get_indexes(table)
            ),
        )
    return found


TABLES = ("alembic_version", "clock", "once_state", "installations", "accepted")


def rows(engine):
    with engine.connect() as connection:
        return {
            table: [
                tuple(row)
                for row in connection.execute(sa.select(sa.text("*")).select_from(sa.table(table)))
            ]
            for table in TABLES
        }


def test_djangos_migrations_make_what_alembics_make(two, migrate):
    _, ours, theirs = two
    migrate()
    engines = [open_engine(ours), open_engine(theirs)]
    try:
        upgrade(engines[1])
        assert check(engines[0]) == check(engines[1]) == revisions()[-1]
        assert schema(engines[0]) == schema(engines[1])
        assert rows(engines[0]) == rows(engines[1])
    finally:
        for engine in engines:
            engine.dispose()


def test_one_goes_on_where_the_other_has_stopped(two, migrate):
    _, ours, theirs = two
    migrate("v0001_installations")
    engines = [open_engine(ours), open_engine(theirs)]
    try:
        for engine in engines:
            upgrade(engine)
        assert schema(engines[0]) == schema(engines[1])
    finally:
        for engine in engines:
            engine.dispose()


def test_there_is_a_migration_for_each_version():
    loader = MigrationLoader(None)
    own = {name: made for (app, name), made in loader.disk_migrations.items() if app == "headway"}
    assert [made.operations[0].revision for _, made in sorted(own.items())] == list(revisions())
    assert [name.partition("_")[0][1:] for name in sorted(own)] == list(revisions())
    assert loader.graph.leaf_nodes("headway") == [("headway", max(own))]


def test_nothing_is_left_to_be_migrated():
    call_command("makemigrations", "headway", check=True, dry_run=True, verbosity=0)


def test_other_databases_are_refused():
    editor = SimpleNamespace(connection=SimpleNamespace(vendor="mysql"))
    with pytest.raises(ConfigurationError, match="mysql"):
        StoreVersion("0001").database_forwards("headway", editor, None, None)


def test_there_is_no_way_back():
    operation = StoreVersion("0001")
    assert not operation.reversible
    operation.state_forwards("headway", None)
    with pytest.raises(NotImplementedError):
        operation.database_backwards("headway", None, None, None)
    assert "0001" in operation.describe()
