from __future__ import annotations

import pytest

from host.small_site import SmallSite

NOT_IN_SCOPE = "Request not in an authorized API scope"


def test_the_words_of_a_missing_scope(site: SmallSite) -> None:
    answer = site.ask_signed("GET", "/rest/api/2/myself", app="nothing")
    assert (answer.status, answer.message) == (403, NOT_IN_SCOPE)


def test_an_apps_page_is_held_to_its_scopes_too(site: SmallSite) -> None:
    cookie, session = site.log_in()
    sent = {"Cookie": cookie, "X-Headway-CSRF": session.csrf}
    body = {"fields": {"summary": "New"}}
    path = "/rest/api/3/issue/DEMO-1"
    assert site.ask("PUT", path, {**sent, "AP-Client-Key": "reader"}, body).message == NOT_IN_SCOPE
    assert site.ask("PUT", path, {**sent, "AP-Client-Key": "my-app"}, body).status == 204
    assert site.changes[0].author == session.account_id
    assert site.ask("GET", path, {**sent, "AP-Client-Key": "none"}).status == 403


def test_a_cookie_alone_changes_nothing(site: SmallSite) -> None:
    cookie, session = site.log_in()
    body = {"fields": {"summary": "New"}}
    path = "/rest/api/3/issue/DEMO-1"
    assert site.ask("PUT", path, {"Cookie": cookie}, body).status == 403
    forged = {"Cookie": cookie, "X-Headway-CSRF": "0" * 64}
    assert site.ask("PUT", path, forged, body).status == 403
    own = {"Cookie": cookie, "X-Headway-CSRF": session.csrf}
    assert site.ask("PUT", path, {**own, "Origin": "http://127.0.0.1:2990"}, body).status == 403
    assert site.ask("PUT", path, own, body).status == 204


@pytest.mark.parametrize(
    "path",
    [
        "/rest//api/2/serverInfo",
        "/rest/api/./2/serverInfo",
        "/rest/api/2/x/../serverInfo",
        "/rest/api/2/issue/%00",
        "/rest/api/2/issue/DEMO-1//comment",
    ],
)
def test_a_path_with_two_readings(site: SmallSite, path: str) -> None:
    answer = site.ask("GET", path)
    assert (answer.status, answer.message) == (400, "The request URI is improperly formed")
    cookie, _ = site.log_in()
    assert site.ask("GET", path, {"Cookie": cookie}).status == 400
    assert site.ask("GET", path, {"Authorization": f"JWT {site.token('GET', '/x')}"}).status == 400


def test_a_refused_token_gets_the_hosts_words_and_our_hint(site: SmallSite) -> None:
    token = site.token("GET", "/rest/api/2/other")
    answer = site.ask("GET", "/rest/api/2/issue/PUB-1", {"Authorization": f"JWT {token}"})
    assert answer.status == 401
    assert answer.headers["headway-refusal"] == "qsh-mismatch"
    assert token not in str(answer)


def test_a_body_is_an_object_and_bounded(site: SmallSite) -> None:
    for body in (b"", b"{", b"[]", b"[" * 10_000):
        assert site.ask_signed("PUT", "/rest/api/3/issue/DEMO-1", body).status == 400
    large = b'{"fields": {}, "x": "' + b"x" * 262_144 + b'"}'
    assert site.ask_signed("PUT", "/rest/api/3/issue/DEMO-1", large).status == 413


@pytest.mark.parametrize(
    "value",
    [b"NaN", b"-Infinity", b"1e999", b'"\\ud800"', b'"\xff"', b"9" * 5_000, b"[" * 100_000, b"1 1"],
    ids=lambda value: str(value[:10]),
)
def test_a_value_that_could_not_be_written_again_is_never_kept(
    site: SmallSite, value: bytes
) -> None:
    path = "/rest/api/3/issue/DEMO-1/properties/key"
    assert site.ask_signed("PUT", path, value).status == 400
    assert site.ask_signed("GET", path).status == 404


def test_a_number_that_no_database_counts_to_is_the_callers_fault(site: SmallSite) -> None:
    answer = site.ask_signed("DELETE", "/rest/api/3/webhook", {"webhookIds": [10**30]})
    assert (answer.status, answer.message) == (400, "A number in the request is too large.")


def test_nobody_is_not_told_what_is_there(site: SmallSite) -> None:
    for path in ("issue/DEMO-1", "issue/DEMO-999", "attachment/999", "attachment/1"):
        assert site.ask("GET", f"/rest/api/3/{path}").status == 401
    assert site.ask_signed("GET", "/rest/api/3/attachment/999").status == 404
    assert site.ask_signed("GET", "/rest/api/3/issue/DEMO-999").status == 404


# ---- what a call reads and answers ----------------------------------------------------------


def test_pages_of_a_list(site: SmallSite) -> None:
    found = site.ask_signed("GET", "/rest/api/3/project/search?startAt=1&maxResults=1&expand=a,b")
    told = found.json
    assert [project["key"] for project in told["values"]] == ["PUB"]
    assert (told["startAt"], told["maxResults"], told["total"], told["isLast"]) == (1, 1, 2, True)
    assert told["self"].endswith("/rest/api/3/project/search?startAt=1&maxResults=1&expand=a,b")
    assert site.ask_signed("GET", "/rest/api/3/project/search?maxResults=1").json["isLast"] is False
    for wrong in ("-1", "x", "1.5", "9" * 16, "%D9%A3"):
        answer = site.ask_signed("GET", f"/rest/api/3/project/search?startAt={wrong}")
        assert (answer.status, "startAt" in answer.message) == (400, True)
    assert site.ask_signed("GET", "/rest/api/3/project/search?startAt=").json["startAt"] == 0


def test_what_nobody_and_what_somebody_may_not(site: SmallSite) -> None:
    body = {"fields": {"summary": "New"}}
    assert site.ask("PUT", "/rest/api/3/issue/PUB-1", {}, body).status == 401
    cookie, session = site.log_in("user")
    own = {"Cookie": cookie, "X-Headway-CSRF": session.csrf}
    refused = site.ask("DELETE", "/rest/api/3/issue/PUB-1", own)
    assert (refused.status, "DELETE_ISSUES" in refused.message) == (403, True)
    assert site.ask("GET", "/rest/api/3/project/DEMO").status == 401
    assert site.ask("GET", "/rest/api/3/project/PUB").json["key"] == "PUB"
    assert site.ask("GET", "/rest/api/3/project/NONE", own).status == 404


def test_one_of_several_permissions_is_enough(site: SmallSite) -> None:
    comment = site.ask_signed("POST", "/rest/api/2/issue/DEMO-1/comment", {"body": "mine"}).json
    path = f"/rest/api/2/issue/DEMO-1/comment/{comment['id']}"
    cookie, session = site.log_in("user")
    own = {"Cookie": cookie, "X-Headway-CSRF": session.csrf}
    assert site.ask("PUT", path, own, {"body": "yours"}).status == 403
    assert site.ask_signed("PUT", path, {"body": "still mine"}).status == 200


def test_an_attachment_belongs_to_an_issue_that_is_seen(site: SmallSite) -> None:
    issue = site.world.tracker.issue("DEMO-2")
    assert issue is not None
    (file, *_) = site.world.files.of("issue", issue.id)
    elsewhere = site.world.files.keep("content", 1, "a", "text/plain", b"x", "u1")
    path = "/rest/api/3/attachment/{}"
    assert site.ask_signed("GET", path.format(file.id)).status == 200
    assert site.ask("GET", path.format(file.id)).status == 401
    assert site.ask_signed("GET", path.format(elsewhere.id)).status == 404


def test_properties_that_come_along_are_checked_first(site: SmallSite) -> None:
    path = "/rest/api/2/issue/DEMO-1/comment"
    good = {"body": "x", "properties": [{"key": "k", "value": {"a": 1}}]}
    made = site.ask_signed("POST", path, good)
    assert made.status == 201
    kept = site.world.properties.get("comment", made.json["id"], "k")
    assert kept is not None
    assert kept.data == {"a": 1}
    before = len(site.ask_signed("GET", path).json["comments"])
    for wrong in ("x", [1], [{"key": 1, "value": 1}], [{"value": 1}], [{"key": "x" * 256}]):
        assert site.ask_signed("POST", path, {"body": "x", "properties": wrong}).status == 400
    assert len(site.ask_signed("GET", path).json["comments"]) == before


@pytest.mark.parametrize("levels", [201, 900, 960, 990, 1100, 20_000])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/rest/api/3/issue/DEMO-1/properties/k"),
        ("PUT", "/rest/api/3/issue/DEMO-1"),
        ("POST", "/rest/api/3/search"),
        ("POST", "/rest/builds/0.1/bulk"),
        ("POST", "/wiki/rest/api/content/1/property"),
        ("POST", "/wiki/api/v2/pages"),
    ],
)
def test_what_is_nested_too_deeply_is_a_bad_request(
    site: SmallSite, method: str, path: str, levels: int
) -> None:
    """Whatever could be read but not written again is refused before anything is kept."""
    cookie, session = site.log_in()
    sent = {"Cookie": cookie, "X-Headway-CSRF": session.csrf}
    for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
        body = b'{"fields":{"summary":"x"},"value":%s1%s}' % (opening * levels, closing * levels)
        assert site.ask(method, path, sent, body).status in (400, 403)
    kept = site.ask("GET", "/rest/api/3/issue/DEMO-1/properties", {"Cookie": cookie})
    assert kept.json == {"keys": []}


@pytest.mark.parametrize("query", ["", "?jql=", "?jql=&fields=", "?jql=%20&maxResults=5"])
def test_a_search_that_asks_for_nothing_finds_what_there_is_to_see(
    site: SmallSite, query: str
) -> None:
    answer = site.ask("GET", f"/rest/api/3/search{query}")
    assert (answer.status, answer.json["total"]) == (200, 2)  # the public ones
    assert "summary" in answer.json["issues"][0]["fields"]
    for body in ({}, {"jql": None, "fields": []}, {"jql": "", "fields": None}):
        assert site.ask("POST", "/rest/api/3/search", body=body).json["total"] == 2
