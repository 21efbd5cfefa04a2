from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import RequestFactory
from django.urls import reverse

from headway.app.django.connect import Connect, response_of
from headway.app.exchange import Answer
from headway.errors import StoreUnavailable


@pytest.fixture
def connect(make_world):
    return make_world(framework=Connect).connect


def view_of(connect):
    return connect.urls[0].callback


def test_a_view_that_is_reached_without_the_middleware_does_not_run(connect):
    connect.context_route("/api")(lambda request, context: "secret")
    with pytest.raises(ImproperlyConfigured, match="MIDDLEWARE"):
        view_of(connect)(RequestFactory().get("/api"))


def test_views_are_exempt_from_djangos_own_token(connect):
    connect.context_route("/api", methods=["POST"])(lambda request, context: None)
    assert view_of(connect).csrf_exempt


def test_urls_are_named_after_their_handlers(connect, make_world, serve):
    @connect.page("P", url="/page?a={b}")
    def my_page(request, context): ...

    world = type("World", (), {"connect": connect})()
    serve(world)
    assert reverse("headway-my_page") == "/page"
    assert [str(pattern.pattern) for pattern in connect.urls] == ["^page\\Z"]


@pytest.mark.parametrize("asgi", [False, True])
def test_a_path_may_have_a_waiting_and_a_plain_handler(make_world, serve, asgi):
    world = make_world(framework=Connect)

    @world.connect.context_route("/both")
    async def get(request, context):
        return {"waits": type(context).__name__}

    @world.connect.context_route("/both", methods=["POST"])
    def post(request, context):
        return {"waits": type(context).__name__}

    serve(world, asgi=asgi)
    world.install()
    token = world.context_token()
    assert world.call("GET", "/both", token).text == '{"waits":"Context"}'
    assert world.call("HEAD", "/both", token).status == 200
    assert world.call("POST", "/both", token).text == '{"waits":"SyncContext"}'


def test_an_answer_is_a_response():
    response = response_of(Answer(418, (("X-A", "1"),), b"tea"))
    assert (response.status_code, response["X-A"], response.content) == (418, "1", b"tea")
    assert response_of(response) is response


def test_an_outage_that_a_view_runs_into_is_a_503(make_world, serve):
    world = make_world(framework=Connect)

    @world.connect.context_route("/plain")
    def plain(request, context):
        raise StoreUnavailable

    @world.connect.context_route("/waits")
    async def waits(request, context):
        raise StoreUnavailable

    serve(world, asgi=True)
    world.install()
    for path in ("/plain", "/waits"):
        answer = world.call("GET", path, world.context_token())
        assert (answer.status, answer.id) == (503, "store-unavailable")
