from __future__ import annotations

import json

import pytest

from headway import jwt
from headway.app import acpt
from headway.app.asgi import Connect
from headway.app.routes import CALL, PAGE
from headway.model import RequestFacts


@pytest.fixture
def make(make_world):
    def make(**settings):
        world = make_world(framework=Connect, **settings)

        @world.connect.page("P", key="p")
        async def page(request, context):
            return "<p>"

        @world.connect.context_route("/api")
        def api(request, context):
            return {"user": context.account_id, "saw": f"{request.query} {request.headers}"}

        @world.connect.context_route("/image", query=True)
        def image(request, context):
            return {"user": context.account_id, "saw": f"{request.query} {request.headers}"}

        world.app = world.connect.asgi()
        world.install()
        return world

    return make


def token_of(world):
    answer = world.call("GET", f"/p?jwt={world.request_token('GET', '/p')}")
    return answer.header("x-acpt")


def test_a_page_of_the_other_framework_goes_on_working(make):
    world = make(acpt=True)
    token = token_of(world)
    assert jwt.decode(token).header.typ == "headway-session+jwt"
    answer = world.call("GET", "/api?a=1", headers={"x-acpt": token})
    told = json.loads(answer.body)
    assert (answer.status, told["user"]) == (200, "ada")
    assert "eyJ" not in told["saw"]
    assert answer.header("x-acpt").startswith("eyJ"), "each answer renews it"
    answer = world.call("GET", f"/image?a=1&acpt={token}")
    assert answer.status == 200
    assert json.loads(answer.body)["saw"].startswith("[('a', '1')]")


def test_an_address_is_no_place_for_it_where_the_route_does_not_say_so(make):
    world = make(acpt=True)
    assert world.call("GET", f"/api?acpt={token_of(world)}").id == "location-not-allowed"


def test_two_tokens_are_as_wrong_as_ever(make):
    world = make(acpt=True)
    token = token_of(world)
    answer = world.call("GET", "/api", world.context_token(), headers={"x-acpt": token})
    assert answer.id == "authorization-repeated"
    answer = world.call("GET", f"/image?acpt={token}&jwt={token}")
    assert answer.id == "token-repeated"


def test_a_page_takes_none(make):
    world = make(acpt=True)
    assert world.call("GET", "/p", headers={"x-acpt": token_of(world)}).id == "token-missing"


def test_without_the_setting_neither_is_looked_at(make):
    world = make()
    assert token_of(world) is None
    token = token_of(make(acpt=True))
    assert world.call("GET", "/api", headers={"x-acpt": token}).id == "token-missing"
    assert world.call("GET", f"/image?acpt={token}").id == "token-missing"
    answer = world.call("GET", "/api", world.context_token())
    assert answer.header("x-acpt") is None


def test_only_what_is_there_is_moved():
    bare = RequestFacts(method="GET", raw_path="/a", raw_query="acpted=1&b")
    assert acpt.moved(bare, CALL, lambda name: "").raw_query == "acpted=1&b"
    encoded = RequestFacts(method="GET", raw_path="/a", raw_query="%61cpt=eyJ&acpt")
    assert acpt.moved(encoded, CALL, lambda name: "").raw_query == "%61cpt=eyJ&jwt"
    old = RequestFacts(method="GET", raw_path="/a", raw_query="acpt=eyJ")
    assert acpt.moved(old, PAGE, lambda name: "eyJ") is old
    assert acpt.moved(old, None, lambda name: "eyJ") is old
