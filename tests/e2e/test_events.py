"""An app's webhooks and the site's: events have types, deliveries count once, or come again."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import services
from starlette.applications import Starlette

from e2e.running import ROOT
from headway.app.delivery import Delivery
from headway.app.payloads import EVENTS, Event
from headway.app.queue import MemoryQueue
from headway.app.registrations import LIFE_SECONDS, RegistrationRefused, Registrations, Wanted
from headway.app.starlette import Connect
from headway.app.webhooks import EventContext
from headway.host.testing import Site
from headway.host.world import World
from headway.host.world.wiki import ContentKind
from headway.model import Product
from headway.refusals import QueueFull

APP = "http://127.0.0.1:3000"
STARTED_SECONDS = 60.0


class Listener:
    """An app that hears *events*, and what it heard."""

    def __init__(self, site: Site, *events: str, **settings: Any) -> None:
        self.heard: list[tuple[Event, EventContext]] = []
        self.connect = Connect(
            key="listener",
            name="Listener",
            base_url=APP,
            store=":memory:",
            scopes=("READ", "WRITE", "DELETE", "ADMIN"),
            development=True,
            install_keys=f"{site.origin}/install-keys",
            transport=site.transport,
            **settings,
        )
        for name in events:
            self.connect.webhook(name)(self.hear)
        self.asgi = Starlette(routes=self.connect.routes)

    async def hear(self, event: Event, context: EventContext) -> None:
        self.heard.append((event, context))

    def named(self) -> list[str]:
        assert isinstance(self.connect.queue, MemoryQueue)
        assert self.connect.queue.drain(10)
        return [event.name for event, _ in self.heard]


@pytest.fixture
def jira() -> Iterator[Site]:
    with Site() as site:
        yield site


@pytest.fixture
def confluence() -> Iterator[Site]:
    with Site(product="confluence") as site:
        yield site


def everything_in_jira(world: World) -> None:
    """One event of each kind, as the site's own content causes it."""
    ann = world.people.user("admin")
    assert ann is not None
    by, tracker = ann.account_id, world.tracker
    project = tracker.add_project("NEW", "New", public=False, lead=by, author=by)
    tracker.edit_project(project.id, author=by, name="Newer")
    issue = tracker.add_issue("NEW", "One", author=by)
    other = tracker.add_issue("NEW", "Two", author=by)
    tracker.edit_issue(issue.id, author=by, summary="Changed")
    comment = tracker.add_comment(issue.id, by, "Said")
    tracker.edit_comment(comment.id, by, body="Said better")
    tracker.delete_comment(comment.id, by)
    work = world.worklogs.add(issue.id, by, 60)
    world.worklogs.edit(work.id, by, seconds=120)
    world.worklogs.delete(work.id, by)
    file = world.files.add_attachment("issue", issue.id, "a.txt", "text/plain", b"a", by)
    world.files.remove_attachment(file.id, by)
    link = world.links.add("Blocks", issue.id, other.id, by)
    world.links.delete(link.id, by)
    world.properties.put("issue", str(issue.id), "p", "1", by)
    world.properties.delete("issue", str(issue.id), "p", by)
    version = world.components.add_version(project.id, "1.0", author=by)
    world.components.edit_version(version.id, author=by, name="1.1")
    world.components.edit_version(version.id, author=by, released=True)
    world.components.edit_version(version.id, author=by, released=False)
    world.components.delete_version(version.id, by)
    tracker.delete_issue(issue.id, by)
    tracker.delete_project(project.id, by)
    user = world.people.add_user("new", "New User", "new@example.com")
    world.people.rename(user.account_id, "Newer User")
    world.people.delete_user(user.account_id)


def everything_in_confluence(world: World) -> None:
    ann = world.people.user("admin")
    assert ann is not None
    by, wiki, marks = ann.account_id, world.wiki, world.marks
    space = world.spaces.add_space("NEW", "New", by)
    world.spaces.edit_space(space.id, by, name="Newer")
    page = wiki.add_page(space.id, "A page", "<p>One</p>", by)
    below = wiki.add_page(space.id, "Below", "<p>Two</p>", by, parent=page)
    blog = wiki.add_page(space.id, "A post", "<p>One</p>", by, kind=ContentKind.BLOG_POST)
    comment = wiki.add_comment(page, "<p>Said</p>", by)
    wiki.add_comment(page, "<p>Answered</p>", by, parent=comment)
    file = wiki.add_file(page, "a.txt", "text/plain", b"a", by)
    wiki.move(below, None, by)
    for content in (blog, comment, file, page):
        after = wiki.edit(content, by, message="again")
        wiki.restore(wiki.trash(after, by), by)
    marks.add_label(page.id, "one-of-ours", by)
    marks.remove_label(page.id, "one-of-ours", by)
    for content in (blog, comment, file, page):
        found = wiki.content(content.id)
        assert found is not None
        wiki.remove(wiki.trash(found, by), by)
    world.spaces.remove_space(space, by)
    user = world.people.add_user("new", "New User", "new@example.com")
    world.people.set_active(user.account_id, False)
    world.people.set_active(user.account_id, True)
    world.people.delete_user(user.account_id)


def test_every_event_of_a_jira_is_read_by_its_type(jira: Site) -> None:
    events = [name for product, name in EVENTS if product is Product.JIRA]
    app = Listener(jira, *events)
    jira.install(app.asgi)
    jira.do(everything_in_jira)
    assert set(app.named()) == set(events)
    for event, context in app.heard:
        assert type(event) is EVENTS[Product.JIRA, event.name]
        assert context.installation.base_url == jira.url
    jira.traffic.none(direction="host->app event", status=400)


def test_every_event_of_a_confluence_is_read_by_its_type(confluence: Site) -> None:
    events = [name for product, name in EVENTS if product is Product.CONFLUENCE]
    app = Listener(confluence, *events)
    confluence.install(app.asgi)
    confluence.do(everything_in_confluence)
    never = {"label_created", "label_deleted"}  # the local site has no labels by themselves
    assert set(app.named()) == set(events) - never
    for event, _ in app.heard:
        assert type(event) is EVENTS[Product.CONFLUENCE, event.name]


# ---- once, and again ------------------------------------------------------------------------


def test_a_delivery_that_the_site_repeats_is_worked_on_once(jira: Site) -> None:
    app = Listener(jira, "jira:issue_updated")
    jira.install(app.asgi)
    jira.issue("DEMO-1").summary = "Once"
    (told,) = jira.running.site.outbox.deliveries.newest()
    assert jira.loop.call(jira.running.site.outbox.send_again, told.delivery.id)
    jira.settle()
    assert app.named() == ["jira:issue_updated"]
    (told,) = jira.running.site.outbox.deliveries.newest()
    assert [made.status for made in told.tries] == [204, 204]
    jira.issue("DEMO-1").summary = "Twice"
    assert app.named() == ["jira:issue_updated"] * 2


class FullAtFirst(MemoryQueue):
    """A queue that has no room for the first delivery when that comes first."""

    refused = 0

    def put(self, delivery: Delivery) -> None:
        if not self.refused:
            self.refused += 1
            raise QueueFull(found="a test")
        super().put(delivery)


def test_what_finds_no_room_comes_again_and_is_not_taken_for_known(jira: Site) -> None:
    app = Listener(jira, "jira:issue_updated", queue=FullAtFirst())
    jira.install(app.asgi)
    jira.issue("DEMO-1").summary = "Later"
    (told,) = jira.running.site.outbox.deliveries.newest()
    assert (told.tries[0].status, told.delivery.state) == (503, "pending")
    assert app.named() == []
    with jira.at("2030-01-01"):
        jira.settle()
    assert app.named() == ["jira:issue_updated"]
    ((_, context),) = app.heard
    assert context.retry == 1


def test_a_handler_that_calls_the_site_back(jira: Site) -> None:
    app = Listener(jira)
    names = []

    @app.connect.webhook("jira:issue_updated", url="/changed?issue={issue.key}")
    async def changed(event: Event, context: EventContext) -> None:
        answer = await context.client.get(f"/rest/api/3/issue/{context.query['issue'][0]}")
        names.append(answer.json()["fields"]["summary"])

    jira.install(Starlette(routes=app.connect.routes))
    jira.issue("DEMO-1").summary = "Read again"
    app.named()
    assert names == ["Read again"]


# ---- registered by a call -------------------------------------------------------------------


def test_webhooks_that_are_registered_by_a_call_are_kept_alive(jira: Site) -> None:
    app = Listener(jira)
    app.connect.event_route("/events", "jira:issue_updated", "comment_created")(app.hear)
    jira.install(Starlette(routes=app.connect.routes))
    installation = app.connect.store.list()[0]  # type: ignore[attr-defined]
    url = f"{APP}/events"

    async def call(name: str, *arguments: Any) -> Any:
        async with app.connect.client(installation) as client:
            clock = jira.running.site.clock.at
            return await getattr(Registrations(client, url, clock=clock), name)(*arguments)

    # (1) two of them, of which one finds nothing
    wanted = [Wanted([event], "project = DEMO") for event in ("jira:issue_updated",)]
    wanted.append(Wanted(["comment_created"], "project = PUB"))
    first, second = asyncio.run(call("register", wanted))
    jira.issue("DEMO-1").summary = "Heard"
    jira.do(_say, "DEMO-1")
    assert app.named() == ["jira:issue_updated"]
    assert app.heard[0][0].matched_webhook_ids == (first,)
    # (2) after three weeks they are refreshed, and so they are there after six
    found = asyncio.run(call("list"))
    assert [each.id for each in found] == [first, second]
    begun = found[0].expires - LIFE_SECONDS
    with jira.at(_date(begun + 21 * 86_400)):
        assert asyncio.run(call("keep_alive")) == [first, second]
        assert asyncio.run(call("keep_alive")) == []
        asyncio.run(call("delete", [second]))
    with jira.at(_date(begun + 42 * 86_400)):
        assert [each.id for each in asyncio.run(call("list"))] == [first]
        jira.issue("DEMO-1").summary = "Still heard"
        assert app.named() == ["jira:issue_updated"] * 2
    # (3) without that they end
    with jira.at(_date(begun + 60 * 86_400)):
        assert asyncio.run(call("list")) == []
    # (4) and what a site declines is said
    with pytest.raises(RegistrationRefused, match="watchCount"):
        asyncio.run(call("register", [Wanted(["jira:issue_updated"], "watchCount > 3")]))


def _say(world: World, key: str) -> None:
    issue, ann = world.tracker.issue(key), world.people.user("admin")
    assert issue is not None
    assert ann is not None
    world.tracker.add_comment(issue.id, ann.account_id, "Said")


def _date(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


# ---- a task queue ---------------------------------------------------------------------------


class Running:
    """A process of a test, with a log; stopped by its pid."""

    def __init__(self, log: Path, command: list[str], folder: Path, **environment: str) -> None:
        self.log = log
        with log.open("wb") as stream:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'examples'}"}
                | environment,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
            )

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def until(what: Any, *logs: Running) -> Any:
    """Wait until *what* gives something."""
    end = time.monotonic() + STARTED_SECONDS
    while time.monotonic() < end:
        found = what()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("\n".join(each.log.read_text("utf-8", "replace") for each in logs))


def test_a_task_queue_works_on_the_events(tmp_path: Path, redis_server: services.Redis) -> None:
    """The example as it stands: its web process, its worker, a real Redis, a real site."""
    port = services.free_port()
    base_url, folder = f"http://127.0.0.1:{port}", tmp_path / "work"
    folder.mkdir(mode=0o700)
    python = [sys.executable, "-m"]
    serve = [*python, "uvicorn", "events_rq:app", "--port", str(port), "--no-access-log"]
    work = [*python, "rq.cli", "worker", "--url", redis_server.url, "events"]
    with Site(sockets=True) as site:
        settings = {
            "BASE_URL": base_url,
            "REDIS_URL": redis_server.url,
            "HEADWAY_DEVELOPMENT": "1",
            "HEADWAY_INSTALL_KEYS": f"{site.origin}/install-keys",
        }
        web = Running(tmp_path / "web.log", serve, folder, **settings)
        try:
            until(lambda: _answers(base_url), web)
            site.install(f"{base_url}/atlassian-connect.json")
            site.issue("DEMO-1").summary = "For the worker"
            (told,) = site.running.site.outbox.deliveries.newest()
            assert told.tries[0].status == 204  # answered while nobody works
            worker = Running(tmp_path / "worker.log", work, folder, **settings)
            try:
                seen = until(lambda: _property(site), web, worker)
            finally:
                worker.stop()
        finally:
            web.stop()
    assert seen == {"summary": "For the worker"}
    for log in (web.log, worker.log):
        assert "eyJ" not in log.read_text("utf-8", "replace")


# ---- the end of a server --------------------------------------------------------------------

SERVERS = {
    "starlette": ["uvicorn", "--factory", "e2e.slow_events:starlette", "--port", "{port}"],
    "fastapi": ["uvicorn", "--factory", "e2e.slow_events:fastapi", "--port", "{port}"],
    "gunicorn": [
        *("gunicorn", "e2e.slow_events:wsgi()", "--bind", "127.0.0.1:{port}"),
        *("--preload", "--workers", "2"),
    ],
    "granian": [
        *("granian", "--interface", "asgi", "--factory", "e2e.slow_events:asgi"),
        *("--port", "{port}"),
    ],
}


@pytest.mark.parametrize("server", SERVERS)
def test_a_server_that_stops_works_off_what_waits(tmp_path: Path, server: str) -> None:
    """SIGTERM, with nothing set up for it: what was answered with 204 is worked on."""
    port = services.free_port()
    base_url, folder = f"http://127.0.0.1:{port}", tmp_path / "work"
    folder.mkdir(mode=0o700)
    heard = folder / "heard"
    command = [sys.executable, "-m", *(part.format(port=port) for part in SERVERS[server])]
    with Site(sockets=True) as site:
        web = Running(
            tmp_path / "web.log",
            command,
            folder,
            BASE_URL=base_url,
            HEARD=str(heard),
            HEADWAY_DEVELOPMENT="1",
            HEADWAY_INSTALL_KEYS=f"{site.origin}/install-keys",
            PYTHONPATH=f"{ROOT / 'src'}:{ROOT / 'tests'}",
        )
        try:
            until(lambda: _answers(base_url), web)
            site.install(f"{base_url}/atlassian-connect.json")
            names = ["First", "Second", "Third"]
            for name in names:
                site.issue("DEMO-1").summary = name
            told = site.running.site.outbox.deliveries.newest()
            assert [each.tries[0].status for each in told] == [204] * 3
            assert not heard.exists(), "the answers came before the work"
        finally:
            web.stop()
        assert sorted(heard.read_text().split()) == sorted(names), web.log.read_text()


def _answers(base_url: str) -> bool:
    try:
        return httpx.get(f"{base_url}/atlassian-connect.json", trust_env=False).is_success
    except httpx.HTTPError:
        return False


def _property(site: Site) -> Any:
    found = site.do(lambda world: world.properties.get("issue", str(_issue_id(world)), "seen"))
    return found and found.data


def _issue_id(world: World) -> int:
    issue = world.tracker.issue("DEMO-1")
    assert issue is not None
    return issue.id
