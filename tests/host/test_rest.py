from __future__ import annotations

from typing import Any

import pytest

from headway.host.clock import parse_date
from headway.host.rest import ENDPOINTS, VERSIONS
from headway.host.shapes import document
from host.small_site import BASE, SmallSite

ANONYMOUS = "Client must be authenticated to access this resource."
NO_ISSUE = "Issue does not exist or you do not have permission to see it."
NOT_IN_SCOPE = "Request not in an authorized API scope"


@pytest.fixture
def site() -> SmallSite:
    made = SmallSite(at=parse_date("2022-03-01"))
    made.add_app("my-app", "WRITE")
    made.add_app("reader", "READ")
    made.add_app("nothing", "NONE")
    return made


# ---- the endpoints --------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_server_info_is_for_everybody(site: SmallSite, version: str) -> None:
    answer = site.ask("GET", f"/rest/api/{version}/serverInfo")
    assert answer.status == 200
    assert answer.json["baseUrl"] == BASE
    assert answer.json["versionNumbers"] == [1001, 0, 0]
    assert answer.json["deploymentType"] == "Cloud"
    assert answer.json["serverTime"] == "2023-11-14T22:13:20.000+0000"  # real, not the site's date


def test_myself(site: SmallSite) -> None:
    assert site.ask("GET", "/rest/api/2/myself").status == 401
    app = site.ask_signed("GET", "/rest/api/3/myself").json
    assert (app["accountId"], app["accountType"], app["active"]) == ("account-my-app", "app", True)
    cookie, session = site.log_in()
    user = site.ask("GET", "/rest/api/3/myself", {"Cookie": cookie}).json
    assert (user["accountId"], user["displayName"]) == (session.account_id, "Uma User")
    assert user["emailAddress"] == "uma@example.com"
    through = {"Cookie": cookie, "AP-Client-Key": "reader"}
    assert "emailAddress" not in site.ask("GET", "/rest/api/3/myself", through).json


@pytest.mark.parametrize("version", VERSIONS)
def test_an_issue_by_key_or_id(site: SmallSite, version: str) -> None:
    by_key = site.ask_signed("GET", f"/rest/api/{version}/issue/DEMO-1")
    assert by_key.status == 200
    by_id = site.ask_signed("GET", f"/rest/api/{version}/issue/{by_key.json['id']}")
    assert by_id.json == by_key.json
    description = by_key.json["fields"]["description"]
    assert isinstance(description, dict if version == "3" else str)


def test_some_fields_of_an_issue(site: SmallSite) -> None:
    for query in ("fields=summary,status", "fields=summary&fields=status&updateHistory=true"):
        answer = site.ask_signed("GET", f"/rest/api/2/issue/DEMO-1?{query}")
        assert set(answer.json["fields"]) == {"summary", "status"}


def test_a_public_issue_is_for_everybody_and_a_private_one_is_not(site: SmallSite) -> None:
    assert site.ask("GET", "/rest/api/2/issue/PUB-1").status == 200
    assert site.ask("GET", "/rest/api/2/issue/PUB-1/comment").status == 200
    for key in ("DEMO-1", "NONE-1"):  # which of them exists is nobody's business
        for path in ("", "/comment"):
            answer = site.ask("GET", f"/rest/api/2/issue/{key}{path}")
            assert (answer.status, answer.message) == (401, ANONYMOUS)
            assert "JWT" in answer.headers["www-authenticate"]
    answer = site.ask_signed("GET", "/rest/api/2/issue/NONE-1")
    assert (answer.status, answer.message) == (404, NO_ISSUE)


@pytest.mark.parametrize(
    ("version", "description"),
    [("2", "new text"), ("latest", "new text"), ("3", document("new text"))],
)
def test_an_edit_fires_the_webhook(site: SmallSite, version: str, description: Any) -> None:
    body = {"fields": {"summary": "New", "description": description}}
    answer = site.ask_signed("PUT", f"/rest/api/{version}/issue/DEMO-1", body)
    assert (answer.status, answer.body) == (204, b"")
    issue = site.world.issue("DEMO-1")
    assert issue is not None
    assert (issue.summary, issue.description) == ("New", "new text")
    assert [sent["user"]["accountId"] for sent in site.sent] == ["account-my-app"]
    changed = [item["field"] for item in site.sent[0]["changelog"]["items"]]
    assert changed == ["summary", "description"]


def test_a_description_can_be_emptied(site: SmallSite) -> None:
    body = {"fields": {"description": None}}
    assert site.ask_signed("PUT", "/rest/api/3/issue/DEMO-1", body).status == 204
    issue = site.world.issue("DEMO-1")
    assert issue is not None
    assert issue.description == ""


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[]", b"null", b"[" * 100_000, b"\xff"),
        {"fields": []},
        {"fields": {"status": "Done"}},
        {"fields": {"summary": ""}},
        {"fields": {"summary": 1}},
        {"fields": {"summary": "x" * 256}},
        {"fields": {"description": {"type": "text"}}},
    ],
)
def test_an_edit_that_is_none(site: SmallSite, body: Any) -> None:
    before = site.world.issue("DEMO-1")
    assert site.ask_signed("PUT", "/rest/api/3/issue/DEMO-1", body).status == 400
    assert site.world.issue("DEMO-1") == before
    assert site.sent == []


def test_a_body_is_bounded(site: SmallSite) -> None:
    assert site.ask_signed("PUT", "/rest/api/3/issue/DEMO-1", b"x" * 262_145).status == 413


def test_nobody_edits(site: SmallSite) -> None:
    for key in ("PUB-1", "DEMO-1"):
        body = {"fields": {"summary": "New"}}
        assert site.ask("PUT", f"/rest/api/3/issue/{key}", body=body).status == 401
        comment = {"body": "text"}
        assert site.ask("POST", f"/rest/api/2/issue/{key}/comment", body=comment).status == 401


@pytest.mark.parametrize(("version", "body"), [("2", "hello"), ("3", document("hello"))])
def test_a_comment(site: SmallSite, version: str, body: Any) -> None:
    path = f"/rest/api/{version}/issue/DEMO-3/comment"
    answer = site.ask_signed("POST", path, {"body": body})
    assert answer.status == 201
    assert answer.json["body"] == body
    assert answer.json["author"]["accountId"] == "account-my-app"
    listed = site.ask_signed("GET", path).json
    assert [comment["id"] for comment in listed["comments"]] == [answer.json["id"]]
    assert listed["total"] == 1


@pytest.mark.parametrize("body", [{}, {"body": ""}, {"body": 1}, {"body": "x" * 32_768}])
def test_a_comment_that_is_none(site: SmallSite, body: Any) -> None:
    answer = site.ask_signed("POST", "/rest/api/2/issue/DEMO-3/comment", body)
    assert answer.status == 400
    assert answer.json["errors"]["comment"]


def attachment_id(site: SmallSite, name: str) -> int:
    every = (a for issue in site.world.issues() for a in site.world.attachments(issue.id))
    return next(a.id for a in every if a.filename == name)


def test_an_attachments_description(site: SmallSite) -> None:
    made = attachment_id(site, "notes.txt")
    answer = site.ask_signed("GET", f"/rest/api/3/attachment/{made}")
    assert (answer.json["id"], answer.json["filename"]) == (made, "notes.txt")
    assert answer.json["content"] == f"{BASE}/rest/api/3/attachment/content/{made}"
    assert site.ask("GET", f"/rest/api/3/attachment/{made}").status == 401
    assert site.ask("GET", "/rest/api/3/attachment/999").status == 401
    missing = site.ask_signed("GET", "/rest/api/3/attachment/999")
    assert (missing.status, "999" in missing.message) == (404, True)


def test_an_attachments_bytes(site: SmallSite) -> None:
    path = f"/rest/api/2/attachment/content/{attachment_id(site, 'notes.txt')}"
    answer = site.ask_signed("GET", path)
    assert answer.status == 303
    assert answer.headers["location"].startswith("http://127.0.0.1:2991/file/")
    assert answer.headers["cache-control"] == "no-store"
    assert "jwt" not in answer.headers["location"]
    straight = site.ask_signed("GET", f"{path}?redirect=false")
    assert (straight.status, b"Referer" in straight.body) == (200, True)
    assert straight.headers["content-disposition"].startswith("attachment")
    assert site.ask("GET", path).status == 401
    assert site.ask("GET", f"{path}?redirect=false").status == 401


# ---- scopes ---------------------------------------------------------------------------------

BODIES = {"PUT": {"fields": {"summary": "New"}}, "POST": {"body": "text"}}


def call(site: SmallSite, method: str, path: str, app: str) -> int:
    made = attachment_id(site, "notes.txt")
    target = "/rest/api/2" + path.replace("{issue}", "DEMO-1").replace("{attachment}", str(made))
    return site.ask_signed(method, target, BODIES.get(method, b""), app).status


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda e: f"{e.method} {e.path}")
def test_each_endpoint_asks_for_its_scope(site: SmallSite, endpoint: Any) -> None:
    assert call(site, endpoint.method, endpoint.path, "my-app") < 400
    reads = call(site, endpoint.method, endpoint.path, "reader") < 400
    assert reads is (endpoint.scope == "READ")
    assert call(site, endpoint.method, endpoint.path, "nothing") == 403


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
    assert site.sent[0]["user"]["accountId"] == session.account_id
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


# ---- the edges ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/rest/api/2/search",
        "/rest/api/4/myself",
        "/rest/api/2/issue",
        "/rest/plugins/1.0/",
        "/rest/api/2/myself/",
    ],
)
def test_what_is_not_built_says_so(site: SmallSite, path: str) -> None:
    answer = site.ask("GET", path)
    assert (answer.status, "does not have GET" in answer.message) == (501, True)
    assert site.ask_signed("POST", path).status == 501


def test_an_apps_page_reaches_only_the_table(site: SmallSite) -> None:
    cookie, _ = site.log_in("admin")
    sent = {"Cookie": cookie, "AP-Client-Key": "my-app"}
    for path in ("/rest/plugins/1.0/", "/rest/api/2/search", "/rest/headway"):
        assert site.ask("GET", path, sent).message == NOT_IN_SCOPE


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


PHASES = [
    ("atlassian-2022", "2022-01-31T23:59", 200, None),
    ("rehearsal", "2021-09-30", 200, None),
    ("rehearsal", "2021-10-01", 200, "announced"),
    ("rehearsal", "2021-11-01", 200, "warned"),
    ("rehearsal", "2022-01-11T12:00", 401, "brownout"),
    ("rehearsal", "2022-02-01", 401, "off"),
    ("atlassian-2022", "2022-02-01", 401, "off"),
]


@pytest.mark.parametrize(("policy", "date", "status", "phase"), PHASES)
def test_the_phases(policy: str, date: str, status: int, phase: str | None) -> None:
    site = SmallSite(policy, at=parse_date(date))
    site.add_app("my-app", "READ")
    for key in ("DEMO-1", "PUB-1"):
        path = f"/rest/api/2/issue/{key}"
        old = site.ask("GET", f"{path}?jwt={site.token('GET', path)}")
        assert old.status == (200 if key == "PUB-1" else status)  # anonymous reads the public one
        assert old.headers.get("headway-phase") == phase
        new = site.ask_signed("GET", path)
        assert (new.status, new.headers.get("headway-phase")) == (200, None)
    if status == 401:
        answer = site.ask("GET", "/rest/api/2/issue/DEMO-1?jwt=eyJ")
        assert answer.message == ANONYMOUS
        assert answer.headers["headway-refusal"] == "token-in-query"
    disclaimer = site.ask("GET", "/rest/api/2/serverInfo").headers.get("headway-disclaimer", "")
    assert bool(disclaimer) is (policy == "rehearsal")
