"""Who is told of a change, where, and with which body; the receivers are real."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import msgspec
import oracle
import pytest

from headway.host.world import Change
from headway.model import Product
from host.small_app import SmallApp, running
from host.small_stage import Stage


def hook(event: str = "jira:issue_updated", url: str = "/hook", **more: Any) -> dict[str, Any]:
    return {"event": event, "url": url, **more}


def test_a_webhook(stage: Stage, app: SmallApp) -> None:
    known = stage.listen(app, hook(url="/hook/${issue.key}?p={project.key}&id=${issue.id}"))
    uma = stage.site.world.people.user("user")
    assert uma is not None
    stage.edit("New", author=uma.account_id)
    stage.settle()
    (got,) = app.got
    assert got.method == "POST"
    assert got.target == f"/hook/DEMO-1?p=DEMO&id={stage.issue.id}"
    secret = stage.site.jira.apps.secret("my-app").reveal()
    claims = oracle.verified_claims(got.token, "HS256", secret)
    assert claims is not None
    path, _, query = got.target.partition("?")
    assert claims["qsh"] == oracle.qsh("POST", path, query, "")
    assert claims["iss"] == known.client_key
    assert len(got.headers["x-atlassian-webhook-identifier"]) == 36
    assert got.headers["x-atlassian-webhook-flow"] == "Primary"
    assert got.json["webhookEvent"] == "jira:issue_updated"
    assert got.json["user"]["accountId"] == uma.account_id
    assert got.json["issue"]["key"] == "DEMO-1"
    assert got.json["timestamp"] > 1_700_000_000_000


def test_only_who_asked_for_the_event_is_told(stage: Stage, app: SmallApp) -> None:
    stage.listen(app, hook("jira:issue_created"))
    stage.edit()
    stage.site.world.tracker.add_issue("DEMO", "Brand new")
    stage.settle()
    assert [got.json["issue"]["fields"]["summary"] for got in app.got] == ["Brand new"]


def test_an_app_with_several_webhooks_is_told_by_each(stage: Stage, app: SmallApp) -> None:
    stage.listen(app, hook(url="/one"), hook(url="/two", excludeBody=True), hook("comment_created"))
    stage.edit()
    stage.settle()
    assert [(got.target, bool(got.body)) for got in app.got] == [("/one", True), ("/two", False)]
    first, second = (got.headers["x-atlassian-webhook-identifier"] for got in app.got)
    assert first != second


def test_a_disabled_app_is_not_told(stage: Stage, app: SmallApp) -> None:
    known = stage.listen(app, hook())
    apps = stage.site.jira.apps
    apps.save(msgspec.structs.replace(known, enabled=False), apps.secret("my-app"))
    stage.edit()
    assert stage.told() == []


def test_an_event_that_this_site_does_not_know_is_told_to_nobody(
    stage: Stage, app: SmallApp
) -> None:
    stage.listen(app, hook("sprint_started"))
    stage.site.webhooks.hear(Change(event="sprint_started"))
    assert stage.told() == []


def test_an_app_in_the_other_product_is_not_told(stage: Stage, app: SmallApp) -> None:
    stage.add(app, Product.CONFLUENCE, modules={"webhooks": [hook()]})
    stage.edit()
    assert stage.told() == []


def test_two_apps_get_identifiers_of_their_own(stage: Stage, app: SmallApp) -> None:
    with running() as other:
        stage.listen(app, hook())
        stage.listen(other, hook(), key="other-app")
        stage.edit()
        stage.settle()
        ids = {got.headers["x-atlassian-webhook-identifier"] for got in (*app.got, *other.got)}
    assert len(ids) == 2
    assert json.loads(app.got[0].body) == json.loads(other.got[0].body)


def test_what_follows_from_another_change_flows_second(stage: Stage, app: SmallApp) -> None:
    stage.listen(app, hook("jira:issue_deleted"))
    stage.site.webhooks.hear(Change(event="jira:issue_deleted", before=stage.issue, secondary=True))
    stage.settle()
    assert app.got[0].headers["x-atlassian-webhook-flow"] == "Secondary"


@pytest.mark.parametrize("value", ["a/../b", "a b&c=d", "ü"])
def test_a_value_stays_in_its_place_of_the_address(
    stage: Stage, app: SmallApp, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.listen(app, hook(url="/hook/${issue.key}?k=${issue.key}"))
    issue = msgspec.structs.replace(stage.issue, key=value)
    stage.site.webhooks.hear(Change(event="jira:issue_updated", before=issue, after=issue))
    stage.settle()
    path, _, query = app.got[0].target.partition("?")
    assert path.count("/") == 2
    assert "&" not in query


# ---- narrower -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("jql", "told"),
    [
        ("project = DEMO", 1),
        ("project = PUB", 0),
        ("summary ~ New", 1),
        ("this is no query", 0),
        ("nofield = 1", 0),
    ],
)
def test_a_filter_narrows_it(stage: Stage, app: SmallApp, jql: str, told: int) -> None:
    stage.listen(app, hook(filter=jql))
    stage.edit("New")
    stage.settle()
    assert len(app.got) == told


def test_a_filter_does_not_hold_back_what_is_about_no_issue(stage: Stage, app: SmallApp) -> None:
    stage.listen(app, hook("user_updated", filter="project = PUB"))
    uma = stage.site.world.people.user("user")
    assert uma is not None
    stage.site.world.people.rename(uma.account_id, "Uma U.")
    stage.settle()
    assert app.got[0].json["user"]["displayName"] == "Uma U."


def test_property_keys_narrow_and_send_along(stage: Stage, app: SmallApp) -> None:
    keys = {"propertyKeys": ["color"]}
    stage.listen(app, hook("issue_property_set", "/p", **keys), hook(url="/i", **keys))
    for key in ("size", "color"):
        stage.site.world.properties.put("issue", str(stage.issue.id), key, {"name": "blue"})
    stage.edit()
    stage.settle()
    assert [got.target for got in app.got] == ["/p", "/i"]
    assert app.got[1].json["issue"]["properties"] == {"color": {"name": "blue"}}


def test_an_app_hears_that_it_is_enabled_and_disabled(stage: Stage, app: SmallApp) -> None:
    with running() as other:
        hooks = [hook("connect_addon_enabled", "/on"), hook("connect_addon_disabled", "/off")]
        stage.listen(app, *hooks)
        stage.listen(other, *hooks, key="other-app")

        async def switch() -> None:
            await stage.site.jira.installer.disable("my-app")
            await stage.site.jira.installer.enable("my-app")
            await stage.site.settled()

        asyncio.run(switch())
        got = [each.target for each in app.got if each.target in ("/on", "/off")]
        assert got == ["/off", "/on"]
        assert [each.target for each in other.got] == []


def test_what_hung_on_a_deleted_issue_follows_second(stage: Stage, app: SmallApp) -> None:
    events = ("jira:issue_deleted", "comment_deleted", "attachment_deleted", "issuelink_deleted")
    narrow = {"filter": "project = DEMO"}
    stage.listen(app, *(hook(event, f"/{event[-12:]}", **narrow) for event in events))
    uma = stage.site.world.people.user("user")
    assert uma is not None
    world, other = stage.site.world, stage.site.world.tracker.add_issue("PUB", "Other")
    for issue in (stage.issue, other):
        world.tracker.add_comment(issue.id, uma.account_id, "Well said")
        world.files.add_attachment("issue", issue.id, "a.txt", "text/plain", b"x", uma.account_id)
    world.links.add("Blocks", stage.issue.id, other.id)
    world.tracker.delete_issue(stage.issue.id, uma.account_id)
    world.tracker.delete_issue(other.id)
    stage.settle()
    told = [(got.json["webhookEvent"], got.headers["x-atlassian-webhook-flow"]) for got in app.got]
    assert told[0] == ("jira:issue_deleted", "Primary")
    followed = [event for event, flow in told if flow == "Secondary"]
    assert sorted(set(followed)) == sorted(events[1:])
    assert len(followed) == len(told) - 1
    comments = [got.json for got in app.got if got.json["webhookEvent"] == "comment_deleted"]
    assert {body["issue"]["key"] for body in comments} == {"DEMO-1"}


# ---- those that were registered -------------------------------------------------------------


def register(stage: Stage, url: str, app_key: str = "my-app", **values: Any) -> int:
    row = {"events": ["jira:issue_updated"], "jql": "", "field_ids": [], "property_keys": []}
    expires = stage.site.clock.at() + 60
    return stage.site.registrations.add(app_key, url, expires, **{**row, **values})


def test_registered_ones_of_one_address_are_one_delivery(stage: Stage, app: SmallApp) -> None:
    stage.listen(app)
    url = f"{app.url}/dynamic"
    first = register(stage, url, jql="project = DEMO")
    second = register(stage, url, field_ids=["summary"])
    register(stage, url, field_ids=["description"])
    register(stage, url, jql="project = PUB")
    register(stage, "http://127.0.0.1:1/elsewhere")
    register(stage, url, "nobody")
    stage.edit()
    stage.settle()
    assert [got.json["matchedWebhookIds"] for got in app.got] == [[first, second]]


def test_registered_ones_are_narrowed_by_property(stage: Stage, app: SmallApp) -> None:
    stage.listen(app)
    wanted = {"events": ["issue_property_set"], "property_keys": ["color"]}
    made = register(stage, f"{app.url}/dynamic", **wanted)
    for key in ("size", "color"):
        stage.site.world.properties.put("issue", str(stage.issue.id), key, 1)
    stage.settle()
    assert [got.json["matchedWebhookIds"] for got in app.got] == [[made]]
    assert app.got[0].json["property"]["key"] == "color"


def test_confluence_has_no_registered_ones(stage: Stage, app: SmallApp) -> None:
    stage.listen(app)
    register(stage, f"{app.url}/dynamic", events=["page_created"])
    stage.site.webhooks.hear(Change(event="page_created", product=Product.CONFLUENCE, after=None))
    assert stage.told() == []
