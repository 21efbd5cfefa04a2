from __future__ import annotations

import sqlalchemy as sa

from headway.store.installations import Installations
from headway.store.migrations.versions import v0004_times


def plan(engine: sa.Engine, statement: str) -> str:
    word = "EXPLAIN QUERY PLAN" if engine.dialect.name == "sqlite" else "EXPLAIN"
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":  # a table of three rows is read whole else
            connection.execute(sa.text("SET enable_seqscan = off"))
        found = connection.execute(sa.text(f"{word} {statement}")).all()
    return " ".join(str(row) for row in found)


def test_what_each_write_looks_for_is_found_by_an_index(
    engine: sa.Engine, store: Installations
) -> None:
    assert v0004_times.down_revision == "0003"
    erased = (
        "UPDATE installations SET previous_secret = NULL, previous_until = 0 "
        "WHERE previous_secret IS NOT NULL AND previous_until <= 5"
    )
    assert "installations_previous" in plan(engine, erased)
    assert "accepted_forget" in plan(engine, "DELETE FROM accepted WHERE forget_at < 5")


def test_the_indexes_are_made_by_the_migration(engine: sa.Engine) -> None:
    found = sa.inspect(engine)
    names = {
        index["name"]
        for table in ("installations", "accepted")
        for index in found.get_indexes(table)
    }
    assert {"installations_previous", "accepted_forget"} <= names
