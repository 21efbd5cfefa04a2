"""Webhooks that an app asks a Jira for by a call."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from headway.app.client import HostClient, SyncHostClient
from headway.app.failures import Forbidden
from headway.app.registrations import (
    LIFE_SECONDS,
    Registered,
    RegistrationRefused,
    Registrations,
    SyncRegistrations,
    Wanted,
)
from headway.app.testing import FakeHost

URL = "https://app.example/events"
PATH = "/rest/api/3/webhook"
NOW = 1_700_000_000.0
DAY = 86_400


@pytest.fixture
def host() -> FakeHost:
    return FakeHost()


@pytest.fixture(params=["sync", "async"])
def call(request: pytest.FixtureRequest, host: FakeHost) -> Callable[..., Any]:
    """Call a method of the registrations, in both ways."""

    def sync(name: str, *arguments: Any) -> Any:
        with SyncHostClient(host.installation, transport=host.transport) as client:
            made = SyncRegistrations(client, URL, clock=lambda: NOW)
            return getattr(made, name)(*arguments)

    async def waiting(name: str, *arguments: Any) -> Any:
        async with HostClient(host.installation, transport=host.transport) as client:
            made = Registrations(client, URL, clock=lambda: NOW)
            return await getattr(made, name)(*arguments)

    if request.param == "sync":
        return sync
    return lambda *arguments: asyncio.run(waiting(*arguments))


def results(*answers: dict[str, Any]) -> dict[str, Any]:
    return {"webhookRegistrationResult": list(answers)}


def test_registrations_are_made_for_one_address(call: Callable[..., Any], host: FakeHost) -> None:
    host.answer("POST", PATH, json=results({"createdWebhookId": 5}, {"createdWebhookId": 6}))
    wanted = [
        Wanted(["jira:issue_created"], "project = A"),
        Wanted(["jira:issue_updated"], "", fields=["summary"], properties=["p"]),
    ]
    assert call("register", wanted) == [5, 6]
    assert host.asked[0].signed
    assert host.asked[0].json == {
        "url": URL,
        "webhooks": [
            {"events": ["jira:issue_created"], "jqlFilter": "project = A"},
            {
                "events": ["jira:issue_updated"],
                "jqlFilter": "",
                "fieldIdsFilter": ["summary"],
                "issuePropertyKeysFilter": ["p"],
            },
        ],
    }


def test_what_the_site_declines_is_raised_with_its_reasons(
    call: Callable[..., Any], host: FakeHost
) -> None:
    answers = ({"errors": ["The clause x is unsupported"]}, {"createdWebhookId": 6}, {})
    host.answer("POST", PATH, json=results(*answers))
    with pytest.raises(RegistrationRefused, match="The clause x") as refused:
        call("register", [Wanted(["jira:issue_created"], "")] * 3)
    assert refused.value.made == (6,)
    assert refused.value.reasons == {
        0: ("The clause x is unsupported",),
        2: ("no reason was given",),
    }


def test_many_are_asked_for_in_calls_of_a_hundred(call: Callable[..., Any], host: FakeHost) -> None:
    for first, count in ((0, 100), (100, 20)):
        made = [{"createdWebhookId": first + number} for number in range(count)]
        host.answer("POST", PATH, json=results(*made))
    assert call("register", [Wanted(["jira:issue_created"], "")] * 120) == list(range(120))
    assert [len(asked.json["webhooks"]) for asked in host.asked] == [100, 20]


def a_page(*values: dict[str, Any], last: bool = True) -> dict[str, Any]:
    return {"values": list(values), "isLast": last, "startAt": 0, "maxResults": 100}


def test_all_pages_are_listed_and_both_forms_of_a_date_are_read(
    call: Callable[..., Any], host: FakeHost
) -> None:
    first = {
        "id": 1,
        "events": ["jira:issue_created"],
        "jqlFilter": "project = A",
        "expirationDate": 1_700_000_000_000,
        "fieldIdsFilter": ["summary"],
        "new": True,
    }
    host.answer("GET", PATH, json=a_page(first, last=False))
    host.answer(
        "GET", PATH, json=a_page({"id": 2, "expirationDate": "2023-11-14T22:13:20.000+0000"})
    )
    found = call("list")
    assert [each.id for each in found] == [1, 2]
    assert [each.expires for each in found] == [NOW, NOW]
    assert (found[0].events, found[0].jql) == (("jira:issue_created",), "project = A")
    assert found[0].field_ids_filter == ("summary",)
    assert [asked.path.partition("?")[2] for asked in host.asked] == [
        "startAt=0&maxResults=100",
        "startAt=1&maxResults=100",
    ]


def test_a_page_without_values_is_the_last(call: Callable[..., Any], host: FakeHost) -> None:
    host.answer("GET", PATH, json=a_page(last=False))
    assert call("list") == []


def test_refreshing_says_until_when(call: Callable[..., Any], host: FakeHost) -> None:
    ends = int((NOW + LIFE_SECONDS) * 1000)
    host.answer("PUT", f"{PATH}/refresh", json={"expirationDate": ends})
    assert call("refresh", [5, 6]) == NOW + LIFE_SECONDS
    assert host.asked[0].json == {"webhookIds": [5, 6]}
    assert call("refresh", []) is None
    assert len(host.asked) == 1


def test_a_refresh_that_is_answered_with_nothing(call: Callable[..., Any], host: FakeHost) -> None:
    host.answer("PUT", f"{PATH}/refresh", status=200)
    assert call("refresh", [5]) is None


def test_deleting(call: Callable[..., Any], host: FakeHost) -> None:
    host.answer("DELETE", PATH, status=202)
    assert call("delete", [5]) is None
    assert host.asked[0].json == {"webhookIds": [5]}


def test_what_would_end_soon_is_kept_alive(call: Callable[..., Any], host: FakeHost) -> None:
    def until(days: float) -> int:
        return int((NOW + days * DAY) * 1000)

    values = [{"id": n, "expirationDate": until(n)} for n in (9, 11, 29)]
    host.answer("GET", PATH, json=a_page(*values, {"id": 1}))
    host.answer("PUT", f"{PATH}/refresh", json={"expirationDate": until(30)})
    assert call("keep_alive") == [9, 1]
    assert host.asked[-1].json == {"webhookIds": [9, 1]}
    assert call("keep_alive", 12 * DAY) == [9, 11, 1]


def test_what_the_client_raises_goes_through(call: Callable[..., Any], host: FakeHost) -> None:
    host.answer("GET", PATH, status=403, json={"errorMessages": ["Only Connect apps"]})
    with pytest.raises(Forbidden, match="Only Connect apps"):
        call("list")
    host.answer("POST", PATH, json={"something": "else"})
    with pytest.raises(msgspec.ValidationError):
        call("register", [Wanted(["jira:issue_created"], "")])


def test_a_registration_may_be_said_to_end_at_no_time() -> None:
    assert Registered(id=1).expires is None


def test_both_have_the_same_verbs() -> None:
    verbs = [name for name in vars(Registrations) if not name.startswith("_")]
    assert verbs == [name for name in vars(SyncRegistrations) if not name.startswith("_")]
    assert all(inspect.iscoroutinefunction(vars(Registrations)[name]) for name in verbs)
