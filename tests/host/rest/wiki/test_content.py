from __future__ import annotations

from typing import Any

import pytest

from headway.host.macros import macro_hash
from headway.host.storage_format import macros, parse
from headway.host.world import Change
from headway.host.world.wiki import ContentKind, Status
from host.rest.wiki.caller import Caller, storage


def titles(answer: Any) -> list[str]:
    return [found["title"] for found in answer["results"]]


def test_a_list(app: Caller) -> None:
    assert titles(app.get("content?spaceKey=OPEN")) == ["Open handbook", "How to report a leak"]
    assert titles(app.get("content?title=Open+handbook")) == ["Open handbook"]
    assert titles(app.get("content?type=blogpost")) == ["The retirement was announced"]
    assert titles(app.get("content?type=blogpost&postingDay=2023-11-14"))
    assert titles(app.get("content?type=blogpost&postingDay=2023-11-15")) == []
    ordered = titles(app.get("content?orderby=title+desc"))
    assert ordered == sorted(ordered, reverse=True)
    assert titles(app.get("content?orderby=history.createdDate")) == titles(app.get("content"))
    assert app.get("content?spaceKey=NONE", 404)


@pytest.mark.parametrize(
    "query",
    ["type=attachment", "status=nonsense", "orderby=x", "orderby=title+up", "orderby=",
     "postingDay=today"],
)  # fmt: skip
def test_a_list_that_can_not_be(app: Caller, query: str) -> None:
    app.get(f"content?{query}", 400)


def test_what_is_expanded_if_nothing_is_said(app: Caller) -> None:
    found = app.get("content/1")
    assert found["space"]["key"] == "DEMO"
    assert found["version"]["number"] == 1
    assert found["history"]["latest"] is True
    assert "body" in found["_expandable"]


def test_a_page_is_made(app: Caller) -> None:
    told: list[Change] = []
    app.world.listeners.append(told.append)
    made = app.post("content", {"type": "page", "title": "New", "space": {"key": "DEMO"},
        "ancestors": [{"id": 1}], "body": storage("<p>x</p>")})  # fmt: skip
    assert made["body"]["storage"]["value"] == "<p>x</p>"
    assert [above["id"] for above in made["ancestors"]] == ["1"]
    assert [(c.event, c.author) for c in told] == [("page_created", "account-my-app")]
    below = app.post(
        "content", {"type": "page", "title": "Below", "ancestors": [{"id": made["id"]}]}
    )
    assert below["space"]["key"] == "DEMO"
    post = app.post("content", {"type": "blogpost", "title": "Post", "space": {"key": "OPEN"}})
    assert (post["type"], post["body"]["storage"]["value"]) == ("blogpost", "")


def page(**more: Any) -> dict[str, Any]:
    return {"type": "page", "title": "New", "space": {"key": "DEMO"}, **more}


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (page(type="attachment"), 400, "type is"),
        (page(type=None), 400, "type is"),
        (page(status="draft"), 501, "no drafts"),
        (page(title=None), 400, "title"),
        (page(title=""), 400, "title"),
        (page(title="Demonstration Home"), 400, "exists"),
        (page(space=None), 400, "space.key"),
        (page(space={"key": "NONE"}), 404, "No space with key : NONE"),
        (page(space={"key": "OPEN"}, ancestors=[{"id": 1}]), 400, "another space"),
        (page(ancestors=[{"id": 999}]), 400, "ancestors"),
        (page(ancestors=[{"id": "3"}]), 400, "ancestors"),
        (page(ancestors="x"), 400, "ancestors"),
        (page(ancestors=[1]), 400, "ancestors"),
        (page(body="x"), 400, "body is an object"),
        (page(body={"view": {"value": "x"}}), 501, "body.storage"),
        (page(body={"storage": {"value": 1}}), 400, "text"),
        (page(body={"storage": "x"}), 400, "text"),
        (page(body={"storage": {"value": "h1. x", "representation": "wiki"}}), 501, "storage"),
        (page(body=storage("<p>")), 400, "well-formed"),
        (page(body=storage("<!DOCTYPE x><p/>")), 400, "well-formed"),
    ],
)
def test_a_page_that_can_not_be_made(app: Caller, body: Any, status: int, words: str) -> None:
    before = app.get("content?limit=100")["size"]
    assert words in app.post("content", body, status)["message"]
    assert app.get("content?limit=100")["size"] == before


def test_comments(app: Caller) -> None:
    body = {
        "type": "comment",
        "container": {"id": "1", "type": "page"},
        "body": storage("<p>a</p>"),
    }
    first = app.post("content", body)
    assert (first["type"], first["container"]["id"]) == ("comment", "1")
    answer = app.post("content", {**body, "ancestors": [{"id": first["id"]}]})
    assert titles(app.get("content/1/child/comment")) == ["Re: Demonstration Home"]
    assert [c["id"] for c in app.get(f"content/{first['id']}/child/comment")["results"]] == [
        answer["id"]
    ]
    for wrong in ({"id": 999}, {"id": first["id"]}, None, "x"):
        assert app.post("content", {**body, "container": wrong}, 404)
    elsewhere = {**body, "container": {"id": 2}, "ancestors": [{"id": first["id"]}]}
    assert "something else" in app.post("content", elsewhere, 400)["message"]
    app.delete(f"content/{first['id']}")
    assert app.get(f"content/{first['id']}?status=any", 404)


def change(**more: Any) -> dict[str, Any]:
    return {"type": "page", "title": "Home", "version": {"number": 2}, **more}


def test_an_update(app: Caller) -> None:
    after = app.put("content/1", change(body=storage("<p>y</p>"), version={
        "number": 2, "message": "why", "minorEdit": True}))  # fmt: skip
    assert (after["version"]["number"], after["version"]["message"]) == (2, "why")
    assert (after["title"], after["body"]["storage"]["value"]) == ("Home", "<p>y</p>")
    again = app.put("content/1", {"version": {"number": 3}})
    assert (again["title"], again["body"]["storage"]["value"]) == ("Home", "<p>y</p>")
    assert app.get("content/1?version=1&expand=body.storage")["title"] == "Demonstration Home"
    assert app.get("content/1?version=3")["status"] == "current"
    assert app.get("content/1?version=9", 404)
    assert app.get("content/1?status=historical", 400)


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (change(version={"number": 1}), 409, "Current version is: 1"),
        (change(version={"number": 3}), 409, "Current version is: 1"),
        (change(version=None), 400, "incremented version"),
        (change(version={"number": "2"}), 400, "incremented version"),
        (change(type="blogpost"), 400, "type"),
        (change(title=1), 400, "title"),
        (change(title="A page with an app's macro"), 400, "exists"),
        (change(status="draft"), 400, "status"),
        (change(ancestors=[{"id": 2}]), 400, "parent"),
        (change(body=storage("<p>")), 400, "well-formed"),
    ],
)
def test_an_update_that_can_not_be(app: Caller, body: Any, status: int, words: str) -> None:
    before = app.world.wiki.content(1)
    assert words in app.put("content/1", body, status)["message"]
    assert app.world.wiki.content(1) == before


def test_the_bin(app: Caller) -> None:
    app.delete("content/2")
    assert app.get("content/2", 404)
    assert app.get("content/2?status=trashed")["status"] == "trashed"
    assert "Downloads" in titles(app.get("content?status=trashed"))[0]
    assert app.get("content/3", 404)  # a comment on it
    back = app.put("content/2", change(title="Back", version={"number": 2}))
    assert (back["status"], back["title"]) == ("current", "Back")
    app.delete("content/2")
    app.delete("content/2", 404)
    app.delete("content/2?status=trashed")
    assert app.world.wiki.content(2) is None


def test_a_page_moves(app: Caller) -> None:
    made = app.post("content", page(ancestors=[{"id": 1}]))
    app.put(f"content/{made['id']}", change(title="New", ancestors=[{"id": 2}]))
    moved = app.world.wiki.content(made["id"])
    assert moved is not None
    assert moved.parent_id == 2
    assert app.put(f"content/{made['id']}/move/append/7", b"") == {"pageId": made["id"]}
    assert app.put(f"content/{made['id']}/move/before/2", b"", 501)
    assert app.put(f"content/{made['id']}/move/append/{made['id']}", b"", 400)


def test_a_page_moves_to_where_its_mover_may_write(app: Caller) -> None:
    """Who may change the page, but not write at the target, moves nothing there."""
    private = app.world.spaces.add_space("SHUT", "Shut", app.account("admin"))
    target = app.world.wiki.add_page(private.id, "Target", "", app.account("admin"))
    app.world.marks.restrict(target, "read", frozenset({app.account("admin")}))
    app.put(f"content/7/move/append/{target.id}", b"", 404)
    reader = app.as_("reader")
    reader.put("content/7/move/append/2", b"", 403)
    moved = app.world.wiki.content(7)
    assert moved is not None
    assert moved.parent_id == 1


def test_what_is_below(app: Caller) -> None:
    children = app.get("content/1/child?expand=page")
    assert titles(children["page"]) == titles(app.get("content/1/child/page"))
    assert "comment" in children["_expandable"]
    deep = app.post("content", page(ancestors=[{"id": 2}]))
    assert deep["title"] in titles(app.get("content/1/descendant/page"))
    assert deep["title"] not in titles(app.get("content/1/child/page"))
    assert len(titles(app.get("content/2/descendant/comment"))) == 2
    assert app.get("content/1/descendant")["_expandable"]["page"]
    assert app.get("content/1/child/whiteboard", 400)


def test_versions(app: Caller) -> None:
    app.put("content/1", change())
    assert [v["number"] for v in app.get("content/1/version")["results"]] == [2, 1]
    assert app.get("content/1/version/1")["number"] == 1
    for wrong in ("9", "x"):
        assert app.get(f"content/1/version/{wrong}", 404)
    history = app.get("content/1/history")
    assert (history["lastUpdated"]["number"], history["previousVersion"]["number"]) == (2, 1)
    assert "contributors" in app.get("content/1/history?expand=contributors")


def test_a_macros_body(app: Caller) -> None:
    found = app.page("A page with an app's macro")
    macro = macros(parse(found.body))[0]
    for version in ("1", "0"):
        path = f"content/{found.id}/history/{version}/macro"
        shape = app.get(f"{path}/id/{macro.id}")
        assert (shape["name"], shape["body"]) == ("headway-demo-macro", macro.body)
        assert shape["parameters"] == {"tone": {"value": "calm"}}
        assert app.get(f"{path}/hash/{macro_hash(macro)}") == shape
        assert app.get(f"{path}/id/none", 404)
    for version in ("9", "x"):
        assert app.get(f"content/{found.id}/history/{version}/macro/id/{macro.id}", 404)


def test_permissions(app: Caller) -> None:
    def may(who: str, operation: str, content_id: int = 1) -> bool:
        subject = {"type": "user", "identifier": who}
        body = {"subject": subject, "operation": operation}
        return bool(app.post(f"content/{content_id}/permission/check", body)["hasPermission"])

    user, admin = app.account("user"), app.account("admin")
    assert may(user, "read")
    assert may(user, "update")
    assert may("account-my-app", "delete")
    assert not may("nobody-at-all", "read")
    assert may("nobody-at-all", "read", app.page("Open handbook").id)
    me = frozenset({"account-my-app"})
    app.world.marks.restrict(app.page(), "update", me | {user})
    assert [may(who, "update") for who in (user, admin)] == [True, False]
    app.world.marks.restrict(app.page(), "read", me)
    assert [may(who, "read") for who in (user, admin, "account-my-app")] == [False, False, True]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"operation": "read"}, 400),
        ({"subject": {"type": "user", "identifier": "x"}, "operation": "fly"}, 400),
        ({"subject": {"type": "robot", "identifier": "x"}, "operation": "read"}, 400),
        ({"subject": {"type": "user"}, "operation": "read"}, 400),
        ({"subject": {"type": "group", "identifier": "x"}, "operation": "read"}, 501),
    ],
)
def test_a_question_about_permissions_that_is_none(app: Caller, body: Any, status: int) -> None:
    app.post("content/1/permission/check", body, status)


def test_the_kinds_are_the_hosts_words() -> None:
    assert {kind.value for kind in ContentKind} == {"page", "blogpost", "comment", "attachment"}
    assert {status.value for status in Status} == {"current", "trashed"}
