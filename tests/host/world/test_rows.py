from __future__ import annotations

import pytest
import sqlalchemy as sa

from headway.host.database import open_database
from headway.host.world.rows import Rows, bounded, number
from headway.host.world.tracker import Project, projects


def test_values_come_and_go_as_rows() -> None:
    with open_database(None) as database:
        rows = Rows(database)
        made = rows.add(Project, projects, key="A", name="Alpha", public=True)
        other = rows.add(Project, projects, key="B", name="Beta", public=False)
        assert rows.one(Project, projects, projects.c.key == "A") == made
        assert rows.one(Project, projects, projects.c.key == "C") is None
        assert rows.all(Project, projects, sa.true(), projects.c.key.desc()) == [other, made]


@pytest.mark.parametrize("text", ["", "DEMO-1", "-1", "1 ", "\u0663", "9" * 19])
def test_what_is_no_id(text: str) -> None:
    assert number(text) is None


def test_a_text_is_bounded() -> None:
    assert bounded("name", " x ", 3, least=1) == " x "
    for text in ("", "  ", "four"):
        with pytest.raises(ValueError, match="a name has 1 to 3 characters"):
            bounded("name", text, 3, least=1)
