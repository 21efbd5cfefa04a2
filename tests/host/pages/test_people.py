"""Users and groups, for administrators."""

from __future__ import annotations

import re

import pytest

from headway.host.pages.people import NewPassword
from headway.host.world import Group, User
from host.person import Person


@pytest.fixture
def admin(person: Person) -> Person:
    person.log_in("admin")
    return person


def user(person: Person, name: str = "user") -> User:
    found = person.site.world.people.user(name)
    assert found is not None
    return found


def group(person: Person, name: str) -> Group:
    found = person.site.world.people.group(name)
    assert found is not None
    return found


def password_on(text: str) -> str:
    found = re.search(r'id="password">([^<]+)<', text)
    assert found is not None
    return found[1]


def test_a_user_is_created_with_a_password_that_is_shown_once(admin: Person) -> None:
    form = {"name": "new", "display_name": "<i>New</i>", "email": "n@example.com"}
    answer = admin.post("/admin/users", **form)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    password = password_on(answer.text)
    assert "<i>New</i>" not in answer.text
    assert password not in admin.get("/admin/users").text
    assert password not in repr(NewPassword(user(admin, "new"), password))
    assert admin.site.identity.log_in("new", password) is not None
    assert not user(admin, "new").admin


def test_an_administrator_is_created(admin: Person) -> None:
    admin.post("/admin/users", name="boss", display_name="Boss", email="", admin="yes")
    assert user(admin, "boss").admin
    assert "site-admins" in admin.site.world.people.groups_of(user(admin, "boss").account_id)


@pytest.mark.parametrize("name", ["", "admin", "x" * 300])
def test_a_user_that_can_not_be_says_why(admin: Person, name: str) -> None:
    answer = admin.post("/admin/users", name=name, display_name="Kept Name", email="")
    assert answer.status_code == 400
    assert "Kept Name" in answer.text
    assert 'id="password"' not in answer.text


def test_a_user_is_deactivated_and_let_in_again(admin: Person) -> None:
    path = f"/admin/users/{user(admin).account_id}/active"
    cookie = admin.site.identity.begin(user(admin).account_id)
    assert admin.post(path, active="no").status_code == 303
    assert not user(admin).active
    assert "deactivated" in admin.get("/admin/users").text
    assert admin.post(path, active="yes").status_code == 303
    assert user(admin).active
    admin.cookie = f"{admin.site.identity.cookie_name}={cookie}"
    assert admin.get("/create").status_code == 303, "the session is over"


def test_a_new_password_ends_sessions_and_the_old_one(admin: Person) -> None:
    old = admin.site.identity.first_passwords["user"]
    admin.site.identity.begin(user(admin).account_id)
    answer = admin.post(f"/admin/users/{user(admin).account_id}/password")
    new = password_on(answer.text)
    assert admin.site.identity.log_in("user", old) is None
    assert admin.site.identity.log_in("user", new) is not None


def test_nobody_locks_themselves_out(admin: Person) -> None:
    me = user(admin, "admin").account_id
    assert admin.post(f"/admin/users/{me}/active", active="no").status_code == 400
    assert admin.post(f"/admin/users/{me}/password").status_code == 400
    admins = group(admin, "site-admins").group_id
    path = f"/admin/groups/{admins}/members"
    assert admin.post(path, account_id=me, member="no").status_code == 400
    assert user(admin, "admin").admin
    assert user(admin, "admin").active


def test_who_is_not_there_is_not_found(admin: Person) -> None:
    for account_id in ("none", "user"):  # a name is no account id
        assert admin.post(f"/admin/users/{account_id}/active", active="no").status_code == 404
    assert admin.post("/admin/groups/site-admins/delete").status_code == 404
    assert admin.post("/admin/groups/none/members", account_id="x").status_code == 404


def test_a_group_is_made_filled_emptied_and_deleted(admin: Person) -> None:
    people = admin.site.world.people
    assert admin.post("/admin/groups", name=" <b>cooks</b> ").status_code == 303
    text = admin.get("/admin/groups").text
    assert "<b>cooks</b>" not in text
    assert "Nobody is in it" in text
    made = group(admin, "<b>cooks</b>")
    path = f"/admin/groups/{made.group_id}"
    account_id = user(admin).account_id
    assert admin.post(f"{path}/members", account_id=account_id, member="yes").status_code == 303
    assert [one.name for one in people.members(made.name)] == ["user"]
    admin.post(f"{path}/members", account_id=account_id, member="no")
    assert people.members(made.name) == []
    assert admin.post(f"{path}/members", account_id="none", member="yes").status_code == 404
    assert admin.post(f"{path}/delete").status_code == 303
    assert people.group(made.name) is None


@pytest.mark.parametrize("name", ["", "site-admins", "x" * 300])
def test_a_group_that_can_not_be_says_why(admin: Person, name: str) -> None:
    answer = admin.post("/admin/groups", name=name)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text


def test_the_sites_own_groups_stay(admin: Person) -> None:
    for name in ("site-admins", "jira-software-users", "confluence-users"):
        path = f"/admin/groups/{group(admin, name).group_id}/delete"
        assert admin.post(path).status_code == 400


def test_whoever_joins_the_administrators_is_one(admin: Person) -> None:
    path = f"/admin/groups/{group(admin, 'site-admins').group_id}/members"
    admin.post(path, account_id=user(admin).account_id, member="yes")
    assert user(admin).admin


def test_users_see_neither_page(person: Person) -> None:
    for path in ("/admin/users", "/admin/groups"):
        assert person.get(path).status_code == 303
        person.log_in("user")
        assert person.get(path).status_code == 403
        person.cookie = ""
