from __future__ import annotations

import asyncio
import json
import sys

import pytest

from app.calling import call_asgi
from app.conformance import COOKIE, OWN_POLICY, PIECES, Conformance, Harness, Seen, about, title
from headway.app.asgi import Answer, Connect, Request, Streamed, with_lifespan
from headway.app.delivery import Delivery
from headway.app.exchange import QUIET
from headway.errors import BodyTooLarge
from headway.model import Secret
from headway.refusals import QueueFull


class AsgiHarness(Harness):
    connect = Connect

    async def saw(self, request, context):
        body = b""
        if request.method == "POST":
            body = await request.body()
        form = Request({**request.scope, "query_string": body}, None).query
        self.seen.append(
            Seen(
                context=context,
                query=request.query,
                form=form,
                headers=request.headers,
                whole=f"{request.scope} {body!r}",
            )
        )
        return request.query

    def declare(self):
        connect = self.world.connect

        @connect.panel("A panel", location="right", url="/panel?issue={issue.key}")
        async def panel(request, context):
            return title(await self.saw(request, context))

        @connect.module("dialogs", "D", key="dialog", form=True)
        async def dialog(request, context):
            return title(await self.saw(request, context))

        @connect.page("Streams", key="stream")
        async def stream(request, context):
            async def chunks():
                for piece in PIECES:
                    yield piece.encode()

            return Streamed(chunks())

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
        async def api(request, context):
            await self.saw(request, context)
            return about(context)

        @connect.context_route("/image", query=True)
        async def image(request, context):
            await self.saw(request, context)
            return about(context)

        @connect.ticket_route("/file")
        async def file(request, context):
            await self.saw(request, context)
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
        async def fails(request, context):
            raise RuntimeError("the password is hunter2")

        @connect.context_route("/fails-call")
        async def fails_call(request, context):
            raise RuntimeError("the password is hunter2")

        @connect.remote_route("/condition")
        def condition(request, context):
            return {"shouldDisplay": True}

    def start(self):
        self.world.app, self.world.caller = self.world.connect.asgi(), call_asgi


class TestAsgi(Conformance):
    framework = AsgiHarness


# ---- an app without a framework -------------------------------------------------------------

FRAME = {"sec-fetch-dest": "iframe"}
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture
def app(make_world):
    world = make_world(framework=Connect)
    world.requests = []
    connect = world.connect

    def saw(request, context):
        world.requests.append((request, context))

    @connect.panel("A panel", location="right", url="/panel?issue={issue.key}")
    async def panel(request, context):
        saw(request, context)
        return f"<!doctype html>{request.query}"

    @connect.module("dialogs", "D", key="d", form=True)
    async def dialog(request, context):
        saw(request, context)
        return await request.body()

    @connect.context_route("/api", methods=["GET", "POST"])
    def api(request, context):
        saw(request, context)
        return {"user": context.account_id}

    @connect.context_route("/echo", methods=["POST"])
    async def echo(request, context):
        return Answer(
            201, (("Cache-Control", "max-age=1"),), json.dumps(await request.json()).encode()
        )

    world.app = connect.asgi()
    world.install()
    return world


def test_a_page_has_no_token_and_its_first_script(app):
    token = app.request_token("GET", "/panel", "issue=A&issue=B%20C")
    answer = app.call("GET", f"/panel?issue=A&issue=B%20C&jwt={token}", headers=FRAME)
    assert answer.status == 200
    assert answer.text.startswith("<!doctype html><script data-seal=")
    assert answer.text.endswith("[('issue', 'A'), ('issue', 'B C')]")
    assert int(answer.header("content-length")) == len(answer.body)
    request, context = app.requests[0]
    assert "eyJ" not in repr(request.scope)
    assert repr(request) == "<GET /panel>"
    assert context.account_id == "ada"


def test_a_plain_handler_runs_in_a_thread(app):
    answer = app.call("POST", "/api", app.context_token(), headers={"x-a": "1"})
    assert json.loads(answer.body) == {"user": "ada"}
    assert answer.header("cache-control") == "no-store"
    assert answer.header("x-content-type-options") == "nosniff"
    assert app.requests[0][0].headers["x-a"] == "1"
    assert "authorization" not in app.requests[0][0].headers


def test_a_handlers_own_answer_keeps_its_headers(app):
    answer = app.call("POST", "/echo", app.context_token(), body=b'{"a": 1}')
    assert (answer.status, answer.text) == (201, '{"a": 1}')
    assert answer.all("cache-control") == ["max-age=1"]


def test_a_form_is_handed_on_without_its_token(app):
    token = app.request_token("POST", "/d")
    answer = app.call("POST", "/d", body=f"a=1&jwt={token}&b=2".encode(), headers=FORM)
    assert answer.body == b"a=1&b=2"
    assert app.requests[0][0].headers["content-length"] == "7"


def test_a_head_gets_headers_alone(app):
    answer = app.call("HEAD", "/atlassian-connect.json")
    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.header("content-length")) > 100
    assert app.call("HEAD", "/api", app.context_token()).body == b""
    assert app.call("HEAD", "/panel", app.request_token("GET", "/panel")).id == "qsh-mismatch"


def test_no_forwarded_header_moves_the_base_url(app):
    """T34: a proxy's word, or whoever's, changes nothing of what the app says of itself."""
    base = json.loads(app.call("GET", "/atlassian-connect.json").body)["baseUrl"]
    forged = {
        "forwarded": "host=evil.example;proto=https",
        "x-forwarded-host": "evil.example",
        "x-forwarded-proto": "http",
        "x-forwarded-prefix": "/evil",
        "x-original-host": "evil.example",
    }
    answer = app.call("GET", "/atlassian-connect.json", headers=forged)
    told = json.loads(answer.body)
    assert (answer.status, told["baseUrl"]) == (200, base)
    assert told["links"]["self"] == f"{base}/atlassian-connect.json"
    assert "evil" not in answer.body.decode()


def test_another_method_or_path_is_none_of_ours(app):
    answer = app.call("OPTIONS", "/api")
    assert (answer.status, answer.header("allow")) == (405, "GET, POST, HEAD")
    answer = app.call("GET", "/nowhere")
    assert (answer.status, answer.header("referrer-policy")) == (404, "no-referrer")


def test_a_plain_stream_waits_in_a_thread(make_world):
    world = make_world(framework=Connect)
    world.connect.page("P", key="p")(lambda request, context: Streamed(iter([b"<p>", b"."])))
    world.app = world.connect.asgi()
    world.install()
    answer = world.call("GET", f"/p?jwt={world.request_token('GET', '/p')}")
    assert answer.text.endswith("<p>.")


def test_a_servers_access_log_has_no_token_to_write(app):
    """A server writes the request line from its scope when the answer is out."""
    kept, inside = [], app.app

    async def server(scope, receive, send):
        kept.append(scope)
        await inside(scope, receive, send)

    app.app = server
    token = app.context_token()
    app.call("GET", f"/api?a=1&jwt={token}")
    assert kept[-1]["query_string"] == b"a=1"
    app.call("GET", f"/panel?issue=A&jwt={app.request_token('GET', '/panel', 'issue=A')}")
    assert kept[-1]["query_string"] == b"issue=A"


def test_a_refusal_is_an_answer(app):
    assert app.call("GET", "/api").id == "token-missing"
    token = app.context_token(secret=Secret("x" * 32))
    assert app.call("GET", "/api", token).id == "signature-invalid"


def test_a_server_without_a_raw_path_answers_nothing_at_all(app, caplog):
    inside = app.app

    async def no_raw_path(scope, receive, send):
        await inside({**scope, "raw_path": None}, receive, send)

    app.app = no_raw_path
    for path in ("/atlassian-connect.json", "/api"):
        answer = app.call("GET", path)
        assert (answer.status, b"no raw request target" in answer.body) == (500, True)
    assert "raw_path" in caplog.text


@pytest.mark.parametrize("kind", ["lifespan", "websocket"])
def test_what_is_no_request_is_answered_too(app, kind):
    waiting = ["lifespan.shutdown", "lifespan.startup"]
    sent = []

    async def receive():
        return {"type": waiting.pop()}

    async def send(message):
        sent.append(message["type"])

    asyncio.run(app.app({"type": kind, "path": "/api"}, receive, send))
    complete = ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert sent == (complete if kind == "lifespan" else ["websocket.close"])


def test_another_app_gets_the_rest(app):
    async def rest(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"the rest"})

    app.app = app.connect.asgi(rest)
    answer = app.call("GET", "/nowhere")
    assert (answer.text, answer.header("referrer-policy")) == ("the rest", None)
    answer = app.call("PUT", "/panel")  # another method at a route's path
    assert answer.text == "the rest"
    for name, value in (*QUIET, *app.connect.always):
        assert answer.header(name.lower()) == value
    assert app.call("GET", "/api").id == "token-missing"


def test_a_body_has_a_bound():
    async def receive():
        return {"type": "http.request", "body": b"12345"}

    request = Request({"method": "POST", "path": "/", "headers": [], "query_string": b""}, receive)
    assert asyncio.run(request.body(limit=5)) == b"12345"
    with pytest.raises(BodyTooLarge):
        asyncio.run(request.body(limit=4))


# ---- the app's life -------------------------------------------------------------------------


class Living:
    """An app with an event that waits, and a server that starts and stops it."""

    def __init__(self, connect):
        self.connect = connect
        self.heard = []
        connect.webhook("page_created", url="/hook")(self.created)

    async def created(self, event, context):
        await asyncio.sleep(0.05)
        self.heard.append(event.name)

    def put(self):
        self.connect.queue.put(
            Delivery(
                event="page_created",
                path="/hook",
                app_key="my-app",
                client_key="site-1",
                received=1.0,
            )
        )

    async def live(self, app):
        begin, begun, end = asyncio.Event(), asyncio.Event(), asyncio.Event()
        waiting, said = [(begin, "startup"), (end, "shutdown")], []

        async def receive():
            event, name = waiting.pop(0)
            await event.wait()
            return {"type": f"lifespan.{name}"}

        async def send(message):
            said.append((message["type"].removeprefix("lifespan."), len(self.heard)))
            begun.set()

        begin.set()
        going = asyncio.create_task(app({"type": "lifespan"}, receive, send))
        await begun.wait()
        self.put()
        end.set()
        await going
        return said


@pytest.fixture
def living(make_world):
    world = make_world(framework=Connect)
    made = Living(world.connect)
    world.app = world.connect.asgi()
    world.install()
    return made


async def other(scope, receive, send):
    """Another app with a life of its own."""
    for phase in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{phase}.complete"})


async def lifeless(scope, receive, send):
    raise ValueError("Django can only handle ASGI/HTTP connections, not lifespan.")


@pytest.mark.parametrize("rest", [None, other, lifeless], ids=["alone", "other", "lifeless"])
def test_at_the_end_of_its_life_an_app_works_off_what_waits(living, rest):
    app = living.connect.asgi(rest)
    for life in (1, 2):
        said = asyncio.run(living.live(app))
        assert said == [("startup.complete", life - 1), ("shutdown.complete", life)]
        with pytest.raises(QueueFull):
            living.put()


def test_an_app_whose_start_fails_has_no_life(living):
    async def failing(scope, receive, send):
        await receive()
        raise RuntimeError("no database")

    async def receive():
        return {"type": "lifespan.startup"}

    with pytest.raises(RuntimeError, match="no database"):
        asyncio.run(with_lifespan(living.connect, failing)({"type": "lifespan"}, receive, None))
    assert not living.connect.has_lifespan


def test_without_a_life_an_app_on_uvicorn_says_once_what_it_loses(make_world, caplog, monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", sys)
    world = make_world(framework=Connect)
    world.connect.webhook("page_created", url="/hook")(lambda event, context: None)
    world.app = world.connect.asgi()
    world.install()
    for _ in range(2):
        world.call("POST", "/hook", body=b"{}")
    assert caplog.text.count("events that wait are lost") == 1
