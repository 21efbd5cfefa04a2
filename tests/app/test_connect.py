from __future__ import annotations

import asyncio
from typing import ClassVar

import msgspec
import pytest

from app.invoking import APP_ID, JWKS, KID, UUID, Invoker, key_set
from headway.app import pages
from headway.app.connect import Connect, Keys
from headway.app.delivery import Delivery
from headway.app.descriptor import Descriptor, Vendor
from headway.app.exchange import Asked
from headway.app.forge import Forge
from headway.app.forge_keys import Environment
from headway.app.forwarded import Forwarded
from headway.app.instruments import Instrument
from headway.app.queue import MemoryQueue
from headway.app.receipts import MemoryReceipts
from headway.app.routes import PAGE, Route, Ticketed
from headway.descriptor.typed import GeneralPage
from headway.errors import (
    ConfigurationError,
    QshMissing,
    Refusal,
    TokenMissing,
)
from headway.model import Direction, Kind, RequestFacts, Secret
from headway.policy import ATLASSIAN_2022, REHEARSAL
from headway.ports import Credentials, NeedKey, drive
from headway.refusals import InstallationUnmapped
from headway.store.engine import open_engine
from headway.store.migrations import upgrade
from headway.verify import Accept


def settings(**changes):
    return {
        "key": "my-app",
        "name": "My app",
        "base_url": "https://app.example",
        "store": ":memory:",
        **changes,
    }


@pytest.fixture
def make():
    opened = []

    def make(**changes):
        opened.append(Connect(**settings(**changes)))
        return opened[-1]

    yield make
    for connect in opened:
        if hasattr(connect.store, "_engine"):
            connect.store._engine.dispose()


def facts(query="", token=None, method="GET", path="/panel"):
    return RequestFacts(
        method=method,
        raw_path=path,
        raw_query=query,
        authorization=() if token is None else (f"JWT {token}",),
    )


# ---- what can not work is said at start ------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"key": "a b"},
        {"base_url": "http://127.0.0.1:3000"},
        {"base_url": "https://app.example", "development": True},
        {"install_keys": "http://127.0.0.1:9"},
        {"install_keys": "https://keys.example"},
        {"base_url": "http://127.0.0.1", "development": True, "install_keys": "http://10.0.0.1"},
        {"client_script": "http://localhost:2990/all.js"},
        {"scopes": ("EVERYTHING",)},
        {"hosts": ".atlassian.net"},
        {"hosts": ["com"]},
        {"hosts": []},
        {"store": " "},
        {"health": "health"},
        {"audience": "https://old.example"},
        {"audience": ["http://old.example"]},
        {"descriptor": Descriptor(key="other", name="O")},
        {"key": "", "name": "", "descriptor": "none.json"},
    ],
)
def test_what_can_not_work_stops_the_start(changes):
    with pytest.raises(ConfigurationError):
        Connect(**settings(**changes))


def test_a_descriptor_that_was_built_as_a_value(make):
    about = Descriptor(
        key="built",
        name="Built",
        vendor=Vendor("Example", "https://example.com"),
        base_url="https://elsewhere.example",
        modules=(GeneralPage(key="p", name="P", url="/p"),),
    )
    connect = make(key="", name="", descriptor=about)
    told = connect.descriptor().to_json()
    assert (connect.key, told["vendor"]["name"]) == ("built", "Example")
    assert told["baseUrl"] == connect.base_url  # the setting's, whatever the value said
    assert told["modules"]["generalPages"][0]["key"] == "p"
    twice = msgspec.structs.replace(about, modules=about.modules * 2)
    with pytest.raises(ConfigurationError, match="occurs twice: p"):
        make(key="", name="", descriptor=twice)


def test_the_environment_says_development_and_where_keys_are(make, monkeypatch):
    monkeypatch.setenv("HEADWAY_INSTALL_KEYS", "http://127.0.0.1:9")
    with pytest.raises(ConfigurationError, match="development"):
        make()
    monkeypatch.setenv("HEADWAY_DEVELOPMENT", "yes")  # only 1 is yes
    with pytest.raises(ConfigurationError):
        make()
    monkeypatch.setenv("HEADWAY_DEVELOPMENT", "1")
    connect = make(base_url="http://127.0.0.1:3000")
    assert connect.development
    assert connect.keys._install._source == "http://127.0.0.1:9"
    monkeypatch.setenv("HEADWAY_CLIENT_SCRIPT", "http://localhost:2990/all.js")
    assert make(base_url="http://127.0.0.1:3000").client_script == "http://localhost:2990/all.js"
    with pytest.raises(ConfigurationError):
        make(base_url="http://127.0.0.1:3000", development=False)


def test_a_store_on_disk_needs_a_key_outside_of_development(tmp_path, monkeypatch):
    path = tmp_path / "data" / "app.db"
    with pytest.raises(ConfigurationError, match="HEADWAY_STORE_KEY"):
        Connect(**settings(store=path))
    monkeypatch.setenv("HEADWAY_STORE_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
    with pytest.raises(ConfigurationError, match="'headway store upgrade'"):
        Connect(**settings(store=path))
    engine = open_engine(path)
    upgrade(engine)
    connect = Connect(**settings(store=path))
    connect.store._engine.dispose()
    engine.dispose()


# ---- deciding -------------------------------------------------------------------------------


def test_hooks_are_told_before_and_after(world):
    told = []

    @world.connect.on_installed
    async def first(before, after):
        told.append(("first", before, after.client_key, world.installation is not None))

    @world.connect.on_installed
    def second(before, after):
        told.append(("second", before and before.client_key, after.client_key))

    @world.connect.on_uninstalled
    def gone(before, after):
        told.append(("gone", before.client_key, after, world.installation))

    world.install()
    world.now[0] += 1
    world.event(sharedSecret="another secret, long enough")
    world.now[0] += 1
    assert world.event("uninstalled").status == 204
    world.now[0] += 1
    assert world.event("uninstalled").status == 204
    assert told[0] == ("first", None, "site-1", True)
    assert [entry[0] for entry in told] == ["first", "second", "first", "second", "gone"]
    assert told[3] == ("second", "site-1", "site-1")
    assert told[4] == ("gone", "site-1", None, None)


def test_a_hook_that_fails_is_a_500_and_the_event_is_recorded(world):
    calls = []

    @world.connect.on_installed
    def failing(before, after):
        calls.append(after)
        if len(calls) == 1:
            raise RuntimeError("the password is hunter2")

    answer = world.event()
    assert (answer.status, answer.body) == (500, b"the app failed")
    assert world.installation is not None
    world.now[0] += 1
    assert world.event().status == 204  # the host's next try, with the same body
    assert len(calls) == 2


def test_the_policy_in_force_stands_in_what_is_observed(world):
    world.install()
    page = facts(token=world.request_token("GET", "/panel"))
    asyncio.run(world.connect.check(page, PAGE, REHEARSAL))
    assert (world.seen[-1].policy, world.seen[-1].disclaimer) == ("rehearsal", REHEARSAL.disclaimer)


def test_a_page_that_answers_with_its_shell_refuses_nothing(world):
    connect = world.connect
    route = Route(path="/panel", methods=("GET",), accept=PAGE, policy=connect.header_only)
    with pytest.raises(TokenMissing):
        drive(connect.proving(facts(), route, or_shell=True), connect.keys, connect.store)
    assert world.seen == []
    with pytest.raises(TokenMissing):
        asyncio.run(connect.check(facts(), PAGE))
    assert world.seen[-1].refusal == "token-missing"


def test_nobody_needs_to_observe(make_world):
    world = make_world(observer=None)
    world.install()
    assert world.call("POST", "/installed", "rubbish").status == 400


def test_a_store_of_ones_own_is_asked(make):
    class Store:
        def find(self, need):
            return Credentials(keys=(Secret("x" * 32),))

        def first(self, once):
            return True

        get = install = uninstall = enable = by_installation_id = None

    with pytest.raises(ConfigurationError, match=r"^store: is .*; Store was given$"):
        make(store=Store())
    Store.get = Store.install = Store.uninstall = Store.enable = Store.find
    Store.by_installation_id = Store.find
    connect = make(store=Store())
    with pytest.raises(Refusal):
        asyncio.run(connect.check(facts(token="rubbish"), PAGE, ATLASSIAN_2022))


def test_a_reload_needs_a_seal_and_is_observed(world):
    world.install()
    token = world.context_token()
    connect = world.connect
    with pytest.raises(QshMissing):
        drive(connect.reproving(facts(token=token)), connect.keys, connect.store)
    assert (world.seen[-1].refusal, world.seen[-1].verified) == ("qsh-missing", True)
    mark = pages.seal(facts("a=1"), world.installation, "ada")
    reload = facts(f"a=1&headway-seal={mark}", token)
    assert drive(connect.reproving(reload), connect.keys, connect.store).kind == "context"
    assert (world.seen[-1].path, world.seen[-1].verified) == ("/panel?a=1", True)


def test_only_a_token_in_the_address_is_sent_on(make_world):
    world = make_world(sealed_pages=True)
    world.install()
    token = world.request_token("GET", "/panel", "a=1")
    for opened, sends in ((facts(f"a=1&jwt={token}"), True), (facts("a=1", token), False)):
        verified = asyncio.run(world.connect.check(opened, PAGE))
        headers = world.connect.sent_on(opened, verified)
        assert (headers is not None) is sends
        if headers is not None:
            mark = pages.seal(facts("a=1"), world.installation, "ada")
            assert headers["Location"] == f"/panel?a=1&headway-seal={mark}"
            assert headers["Cache-Control"] == "no-store"
            assert headers["Referrer-Policy"] == "no-referrer"
    world.connect.sealed_pages = False
    assert world.connect.sent_on(facts(f"a=1&jwt={token}"), verified) is None


def test_the_shell_is_for_the_sites_that_may_install(make):
    body, headers = make(hosts=(".example",)).shell_page()
    assert headers["Content-Security-Policy"] == "frame-ancestors https://*.example 'self'"
    assert pages.CLIENT_SCRIPT in body


def test_keys_are_looked_for_where_their_kind_has_them():
    class Source:
        def __init__(self, name):
            self.name = name

        def find(self, need):
            return self.name

    keys = Keys(Source("store"), Source("install"))
    assert keys.find(NeedKey(issuer="site", symmetric=True)) == "store"
    assert keys.find(NeedKey(issuer="site", symmetric=False, key_id="k")) == "install"
    invocation = NeedKey(issuer="forge/invocation-token", symmetric=False, key_id="k")
    assert keys.find(invocation) is None, "an app that takes none has no keys for them"
    keys.forge = Source("forge")
    assert keys.find(invocation) == "forge"


def test_a_route_that_accepts_nothing_is_an_error(world):
    route = Route(path="/panel", methods=("GET",))
    with pytest.raises(ConfigurationError, match="accepts nothing"):
        drive(world.connect.proving(facts(), route), world.connect.keys)


def test_instruments_hear_of_decisions_look_ups_and_keys(make_world):
    class Listening(Instrument):
        heard: ClassVar[list] = []

        def decided(self, seen):
            self.heard.append((seen.route, seen.client, seen.refusal))

        def fetched_keys(self, fetch):
            self.heard.append((fetch.source, fetch.outcome))

        def looked_up(self, *, cached):
            self.heard.append(cached)

    world = make_world(instruments=[Listening()], forwarded=Forwarded(["10.0.0.0/8"]))
    connect = world.connect
    world.install()
    assert Listening.heard == [("install", "ok"), ("/installed", "127.0.0.1", None)]
    Listening.heard.clear()
    asked = Asked(facts(), {"x-forwarded-for": "203.0.113.9"}.get, "127.0.0.1", "10.0.0.1")
    assert connect.client_of(asked) == "203.0.113.9"
    accept = Accept(Direction.BROWSER_TO_APP, {Kind.CONTEXT})
    asyncio.run(connect.check(facts(token=world.context_token()), accept))
    asyncio.run(connect.check(facts(token=world.context_token()), accept))
    assert Listening.heard == [False, ("", "", None), True, ("", "", None)]


def test_production_says_to_stay_with_https(make_world, monkeypatch):
    monkeypatch.setenv("HEADWAY_STORE_KEY", "A" * 43 + "=")
    settings = {"development": False, "base_url": "https://app.example", "install_keys": None}
    assert make_world(**settings).connect.always
    assert not make_world().connect.always


def test_health_can_be_left_out_and_takes_its_paths(make_world):
    connect = make_world(health=None).connect
    assert not [one for one in connect.all_routes() if "health" in one.path]
    with pytest.raises(ConfigurationError, match="declared twice"):
        make_world().connect.context_route("/health/live")(lambda request, context: None)


def test_a_queue_and_a_memory_of_ones_own_are_used_although_they_are_empty(make_world):
    queue, receipts = MemoryQueue(workers=1), MemoryReceipts()
    world = make_world(queue=queue, receipts=receipts)
    assert world.connect.queue is queue
    assert world.connect.webhooks._receipts is receipts


def test_an_app_of_forge_has_its_keys_and_says_who_it_is(make_world, keys, rsa):
    keys.page(JWKS, 200, key_set(**{KID: rsa}))
    here = Environment(keys=keys.address + JWKS, api=keys.address)
    heard = []

    class Hears(Instrument):
        def fetched_keys(self, fetch):
            heard.append((fetch.source, fetch.outcome))

    world = make_world(forge=Forge(UUID, here), instruments=[Hears()])
    assert world.connect.forge.app_id == APP_ID
    assert make_world(forge=UUID).connect.forge.environment == "production"
    world.connect.forge_route("/pure", connected=False)(lambda request, context: {"ok": 1})
    token = Invoker(rsa, keys.address).token(world.now[0])
    assert world.call("POST", "/pure", headers={"authorization": f"Bearer {token}"}).status == 200
    assert heard == [("forge", "ok")]
    assert world.seen[-1].kind == "invocation"


def test_a_tickets_session_is_proved_once_while_its_site_has_the_app(world):
    world.connect.ticket_route("/file")(lambda request, context: {"user": context.account_id})
    world.install()

    def link():
        return world.connect.tickets.link("/file", client_key="site-1", account_id="ada")

    first, second = link(), link()
    assert world.call("GET", first).text == '{"user":"ada"}'
    assert [seen.kind for seen in world.seen if seen.route == "/file"] == ["ticket"]
    assert world.call("GET", first).id == "ticket-unknown"
    world.connect.store.forget("my-app", "site-1")
    assert world.call("GET", second).id == "signature-invalid"
    assert world.seen[-1].refusal == "issuer-unknown"


class Shared:
    def put(self, key, value, until): ...

    def take(self, key): ...

    def first(self, once): ...


@pytest.mark.parametrize("shared", [True, False])
def test_without_a_store_for_tickets_the_app_says_why(make_world, monkeypatch, shared):
    monkeypatch.setenv("WEB_CONCURRENCY", "2")
    connect = make_world(**({"once": Shared()} if shared else {})).connect
    assert (connect.tickets is not None) is shared
    assert ("one process alone" in connect.no_tickets) is not shared
    if not shared:
        ticket = Ticketed()
        route = Route(path="/file", methods=("GET",), ticket=ticket)
        with pytest.raises(ConfigurationError, match="one process alone"):
            next(connect.redeeming(facts(), route, ticket))


def test_a_store_of_ones_own_keeps_no_tickets(make_world, world):
    connect = make_world(store=world.connect.store).connect
    assert connect.tickets is None
    assert "once=" in connect.no_tickets


def test_a_delivery_is_worked_on_wherever_it_comes_back(world):
    heard = []
    world.connect.webhook("page_created", url="/hook")(lambda event, _: heard.append(event.name))
    world.install()
    told = Delivery(
        event="page_created", path="/hook", app_key="my-app", client_key="site-1", received=1.0
    )
    for each in (told, told.to_json(), told.to_json().decode()):
        assert asyncio.run(world.connect.work(each))
    assert heard == ["page_created"] * 3


def test_an_app_lives_until_its_events_are_worked_off_and_its_connections_closed(world):
    world.install()
    connect = world.connect

    async def life():
        async with connect.lifespan():
            assert connect.has_lifespan
            assert connect.client(world.installation) is not connect.client(world.installation)
            assert connect.sync_client(world.installation).address("/a").host == "localhost"

    asyncio.run(life())
    assert connect.queue.close() == 0


def test_a_life_with_a_queue_of_ones_own_leaves_it_alone(make_world):
    class Elsewhere:
        def put(self, delivery):
            raise AssertionError

        def close(self): ...

    world = make_world(queue=Elsewhere())

    async def life():
        async with world.connect.lifespan():
            pass

    asyncio.run(life())


def test_an_installation_that_a_token_speaks_for_may_not_be_there(world):
    world.install()

    def installed(connect, verified):
        raise InstallationUnmapped()

    route = Route(
        path="/panel",
        methods=("GET",),
        accept=PAGE,
        policy=world.connect.header_only,
        installed=installed,
    )
    asked = facts(token=world.request_token("GET", "/panel"))
    steps = world.connect.proving(asked, route)
    next(steps)
    keys = world.connect.store.find(NeedKey(issuer="site-1", symmetric=True))
    question = steps.send(keys)
    assert question.function is installed
    with pytest.raises(InstallationUnmapped):
        steps.throw(InstallationUnmapped())
    assert (world.seen[-1].refusal, world.seen[-1].verified) == ("installation-unmapped", True)
