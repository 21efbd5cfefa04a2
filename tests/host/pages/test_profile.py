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
