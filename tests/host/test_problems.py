"""Errors: a page for a person, JSON for a client, never a traceback."""

from __future__ import annotations

import asyncio

import pytest
from starlette.exceptions import HTTPException

from headway.errors import IssuerUnknown, SignatureInvalid, TokenExpired
from headway.host.gate import Forbidden
from headway.host.problems import problem
from host.person import Person


@pytest.fixture
def person() -> Person:
    return Person()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 413, 500])
def test_every_status_has_words(status: int) -> None:
    told = problem(HTTPException(status))
    assert told.status == status
    assert told.title


def test_an_error_that_nobody_expected_tells_nothing() -> None:
    told = problem(RuntimeError("a secret detail"))
    assert told.status == 500
    assert "secret" not in f"{told}"


def test_a_refusal_keeps_its_id_and_hint() -> None:
    told = problem(TokenExpired())
    assert (told.status, told.id) == (401, "token-expired")
    assert told.hint


def test_what_is_forbidden_says_why() -> None:
    assert problem(Forbidden("Not you.")).status == 403


def test_a_person_gets_a_page_and_a_client_json(person: Person) -> None:
    page = person.get("/nowhere<script>")
    assert page.status_code == 404
    assert page.headers["content-type"].startswith("text/html")
    assert "<script>" not in page.text.replace('<script src="/static/site.js" defer></script>', "")
    rest = person.get("/rest/api/3/nowhere", headers={"Accept": "application/json"})
    assert rest.headers["content-type"].startswith("application/json")


def test_a_fault_of_the_site_shows_no_traceback(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise RuntimeError("a secret detail")

    monkeypatch.setattr(person.site.world.tracker, "projects", broken)
    answer = person.get("/")
    assert answer.status_code == 500
    assert "secret detail" not in answer.text
    assert "Traceback" not in answer.text


def test_a_wrong_method(person: Person) -> None:
    assert person.ask("DELETE", "/status").status_code == 405


def test_a_refused_token_has_a_page_and_for_clients_json(person: Person) -> None:
    page = person.get("/", headers={"Authorization": "JWT x"})
    assert page.status_code == 400
    assert "<code>token-malformed</code>" in page.text
    headers = {"Authorization": "JWT x", "Accept": "*/*"}
    assert "token-malformed" in person.get("/", headers=headers).json()["errorMessages"][0]


def test_outsiders_are_not_told_which_apps_are_installed() -> None:
    assert problem(IssuerUnknown()) == problem(SignatureInvalid())


def test_a_fault_asks_the_database_for_nothing(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def settled() -> None:
        """Nothing is delivered where nothing can be read."""

    monkeypatch.setattr(person.site, "settled", settled)
    asyncio.run(person.site.close())
    assert person.get("/").status_code == 500
