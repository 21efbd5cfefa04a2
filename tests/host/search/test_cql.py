from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from headway.host.database import open_database
from headway.host.search.cql import FIELDS, Asker, QueryError, compile_query
from headway.host.world import World
from headway.host.world.wiki import ContentKind

DAY = 86_400
NOW = 1_646_136_000  # 2022-03-01 12:00, a Tuesday


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """Two spaces; a page a day, the last one of today."""
    time = [0.0]
    with open_database(None) as database:
        made = World(database, lambda: time[0])
        one = made.spaces.add_space("ONE", "First space", "u1")
        two = made.spaces.add_space("TWO", "Second space", "u1")
        time[0] = NOW - 40 * DAY
        home = made.wiki.add_page(one.id, "Home", "<p>the front door</p>", "u1")
        time[0] = NOW - 2 * DAY
        child = made.wiki.add_page(one.id, "Überblick 100%", "<p>a_b</p>", "u2", parent=home)
        made.marks.add_label(child.id, "urgent", "u1")
        made.wiki.add_page(one.id, "Grand", "", "u1", parent=child)
        time[0] = NOW
        made.wiki.add_page(two.id, "News", "", "u1", kind=ContentKind.BLOG_POST)
        made.wiki.add_comment(child, "<p>said</p>", "u3")
        made.wiki.add_file(child, "plan.txt", "text/plain", b"x", "u1", "the plan")
        made.wiki.edit(home, "u3", body="<p>the back door</p>")
        made.wiki.trash(made.wiki.add_page(two.id, "Gone", "<p>door</p>", "u1"), "u1")
        yield made


def find(world: World, cql: str, account_id: str | None = "u1") -> list[str]:
    found = compile_query(cql, Asker(account_id, NOW))
    return [content.title for content in world.wiki.find(found.where, found.order)]


PAGES = ["Home", "Überblick 100%", "Grand"]
QUERIES = {
    "type = page": PAGES,
    "type in (page, blogpost) and space != ONE": ["News"],
    "type not in (page, blogpost)": ["Re: Überblick 100%", "plan.txt"],
    "space.key = TWO": ["News"],
    'space.title ~ "second"': ["News"],
    'space.title = "First space" and type = page order by title desc': [*PAGES[1::-1], "Grand"],
    "title = Home": ["Home"],
    "title ~ home": ["Home"],
    'title ~ "ÜBER*"': ["Überblick 100%"],
    'title ~ "100%"': ["Überblick 100%"],
    'title ~ "1%0"': [],
    "title !~ o and type = page": ["Überblick 100%", "Grand"],
    "text ~ door": ["Home"],
    'text ~ "back door"': ["Home"],
    'text ~ "door back"': ["Home"],
    'text ~ "\\"door back\\""': [],
    'text ~ "front"': [],
    'text ~ "a_b"': ["Überblick 100%"],
    'text ~ "aXb"': [],
    "siteSearch ~ plan": ["plan.txt"],
    "label = URGENT": ["Überblick 100%"],
    "label != urgent and type = page": ["Home", "Grand"],
    "ancestor = 1": ["Überblick 100%", "Grand"],
    "parent = 1": ["Überblick 100%"],
    "container = 2": ["Re: Überblick 100%", "plan.txt"],
    "ancestor = x or parent = none": [],
    "id = 1": ["Home"],
    "content in (1, att6)": ["Home", "plan.txt"],
    "creator = currentUser() and type = page": ["Home", "Grand"],
    "contributor = u3": ["Home", "Re: Überblick 100%"],
    "contributor in (currentUser(), u2) and type = page": PAGES,
    'created < "2022-02-01"': ["Home"],
    "created = 2022-02-27": ["Überblick 100%", "Grand"],
    'created >= now("-3d") and type = page': ["Überblick 100%", "Grand"],
    'lastmodified > now("-1h")': ["Home", "News", "Re: Überblick 100%", "plan.txt"],
    "created > startOfDay() and type = blogpost": ["News"],
    "created > startOfWeek() and type = page": ["Überblick 100%", "Grand"],
    "created > startOfMonth(-1) and type = page": ["Überblick 100%", "Grand"],
    "created < startOfYear()": [],
    "created <= endOfDay() and type = blogpost": ["News"],
    'created < "2022/02/27 13:00" and type = page': PAGES,
    "not type = page and not space = ONE": ["News"],
    "(title = Home or title = News) and (space = TWO)": ["News"],
    "": [*PAGES, "News", "Re: Überblick 100%", "plan.txt"],
    "type != page order by created desc, id desc": ["plan.txt", "Re: Überblick 100%", "News"],
    'title = "\' or 1=1 --"': [],
    "title = \"a' OR '1'='1\" or space = 'x); drop table contents; --'": [],
}


@pytest.mark.parametrize("cql", QUERIES)
def test_what_a_query_finds(world: World, cql: str) -> None:
    assert find(world, cql) == QUERIES[cql]


def test_nobody_is_no_user(world: World) -> None:
    assert find(world, "creator = currentUser()", None) == []


BAD = [
    "type =",
    "nonsense = 1",
    "id ~ 1",
    "text = door",
    "label ~ x",
    "title is empty",
    "title = null",
    "type = issue",
    "created = yesterday",
    "created = 2022-13-01",
    "created > currentUser()",
    "title = now()",
    'created > now("soon")',
    'created > now("-1d", "-2d")',
    "creator = membersOf(x)",
    "creator = currentUser(x)",
    "order by text",
    "order by nonsense",
    "title = a and",
    "x" * 10_001,
    "(" * 100_000,
    "not " * 3_000 + "nonsense = 1",
    f"id in ({', '.join(['1'] * 401)})",
    'text ~ "' + "a " * 31 + '"',
    " or ".join(["id = 1"] * 301),
    "title = 'open",
    'title = "a"; drop table contents',
]


@pytest.mark.parametrize("cql", BAD, ids=lambda text: text[:30])
def test_what_no_query_is(world: World, cql: str) -> None:
    with pytest.raises(QueryError, match=r"^Could not parse cql : "):
        find(world, cql)


def test_a_query_at_its_bounds_is_answered(world: World) -> None:
    many = ", ".join(["1"] * 40)
    cql = " or ".join([f"id in ({many})"] * 10)
    assert find(world, "(" * 39 + cql + ")" * 39) == ["Home"]
    assert find(world, " or ".join(["id = 1"] * 300)) == ["Home"]


def test_everything_from_outside_is_bound(world: World) -> None:
    """No value of a query is in the text of the SQL."""
    mark = "zqzqzq"
    for name, field in FIELDS.items():
        value = "2022-02-01" if field.is_date else mark
        if name in ("type",):
            continue
        operator = "=" if "=" in field.operators else "~"
        found = compile_query(f'{name} {operator} "{value}"', Asker(None, NOW))
        text = str(sa.select(sa.literal(1)).where(found.where))
        assert mark not in text
        assert "1643673600" not in text
