"""An app made with Headway and the site for tests: one process, no socket, both sides check."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request

from headway.app.payloads.jira import IssueUpdated
from headway.app.starlette import Connect, Context
from headway.app.webhooks import EventContext
from headway.host.testing import InstallFailed, Site

PLACE = "atl.jira.view.issue.right.context"
APP = "http://127.0.0.1:3000"


class Hello:
    """A small app, and what it has heard."""

    def __init__(self, site: Site) -> None:
        self.heard: list[str] = []
        self.connect = connect = Connect(
            key="hello",
            name="Hello",
            base_url=APP,
            store=":memory:",
            scopes=("READ", "WRITE"),
            development=True,
            install_keys=f"{site.origin}/install-keys",
            transport=site.transport,
        )

        @connect.panel(
            "Hello", location="atl.jira.view.issue.right.context", url="/p?i={issue.key}"
        )
        async def panel(request: Request, context: Context) -> str:
            return f"<!doctype html><p>{request.query_params['i']}, {context.account_id}</p>"

        @connect.context_route("/me")
        async def me(request: Request, context: Context) -> Any:
            answer = await context.client.get("/rest/api/3/myself", check=False)
            return {"status": answer.status_code, "name": answer.json().get("displayName")}

        @connect.webhook("jira:issue_updated")
        async def updated(event: IssueUpdated, context: EventContext) -> None:
            self.heard.append(event.issue.summary)

        self.asgi = Starlette(routes=connect.routes)


@pytest.fixture(scope="module")
def shared() -> Iterator[Site]:
    with Site() as site:
        yield site


@pytest.fixture
def site(shared: Site) -> Iterator[Site]:
    yield shared
    shared.reset()


def test_the_whole_way_without_a_socket(site: Site) -> None:
    hello = Hello(site)
    app = site.install(hello.asgi)
    page = app.open("panel", issue_key="DEMO-1")
    assert page.status_code == 200
    assert f"DEMO-1, {site.known_user('user').account_id}" in page.text
    token = app.context_token("panel", issue_key="DEMO-1")
    called = app.client.get("/me", headers={"Authorization": f"JWT {token}"})
    assert called.json() == {"status": 200, "name": "Hello"}
    site.issue("DEMO-1").summary = "Heard"
    assert hello.connect.queue.drain(5)
    assert hello.heard == ["Heard"]
    site.traffic.none(direction="app->host", location="query")
    assert site.traffic.one(direction="app->host").path == "/rest/api/3/myself"


def test_a_wrong_install_key_is_refused(site: Site) -> None:
    site.faults.next("/install-keys/*", wrong_key=True)
    with pytest.raises(InstallFailed, match="HTTP response code 401"):
        site.install(Hello(site).asgi)
    site.faults.next("/install-keys/*", status=503, times=5)
    with pytest.raises(InstallFailed, match="HTTP response code 503"):
        site.install(Hello(site).asgi)


def test_a_fault_reaches_the_apps_call(site: Site) -> None:
    app = site.install(Hello(site).asgi)
    site.faults.next("/rest/api/3/myself", status=403, body="{}")
    token = app.context_token("panel", issue_key="DEMO-1")
    called = app.client.get("/me", headers={"Authorization": f"JWT {token}"})
    assert called.json() == {"status": 403, "name": None}
    assert site.traffic.one(direction="app->host").status == 403


def test_a_fault_that_passes_is_not_seen_by_the_app(site: Site) -> None:
    app = site.install(Hello(site).asgi)
    site.faults.next("/rest/api/3/myself", status=503, headers={"Retry-After": "0"})
    token = app.context_token("panel", issue_key="DEMO-1")
    called = app.client.get("/me", headers={"Authorization": f"JWT {token}"})
    assert called.json() == {"status": 200, "name": "Hello"}
    calls = site.traffic.some(direction="app->host")
    assert [call.status for call in calls] == [503, 200]


def test_an_app_that_outlives_a_reset_is_installed_again(site: Site) -> None:
    """It remembers the last token that it took, and takes no second one of that second."""
    hello = Hello(site)
    for _ in range(2):
        site.install(hello.asgi)
        site.reset()
