from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from asking import Answer

from headway.host.rest.search import IDS_MAX, UNBOUNDED
from host.small_site import SmallSite


def ask(site: SmallSite, path: str, body: Any = None, **query: object) -> Answer:
    pairs = [(name, each) for name, value in query.items() for each in _each(value)]
    written = "&".join(f"{name}={quote(str(value))}" for name, value in pairs)
    target = f"/rest/api/3/{path}" + (f"?{written}" if written else "")
    if body is not None:
        return site.ask_signed("POST", target, body)
    return site.ask_signed("GET", target)


def _each(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def keys(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.body
    return [issue["key"] for issue in answer.json["issues"]]


# ---- the old search -------------------------------------------------------------------------


def test_a_page_and_the_total(site: SmallSite) -> None:
    answer = ask(site, "search", jql="project = DEMO order by key", startAt=1, maxResults=2)
    assert keys(answer) == ["DEMO-2", "DEMO-3"]
    told = answer.json
    assert (told["startAt"], told["maxResults"], told["total"]) == (1, 2, 6)
    assert "summary" in told["issues"][0]["fields"]
    assert "warningMessages" not in told
    assert keys(ask(site, "search"))[0] == "PUB-2"
    assert ask(site, "search", maxResults=5000).json["maxResults"] == 100
    assert ask(site, "search", maxResults=-1).json["maxResults"] == 50
    assert ask(site, "search", maxResults=0).json == {
        "expand": "names,schema",
        "startAt": 0,
        "maxResults": 0,
        "total": 8,
        "issues": [],
    }


def test_a_body_asks_the_same(site: SmallSite) -> None:
    body = {"jql": "key = DEMO-1", "fields": ["summary", "status"], "startAt": 0, "maxResults": 1}
    (issue,) = ask(site, "search", body).json["issues"]
    assert set(issue["fields"]) == {"summary", "status"}
    by_address = ask(site, "search", jql="key = DEMO-1", fields=["summary", "status"])
    assert by_address.json["issues"] == [issue]
    commas = ask(site, "search", jql="key = DEMO-1", fields="summary,status")
    assert commas.json["issues"] == [issue]


def test_everybody_finds_what_they_may_see(site: SmallSite) -> None:
    anonymous = site.ask("GET", "/rest/api/2/search")
    assert keys(anonymous) == ["PUB-2", "PUB-1"]
    assert site.ask("GET", "/rest/api/2/search?jql=project%3DDEMO").status == 400
    cookie, _ = site.log_in("user")
    mine = site.ask("GET", "/rest/api/2/search?jql=assignee%3DcurrentUser()", {"Cookie": cookie})
    assert keys(mine) == ["DEMO-3", "DEMO-1"]


@pytest.mark.parametrize(
    ("validate", "status", "warned"),
    [("strict", 400, False), ("warn", 200, True), ("none", 200, False), ("false", 200, False)],
)
def test_a_value_that_is_not_there(
    site: SmallSite, validate: str, status: int, warned: bool
) -> None:
    answer = ask(site, "search", jql="project = NONE", validateQuery=validate)
    assert answer.status == status
    if status == 200:
        assert answer.json["issues"] == []
        assert bool(answer.json.get("warningMessages")) is warned
    else:
        assert answer.message == "The value 'NONE' does not exist for the field 'project'."
    assert ask(site, "search", jql="project =", validateQuery=validate).status == 400


@pytest.mark.parametrize(
    "body",
    [
        {"jql": 1},
        {"fields": 1},
        {"fields": [1]},
        {"startAt": "x"},
        {"startAt": -1},
        {"startAt": 1e999},
        {"maxResults": None, "startAt": []},
        {"expand": {"a": 1}},
    ],
)
def test_a_body_that_is_no_search(site: SmallSite, body: dict[str, Any]) -> None:
    answer = ask(site, "search", body)
    assert answer.status == 400
    assert answer.json["errorMessages"]


# ---- the new search -------------------------------------------------------------------------


def test_pages_by_token(site: SmallSite) -> None:
    found, token = [], ""
    for _ in range(3):
        answer = ask(
            site, "search/jql", jql="project = DEMO order by key", maxResults=2, **_token(token)
        )
        found += keys(answer)
        token = answer.json.get("nextPageToken", "")
        assert answer.json["isLast"] is (not token)
    assert (found, token) == ([f"DEMO-{n}" for n in range(1, 7)], "")
    assert "total" not in answer.json


def _token(token: str) -> dict[str, str]:
    return {"nextPageToken": token} if token else {}


def test_fields_are_given_where_they_are_asked_for(site: SmallSite) -> None:
    (bare,) = ask(site, "search/jql", jql="key = DEMO-1").json["issues"]
    assert (bare["key"], bare["fields"]) == ("DEMO-1", {})
    (full,) = ask(site, "search/jql", {"jql": "key = DEMO-1", "fields": ["*all"]}).json["issues"]
    assert full["fields"]["summary"] == "Watch a token travel"
    assert ask(site, "search/jql", jql="key = DEMO-1", maxResults=0).json["isLast"] is True


def test_a_query_without_a_bound_is_refused(site: SmallSite) -> None:
    for jql in ("", "order by created"):
        assert ask(site, "search/jql", jql=jql).message == UNBOUNDED
        assert ask(site, "search/approximate-count", {"jql": jql}).message == UNBOUNDED
    for jql in ("project = NONE", "a b"):
        assert ask(site, "search/jql", jql=jql).status == 400
        assert ask(site, "search/approximate-count", {"jql": jql}).status == 400


@pytest.mark.parametrize("token", ["x", "eA==", "c3RhcnQ9LTE=", "c3RhcnQ9eA==", "é", "9" * 50])
def test_a_token_that_is_none(site: SmallSite, token: str) -> None:
    answer = ask(site, "search/jql", {"jql": "key = DEMO-1", "nextPageToken": token})
    assert (answer.status, "nextPageToken" in answer.message) == (400, True)


def test_a_count(site: SmallSite) -> None:
    assert ask(site, "search/approximate-count", {"jql": "project = DEMO"}).json == {"count": 6}


# ---- match and parse ------------------------------------------------------------------------


def test_which_issues_each_query_finds(site: SmallSite) -> None:
    first, second = (i.id for i in site.world.tracker.issues()[:2])
    body = {"issueIds": [second, first, 999], "jqls": ["project = DEMO", "key = DEMO-1", "x y"]}
    matches = ask(site, "jql/match", body).json["matches"]
    assert matches[0] == {"matchedIssues": [first, second], "errors": []}
    assert matches[1] == {"matchedIssues": [first], "errors": []}
    assert matches[2]["matchedIssues"] == []
    assert "is not expected here" in matches[2]["errors"][0]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"issueIds": [1], "jqls": "x"},
        {"issueIds": ["1"], "jqls": []},
        {"issueIds": [True], "jqls": []},
        {"issueIds": [1] * (IDS_MAX + 1), "jqls": []},
    ],
)
def test_a_match_that_is_none(site: SmallSite, body: dict[str, Any]) -> None:
    assert ask(site, "jql/match", body).status == 400


def test_whether_queries_can_be_answered(site: SmallSite) -> None:
    queries = ["project = DEMO", "project = NONE", "project ="]
    strict = ask(site, "jql/parse", {"queries": queries}).json["queries"]
    assert [bool(result.get("errors")) for result in strict] == [False, True, True]
    assert [result["query"] for result in strict] == queries
    lenient = ask(site, "jql/parse", {"queries": queries}, validation="none").json["queries"]
    assert [bool(result.get("errors")) for result in lenient] == [False, False, True]
