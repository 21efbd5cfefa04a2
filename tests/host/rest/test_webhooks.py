"""Webhooks by a call: an app registers, lists, refreshes and deletes its own, and is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from asking import Answer, ask

from headway.host.rest import webhooks as module
from headway.host.rest.webhooks import ONLY_APPS
from headway.sign import request_token
from host.small_app import SmallApp, running
from host.small_stage import BASE, Stage

PATH = "/rest/api/3/webhook"
DAY = 86_400.0


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = Stage()
    yield made
    asyncio.run(made.site.close())


@pytest.fixture
def app(stage: Stage) -> Iterator[SmallApp]:
    with running() as made:
        stage.add(made, modules={})
        yield made


class Caller:
    """One app that calls the site."""

    def __init__(self, stage: Stage, app: SmallApp, key: str = "my-app") -> None:
        self.stage, self.app, self.key = stage, app, key

    def ask(self, method: str, target: str = PATH, body: Any = b"") -> Answer:
        path, _, query = target.partition("?")
        token = request_token(
            self.stage.site.jira.apps.secret(self.key),
            issuer=self.key,
            method=method,
            raw_path=path,
            raw_query=query,
            now=self.stage.site.clock.now(),
        )
        headers = {"Host": BASE.removeprefix("http://"), "Authorization": f"JWT {token}"}
        return ask(self.stage.site.asgi(), method, target, headers, body)

    def register(self, *webhooks: dict[str, Any], url: str = "") -> Answer:
        return self.ask(
            "POST", body={"url": url or f"{self.app.url}/dynamic", "webhooks": list(webhooks)}
        )


@pytest.fixture
def caller(stage: Stage, app: SmallApp) -> Caller:
    return Caller(stage, app)


def wanted(jql: str = "project = DEMO", *events: str, **more: Any) -> dict[str, Any]:
    return {"jqlFilter": jql, "events": list(events or ("jira:issue_updated",)), **more}


def ids(answer: Answer) -> list[int]:
    return [each["createdWebhookId"] for each in answer.json["webhookRegistrationResult"]]


# ---- keeping them ---------------------------------------------------------------------------


def test_it_is_registered_listed_refreshed_and_deleted(caller: Caller, stage: Stage) -> None:
    made = ids(
        caller.register(
            wanted(fieldIdsFilter=["summary"]),
            wanted("project = DEMO", "issue_property_set", issuePropertyKeysFilter=["color"]),
        )
    )
    listed = caller.ask("GET").json
    assert (listed["total"], listed["isLast"], listed["startAt"]) == (2, True, 0)
    first, second = listed["values"]
    expires = first.pop("expirationDate") / 1000
    assert expires == pytest.approx(stage.site.clock.at() + 30 * DAY, abs=60)
    assert first == {
        "id": made[0],
        "jqlFilter": "project = DEMO",
        "events": ["jira:issue_updated"],
        "fieldIdsFilter": ["summary"],
    }
    assert second["issuePropertyKeysFilter"] == ["color"]
    page = caller.ask("GET", f"{PATH}?startAt=1&maxResults=1").json
    assert [each["id"] for each in page["values"]] == made[1:]
    stage.later(20 * DAY)
    refreshed = caller.ask("PUT", f"{PATH}/refresh", {"webhookIds": [made[0], 99]})
    assert refreshed.json["expirationDate"] / 1000 > expires
    stage.later(20 * DAY)
    assert [each["id"] for each in caller.ask("GET").json["values"]] == made[:1]
    assert caller.ask("DELETE", body={"webhookIds": made}).status == 202
    assert caller.ask("GET").json["values"] == []


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (wanted("watchCount = 3"), "watchCount"),
        (wanted("watchers = abc"), "The clause watchers is unsupported"),
        (wanted("project ="), ""),
        (wanted("project = DEMO", "sprint_started"), "The event sprint_started is unsupported"),
        ({"jqlFilter": "project = DEMO", "events": []}, "There is no event"),
    ],
)
def test_what_can_not_be_kept_says_why_in_its_place(
    caller: Caller, asked: dict[str, Any], said: str
) -> None:
    answer = caller.register(wanted(), asked, wanted())
    assert answer.status == 200
    first, second, third = answer.json["webhookRegistrationResult"]
    assert {"createdWebhookId"} == set(first) == set(third)
    assert said in second["errors"][0]


def test_an_app_has_so_many_and_no_more(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PER_APP", 2)
    result = caller.register(wanted(), wanted(), wanted()).json["webhookRegistrationResult"]
    assert result[2] == {"errors": ["An app can have 2 webhooks at most"]}


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/hook",
        "http://169.254.169.254/",
        "//evil.example/hook",
        "https://127.0.0.1/hook",
        "{base}.evil.example/hook",
        "{base}@evil.example/hook",
        "{base}/a/../../hook",
        "javascript:alert(1)",
    ],
)
def test_it_stays_below_the_apps_own_address(caller: Caller, app: SmallApp, url: str) -> None:
    """T15: a dynamic webhook to another local port is refused."""
    answer = caller.register(wanted(), url=url.replace("{base}", app.url))
    assert answer.status == 400
    assert answer.json["errorMessages"][0].endswith("- at `url`")
    assert caller.ask("GET").json["total"] == 0


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", PATH, {"url": "/x"}),
        ("POST", PATH, {"url": "/x", "webhooks": []}),
        ("POST", PATH, {"url": 1, "webhooks": [wanted()]}),
        ("DELETE", PATH, {}),
        ("DELETE", PATH, {"webhookIds": ["x"]}),
        ("PUT", f"{PATH}/refresh", {"webhookIds": []}),
        ("GET", f"{PATH}?startAt=x", b""),
        ("GET", f"{PATH}?maxResults=-1", b""),
    ],
)
def test_a_bad_call_says_what_is_wrong(caller: Caller, method: str, path: str, body: Any) -> None:
    answer = caller.ask(method, path, body)
    assert answer.status == 400
    assert answer.json["errorMessages"][0]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", PATH),
        ("POST", PATH),
        ("DELETE", PATH),
        ("PUT", f"{PATH}/refresh"),
        ("GET", f"{PATH}/failed"),
    ],
)
def test_only_an_app_may(stage: Stage, method: str, path: str) -> None:
    site = stage.site
    headers = [("Host", "localhost:2990")]
    assert ask(site.asgi(), method, path, headers, {}).json["errorMessages"] == [ONLY_APPS]
    assert ask(site.asgi(), method, path, headers, {}).status == 403


def test_an_app_sees_and_deletes_its_own_alone(caller: Caller, stage: Stage) -> None:
    with running() as other:
        stage.add(other, key="other-app", modules={})
        theirs = Caller(stage, other, "other-app")
        made = ids(theirs.register(wanted()))
        caller.ask("DELETE", body={"webhookIds": made})
        assert caller.ask("GET").json["total"] == 0
        assert theirs.ask("GET").json["total"] == 1


# ---- being told -----------------------------------------------------------------------------


def test_it_is_told_with_the_ids_that_matched(caller: Caller, stage: Stage, app: SmallApp) -> None:
    first, second, _ = ids(
        caller.register(wanted(), wanted("project != PUB"), wanted("project = PUB"))
    )
    (third,) = ids(caller.register(wanted(), url=f"{app.url}/other?key={{issue.key}}"))
    stage.edit()
    stage.settle()
    told = {got.target: got.json["matchedWebhookIds"] for got in app.got}
    assert told == {"/dynamic": [first, second], "/other?key=DEMO-1": [third]}
    assert all(got.json["webhookEvent"] == "jira:issue_updated" for got in app.got)


def test_fields_and_properties_narrow_it(caller: Caller, stage: Stage, app: SmallApp) -> None:
    caller.register(
        wanted(fieldIdsFilter=["description"]),
        wanted("project = DEMO", "issue_property_set", issuePropertyKeysFilter=["color"]),
    )
    stage.edit("Only the summary")
    stage.site.world.properties.put("issue", str(stage.issue.id), "size", 1)
    stage.settle()
    assert app.got == []
    stage.site.world.tracker.edit_issue(stage.issue.id, description="And this")
    stage.site.world.properties.put("issue", str(stage.issue.id), "color", "blue")
    stage.settle()
    events = [got.json["webhookEvent"] for got in app.got]
    assert events == ["jira:issue_updated", "issue_property_set"]


def test_a_deleted_issue_still_matches(caller: Caller, stage: Stage, app: SmallApp) -> None:
    caller.register(
        wanted("project = DEMO", "jira:issue_deleted"),
        wanted("project = PUB", "jira:issue_deleted"),
    )
    stage.site.world.tracker.delete_issue(stage.issue.id)
    stage.settle()
    assert [len(got.json["matchedWebhookIds"]) for got in app.got] == [1]
    assert stage.site.world.tracker.issue(stage.issue.id) is None


def test_nothing_goes_to_where_an_app_was_before(
    caller: Caller, stage: Stage, app: SmallApp
) -> None:
    caller.register(wanted())
    stage.add(app, baseUrl="http://127.0.0.1:1", modules={})
    stage.edit()
    assert stage.told() == []


def test_what_an_app_registered_goes_with_it(caller: Caller, stage: Stage, app: SmallApp) -> None:
    caller.register(wanted())
    asyncio.run(stage.site.jira.installer.uninstall("my-app"))
    assert stage.site.registrations.all(0.0) == []


# ---- what failed ----------------------------------------------------------------------------


def test_what_was_given_up_can_be_asked_for(caller: Caller, stage: Stage, app: SmallApp) -> None:
    caller.register(wanted())
    app.status["dynamic"] = 400
    for summary in ("One", "Two"):
        stage.edit(summary)
        stage.settle()
        stage.later(1)
    failed = caller.ask("GET", f"{PATH}/failed?maxResults=1").json
    assert failed["maxResults"] == 1
    (first,) = failed["values"]
    assert first["id"] == app.got[0].headers["x-atlassian-webhook-identifier"]
    assert first["url"] == f"{app.url}/dynamic"
    assert json.loads(first["body"])["issue"]["fields"]["summary"] == "One"
    rest = caller.ask("GET", failed["next"].removeprefix(BASE)).json
    assert [json.loads(each["body"])["issue"]["fields"]["summary"] for each in rest["values"]] == [
        "Two"
    ]
    assert "next" not in caller.ask("GET", rest["next"].removeprefix(BASE)).json
    stage.later(73 * 3600)
    assert caller.ask("GET", f"{PATH}/failed").json["values"] == []
