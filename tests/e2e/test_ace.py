"""An app on a framework that nobody here wrote, installed into the site: both sides check."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from contracts.tokens import token_shaped

from headway.host.clock import parse_date
from headway.host.install import InstallFailed
from headway.host.settings import Settings
from headway.host.site import Site
from headway.host.world.catalog import transitions_from
from headway.http.server import listen, serving
from headway.model import Secret
from headway.sign import request_token

pytestmark = pytest.mark.node

ACE = Path(__file__).resolve().parent / "ace"
KEY = "headway-test-ace-app"
START_SECONDS = 60.0


class Host:
    """The site, served by a loop of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._started.wait(START_SECONDS)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        async with AsyncExitStack() as stack:
            sockets, media = listen(0), listen(0, ("127.0.0.1",))
            for opened in (*sockets, *media):
                stack.callback(opened.close)
            ports = [bound[0].getsockname()[1] for bound in (sockets, media)]
            self.site = Site(Settings())
            stack.push_async_callback(self.site.close)
            self.site.bind_addresses(f"http://localhost:{ports[0]}", f"http://127.0.0.1:{ports[1]}")
            await stack.enter_async_context(serving(self.site.asgi(), sockets))
            self._started.set()
            await self._stop.wait()

    def do(self, what: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """Run *what* where the site runs."""
        return asyncio.run_coroutine_threadsafe(what(), self._loop).result(START_SECONDS)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(START_SECONDS)


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    running = Host()
    yield running
    running.close()


@pytest.fixture(scope="module")
def url(host: Host, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The framework's app, in a process of its own; its log holds no whole token at the end."""
    log = tmp_path_factory.mktemp("ace") / "ace.log"
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "NODE_ENV": "production",
        "AC_LOCAL_BASE_URL": address,
        "CONNECT_KEYS_CDN_URL": f"{host.site.base_url}/install-keys",
    }
    node = shutil.which("node") or "node"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [node, "app.js"],
            cwd=ACE,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
        assert process.stdin is not None
        try:
            until = time.monotonic() + START_SECONDS
            while b"ready" not in log.read_bytes():
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < until, log.read_text()
                time.sleep(0.05)
            yield address
        finally:
            process.stdin.close()
            process.wait(20)
    # For a bad signature the framework logs what had been signed, without the signature.
    assert not token_shaped(log.read_text())


@pytest.fixture(scope="module")
def installed(host: Host, url: str) -> Iterator[str]:
    """The app, installed by its descriptor's address."""
    host.do(lambda: host.site.jira.installer.install(f"{url}/atlassian-connect.json"))
    yield url
    if host.site.jira.apps.get(KEY):
        host.do(lambda: host.site.jira.installer.uninstall(KEY))


def received(url: str, event: str) -> list[dict[str, Any]]:
    answer = httpx.get(f"{url}/received", trust_env=False)
    return [got for got in answer.json() if got["event"] == event]


def eventually(find: Callable[[], Any]) -> Any:
    until = time.monotonic() + 10
    while not (found := find()) and time.monotonic() < until:
        time.sleep(0.05)
    return found


def place(site: Site) -> tuple[Any, Any, dict[str, str], Any]:
    """The app's panel on an issue, before an ordinary user."""
    app = site.jira.apps.get(KEY)
    assert app is not None
    return app, app.module("panel"), {"issue.key": "DEMO-1"}, site.world.people.user("user")


def crossings(site: Site, direction: str) -> list[Any]:
    return [crossing for crossing in site.traffic.all() if crossing.direction == direction]


def ask_with_context_token(site: Site, url: str) -> httpx.Response:
    token = site.jira.outgoing.context_token(*place(site))
    headers = {"Authorization": f"JWT {token}"}
    return httpx.get(url, headers=headers, trust_env=False, timeout=30)


# ---- what the framework accepts from the site -----------------------------------------------


def test_it_is_installed_and_enabled(host: Host, installed: str) -> None:
    app = host.site.jira.apps.get(KEY)
    assert app is not None
    assert received(installed, "enabled") == [{"event": "enabled", "clientKey": app.client_key}]
    sent = crossings(host.site, "host->app lifecycle")
    assert [(c.kind, c.status) for c in sent[:2]] == [("lifecycle", 204), ("request", 204)]


def test_it_answers_a_module_page(host: Host, installed: str) -> None:
    app, *_, user = seen = place(host.site)
    answer = httpx.get(host.site.jira.outgoing.module_url(*seen), trust_env=False)
    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "clientKey": app.client_key,
        "userAccountId": user.account_id,
        "hostBaseUrl": host.site.base_url,
        "context": {},
        "issue": "DEMO-1",
    }


def test_a_changed_page_address_is_refused(host: Host, installed: str) -> None:
    address = host.site.jira.outgoing.module_url(*place(host.site))
    for changed in (address.replace("DEMO-1", "DEMO-2"), address[:-4] + "AAAA"):
        answer = httpx.get(changed, trust_env=False)
        assert answer.status_code in (400, 401)


def test_it_answers_a_context_call(host: Host, installed: str) -> None:
    *_, user = place(host.site)
    answer = ask_with_context_token(host.site, f"{installed}/context")
    assert answer.status_code == 200, answer.text
    assert answer.json()["userAccountId"] == user.account_id
    assert answer.json()["context"] == {"jira": {"issue": {"key": "DEMO-1"}}}


def test_a_context_token_opens_no_page(host: Host, installed: str) -> None:
    answer = ask_with_context_token(host.site, f"{installed}/panel?issue=DEMO-1")
    assert answer.status_code == 401


def test_it_answers_a_webhook(host: Host, installed: str) -> None:
    site = host.site
    user = site.world.people.user("user")
    assert user is not None
    issue = site.world.tracker.issue("DEMO-2")
    assert issue is not None

    async def edit() -> None:
        site.world.tracker.edit_issue(
            issue.id, summary="Seen by the framework", author=user.account_id
        )
        await site.settled()

    host.do(edit)
    (got,) = eventually(lambda: received(installed, "jira:issue_updated"))
    assert got["issue"] == "DEMO-2"
    assert got["changed"][0]["toString"] == "Seen by the framework"
    (sent,) = crossings(site, "host->app event")
    assert (sent.location, sent.status) == ("header", 204)


def test_a_post_function_is_tried_again_with_a_token_of_its_own(host: Host, installed: str) -> None:
    """The framework refuses a stale token: each try is signed anew, whatever the site's date."""
    site = host.site
    issue = site.world.tracker.issue("DEMO-2")
    assert issue is not None
    step = transitions_from(issue.status)[0]
    rule = site.post_functions.add(step.id, KEY, "notify", "loudly")
    site.world.tracker.move_issue(issue.id, step)
    host.do(site.settled)
    site.clock.set(site.clock.at() + 361)
    host.do(site.settled)
    site.clock.reset()
    first, second = received(installed, "triggered")
    assert (first["retry"], second["retry"]) == (None, "1")
    assert first["id"] == second["id"]
    assert (second["to"], second["value"], second["issue"]) == (step.target, "loudly", "DEMO-2")
    told = [told for told in site.outbox.deliveries.newest() if told.delivery.event == "notify"]
    assert [made.status for made in told[0].tries] == [503, 204]
    site.post_functions.remove(rule.id)


def test_what_another_secret_signed_is_refused(host: Host, installed: str) -> None:
    app = host.site.jira.apps.get(KEY)
    assert app is not None
    token = request_token(
        Secret("the secret of somebody else"),
        issuer=app.client_key,
        method="POST",
        raw_path="/issue-updated",
        now=time.time(),
    )
    headers = {"Authorization": f"JWT {token}"}
    answer = httpx.post(f"{installed}/issue-updated", headers=headers, json={}, trust_env=False)
    assert answer.status_code in (400, 401)


# ---- what the site accepts from the framework -----------------------------------------------


def test_its_calls_are_accepted_with_the_header(host: Host, installed: str) -> None:
    host.site.traffic.clear()
    answer = ask_with_context_token(host.site, f"{installed}/host?issue=DEMO-1")
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert {name: part["status"] for name, part in told.items()} == {
        "read": 200,
        "comment": 201,
        "myself": 200,
    }
    assert all(part["sent"]["scheme"] == "JWT" for part in told.values())
    assert told["comment"]["body"]["author"]["displayName"].startswith("An app on")
    seen = crossings(host.site, "app->host")
    assert [(c.verdict, c.location, c.verified, c.status) for c in seen] == [
        ("accepted", "header", True, 200),
        ("accepted", "header", True, 201),
        ("accepted", "header", True, 200),
    ]
    assert seen[0].claims["aud"] == [host.site.jira.apps.client_key]
    assert urlsplit(seen[0].path).path == "/rest/api/3/issue/DEMO-1"
    assert all("jwt" not in c.path for c in seen)


def test_it_works_when_the_sites_date_is_moved(host: Host, installed: str) -> None:
    """The date drives the policy alone: the framework's clock and the tokens' are the real one."""
    host.site.clock.set(parse_date("2022-02-02"))
    host.site.traffic.clear()
    try:
        page = httpx.get(host.site.jira.outgoing.module_url(*place(host.site)), trust_env=False)
        calls = ask_with_context_token(host.site, f"{installed}/host?issue=DEMO-1")
    finally:
        host.site.clock.reset()
    assert (page.status_code, calls.status_code) == (200, 200)
    assert [part["status"] for part in calls.json().values()] == [200, 201, 200]
    seen = crossings(host.site, "app->host")
    assert {(c.verdict, c.location) for c in seen} == {("accepted", "header")}
    assert all(int(c.at) // 86_400 == parse_date("2022-02-02") // 86_400 for c in seen)


# ---- again, and the end ---------------------------------------------------------------------


def test_it_is_installed_again_with_a_new_secret(host: Host, installed: str) -> None:
    old = host.site.jira.apps.secret(KEY)
    host.do(lambda: host.site.jira.installer.install(f"{installed}/atlassian-connect.json"))
    assert host.site.jira.apps.secret(KEY) != old
    assert ask_with_context_token(host.site, f"{installed}/host?issue=DEMO-1").status_code == 200


def test_it_is_uninstalled(host: Host, installed: str) -> None:
    """Inside the callback its call is still answered; after it nothing of it is left."""
    host.do(lambda: host.site.jira.installer.uninstall(KEY))
    (got,) = received(installed, "uninstalled")
    assert got["status"] == 200
    assert host.site.jira.apps.all() == []


def test_a_site_that_is_not_on_its_list_is_refused(host: Host, installed: str) -> None:
    """The framework looks at the site's name; the site says in one line what was answered."""
    own = host.site.base_url
    host.site.bind_addresses(own.replace("localhost", "site.example"), host.site.media_url)
    try:
        with pytest.raises(InstallFailed, match="HTTP response code 401"):
            host.do(lambda: host.site.jira.installer.install(f"{installed}/atlassian-connect.json"))
    finally:
        host.site.bind_addresses(own, host.site.media_url)
    assert host.site.jira.apps.all() == []
