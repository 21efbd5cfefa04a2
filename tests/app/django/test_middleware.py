from __future__ import annotations

import json

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpResponse, StreamingHttpResponse
from django.test.utils import override_settings
from django.urls import path

from app.calling import call_wsgi
from app.conformance import OWN_POLICY, PIECES, Conformance, Harness, Seen, about, title
from headway.app import starlette
from headway.app.django import Connect
from headway.app.django.middleware import ConnectMiddleware, configured

HEADERS = {
    "Content-Security-Policy": OWN_POLICY,
    "X-Frame-Options": "DENY",
    "Cache-Control": "public",
}


def pairs(values):
    return [(name, value) for name in values for value in values.getlist(name)]


class DjangoHarness(Harness):
    connect = Connect
    asgi = False
    serve = None

    def saw(self, request, context):
        body = request.body if request.method == "POST" else b""
        scope = getattr(request, "scope", "")
        self.seen.append(
            Seen(
                context=context,
                query=pairs(request.GET),
                form=pairs(request.POST),
                headers=dict(request.headers),
                whole=f"{request.META} {scope} {request.get_full_path()} {body!r}",
            )
        )
        return pairs(request.GET)

    def start(self):
        type(self).serve(self.world, asgi=self.asgi)


class WsgiHarness(DjangoHarness):
    def declare(self):
        connect = self.world.connect

        @connect.panel("A panel", location="right", url="/panel?issue={issue.key}")
        def panel(request, context):
            return title(self.saw(request, context))

        @connect.module("dialogs", "D", key="dialog", form=True)
        def dialog(request, context):
            return title(self.saw(request, context))

        @connect.page("Streams", key="stream")
        def stream(request, context):
            return StreamingHttpResponse((piece for piece in PIECES), content_type="text/html")

        @connect.page("Own policy", key="own-policy")
        def own_policy(request, context):
            response = HttpResponse("<p>", headers=HEADERS)
            response.set_cookie("theme", "dark")
            return response

        @connect.context_route("/api", methods=["GET", "POST"])
        def api(request, context):
            self.saw(request, context)
            return about(context)

        @connect.context_route("/image", query=True)
        async def image(request, context):
            self.saw(request, context)
            return about(context)

        @connect.ticket_route("/file")
        async def file(request, context):
            self.saw(request, context)
            return about(context)

        @connect.context_route("/links")
        def links(request, context):
            return {"link": context.token_url("/file", id=5)}

        @connect.tenant_route("/any")
        def any_kind(request, context):
            return about(context)

        @connect.webhook("jira:issue_updated")
        async def updated(event, context):
            self.told(event, context)

        @connect.page("Fails", key="fails")
        def fails(request, context):
            raise RuntimeError("the password is hunter2")

        @connect.context_route("/fails-call")
        def fails_call(request, context):
            raise RuntimeError("the password is hunter2")

        @connect.remote_route("/condition")
        def condition(request, context):
            return {"shouldDisplay": True}


class AsgiHarness(DjangoHarness):
    asgi = True

    def declare(self):  # noqa: C901 - a handler for each route
        connect = self.world.connect

        @connect.panel("A panel", location="right", url="/panel?issue={issue.key}")
        async def panel(request, context):
            return title(self.saw(request, context))

        @connect.module("dialogs", "D", key="dialog", form=True)
        async def dialog(request, context):
            return title(self.saw(request, context))

        @connect.page("Streams", key="stream")
        async def stream(request, context):
            async def pieces():
                for piece in PIECES:
                    yield piece

            return StreamingHttpResponse(pieces(), content_type="text/html")

        @connect.page("Own policy", key="own-policy")
        def own_policy(request, context):
            response = HttpResponse("<p>", headers=HEADERS)
            response.set_cookie("theme", "dark")
            return response

        @connect.context_route("/api")
        async def api(request, context):
            self.saw(request, context)
            return about(context)

        @connect.context_route("/api", methods=["POST"])
        def post(request, context):
            self.saw(request, context)
            return about(context)

        @connect.context_route("/image", query=True)
        async def image(request, context):
            self.saw(request, context)
            return about(context)

        @connect.ticket_route("/file")
        async def file(request, context):
            self.saw(request, context)
            return about(context)

        @connect.context_route("/links")
        def links(request, context):
            return {"link": context.token_url("/file", id=5)}

        @connect.tenant_route("/any")
        async def any_kind(request, context):
            return about(context)

        @connect.webhook("jira:issue_updated")
        async def updated(event, context):
            self.told(event, context)

        @connect.page("Fails", key="fails")
        async def fails(request, context):
            raise RuntimeError("the password is hunter2")

        @connect.context_route("/fails-call")
        async def fails_call(request, context):
            raise RuntimeError("the password is hunter2")

        @connect.remote_route("/condition")
        async def condition(request, context):
            return {"shouldDisplay": True}


class OnDjango(Conformance):
    @pytest.fixture(autouse=True)
    def _served(self, serve):
        self.framework.serve = staticmethod(serve)


class TestWsgi(OnDjango):
    framework = WsgiHarness


class TestAsgi(OnDjango):
    framework = AsgiHarness


# ---- Django's own ---------------------------------------------------------------------------


@pytest.fixture
def world(make_world):
    world = make_world(framework=Connect)

    @world.connect.context_route("/api", methods=["GET", "POST"])
    def api(request, context):
        return {"method": request.method}

    return world


@pytest.mark.parametrize("asgi", [False, True])
def test_no_other_middleware_sees_the_token(world, serve, asgi):
    seen = []

    def watching(get_response):
        def watch(request):
            seen.append(f"{request.META} {request.get_full_path()} {dict(request.headers)}")
            return get_response(request)

        return watch

    world.connect.page("P", key="p")(lambda request, context: "x")
    from app.django_watching import WATCHERS

    WATCHERS[:] = [watching]
    middleware = ["headway.app.django.middleware.ConnectMiddleware", "app.django_watching.Watching"]
    serve(world, asgi=asgi, middleware=middleware)
    world.install()
    assert world.call("GET", f"/p?jwt={world.request_token('GET', '/p')}").status == 200
    world.call("GET", "/api", world.context_token())
    assert len(seen) == 2
    assert "eyJ" not in "".join(seen)


def test_a_post_needs_no_csrf_token_where_a_jwt_proves_and_one_everywhere_else(world, serve):
    def own(request):
        return HttpResponse("own")

    serve(world, path("own", own))
    world.install()
    answer = world.call("POST", "/api", world.context_token(), body=b"{}")
    assert json.loads(answer.body) == {"method": "POST"}
    assert world.call("POST", "/own", body=b"x=1").status == 403
    assert world.call("GET", "/own").text == "own"


def test_only_pages_may_be_framed(world, serve):
    def own(request):
        return HttpResponse("own")

    serve(world, path("own", own))
    assert world.call("GET", "/own").header("x-frame-options") == "DENY"


@pytest.mark.parametrize("asgi", [False, True])
def test_a_server_without_a_raw_target_answers_nothing(world, serve, asgi, caplog):
    serve(world, asgi=asgi)

    async def no_raw_path(scope, receive, send):
        scope["raw_path"] = None
        await django_app(scope, receive, send)

    if asgi:
        django_app, world.app = world.app, no_raw_path
        answer = world.call("GET", "/api", world.context_token())
    else:
        answer = call_wsgi(world.app, "GET", "/atlassian-connect.json", raw=None)
    assert (answer.status, b"no raw request target" in answer.body) == (500, True)
    assert "can not be hashed" in caplog.text


def test_the_setting_names_the_app(world):
    import app.django_watching as module

    module.connect = world.connect
    with override_settings(HEADWAY_CONNECT="app.django_watching.connect"):
        assert configured() is world.connect
    for wrong in (None, 7, starlette.Connect):
        with override_settings(HEADWAY_CONNECT=wrong), pytest.raises(ImproperlyConfigured):
            configured()


def test_the_middleware_says_what_it_is(world):
    with override_settings(HEADWAY_CONNECT=world.connect):
        middleware = ConnectMiddleware(lambda request: "next")
    assert (middleware.sync_capable, middleware.async_capable) == (True, True)


def test_routes_of_modules_that_only_the_urls_import_are_known(make_world, serve):
    world = make_world(framework=Connect)
    with override_settings(HEADWAY_CONNECT=world.connect):
        serve(world)  # the handler is made, and with it the middleware
        world.connect.context_route("/late")(lambda request, context: "x")
        assert "/late" in ConnectMiddleware(lambda request: None)._paths
