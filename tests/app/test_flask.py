from __future__ import annotations

import flask
import pytest

from app.calling import call_wsgi
from app.conformance import COOKIE, OWN_POLICY, PIECES, Conformance, Harness, Seen, about, title
from headway.app.flask import Connect
from headway.errors import ConfigurationError


class FlaskHarness(Harness):
    connect = Connect

    def saw(self, context):
        request = flask.request
        body = request.get_data()
        assert flask.g.connect is context
        self.seen.append(
            Seen(
                context=context,
                query=list(request.args.items(multi=True)),
                form=list(request.form.items(multi=True)),
                headers=dict(request.headers),
                whole=f"{request.environ} {request.url} {request.full_path} {body!r}",
            )
        )
        return list(request.args.items(multi=True))

    def declare(self):
        connect = self.world.connect

        @connect.panel("A panel", location="right", url="/panel?issue={issue.key}")
        def panel(context):
            return title(self.saw(context))

        @connect.module("dialogs", "D", key="dialog", form=True)
        async def dialog(context):
            return title(self.saw(context))

        @connect.page("Streams", key="stream")
        def stream(context):
            return flask.Response((piece for piece in PIECES), mimetype="text/html")

        @connect.page("Own policy", key="own-policy")
        def own_policy(context):
            headers = {"Content-Security-Policy": OWN_POLICY, "X-Frame-Options": "DENY", **COOKIE}
            return "<p>", {**headers, "Cache-Control": "public"}

        @connect.context_route("/api", methods=["GET", "POST"])
        def api(context):
            self.saw(context)
            return about(context)

        @connect.context_route("/image", query=True)
        async def image(context):
            self.saw(context)
            return about(context)

        @connect.ticket_route("/file")
        async def file(context):
            self.saw(context)
            return about(context)

        @connect.context_route("/links")
        def links(context):
            return {"link": context.token_url("/file", id=5)}

        @connect.tenant_route("/any")
        def any_kind(context):
            return about(context)

        @connect.webhook("jira:issue_updated")
        async def updated(event, context):
            self.told(event, context)

        @connect.page("Fails", key="fails")
        def fails(context):
            raise RuntimeError("the password is hunter2")

        @connect.context_route("/fails-call")
        def fails_call(context):
            raise RuntimeError("the password is hunter2")

        @connect.remote_route("/condition")
        def condition(context):
            return {"shouldDisplay": True}

    def start(self):
        app = flask.Flask("hello")
        self.world.connect.init_app(app)
        self.world.app, self.world.caller = app, call_wsgi


class TestFlask(Conformance):
    framework = FlaskHarness


# ---- Flask's own ----------------------------------------------------------------------------


@pytest.fixture
def world(make_world):
    return make_world(framework=Connect)


def test_no_hook_of_flask_sees_the_token(world):
    app, seen = flask.Flask("hello"), []
    app.before_request(lambda: seen.append(f"{flask.request.environ} {flask.request.url}"))
    world.connect.panel("P", location="x", url="/panel", key="p")(lambda context: "x")
    world.connect.init_app(app)
    world.app, world.caller = app, call_wsgi
    world.install()
    token = world.request_token("GET", "/panel")
    assert world.call("GET", f"/panel?jwt={token}").status == 200
    assert len(seen) == 1, "the lifecycle never comes as far as Flask"
    assert "eyJ" not in seen[0]


def test_the_apps_other_routes_are_its_own(world):
    app = flask.Flask("hello")
    world.connect.context_route("/api")(lambda context: "x")

    @app.get("/health")
    def health():
        return {"ok": True}

    @app.post("/api")
    def other_method():
        return "the app's own"

    world.connect.init_app(app)
    assert call_wsgi(app, "GET", "/health").text == '{"ok":true}\n'
    assert call_wsgi(app, "POST", "/api").text == "the app's own"
    assert call_wsgi(app, "OPTIONS", "/health").status == 200


def test_a_view_that_is_reached_around_the_check_does_not_run(world):
    app = flask.Flask("hello")
    app.testing = True
    inside = app.wsgi_app
    world.connect.context_route("/api")(lambda context: "secret")
    world.connect.init_app(app)
    app.wsgi_app = inside
    with pytest.raises(ConfigurationError, match="around"):
        call_wsgi(app, "GET", "/api")


def test_an_app_below_a_path_may_be_mounted(make_world):
    world = make_world(framework=Connect, base_url="http://127.0.0.1:3000/base")

    @world.connect.page("P", url="/page")
    def page(context):
        return flask.url_for("headway.page")

    app = flask.Flask("hello")
    world.connect.init_app(app)
    world.app, world.caller = app, call_wsgi
    world.install()
    token = world.request_token("GET", "/base/page")
    assert world.call("GET", f"/base/page?jwt={token}").text.endswith("/base/page")

    def mounted(environ, start):  # as a dispatcher above it does
        environ["SCRIPT_NAME"], environ["PATH_INFO"] = "/base", environ["PATH_INFO"][5:]
        return app(environ, start)

    world.app = mounted
    assert world.call("GET", f"/base/page?jwt={token}").text.endswith("/base/page")


def test_two_views_of_one_name_are_two_endpoints(world):
    app = flask.Flask("hello")
    for path in ("/a", "/b"):
        world.connect.context_route(path)(lambda context: "x")
    world.connect.init_app(app)
    names = [rule.endpoint for rule in app.url_map.iter_rules() if "headway" in rule.endpoint]
    assert sorted(names) == ["headway.<lambda>", "headway.<lambda>_1"]


def test_which_server_it_is_is_looked_at_from_the_start(world, monkeypatch):
    looks = []
    monkeypatch.setattr("headway.app.flask.watch", lambda: looks.append(1))
    world.connect.init_app(flask.Flask("hello"))
    assert looks == [1]
