"""The pages: who sees what, what a form changes, and what is escaped."""

from __future__ import annotations

import pytest
from msgspec import structs

from headway.host.apps import App
from headway.host.descriptor import read_descriptor
from headway.model import Secret
from host.person import Person

DESCRIPTOR = b"""{"key": "my-app", "name": "<b>My app</b>", "baseUrl": "http://127.0.0.1:9999",
 "authentication": {"type": "jwt"}, "lifecycle": {"installed": "/installed"}, "scopes": ["READ"],
 "modules": {
  "webPanels": [{"key": "panel", "name": {"value": "Panel"}, "url": "/panel",
                 "location": "atl.jira.view.issue.right.context"}],
  "generalPages": [{"key": "page", "name": {"value": "Page"}, "url": "/page"}]}}"""


@pytest.fixture
def person() -> Person:
    return Person()


def installed(person: Person) -> App:
    """An app that is there without having been asked."""
    app = person.site.jira.apps.prepare(read_descriptor(DESCRIPTOR))
    person.site.jira.apps.save(app, Secret("0123456789abcdef0123456789abcdef"))
    return app


def test_the_state_is_for_everybody(person: Person) -> None:
    assert person.get("/status").json() == {"state": "RUNNING"}


def test_a_stranger_sees_what_is_public(person: Person) -> None:
    text = person.get("/").text
    assert "PUB-1" in text
    assert "DEMO-1" not in text
    assert person.get("/browse/PUB-1").status_code == 200
    answer = person.get("/browse/DEMO-1")
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        "/login?next=%2Fbrowse%2FDEMO-1",
    )


def test_logging_in_leads_back_and_only_to_this_site(person: Person) -> None:
    assert "autocomplete" in person.get("/login?next=/browse/DEMO-1").text
    assert person.log_in(next="/browse/DEMO-1").headers["location"] == "/browse/DEMO-1"
    for evil in ("//evil.example", "/\\evil.example", "https://evil.example"):
        assert person.log_in(next=evil).headers["location"] == "/"


def test_a_wrong_password_is_refused_without_repeating_it(person: Person) -> None:
    answer = person.ask("POST", "/login", data={"name": "admin", "password": "guess-me"})
    assert answer.status_code == 401
    assert "guess-me" not in answer.text
    assert "set-cookie" not in answer.headers


def test_logging_out_ends_the_session(person: Person) -> None:
    person.log_in()
    assert "Log out" in person.get("/").text
    assert person.post("/logout").status_code == 303
    assert "Log out" not in person.get("/").text


def test_an_issue_is_edited_and_escaped(person: Person) -> None:
    person.log_in("user")
    evil = "<script>alert(1)</script>"
    answer = person.post("/browse/DEMO-1/edit", summary=evil, description=evil)
    assert answer.status_code == 303
    text = person.get("/browse/DEMO-1").text
    assert evil not in text
    assert "&lt;script&gt;" in text


def test_an_empty_summary_comes_back_with_what_was_written(person: Person) -> None:
    person.log_in("user")
    answer = person.post("/browse/DEMO-1/edit", summary=" ", description="kept text")
    assert answer.status_code == 400
    assert "kept text" in answer.text


def test_a_comment_is_added(person: Person) -> None:
    person.log_in("user")
    assert person.post("/browse/DEMO-1/comment", body="Hello there").status_code == 303
    assert "Hello there" in person.get("/browse/DEMO-1").text
    assert person.post("/browse/DEMO-1/comment", body="").status_code == 400


def test_a_form_without_the_pages_token_changes_nothing(person: Person) -> None:
    person.log_in()
    person.csrf = "another"
    assert person.post("/browse/DEMO-1/edit", summary="changed").status_code == 403
    assert "changed" not in person.get("/browse/DEMO-1").text


def test_what_is_not_there(person: Person) -> None:
    person.log_in()
    assert person.get("/browse/DEMO-999").status_code == 404
    installed(person)
    assert person.get("/plugins/servlet/ac/my-app/none").status_code == 404


def test_only_an_administrator_sees_the_apps(person: Person) -> None:
    assert person.get("/apps").status_code == 303
    person.log_in("user")
    assert person.get("/apps").status_code == 403
    person.log_in("admin")
    assert person.get("/apps").status_code == 200


def test_a_panel_and_a_page_are_places_for_the_bridge(person: Person) -> None:
    app = installed(person)
    person.log_in()
    issue = person.get("/browse/DEMO-1")
    assert 'data-app-key="my-app"' in issue.text
    assert "frame-src http://127.0.0.1:9999" in issue.headers["content-security-policy"]
    assert "eyJ" not in issue.text
    assert 'data-module-key="page"' in person.get(f"/plugins/servlet/ac/{app.key}/page").text
    assert "<b>My app</b>" not in person.get("/apps").text


def test_what_is_not_public_asks_to_log_in_whether_it_exists_or_not(person: Person) -> None:
    for key in ("DEMO-1", "DEMO-999", "PUB-999"):
        answer = person.get(f"/browse/{key}?a=b&jwt=eyJ.eyJ.sig")
        location = f"/login?next=%2Fbrowse%2F{key}%3Fa%3Db"
        assert (answer.status_code, answer.headers["location"]) == (303, location)


def test_whoever_is_logged_in_needs_no_login_page(person: Person) -> None:
    person.log_in("user")
    assert person.get("/login?next=/browse/DEMO-1").headers["location"] == "/browse/DEMO-1"


def test_a_stranger_changes_nothing_and_sees_no_panels(person: Person) -> None:
    installed(person)
    page = person.get("/browse/PUB-1").text
    assert "data-app-key" not in page
    assert "to see the panels" in page
    assert "Save" not in page
    assert person.post("/browse/PUB-1/comment", body="x").status_code == 401


def test_a_disabled_app_has_no_place(person: Person) -> None:
    app = structs.replace(installed(person), enabled=False)
    person.site.jira.apps.save(app, person.site.jira.apps.secret(app.key))
    person.log_in()
    issue = person.get("/browse/DEMO-1")
    assert "data-app-key" not in issue.text
    assert "frame-src 'none'" in issue.headers["content-security-policy"]
    assert person.get("/plugins/servlet/ac/my-app/page").status_code == 404
    assert "disabled" in person.get("/apps").text


def test_an_edit_is_told(person: Person) -> None:
    told: list[tuple[str, str]] = []
    person.site.world.listeners.append(
        lambda change: told.append((change.event, change.author or ""))
    )
    person.log_in("user")
    person.post("/browse/DEMO-1/edit", summary="New", description="two\r\nlines")
    user = person.site.world.people.user("user")
    assert user is not None
    assert told == [("jira:issue_updated", user.account_id)]
    issue = person.site.world.tracker.issue("DEMO-1")
    assert issue is not None
    assert (issue.summary, issue.description) == ("New", "two\nlines")


def test_only_somebody_who_may_edit_does(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    person.log_in("user")
    rights = person.site.rights

    def may(actor: object, permission: str, project: object) -> bool:
        return permission == "BROWSE_PROJECTS"

    monkeypatch.setattr(rights, "may", may)
    assert person.post("/browse/DEMO-1/edit", summary="changed").status_code == 403
