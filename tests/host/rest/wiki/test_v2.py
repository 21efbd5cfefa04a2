from __future__ import annotations

from typing import Any

import pytest

from headway.host.rest.scopes import scope_of
from headway.host.rest.wiki.v2 import ENDPOINTS
from host.rest.wiki.caller import Caller, storage

V2 = "/wiki/api/v2/"


def titles(answer: Any) -> list[str]:
    return [found["title"] for found in answer["results"]]


def words(answer: Any) -> str:
    return str(answer["errors"][0]["title"])


def test_each_operation_asks_for_the_scope_of_its_like_in_version_1() -> None:
    scopes = {"GET": "READ", "POST": "WRITE", "PUT": "WRITE", "DELETE": "DELETE"}
    for endpoint in ENDPOINTS:
        assert scope_of(endpoint.method, endpoint.path) == scopes[endpoint.method]


def test_lists(app: Caller) -> None:
    assert len(titles(app.get(f"{V2}pages"))) == 5
    assert titles(app.get(f"{V2}pages?title=Open+handbook")) == ["Open handbook"]
    assert titles(app.get(f"{V2}pages?space-id=2&sort=-title")) == [
        "Open handbook",
        "How to report a leak",
    ]
    assert [page["id"] for page in app.get(f"{V2}pages?id=1,2&id=7")["results"]] == ["1", "2", "7"]
    assert titles(app.get(f"{V2}blogposts")) == ["The retirement was announced"]
    assert len(titles(app.get(f"{V2}attachments"))) == 4
    assert len(titles(app.get(f"{V2}footer-comments"))) == 2
    for wrong in ("sort=x", "id=x", "limit=0", "cursor=x", "cursor=w7w", "body-format=editor"):
        status = 200 if "editor" in wrong else 400
        app.get(f"{V2}pages?{wrong}", status)


def test_pages_of_results(app: Caller) -> None:
    path, seen = f"{V2}pages?limit=2&sort=title", []
    while path:
        answer = app.call("GET", path)
        seen += titles(answer.json)
        path = answer.json["_links"].get("next", "")
        assert answer.headers.get("link", "") == (f'<{path}>; rel="next"' if path else "")
    assert seen == sorted(seen)
    assert len(seen) == 5
    spaces = app.get(f"{V2}spaces?limit=1")
    assert spaces["_links"]["next"].startswith(f"{V2}spaces?limit=1&cursor=")
    assert [s["key"] for s in app.get(spaces["_links"]["next"])["results"]] == ["OPEN"]


def test_a_page_and_its_body(app: Caller) -> None:
    page = app.get(f"{V2}pages/2")
    assert (page["spaceId"], page["parentId"], page["body"]) == ("1", "1", {})
    stored = app.get(f"{V2}pages/2?body-format=storage")["body"]["storage"]["value"]
    assert "ac:image" in stored
    shown = app.get(f"{V2}pages/2?body-format=view")["body"]["view"]["value"]
    assert "<img" in shown
    assert app.get(f"{V2}pages/2?body-format=atlas_doc_format", 501)
    for wrong in ("999", "x", "3"):  # the last one is a comment
        assert app.get(f"{V2}pages/{wrong}", 404)
    assert app.as_("nobody").get(f"{V2}pages/2", 401)
    assert app.as_("nobody").get(f"{V2}pages/{app.page('Open handbook').id}")


def test_pages_are_made_and_changed(app: Caller) -> None:
    body = {"spaceId": "1", "status": "current", "title": "New", "parentId": "2",
            "body": {"representation": "storage", "value": "<p>x</p>"}}  # fmt: skip
    made = app.post(f"{V2}pages", body)
    path = f"{V2}pages/{made['id']}"
    assert made["body"]["storage"]["value"] == "<p>x</p>"
    assert [above["id"] for above in app.get(f"{path}/ancestors")["results"]] == ["1", "2"]
    assert made["id"] in [child["id"] for child in app.get(f"{V2}pages/2/children")["results"]]
    change = {"id": made["id"], "status": "current", "title": "Newer", "parentId": 1,
              "version": {"number": 2, "message": "why"}, "body": storage("<p>y</p>")}  # fmt: skip
    after = app.put(path, change)
    assert (after["title"], after["version"]["number"], after["parentId"]) == ("Newer", 2, "1")
    assert app.put(path, change, 409)
    for wrong in ({}, {"version": {"number": "3"}}, {"version": {"number": 3}, "title": 1},
                  {"version": {"number": 3}, "status": "draft"},
                  {"version": {"number": 3}, "parentId": made["id"]},
                  {"version": {"number": 3}, "parentId": 3},
                  {"version": {"number": 3}, "body": "x"}):  # fmt: skip
        assert app.put(path, wrong, 400)
    assert [v["number"] for v in app.get(f"{path}/versions")["results"]] == [2, 1]
    app.delete(path)
    assert app.get(path, 404)
    assert app.get(f"{path}?status=trashed")["status"] == "trashed"
    assert made["id"] in [p["id"] for p in app.get(f"{V2}pages?status=trashed,current")["results"]]
    assert app.get(f"{V2}pages?status=any&limit=100")["results"]
    back = app.put(path, {"version": {"number": 3}})
    assert back["status"] == "current"
    app.delete(path)
    app.delete(f"{path}?purge=true")
    assert app.world.wiki.content(made["id"]) is None


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"title": "x"}, 404),
        ({"spaceId": "999", "title": "x"}, 404),
        ({"spaceId": "1"}, 400),
        ({"spaceId": "1", "title": ""}, 400),
        ({"spaceId": "1", "title": "x", "status": "draft"}, 501),
        ({"spaceId": "2", "title": "x", "parentId": "1"}, 400),
        ({"spaceId": "1", "title": "x", "parentId": "999"}, 400),
        ({"spaceId": "1", "title": "x", "body": {"representation": "wiki", "value": "x"}}, 501),
        ({"spaceId": "1", "title": "x", "body": {"value": 1}}, 400),
        ({"spaceId": "1", "title": "x", "body": storage("<p>")}, 400),
    ],
)
def test_a_page_that_can_not_be_made(app: Caller, body: Any, status: int) -> None:
    assert words(app.post(f"{V2}pages", body, status))


def test_blog_posts(app: Caller) -> None:
    made = app.post(f"{V2}blogposts", {"spaceId": "1", "title": "Post", "body": storage("")})
    assert "parentId" not in made
    assert app.get(f"{V2}blogposts/{made['id']}")["title"] == "Post"
    assert app.get(f"{V2}pages/{made['id']}", 404)
    comment = app.post(
        f"{V2}footer-comments", {"blogPostId": made["id"], "body": storage("x")}, 201
    )
    assert comment["blogPostId"] == made["id"]
    assert app.get(f"{V2}spaces/1/blogposts")["results"][-1]["id"] == made["id"]


def test_files(app: Caller) -> None:
    files = app.get(f"{V2}pages/2/attachments")["results"]
    assert [file["mediaType"] for file in files] == ["image/png", "text/plain"]
    one = app.get(f"{V2}attachments/{files[0]['id']}")
    assert one == files[0]
    assert one["pageId"] == "2"
    answer = app.call("GET", f"/wiki{one['downloadLink']}")
    assert answer.status == 302
    app.delete(f"{V2}attachments/{one['id']}")
    assert app.get(f"{V2}attachments/{one['id']}", 404)
    assert app.put(f"{V2}attachments/{files[1]['id']}", {}, 501)


def test_small_pictures(app: Caller) -> None:
    picture, text = app.get(f"{V2}pages/2/attachments")["results"]
    small = f"{V2}attachments/{picture['id']}/thumbnail/download"
    assert "/200x200/" in app.call("GET", small).headers["location"]
    answer = app.call("GET", f"{small}?width=40&height=9999&version=1")
    assert answer.status == 302
    assert "/40x2000/" in answer.headers["location"]
    app.get(f"{small}?version=7", 404)
    app.get(f"{small}?width=0", 400)
    app.get(f"{V2}attachments/{text['id']}/thumbnail/download", 404)


def test_comments(app: Caller) -> None:
    first = app.post(f"{V2}footer-comments", {"pageId": "1", "body": storage("<p>a</p>")}, 201)
    reply = {"parentCommentId": first["id"], "body": storage("<p>b</p>")}
    answer = app.post(f"{V2}footer-comments", reply, 201)
    assert (answer["pageId"], answer["parentCommentId"]) == ("1", first["id"])
    below = app.get(f"{V2}pages/1/footer-comments?body-format=storage")["results"]
    assert [comment["body"]["storage"]["value"] for comment in below] == ["<p>a</p>"]
    path = f"{V2}footer-comments/{first['id']}"
    assert app.put(path, {"version": {"number": 2}, "body": storage("<p>c</p>")})
    app.delete(path)
    assert app.get(path, 404)
    for wrong in ({}, {"pageId": "999"}, {"pageId": answer["id"]}, {"parentCommentId": "1"},
                  {"parentCommentId": "999", "pageId": "1"}):  # fmt: skip
        assert app.post(f"{V2}footer-comments", wrong, 404)
    assert app.post(f"{V2}footer-comments", {"pageId": "1"}, 400)


def test_labels_and_properties(app: Caller) -> None:
    labels = app.get(f"{V2}pages/2/labels")["results"]
    assert [label["name"] for label in labels] == ["attachments", "tokens"]
    path = f"{V2}pages/2/properties"
    made = app.post(path, {"key": "a", "value": {"b": 1}})
    one = f"{path}/{made['id']}"
    assert app.get(one)["value"] == {"b": 1}
    assert [p["key"] for p in app.get(f"{path}?key=a")["results"]] == ["a"]
    assert app.get(f"{path}?key=b")["results"] == []
    after = app.put(one, {"key": "a", "value": 2, "version": {"number": 2}})
    assert (after["value"], after["version"]["number"]) == (2, 2)
    assert app.put(one, {"value": 2, "version": {"number": 2}}, 409)
    assert app.put(one, {"value": 2}, 400)
    assert app.post(path, {"key": "x"}, 400)
    app.delete(one)
    assert app.get(one, 404)


def test_spaces(app: Caller) -> None:
    assert [s["key"] for s in app.get(f"{V2}spaces")["results"]] == ["DEMO", "OPEN"]
    assert [s["key"] for s in app.get(f"{V2}spaces?keys=OPEN,NONE")["results"]] == ["OPEN"]
    assert [s["key"] for s in app.get(f"{V2}spaces?ids=1")["results"]] == ["DEMO"]
    one = app.get(f"{V2}spaces/1?description-format=plain")
    assert one["description"]["plain"]["value"] == "How tokens travel, written down"
    assert (one["homepageId"], one["type"]) == ("1", "global")
    assert len(titles(app.get(f"{V2}spaces/2/pages"))) == 2
    assert app.get(f"{V2}spaces/999", 404)
    assert app.as_("nobody").get(f"{V2}spaces/1", 401)
