from __future__ import annotations

from typing import Any

import pytest

from host.rest.wiki.caller import Caller


def names(answer: Any) -> list[str]:
    return [label["name"] for label in answer["results"]]


def test_labels(app: Caller) -> None:
    path = "content/2/label"
    assert names(app.get(path)) == ["attachments", "tokens"]
    assert names(app.post(path, [{"prefix": "global", "name": "New"}, {"name": "b"}])) == [
        *("attachments", "b", "new", "tokens")
    ]
    assert names(app.post(path, {"prefix": "my", "name": "mine"}))
    assert names(app.get(f"{path}?prefix=my")) == ["mine"]
    assert app.get(f"{path}?limit=1")["_links"]["next"]
    app.delete(f"{path}/b")
    app.delete(f"{path}?name=new")
    app.delete(f"{path}?name=new", 404)
    app.delete(path, 404)


@pytest.mark.parametrize(
    "body", [["x"], [{"prefix": "global"}], [{"name": 1}], [{"name": "two words"}], 7,
             [{"name": "good"}, {"name": "x", "prefix": "other"}], [{"name": "x", "prefix": 1}]],
)  # fmt: skip
def test_labels_that_are_none(app: Caller, body: Any) -> None:
    app.post("content/2/label", body, 400)
    assert names(app.get("content/2/label")) == ["attachments", "tokens"]


@pytest.mark.parametrize("thing", ["content/1", "space/DEMO"])
def test_properties(app: Caller, thing: str) -> None:
    path = f"{thing}/property"
    first = app.post(path, {"key": "a", "value": {"n": [1, None]}})
    assert (first["key"], first["value"], first["version"]["number"]) == ("a", {"n": [1, None]}, 1)
    assert app.get(f"{path}/a") == first
    app.post(f"{path}/b", {"value": 1})
    app.put(f"{path}/c", {"value": "made", "version": {"number": 1}})
    assert [p["key"] for p in app.get(path)["results"]] == ["a", "b", "c"]
    assert [p["key"] for p in app.get(f"{path}?key=b&key=c")["results"]] == ["b", "c"]
    after = app.put(f"{path}/a", {"value": False, "version": {"number": 2}})
    assert (after["value"], after["version"]["number"]) == (False, 2)
    assert (
        "incremented"
        in app.put(f"{path}/a", {"value": 1, "version": {"number": 2}}, 409)["message"]
    )
    assert app.post(path, {"key": "a", "value": 1}, 409)
    app.delete(f"{path}/a")
    for method in ("GET", "DELETE"):
        assert app.call(method, f"{path}/a").status == 404
    assert app.put(f"{path}/a", {"value": 1, "version": {"number": 2}}, 404)
    for wrong in ({}, {"key": "x"}, {"key": 1, "value": 1}, {"key": "x", "value": "x" * 32_768}):
        assert app.post(path, wrong, 400)
    for wrong in ({}, {"value": 1}, {"value": 1, "version": {"number": "2"}}):
        assert app.put(f"{path}/b", wrong, 400)


def test_whose_properties_may_be_changed(app: Caller) -> None:
    user, reader = app.as_("user"), app.as_("reader")
    assert user.post("space/DEMO/property", {"key": "a", "value": 1}, 403)
    assert user.post("content/1/property", {"key": "a", "value": 1})
    assert reader.post("content/1/property", {"key": "b", "value": 1}, 403)
    assert app.as_("nobody").get("content/1/property", 401)


def accounts(app: Caller, operation: str, content: str = "1") -> set[str]:
    path = f"content/{content}/restriction/byOperation/{operation}"
    found = app.get(path)["restrictions"]["user"]["results"]
    return {user["accountId"] for user in found}


def test_restrictions(app: Caller) -> None:
    path, user = "content/1/restriction", app.account("user")
    admin, me = app.account("admin"), "account-my-app"

    def only(*people: str, operation: str = "read") -> dict[str, Any]:
        users = [{"type": "known", "accountId": account} for account in people]
        return {"operation": operation, "restrictions": {"user": users, "group": []}}

    assert app.get(f"{path}/byOperation")["read"]["restrictions"]["user"]["size"] == 0
    app.put(path, [only(user), only(user, operation="update")])
    assert accounts(app, "read") == accounts(app, "update") == {user, me}
    assert app.as_("admin").get("content/1", 404)
    assert app.as_("admin").get("content/2", 404)  # below it
    added = app.post(path, {"results": [only(admin)]})
    assert added["restrictionsHash"]
    assert accounts(app, "read") == {user, me, admin}
    assert app.as_("admin").get("content/2")
    app.put(path, [only()])
    assert accounts(app, "read") == set()
    assert app.delete(path, 200)["size"] == 2
    assert accounts(app, "update") == set()
    assert app.get(f"{path}/byOperation/fly", 400)


def test_a_restriction_to_a_group_is_to_its_members(app: Caller) -> None:
    path, people = "content/1/restriction", app.world.people
    group = people.add_group("writers")

    def only(named: dict[str, str], operation: str) -> dict[str, Any]:
        subjects = {"user": [], "group": {"results": [named]}}
        return {"operation": operation, "restrictions": subjects}

    both = [only({"name": "writers"}, "read"), only({"id": group.group_id}, "update")]
    app.put(path, both)
    shape = app.get(f"{path}/byOperation/read")["restrictions"]["group"]
    assert [one["name"] for one in shape["results"]] == ["writers"]
    assert shape["size"] == 1
    user = app.as_("user")
    user.get("content/1", 404)
    user.get("content/2", 404)  # below it
    people.set_member("writers", app.account("user"), True)
    user.get("content/1")
    user.get("content/2")
    changed = {"version": {"number": 2}, "title": "Changed", "type": "page"}
    app.as_("admin").put("content/1", changed, 404)
    user.put("content/1", changed)
    app.put(path, [only({"name": "writers"}, "update"), {"operation": "read"}])
    app.as_("admin").put("content/1", {**changed, "version": {"number": 3}}, 403)
    people.set_member("writers", app.account("user"), False)
    user.put("content/1", {**changed, "version": {"number": 3}}, 403)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("x", 400),
        ({"results": "x"}, 400),
        ([{"operation": "fly"}], 400),
        (["x"], 400),
        ([{"operation": "read", "restrictions": {"user": [{"name": "x"}]}}], 400),
        ([{"operation": "read", "restrictions": {"group": [{"name": "x"}]}}], 400),
        ([{"operation": "read", "restrictions": {"group": ["x"]}}], 400),
        ([{"operation": "read", "restrictions": {"user": [{"accountId": "group:x"}]}}], 400),
        ([{"operation": "read", "restrictions": {"user": {"results": [{}]}}}], 400),
    ],
)
def test_restrictions_that_are_none(app: Caller, body: Any, status: int) -> None:
    app.put("content/1/restriction", body, status)
    assert accounts(app, "read") == set()
