"""The page of a user."""

from __future__ import annotations

from headway.host.world import User
from host.person import Person
from host.placed import install, module


def user(person: Person, name: str) -> User:
    found = person.site.world.people.user(name)
    assert found is not None
    return found


def test_a_profile_and_what_apps_add(person: Person) -> None:
    install(person.site.jira, {"jiraProfileTabPanels": [module("tab")]})
    admin = user(person, "admin")
    assert person.get(f"/people/{admin.account_id}").status_code == 303
    person.log_in("user")
    text = person.get(f"/people/{admin.account_id}").text
    assert "Ada Admin" in text
    assert f"profileUser.accountId&#34;: &#34;{admin.account_id}" in text
    assert "DEMO-2" in text, "what is assigned"
    assert "DEMO-1" not in text
    assert person.get("/people/none").status_code == 404


def test_an_email_address_is_its_owners_and_the_administrators(person: Person) -> None:
    admin, uma = user(person, "admin"), user(person, "user")
    person.log_in("user")
    assert "ada@example.com" not in person.get(f"/people/{admin.account_id}").text
    assert "uma@example.com" in person.get(f"/people/{uma.account_id}").text
    person.log_in("admin")
    assert "uma@example.com" in person.get(f"/people/{uma.account_id}").text


def test_whoever_is_deactivated_still_has_a_page(person: Person) -> None:
    uma = user(person, "user")
    person.site.world.people.set_active(uma.account_id, False)
    person.log_in("admin")
    assert "deactivated" in person.get(f"/people/{uma.account_id}").text


CHOSEN = "correct horse battery"


def test_ones_own_password_is_changed(person: Person) -> None:
    """The old one is asked for; who changes it goes on, whoever else was in is out."""
    person.log_in("user")
    thief = person.cookie
    account = person.site.world.people.user("user")
    assert account is not None
    path = f"/people/{account.account_id}/password"
    old = person.site.identity.first_passwords["user"]
    for fields, said in (
        ({"old": "a guess", "new": CHOSEN, "again": CHOSEN}, "old password is another"),
        ({"old": old, "new": CHOSEN, "again": "other"}, "not the same both times"),
        ({"old": old, "new": "short", "again": "short"}, "12 to 200 characters"),
    ):
        answer = person.post(path, **fields)
        assert (answer.status_code, said in answer.text) == (400, True)
        assert CHOSEN not in answer.text
        assert old not in answer.text
    answer = person.post(path, old=old, new=CHOSEN, again=CHOSEN)
    assert answer.status_code == 303
    person.cookie = thief
    assert person.get(f"/people/{account.account_id}").status_code == 303
    person.cookie = answer.headers["set-cookie"].partition(";")[0]
    assert "It is changed" in person.get(answer.headers["location"].partition("#")[0]).text


def test_nobody_changes_anothers(person: Person) -> None:
    person.log_in("admin")
    other = person.site.world.people.user("user")
    assert other is not None
    old = person.site.identity.first_passwords["user"]
    answer = person.post(f"/people/{other.account_id}/password", old=old, new=CHOSEN, again=CHOSEN)
    assert answer.status_code == 403
    assert "Change your password" not in person.get(f"/people/{other.account_id}").text
