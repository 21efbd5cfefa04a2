from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import msgspec
import pytest

from headway import jwt
from headway.app import pages
from headway.app.connect import CALL, PAGE, Connect, Context, installation_of
from headway.errors import (
    BodyTooLarge,
    ConfigurationError,
    HeadwayError,
    QshMissing,
    Refusal,
    TokenInQuery,
    TokenMissing,
)
from headway.model import Direction, Location, RequestFacts, Secret, Verified
from headway.policy import ATLASSIAN_2022, REHEARSAL, Schedule
from headway.ports import Credentials


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
    ],
)
def test_what_can_not_work_stops_the_start(changes):
    with pytest.raises(ConfigurationError):
        Connect(**settings(**changes))


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
    assert connect._install_keys._source == "http://127.0.0.1:9"
    monkeypatch.setenv("HEADWAY_CLIENT_SCRIPT", "http://localhost:2990/all.js")
    assert make(base_url="http://127.0.0.1:3000").client_script == "http://localhost:2990/all.js"
    with pytest.raises(ConfigurationError):
        make(base_url="http://127.0.0.1:3000", development=False)


def test_a_store_on_disk_needs_a_key_outside_of_development(tmp_path, monkeypatch):
    path = tmp_path / "data" / "app.db"
    with pytest.raises(ConfigurationError, match="HEADWAY_STORE_KEY"):
        Connect(**settings(store=path))
    monkeypatch.setenv("HEADWAY_STORE_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
    connect = Connect(**settings(store=path))
    connect.store._engine.dispose()
    assert path.exists()


# ---- declaring ------------------------------------------------------------------------------


def test_modules_and_routes_are_declared_together(make):
    connect = make()

    @connect.panel("A panel", location="right", url="/panel?issue={issue.key}")
    def my_panel(request, context): ...

    @connect.page("A page")
    def my_page(request, context): ...

    @connect.module("adminPages", "Admin", key="admin", url="/admin")
    def other(request, context): ...

    @connect.webhook("jira:issue_updated")
    def updated(request, context): ...

    assert connect.descriptor().to_json()["modules"] == {
        "webPanels": [
            {
                "key": "my-panel",
                "name": {"value": "A panel"},
                "url": "/panel?issue={issue.key}",
                "location": "right",
            }
        ],
        "generalPages": [{"key": "my-page", "name": {"value": "A page"}, "url": "/my-page"}],
        "adminPages": [{"key": "admin", "name": {"value": "Admin"}, "url": "/admin"}],
        "webhooks": [{"event": "jira:issue_updated", "url": "/webhooks/jira-issue_updated"}],
    }
    routes = {route.path: route for route in connect.own_routes()}
    assert routes["/panel"].page
    assert routes["/panel"].accept is PAGE
    assert not routes["/webhooks/jira-issue_updated"].page


@pytest.mark.parametrize("path", ["/a/{issue.key}", "//a", "/a/../b", "/a b", "/installed"])
def test_a_path_that_no_request_could_have_is_refused(make, path):
    connect = make()
    with pytest.raises(ConfigurationError, match="route"):
        connect.context_route(path, methods=["POST"])(lambda request, context: None)


def test_a_route_is_declared_once(make):
    connect = make()
    connect.context_route("/a")(lambda request, context: None)
    connect.context_route("/a", methods=["POST"])(lambda request, context: None)
    with pytest.raises(ConfigurationError, match="twice"):
        connect.page("A", key="a")(lambda request, context: None)


def test_a_cacheable_module_is_not_declared_here(make):
    with pytest.raises(ConfigurationError, match="cacheable"):
        make().page("A", cacheable=True)


def test_a_module_key_is_one_that_hosts_take(make):
    with pytest.raises(ConfigurationError, match="module key"):
        make().page("A")(lambda request, context: None)  # "<lambda>" is no key


# ---- deciding -------------------------------------------------------------------------------


def test_a_store_without_installations_is_no_store(world):
    verified = Verified(
        kind="request",
        claims=jwt.decode(world.context_token()).unverified_claims,
        direction=Direction.MODULE,
        location=Location.HEADER,
        phase="open",
        digest="",
    )
    with pytest.raises(ConfigurationError):
        installation_of(verified)


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


def test_an_observer_is_told_of_each_token_without_the_token(world):
    world.install()
    token = world.lifecycle_token(now=world.now[0] - 100)
    world.event(token=token)
    world.event(token="rubbish")
    world.now[0] += 1
    world.call("POST", "/installed", world.lifecycle_token(), headers={}, body=b"{}")
    world.call("POST", f"/installed?jwt={world.lifecycle_token()}&a=1", body=b"{}")
    world.call("POST", "/installed")
    first, stale, rubbish, body, place, none = world.seen
    assert (first.verified, first.kind, first.location) == (True, "lifecycle", "header")
    assert first.claims["iss"] == "site-1"
    assert first.phase == "open"
    assert (stale.verified, stale.refusal) == (True, "install-stale")  # the token is good, too old
    assert (rubbish.refusal, rubbish.claims) == ("token-malformed", {})
    assert rubbish.hint
    assert (body.verified, body.refusal, body.kind) == (True, "body-malformed", "lifecycle")
    assert (place.refusal, place.path) == ("location-not-allowed", "/installed?a=1")
    assert (none.refusal, none.claims, none.phase) == ("token-missing", {}, None)
    assert {(seen.policy, seen.disclaimer) for seen in world.seen} == {("atlassian-2022", "")}
    for observation in world.seen:
        assert b"eyJ" not in msgspec.json.encode(observation)


def test_a_refused_token_is_shown_with_its_unproved_claims(world):
    world.install()
    world.event("enabled", world.request_token("POST", "/enabled", secret=Secret("x" * 32)))
    seen = world.seen[-1]
    assert (seen.verified, seen.refusal, seen.claims["sub"]) == (False, "signature-invalid", "ada")


def test_a_wrong_hash_is_explained_to_the_observer(world):
    world.install()
    world.event("enabled", world.request_token("POST", "/disabled"))
    seen = world.seen[-1]
    assert (seen.verified, seen.refusal) == (False, "qsh-mismatch")
    assert seen.explain["ours"] == "POST&/enabled&"
    assert {"theirs", "cause", "advice"} < set(seen.explain)


def test_what_a_token_claims_is_redacted(world):
    world.install()
    inner = str(world.context_token())
    path = "/panel"
    page = facts(token=world.request_token("GET", path, subject=inner), path=path)
    asyncio.run(world.connect.check(page, PAGE))
    assert world.seen[-1].claims["sub"] == "REDACTED"


def test_the_policy_in_force_stands_in_what_is_observed(world):
    world.install()
    page = facts(token=world.request_token("GET", "/panel"))
    asyncio.run(world.connect.check(page, PAGE, REHEARSAL))
    assert (world.seen[-1].policy, world.seen[-1].disclaimer) == ("rehearsal", REHEARSAL.disclaimer)


def test_a_token_that_nobody_looks_at_is_observed_where_it_stood(world):
    off = Schedule(off=datetime(2001, 1, 1, tzinfo=UTC))
    policy = ATLASSIAN_2022.with_schedule(Direction.MODULE, Location.QUERY, off)
    page = facts("jwt=" + world.request_token("GET", "/panel"))
    with pytest.raises(TokenInQuery):
        asyncio.run(world.connect.check(page, PAGE, policy))
    seen = world.seen[-1]
    assert (seen.location, seen.refusal, seen.claims) == ("query", "token-in-query", {})


def test_a_page_that_answers_with_its_shell_refuses_nothing(world):
    with pytest.raises(TokenMissing):
        asyncio.run(world.connect.check(facts(), PAGE, or_shell=True))
    assert world.seen == []
    with pytest.raises(TokenMissing):
        asyncio.run(world.connect.check(facts(), PAGE))
    assert world.seen[-1].refusal == "token-missing"


def test_a_body_that_an_adapter_could_not_read_is_observed(world):
    world.connect.body_refused("installed", facts(path="/installed"), BodyTooLarge())
    seen = world.seen[-1]
    assert (seen.refusal, seen.direction) == ("body-too-large", Direction.LIFECYCLE)


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

    connect = make(store=Store())
    with pytest.raises(Refusal):
        asyncio.run(connect.check(facts(token="rubbish"), PAGE, ATLASSIAN_2022))


def test_a_context_shows_nobodys_secret(world):
    world.install()
    verified = asyncio.run(
        world.connect.check(facts(token=world.request_token("GET", "/panel")), PAGE)
    )
    context = Context(world.connect, verified, installation_of(verified))
    assert repr(context) == "<context of ada on site-1>"
    assert context.account_id == "ada"
    asyncio.run(context.close())  # nothing was opened
    assert context.client is context.client
    asyncio.run(context.close())
    assert issubclass(ConfigurationError, HeadwayError)


def test_a_session_token_is_of_its_own_kind(world):
    world.install()
    page = facts(token=world.request_token("GET", "/panel"))
    verified = asyncio.run(world.connect.check(page, PAGE))
    token = Context(world.connect, verified, installation_of(verified)).session_token()
    assert jwt.decode(token).header.typ == "headway-session+jwt"
    called = asyncio.run(world.connect.check(facts(token=token), CALL))
    assert called.claims.sub == "ada"


def test_a_reload_needs_a_seal_and_is_observed(world):
    world.install()
    token = world.context_token()
    with pytest.raises(QshMissing):
        asyncio.run(world.connect.check_reload(facts(token=token)))
    assert (world.seen[-1].refusal, world.seen[-1].verified) == ("qsh-missing", True)
    mark = pages.seal(facts("a=1"), world.installation, "ada")
    reload = facts(f"a=1&headway-seal={mark}", token)
    assert asyncio.run(world.connect.check_reload(reload)).kind == "context"
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
