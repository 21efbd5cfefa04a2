"""Things by their names: found, changed, refused."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from headway.host import things
from headway.host.settings import Settings
from headway.host.site import Site
from headway.host.things import KINDS, change, find
from headway.host.world import World


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    site = Site(Settings())
    yield site.world
    asyncio.run(site.close())


@pytest.fixture(scope="module")
def author(world: World) -> str:
    return str(find(world, "user", "admin").account_id)


@pytest.mark.parametrize(
    ("kind", "name", "field", "value"),
    [
        ("issue", "DEMO-1", "summary", "New"),
        ("project", "DEMO", "name", "Renamed"),
        ("user", "user", "display_name", "Una"),
        ("user", "user", "active", False),
        ("space", "DEMO", "name", "Renamed"),
        ("page", "Demonstration Home", "body", "<p>New</p>"),
    ],
)
def test_each_kind(
    world: World, author: str, kind: str, name: str, field: str, value: object
) -> None:
    change(world, kind, name, {field: value}, author)
    assert getattr(find(world, kind, name), field) == value


def test_every_kind_is_tried_above() -> None:
    assert set(KINDS) == {"issue", "project", "user", "space", "page"}


def test_a_page_by_its_id(world: World) -> None:
    page = find(world, "page", "Open handbook")
    assert find(world, "page", str(page.id)) == page


def test_a_person_is_meant_by_login_name(world: World, author: str) -> None:
    change(world, "issue", "DEMO-2", {"assignee": "user"}, author)
    user = find(world, "user", "user").account_id
    assert find(world, "issue", "DEMO-2").assignee == user
    change(world, "issue", "DEMO-2", {"assignee": None, "resolution": None}, author)
    assert find(world, "issue", "DEMO-2").assignee is None
    assert things._account(world, "assignee", "unknown") == "unknown"


@pytest.mark.parametrize(
    ("kind", "name", "changes", "error", "says"),
    [
        ("colour", "red", {}, LookupError, "there is no kind of thing called colour"),
        ("issue", "NONE-1", {}, LookupError, "the site has no issue NONE-1"),
        ("page", "Nowhere", {}, LookupError, "the site has no page Nowhere"),
        ("issue", "DEMO-1", {"colour": 1}, AttributeError, "<issue DEMO-1> has no colour"),
        ("user", "user", {"email": "x"}, AttributeError, "email can not be set"),
        ("issue", "DEMO-1", {"summary": ""}, ValueError, "summary"),
        ("issue", "DEMO-1", {"summary": 5}, ValueError, "summary: Expected `str`, got `int`"),
        ("issue", "DEMO-1", {"labels": "a"}, ValueError, "labels: Expected `array`, got `str`"),
        ("issue", "DEMO-1", {"status": "Lost"}, ValueError, "status is one of Done, In Prog"),
        ("issue", "DEMO-1", {"id": 7}, AttributeError, "id can not be set"),
        ("issue", "DEMO-1", {"key": "DEMO-99"}, AttributeError, "key can not be set"),
        ("issue", "DEMO-1", {"time_spent": 10**30}, AttributeError, "time_spent can not be set"),
        ("project", "DEMO", {"id": [1]}, AttributeError, "id can not be set"),
    ],
)
def test_what_can_not_be(
    world: World, author: str, kind: str, name: str, changes: Any, error: Any, says: str
) -> None:
    with pytest.raises(error, match=says):
        change(world, kind, name, changes, author)
