from __future__ import annotations

from urllib.parse import quote

from host.rest.wiki.caller import Caller


def test_content_is_found(app: Caller) -> None:
    found = app.get(f"content/search?cql={quote('space = OPEN and type = page')}&expand=version")
    assert [(x["title"], x["version"]["number"]) for x in found["results"]] == [
        ("Open handbook", 1),
        ("How to report a leak", 1),
    ]
    assert (found["totalSize"], found["cqlQuery"]) == (2, "space = OPEN and type = page")


def test_results_with_what_is_said_about_them(app: Caller) -> None:
    cql = quote('text ~ "never the token"')
    (result,) = app.get(f"search?cql={cql}&expand=content.space")["results"]
    assert result["content"]["space"]["key"] == "OPEN"
    assert result["title"] == "How to report a leak"
    assert result["excerpt"].startswith("Say where it was seen")
    assert result["resultGlobalContainer"]["title"] == "Open handbook"
    assert result["url"].startswith("/spaces/OPEN/pages/")
    (file,) = app.get("search?cql=type=attachment+and+space=OPEN")["results"]
    assert (file["title"], file["excerpt"]) == ("form.txt", "")


def test_pages_of_results(app: Caller) -> None:
    first = app.get("search?cql=type=page&limit=2")
    assert (first["size"], first["totalSize"]) == (2, 5)
    second = app.get(first["_links"]["next"].removeprefix("/rest/api/"))
    assert second["start"] == 2
    titles = {x["title"] for page in (first, second) for x in page["results"]}
    assert len(titles) == 4


def test_only_what_may_be_read_is_found_and_counted(app: Caller) -> None:
    nobody = app.as_("nobody")
    found = nobody.get("search?cql=type=page")
    assert (found["totalSize"], found["size"]) == (2, 2)
    app.world.marks.restrict(app.page("Open handbook"), "read", frozenset({"x"}))
    assert nobody.get("search?cql=type=page")["totalSize"] == 0
    assert app.as_("user").get("content/search?cql=space=OPEN")["totalSize"] == 0


def test_a_query_that_is_none(app: Caller) -> None:
    for path in ("search", "content/search"):
        assert app.get(path, 400)["message"] == "cql is the query."
        assert app.get(f"{path}?cql=+", 400)
        wrong = app.get(f"{path}?cql=nonsense+%3D+1", 400)
        assert wrong["message"] == "Could not parse cql : there is no field nonsense on this site"


def test_hostile_queries(app: Caller) -> None:
    before = app.get("content")["size"]
    for text in ("(" * 100_000, "title = '\"", 'title ~ "%_\\"', "type = page; drop table contents",
                 "title = '" + "\\'" * 400 + "' or 1 = 1"):  # fmt: skip
        status = app.call("GET", f"search?cql={quote(text)}").status
        assert status in (200, 400)
    assert app.get("content")["size"] == before
