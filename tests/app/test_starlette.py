from __future__ import annotations

import asyncio
import json
import re
import runpy
import time
from pathlib import Path
from urllib.parse import parse_qsl, quote

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, HTMLResponse, Response, StreamingResponse
from starlette.routing import Mount

from app.calling import call_asgi
from app.conformance import COOKIE, OWN_POLICY, PIECES, Conformance, Harness, Seen, about, title
from headway import jwt, sign
from headway.app import pages
from headway.app.starlette import Connect
from headway.errors import Refusal
from headway.model import Secret
from headway.qsh import canonical_request


class StarletteHarness(Harness):
    connect = Connect

    async def saw(self, request, context):
        body = await request.body()
        form = await request.form() if "form" in request.headers.get("content-type", "") else {}
        self.seen.append(
            Seen(
                context=context,
                query=request.query_params.multi_items(),
                form=list(form.multi_items() if form else []),
                headers=dict(request.headers),
                whole=f"{request.scope} {request.url} {body!r}",
            )
        )
        return request.query_params.multi_items()

    def declare(self):
        connect = self.world.connect

        @connect.panel("A panel", location="right", url="/panel?issue={issue.key}")
        async def panel(request, context):
            return title(await self.saw(request, context))

        @connect.module("dialogs", "D", key="dialog", form=True)
        async def dialog(request, context):
            return title(await self.saw(request, context))

        @connect.page("Streams", key="stream")
        def stream(request, context):
            return StreamingResponse((piece for piece in PIECES), media_type="text/html")

        @connect.page("Own policy", key="own-policy")
        def own_policy(request, context):
            headers = {"Content-Security-Policy": OWN_POLICY, "X-Frame-Options": "DENY", **COOKIE}
            return HTMLResponse("<p>", headers={**headers, "Cache-Control": "public"})

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
        self.world.app = Starlette(routes=self.world.connect.routes)
        self.world.caller = call_asgi


class TestStarlette(Conformance):
    framework = StarletteHarness


# ---- Starlette's own ------------------------------------------------------------------------

OTHER = Secret("another installation's secret")
FRAME = {"sec-fetch-dest": "iframe", "accept": "text/html"}
SHELL = {"sec-fetch-dest": "empty", "headway-shell": "1", "accept": "text/html"}


@pytest.fixture
def app(world):
    """An app with one route of each kind; ``app.requests`` are what its handlers saw."""
    connect = world.connect
    world.requests = []
    world.events = []

    def saw(request, context):
        world.requests.append((request, context))

    @connect.panel("A panel", location="right", url="/panel?issue={issue.key}")
    async def panel(request, context):
        saw(request, context)
        return f"<!doctype html><title>{request.query_params.get('issue')}</title>"

    @connect.context_route("/api", methods=["GET", "POST"])
    def api(request, context):  # a plain function runs in a thread
        saw(request, context)
        return {"user": context.account_id, "issue": context.module["jira"]["issue"]["key"]}

    @connect.context_route("/image", query=True)
    async def image(request, context):
        saw(request, context)
        return Response(b"png", media_type="image/png")

    @connect.webhook("jira:issue_updated")
    async def updated(event, context):
        world.events.append((event, context))

    world.install()
    return world


def page(world, query="issue=A-1", headers=FRAME, **changes):
    method = changes.pop("method", "GET")
    token = world.request_token(method, "/panel", query, **changes)
    return world.call("GET", f"/panel?{query}&jwt={token}", headers=headers)


# ---- the descriptor -------------------------------------------------------------------------


def test_the_descriptor_is_served(app):
    answer = app.call("GET", "/atlassian-connect.json")
    assert answer.status == 200
    assert json.loads(answer.body) == app.connect.descriptor().to_json()


# ---- module pages ---------------------------------------------------------------------------


def test_a_page_carries_its_headers_and_its_script(app):
    answer = page(app)
    assert answer.status == 200
    assert answer.header("referrer-policy") == "no-referrer"
    assert answer.header("cache-control") == "no-store"
    assert answer.header("x-content-type-options") == "nosniff"
    assert answer.all("content-security-policy") == [
        "frame-ancestors http://127.0.0.1:3000 http://localhost:2990"
    ]
    assert re.match(r'<!doctype html><script data-seal="[\w-]{32}">', answer.text)
    assert answer.text.endswith("<title>A-1</title>")
    assert int(answer.header("content-length")) == len(answer.body)
    assert "eyJ" not in answer.text


def test_a_handler_never_sees_the_token(app):
    page(app, headers={**FRAME, "x-other": "1"})
    app.call("GET", "/api?a=1", app.context_token())
    for request, context in app.requests:
        assert "jwt" not in request.url.query
        assert "authorization" not in request.headers
        assert "eyJ" not in repr(request.scope)
        assert context.account_id == "ada"
    assert app.requests[0][0].headers["x-other"] == "1"
    assert app.requests[0][1].installation == app.installation


def test_a_page_takes_a_token_in_the_header_too(app):
    token = app.request_token("GET", "/panel", "issue=A-1")
    assert app.call("GET", "/panel?issue=A-1", token).status == 200


def refused(answer, status, refusal):
    assert (answer.status, answer.id) == (status, refusal)
    assert json.loads(answer.body)["id"] == refusal
    assert answer.header("cache-control") == "no-store"


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"secret": OTHER}, "signature-invalid"),
        ({"issuer": "site-9"}, "signature-invalid"),
        ({"now": 1_700_000_000 - 300}, "token-expired"),
        ({"now": 1_700_000_000 + 300}, "token-not-yet-valid"),
        ({"life": 4000}, "token-lifetime"),
        ({"raw_path": "/other"}, "qsh-mismatch"),
        ({"raw_query": "issue=A-2"}, "qsh-mismatch"),
        ({"method": "POST"}, "qsh-mismatch"),
        ({"audience": ["https://other.example"]}, "audience-mismatch"),
    ],
)
def test_a_page_refuses(app, changes, refusal):
    refused(page(app, headers={}, **changes), 401, refusal)
    assert app.requests == []


def signed(app, claims, header=None):
    return jwt.encode({"typ": "JWT", **(header or {})}, claims, app.secret)


def test_a_page_refuses_a_token_without_exp(app):
    claims = jwt.decode(app.request_token("GET", "/panel")).unverified_claims
    token = signed(app, {"iss": claims.iss, "iat": claims.iat, "qsh": claims.qsh})
    refused(app.call("GET", f"/panel?jwt={token}"), 401, "claim-missing")


def test_a_page_refuses_alg_none(app):
    _, claims, mac = app.request_token("GET", "/panel").split(".")
    none = jwt._base64url(b'{"alg":"none","typ":"JWT"}').decode()
    refused(app.call("GET", f"/panel?jwt={none}.{claims}.{mac}"), 401, "signature-invalid")
    refused(app.call("GET", f"/panel?jwt={none}.{claims}."), 400, "token-malformed")


def test_a_page_refuses_rs256(app):
    token = app.lifecycle_token(method="GET", raw_path="/panel")
    refused(app.call("GET", f"/panel?jwt={token}"), 401, "signature-invalid")


def test_a_page_refuses_a_context_token(app):
    for target, token in (("/panel", app.context_token()), ("/panel?x=1", app.context_token())):
        refused(app.call("GET", target, token), 401, "kind-refused")
    refused(app.call("GET", f"/panel?jwt={app.context_token()}"), 401, "kind-refused")


def test_a_page_refuses_a_session_token(app):
    refused(app.call("GET", "/panel", session(app)), 401, "kind-refused")


def test_a_page_refuses_another_host_signed_address(app):
    token = app.request_token("GET", "/panel", "issue=A-1")
    refused(app.call("GET", f"/panel?issue=A-1&issue=A-2&jwt={token}"), 401, "qsh-mismatch")


def test_a_page_of_a_site_that_left_is_refused_although_it_was_just_read(app):
    assert page(app).status == 200
    app.event("uninstalled")
    refused(page(app, headers={}), 401, "signature-invalid")


def test_a_page_is_refused_once_its_token_expired_although_it_was_just_read(app):
    """What is kept in memory are values, never verdicts."""
    token = app.request_token("GET", "/panel", "issue=A-1")
    target = f"/panel?issue=A-1&jwt={token}"
    assert app.call("GET", target, headers=FRAME).status == 200
    app.now[0] += 180 + 29
    assert app.call("GET", target, headers=FRAME).status == 200
    app.now[0] += 1
    refused(app.call("GET", target), 401, "token-expired")


def test_no_token_verifies_with_a_secret_that_is_too_short(app):
    """An import may have left such a row."""
    engine = app.connect.store._engine
    sealed = app.connect.store._sealer.seal(
        b"short", ("installations 1", "shared_secret", "my-app", "site-1")
    )
    with engine.begin() as connection:
        connection.exec_driver_sql("update installations set shared_secret = ?", (sealed,))
    app.connect.store._cache.drop("site-1")
    refused(page(app, headers={}), 401, "signature-invalid")


# ---- refusals, for people and for scripts ---------------------------------------------------


def test_a_refusal_in_a_frame_is_a_readable_page(app):
    answer = page(app, secret=OTHER)
    assert answer.status == 401
    assert answer.header("content-type").startswith("text/html")
    assert "This page is not shown" in answer.text
    assert answer.header("content-security-policy").startswith("default-src 'none'")
    assert answer.header("referrer-policy") == "no-referrer"
    assert "eyJ" not in answer.text
    assert pages.first_script() in answer.text  # the address is cleaned here too


@pytest.mark.parametrize("claim", ["issuer", "audience", "raw_path"])
def test_a_refusal_escapes_what_it_repeats(app, claim):
    attack = "<script>alert(1)</script>"
    value = (
        [attack] if claim == "audience" else quote(f"/{attack}") if claim == "raw_path" else attack
    )
    answer = page(app, **{claim: value})
    assert answer.status == 401
    assert "<script>alert" not in answer.text


def test_a_refusal_for_a_script_is_json(app):
    refused(
        page(app, headers={"sec-fetch-dest": "empty", "accept": "text/html"}, secret=OTHER),
        401,
        "signature-invalid",
    )
    refused(app.call("GET", "/panel"), 401, "token-missing")
    assert app.call("GET", "/panel").header("www-authenticate") == 'JWT realm="my-app"'


# ---- the reload -----------------------------------------------------------------------------


def test_a_reload_without_a_token_gets_the_shell(app):
    for headers in (FRAME, {"accept": "text/html,*/*"}):
        answer = app.call("GET", "/panel?issue=A-1&headway-seal=x", headers=headers)
        assert answer.status == 200
        assert "A-1" not in answer.text
        policy = answer.header("content-security-policy")
        assert policy == (
            "frame-ancestors https://*.atlassian.net https://*.jira.com "
            "http://localhost:* http://127.0.0.1:* 'self'"
        )
    assert app.requests == []
    assert not [seen for seen in app.seen if seen.path.startswith("/panel")], "nothing was refused"


def test_what_the_app_refuses_is_observed(app):
    """Without a token too: only the shell of a page stands for no refusal."""
    app.call("GET", "/api")
    app.call("GET", "/panel?issue=A-1", headers={"accept": "application/json"})
    app.call("GET", "/panel?issue=A-1", headers=SHELL)
    app.call("POST", "/installed", body=b"x" * 70_000)
    app.call("GET", f"/api?jwt={app.context_token()}")
    told = [(seen.path, seen.refusal) for seen in app.seen[-5:]]
    assert told == [
        ("/api", "token-missing"),
        ("/panel?issue=A-1", "token-missing"),
        ("/panel?issue=A-1", "token-missing"),
        ("/installed", "body-too-large"),
        ("/api", "location-not-allowed"),
    ]
    assert not any(seen.verified for seen in app.seen[-5:])


def test_a_browser_is_sent_on_to_the_sealed_address_where_the_app_says_so(app):
    app.connect.sealed_pages = True
    for headers in (FRAME, {"sec-fetch-dest": "document"}):
        answer = page(app, headers=headers)
        assert (answer.status, answer.body) == (303, b"")
        assert re.fullmatch(
            r"/panel\?issue=A-1&headway-seal=[\w-]{32}", answer.header("location") or ""
        )
    assert app.requests == []
    there = app.call("GET", answer.header("location"), headers=FRAME)
    assert (there.status, "AP.context.getToken" in there.text) == (200, True)
    again = app.call("GET", answer.header("location"), app.context_token(), headers=SHELL)
    assert again.text.endswith("<title>A-1</title>")
    # what is no browser has no bridge to ask: it gets the page, and the script with it
    for headers in ({}, {"accept": "text/html"}):
        assert "data-seal=" in page(app, headers=headers).text
    api = app.call("GET", "/api", app.context_token(), headers=FRAME)
    assert api.status == 200, "only pages of modules"


def sealed(app):
    return re.search(r'data-seal="([\w-]+)"', page(app).text).group(1)


def test_the_shell_fetches_the_page_with_a_context_token(app):
    seal = sealed(app)
    answer = app.call(
        "GET", f"/panel?issue=A-1&headway-seal={seal}", app.context_token(), headers=SHELL
    )
    assert answer.status == 200
    assert answer.header("headway-page") == "1"
    assert f'data-seal="{seal}"' in answer.text
    assert answer.text.endswith("<title>A-1</title>")
    request, _ = app.requests[-1]
    assert request.url.query == "issue=A-1"


@pytest.mark.parametrize(
    ("query", "changes", "refusal"),
    [
        ("issue=A-2&headway-seal={seal}", {}, "qsh-mismatch"),
        ("issue=A-1", {}, "qsh-missing"),
        ("issue=A-1&headway-seal={seal}", {"subject": "eve"}, "qsh-mismatch"),
        ("issue=A-1&headway-seal={seal}", {"secret": OTHER}, "signature-invalid"),
        ("issue=A-1&headway-seal={seal}", {"now": 1_700_000_000 - 2000}, "token-expired"),
    ],
)
def test_the_shell_fetches_nothing_else(app, query, changes, refusal):
    target = f"/panel?{query.format(seal=sealed(app))}"
    refused(app.call("GET", target, app.context_token(**changes), headers=SHELL), 401, refusal)
    assert len(app.requests) == 1


def test_the_shells_fetch_takes_no_other_token(app):
    target = f"/panel?issue=A-1&headway-seal={sealed(app)}"
    refused(app.call("GET", target, session(app), headers=SHELL), 401, "kind-refused")
    refused(
        app.call("GET", f"{target}&jwt={app.context_token()}", headers=SHELL),
        401,
        "location-not-allowed",
    )
    refused(app.call("GET", target, headers=SHELL), 401, "token-missing")


# ---- answers of all shapes as pages ---------------------------------------------------------


def shaped(make_world, handler):
    world = make_world()
    world.connect.panel("P", location="x", url="/panel", key="p")(handler)
    world.install()
    return world


def test_a_pages_own_policy_holds_and_lets_the_script_run(make_world):
    async def handler(request, context):
        return HTMLResponse(
            "<p>",
            headers={"Content-Security-Policy": "default-src 'self'", "Cache-Control": "public"},
        )

    world = shaped(make_world, handler)
    answer = page(world, "")
    own = f"default-src 'self'; script-src 'self' {pages.SCRIPT_HASH}"
    assert answer.all("content-security-policy")[-1] == own
    assert answer.all("content-security-policy")[0].startswith("frame-ancestors")
    assert answer.all("cache-control") == ["no-store"]
    assert "<meta" not in answer.text
    # the shell shows a page without its headers: the policy then stands in the page
    answer = world.call(
        "GET", f"/panel?headway-seal={sealed_empty(world)}", world.context_token(), headers=SHELL
    )
    assert answer.status == 200
    meta = '<meta http-equiv="content-security-policy" content="default-src &#x27;self&#x27;; '
    assert answer.text.startswith(meta)
    assert int(answer.header("content-length")) == len(answer.body)


def sealed_empty(world):
    return re.search(r'data-seal="([\w-]+)"', page(world, "").text).group(1)


def test_a_stream_is_held_back_no_longer_than_its_beginning(make_world):
    async def handler(request, context):
        async def parts():
            for part in ("<!doc", "type html>", "x" * pages.HEAD_BYTES_MAX, "end", "."):
                yield part

        return StreamingResponse(parts(), media_type="text/html; charset=utf-8")

    answer = page(shaped(make_world, handler), "")
    assert answer.text.startswith("<!doctype html><script data-seal=")
    assert answer.text.endswith("xend.")
    assert answer.text.count('data-seal="') == 1


@pytest.mark.parametrize("text", ["", "<p>", "<!doctype html>" + "x" * 40_000])
def test_a_file_of_html_is_a_page_too(make_world, tmp_path, text):
    (tmp_path / "page.html").write_text(text, encoding="utf-8")

    async def handler(request, context):
        return FileResponse(tmp_path / "page.html")

    answer = page(shaped(make_world, handler), "")
    assert answer.text.count('data-seal="') == 1
    assert int(answer.header("content-length")) == len(answer.body)


def test_what_is_no_html_keeps_its_bytes(make_world):
    async def handler(request, context):
        return Response(b"\x89PNG", media_type="image/png")

    answer = page(shaped(make_world, handler), "")
    assert answer.body == b"\x89PNG"
    assert answer.header("referrer-policy") == "no-referrer"


def test_nothing_is_an_answer_too(make_world):
    async def handler(request, context):
        return None

    assert page(shaped(make_world, handler), "").status == 204


def test_a_refusal_of_a_handlers_own_call_is_not_the_callers(make_world):
    async def handler(request, context):
        await context.client.get("/a/../b")

    world = shaped(make_world, handler)
    with pytest.raises(Refusal):
        page(world, "")


# ---- context calls --------------------------------------------------------------------------


def session(app, **changes):
    given = {
        "app_key": "my-app",
        "client_key": "site-1",
        "subject": "ada",
        "context": {"jira": {"issue": {"key": "DEMO-1"}}},
        "now": app.now[0],
        **changes,
    }
    return sign.session_token(given.pop("secret", app.secret), **given)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_context_call_with_either_token(app, method):
    for token in (app.context_token(), session(app)):
        answer = app.call(method, "/api?x=1", token)
        assert json.loads(answer.body) == {"user": "ada", "issue": "DEMO-1"}


def test_a_context_call_has_its_token_in_the_header(app):
    refused(app.call("GET", f"/api?jwt={app.context_token()}"), 401, "location-not-allowed")
    refused(app.call("GET", "/api"), 401, "token-missing")


def test_a_route_may_take_the_token_in_the_address_if_it_says_so(app):
    assert app.call("GET", f"/image?jwt={app.context_token()}").body == b"png"
    assert app.call("GET", "/image", app.context_token()).body == b"png"
    assert app.requests[0][0].url.query == ""


def test_a_context_call_refuses_a_request_token(app):
    refused(app.call("GET", "/api", app.request_token("GET", "/api")), 401, "kind-refused")


def test_a_logged_token_of_the_apps_own_is_no_session(app):
    """An app->host token has the app's key as issuer, like a session token."""
    own = {"iss": "my-app", "aud": ["site-1"], "iat": int(app.now[0]), "exp": int(app.now[0]) + 180}
    call = sign.request_token(
        app.secret,
        issuer="my-app",
        audience=["site-1"],
        method="GET",
        raw_path="/api",
        now=app.now[0],
    )
    refused(app.call("GET", "/api", call), 401, "kind-refused")
    forged = signed(app, own, {"typ": "headway-session+jwt"})  # our typ, the plain secret
    refused(app.call("GET", "/api", forged), 401, "signature-invalid")
    refused(app.call("GET", "/api", signed(app, own)), 401, "kind-refused")


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"secret": OTHER}, "signature-invalid"),
        ({"client_key": "site-9"}, "signature-invalid"),
        ({"app_key": "other"}, "issuer-mismatch"),
        ({"now": 1_700_000_000 - 1000}, "token-expired"),
    ],
)
def test_a_context_call_refuses_a_session_of(app, changes, refusal):
    refused(app.call("GET", "/api", session(app, **changes)), 401, refusal)


# ---- webhooks -------------------------------------------------------------------------------

HOOK = "/webhooks/jira-issue_updated"


ISSUE = b'{"webhookEvent": "jira:issue_updated", "issue": {"id": "1", "key": "A-1"}}'


def send(app, body=ISSUE, identifier="id-1", query="issue=A-1"):
    token = app.request_token("POST", HOOK, query)
    return app.call(
        "POST",
        f"{HOOK}?{query}",
        token,
        body=body,
        headers={"X-Atlassian-Webhook-Identifier": identifier},
    )


def test_a_webhook_is_answered_and_worked_on(app):
    assert send(app).status == 204
    assert app.connect.queue.drain(5)
    ((event, context),) = app.events
    assert event.issue.key == "A-1"
    assert (context.installation.client_key, context.identifier) == ("site-1", "id-1")
    assert context.query == {"issue": ("A-1",)}


def test_a_webhook_that_comes_again_is_worked_on_once(app):
    assert [send(app).status for _ in range(3)] == [204] * 3
    assert send(app, identifier="id-2").status == 204
    assert app.connect.queue.drain(5)
    assert sorted(context.identifier for _, context in app.events) == ["id-1", "id-2"]


def test_a_webhook_that_finds_no_room_is_to_come_again(app):
    app.connect.queue.close()
    refused(send(app), 503, "queue-full")


def test_a_payload_that_is_none_is_refused_with_its_place(app):
    answer = send(app, body=b'{"issue": {"key": 5}}')
    refused(answer, 400, "event-malformed")
    assert "$.issue.key" in json.loads(answer.body)["detail"]
    refused(send(app, body=b"x" * (4 * 1024 * 1024 + 1)), 413, "body-too-large")
    assert app.events == []


def test_a_webhook_refuses_what_is_not_its_own(app):
    refused(app.call("POST", HOOK, app.context_token()), 401, "kind-refused")
    refused(app.call("POST", HOOK), 401, "token-missing")
    token = app.request_token("POST", HOOK)
    refused(app.call("POST", f"{HOOK}?jwt={token}"), 401, "location-not-allowed")
    refused(app.call("POST", f"{HOOK}?x=1", token), 401, "qsh-mismatch")


# ---- where the app lies ---------------------------------------------------------------------


def test_an_app_below_a_path(make_world):
    world = make_world(base_url="http://127.0.0.1:3000/base")

    @world.connect.page("P", url="/page")
    async def handler(request, context):
        return request.url.path

    world.install()
    token = world.request_token("GET", "/base/page")
    assert world.call("GET", f"/base/page?jwt={token}").text.endswith("/base/page")
    assert world.call("GET", f"/page?jwt={token}").status == 404


@pytest.mark.parametrize("server", [("10.0.0.5", 3000), ("testserver", 80), None])
def test_development_mode_is_for_this_machine_only(app, server):
    answer = app.call("GET", "/atlassian-connect.json", server=server)
    assert answer.status == 403
    assert b"development" in answer.body


def test_proxy_headers_are_not_believed(app):
    headers = {
        "x-forwarded-host": "evil.example",
        "x-forwarded-proto": "https",
        "x-forwarded-for": "10.0.0.1",
        "x-original-url": "/other",
    }
    assert page(app, headers={**FRAME, **headers}).status == 200
    assert "evil" not in app.call("GET", "/atlassian-connect.json", headers=headers).text


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.tuples(st.text("abz%+ é;[]宮", min_size=1, max_size=3), st.text(max_size=4)), max_size=5
    )
)
def test_what_is_hashed_is_what_is_handled(app, pairs):
    """The framework's own parse of the query has exactly the pairs that were hashed."""
    pairs = [(n, v) for n, v in pairs if n != "jwt" and not has_surrogate(n + v)]
    query = "&".join(f"{quote(n, safe=';[]')}={quote(v, safe=';[]')}" for n, v in pairs)
    token = app.request_token("GET", "/panel", query)
    answer = app.call("GET", f"/panel?{query}{'&' if query else ''}jwt={token}")
    assert answer.status == 200
    seen = app.requests[-1][0].query_params.multi_items()
    assert seen == pairs == parse_qsl(query, keep_blank_values=True)
    again = "&".join(f"{quote(n)}={quote(v)}" for n, v in seen)
    assert canonical_request("GET", "/p", again) == canonical_request("GET", "/p", query)


def has_surrogate(text):
    return any(0xD800 <= ord(c) < 0xE000 for c in text)


# ---- FastAPI, and the example ---------------------------------------------------------------


def test_fastapi_takes_the_routes_as_they_are(app):
    api = FastAPI(routes=app.connect.routes)

    @api.get("/health")
    async def health():
        return {"ok": True}

    app.app = api
    assert page(app).status == 200
    assert json.loads(app.call("GET", "/api", app.context_token()).body)["user"] == "ada"
    refused(app.call("GET", "/api"), 401, "token-missing")
    assert json.loads(app.call("GET", "/health").body) == {"ok": True}
    assert "/panel" not in app.call("GET", "/openapi.json").text


EXAMPLE = Path(__file__).parents[2] / "examples" / "hello.py"


def test_the_example_opens_its_panel(make_world, make_server, monkeypatch, tmp_path):
    world, host = make_world(), make_server()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEADWAY_DEVELOPMENT", "1")
    monkeypatch.setenv("HEADWAY_INSTALL_KEYS", world.keys.address)
    host.page("/rest/api/3/myself", 200, b'{"displayName": "Hello"}')
    example = runpy.run_path(str(EXAMPLE))
    world.connect, world.app = example["connect"], example["app"]
    world.connect.clock = lambda: world.now[0]
    world.now[0] = time.time()
    try:
        body = {"key": "hello", "baseUrl": host.address}
        assert world.event(**body).status == 204
        token = world.request_token("GET", "/hello")
        assert "getToken" in world.call("GET", f"/hello?jwt={token}", headers=FRAME).text
        answer = world.call("GET", "/me", world.context_token())
        assert json.loads(answer.body) == {"displayName": "Hello"}
    finally:
        world.connect.store._engine.dispose()
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    assert len([line for line in lines if line.strip()]) <= 25


def test_routes_are_starlettes_own(app):
    assert Starlette(routes=app.connect.routes).routes
    assert asyncio.iscoroutinefunction(app.connect.check)


def test_routes_are_found_below_another_app_too(app):
    app.app = Starlette(routes=[Mount("/below", routes=app.connect.routes)])
    assert app.call("GET", "/below/api", app.context_token()).status == 200
    assert app.call("GET", "/api", app.context_token()).status == 404


def test_another_method_is_none_of_the_route(app):
    answer = app.call("DELETE", "/api", app.context_token())
    assert (answer.status, sorted(answer.header("allow").split(", "))) == (
        405,
        ["GET", "HEAD", "POST"],
    )
    assert app.call("GET", "/api\n", app.context_token()).status == 404


def test_a_response_keeps_what_it_has_to_do_afterwards(make_world):
    world, done = make_world(), []
    again = Response("x", headers={"x-own": "1"}, background=BackgroundTask(done.append, "after"))

    async def answers(request, context):
        return again  # the same one each time: nothing of a request stays with it

    world.connect.context_route("/later")(answers)
    world.install()
    for times in (1, 2):
        answer = world.call("GET", "/later", world.context_token())
        assert (answer.text, answer.header("x-own"), done) == ("x", "1", ["after"] * times)
        assert len(answer.all("cache-control")) == len(answer.all("referrer-policy")) == 1


def test_a_head_gets_the_headers_alone(app):
    seen = [app.call(method, "/image", app.context_token()) for method in ("GET", "HEAD")]
    assert [answer.body for answer in seen] == [b"png", b""]
    assert seen[0].headers == seen[1].headers


def test_an_apps_own_answers_to_failures_are_its_own(make_world):
    world = make_world()

    async def lost(request, context):
        raise HTTPException(404, "there is no such issue")

    async def fails(request, context):
        raise RuntimeError("x")

    world.connect.page("L", key="lost")(lost)
    world.connect.page("F", key="fails")(fails)

    async def sorry(request, error):
        return Response("sorry", 500)

    world.app = Starlette(routes=world.connect.routes, exception_handlers={500: sorry})
    world.install()
    answer = world.call("GET", f"/lost?jwt={world.request_token('GET', '/lost')}")
    assert (answer.status, answer.text) == (404, "there is no such issue")
    assert answer.header("referrer-policy") == "no-referrer"
    target = f"/fails?jwt={world.request_token('GET', '/fails')}"
    assert world.call("GET", target, fails=True).text == "sorry"


@pytest.mark.parametrize("error", [RuntimeError("half-way"), HTTPException(400, "half-way")])
def test_a_stream_that_fails_half_way_is_no_second_answer(make_world, error):
    world = make_world()

    async def fails(request, context):
        async def parts():
            yield "x" * 20_000
            raise error

        return StreamingResponse(parts(), media_type="text/html")

    world.connect.page("F", key="fails")(fails)
    world.install()
    target = f"/fails?jwt={world.request_token('GET', '/fails')}"
    assert world.call("GET", target, fails=True).status == 200
    with pytest.raises(Exception, match=r"half-way|response already started"):
        world.call("GET", target)
