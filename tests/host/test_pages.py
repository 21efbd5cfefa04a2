"""The pages together: the state, the static files, and what holds for every form."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.routing import BaseRoute, Route

from headway.host.pages import routes
from host.person import Person

ANYBODYS = {"/login", "/logout"}
"""Forms that need no session: logging in has none yet, logging out without one does nothing."""


@pytest.fixture(scope="module")
def person() -> Person:
    return Person()


def forms(person: Person) -> Iterator[str]:
    def every(found: list[BaseRoute]) -> Iterator[str]:
        for route in found:
            if isinstance(route, Route) and "POST" in (route.methods or ()):
                yield route.path

    yield from every(routes(person.site))


def address(path: str) -> str:
    """A path of the table with things in it that are there, as far as they have known names."""
    return path.replace("{key}", "DEMO-1" if "browse" in path else "DEMO")


def test_the_state_is_for_everybody(person: Person) -> None:
    assert person.get("/status").json() == {"state": "RUNNING"}


@pytest.mark.parametrize("name", ["site.css", "site.js", "theme.js", "logo.svg"])
def test_what_pages_load_comes_from_the_site(person: Person, name: str) -> None:
    answer = person.get(f"/static/{name}")
    assert answer.status_code == 200
    assert "://" not in answer.text.replace("http://www.w3.org/2000/svg", "")


def test_no_form_does_anything_for_a_stranger(person: Person) -> None:
    person.cookie = ""
    paths = set(forms(person)) - ANYBODYS
    assert len(paths) > 20
    for path in paths:
        assert person.post(address(path)).status_code == 401, path


def test_no_form_does_anything_without_the_pages_token(person: Person) -> None:
    """A cookie alone never authorises a change, whoever it belongs to."""
    person.log_in("admin")
    person.csrf = "another"
    for path in set(forms(person)) - {"/login"}:
        sent = {"files": {"file": ("a.txt", b"x")}} if path.endswith("/attachments") else {}
        answer = person.ask("POST", address(path), data={"csrf": "another"}, **sent)
        assert answer.status_code == 403, path
        assert "token" in answer.text


def test_administration_is_for_administrators(person: Person) -> None:
    person.log_in("user")
    for path in set(forms(person)):
        if path.startswith(("/admin", "/apps", "/outbox", "/clock", "/post-functions")):
            assert person.post(address(path)).status_code == 403, path


def test_a_page_of_another_origin_sends_no_form(person: Person) -> None:
    person.log_in("admin")
    for foreign in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        for path in set(forms(person)):
            fields = {"csrf": person.csrf}
            answer = person.ask("POST", address(path), data=fields, headers=foreign)
            assert answer.status_code == 403, path
