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
