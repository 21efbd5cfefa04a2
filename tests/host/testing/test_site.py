"""A site for tests: in process and with sockets, set back, moved in time, with faults."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from headway.errors import ConfigurationError
from headway.host.testing import InstallFailed, Site
from host import small_app
from host.testing.little_app import LittleApp

STARTS_WITHIN = 0.3  # seconds
MYSELF = "/rest/api/3/myself"


@pytest.fixture(scope="module")
def shared() -> Iterator[Site]:
    with Site() as site:
        yield site


@pytest.fixture
def site(shared: Site) -> Iterator[Site]:
    yield shared
    shared.reset()


# ---- starting -------------------------------------------------------------------------------


@pytest.mark.soak
@pytest.mark.parametrize("sockets", [False, True], ids=["in process", "sockets"])
def test_it_starts_at_once(sockets: bool) -> None:
    """The best of five, on a machine that has nothing else to do: a figure, not a promise."""
    took = []
    for _ in range(5):
        began = time.perf_counter()
        with Site(sockets=sockets) as site:
            took.append(time.perf_counter() - began)
            with site.client() as client:
                assert client.get("/status").json() == {"state": "RUNNING"}
    assert min(took) < STARTS_WITHIN


def test_settings_are_those_of_every_entry() -> None:
    with Site(policy="rehearsal", at="2021-12-01", name="jira.localhost") as site:
        assert site.policy == "rehearsal"
        site.policy = "atlassian-2022"
        assert site.running.site.policy.name == "atlassian-2022"
    with pytest.raises(ConfigurationError, match="colour: there is no such setting"):
        Site(colour="red")
    with pytest.raises(ConfigurationError, match="policy"):
        Site(policy="none").start()


def test_a_start_that_fails_leaves_nothing_behind() -> None:
    before = threading.active_count()
    with pytest.raises(ConfigurationError):
        Site(policy="none").start()
    assert threading.active_count() == before


MANY = """
import gc, threading, tracemalloc
from headway.host.testing import Site

def use():
    with Site() as site, site.client("user") as client:
        assert client.get("/rest/api/3/myself").status_code == 200
        site.issue("DEMO-1").summary = "x"

def measured():
    gc.collect()
    return tracemalloc.get_traced_memory()[0]

for _ in range(3): use()
tracemalloc.start()
for _ in range(5): use()
before, threads = measured(), threading.active_count()
for _ in range({many}): use()
print(measured() - before, threading.active_count() - threads)
"""


@pytest.mark.parametrize(
    "many", [10, pytest.param(1000, marks=[pytest.mark.soak, pytest.mark.timeout(1900)])]
)
def test_many_sites_in_one_process_do_not_leak(many: int) -> None:
    """In a process of its own: here, what is logged is kept for the report."""
    done = subprocess.run(
        [sys.executable, "-c", MANY.format(many=many)],
        capture_output=True, text=True, check=True, timeout=1800,
    )  # fmt: skip
    grown, threads = map(int, done.stdout.split())
    assert threads == 0
    assert grown < 100_000 + 100 * many  # bytes; one site alone holds more than a million


# ---- people ---------------------------------------------------------------------------------


def test_a_client_is_anonymous_or_logged_in(site: Site) -> None:
    assert site.client().get(MYSELF).status_code == 401
    client = site.client("user")
    assert client.get(MYSELF).json()["displayName"] == "Uma User"
    changed = client.put("/rest/api/2/issue/DEMO-1", json={"fields": {"summary": "By a user"}})
    assert changed.status_code == 204
    assert site.issue("DEMO-1").summary == "By a user"
    with pytest.raises(LookupError, match="no user nobody"):
        site.client("nobody")


def test_others_log_in_by_cookie(site: Site) -> None:
    headers = {"Cookie": site.cookie("admin")}
    assert site.client().get(MYSELF, headers=headers).json()["displayName"] == "Ada Admin"
    assert {"admin", "user", "gone"} <= set(site.passwords)

    async def ask() -> int:
        async with httpx.AsyncClient(transport=site.transport, base_url=site.url) as client:
            site.login(client, "user")
            return (await client.get(MYSELF)).status_code

    assert asyncio.run(ask()) == 200


class Context:
    """What Playwright's context does with cookies, as far as it is asked."""

    def __init__(self) -> None:
        self.cookies: list[dict[str, Any]] = []

    def add_cookies(self, cookies: list[dict[str, Any]]) -> None:
        self.cookies += cookies


class Page:
    def __init__(self) -> None:
        self.context = Context()


def test_a_page_or_its_context_gets_the_cookie(site: Site) -> None:
    page, context = Page(), Context()
    site.login(page, "user")
    site.login(context, "user")
    for (cookie,) in (page.context.cookies, context.cookies):
        assert cookie["name"] == "__Host-headway"
        assert (cookie["secure"], cookie["httpOnly"]) == (True, True)
        assert cookie["url"] == "https://localhost/"
    with Site(name="site.example") as plain:
        plain.running.bind_addresses("http://site.example:2990", "http://127.0.0.1:2991")
        plain.login(page := Page(), "user")
        (cookie,) = page.context.cookies
        assert (cookie["secure"], cookie["url"]) == (False, "http://site.example:2990")


# ---- apps -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["asgi", "wsgi"])
def test_an_app_in_this_process(site: Site, kind: str) -> None:
    app = LittleApp()
    installed = site.install(getattr(app, kind))
    assert app.posts() == ["/installed", "/enabled"]
    site.issue("DEMO-1").summary = "Told"
    assert app.posts()[2:] == ["/hook/DEMO-1?p=DEMO"]
    assert installed.open("panel", issue_key="DEMO-1").text == "page /panel/DEMO-1"
    assert [c.kind for c in site.traffic.of(direction="host->app lifecycle")] == [
        "lifecycle",
        "request",
    ]


def test_an_app_that_declines(site: Site) -> None:
    with pytest.raises(InstallFailed, match="HTTP response code 500"):
        site.install(LittleApp(status=500).asgi)
    with pytest.raises(LookupError, match="with status 200 and no baseUrl"):
        site.install(LittleApp().asgi, descriptor="/elsewhere.json")


def test_an_app_over_the_network() -> None:
    with small_app.running() as app, Site(sockets=True) as site:
        installed = site.install(app.descriptor_url)
        assert app.callbacks() == ["installed", "enabled"]
        site.issue("DEMO-1").summary = "Told"
        assert any("/hook/DEMO-1" in got.target for got in app.got)
        assert installed.client.get(app.descriptor_url).status_code == 200
        assert site.client("user").get(MYSELF).status_code == 200
        assert repr(site) == "<site for tests, sockets>"


def test_the_other_product() -> None:
    with Site(product="confluence") as site:
        assert site.url == f"{site.origin}/wiki"
        installed = site.install(LittleApp().asgi)
        assert installed.app.key == "my-app"
        assert site.running.site.jira.apps.all() == []
        assert repr(site) == "<site for tests, in process>"


def test_an_app_is_started_once_and_stopped_with_the_site() -> None:
    app = LittleApp()
    with Site() as site:
        site.install(app.asgi)
        assert app.life == ["lifespan.startup"]
    assert app.life == ["lifespan.startup", "lifespan.shutdown"]


# ---- state, date, faults --------------------------------------------------------------------


def test_a_reset_and_a_snapshot(site: Site) -> None:
    site.install(LittleApp().asgi)
    site.issue("DEMO-1").summary = "Kept"
    state = site.snapshot()
    site.reset()
    assert site.issue("DEMO-1").summary == "Watch a token travel"
    assert site.tenant.apps.all() == []
    assert len(site.traffic.all()) == 0
    site.restore(state)
    assert site.issue("DEMO-1").summary == "Kept"
    assert [app.key for app in site.tenant.apps.all()] == ["my-app"]


def test_the_date_moves_for_a_block_or_for_good(site: Site) -> None:
    def day() -> str:
        return time.strftime("%Y-%m-%d", time.gmtime(site.running.site.clock.at()))

    site.at("2021-12-01")
    with site.at("2022-02-02"):
        assert day() == "2022-02-02"
    assert day() == "2021-12-01"
    with pytest.raises(ValueError, match="A date is written as"):
        site.at("tomorrow")


def test_what_goes_wrong(site: Site) -> None:
    site.faults.next(MYSELF, status=503)
    site.faults.next(MYSELF, cut=True)
    client = site.client("user")
    assert client.get(MYSELF).status_code == 503
    with pytest.raises(httpx.RemoteProtocolError):
        client.get(MYSELF)
    assert client.get(MYSELF).status_code == 200


def test_a_connection_is_cut_over_the_network_too() -> None:
    with Site(sockets=True) as site, site.client() as client:
        site.faults.next("/status", cut=True)
        with pytest.raises(httpx.RemoteProtocolError):
            client.get("/status")
        assert client.get("/status").status_code == 200


def test_traffic_can_be_asserted_on(site: Site) -> None:
    client = site.client()
    client.get(MYSELF, params={"jwt": "not-a-token"})
    client.get(MYSELF, headers={"Authorization": "JWT not-a-token"})
    assert len(site.traffic.of(direction="app->host")) == 2
    assert site.traffic.one(location="query").verdict == "not inspected"
    assert len(site.traffic.some(path="/rest/*")) == 2
    site.traffic.none(location="form")
    assert "<2 crossings>" in repr(site.traffic)
    site.traffic.clear()
    site.traffic.none()


def test_a_script_in_the_sites_own_thread(site: Site) -> None:
    made = site.do(lambda world: world.tracker.add_issue("DEMO", "New"))
    assert site.issue(made.key).summary == "New"
    assert site.run(asyncio.sleep(0, "done")) == "done"
