from __future__ import annotations

import sys
from io import BytesIO

import msgspec
import pytest

from app.calling import call_wsgi
from app.conformance import COOKIE, OWN_POLICY, PIECES, Conformance, Harness, Seen, about, title
from headway.app import wsgi
from headway.app.wsgi import Answer, Connect, Request, Streamed
from headway.errors import BodyTooLarge


class WsgiHarness(Harness):
    connect = Connect

    def saw(self, request, context):
        form = ""
        if request.method == "POST":
            form = request.body().decode()
        environ = {"QUERY_STRING": form}
        pairs = Request({"REQUEST_METHOD": "GET", "PATH_INFO": "/", **environ}).query
        self.seen.append(
            Seen(
                context=context,
                query=request.query,
                form=pairs,
                headers=request.headers,
                whole=f"{request.environ} {form}",
            )
        )
        return request.query

    def declare(self):
        connect = self.world.connect

        @connect.panel("A panel", location="right", url="/panel?issue={issue.key}")
        def panel(request, context):
            return title(self.saw(request, context))

        @connect.module("dialogs", "D", key="dialog", form=True)
        async def dialog(request, context):
            return title(self.saw(request, context))

        @connect.page("Streams", key="stream")
        def stream(request, context):
            return Streamed(piece.encode() for piece in PIECES)

        @connect.page("Own policy", key="own-policy")
        def own_policy(request, context):
            headers = (
                ("Content-Type", "text/html"),
                ("Content-Security-Policy", OWN_POLICY),
                ("X-Frame-Options", "DENY"),
                *COOKIE.items(),
                ("Cache-Control", "public"),
            )
            return Answer(200, headers, b"<p>")

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

    def start(self):
        self.world.app, self.world.caller = self.world.connect.wsgi(), call_wsgi


class TestWsgi(Conformance):
    framework = WsgiHarness


# ---- the raw target -------------------------------------------------------------------------


@pytest.fixture
def world(make_world):
    world = make_world(framework=Connect)
    world.connect.context_route("/api")(lambda request, context: request.path)
    world.app, world.caller = world.connect.wsgi(), call_wsgi
    return world


def test_a_server_without_a_raw_target_answers_nothing_at_all(world, caplog):
    for method, path in (
        ("GET", "/atlassian-connect.json"),
        ("POST", "/installed"),
        ("GET", "/api"),
    ):
        answer = call_wsgi(world.app, method, path, raw=None)
        assert answer.status == 500
        assert b"no raw request target" in answer.body
    assert "RAW_URI" in caplog.text
    assert call_wsgi(world.app, "GET", "/atlassian-connect.json", raw="REQUEST_URI").status == 200


def test_which_server_it_is_is_looked_at_from_the_start(world, monkeypatch):
    looks = []
    monkeypatch.setattr("headway.app.wsgi.watch", lambda: looks.append(1))
    world.connect.wsgi()
    assert looks == [1]


def test_a_servers_access_log_has_no_token_to_write(world):
    """A server writes the request line from its environ when the answer is out."""
    world.install()
    kept = []

    def server(environ, start):
        kept.append(environ)
        return world.app(environ, start)

    token = world.context_token()
    for target in (f"/api?a=1&jwt={token}", "/api?a=1"):
        call_wsgi(server, "GET", target, {"authorization": f"JWT {token}"})
        assert (kept[-1]["RAW_URI"], kept[-1]["QUERY_STRING"]) == ("/api?a=1", "a=1")
    call_wsgi(server, "GET", f"/api?jwt={token}")
    assert kept[-1]["RAW_URI"] == "/api"


# ---- requests and answers -------------------------------------------------------------------


def test_a_head_gets_headers_alone(world):
    answer = world.call("HEAD", "/atlassian-connect.json")
    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.header("content-length")) > 100


def test_another_app_gets_the_rest(world):
    def rest(environ, start):
        start("200 OK", [("Content-Type", "text/plain")])
        return [b"the rest"]

    world.app = world.connect.wsgi(rest)
    assert world.call("GET", "/nowhere").text == "the rest"
    assert world.call("POST", "/api").text == "the rest"
    assert world.call("GET", "/api").id == "token-missing"


def test_an_app_may_write_its_answer(make_world):
    """``write`` of PEP 3333 is for apps inside that are older than it."""
    world = make_world(framework=Connect)
    world.connect.page("P", key="p", url="/page")(lambda request, context: None)

    def inside(environ, start):
        write = start("200 OK", [("Content-Type", "text/html")], None)
        write(b"<!doctype html>")
        return [b"<p>", b""]

    world.app = wsgi.Routed(world.connect, None, lambda route: inside)
    world.caller = call_wsgi
    world.install()
    answer = world.call("GET", f"/page?jwt={world.request_token('GET', '/page')}")
    assert answer.text.startswith("<!doctype html><script")
    assert answer.text.endswith("<p>")


def test_an_app_inside_may_begin_its_answer_anew(make_world):
    world = make_world(framework=Connect)
    world.connect.page("P", key="p", url="/page")(lambda request, context: None)
    closed = []

    class Body:
        def __iter__(self):
            return iter([b"failed"])

        def close(self):
            closed.append(True)

    def inside(environ, start):
        start("200 OK", [("Content-Type", "text/html")])
        try:
            raise KeyError("x")
        except KeyError:
            start("500 Oh", [("Content-Type", "text/plain")], sys.exc_info())
        return Body()

    world.app, world.caller = wsgi.Routed(world.connect, None, lambda route: inside), call_wsgi
    world.install()
    answer = world.call("GET", f"/page?jwt={world.request_token('GET', '/page')}")
    assert (answer.status, answer.text, closed) == (500, "failed", [True])


def test_a_status_without_a_name_is_an_answer_too(make_world):
    world = make_world(framework=Connect)
    world.connect.context_route("/api")(lambda request, context: Answer(299))
    world.app, world.caller = world.connect.wsgi(), call_wsgi
    world.install()
    assert world.call("GET", "/api", world.context_token()).status == 299


def request(body, **environ):
    return Request(
        {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": "/é".encode().decode("latin-1"),
            "QUERY_STRING": "",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": BytesIO(body),
            **environ,
        }
    )


def test_a_request_is_read_within_bounds():
    assert repr(request(b"")) == "<POST /é>"
    assert request(b"12345").body(limit=5) == b"12345"
    assert request(b'{"a": 1}').json() == {"a": 1}
    with pytest.raises(BodyTooLarge):
        request(b"12345").body(limit=4)
    with pytest.raises(msgspec.DecodeError):
        request(b"{").json()
