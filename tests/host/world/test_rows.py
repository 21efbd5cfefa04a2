from __future__ import annotations

import pytest
import sqlalchemy as sa

from headway.host.database import open_database
from headway.host.world.fields import CustomField, custom_fields
from headway.host.world.rows import Lookup, Rows, bounded, number


def test_values_come_and_go_as_rows() -> None:
    with open_database(None) as database:
        rows, table = Rows(database), custom_fields
        made = rows.add(CustomField, table, name="A", type="t", description="")
        other = rows.add(CustomField, table, name="B", type="t", description="text")
        assert rows.one(CustomField, table, table.c.name == "A") == made
        assert rows.one(CustomField, table, table.c.name == "C") is None
        assert rows.all(CustomField, table, sa.true(), table.c.name.desc()) == [other, made]


def test_a_question_that_is_prepared_finds_values() -> None:
    table = custom_fields
    of_type = Lookup(CustomField, table, table.c.type == sa.bindparam("type"), table.c.name.desc())
    with open_database(None) as database:
        rows = Rows(database)
        made = [rows.add(CustomField, table, name=name, type="t", description="") for name in "AB"]
        assert of_type.all(database, type="t") == made[::-1]
        assert of_type.one(database, type="t") == made[1]
        assert of_type.one(database, type="u") is None
        with database.writing() as connection:
            connection.execute(table.delete().where(table.c.name == "B"))
            assert of_type.within(connection, type="t") == made[:1]


@pytest.mark.parametrize("text", ["", "DEMO-1", "-1", "1 ", "\u0663", "9" * 19])
def test_what_is_no_id(text: str) -> None:
    assert number(text) is None


def test_a_text_is_bounded() -> None:
    assert bounded("name", " x ", 3, least=1) == " x "
    for text in ("", "  ", "four"):
        with pytest.raises(ValueError, match="a name has 1 to 3 characters"):
            bounded("name", text, 3, least=1)
