"""A framework that nobody here wrote, in development mode: it installs itself, and all works.

It has nothing but its own files: ``config.json`` with the site's http addresses, or
``credentials.json``, which forces https.  Each names both products, and the
framework asks both at once.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from contracts.tokens import token_shaped

from headway.cli.host import development
from headway.host.running import Running
from headway.host.serve import served
from headway.host.settings import Settings
from headway.host.site import Site
from headway.host.tenant import Tenant

pytestmark = pytest.mark.node

ACE = Path(__file__).resolve().parent / "ace"
KEY = "headway-test-ace-app"
START_SECONDS = 60.0
FILES = ("config.json", "credentials.json")


class Host:
    """The site at two addresses, served by a loop of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._started.wait(START_SECONDS)

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        async with served(Settings(port=0, tls_port=0)) as self.running:
            self._started.set()
            await self._stop.wait()

    @property
    def site(self) -> Site:
        return self.running.site

    def do(self, what: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """Run *what* where the site runs."""
        return asyncio.run_coroutine_threadsafe(what(), self._loop).result(START_SECONDS)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(START_SECONDS)


@dataclass
class Ace:
    """The framework's app, while it runs; *secure* where it knows the site by https."""

    url: str
    secure: bool
    host: Host
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def tenants(self) -> tuple[Tenant, ...]:
        return self.host.site.tenants

    def base_url(self, tenant: Tenant) -> str:
        return self.host.site.url_over(tls=self.secure) + tenant.base_path

    def ask(self, own: str, tenant: Tenant, **params: str) -> httpx.Response:
        """What it answers to its own page, which shows a token of the bridge's."""
        token = tenant.outgoing.context_token(*self.place(tenant))
        headers = {"Authorization": f"JWT {token}"}
        return httpx.get(
            f"{self.url}{own}", headers=headers, params=params, trust_env=False, timeout=30
        )

    def place(self, tenant: Tenant) -> tuple[Any, Any, dict[str, str], Any]:
        app = tenant.apps.get(KEY)
        assert app is not None
        return app, app.module("page"), {}, self.host.site.world.people.user("user")

    def received(self, event: str) -> list[dict[str, Any]]:
        answer = httpx.get(f"{self.url}/received", trust_env=False)
        return [got for got in answer.json() if got["event"] == event]


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    running = Host()
    yield running
    running.close()


@pytest.fixture(scope="module", params=FILES)
def ace(
    request: pytest.FixtureRequest, host: Host, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ace]:
    folder = tmp_path_factory.mktemp("ace")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    secure = request.param == "credentials.json"
    variables = write_files(folder, host.running, port, secure=secure)
    log = folder / "ace.log"
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [shutil.which("node") or "node", ACE / "app.js"],
            cwd=folder,
            env={**environment, **variables, "NODE_ENV": "development"},
            stdin=subprocess.PIPE,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
        assert process.stdin is not None
        try:
            until = time.monotonic() + START_SECONDS
            while b"\nregistered" not in log.read_bytes():
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < until, log.read_text()
                time.sleep(0.05)
            yield Ace(url, secure, host, process, log)
        finally:
            process.stdin.close()
            process.wait(20)
    assert not token_shaped(log.read_text())


def write_files(folder: Path, running: Running, port: int, *, secure: bool) -> dict[str, str]:
    """What a developer of the app has in its folder; the variables are those that the site told."""
    told = development(running)
    descriptor = json.loads((ACE / "atlassian-connect.json").read_text())
    descriptor["modules"] = {
        "generalPages": [{"key": "page", "name": {"value": "Page"}, "url": "/page"}],
        "webhooks": [
            {"event": "jira:issue_updated", "url": "/issue-updated"},
            {"event": "page_updated", "url": "/page-updated"},
        ],
    }
    (folder / "atlassian-connect.json").write_text(json.dumps(descriptor))
    own = {
        "port": port,
        "localBaseUrl": f"http://127.0.0.1:{port}",
        "store": {"adapter": "map"},
        "watch": False,
    }
    hosts = {} if secure else told["config.json"]["development"]
    (folder / "config.json").write_text(json.dumps({"development": {**own, **hosts}}))
    if secure:
        (folder / "credentials.json").write_text(json.dumps(told["credentials.json"]))
    names = ["CONNECT_KEYS_CDN_URL", *(["NODE_EXTRA_CA_CERTS"] if secure else [])]
    return {name: told[name] for name in names}


def eventually(find: Callable[[], Any]) -> Any:
    until = time.monotonic() + 10
    while not (found := find()) and time.monotonic() < until:
        time.sleep(0.05)
    return found


# ---- one after the other --------------------------------------------------------------------


def test_it_installs_itself_in_both_products(ace: Ace) -> None:
    written = ace.log.read_text()
    for tenant in ace.tenants:
        app = tenant.apps.get(KEY)
        assert app is not None, written
        assert app.over_tls is ace.secure
        assert f"Registered with host at {ace.base_url(tenant)}" in written
        assert eventually(lambda app=app: [
            got for got in ace.received("enabled") if got["clientKey"] == app.client_key
        ])  # fmt: skip
    assert "Failed to register" not in written


def test_it_answers_a_page_of_each_product(ace: Ace) -> None:
    for tenant in ace.tenants:
        app, module, _, user = ace.place(tenant)
        answer = httpx.get(tenant.outgoing.module_url(app, module, {}, user), trust_env=False)
        assert answer.status_code == 200, answer.text
        assert answer.json() == {
            "clientKey": tenant.apps.client_key,
            "userAccountId": user.account_id,
            "hostBaseUrl": ace.base_url(tenant),
            "context": {},
        }


def test_it_answers_a_context_call(ace: Ace) -> None:
    for tenant in ace.tenants:
        answer = ace.ask("/context", tenant)
        assert answer.status_code == 200, answer.text
        assert answer.json()["hostBaseUrl"] == ace.base_url(tenant)


def test_it_calls_each_product(ace: Ace) -> None:
    ace.host.site.traffic.clear()
    for tenant, path in zip(
        ace.tenants, ("/rest/api/3/myself", "/rest/api/user/current"), strict=True
    ):
        told = ace.ask("/ask", tenant, path=path).json()
        app = tenant.apps.get(KEY)
        assert app is not None
        assert (told["status"], told["sent"]["scheme"]) == (200, "JWT"), told
        assert json.loads(told["body"])["accountId"] == app.account_id
    seen = [c for c in ace.host.site.traffic.all() if c.direction == "app->host"]
    assert {(c.verdict, c.location, c.status) for c in seen} == {("accepted", "header", 200)}


def test_it_hears_of_a_change_in_jira(ace: Ace) -> None:
    site = ace.host.site
    user, issue = site.world.people.user("user"), site.world.tracker.issue("DEMO-2")
    assert user is not None
    assert issue is not None
    summary = f"Seen by way of {ace.base_url(site.jira)}"

    async def edit() -> None:
        site.world.tracker.edit_issue(issue.id, summary=summary, author=user.account_id)
        await site.settled()

    ace.host.do(edit)
    got = eventually(lambda: ace.received("jira:issue_updated"))
    assert [each["clientKey"] for each in got] == [site.jira.apps.client_key]
    assert got[0]["changed"][0]["toString"] == summary


def test_it_hears_of_a_change_in_confluence(ace: Ace) -> None:
    site = ace.host.site
    user = site.world.people.user("user")
    assert user is not None
    title = f"Seen by way of {ace.base_url(site.confluence)}"

    async def edit() -> None:
        page = site.world.wiki.content(2)
        assert page is not None
        site.world.wiki.edit(page, user.account_id, title=title)
        await site.settled()

    ace.host.do(edit)
    got = eventually(lambda: ace.received("page_updated"))
    assert [(each["clientKey"], each["page"]) for each in got] == [
        (site.confluence.apps.client_key, title)
    ]


def test_an_upgrade_and_a_new_key_are_accepted(ace: Ace) -> None:
    site = ace.host.site
    kid = site.keys.rotate().kid
    for tenant in ace.tenants:
        ace.host.do(lambda tenant=tenant: tenant.installer.rotate_secret(KEY))
        assert ace.ask("/context", tenant).status_code == 200
    assert site.keys.current.kid == kid


def test_when_it_ends_it_leaves_both_products(ace: Ace) -> None:
    """SIGTERM: it unregisters, and inside the callback its call is still answered."""
    ace.host.site.traffic.clear()
    ace.process.send_signal(signal.SIGTERM)
    ace.process.wait(30)
    written = ace.log.read_text()
    assert [tenant.apps.get(KEY) for tenant in ace.tenants] == [None, None], written
    for tenant in ace.tenants:
        assert f"Unregistered on host {ace.base_url(tenant)}" in written
    seen = ace.host.site.traffic.all()
    assert [c.status for c in seen if c.path.endswith("/uninstalled")] == [204, 204]
    assert [c.status for c in seen if c.direction == "app->host"] == [200, 200]
