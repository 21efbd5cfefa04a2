"""Provider actions: what a provider's server is asked, and how."""

from __future__ import annotations

import asyncio
from typing import Any

import oracle
import pytest

from headway.host.providers.actions import ACTIONS, ActionFailed, act, association, offered
from host.small_app import SmallApp, running
from host.small_stage import Stage


def provider(kind: str, *names: str, **more: Any) -> dict[str, Any]:
    actions = {name: {"templateUrl": f"/{name}"} for name in names}
    return {kind: {"key": "p", "name": {"value": "Provider"}, "actions": actions, **more}}


def ask(stage: Stage, app: Any, name: str, fields: dict[str, str], body: Any = None) -> Any:
    module = app.module("p")
    return asyncio.run(act(stage.site.jira.outgoing, app, module, name, fields, body))


@pytest.mark.parametrize(
    ("kind", "name", "fields", "sent"),
    [
        ("jiraSecurityInfoProvider", "fetchContainers", {"ids": "a, b,"}, {"ids": ["a", "b"]}),
        ("jiraSecurityInfoProvider", "fetchWorkspaces", {"ids": "a"}, {"ids": ["a"]}),
        ("jiraDevelopmentTool", "associateRepository", {"id": "7"}, {"id": "7"}),
        ("jiraDevelopmentTool", "disassociateRepository", {"id": "7"}, {"id": "7"}),
        (
            "jiraDesignInfoProvider",
            "getEntityByUrl",
            {"url": "https://x", "userId": "u"},
            {"entity": {"url": "https://x"}, "user": {"id": "u"}},
        ),
    ],
)
def test_what_is_posted(
    stage: Stage, app: SmallApp, kind: str, name: str, fields: dict[str, str], sent: Any
) -> None:
    known = stage.add(app, modules=provider(kind, name, "unknown"))
    assert offered(known) == [(known.module("p"), name)]
    app.status[name], app.body = 200, b'{"ok": 1}'
    answer = ask(stage, known, name, fields)
    assert (answer.status, answer.body) == (200, b'{"ok": 1}')
    (got,) = app.got
    assert (got.method, got.target, got.json) == ("POST", f"/{name}", sent)
    claims = oracle.verified_claims(
        got.token, "HS256", stage.site.jira.apps.secret("my-app").reveal()
    )
    assert claims is not None
    assert claims["qsh"] == oracle.qsh("POST", f"/{name}", "", "")
    (crossing,) = stage.site.traffic.all()
    assert (crossing.direction, crossing.location) == ("host->app remote call", "header")


@pytest.mark.parametrize(
    ("kind", "name", "target"),
    [
        ("jiraDevelopmentTool", "searchRepositories", "/searchRepositories?searchQuery=a+b%26"),
        ("jiraDevelopmentTool", "searchConnectedWorkspaces", None),
        (
            "jiraSecurityInfoProvider",
            "searchContainers",
            "/searchContainers?workspaceId=&searchQuery=a+b%26",
        ),
    ],
)
def test_what_is_searched(
    stage: Stage, app: SmallApp, kind: str, name: str, target: str | None
) -> None:
    known = stage.add(app, modules=provider(kind, name))
    assert ask(stage, known, name, {"searchQuery": "a b&"}).status == 404  # of the small app
    (got,) = app.got
    assert (got.method, got.body) == ("GET", b"")
    path, _, query = got.target.partition("?")
    assert got.target == (target or f"/{name}?searchQuery=a+b%26")
    claims = oracle.verified_claims(
        got.token, "HS256", stage.site.jira.apps.secret("my-app").reveal()
    )
    assert claims is not None
    assert claims["qsh"] == oracle.qsh("GET", path, query, "")


def test_a_template_is_filled(stage: Stage, app: SmallApp) -> None:
    modules = provider("jiraDesignInfoProvider")
    modules["jiraDesignInfoProvider"]["actions"] = {
        "checkAuth": {"templateUrl": "/checkAuth?userId={userId}"}
    }
    known = stage.add(app, modules=modules)
    ask(stage, known, "checkAuth", {"userId": "a b"})
    assert app.got[0].target == "/checkAuth?userId=a+b"


def test_a_provider_that_is_not_there(stage: Stage) -> None:
    with running() as app:
        known = stage.add(app, modules=provider("jiraDevelopmentTool", "associateRepository"))
    with pytest.raises(ActionFailed, match=r"associateRepository: .* can not be reached"):
        ask(stage, known, "associateRepository", {"id": "1"})


def test_an_address_that_breaks(stage: Stage, app: SmallApp) -> None:
    modules = provider("jiraDevelopmentTool")
    modules["jiraDevelopmentTool"]["actions"] = {
        "associateRepository": {"templateUrl": "/{userId}/x"}
    }
    known = stage.add(app, modules=modules)
    with pytest.raises(ActionFailed, match="normal form"):
        ask(stage, known, "associateRepository", {"id": "1"})


def test_a_link_is_told_with_its_names() -> None:
    told = association("c", "d", 7, "u", on=True)
    assert told == {
        "entity": {"ari": "ari:cloud:jira:c:design/d", "id": "d"},
        "associatedWith": {
            "ati": "ati:cloud:jira:issue",
            "ari": "ari:cloud:jira:c:issue/7",
            "cloudId": "c",
            "id": "7",
        },
        "user": {"id": "u"},
    }
    assert "disassociatedFrom" in association("c", "d", 7, "u", on=False)
    assert all(name for _, name in ACTIONS)
