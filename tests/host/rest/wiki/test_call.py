from __future__ import annotations

import pytest

from host.rest.wiki.caller import FORM, Caller

WORDS = "Client must be authenticated to access this resource."


def test_errors_have_the_shape_of_the_api(app: Caller) -> None:
    first = app.get("content/999", 404)
    assert (first["statusCode"], first["message"]) == (
        404,
        "No content found with id: ContentId{id=999}",
    )
    (second,) = app.get("/wiki/api/v2/pages/999", 404)["errors"]
    assert (second["status"], second["code"]) == (404, "NOT_FOUND")


def test_nobody_sees_what_is_public_and_is_told_no_more(app: Caller) -> None:
    nobody, page, public = app.as_("nobody"), app.page(), app.page("Open handbook")
    assert nobody.get(f"content/{public.id}")["title"] == "Open handbook"
    for path in (f"content/{page.id}", "content/999", "space/DEMO", "space/NONE"):
        assert nobody.get(path, 401)["message"] == WORDS
    for path in (f"content/{public.id}", "content/999"):
        body = {"type": "page", "title": "x", "version": {"number": 2}}
        assert nobody.put(path, body, 401)["message"] == WORDS
        assert nobody.delete(path, 401)["message"] == WORDS
    keys = [space["key"] for space in nobody.get("space")["results"]]
    assert keys == ["OPEN"]


def test_what_is_there_and_not_yours_to_change(app: Caller) -> None:
    page, user = app.page(), app.as_("user")
    app.world.marks.restrict(page, "update", frozenset({"somebody"}))
    body = {"type": "page", "title": "x", "version": {"number": 2}}
    assert "update" in user.put(f"content/{page.id}", body, 403)["message"]
    app.world.marks.restrict(page, "read", frozenset({"somebody"}))
    assert user.get(f"content/{page.id}", 404)


def test_a_missing_scope_is_said_in_the_shape_of_the_api(app: Caller) -> None:
    reader = app.as_("reader")
    answer = reader.post("content", {}, 403)
    assert answer["message"] == "Request not in an authorized API scope"
    assert reader.get("content")["size"] > 0


def test_what_is_not_built(app: Caller) -> None:
    for path in ("longtask", "template/page", "relation/x/from/user/1/to/content", "nonsense"):
        assert "does not have GET" in app.get(path, 501)["message"]
    (error,) = app.get("/wiki/api/v2/whiteboards", 501)["errors"]
    assert error["code"] == "NOT_IMPLEMENTED"


def test_pages_of_results(app: Caller) -> None:
    first = app.get("content?limit=2&type=page&jwt=x")
    assert (first["start"], first["limit"], first["size"]) == (0, 2, 2)
    links = first["_links"]
    assert (links["base"], links["context"]) == ("http://localhost:2990/wiki", "/wiki")
    assert links["next"] == "/rest/api/content?type=page&limit=2&start=2"
    assert "prev" not in links
    second = app.get(links["next"].removeprefix("/rest/api/"))
    assert second["_links"]["prev"] == "/rest/api/content?type=page&limit=2&start=0"
    third = app.get(second["_links"]["next"].removeprefix("/rest/api/"))
    assert "next" not in third["_links"]
    ids = [found["id"] for page in (first, second, third) for found in page["results"]]
    assert len(ids) == len(set(ids)) == 5


@pytest.mark.parametrize(
    "query", ["start=-1", "start=x", "limit=0", "limit=1e3", "start=" + "9" * 30]
)
def test_a_page_that_can_not_be(app: Caller, query: str) -> None:
    assert "is a number" in app.get(f"content?{query}", 400)["message"]


def test_a_page_is_bounded(app: Caller) -> None:
    assert app.get("content?limit=100000")["limit"] == 250


def test_a_body_is_json(app: Caller) -> None:
    for body in (b"", b"{", b"[]", b"[" * 10_000, b"\xff"):
        assert app.call("POST", "content", body).status == 400
    assert app.call("POST", "content", b"x" * 262_145).status == 413
    assert app.call("POST", "content/1/label", b"{").status == 400


def test_an_upload_that_is_none(app: Caller) -> None:
    path = f"content/{app.page().id}/child/attachment"
    assert "XSRF" in app.upload(path, ("a", b"x"), check="", status=403)["message"]
    headers = {"X_Atlassian_Token": "nocheck"}
    assert app.call("POST", path, b"x", **headers).status == 400
    assert app.call("POST", path, b"--x--\r\n", Content_Type=FORM, **headers).status == 400
    large = b"x" * (app.site.settings.upload_limit + 1)
    app.upload(path, ("a", large), status=413)


def test_the_html_of_bodies(app: Caller) -> None:
    page = app.page("Downloads without a token in the address")
    body = app.get(f"content/{page.id}?expand=body.view,body.storage")["body"]
    assert body["storage"]["value"] == page.body
    html = body["view"]["value"]
    assert 'src="/wiki/download/attachments/2/share%20of%20calls.png"' in html
    assert "confluence-information-macro" in html
    file = app.get(f"content/{page.id}/child/attachment?expand=body.view")["results"][0]
    assert file["body"] == {"_expandable": dict.fromkeys(file["body"]["_expandable"], "")}


def test_ids_of_files_and_what_no_id_is(app: Caller) -> None:
    assert app.get("content/att5")["type"] == "attachment"
    for wrong in ("att", "x5", "5x", "9" * 19, "%D9%A5"):
        assert app.get(f"content/{wrong}", 404)


def test_a_path_with_two_readings(app: Caller) -> None:
    answer = app.as_("nobody").call("GET", "/wiki/rest/api/content//1")
    assert answer.status == 400
    assert answer.json["message"] == "The request URI is improperly formed"


def test_what_the_world_refuses_is_the_callers_fault(app: Caller) -> None:
    body = {"type": "page", "title": "x", "version": {"number": 7}}
    assert "Current version is: 1" in app.put("content/1", body, 409)["message"]
    taken = app.post("space", {"key": "DEMO", "name": "x"}, 400)
    assert "already exists with key" in taken["message"]
    assert app.post("space", {"key": "NEW", "name": "x"})["homepage"]["title"] == "x Home"
    refused = app.as_("user").put("space/DEMO", {"name": "x"}, 403)
    assert refused["message"].startswith("Not permitted")
    assert app.as_("nobody").put("space/OPEN", {"name": "x"}, 401)["message"] == WORDS
