from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from headway.host.database import open_database
from headway.host.events.registrations import Registrations, unsupported
from headway.host.search.jql import parse


@pytest.fixture
def kept() -> Iterator[Registrations]:
    with open_database(None) as database:
        yield Registrations(database)


def add(kept: Registrations, app: str = "mine", expires: float = 10.0, **more: Any) -> int:
    values = {"events": ["e"], "jql": "", "field_ids": [], "property_keys": [], **more}
    return kept.add(app, "http://h/hook", expires, **values)


def test_what_has_expired_is_not_there(kept: Registrations) -> None:
    first, second = add(kept, jql="project = DEMO"), add(kept, expires=20.0)
    assert [each.id for each in kept.of("mine", 9.0)] == [first, second]
    assert kept.of("mine", 9.0)[0].jql == "project = DEMO"
    assert [each.id for each in kept.of("mine", 10.0)] == [second]
    kept.refresh("mine", [first], 30.0)
    assert [each.id for each in kept.all(10.0)] == [first, second]


def test_nobody_touches_those_of_another_app(kept: Registrations) -> None:
    theirs = add(kept, "theirs")
    kept.remove("mine", [theirs])
    kept.refresh("mine", [theirs], 99.0)
    assert [each.expires for each in kept.of("theirs", 0.0)] == [10.0]
    kept.remove("theirs")
    assert kept.all(0.0) == []


def test_an_id_is_never_used_again(kept: Registrations) -> None:
    first = add(kept)
    kept.remove("mine", [first])
    assert add(kept) > first


@pytest.mark.parametrize(
    "jql",
    [
        "",
        "project = DEMO",
        "project in (DEMO, PUB) AND status != Done OR NOT issuetype = Bug",
        "issueKey not in (DEMO-1) AND assignee = abc AND reporter = abc",
        "issue.property[color].name = blue AND cf[10029] = x",
    ],
)
def test_what_a_filter_may_say(jql: str) -> None:
    assert unsupported(parse(jql)) == []


@pytest.mark.parametrize(
    ("jql", "said"),
    [
        ("summary = x", "The clause summary is unsupported"),
        ("NOT (project = DEMO OR labels = x)", "The clause labels is unsupported"),
        ("project ~ DEMO", "The operator ~ of project is unsupported"),
        ("project = DEMO ORDER BY key", "The filter can not be ordered"),
    ],
)
def test_what_it_may_not(jql: str, said: str) -> None:
    assert unsupported(parse(jql)) == [said]
