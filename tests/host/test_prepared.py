from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from headway.host.database import Database, open_database
from headway.host.prepared import Prepared

metadata = sa.MetaData()
things = sa.Table(
    "things",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text),
    sa.Column("good", sa.Boolean),
    sa.Column("more", sa.JSON(none_as_null=True)),
)
ROWS = (
    {"id": 1, "name": "one", "good": True, "more": {"of": ["it"]}},
    {"id": 2, "name": None, "good": False, "more": None},
    {"id": 3, "name": "\u0645", "good": None, "more": []},
)


@pytest.fixture
def database() -> Iterator[Database]:
    with open_database(None) as opened:
        with opened.writing() as connection:
            metadata.create_all(connection)
            connection.execute(things.insert(), list(ROWS))
        yield opened


@pytest.mark.parametrize(
    "query",
    [
        sa.select(things).order_by(things.c.id),
        sa.select(things.c.more, things.c.id).where(things.c.good.is_(True)),
        sa.select(things.c.name).where(things.c.name == "one", things.c.id < 3),
        sa.select(things.c.id).where(things.c.name.is_(None)),
        sa.select(sa.func.count()).select_from(things),
        sa.select(things.c.id).order_by(things.c.id.desc()).limit(1).offset(1),
        sa.select(things.c.id).where(things.c.id == 4),
    ],
    ids=["all", "JSON", "values", "NULL", "count", "a part", "nothing"],
)
def test_it_finds_what_the_query_itself_finds(database: Database, query: sa.Select[sa.Row]) -> None:
    with database.reading() as connection:
        found = [tuple(row) for row in connection.execute(query)]
    assert database.select(Prepared(query)) == found


def test_what_differs_is_given_by_name(database: Database) -> None:
    wanted = sa.and_(
        things.c.id <= sa.bindparam("most"), things.c.id >= sa.bindparam("least"), things.c.id > 0
    )
    query = Prepared(
        sa.select(things.c.id).where(wanted).order_by(things.c.id).limit(sa.bindparam("size"))
    )
    assert database.select(query, least=2, most=3, size=9) == [(2,), (3,)]
    assert database.select(query, most=3, size=1, least=1) == [(1,)]
    with pytest.raises(KeyError):
        database.select(query, least=2, size=1)


def test_a_text_stays_a_value(database: Database) -> None:
    query = Prepared(sa.select(things.c.id).where(things.c.name == sa.bindparam("name")))
    assert database.select(query, name="' OR '1'='1") == []


def test_a_list_of_values_can_not_be_prepared() -> None:
    with pytest.raises(ValueError, match="a list of values"):
        Prepared(sa.select(things.c.id).where(things.c.id.in_([1, 2])))


def test_inside_a_transaction_it_sees_what_that_wrote(database: Database) -> None:
    query = Prepared(sa.select(sa.func.count()).select_from(things))
    with database.writing() as connection:
        connection.execute(things.delete().where(things.c.id == 1))
        assert query.within(connection) == [(2,)]
        connection.rollback()
    assert database.select(query) == [(3,)]


def test_the_connection_goes_back(database: Database) -> None:
    """In memory there is one; whoever kept it would let the next one wait."""
    query = Prepared(sa.select(things.c.id).where(things.c.id == sa.bindparam("id")))
    with pytest.raises(OverflowError):
        database.select(query, id=2**64)
    assert database.select(query, id=1) == [(1,)]
    with database.writing() as connection:
        connection.execute(things.delete())
    assert database.select(query, id=1) == []
