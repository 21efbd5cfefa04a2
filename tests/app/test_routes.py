from __future__ import annotations

import json
from functools import partial

import pytest

from app.invoking import APP_ID
from headway.app.connect import Connect
from headway.app.forge import INVOCATION, SpeaksFor
from headway.app.routes import CALL, PAGE, REMOTE, TENANT, WEBHOOK, Serves, Ticketed, handlers_first
from headway.descriptor.typed import (
    Icon,
    JiraIssueGlance,
    JiraWorkflowPostFunction,
    Label,
    Page,
    PanelTarget,
    Webhook,
    WebPanel,
    WebSection,
)
from headway.errors import ConfigurationError
from headway.model import Direction, Kind, Location
from headway.policy import NEVER

DEVELOPMENT = {"development": True, "base_url": "http://127.0.0.1:3000"}


def settings(**changes):
    return {
        "key": "my-app",
        "name": "My app",
        "base_url": "https://app.example",
        "store": ":memory:",
        **changes,
    }


class Own:
    """A store of the app's own."""

    def get(self, app_key, client_key): ...

    def find(self, need): ...

    def first(self, once): ...

    def change(self, *args): ...

    install = uninstall = enable = by_installation_id = change

    def put(self, key, value, until): ...

    def take(self, key): ...


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


def test_modules_and_routes_are_declared_together(make):
    connect = make()

    @connect.panel("A panel", location="right", url="/panel?issue={issue.key}")
    def my_panel(request, context): ...

    @connect.page("A page")
    def my_page(request, context): ...

    @connect.module("adminPages", "Admin", key="admin", url="/admin")
    def other(request, context): ...

    @connect.webhook("jira:issue_updated", excludeBody=True)
    def updated(event, context): ...

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
        "webhooks": [
            {
                "event": "jira:issue_updated",
                "url": "/webhooks/jira-issue_updated",
                "excludeBody": True,
            }
        ],
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


def declared(connect):
    return {route.path: route for route in connect.own_routes()}


def test_each_verb_fixes_what_its_route_accepts(make):
    connect = make()

    def handler(request, context): ...

    connect.module("dialogs", "D", key="d", form=True)(handler)
    connect.context_route("/call", methods=["POST"])(handler)
    connect.context_route("/image", query=True)(handler)
    connect.tenant_route("/any")(handler)
    connect.tenant_route("/any-query", query=True)(handler)
    connect.webhook("jira:issue_updated", url="/hook?issue={issue.key}")(handler)
    connect.remote_route("/condition")(handler)
    connect.remote_module("staticContentMacros", "M", key="macro", query=True)(handler)
    routes = declared(connect)
    assert {path: route.accept for path, route in routes.items()} == {
        "/d": PAGE,
        "/call": CALL,
        "/image": CALL,
        "/any": TENANT,
        "/any-query": TENANT,
        "/hook": WEBHOOK,
        "/condition": REMOTE,
        "/macro": REMOTE,
    }
    assert (routes["/d"].methods, routes["/d"].form) == (("GET", "POST"), True)
    assert routes["/any"].bare_kinds == {Kind.REQUEST}
    assert Kind.CONTEXT in routes["/any-query"].bare_kinds
    assert connect.descriptor().to_json()["modules"]["staticContentMacros"][0]["url"] == "/macro"


@pytest.mark.parametrize(
    ("path", "direction", "location", "open_"),
    [
        ("/d", Direction.MODULE, Location.FORM, True),
        ("/page", Direction.MODULE, Location.FORM, False),
        ("/page", Direction.MODULE, Location.QUERY, True),
        ("/call", Direction.BROWSER_TO_APP, Location.QUERY, False),
        ("/call", Direction.BROWSER_TO_APP, Location.FORM, False),
        ("/image", Direction.BROWSER_TO_APP, Location.QUERY, True),
        ("/hook", Direction.EVENT, Location.QUERY, False),
        ("/condition", Direction.REMOTE, Location.QUERY, False),
        ("/macro", Direction.REMOTE, Location.QUERY, True),
    ],
)
def test_a_location_is_open_only_where_a_route_says_so(make, path, direction, location, open_):
    connect = make()

    def handler(request, context): ...

    connect.module("dialogs", "D", key="d", form=True)(handler)
    connect.page("P", url="/page")(handler)
    connect.context_route("/call")(handler)
    connect.context_route("/image", query=True)(handler)
    connect.webhook("jira:issue_updated", url="/hook")(handler)
    connect.remote_route("/condition")(handler)
    connect.remote_module("staticContentMacros", "M", key="macro", query=True)(handler)
    row = declared(connect)[path].policy.row(direction, location)
    assert (row.schedule is not None) is open_


def test_a_ticket_route_is_a_get_that_also_takes_the_header(make):
    connect = make(**DEVELOPMENT)
    connect.ticket_route("/file", seconds=60, uses=3)(lambda *_: None)
    route = declared(connect)["/file"]
    assert (route.methods, route.accept, route.ticket) == (("GET",), CALL, Ticketed(60, 3))
    assert route.policy.row(Direction.BROWSER_TO_APP, Location.QUERY).schedule is None


@pytest.mark.parametrize(
    "bounds", [{"seconds": 0}, {"seconds": 901}, {"uses": 0}, {"uses": 65}], ids=str
)
def test_a_link_works_for_a_bounded_time_and_number_of_requests(make, bounds):
    with pytest.raises(ConfigurationError, match="ticket_route: "):
        make(**DEVELOPMENT).ticket_route("/file", **bounds)


@pytest.mark.parametrize(
    ("changes", "processes", "why"),
    [
        ({"development": False}, "", "one process alone"),
        (DEVELOPMENT, "2", "one process alone"),
        ({**DEVELOPMENT, "store": Own()}, "", "give once="),
    ],
    ids=["production", "processes", "own store"],
)
def test_start_up_refuses_tickets_without_a_store_that_all_processes_share(
    make, monkeypatch, changes, processes, why
):
    """T12: a memory is known to one process alone."""
    if processes:
        monkeypatch.setenv("WEB_CONCURRENCY", processes)
    with pytest.raises(ConfigurationError, match=why):
        make(**changes).ticket_route("/file")


def test_a_file_and_a_shared_memory_are_stores_for_tickets(make, tmp_path, monkeypatch):
    monkeypatch.setenv("WEB_CONCURRENCY", "4")
    make(**DEVELOPMENT, store=tmp_path / "app.db").ticket_route("/file")
    make(store=Own(), once=Own()).ticket_route("/file")
    make(once=Own()).ticket_route("/file")


def test_an_event_route_is_no_module_of_the_descriptor(make):
    connect = make()
    connect.event_route("/events", "jira:issue_created", "comment_created")(lambda *_: None)
    route = declared(connect)["/events"]
    assert (route.serves, route.methods, route.accept) == (Serves.WEBHOOK, ("POST",), WEBHOOK)
    assert (
        "modules" not in connect.descriptor().to_json()
        or not (connect.descriptor().to_json()["modules"])
    )


def handler(request, context): ...


WRONG = {
    "no path": (lambda app: app.context_route(None), "context_route: path: is a path"),
    "the verb without brackets": (lambda app: app.tenant_route(handler), "function was given"),
    "a path without a slash": (lambda app: app.remote_route("api"), "begins with /"),
    "an empty path": (lambda app: app.event_route("", "comment_created"), "begins with /"),
    "bytes as a path": (lambda app: app.forge_route(b"/x"), "forge_route: path: .*bytes was"),
    "a ticket's path": (lambda app: app.ticket_route(3), "ticket_route: path"),
    "a ticket's time": (lambda app: app.ticket_route("/x", seconds="30"), "seconds: is a number"),
    "one method as a text": (lambda app: app.context_route("/x", methods="POST"), "str was given"),
    "a method in lower case": (lambda app: app.tenant_route("/x", methods=["get"]), "upper case"),
    "no method": (lambda app: app.remote_route("/x", methods=()), "methods: is a list"),
    "no methods": (lambda app: app.forge_route("/x", methods=None), "methods: .*None was given"),
    "a list of no texts": (lambda app: app.context_route("/x", methods=[3]), "list of int was"),
    "no name of a page": (lambda app: app.page(handler), "module: name: is text"),
    "a page's address": (lambda app: app.page("P", url=3), "module: url"),
    "a page's key": (lambda app: app.page("P", key=3)(handler), "module: key"),
    "a built page's address": (
        lambda app: app.module(WebPanel(name="P", location="x.y", url=3))(handler),
        "module: url: is",
    ),
    "no type of modules": (lambda app: app.module(None, "P"), "module: module: is the name"),
    "a module of no text": (lambda app: app.page("P", x=object())(handler), "is no JSON"),
    "a page's handler": (lambda app: app.page("P")(None), "handler: is a function"),
    "a handler without a name": (lambda app: app.page("P")(partial(handler)), "module key"),
    "a route's handler": (lambda app: app.context_route("/x")("handler"), "handler: .*str was"),
    "a remote module": (lambda app: app.remote_module(3), "remote_module: module"),
    "no module": (lambda app: app.declare("x"), "declare: modules"),
    "no event": (lambda app: app.webhook(None), "webhook: event"),
    "a webhook's address": (lambda app: app.webhook("comment_created", url=3), "webhook: url"),
    "an event that is none": (lambda app: app.event_route("/x", 3), "events: is names of events"),
    "a hook": (lambda app: app.on_installed(None), "on_installed: handler"),
    "another hook": (lambda app: app.on_uninstalled(None), "on_uninstalled: handler"),
}


@pytest.mark.parametrize(("declare", "why"), WRONG.values(), ids=WRONG)
def test_what_a_verb_can_not_take_is_said_where_it_is_declared(make, declare, why):
    with pytest.raises(ConfigurationError, match=why):
        declare(make(**DEVELOPMENT, forge=APP_ID))


@pytest.mark.parametrize("events", [(), ("No event",)], ids=["none", "wrong"])
def test_an_event_route_names_events(make, events):
    with pytest.raises(ConfigurationError):
        make().event_route("/events", *events)(lambda *_: None)


def test_all_routes_begin_with_what_headway_answers_itself(make):
    served = [(route.path, route.methods, route.serves) for route in make().all_routes()]
    assert served[0] == ("/atlassian-connect.json", ("GET",), Serves.DESCRIPTOR)
    assert {path for path, methods, serves in served[1:] if serves is Serves.LIFECYCLE} == {
        "/installed",
        "/enabled",
        "/disabled",
        "/uninstalled",
    }


def test_the_descriptors_own_path_is_taken(make):
    with pytest.raises(ConfigurationError, match="twice"):
        make().context_route("/atlassian-connect.json")(lambda request, context: None)


# ---- typed modules, and those of a file -----------------------------------------------------


def modules_of(connect):
    return connect.descriptor().to_json()["modules"]


def test_typed_modules_and_their_routes(make):
    connect = make()
    target = PanelTarget("/glance?issue={issue.key}")
    glance = JiraIssueGlance(
        name="Risk", icon=Icon("/icon.svg"), content=Label("Low"), target=target
    )

    @connect.module(WebPanel(key="panel", name="P", url="/p?i={issue.key}", location="right"))
    def anything(request, context): ...

    @connect.module(glance)
    def my_glance(request, context): ...

    @connect.remote_module(
        JiraWorkflowPostFunction(key="f", name="F", triggered=Page("/triggered")), methods=["POST"]
    )
    def triggered(request, context): ...

    @connect.webhook(Webhook(event="jira:issue_created", url="/created", filter="project = A"))
    def created(request, context): ...

    connect.declare(WebSection(key="s", name="S", location="top"))
    routes = declared(connect)
    assert {path: (route.accept, route.page) for path, route in routes.items()} == {
        "/p": (PAGE, True),
        "/glance": (PAGE, True),
        "/triggered": (REMOTE, False),
        "/created": (WEBHOOK, False),
    }
    assert routes["/triggered"].methods == ("POST",)
    told = modules_of(connect)
    assert told["webPanels"][0]["url"] == "/p?i={issue.key}"
    assert told["jiraIssueGlances"] == [
        {
            "key": "my-glance",
            "name": {"value": "Risk"},
            "icon": {"url": "/icon.svg"},
            "content": {"label": {"value": "Low"}, "type": "label"},
            "target": {"url": "/glance?issue={issue.key}", "type": "web_panel"},
        }
    ]
    assert told["jiraWorkflowPostFunctions"][0]["triggered"] == {"url": "/triggered"}
    assert told["webhooks"] == [
        {"event": "jira:issue_created", "url": "/created", "filter": "project = A"}
    ]
    assert told["webSections"][0]["location"] == "top"


def test_a_module_that_a_site_would_refuse_is_refused_where_it_is_declared(make):
    connect = make()

    def handler(request, context): ...

    connect.page("A", key="a")(handler)
    for wrong, problem in (
        (lambda: connect.module("webPanels", "P", key="p")(handler), "`location`"),
        (lambda: connect.page("B", key="b", url="//evil.example")(handler), "route"),
        (lambda: connect.page("B", key="a", url="/b")(handler), "occurs twice: a"),
        (lambda: connect.page("B", key="b", conditions=[{}])(handler), r"generalPages\[1\]"),
        (lambda: connect.declare(WebSection(key="a", name="S", location="l")), "occurs twice"),
        (lambda: connect.module(WebSection(key="s", name="S", location="l")), "have no page"),
        (lambda: connect.module("staticContentMacros", "M"), "remote_module"),
    ):
        with pytest.raises(ConfigurationError, match=problem):
            wrong()
    assert list(modules_of(connect)) == ["generalPages"]
    assert list(declared(connect)) == ["/a"]


FILE = {
    "key": "filed",
    "name": "Filed",
    "lifecycle": {"installed": "/hooks/installed"},
    "scopes": ["READ"],
    "modules": {
        "webPanels": [
            {"key": "p", "name": {"value": "P"}, "url": "/panel?i={issue.key}", "location": "l"}
        ],
        "webhooks": [{"event": "jira:issue_updated", "url": "/hook?issue={issue.key}"}],
    },
}


def test_modules_of_a_file_are_served_where_the_file_says(make, tmp_path):
    path = tmp_path / "atlassian-connect.json"
    path.write_text(json.dumps(FILE))
    connect = make(descriptor=path, key="", name="")

    @connect.serves("p")
    def panel(request, context): ...

    @connect.webhook("jira:issue_updated")
    def updated(request, context): ...

    @connect.page("Another")
    def another(request, context): ...

    assert connect.key == "filed"
    assert {path: route.accept for path, route in declared(connect).items()} == {
        "/panel": PAGE,
        "/hook": WEBHOOK,
        "/another": PAGE,
    }
    told = modules_of(connect)
    assert {kind: told[kind] for kind in FILE["modules"]} == FILE["modules"]
    assert told["generalPages"][0]["key"] == "another"
    paths = {route.path for route in connect.all_routes() if route.serves is Serves.LIFECYCLE}
    assert paths == {"/hooks/installed", "/enabled", "/disabled", "/uninstalled"}
    with pytest.raises(ConfigurationError, match="no address for module 'q'"):
        connect.serves("q")
    with pytest.raises(ConfigurationError, match="declared twice"):
        connect.serves("p")(panel)
    with pytest.raises(ConfigurationError, match="declared twice"):
        connect.context_route("/hooks/installed", methods=["POST"])(panel)


def test_a_forge_route_is_for_invocations_of_this_app_alone(make):
    connect = make(**DEVELOPMENT, forge=APP_ID)
    connect.forge_route("/invoked")(lambda request, context: None)
    connect.forge_route("/once", once=True, connected=False)(lambda request, context: None)
    first, second = connect.own_routes()
    assert first.methods == ("POST",)
    assert first.accept is INVOCATION
    assert first.accept.kinds == {Kind.INVOCATION}
    assert first.policy.scheme == "Bearer"
    for place in (Location.QUERY, Location.FORM):
        assert first.policy.row(Direction.REMOTE, place).schedule is NEVER
    assert first.expected.audience == (APP_ID,)
    assert first.installed == SpeaksFor(connected=True, once=False)
    assert second.installed == SpeaksFor(connected=False, once=True)


def test_a_forge_route_needs_forge_and_once_is_for_writes(make):
    with pytest.raises(ConfigurationError, match="forge="):
        make().forge_route("/invoked")
    for methods in (["GET"], ["POST", "HEAD"]):
        with pytest.raises(ConfigurationError, match="once is for writes"):
            make(forge=APP_ID).forge_route("/invoked", methods=methods, once=True)
    with pytest.raises(ConfigurationError, match="give once="):
        make(forge=APP_ID, store=make().store).forge_route("/invoked", once=True)
    with pytest.raises(ConfigurationError, match="known to one process alone"):
        make(forge=APP_ID).forge_route("/invoked", once=True)


def test_each_module_of_a_file_is_served_as_its_type_is(make, tmp_path):
    told = {
        **FILE,
        "modules": {
            "staticContentMacros": [{"key": "m", "name": {"value": "M"}, "url": "/macro"}],
            "jiraWorkflowPostFunctions": [
                {"key": "f", "name": {"value": "F"}, "triggered": {"url": "/triggered"}}
            ],
            "generalPages": [
                {"key": "c", "name": {"value": "C"}, "url": "/c", "cacheable": True},
                {"key": "d", "name": {"value": "D"}, "url": "/d"},
            ],
            "webSections": [{"key": "s", "name": {"value": "S"}, "location": "l"}],
            "webhooks": [
                {"event": "jira:issue_updated", "url": "/a", "filter": "project = A"},
                {"event": "jira:issue_updated", "url": "/b", "filter": "project = B"},
            ],
        },
    }
    path = tmp_path / "atlassian-connect.json"
    path.write_text(json.dumps(told))
    connect = make(descriptor=path, key="", name="")

    def handler(request, context): ...

    connect.serves("m", query=True)(handler)
    connect.serves("f")(handler)
    connect.serves("d", form=True)(handler)
    for _ in range(3):  # the third is one that the file has not
        connect.webhook("jira:issue_updated")(handler)
    routes = declared(connect)
    assert {path: (route.accept, route.methods) for path, route in routes.items()} == {
        "/macro": (REMOTE, ("GET",)),
        "/triggered": (REMOTE, ("POST",)),
        "/d": (PAGE, ("GET", "POST")),
        "/a": (WEBHOOK, ("POST",)),
        "/b": (WEBHOOK, ("POST",)),
        "/webhooks/jira-issue_updated": (WEBHOOK, ("POST",)),
    }
    assert len(modules_of(connect)["webhooks"]) == 3
    for key, problem in (("c", "cacheable"), ("s", "no address")):
        with pytest.raises(ConfigurationError, match=problem):
            connect.serves(key)


def test_what_users_wait_for_is_looked_at_first(make):
    connect = make()
    connect.context_route("/api")(lambda request, context: None)
    ordered = handlers_first(connect.all_routes())
    assert [route.path for route in ordered][:2] == ["/api", "/atlassian-connect.json"]
    assert len(ordered) == len(connect.all_routes())
