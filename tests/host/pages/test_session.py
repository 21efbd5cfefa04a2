"""Logging in and out."""

from __future__ import annotations

import pytest

from host.person import Person


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


def test_whoever_is_logged_in_needs_no_login_page(person: Person) -> None:
    person.log_in("user")
    assert person.get("/login?next=/browse/DEMO-1").headers["location"] == "/browse/DEMO-1"


@pytest.mark.parametrize("path", ["/", "/login", "/browse/PUB-1", "/nowhere"])
def test_no_page_is_framed_or_kept(person: Person, path: str) -> None:
    headers = person.get(path).headers
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "script-src 'self';" in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"


def test_whoever_is_deactivated_is_out_and_stays_out(person: Person) -> None:
    person.log_in("user")
    people = person.site.world.people
    user = people.user("user")
    assert user is not None
    people.set_active(user.account_id, False)
    assert "Log out" not in person.get("/").text
    assert person.get("/browse/DEMO-1").status_code == 303
    assert person.post("/browse/DEMO-1/comment", body="x").status_code == 401
    people.set_active(user.account_id, True)
    assert "Log out" not in person.get("/").text, "the old session does not come back"
    person.log_in("user")
    assert "Log out" in person.get("/").text
