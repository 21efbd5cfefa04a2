from __future__ import annotations

import asyncio
import json

import msgspec
import pytest

from app.invoking import APP_ID, JWKS, KID, Invoker, key_set
from headway.app import lifecycle, pages
from headway.app.context import Context, SyncContext
from headway.app.exchange import (
    CREDENTIALS,
    FORM_BYTES_MAX,
    QUIET,
    Admitted,
    Answer,
    Asked,
    Read,
    Run,
    Waiting,
    answer_of,
    arun,
    at_once,
    exchange,
    run,
)
from headway.app.forge import Forge
from headway.app.forge_keys import Environment, ForgeKeys
from headway.errors import BodyTooLarge, ConfigurationError, StoreUnavailable
from headway.keys import RsaPrivateKey
from headway.model import RequestFacts, Secret, TokenText
from headway.ports import NeedKey, OnceOnly
from headway.refusals import AdministratorUnknown

FRAME = {"sec-fetch-dest": "iframe"}
FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}


@pytest.fixture(params=[run, arun], ids=["sync", "async"])
def drive(request, world):
    """One request through the steps, driven in both ways."""

    def ask(method, target, token=None, body=b"", headers=None, near="127.0.0.1", scheme="JWT"):
        path, _, query = target.partition("?")
        given = headers or {}
        facts = RequestFacts(
            method=method,
            raw_path=path,
            raw_query=query,
            authorization=() if token is None else (f"{scheme} {token}",),
        )
        asked = Asked(facts, lambda name: given.get(name, ""), near)
        connect = world.connect
        routes = {(one.path, m): one for one in connect.all_routes() for m in one.methods}
        steps = exchange(connect, routes[path, method], asked)

        def read(limit):
            if len(body) > limit:
                raise BodyTooLarge(expected=f"at most {limit} bytes")
            return body

        if request.param is run:
            return run(steps, connect, read)

        async def aread(limit):
            return read(limit)

        return asyncio.run(arun(steps, connect, aread))

    return ask


@pytest.fixture
def app(world):
    connect = world.connect

    def handler(request, context): ...

    connect.panel("P", location="x", url="/panel", key="p")(handler)
    connect.module("dialogs", "D", key="d", form=True)(handler)
    connect.context_route("/api", methods=["POST"])(handler)
    connect.tenant_route("/any")(handler)
    connect.tenant_route("/any-query", query=True)(handler)
    connect.remote_route("/condition")(handler)
    connect.ticket_route("/file", uses=2)(handler)
    connect.ticket_route("/image")(handler)
    connect.webhook("jira:issue_updated", url="/hook")(lambda event, context: None)
    world.install()
    return world


def told(answer, name):
    return {key.lower(): value for key, value in answer.headers}.get(name)


def refused(answer, refusal):
    assert told(answer, "headway-refusal") == refusal
    return True


# ---- what Headway answers itself ------------------------------------------------------------


def test_the_descriptor(drive, world):
    answer = drive("GET", "/atlassian-connect.json")
    assert (answer.status, told(answer, "cache-control")) == (200, "no-cache")
    assert json.loads(answer.body) == world.connect.descriptor().to_json()


def test_development_mode_is_for_this_machine(drive):
    for elsewhere in ("10.0.0.1", "", "app.example"):
        assert drive("GET", "/atlassian-connect.json", near=elsewhere).status == 403


def test_an_event_is_taken_and_its_hooks_are_called(drive, world):
    calls = []

    @world.connect.on_installed
    def plain(before, after):
        calls.append(("plain", before, after.client_key))

    @world.connect.on_installed
    async def waits(before, after):
        await asyncio.sleep(0)
        calls.append(("async", before, after.client_key))

    world.connect.on_uninstalled(lambda before, after: calls.append(("gone", before, after)))
    answer = drive("POST", "/installed", world.lifecycle_token(), world.body())
    assert (answer.status, answer.body) == (204, b"")
    assert calls == [("plain", None, "site-1"), ("async", None, "site-1")]
    token = world.request_token("POST", "/enabled")
    assert drive("POST", "/enabled", token, world.body("enabled")).status == 204
    for _ in range(2):
        world.now[0] += 1
        token = world.lifecycle_token("uninstalled")
        assert drive("POST", "/uninstalled", token, world.body("uninstalled")).status == 204
    assert [call[0] for call in calls] == ["plain", "async", "gone"], "the second time nobody left"


def test_a_hook_that_fails_is_a_500_and_the_event_stays(drive, world, caplog):
    @world.connect.on_installed
    def failing(before, after):
        raise RuntimeError("the reason")

    answer = drive("POST", "/installed", world.lifecycle_token(), world.body())
    assert (answer.status, answer.body) == (500, b"the app failed")
    assert "the reason" in caplog.text
    assert world.installation is not None


def test_an_event_that_is_refused_changes_nothing_and_is_observed(drive, world):
    assert refused(drive("POST", "/installed", None, world.body()), "token-missing")
    too_large = b"x" * (lifecycle.BODY_BYTES_MAX + 1)
    answer = drive("POST", "/installed", world.lifecycle_token(), too_large)
    assert (answer.status, refused(answer, "body-too-large")) == (413, True)
    answer = drive("POST", "/installed", world.lifecycle_token(), b"{}")
    assert refused(answer, "body-malformed")
    assert world.installation is None
    seen = [(one.refusal, one.verified) for one in world.seen]
    assert seen == [("token-missing", False), ("body-too-large", False), ("body-malformed", True)]


# ---- who may come in ------------------------------------------------------------------------


def test_a_page_is_admitted_without_its_token(drive, app):
    token = app.request_token("GET", "/panel", "issue=A-1&lic=active")
    found = drive("GET", f"/panel?issue=A-1&lic=active&jwt={token}", headers=FRAME)
    assert isinstance(found, Admitted)
    assert found.query == "issue=A-1&lic=active"
    assert "eyJ" not in repr(found)
    context, waiting = found.context(), found.sync_context()
    assert isinstance(context, Context)
    assert isinstance(waiting, SyncContext)
    assert context.licence == waiting.licence == "active"
    assert context.installation == app.installation


def test_the_headers_of_a_page_and_of_another_answer(drive, app):
    token = app.request_token("GET", "/panel")
    page = drive("GET", f"/panel?jwt={token}").finished([("Cache-Control", "public")])
    assert [value for name, value in page if name.lower() == "cache-control"] == ["no-store"]
    call = drive("POST", "/api", app.context_token())
    assert call.page is None
    assert call.finished([]) == list(QUIET)
    kept = call.finished([("cache-control", "max-age=60")])
    assert [value for name, value in kept if name.lower() == "cache-control"] == ["max-age=60"]


def test_a_context_token_signs_no_address(drive, app):
    found = drive("POST", "/api?lic=active", app.context_token())
    assert found.context().licence is None


def test_a_page_without_a_token_gets_the_shell_and_a_script_a_refusal(drive, app):
    shell = drive("GET", "/panel?issue=A-1", headers=FRAME)
    assert (shell.status, b"AP.context.getToken" in shell.body) == (200, True)
    assert refused(drive("GET", "/panel?issue=A-1"), "token-missing")
    assert refused(drive("POST", "/d", headers={**FORM, **FRAME}), "token-missing")
    assert drive("GET", "/panel", headers={"accept": "text/html"}).status == 200


def test_a_shells_fetch_needs_its_seal(drive, app):
    seal = pages.seal(RequestFacts(method="GET", raw_path="/panel"), app.installation, "ada")
    headers = {"headway-shell": "1"}
    target = f"/panel?headway-seal={seal}"
    found = drive("GET", target, app.context_token(), headers=headers)
    assert (found.query, found.signed) == ("", True)
    answer = drive("GET", "/panel?headway-seal=x", app.context_token(), headers=headers)
    assert refused(answer, "qsh-mismatch")


def test_sealed_pages_send_a_browser_on(drive, app):
    app.connect.sealed_pages = True
    token = app.request_token("GET", "/panel")
    answer = drive("GET", f"/panel?jwt={token}", headers=FRAME)
    assert (answer.status, told(answer, "cache-control")) == (303, "no-store")
    assert isinstance(drive("GET", f"/panel?jwt={token}"), Admitted)
    assert isinstance(drive("GET", "/panel", token, headers=FRAME), Admitted)


def test_a_refusal_has_a_face_for_people_and_one_for_scripts(drive, app):
    token = app.request_token("GET", "/panel", secret=Secret("x" * 32))
    for headers, kind in ((FRAME, "text/html"), ({}, "application/problem+json")):
        answer = drive("GET", f"/panel?jwt={token}", headers=headers)
        assert refused(answer, "signature-invalid")
        assert told(answer, "content-type").startswith(kind)
        assert told(answer, "x-content-type-options") == "nosniff"
    assert told(answer, "www-authenticate") == 'JWT realm="my-app"'


# ---- forms ----------------------------------------------------------------------------------


def test_a_form_may_hold_the_token_where_the_route_says_so(drive, app):
    token = app.request_token("POST", "/d", "a=1")
    found = drive("POST", "/d?a=1", body=f"x=1&jwt={token}&y=".encode(), headers=FORM)
    assert (found.query, found.form) == ("a=1", b"x=1&y=")
    assert isinstance(found, Admitted)


def test_a_body_that_is_no_form_holds_no_token(drive, app):
    token = app.request_token("POST", "/d")
    body = f"jwt={token}".encode()
    assert refused(drive("POST", "/d", body=body), "token-missing")
    found = drive("POST", "/d", token, body=b"<x/>", headers={"content-type": "text/xml"})
    assert found.form == b"<x/>"


def test_a_form_that_is_too_large_is_not_read(drive, app):
    body = b"x" * (FORM_BYTES_MAX + 1)
    token = app.request_token("POST", "/d")
    assert refused(drive("POST", "/d", token, body=body, headers=FORM), "body-too-large")


# ---- kinds and places -----------------------------------------------------------------------


def test_a_tenants_route_takes_three_kinds_each_in_its_place(drive, app):
    request = app.request_token("GET", "/any")
    session = drive("POST", "/api", app.context_token()).context().session_token()
    for token in (request, app.context_token(), session):
        assert isinstance(drive("GET", "/any", token), Admitted)
    assert isinstance(drive("GET", f"/any?jwt={request}"), Admitted)
    for token in (app.context_token(), session):
        assert refused(drive("GET", f"/any?jwt={token}"), "location-not-allowed")
        assert app.seen[-1].verified
        assert isinstance(drive("GET", f"/any-query?jwt={token}"), Admitted)
    assert refused(drive("GET", "/any?x=1", request), "qsh-mismatch")


def test_a_remote_call_is_bound_to_its_address(drive, app):
    token = app.request_token("GET", "/condition")
    assert isinstance(drive("GET", "/condition", token), Admitted)
    assert refused(drive("GET", f"/condition?jwt={token}"), "location-not-allowed")
    assert refused(drive("GET", "/condition", app.context_token()), "kind-refused")


# ---- what a handler returned ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("result", "status", "kind", "body"),
    [
        (None, 204, None, b""),
        ("é", 200, "text/html; charset=utf-8", "é".encode()),
        (b"\0", 200, "application/octet-stream", b"\0"),
        ({"a": [1]}, 200, "application/json", b'{"a":[1]}'),
        (Answer(418), 418, None, b""),
    ],
)
def test_what_a_handler_returns_is_an_answer(result, status, kind, body):
    answer = answer_of(result)
    assert (answer.status, told(answer, "content-type"), answer.body) == (status, kind, body)


# ---- questions ------------------------------------------------------------------------------


class Waits:
    """A connection of sources that answer asynchronously."""

    def __init__(self):
        self.keys = self.answers = self

    async def find(self, need):
        await asyncio.sleep(0)
        return f"keys of {need.issuer}"

    async def first(self, once):
        return once.digest == "new"


def everything():
    found = [(yield NeedKey(issuer="site", symmetric=True))]
    found.append((yield OnceOnly(scope="site", digest="new", issued=1, until=2)))
    found.append((yield Read(5)))
    found.append((yield Run(divmod, (7, 2))))
    try:
        yield Run(divmod, (7, 0))
    except ZeroDivisionError:
        found.append("thrown into the steps")
    return found


EVERYTHING = ["keys of site", True, b"body5", (3, 1), "thrown into the steps"]


def test_every_question_is_answered_in_both_worlds():
    async def read(limit):
        return b"body%d" % limit

    assert run(everything(), Waits(), lambda limit: b"body%d" % limit) == EVERYTHING
    assert asyncio.run(arun(everything(), Waits(), read)) == EVERYTHING


def test_what_the_steps_do_not_catch_reaches_the_caller():
    def steps():
        yield Run(int, ("x",))

    with pytest.raises(ValueError, match="invalid literal"):
        run(steps(), Waits(), bytes)
    with pytest.raises(ValueError, match="invalid literal"):
        asyncio.run(arun(steps(), Waits(), None))


def test_what_answers_at_once_waits_for_no_loop():
    class Answers:
        def __init__(self):
            self.keys = self

        def find(self, need):
            if need.fresh:
                raise StoreUnavailable
            return f"keys of {need.issuer}"  # of any kind: only what is awaitable is awaited

    def steps(*questions):
        found = []
        for question in questions:
            try:
                found.append((yield question))
            except StoreUnavailable as refusal:
                found.append(refusal.id)
        return found

    known, down = (NeedKey(issuer="site", symmetric=True, fresh=fresh) for fresh in (False, True))
    assert at_once(steps(known, down, known), Answers()) == [
        "keys of site",
        "store-unavailable",
        "keys of site",
    ]
    waiting = at_once(steps(known, Read(5)), Answers())
    assert waiting == Waiting(Read(5))
    under_way = at_once(steps(known), Waits())
    assert isinstance(under_way, Waiting)
    assert asyncio.run(under_way.question) == "keys of site"


def test_a_store_that_is_down_is_an_outage(drive, app, monkeypatch):
    def down(need):
        raise StoreUnavailable

    monkeypatch.setattr(app.connect.keys._store, "find", down)
    answer = drive("POST", "/api", app.context_token())
    assert (answer.status, refused(answer, "store-unavailable")) == (503, True)


def test_a_store_that_can_not_work_is_no_refusal(drive, app):
    app.connect.keys._store = Waits()
    app.connect.keys._store.find = lambda need: (_ for _ in ()).throw(ConfigurationError("broken"))
    with pytest.raises(ConfigurationError, match="broken"):
        drive("POST", "/api", app.context_token())


def test_health_says_whether_the_store_answers(drive, world, monkeypatch):
    for path, said in (("/health/live", "live"), ("/health/ready", "ready")):
        answer = drive("GET", path)
        assert (answer.status, json.loads(answer.body)) == (200, {"status": said})
        assert told(answer, "cache-control") == "no-store"
    monkeypatch.setattr(world.connect.readiness, "ready", lambda: False)
    answer = drive("GET", "/health/ready")
    assert (answer.status, json.loads(answer.body)) == (503, {"status": "not ready"})
    assert drive("GET", "/health/live").status == 200


def test_every_answer_over_tls_says_to_stay_there(drive, app):
    """Whoever serves https says so on each answer, also where a handler or a refusal answers."""
    app.connect.always = (("Strict-Transport-Security", "max-age=31536000"),)
    refusal = drive("GET", "/panel")
    assert told(refusal, "strict-transport-security") == "max-age=31536000"
    admitted = drive("GET", "/panel", app.request_token("GET", "/panel"))
    for page in (admitted, msgspec.structs.replace(admitted, page=None)):
        assert ("Strict-Transport-Security", "max-age=31536000") in page.finished([])


def test_a_cookie_is_one_that_a_frame_sends(drive, app):
    admitted = drive("GET", "/panel", app.request_token("GET", "/panel"))
    headers = dict(admitted.finished([("Set-Cookie", "a=1")]))
    assert headers["Set-Cookie"] == "a=1; Secure; HttpOnly; SameSite=None; Partitioned"


# ---- links and their tickets ----------------------------------------------------------------


@pytest.fixture
def link(app):
    def link(path="/image", query="id=5", **changes):
        given = {"client_key": "site-1", "account_id": "ada", **changes}
        return app.connect.tickets.link(path, query, **given)

    return link


def test_a_ticket_admits_the_account_that_it_was_made_for(drive, app, link):
    admitted = drive("GET", link(context={"jira": {"issue": {"key": "A-1"}}}))
    assert isinstance(admitted, Admitted)
    context = admitted.context()
    assert (context.account_id, context.installation.client_key) == ("ada", "site-1")
    assert context.module.issue.key == "A-1"
    assert admitted.query == "id=5"  # the handler sees no ticket
    assert not admitted.signed  # the app's own link is not the host's word
    seen = app.seen[-1]
    assert (seen.verified, seen.kind, seen.location) == (True, "ticket", "query")
    assert (seen.path, seen.claims["sub"]) == ("/image?id=5&headway-ticket=REDACTED", "ada")


def test_a_ticket_is_used_once_or_as_often_as_its_route_says(drive, app, link):
    once, twice = link(), link("/file", uses=2)
    assert isinstance(drive("GET", once), Admitted)
    assert refused(drive("GET", once), "ticket-unknown")
    assert all(isinstance(drive("GET", twice), Admitted) for _ in range(2))
    assert refused(drive("GET", twice), "ticket-unknown")
    seen = app.seen[-1]
    assert (seen.verified, seen.kind, seen.location) == (False, "ticket", "query")
    assert seen.refusal == "ticket-unknown"


def test_a_ticket_is_for_its_route_and_for_seconds(drive, app, link):
    assert refused(drive("GET", link().replace("id=5", "id=6")), "ticket-mismatch")
    assert refused(drive("GET", link().replace("/image", "/file")), "ticket-mismatch")
    late = link()
    app.now[0] += 30
    assert drive("GET", late).status == 401


def test_a_ticket_is_nothing_where_no_route_takes_one(drive, link):
    assert refused(drive("GET", link().replace("/image", "/any")), "token-missing")


def test_a_ticket_of_a_site_that_uninstalled_is_worth_nothing(drive, app, link):
    mine = link()
    app.connect.store.forget("my-app", "site-1")
    assert refused(drive("GET", mine), "signature-invalid")
    assert app.seen[-1].refusal == "issuer-unknown"


def test_a_route_with_tickets_takes_a_token_in_the_header_too(drive, app):
    assert isinstance(drive("GET", "/image?id=5", app.context_token()), Admitted)
    assert refused(drive("GET", f"/image?jwt={app.context_token()}"), "location-not-allowed")
    assert refused(drive("GET", "/image?id=5"), "token-missing")


def test_a_ticket_beside_a_token_is_refused(drive, app, link):
    assert refused(drive("GET", link(), app.context_token()), "tokens-differ")


def test_a_store_of_tickets_that_is_down_is_an_outage(drive, app, link, monkeypatch):
    mine = link()

    def down(key):
        raise StoreUnavailable

    monkeypatch.setattr(app.connect.once, "take", down)
    answer = drive("GET", mine)
    assert refused(answer, "store-unavailable")
    assert answer.status == 503


# ---- webhooks -------------------------------------------------------------------------------

CHANGED = b'{"issue": {"id": "1", "key": "A-1"}}'


def test_a_webhook_is_answered_and_queued(drive, app):
    answer = drive("POST", "/hook", app.request_token("POST", "/hook"), CHANGED)
    assert answer.status == 204
    assert app.connect.queue.drain(5)
    assert (app.seen[-1].verified, app.seen[-1].refusal) == (True, None)


def test_the_body_of_a_webhook_is_not_read_before_its_token_is_proved(drive, app):
    huge = b"x" * (5 * 1024 * 1024)
    assert refused(drive("POST", "/hook", app.context_token(), huge), "kind-refused")
    token = app.request_token("POST", "/hook")
    assert refused(drive("POST", "/hook", token, huge), "body-too-large")
    app.connect.webhooks.bytes_max = len(huge)
    assert refused(drive("POST", "/hook", token, huge), "event-malformed")


def test_a_webhook_that_is_not_taken_is_told_of_with_its_sender(drive, app):
    token = app.request_token("POST", "/hook")
    assert refused(drive("POST", "/hook", token, b"[]"), "event-malformed")
    seen = app.seen[-1]
    assert (seen.verified, seen.refusal, seen.claims["iss"]) == (True, "event-malformed", "site-1")


# ---- an invocation of Forge -----------------------------------------------------------------


@pytest.fixture
def invoked(drive, app, keys, rsa):
    """Forge, and a route that it may invoke."""
    keys.page(JWKS, 200, key_set(**{KID: rsa}))
    connect, invoker = app.connect, Invoker(rsa, keys.address)
    connect.forge = Forge(APP_ID, Environment(keys=keys.address + JWKS, api=keys.address))
    connect.keys.forge = ForgeKeys(keys.address + JWKS)
    connect.forge_route("/invoked", connected=False)(lambda request, context: None)

    def invoke(token=None, **headers):
        token = token or invoker.token(app.now[0])
        named = {f"x-forge-oauth-{name}": value for name, value in headers.items()}
        return drive("POST", "/invoked", token, headers=named, scheme="Bearer")

    return invoke


def test_the_access_tokens_of_an_invocation_come_along(invoked):
    admitted = invoked(system="system-token")
    assert isinstance(admitted, Admitted)
    assert repr(admitted.tokens) == "<Forge tokens: system>"
    for context in (admitted.context(), admitted.sync_context()):
        assert not context.connected
        assert context.account_id == "655362:ada"
    assert "system-token" not in repr(admitted)
    assert set(CREDENTIALS) == {
        "authorization",
        "x-acpt",
        "x-forge-oauth-system",
        "x-forge-oauth-user",
    }


def test_what_is_no_access_token_stops_an_invocation_and_is_observed(invoked, app):
    answer = invoked(user="two, tokens")
    assert (answer.status, app.seen[-1].refusal) == (400, "access-token-malformed")
    assert app.seen[-1].verified
    assert app.seen[-1].route == "/invoked"


def test_a_401_names_the_scheme_of_its_route(invoked, app):
    answer = invoked(token="no.to.ken")
    assert answer.status == 400
    forged = Invoker(RsaPrivateKey.generate(), "https://api.atlassian.com").token(app.now[0])
    answer = invoked(token=forged)
    assert dict(answer.headers)["WWW-Authenticate"] == 'Bearer realm="my-app"'


def test_a_handler_may_hand_out_a_token_as_json_and_nothing_that_is_no_json():
    assert answer_of({"token": TokenText("a.b.c")}).body == b'{"token":"a.b.c"}'
    with pytest.raises(TypeError, match="a complex in it"):
        answer_of({"z": 1j})


def test_only_an_outage_that_a_handler_runs_into_is_answered(drive, app):
    admitted = drive("POST", "/api", app.context_token())
    answer = admitted.outage(StoreUnavailable())
    assert (answer.status, told(answer, "headway-refusal")) == (503, "store-unavailable")
    assert told(answer, "content-type") == "application/problem+json"
    with pytest.raises(BodyTooLarge):
        admitted.outage(BodyTooLarge())
    watched = drive("POST", "/api", app.context_token(), headers={"accept": "text/html"})
    assert b"<h1>" in watched.outage(StoreUnavailable()).body


# ---- administrators -------------------------------------------------------------------------


class Says:
    """A host that says who administers it, or nothing."""

    def __init__(self, *admins):
        self.admins = admins

    async def administers(self, installation, account_id):
        assert installation.client_key == "site-1"
        if not self.admins:
            raise AdministratorUnknown(found="status 500")
        return account_id in self.admins


@pytest.fixture
def office(world):
    world.connect.page("Admin", key="admin", admin_only=True)(lambda request, context: None)
    world.connect.context_route("/admin-call", admin_only=True)(lambda request, context: None)
    world.connect.tenant_route("/admin-any", admin_only=True)(lambda request, context: None)
    world.install()
    return world


def test_a_route_for_administrators_lets_in_nobody_else(drive, office):
    def ask_all():
        return [
            drive("GET", "/admin", office.request_token("GET", "/admin")),
            drive("GET", "/admin-call", office.context_token()),
            drive("GET", "/admin-any", office.context_token()),
        ]

    office.connect.administrators = Says("ada")
    assert all(isinstance(found, Admitted) for found in ask_all())
    office.connect.administrators = Says("eve")
    for answer in ask_all():
        assert (answer.status, told(answer, "headway-refusal")) == (403, "administrator-required")
    assert (office.seen[-1].verified, office.seen[-1].refusal) == (True, "administrator-required")
    office.connect.administrators = Says()
    for answer in ask_all():
        assert (answer.status, told(answer, "headway-refusal")) == (503, "administrator-unknown")


def test_a_token_that_is_refused_asks_no_host(drive, office):
    office.connect.administrators = None
    assert refused(drive("GET", "/admin-call"), "token-missing")
    assert drive("GET", "/admin", headers=FRAME).status == 200, "the shell holds no data"
