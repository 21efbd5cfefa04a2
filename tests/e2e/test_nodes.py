"""Two nodes of one app on one real PostgreSQL: races, kills, restarts, memories."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

import httpx
import pytest
import services
from flask import Flask

from e2e.nodes import APP_KEY, BASE_URL, STORE_KEY, Event, Host, Node, context_header
from headway.app.flask import Connect as FlaskConnect
from headway.app.flask import SyncContext
from headway.keys import Sealer
from headway.model import Installation
from headway.store.engine import open_engine
from headway.store.installations import Installations
from headway.store.migrations import upgrade

SITES, EVENTS = 20, 10  # 200 events at once
OVERLAP, CACHE_LIFE = 2, 2
REREAD = 1.2  # seconds within which forged tokens can delay a secret, and some


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    host = Host()
    yield host
    host.close()


@pytest.fixture
def address(postgresql: services.PostgreSQL) -> str:
    address = postgresql.new_database()
    engine = open_engine(address)
    upgrade(engine)
    engine.dispose()
    return address


@pytest.fixture
def start(host: Host, address: str) -> Iterator[Callable[..., Node]]:
    """Start nodes with the times of this file, or with others."""
    nodes: list[Node] = []

    def start(**environment: str) -> Node:
        times = {"OVERLAP": str(OVERLAP), "CACHE_LIFE": str(CACHE_LIFE)}
        nodes.append(Node(host.keys, STORE=address, **{**times, **environment}))
        return nodes[-1]

    yield start
    for node in nodes:
        node.stop()


def kept(address: str) -> dict[str, Installation]:
    engine = open_engine(address)
    store = Installations(engine, Sealer.of([bytes(range(32))]), app_key=APP_KEY)
    found = {site.client_key: site for site in store.list()}
    engine.dispose()
    return found


@asynccontextmanager
async def client() -> AsyncIterator[httpx.AsyncClient]:
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(trust_env=False, timeout=60, limits=limits) as http:
        yield http


async def asked(http: httpx.AsyncClient, node: Node, site: str, secret: str) -> int:
    answer = await http.get(f"{node.url}/me", headers=context_header(site, secret))
    return answer.status_code


async def until(wanted: int, seconds: float, ask: Callable[[], Awaitable[int]]) -> bool:
    """Whether *ask* is answered as *wanted*, at the latest after *seconds*."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if await ask() == wanted:
            return True
        await asyncio.sleep(0.1)
    return False


# ---- 200 at once, and a kill ----------------------------------------------------------------


def a_round(number: int, dice: random.Random) -> list[Event]:
    """Events of many sites, each site's in another second, in no order; half of them installs."""
    now = int(time.time())
    events = []
    for site in range(SITES):
        for at in range(EVENTS):
            mark = f"r{number}s{site}e{at}"
            name = "installed" if dice.random() < 0.6 else "uninstalled"
            issued = now - 2 * EVENTS + at
            secret = f"the secret of {mark}, long enough"
            events.append(Event(f"round-{number}-site-{site}", name, issued, mark, secret))
    dice.shuffle(events)
    return events


class Outcome:
    """What was acknowledged, and what nobody knows: its connection broke."""

    def __init__(self) -> None:
        self.acknowledged: set[str] = set()
        self.unknown: set[str] = set()
        self.statuses: set[int] = set()


async def play(
    host: Host, nodes: Sequence[Node], events: Sequence[Event], dice: random.Random
) -> Outcome:
    """Send all at once to both nodes, and kill one of them at some moment."""
    outcome, answered = Outcome(), 0
    moment = dice.randrange(len(events) // 10, len(events))
    victim = dice.choice(nodes)

    async def send(http: httpx.AsyncClient, event: Event, node: Node) -> None:
        nonlocal answered
        try:
            answer = await host.send(http, node, event)
        except httpx.TransportError:
            outcome.unknown.add(event.mark)
        else:
            outcome.statuses.add(answer.status_code)
            if answer.status_code == 204:
                outcome.acknowledged.add(event.mark)
        answered += 1
        if answered == moment:
            victim.kill()

    async with client() as http:
        await asyncio.gather(*(send(http, event, dice.choice(nodes)) for event in events))
    victim.start()
    return outcome


def final(events: Sequence[Event], outcome: Outcome, found: Installation | None) -> Event:
    """The event that a site's record shows; it must be one that may be the last."""
    known = [event for event in events if event.mark in outcome.acknowledged]
    last = max((event.issued for event in known), default=-1)
    possible = [event for event in known if event.issued == last]
    possible += [e for e in events if e.mark in outcome.unknown and e.issued > last]
    if found is None:
        ends = [event for event in possible if event.name == "uninstalled"]
        if not known and not ends:  # nothing was acknowledged, and nothing is there
            return Event(events[0].site, "uninstalled", 0, "")
        assert ends, f"the installation of {events[0].site} was lost"
        return ends[-1]
    marks = {found.description, found.cloud_id, found.base_url.rpartition("/")[2]}
    marks.add(found.shared_secret.reveal().decode().split()[3].rstrip(","))
    assert len(marks) == 1, f"half of one event and half of another: {marks}"
    shown = [event for event in possible if event.mark in marks and event.name == "installed"]
    assert shown, f"{found.client_key}: an event counts that another one had ended: {marks}"
    return shown[0]


async def check_secrets(
    nodes: Sequence[Node], events: Sequence[Event], last: dict[str, Event]
) -> None:
    """Both nodes take the last secret of each installed site, and no other."""
    async with client() as http:
        for node in nodes:
            for site, event in last.items():
                if event.name == "installed":
                    ask = partial(asked, http, node, site, event.secret)
                    assert await until(200, REREAD, ask), f"{site}: its secret is not honoured"
            old = [
                event
                for event in events
                if event.name == "installed" and event.mark != last[event.site].mark
            ]
            calls = (asked(http, node, event.site, event.secret) for event in old)
            assert set(await asyncio.gather(*calls)) == {401}, "an old secret is accepted"


def rounds(number: int, host: Host, address: str, start: Callable[..., Node]) -> None:
    nodes = [start(), start()]
    for at in range(number):
        dice = random.Random(at)
        events = a_round(at, dice)
        outcome = asyncio.run(play(host, nodes, events, dice))
        assert outcome.statuses <= {204, 409}, outcome.statuses
        assert len(outcome.acknowledged) > SITES
        found = kept(address)
        last = {}
        for site in {event.site for event in events}:
            own = [event for event in events if event.site == site]
            last[site] = final(own, outcome, found.get(site))
        time.sleep(max(OVERLAP, CACHE_LIFE) + 0.1)
        asyncio.run(check_secrets(nodes, events, last))


def test_200_events_at_once_and_a_node_killed(
    host: Host, address: str, start: Callable[..., Node]
) -> None:
    rounds(1, host, address, start)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_200_events_at_once_and_a_node_killed_50_times(
    host: Host, address: str, start: Callable[..., Node]
) -> None:
    rounds(50, host, address, start)


# ---- what a node may remember ---------------------------------------------------------------

FIRST, SECOND = "the first secret of the site", "the second secret of the site"


def installed(site: str, secret: str, issued: int) -> Event:
    return Event(site, "installed", issued, secret.split()[1], secret)


def test_what_one_node_records_holds_on_the_other(host: Host, start: Callable[..., Node]) -> None:
    """Rotation at the first token signed with it; the end of an overlap; uninstalled, in time."""
    overlap, life = 4, 5
    one, other = (start(OVERLAP=f"{overlap}", CACHE_LIFE=f"{life}") for _ in range(2))
    now = int(time.time())

    async def play() -> None:
        async with client() as http:
            for node in (one, other):
                assert await asked(http, node, "site", FIRST) == 401
            assert (await host.send(http, one, installed("site", FIRST, now - 9))).is_success
            await asyncio.sleep(1)  # for which "there is none" is repeated
            for node in (one, other):
                assert await asked(http, node, "site", FIRST) == 200
            # a secret that changed on one is honoured on the other at its first token
            assert (await host.send(http, one, installed("site", SECOND, now - 8))).is_success
            rotated = time.monotonic()
            assert await asked(http, other, "site", SECOND) == 200
            # for the overlap the old one verifies on both, and then on none, warm as they are
            assert [await asked(http, node, "site", FIRST) for node in (one, other)] == [200, 200]
            await asyncio.sleep(max(0.0, rotated + overlap + 0.1 - time.monotonic()))
            assert [await asked(http, node, "site", FIRST) for node in (one, other)] == [401, 401]
            # uninstalled: at once here, elsewhere within the life of what is remembered
            assert await asked(http, other, "site", SECOND) == 200
            gone = Event("site", "uninstalled", now - 7, "gone")
            assert (await host.send(http, one, gone)).is_success
            left = time.monotonic()
            assert await asked(http, one, "site", SECOND) == 401
            assert await until(401, life + 0.2, lambda: asked(http, other, "site", SECOND))
            assert time.monotonic() - left < life + 0.5

    asyncio.run(play())


def test_a_synchronous_framework_asks_a_server_too(
    host: Host, address: str, monkeypatch: pytest.MonkeyPatch, postgresql: services.PostgreSQL
) -> None:
    """Flask: what is not remembered is read in a thread, for whoever waits; an outage is a 503."""
    for name, value in STORE_KEY.items():
        monkeypatch.setenv(name, value)
    connect = FlaskConnect(
        key=APP_KEY,
        name="Nodes",
        base_url=BASE_URL,
        store=address,
        development=True,
        install_keys=host.keys,
    )

    @connect.context_route("/me")
    def me(context: SyncContext) -> object:
        return {"site": context.installation.client_key}

    app = Flask("nodes")
    connect.init_app(app)
    http = app.test_client()
    event = installed("site", FIRST, int(time.time()))
    header = context_header("site", FIRST)
    sent = {"base_url": BASE_URL, "data": event.body(), "headers": host.signed(event)}
    assert http.get("/me", headers=header).status_code == 401
    assert http.post("/installed", **sent).status_code == 204
    assert http.post("/installed", **sent).status_code == 401  # once
    time.sleep(1)  # for which "there is none" is repeated
    assert http.get("/me", headers=header).get_json() == {"site": "site"}
    postgresql.stop()
    try:
        assert http.get("/me", headers=header).status_code == 200
        other = context_header("other", FIRST)
        assert http.get("/me", headers=other).status_code == 503
    finally:
        postgresql.start()
    assert http.get("/me", headers=other).status_code == 401
    connect.answers.close()
    connect.store._engine.dispose()


# ---- outages --------------------------------------------------------------------------------


def test_postgresql_restarted_under_load_is_a_503_and_then_over(
    host: Host, start: Callable[..., Node], postgresql: services.PostgreSQL
) -> None:
    node = start(CACHE_LIFE="0.2")
    now = int(time.time())
    seen: list[tuple[float, int]] = []
    events: list[int] = []

    async def call(http: httpx.AsyncClient, stop: asyncio.Event) -> None:
        while not stop.is_set():
            status = await asked(http, node, "site", FIRST)
            seen.append((time.monotonic(), status))
            await asyncio.sleep(0.01)

    async def install(http: httpx.AsyncClient, stop: asyncio.Event) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            event = installed(f"other {number}", FIRST, now)
            events.append((await host.send(http, node, event)).status_code)
            await asyncio.sleep(0.05)

    async def play() -> float:
        stop = asyncio.Event()
        async with client() as http:
            assert (await host.send(http, node, installed("site", FIRST, now - 9))).is_success
            tasks = [asyncio.create_task(call(http, stop)) for _ in range(4)]
            tasks.append(asyncio.create_task(install(http, stop)))
            await asyncio.sleep(0.5)
            await asyncio.to_thread(postgresql.stop)
            try:
                await asyncio.sleep(1.5)
            finally:
                await asyncio.to_thread(postgresql.start)
            back = time.monotonic()
            assert await until(200, 10, lambda: asked(http, node, "site", FIRST))
            recovered = time.monotonic() - back
            await asyncio.sleep(0.5)  # what was under way is answered
            enough, sent = len(seen) + 20, len(events) + 3
            while len(seen) < enough or len(events) < sent:  # noqa: ASYNC110 - other tasks count
                await asyncio.sleep(0.05)
            stop.set()
            await asyncio.gather(*tasks)
            return recovered

    recovered = asyncio.run(play())
    assert recovered < 5
    assert {status for _, status in seen} == {200, 503}  # no 401, no 500, and no silence
    assert {status for _, status in seen[-20:]} == {200}
    assert set(events) == {204, 503}
    assert events[-1] == 204


def test_redis_gone_is_a_503_and_never_a_pass(host: Host, start: Callable[..., Node]) -> None:
    server = services.Redis()
    node = start(REDIS=server.url)
    me = context_header("site", FIRST)

    async def link(http: httpx.AsyncClient) -> httpx.Response:
        return await http.get(f"{node.url}/link", headers=me)

    def at(answer: httpx.Response) -> str:
        return f"{node.url}/file{answer.json()['link'].partition('/file')[2]}"

    async def play() -> None:
        async with client() as http:
            event = installed("site", FIRST, int(time.time()) - 9)
            assert (await host.send(http, node, event)).is_success
            used, spare = at(await link(http)), at(await link(http))
            assert [(await http.get(used)).status_code for _ in range(2)] == [200, 401]
            server.stop()
            assert [(await http.get(url)).status_code for url in (spare, used)] == [503, 503]
            assert (await link(http)).status_code == 503
            assert await asked(http, node, "site", FIRST) == 200  # which needs no ticket
            server.start()  # empty: what it had kept is gone, and with it the ticket
            assert [(await http.get(url)).status_code for url in (spare, used)] == [401, 401]
            assert (await http.get(at(await link(http)))).status_code == 200

    try:
        asyncio.run(play())
    finally:
        server.close()
