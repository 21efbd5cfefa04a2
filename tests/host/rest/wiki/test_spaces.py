from __future__ import annotations

from typing import Any

import pytest

from headway.host.world import Change
from host.rest.wiki.caller import Caller


def keys(answer: Any) -> list[str]:
    return [space["key"] for space in answer["results"]]


def test_a_list(app: Caller) -> None:
    app.world.spaces.add_space("~uma", "Uma's own", app.account("user"))
    assert keys(app.get("space")) == ["DEMO", "OPEN", "~uma"]
    assert keys(app.get("space?spaceKey=OPEN&spaceKey=DEMO")) == ["DEMO", "OPEN"]
    assert keys(app.get("space?type=personal")) == ["~uma"]
    assert keys(app.get("space?type=global&limit=1")) == ["DEMO"]


def test_one(app: Caller) -> None:
    space = app.get("space/DEMO?expand=homepage,description.plain,description.view,history")
    assert space["homepage"]["title"] == "Demonstration Home"
    assert space["description"]["plain"]["value"] == "How tokens travel, written down"
    assert space["history"]["createdBy"]["displayName"] == "Ada Admin"
    assert app.get("space/demo", 404)["message"] == "No space with key : demo"
    app.world.marks.restrict(app.page(), "read", frozenset({"x"}))
    assert app.get("space/DEMO?expand=homepage")["homepage"] is None


def test_a_space_is_made(app: Caller) -> None:
    told: list[Change] = []
    app.world.listeners.append(told.append)
    description = {"plain": {"value": "Text", "representation": "plain"}}
    made = app.post("space", {"key": "NEW", "name": "New", "description": description})
    assert made["homepage"]["title"] == "New Home"
    assert made["description"]["plain"]["value"] == "Text"
    assert [change.event for change in told] == ["space_created", "page_created", "space_updated"]
    assert {change.author for change in told} == {"account-my-app"}
    assert app.as_("user").get("space/NEW")


@pytest.mark.parametrize(
    "body",
    [{}, {"key": "A"}, {"key": 1, "name": "x"}, {"key": "A-B", "name": "x"},
     {"key": "DEMO", "name": "x"}, {"key": "A", "name": ""},
     {"key": "A", "name": "x", "description": "y"},
     {"key": "A", "name": "x", "description": {"plain": {"value": 1}}}],
)  # fmt: skip
def test_a_space_that_can_not_be(app: Caller, body: Any) -> None:
    app.post("space", body, 400)
    assert keys(app.get("space")) == ["DEMO", "OPEN"]


def test_an_update(app: Caller) -> None:
    page = app.page("A page with an app's macro")
    after = app.put("space/DEMO", {"name": "Newer", "homepage": {"id": str(page.id)}})
    assert (after["name"], after["homepage"]["id"]) == ("Newer", str(page.id))
    for wrong in ({"name": 1}, {"name": ""}, {"homepage": {"id": 999}},
                  {"homepage": {"id": app.page("Open handbook").id}}):  # fmt: skip
        assert app.put("space/DEMO", wrong, 400)


def test_who_may_change_a_space(app: Caller) -> None:
    user = app.as_("user")
    assert user.put("space/DEMO", {"name": "x"}, 403)
    assert user.delete("space/DEMO", 403)
    assert app.as_("nobody").post("space", {"key": "A", "name": "x"}, 401)
    assert app.as_("nobody").delete("space/OPEN", 401)
    own = user.post("space", {"key": "OWN", "name": "Own"})
    assert user.put(f"space/{own['key']}", {"name": "x"})["name"] == "x"


def test_a_space_goes_with_what_is_in_it(app: Caller) -> None:
    answer = app.delete("space/DEMO", 202)
    assert answer["links"]["status"] == f"/rest/api/longtask/{answer['id']}"
    assert app.get("space/DEMO", 404)
    assert app.get("content/1", 404)
    assert app.world.files.of("content", 2) == []


def test_what_is_in_it(app: Caller) -> None:
    every = app.get("space/DEMO/content?limit=2")
    assert (every["page"]["size"], every["blogpost"]["size"]) == (2, 1)
    assert app.get("space/DEMO/content/blogpost")["size"] == 1
    assert app.get("space/DEMO/content/comment", 400)
