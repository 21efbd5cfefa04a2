"""Links to an app's own routes: a ticket, or where a route says so a session token."""

from __future__ import annotations

import asyncio
import pickle
import threading

import pytest

from headway import jwt
from headway.app.context import Context, installation_of
from headway.app.links import takes_session
from headway.app.routes import CALL, Route, Serves
from headway.errors import ConfigurationError, PathEscape
from headway.model import RequestFacts


@pytest.fixture
def context(world):
    """The context of a call with a context token, on an app with a route of each kind."""
    connect = world.connect
    connect.ticket_route("/file", seconds=60, uses=2)(lambda request, context: b"")
    connect.context_route("/chart", query=True)(lambda request, context: b"")
    connect.context_route("/call")(lambda request, context: b"")
    connect.context_route("/save", methods=["POST"], query=True)(lambda request, context: b"")
    connect.tenant_route("/any")(lambda request, context: b"")
    connect.tenant_route("/any-query", query=True)(lambda request, context: b"")
    connect.panel("A panel", location="right", url="/panel", key="p")(lambda request, context: "")
    connect.event_route("/events", "page_created")(lambda event, context: None)
    world.install()
    authorization = (f"JWT {world.context_token()}",)
    facts = RequestFacts(method="GET", raw_path="/call", authorization=authorization)
    verified = asyncio.run(connect.check(facts, CALL))
    return Context(connect, verified, installation_of(verified))


def test_a_link_to_a_ticket_route_carries_account_and_module(world, context):
    link = context.token_url("/file", id=5, name="a b&c", tag=["x", "y"])
    path, _, query = link.partition("?")
    assert (path, query.partition("&headway-ticket=")[0]) == (
        "/file",
        "id=5&name=a+b%26c&tag=x&tag=y",
    )
    facts = RequestFacts(method="GET", raw_path=path, raw_query=query)
    ticket = world.connect.tickets.take(facts, 2)
    assert (ticket.client_key, ticket.account_id) == ("site-1", "ada")
    assert ticket.context == {"jira": {"issue": {"key": "DEMO-1"}}}
    assert ticket.expires == world.now[0] + 60


def test_on_an_event_loop_the_store_is_asked_in_a_thread(world, context, monkeypatch):
    asked = []
    put = world.connect.once.put

    def kept(*arguments):
        asked.append(threading.current_thread() is threading.main_thread())
        put(*arguments)

    monkeypatch.setattr(world.connect.once, "put", kept)
    link = asyncio.run(context.atoken_url("/file", id=5))
    assert link.startswith("/file?id=5&headway-ticket=")
    assert asked == [False, False]  # twice, because the route allows two uses


def test_a_link_lies_under_the_path_of_the_base_url(make_world):
    world = make_world(base_url="http://127.0.0.1:3000/base")
    world.connect.ticket_route("/file")(lambda request, context: b"")
    world.install()
    authorization = (f"JWT {world.context_token()}",)
    facts = RequestFacts(method="GET", raw_path="/base/x", authorization=authorization)
    verified = asyncio.run(world.connect.check(facts, CALL))
    link = Context(world.connect, verified, installation_of(verified)).token_url("/file")
    assert link.startswith("/base/file?headway-ticket=")


@pytest.mark.parametrize("path", ["/chart", "/any-query"])
def test_a_link_where_the_route_allows_a_query_carries_a_session_token(context, path):
    link = context.token_url(path, issue="A-1")
    begin, _, token = link.partition("jwt=")
    assert begin == f"{path}?issue=A-1&"
    assert jwt.decode(token).unverified_claims.sub == "ada"
    assert context.token_url(path).startswith(f"{path}?jwt=")


@pytest.mark.parametrize(
    "path", ["/call", "/save", "/any", "/panel", "/events", "/nowhere", "/installed"]
)
def test_other_routes_take_no_links(context, path):
    with pytest.raises(ConfigurationError, match=f"token_url: {path}"):
        context.token_url(path)


@pytest.mark.parametrize("name", ["jwt", "headway-ticket"])
def test_what_proves_who_asks_is_not_set_by_hand(context, name):
    with pytest.raises(ValueError, match="by hand"):
        context.token_url("/file", **{name: "x"})


def test_a_link_shows_nothing_and_is_not_pickled(context):
    link = context.token_url("/file")
    assert link not in repr([link])
    with pytest.raises(TypeError):
        pickle.dumps(link)


def test_a_link_has_one_reading(context):
    with pytest.raises(PathEscape):
        context._connect.tickets.link("/a%zz", client_key="site-1", account_id=None)


def test_a_route_of_headway_itself_takes_no_session():
    assert not takes_session(Route(path="/", methods=("GET",), serves=Serves.DESCRIPTOR))
